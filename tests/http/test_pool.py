"""The renderer pool alone, asked in SCGI as the edge asks it: what must hold when things go wrong."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import picture
from server import PROJECT, SANITIZED, SMARTIMG, free_port


def netstring(headers):
    body = b"".join(name.encode() + b"\0" + value.encode() + b"\0" for name, value in headers)
    return b"%d:%s," % (len(body), body)


class Pool:
    """`smartimg renderer` over a root with one company of the project's pictures."""

    def __init__(self, *options, tcp=False):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-pool-"))
        self.root = self.folder / "root"
        shutil.copytree(PROJECT / "pictures/demo", self.root / "demo")
        self.path = self.folder / "socket"
        self.address = ("127.0.0.1", free_port()) if tcp else str(self.path)
        where = ["--listen", "%s:%d" % self.address] if tcp else ["--socket", self.path]
        self.log = self.folder / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [SMARTIMG, "renderer", *where, "--root", self.root, *options], stderr=log)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.connect().close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)

    def connect(self):
        family = socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET
        connection = socket.socket(family)
        connection.settimeout(60)
        try:
            connection.connect(self.address)
        except OSError:
            connection.close()
            raise
        return connection

    def recipe(self, url, **options):
        more = [w for k, v in options.items() for w in ("--" + k, v)]
        return subprocess.run([SMARTIMG, "explain", "--recipe", "/is/image/" + url, "--root", self.root, *more],
                              capture_output=True, text=True, timeout=60, check=True).stdout.strip()

    def send(self, data, end=False):
        """Sends bytes, gives the whole reply: (status, headers, body), or None if there is none."""
        with self.connect() as connection:
            connection.sendall(data)
            if end:
                connection.shutdown(socket.SHUT_WR)
            reply = b""
            while piece := connection.recv(65536):
                reply += piece
        if not reply:
            return None
        head, body = reply.split(b"\r\n\r\n", 1)
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        return int(headers["Status"].split()[0]), headers, body

    def ask(self, recipe, refresh=False):
        headers = [("CONTENT_LENGTH", "0"), ("SCGI", "1"), ("SMARTIMG_RECIPE", recipe)]
        return self.send(netstring(headers + [("SMARTIMG_REFRESH", "1")] * refresh))

    def workers(self):
        pid = self.process.pid
        return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def wait_for_workers(self, n, gone=()):
        """Seconds until there are n workers, none of them among `gone`."""
        start = time.monotonic()
        while time.monotonic() - start < 10:
            now = self.workers()
            if len(now) == n and not set(now) & set(gone):
                return time.monotonic() - start
            time.sleep(0.01)
        raise AssertionError(f"no {n} workers: {self.workers()}\n{self.log.read_text()}")

    def drop(self, name, size=200000):
        """A file that starts like an image and then is noise."""
        (self.root / "demo" / name).write_bytes(b"\xff\xd8\xff\xe0" + os.urandom(size))


class PoolTest(unittest.TestCase):
    SOON = 5.0 if SANITIZED else 1.0  # seconds until a worker is replaced

    def assertImage(self, reply, mime="image/jpeg"):
        self.assertIsNotNone(reply)
        status, headers, body = reply
        self.assertEqual(status, 200, body[:200])
        self.assertEqual(headers["Content-Type"], mime)
        self.assertEqual(int(headers["Content-Length"]), len(body))
        return headers

    def assertError(self, reply, *statuses):
        self.assertIsNotNone(reply)
        status, headers, body = reply
        self.assertIn(status, statuses)
        self.assertTrue(headers["Content-Type"].startswith("text/plain"))
        self.assertEqual(headers["X-Accel-Expires"], "0")
        self.assertEqual(int(headers["Content-Length"]), len(body))
        self.assertEqual(body.count(b"\n"), 1)
        self.assertTrue(body.endswith(b"\n"))

    def test_image_over_unix_socket_and_tcp(self):
        for tcp in (False, True):
            with self.subTest(tcp=tcp), Pool("--workers", "1", tcp=tcp) as pool:
                headers = self.assertImage(pool.ask(pool.recipe("demo/night?wid=60")))
                self.assertGreater(int(headers["X-Accel-Expires"]), 86400)

    def test_first_answer_is_to_be_refreshed_and_the_best_kept(self):
        with Pool("--workers", "1") as pool:
            recipe = pool.recipe("demo/night?wid=60&bfc=on", accept="image/webp")
            first = self.assertImage(pool.ask(recipe), "image/webp")
            self.assertLess(int(first["X-Accel-Expires"]), 10)
            self.assertIn("effort=fast", first["X-Smart-Imaging"])
            best = self.assertImage(pool.ask(recipe, refresh=True), "image/webp")
            self.assertGreater(int(best["X-Accel-Expires"]), 86400)
            self.assertIn("effort=full", best["X-Smart-Imaging"])
            self.assertLessEqual(int(best["Content-Length"]), int(first["Content-Length"]))

    def test_hundred_requests_in_a_row(self):
        with Pool("--workers", "2") as pool:
            recipe = pool.recipe("demo/night?wid=60")
            first = pool.ask(recipe)
            self.assertImage(first)
            for _ in range(100):
                self.assertEqual(pool.ask(recipe)[2], first[2])

    def test_many_at_once_all_get_their_image(self):
        with Pool("--workers", "2") as pool:
            recipe = pool.recipe("demo/night?wid=60")
            replies = []
            threads = [threading.Thread(target=lambda: replies.append(pool.ask(recipe))) for _ in range(40)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            self.assertEqual(len(replies), 40)
            for reply in replies:
                self.assertImage(reply)

    def test_killed_workers_are_replaced_within_a_second(self):
        with Pool("--workers", "2") as pool:
            recipe = pool.recipe("demo/night?wid=60")
            self.assertImage(pool.ask(recipe))
            for _ in range(3):
                before = pool.workers()
                for pid in before:
                    os.kill(pid, signal.SIGKILL)
                self.assertLess(pool.wait_for_workers(2, gone=before), self.SOON)
                self.assertImage(pool.ask(recipe))
            self.assertIn("was killed", pool.log.read_text())

    def test_worker_killed_mid_request_closes_without_a_reply(self):
        """So the edge knows that it may try again."""
        with Pool("--workers", "1") as pool, pool.connect() as connection:
            connection.sendall(b"100:SMARTIMG_RECIPE")
            time.sleep(0.3)
            before = pool.workers()
            os.kill(before[0], signal.SIGKILL)
            try:
                self.assertEqual(connection.recv(100), b"")
            except ConnectionResetError:
                pass
            self.assertLess(pool.wait_for_workers(1, gone=before), self.SOON)

    def test_crash_is_answered_and_the_worker_replaced(self):
        """The signal stands for a codec that crashes."""
        if SANITIZED:
            self.skipTest("a sanitizer keeps crash signals for itself")
        with Pool("--workers", "1") as pool:
            pool.wait_for_workers(1)
            for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS):
                before = pool.workers()
                recipe = pool.recipe("demo/landscape?wid=1200&bfc=on&fmt=jpg", accept="image/avif")
                threading.Timer(0.3, os.kill, (before[0], number)).start()
                self.assertError(pool.ask(recipe, refresh=True), 500)
                self.assertLess(pool.wait_for_workers(1, gone=before), self.SOON)
            self.assertImage(pool.ask(pool.recipe("demo/night?wid=60")))
            self.assertIn("crashed", pool.log.read_text())

    def test_out_of_time_sends_the_best_so_far(self):
        """The signal stands for a search that overruns. This one takes 10 seconds and more, and has the
        requested encoding at the least within one."""
        with Pool("--workers", "1") as pool:
            recipe = pool.recipe("demo/landscape?wid=1200&bfc=on&fmt=jpg", accept="image/avif")
            for number in (signal.SIGALRM, signal.SIGXCPU):
                pool.wait_for_workers(1)
                before = pool.workers()
                threading.Timer(5 if SANITIZED else 3, os.kill, (before[0], number)).start()
                reply = pool.ask(recipe, refresh=True)
                headers = self.assertImage(reply, picture.kind(reply[2]))
                self.assertIn("effort=fast", headers["X-Smart-Imaging"])
                self.assertEqual(headers["X-Accel-Expires"], "600")
                self.assertGreaterEqual(int(headers["X-Adobe-Smart-Imaging"]), 0)
                self.assertEqual(picture.pixels(reply[2]).width, 1200)
                self.assertLess(pool.wait_for_workers(1, gone=before), self.SOON)
            self.assertIn("ran out of time", pool.log.read_text())

    def test_overrunning_the_wall_time_is_an_error(self):
        with Pool("--workers", "1", "--wall-ms", "100") as pool:
            recipe = pool.recipe("demo/landscape?wid=3000&hei=3000&fit=stretch")
            pool.wait_for_workers(1)
            before = pool.workers()
            start = time.monotonic()
            self.assertError(pool.ask(recipe), 503)
            self.assertLess(time.monotonic() - start, self.SOON)
            pool.wait_for_workers(1, gone=before)
            self.assertIn("ran out of time", pool.log.read_text())

    def test_stopped_worker_is_killed_and_replaced(self):
        """What cannot even run its alarm handler is the watchdog's."""
        with Pool("--workers", "1", "--wall-ms", "300") as pool:
            recipe = pool.recipe("demo/landscape?wid=3000&hei=3000&fit=stretch")
            pool.wait_for_workers(1)
            before = pool.workers()
            thread = threading.Thread(target=pool.ask, args=(recipe,))
            thread.start()
            time.sleep(0.1)
            os.kill(before[0], signal.SIGSTOP)
            pool.wait_for_workers(1, gone=before)
            thread.join()
            self.assertIn("does not end in time", pool.log.read_text())

    def test_memory_limit(self):
        if SANITIZED:
            self.skipTest("a sanitizer takes more address space than any limit")
        with Pool("--workers", "1", "--memory", "400m") as pool:
            recipe = pool.recipe("demo/landscape?wid=4000&hei=4000&fit=stretch&bfc=on", accept="image/avif")
            self.assertError(pool.ask(recipe), 500, 503, 403)
            self.assertImage(pool.ask(pool.recipe("demo/night?wid=60")))

    def test_garbage(self):
        with Pool("--workers", "1") as pool:
            recipe = pool.recipe("demo/night?wid=60")
            before = pool.workers()
            good = netstring([("CONTENT_LENGTH", "0"), ("SMARTIMG_RECIPE", recipe)])
            for data in (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 70, b"999999999:", b"70000:" + b"x" * 70000,
                         b"5:abcde,", netstring([]), netstring([("SMARTIMG_RECIPE", recipe + "&x")]),
                         netstring([("SMARTIMG_RECIPE", "")]), netstring([("SMARTIMG_RECIPE", recipe)] * 2),
                         os.urandom(3000)):
                with self.subTest(data=data[:40]):
                    self.assertError(pool.send(data), 403, 500)
            for data in (b"", good[:1], good[:-1], good[:len(good) // 2]):
                with self.subTest(cut=len(data)):
                    self.assertIsNone(pool.send(data, end=True))
            self.assertImage(pool.send(good))
            self.assertImage(pool.send(good + b"body" * 1000))
            self.assertEqual(pool.workers(), before, "garbage killed a worker")

    def test_silent_client_does_not_hold_a_worker(self):
        with Pool("--workers", "1") as pool, pool.connect() as silent:
            silent.sendall(b"10")
            start = time.monotonic()
            self.assertImage(pool.ask(pool.recipe("demo/night?wid=60")))
            self.assertLess(time.monotonic() - start, 6)

    def test_broken_and_missing_originals(self):
        with Pool("--workers", "1") as pool:
            pool.drop("noise.jpg")
            recipe = pool.recipe("demo/noise?wid=60")
            self.assertError(pool.ask(recipe), 403)
            (pool.root / "demo/noise.jpg").unlink()
            self.assertError(pool.ask(recipe), 403)
            for path in ("../socket", "/etc/passwd", "demo/../../log"):
                self.assertError(pool.ask(recipe.replace("demo/noise.jpg", path)), 403)

    def test_replaced_original_is_answered_but_not_kept(self):
        with Pool("--workers", "1") as pool:
            recipe = pool.recipe("demo/night?wid=60")
            os.utime(pool.root / "demo/night.jpg", (1, 1))
            self.assertEqual(self.assertImage(pool.ask(recipe))["X-Accel-Expires"], "0")

    def test_stop_drains(self):
        """The running request and the one in the queue end well, then the pool is gone."""
        with Pool("--workers", "1") as pool:
            recipe = pool.recipe("demo/landscape?wid=300&bfc=on", accept="image/webp")
            replies = []
            threads = [threading.Thread(target=lambda: replies.append(pool.ask(recipe))) for _ in range(2)]
            for t in threads:
                t.start()
                time.sleep(0.05)
            workers = pool.workers()
            pool.process.send_signal(signal.SIGTERM)
            self.assertEqual(pool.process.wait(30 if SANITIZED else 12), 0)
            for t in threads:
                t.join()
            self.assertEqual(len(replies), 2)
            for reply in replies:
                self.assertEqual(reply[0], 200)
            self.assertFalse(pool.path.exists())
            for pid in workers:
                self.assertFalse(pathlib.Path(f"/proc/{pid}").exists())

    def test_workers_die_with_the_pool(self):
        with Pool("--workers", "2") as pool:
            pool.wait_for_workers(2)
            workers = pool.workers()
            pool.process.kill()
            pool.process.wait()
            deadline = time.monotonic() + 2
            while any(pathlib.Path(f"/proc/{p}").exists() for p in workers) and time.monotonic() < deadline:
                time.sleep(0.01)
            left = [p for p in workers if pathlib.Path(f"/proc/{p}").exists()
                    and ") Z" not in pathlib.Path(f"/proc/{p}/stat").read_text()]
            self.assertEqual(left, [])

    def test_socket_in_use_and_left_over(self):
        with Pool("--workers", "1") as pool:
            other = subprocess.run([SMARTIMG, "renderer", "--socket", pool.path, "--root", pool.root],
                                   capture_output=True, text=True, timeout=20)
            self.assertEqual(other.returncode, 1)
            self.assertIn("in use", other.stderr)
            pool.process.kill()
            pool.process.wait()
            self.assertTrue(pool.path.exists())
            again = subprocess.Popen([SMARTIMG, "renderer", "--socket", pool.path, "--root", pool.root],
                                     stderr=subprocess.DEVNULL)
            try:
                self.assertImage(self.retry(pool, pool.recipe("demo/night?wid=60")))
            finally:
                again.terminate()
                again.wait()

    @staticmethod
    def retry(pool, recipe):
        for _ in range(100):
            try:
                return pool.ask(recipe)
            except OSError:
                time.sleep(0.05)
        return None


if __name__ == "__main__":
    unittest.main()
