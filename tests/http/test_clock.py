"""A clock that is set back or forth, a disk that is slow, and one that fails, under the servers: faulty_libc.c."""

import email.utils
import errno
import http.client
import os
import signal
import threading
import time
import unittest

import test_faults
from faulty import FaultyLibc
from server import SANITIZED, Server, run
from waiting import PATIENCE, sockets, wait_until

URL = "demo/product?wid=120&qlt=80"
DAY = 86400


@unittest.skipIf(SANITIZED, "nginx has the sanitizer's library loaded")
class Faults(unittest.TestCase):

    def start(self, *options, preload="SMARTIMG_PRELOAD"):
        """`preload`: of nginx alone, or of all processes."""
        server = Server("--workers", "1", *options)
        (server.root / "documents").mkdir()
        (server.root / "documents/guide.pdf").write_bytes(b"%PDF-1.4 a guide")
        (server.folder / "conf/companies/papers.ini").write_text("StaticContentRootPath = documents\n")
        self.libc = FaultyLibc(server)
        self.set = self.libc.set
        self.addCleanup(server.stop)
        with self.libc.loaded(preload):
            return server.start()

    def check_dates(self, reply, wrong_by):
        """Who believes the server's clock keeps it for as long as ever."""
        date, expires = (email.utils.parsedate_to_datetime(reply.headers[n]).timestamp() for n in ("date", "expires"))
        self.assertLess(abs(date - wrong_by - time.time()), 60)
        self.assertLess(abs(expires - date - 36000), 5)
        self.assertIn("max-age=36000", reply.headers["cache-control"])

    def test_clock(self):
        """What is cached stays good, what is purged stays purged, and each reply has dates that fit together."""
        server = self.start("--renderers", "1")
        good = server.image(URL)
        self.assertEqual(server.image(URL).headers["x-cache"], "hit")
        for wrong_by in (-2 * DAY, 2 * DAY, -3600, 0):
            with self.subTest(wrong_by):
                self.set(wrong_by)
                wait_until(lambda w=wrong_by: abs(email.utils.parsedate_to_datetime(
                    server.request("/healthz").headers["date"]).timestamp() - w - time.time()) < 60, "the other time")
                reply = server.image(URL)
                self.assertEqual((reply.body, reply.headers["x-cache"]), (good.body, "hit"))
                self.check_dates(reply, wrong_by)
                self.assertEqual(run("purge", "demo/product", "--cache", server.cache).returncode, 0)
                reply = server.image(URL)
                self.assertEqual((reply.body, reply.headers["x-cache"]), (good.body, "miss"))
                self.check_dates(reply, wrong_by)
                self.assertEqual(server.image(URL).headers["x-cache"], "hit")
                self.assertEqual(server.request("/readyz").status, 200)

    def test_failures_are_not_remembered_for_longer(self):
        server = self.start("--renderers", "2")
        idle = {p: sockets(p) for p in test_faults.Killed.processes(server, "smartimg-render")}
        pool, = test_faults.Killed.processes(server, "smartimg-pool")
        os.kill(pool, signal.SIGSTOP)
        self.addCleanup(os.kill, pool, signal.SIGCONT)
        replies = []
        thread = threading.Thread(target=lambda: replies.append(server.image(URL)))
        thread.start()
        for _ in range(2):
            at_work = wait_until(lambda: next((p for p in idle if sockets(p) > idle[p]), 0), "a renderer at work")
            os.kill(at_work, signal.SIGKILL)
            del idle[at_work]
        thread.join(PATIENCE)
        self.assertEqual(replies[0].headers["retry-after"], "30")
        self.set(-3600)
        wait_until(lambda: email.utils.parsedate_to_datetime(
            server.request("/healthz").headers["date"]).timestamp() < time.time() - 1800, "the other time")
        reply = server.image(URL)
        self.assertEqual(reply.status, 503)
        self.assertLessEqual(int(reply.headers["retry-after"]), 30)

    def test_slow_disk(self):
        """Of the cache: replies are late, whole, and stored."""
        server = self.start("--renderers", "1")
        quick = [server.image(f"{URL}&op_brightness={n}").body for n in range(3)]
        self.assertEqual(run("purge", "--all", "--cache", server.cache).returncode, 0)
        self.set(ms=300)
        replies = [None] * 6

        def ask(n):
            try:
                replies[n] = server.image(f"{URL}&op_brightness={n % 3}")
            except (OSError, http.client.HTTPException) as e:
                replies[n] = e
        threads = [threading.Thread(target=ask, args=(n,)) for n in range(6)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(PATIENCE)
        self.assertEqual([(r.status, r.body == quick[n % 3]) for n, r in enumerate(replies)], [(200, True)] * 6)
        self.set()
        for n in range(3):
            self.assertEqual(server.image(f"{URL}&op_brightness={n}").headers["x-cache"], "hit")

    def check_fails(self, server, url, process, what, error, says):
        """503 while it lasts, which nobody remembers."""
        with self.subTest(url=url, process=process, what=what, error=errno.errorcode[error]):
            self.set(error=error, what=what, process=process)
            reply = server.request(url)
            self.assertEqual((reply.status, reply.headers.get("cache-control")), (503, "no-store"), reply)
            self.assertIn(says, reply.body.decode())
            self.set()
            self.assertEqual(server.request(url).status, 200)

    def test_failing_disk(self):
        """Nobody takes an image for missing, or for broken, that cannot be looked for, opened or read."""
        server = self.start("--renderers", "1", preload="LD_PRELOAD")
        self.assertEqual(server.image(URL).status, 200)
        n = 0
        for error in (errno.EIO, errno.ESTALE, errno.ENOMEM, errno.EMFILE):
            for process, what, says in (("nginx", "open", "files cannot be looked at now"),
                                        ("smartimg-pool", "open", "the image file cannot be opened"),
                                        ("smartimg-render", "read", "the source file cannot be read"),
                                        ("smartimg-render", "tail", "the image file cannot be read")):
                for original in ("demo/product", "demo/fabric", "fallback/landscape"):
                    n += 1
                    url = f"/is/image/{original}?wid=60&op_brightness={n}"
                    self.check_fails(server, url, process, what, error, says)
            self.check_fails(server, "/is/content/papers/guide.pdf", "nginx", "open", error, "files cannot be looked at")
