"""A smartimg server for tests: a folder of images, a configuration, free ports, and raw requests.

The folder is made anew for each run:
  demo/    the project's own pictures (pictures/demo)
  odd/     unusual but valid files, broken/ malformed ones, drawn by tests/pictures/make-odd
  shared-* the corpora beside the project, where there are any
"""

import atexit
import functools
import http.client
import http.server
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from ports import SLOTS, free_port  # noqa: F401
from waiting import PATIENCE

PROJECT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SMARTIMG_BUILD", PROJECT / "build"))
SMARTIMG = BUILD / "src/cli/smartimg"
SHARED = os.environ.get("SMARTIMG_SHARED")
SANITIZED = "asan" in BUILD.name
KEEP = os.environ.get("SMARTIMG_KEEP")  # where servers leave what tests/same-bytes needs

CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
CHROME_OLD = "image/webp,image/apng,image/*,*/*;q=0.8"
PLAIN = "image/png,image/*;q=0.8,*/*;q=0.5"
SAFARI_13 = ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_4) AppleWebKit/605.1.15 (KHTML, like Gecko) "
             "Version/13.1 Safari/605.1.15")
IPHONE = ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
          "Version/17.5 Mobile/15E148 Safari/604.1")
IE_11 = "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko"

COMPANIES = {
    "default": "CacheCommandAddresses = 127.0.0.1\nFolderCompanies = true\n",
    "demo": "",
    "smart": "Bfc = true\nRootPath = demo\nMaxPix = 3000,3000\n"
             "[presets]\nproduct = hei=300&fmt=jpg&qlt=85&resmode=bisharp&op_usm=0.5,0.5,5,0\n"
             "off = bfc=off\ndouble = dpr=on,2\ntwo = bfc=off&dpr=on,2&network=off\n",
    "quiet": "Bfc = false\nRootPath = demo\n[presets]\non = bfc=on\n",
    "dense": "Bfc = true\nDpr = true\nRootPath = demo\nMaxPix = 3000,3000\n",
    "noavif": "Bfc = true\nAvif = false\nJxl = false\nRootPath = demo\n",
    "nojxl": "Bfc = true\nJxl = false\nRootPath = demo\n",
    "exact": "Bfc = true\nJpegQuality = 100\nRootPath = demo\n",
    "brief": "Bfc = true\nExpiration = 0\nRootPath = demo\n",
    "minute": "Bfc = true\nExpiration = 0.0166667\nRootPath = demo\n",
    "lines": "Bfc = true\nNetwork = true\nNetworkHeader = X-Line\nRootPath = demo\nMaxPix = 3000,3000\n"
             "[presets]\noff = network=off\n",
    "fallback": "Bfc = true\nDefaultImage = product\nRootPath = demo\n",
}


@functools.cache
def drawn_pictures():
    """The folder that tests/pictures/make-odd has filled, once for all servers of a run; not to be changed."""
    given = os.environ.get("SMARTIMG_DRAWN")
    if given:
        return pathlib.Path(given)
    temporary = tempfile.mkdtemp(prefix="smartimg-drawn-")
    atexit.register(shutil.rmtree, temporary, ignore_errors=True)
    folder = pathlib.Path(temporary) / "drawn"  # open to all, as the copies will be
    folder.mkdir()
    subprocess.run([sys.executable, PROJECT / "tests/pictures/make-odd", folder], check=True,
                   stdout=subprocess.DEVNULL)
    return folder


def make_root(folder):
    root = folder / "root"
    root.mkdir()
    shutil.copytree(PROJECT / "pictures/demo", root / "demo")
    shutil.copytree(drawn_pictures(), root, dirs_exist_ok=True)
    if SHARED:
        for name in ("odd", "broken", "photos", "products", "graphics"):
            shutil.copytree(pathlib.Path(SHARED) / "corpus" / name, root / f"shared-{name}")
    companies = folder / "conf/companies"
    companies.mkdir(parents=True)
    for name, text in COMPANIES.items():
        (companies / f"{name}.ini").write_text(text)
    return root


def keep_server(root, config, log):
    """Copies what tests/same-bytes asks two builds for to a new folder in KEEP: root, conf and access.log."""
    if not log.exists():
        return  # it never answered
    pathlib.Path(KEEP).mkdir(parents=True, exist_ok=True)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="http-", dir=KEEP))
    shutil.copytree(root, folder / "root", symlinks=True)
    shutil.copytree(config, folder / "conf")
    shutil.copy(log, folder / "access.log")


def run(*arguments, **how):
    """What `smartimg` with these arguments did: returncode, stdout and stderr."""
    return subprocess.run([SMARTIMG, *arguments], capture_output=True, text=True, timeout=PATIENCE, **how)


class QuietHandler(http.server.BaseHTTPRequestHandler):
    """For HTTP servers of tests."""

    def log_message(self, *_):
        pass

    def answer(self, body, status=200, **headers):
        self.send_response(status)
        headers.setdefault("Content_Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


def start_origin(handler, tls=None):
    """An HTTP server of the test's own, or with an ssl.SSLContext an HTTPS server; its port is server_port."""
    origin = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if tls:
        origin.socket = tls.wrap_socket(origin.socket, server_side=True)
    origin.daemon_threads = True
    threading.Thread(target=origin.serve_forever, daemon=True).start()
    return origin


class Reply:
    """Status, headers (names in lower case) and body of a reply; `seconds` it took."""

    def __init__(self, response, seconds):
        self.status = response.status
        self.headers = {k.lower(): v for k, v in response.getheaders()}
        self.body = response.read()
        self.seconds = seconds

    @property
    def type(self):
        return self.headers.get("content-type", "")

    @property
    def savings(self):
        value = self.headers.get("x-adobe-smart-imaging")
        return None if value is None else int(value)

    def __repr__(self):
        shown = self.body[:200] if self.type.startswith("text/") else len(self.body)
        return f"<{self.status} {self.type} {shown!r} {self.headers}>"


class Server:
    """`smartimg serve` over a root of its own. Use as a context manager, or start() and stop()."""

    def __init__(self, *options, config=True):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-test-"))
        self.root = make_root(self.folder)
        self.cache = self.folder / "cache"
        self.access_log = self.folder / "access.log"
        self.config = self.folder / "conf"
        self.port, self.tls_port, self.admin_port = free_port(), free_port(), free_port()
        # a busy machine, or a sanitizer, must not make an answer late, nor a queue too long; nginx waits for 60 s;
        # and no answer is to change between two requests, unless a test says so
        self.options = ["--wall-ms", "50000", "--queue-ms", "600000", "--refine-share", "0",
                        "--access-log", str(self.access_log), *options]
        if config:
            self.options += ["--config", str(self.config)]
        self.process = None
        self.log = self.folder / "serve.log"

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [SMARTIMG, "serve", "--root", self.root, "--cache", self.cache,
                 "--listen", f"127.0.0.1:{self.port}", "--tls-listen", f"127.0.0.1:{self.tls_port}",
                 "--admin-listen", f"127.0.0.1:{self.admin_port}", "--foreign-private", "127.0.0.1",
                 *self.options],
                stdout=subprocess.PIPE, stderr=log, text=True)
        line = ""
        while "ready on" not in line:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError("serve did not start: " + self.log.read_text()[-2000:])
        return self

    def end(self):
        """Ends it, so that start() may follow; its exit status."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        code = self.process.returncode if self.process else None
        if self.process:
            self.process.stdout.close()
        return code

    def stop(self):
        code = self.end()
        if KEEP:
            keep_server(self.root, self.config, self.access_log)
        shutil.rmtree(self.folder, ignore_errors=True)
        return code

    __enter__ = start

    def __exit__(self, *error):
        self.stop()

    def request(self, path, headers=None, method="GET", timeout=PATIENCE):
        """One request with exactly these headers (Host apart); http.client adds none of its own
        but Accept-Encoding, which is switched off. `path` goes out as it stands."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        start = time.monotonic()
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            connection.endheaders()
            return Reply(connection.getresponse(), time.monotonic() - start)
        finally:
            connection.close()

    def image(self, url, accept=None, agent=None, **headers):
        """GET /is/image/<url> as a client with this Accept and User-Agent."""
        send = {name.replace("_", "-"): value for name, value in headers.items()}
        if accept is not None:
            send["Accept"] = accept
        if agent is not None:
            send["User-Agent"] = agent
        return self.request("/is/image/" + url, send)

    def children(self):
        """Process ids below the server, with their names."""
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_text()
                    name = stat[stat.index("(") + 1:stat.rindex(")")]
                    found[int(entry.name)] = (int(stat[stat.rindex(")") + 2:].split()[1]), name)
                except (OSError, ValueError):
                    pass
        below, todo = {}, [self.process.pid]
        while todo:
            parent = todo.pop()
            for pid, (ppid, name) in found.items():
                if ppid == parent:
                    below[pid] = name
                    todo.append(pid)
        return below
