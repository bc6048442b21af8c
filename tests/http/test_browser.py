"""A real browser decides: headless Chromium asks with its own headers and decodes what comes."""

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import unittest

from server import QuietHandler, start_origin
from waiting import PATIENCE, wait_until

CHROMIUM = shutil.which("chromium")

PAGE = """<!doctype html>%s<script>
const urls = %s;
Promise.all(urls.map(async url => {
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
    return [url, image.naturalWidth, image.naturalHeight];
  } catch (error) { return [url, 0, String(error)]; }
})).then(rows => fetch('/report', {method: 'POST', body: JSON.stringify(rows)}));
</script>"""


@contextlib.contextmanager
def browse(url, scale=1):
    """Chromium with this address open, on a device of this pixel ratio."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = subprocess.Popen(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--ignore-certificate-errors", "--remote-debugging-port=0", f"--user-data-dir={profile}",
             f"--force-device-scale-factor={scale}", url],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            yield
        finally:
            os.killpg(browser.pid, signal.SIGKILL)
            browser.wait()


def visit(urls, seconds=PATIENCE, source="", headers=None, scale=1):
    """What Chromium makes of the images: {url: (width, height)}; width 0 if it cannot decode one.
    The page comes from a server of the test's own, to which it reports when it is done; `source` stands at its top,
    and its reply has these headers. `scale` is the device's pixel ratio."""
    reports = queue.Queue()

    class Handler(QuietHandler):
        def do_GET(self):
            page = (PAGE % (source, json.dumps(urls))).encode() if self.path == "/" else b""
            self.answer(page, Content_Type="text/html", **(headers or {}))

        def do_POST(self):
            reports.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.answer(b"", Content_Type="text/html")

    server = start_origin(Handler)
    try:
        with browse(f"http://127.0.0.1:{server.server_port}/", scale):
            rows = reports.get(timeout=seconds)
    finally:
        server.shutdown()
        server.server_close()
    return {url: (width, height) for url, width, height in rows}


@unittest.skipUnless(CHROMIUM, "no chromium on this machine")
class Browser(unittest.TestCase):
    """Companies: nojxl leaves AVIF as the best format, noavif WebP (some Chromiums ask for JPEG XL)."""

    server = None
    TABLE = "hei=500&fmt=jpg&qlt=85&resmode=bisharp&op_usm=5,0.125,5,0"
    PICTURES = ("landscape", "product", "fabric", "still-life")

    def logged(self, path):
        """Class and cache lines of the access log for a path."""
        lines = (self.server.access_log).read_text().splitlines()
        return [line for line in lines if f'"GET {path} ' in line]

    def test_chromium_gets_and_decodes_avif_and_webp(self):
        base = f"http://127.0.0.1:{self.server.port}"
        paths = [f"/is/image/{company}/{name}?{self.TABLE}&id=browser"
                 for company in ("nojxl", "noavif") for name in self.PICTURES]
        paths += [f"/is/image/demo/{name}?{self.TABLE.replace('fmt=jpg', f'fmt={fmt}')}"
                  for fmt in ("avif", "webp") for name in self.PICTURES]
        paths.append("/is/image/smart/logo?fmt=png-alpha&wid=300&id=browser")
        sizes = visit([base + path for path in paths])
        self.assertEqual(len(sizes), len(paths))
        wait_until(lambda: all(map(self.logged, paths)), "all lines of the log")
        for path in paths:
            with self.subTest(path):
                width, height = sizes[base + path]
                self.assertGreater(width, 0, sizes[base + path])
                if "hei=500" in path:
                    self.assertEqual(height, 500)
                if "/demo/" in path:
                    continue  # explicit formats: no choice to look into
                # the same path with Chromium's class comes from the cache: this is what it got
                line = self.logged(path)[-1]
                self.assertRegex(line, r"class=avif\+(jxl\+)?webp ")
                accept = "image/avif,image/webp" + (",image/jxl" if "jxl" in line else "")
                want = {"noavif": ["image/webp", "image/jpeg"], "nojxl": ["image/avif"]}.get(
                    path.split("/")[3], ["image/avif", "image/webp", "image/jxl"])
                reply = self.server.image(path[len("/is/image/"):], accept)
                if "load=" in reply.headers["x-smart-imaging"]:
                    want = want + ["image/webp", "image/jpeg"]  # the browser asked for many at once
                self.assertIn(reply.type, want)
                self.assertNotEqual(reply.headers["x-cache"], "miss")

    def test_chromium_over_https(self):
        url = f"https://127.0.0.1:{self.server.tls_port}/is/image/smart/night?wid=90"
        self.assertEqual(visit([url])[url][0], 90)


if __name__ == "__main__":
    unittest.main()
