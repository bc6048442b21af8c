"""`smartimg warm` against a running server, and against ones that are busy, broken or slow."""

import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest

from server import SMARTIMG, QuietHandler, Server, run, start_origin
from waiting import PATIENCE, wait_until

FIRST = "public, max-age=60, s-maxage=9, stale-while-revalidate=60"


class Stub(QuietHandler):
    """Answers by what the test's `answer` says: (status, headers) of a request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        status, headers = self.server.decide(self)
        self.answer(b"what went wrong\nmore" if status != 200 else b"0123456789", status, **headers)

    def do_HEAD(self):
        status, headers = self.server.decide(self)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()


class Warm(unittest.TestCase):
    server = None

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-warm-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def stub(self, decide):
        """The address of a server whose answers `decide` makes."""
        origin = start_origin(Stub)
        origin.decide = decide
        self.addCleanup(origin.server_close)
        self.addCleanup(origin.shutdown)
        return f"127.0.0.1:{origin.server_port}"

    def list(self, *lines):
        path = self.folder / "urls"
        path.write_text("".join(f"{line}\n" for line in lines))
        return path

    def warm(self, where, *options):
        return run("warm", *options, "--rate", "0", "--server", where)

    def values(self, done):
        """The summary, by the words that its lines begin with."""
        return {line.split(None, 1)[0]: (line.split(None, 1) + [""])[1].strip() for line in done.stdout.splitlines()}

    # ---- a real server ----

    def test_fills_the_cache(self):
        urls = self.list("# a comment", "", "/is/image/smart/product?wid=71&qlt=80",
                         "https://images.example.com/is/image/smart/product?wid=72&qlt=80#top")
        where = f"127.0.0.1:{self.server.port}"
        done = self.warm(where, urls, "--parallel", "2")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        found = self.values(done)
        self.assertEqual(found["answered"], "8 of 8: 2 addresses, 4 classes")
        self.assertEqual(found["failed"], "0")
        self.assertRegex(found["types"], r"image/avif \d.*image/jpeg \d")
        self.assertEqual(found["cache"], "miss 8")
        for accept in ("image/avif,image/webp,*/*;q=0.8", "image/webp,*/*", "*/*"):
            self.assertEqual(self.server.image("smart/product?wid=71&qlt=80", accept).headers["x-cache"], "hit")
        again = self.values(self.warm(where, urls))
        self.assertEqual(again["cache"], "hit 8")

    def test_access_log(self):
        """Those asked for most come first; what is no image, and what failed, is left out."""
        asked = []
        where = self.stub(lambda request: asked.append(request.path) or (200, {}))
        line = '127.0.0.1 [2026-01-01T00:00:00+00:00] "GET {} HTTP/1.1" {} 10 cache=hit'
        log = self.list(line.format("/is/image/demo/a", 200), line.format("/is/image/demo/b", 200),
                        line.format("/is/image/demo/b", 304), line.format("/is/image/demo/c", 403),
                        line.format("/metrics", 200))
        done = self.warm(where, log, "--classes", "plain", "--parallel", "1")
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(asked, ["/is/image/demo/b", "/is/image/demo/a"])

    def test_failures(self):
        failed = self.folder / "failed"
        done = self.warm(f"127.0.0.1:{self.server.port}", self.list("/is/image/demo/product?wid=31", "/is/image/demo/none"),
                         "--classes", "plain,webp", "--failed", failed)
        self.assertEqual(done.returncode, 1)
        self.assertIn("/is/image/demo/none as plain: 403: ", done.stderr)
        self.assertEqual(self.values(done)["failed"], "2")
        self.assertEqual(failed.read_text(), "/is/image/demo/none\n" * 2)

    def test_refined(self):
        """Waits until no answer is a first one any more."""
        with Server("--refine-share", "100") as server:
            urls = self.list("/is/image/smart/product?wid=120&qlt=80", "/is/image/smart/sculpture?wid=100&qlt=80")
            done = self.warm(f"127.0.0.1:{server.port}", urls, "--classes", "avif+webp", "--refined", "3000")
            self.assertEqual(done.returncode, 0, done)
            self.assertEqual(self.values(done)["first"], "2, of which refined 2")
            reply = server.image("smart/product?wid=120&qlt=80", "image/avif,image/webp,*/*;q=0.8")
            self.assertNotIn("stale-while-revalidate", reply.headers["cache-control"])

    # ---- servers that do what a test needs ----

    def test_headers(self):
        seen = []
        where = self.stub(lambda request: seen.append(request.headers) or (200, {}))
        done = self.warm(where, self.list("/a"), "--classes", "avif+jxl+webp;dpr=1.5", "--parallel", "1")
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(seen[0]["Accept"], "image/webp,image/avif,image/jxl,*/*;q=0.8")
        self.assertEqual(seen[0]["Sec-CH-DPR"], "1.5")

    def test_busy_server(self):
        """503 is asked again after Retry-After, as often as --tries allows."""
        asked = []

        def decide(request):
            asked.append(request.path)
            busy = request.path == "/never" or asked.count(request.path) < 3
            return (503, {"Retry_After": "1"}) if busy else (200, {})

        done = self.warm(self.stub(decide), self.list("/busy", "/never"), "--classes", "plain", "--tries", "3")
        self.assertEqual(done.returncode, 1)
        self.assertEqual((asked.count("/busy"), asked.count("/never")), (3, 3))
        self.assertIn("/never as plain: 503: what went wrong\n", done.stderr)
        found = self.values(done)
        self.assertEqual((found["answered"].split(":")[0], found["again"], found["failed"]), ("1 of 2", "4", "1"))

    def test_retry_after_is_waited_for(self):
        """An hour: the other addresses are answered meanwhile; a signal ends it with a summary."""
        asked = []

        def decide(request):
            asked.append(request.path)
            return (503, {"Retry_After": "3600"}) if request.path == "/busy" else (200, {})

        process = subprocess.Popen([SMARTIMG, "warm", self.list("/busy", "/b", "/c"), "--classes", "plain", "--rate", "0",
                                    "--server", self.stub(decide)],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_until(lambda: len(asked) == 3, "all addresses")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, asked.count("/busy")), (1, 1))
        self.assertIn("answered  2 of 3", out)
        self.assertIn("interrupted", err)

    def test_no_server(self):
        done = self.warm("127.0.0.1:1", self.list("/a"), "--classes", "plain", "--tries", "1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/a as plain: no answer: ", done.stderr)

    def test_parallel(self):
        """As many at a time as it was told, and never more: each answer waits for the others."""
        lock, now, most = threading.Lock(), [0], [0]
        barrier = threading.Barrier(3)

        def decide(_request):
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            barrier.wait(PATIENCE)
            with lock:
                now[0] -= 1
            return 200, {}

        done = self.warm(self.stub(decide), self.list(*(f"/{i}" for i in range(9))), "--classes", "plain", "--parallel",
                         "3")
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(most[0], 3)

    def test_refined_in_vain(self):
        done = self.warm(self.stub(lambda _request: (200, {"Cache_Control": FIRST})), self.list("/a"), "--classes", "plain",
                         "--refined", "1")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(self.values(done)["first"], "1, of which refined 0")

    def test_usage(self):
        urls = self.list("/a")
        for wrong in (["--classes", "gif"], ["--server", "ftp://host"], ["--server", "host/path"], ["--rate", "-1"]):
            with self.subTest(wrong):
                self.assertEqual(run("warm", urls, *wrong).returncode, 2)
        self.assertEqual(run("warm", self.list("# nothing")).returncode, 1)
        self.assertEqual(run("warm", self.folder / "none").returncode, 1)
        self.assertEqual(run("warm").returncode, 2)
