"""A real browser decides: headless Chromium asks with its own headers and decodes what comes."""

import html
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

CHROMIUM = shutil.which("chromium")

PAGE = """<!doctype html><body><pre id=out>waiting</pre><script>
const urls = %s;
Promise.all(urls.map(async url => {
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
    return [url, image.naturalWidth, image.naturalHeight];
  } catch (error) { return [url, 0, String(error)]; }
})).then(rows => { document.getElementById('out').textContent = JSON.stringify(rows); });
</script>"""


def visit(urls):
    """What Chromium makes of the images: {url: (width, height)}; width 0 if it cannot decode one."""
    with tempfile.TemporaryDirectory() as folder:
        page = pathlib.Path(folder, "page.html")
        page.write_text(PAGE % json.dumps(urls))
        dom = subprocess.run(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--ignore-certificate-errors", f"--user-data-dir={folder}/profile",
             "--virtual-time-budget=120000", "--timeout=120000", "--dump-dom", page.as_uri()],
            capture_output=True, text=True, timeout=200).stdout
    found = re.search(r"<pre id=\"out\">(.*?)</pre>", dom, re.S)
    rows = json.loads(html.unescape(found.group(1))) if found and "waiting" not in found.group(1) else []
    return {url: (width, height) for url, width, height in rows}


@unittest.skipUnless(CHROMIUM, "no chromium on this machine")
class Browser(unittest.TestCase):
    """Companies: nojxl leaves AVIF as the best format, noavif WebP (some Chromiums ask for JPEG XL)."""

    server = None
    TABLE = "hei=500&fmt=jpg&qlt=85&resmode=bisharp&op_usm=5,0.125,5,0"
    PICTURES = ("landscape", "product", "fabric", "still-life")

    def logged(self, path):
        """Class and cache lines of the access log for a path."""
        lines = (self.server.cache / "access.log").read_text().splitlines()
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
        time.sleep(1.2)  # the log is flushed once a second
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
                reply = self.server.image(path[len("/is/image/"):], accept)
                want = {"noavif": ["image/webp", "image/jpeg"], "nojxl": ["image/avif"]}.get(
                    path.split("/")[3], ["image/avif", "image/webp", "image/jxl"])
                self.assertIn(reply.type, want)
                self.assertNotEqual(reply.headers["x-cache"], "miss")

    def test_chromium_over_https(self):
        url = f"https://127.0.0.1:{self.server.tls_port}/is/image/smart/night?wid=90"
        self.assertEqual(visit([url])[url][0], 90)


if __name__ == "__main__":
    unittest.main()
