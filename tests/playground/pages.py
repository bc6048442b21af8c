"""What the tests of pages look at: a server with the playground, and the page of `smartimg report`."""

import http.server
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

PROJECT = pathlib.Path(__file__).resolve().parents[2]
for folder in ("tests/http", "tests/browsers"):
    sys.path.insert(0, str(PROJECT / folder))
from ports import free_port  # noqa: E402
from server import SMARTIMG  # noqa: E402
from waiting import PATIENCE, wait_until  # noqa: E402

# The page has its answer, or a sentence in its place.
SETTLED = """document.getElementById('stage').dataset.busy === 'no'
          && document.getElementById('stage').dataset.state !== 'empty'"""


class Playground:
    """`smartimg serve --playground on` over the project's own pictures. Use as a context manager; `url` is its root."""

    def __init__(self, *options):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-playground-"))
        self.url = f"http://127.0.0.1:{free_port()}"
        self.options = options

    def __enter__(self):
        shutil.copytree(PROJECT / "pictures/demo", self.folder / "root/demo")
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(
                [SMARTIMG, "serve", "--root", self.folder / "root", "--config", PROJECT / "conf/sample",
                 "--cache", self.folder / "cache", "--listen", self.url.removeprefix("http://"), "--playground", "on", "--playground-uploads", "on",
                 "--wall-ms", "50000", "--queue-ms", "600000", "--refine-share", "0", *self.options],
                stdout=subprocess.PIPE, stderr=log, text=True)
        line = " "
        while line and "ready on" not in line:
            line = self.process.stdout.readline()
        if not line:
            text = (self.folder / "log").read_text()
            self.__exit__()
            raise RuntimeError("serve did not start: " + text[-2000:])
        return self

    def __exit__(self, *error):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Report:
    """The page of `smartimg report` over the project's own pictures, from a server of its own."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="smartimg-report-")
        subprocess.run([SMARTIMG, "report", "--fast", "--config", PROJECT / "conf/sample",
                        "--html", f"{self.folder.name}/report.html", PROJECT / "pictures"],
                       check=True, capture_output=True, timeout=PATIENCE)
        folder = self.folder.name

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *args):
                super().__init__(*args, directory=folder)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/report.html"
        return self

    def __exit__(self, *error):
        self.server.shutdown()
        self.server.server_close()
        self.folder.cleanup()


def settle(browser):
    """Waits until the playground has its answer and shows it, or says why not."""
    browser.wait(SETTLED)


def show(browser, url, fragment=""):
    """Opens the playground anew, be it where only the fragment differs, and waits for its answer."""
    browser.open("about:blank")
    browser.open(f"{url}/{fragment}")
    settle(browser)


def set_scheme(chromium, scheme):
    chromium.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])


__all__ = ["PROJECT", "Playground", "Report", "settle", "set_scheme", "show", "wait_until"]
