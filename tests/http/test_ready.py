"""/readyz: whether renderers answer; /healthz: whether nginx lives."""

import os
import signal
import threading
import time
import unittest

from server import Server
from test_faults import rendering
from waiting import PATIENCE, wait_until

URL = "demo/product?wid=120&qlt=80"


class Ready(unittest.TestCase):

    def start(self, *options):
        server = Server(*options).start()
        self.addCleanup(server.stop)
        return server

    def processes(self, server, name):
        return [pid for pid, comm in server.children().items() if comm == name]

    def hold(self, pids):
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
            self.addCleanup(self.go_on, [pid])

    @staticmethod
    def go_on(pids):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass

    def until(self, server, status):
        return wait_until(lambda: (lambda r: r if r.status == status else None)(server.request("/readyz")), status)

    def test_ready(self):
        server = self.start("--renderers", "1")
        for headers in ("never asked",), ("asked",):
            reply = self.until(server, 200)
            self.assertEqual((reply.body.strip(), reply.headers["cache-control"]), (b"ready", "no-store"), headers)
            server.image(URL)
        self.assertEqual(server.request("/readyz", method="HEAD").status, 200)
        self.assertEqual(server.request("/readyz", method="DELETE").status, 405)

    def test_who_stands_still(self):
        """The broker, or all renderers, without and with a request; and back by itself."""
        for name in "smartimg-pool", "smartimg-render":
            with self.subTest(name):
                server = self.start("--renderers", "2", "--wall-ms", "3000")
                self.until(server, 200)
                held = self.processes(server, name)
                self.hold(held)
                reply = self.until(server, 503)
                self.assertEqual(reply.body, b"not ready: no renderer answers\n")
                self.assertEqual(server.request("/healthz").status, 200)
                asks = threading.Thread(target=server.image, args=(URL,))
                asks.start()  # which is no excuse now
                for _ in range(5):
                    self.assertEqual(server.request("/readyz").status, 503)
                self.go_on(held)
                self.until(server, 200)
                asks.join(PATIENCE)

    def test_while_there_are_requests(self):
        """Silence is excused for as long as the longest request takes."""
        server = self.start("--renderers", "1", "--wall-ms", "3000", "--workers", "1")
        held = self.processes(server, "smartimg-pool")
        server.image(URL)
        self.hold(held)
        asks = [threading.Thread(target=server.image, args=(f"{URL}&op_brightness={n}",)) for n in range(3)]
        for t in asks:
            t.start()
        self.until(server, 503)
        self.go_on(held)
        self.until(server, 200)
        for t in asks:
            t.join(PATIENCE)

    def test_gone_for_good(self):
        """A pool that is killed is there again at once; one that cannot start is not ready."""
        server = self.start("--renderers", "1")
        pool, = self.processes(server, "smartimg-pool")
        os.kill(pool, signal.SIGKILL)
        self.until(server, 200)
        server.root.rename(server.folder / "elsewhere")  # the broker's descriptor follows
        for pid in self.processes(server, "smartimg-pool"):
            os.kill(pid, signal.SIGKILL)
        self.until(server, 503)
        (server.folder / "elsewhere").rename(server.root)
        self.until(server, 200)

    def test_full_load(self):
        """All renderers at work, for longer than a question is waited for, and many in the queue."""
        server = self.start("--renderers", "1", "--wall-ms", "20000")
        self.until(server, 200)
        stop = threading.Event()

        def ask(k):
            n = 0
            while not stop.is_set():
                server.image(f"smart/landscape?wid=1600&op_brightness={k}&op_contrast={n}", accept="image/avif,*/*")
                n += 1
        threads = [threading.Thread(target=ask, args=(k,)) for k in range(6)]
        for t in threads:
            t.start()
        held, answers = [], []
        try:
            wait_until(lambda: rendering(server) == len(threads), "all requests")
            for _ in range(3):  # one that works for two seconds, whatever the machine
                held = wait_until(lambda: self.processes(server, "smartimg-render"), "a renderer")
                self.hold(held)
                end = time.monotonic() + 2
                while time.monotonic() < end:
                    answers.append(server.request("/readyz"))
                self.go_on(held)
                time.sleep(0.2)
        finally:
            stop.set()
            self.go_on(held)
            for t in threads:
                t.join(PATIENCE)
        self.assertEqual({r.status for r in answers}, {200})
        self.assertIn(b"ready, all renderers are at work\n", {r.body for r in answers})
