"""What breaks underneath a running server: files of the cache, its disk, the generation table."""

import os
import resource
import time
import unittest

from server import Server, run
from waiting import wait_until

URL = "demo/product?wid=120&qlt=80"
OTHER = "demo/fabric?wid=120&qlt=80"


class CacheFiles(unittest.TestCase):
    """A file of the cache that was cut short or changed is found before its head is sent."""

    def setUp(self):
        self.faulty = Server("--renderers", "1").start()
        self.addCleanup(self.faulty.stop)

    def files(self):
        return {f for f in (self.faulty.cache / "images").rglob("*") if f.is_file()}

    def stored(self, url):
        """The reply to a request that was not made before, and its file."""
        before = self.files()
        reply = self.faulty.image(url)
        self.assertEqual((reply.status, reply.headers["x-cache"]), (200, "miss"))
        file, = wait_until(lambda: self.files() - before, "a file in the cache")
        return reply, file

    def from_disk(self, url):
        """A reply that comes from the disk, not from memory, where answers are kept for a second."""
        time.sleep(1.1)
        return self.faulty.image(url)

    def check(self, url, damage):
        good, file = self.stored(url)
        self.assertEqual(self.from_disk(url).headers["x-cache"], "hit")
        damage(file)
        again = self.from_disk(url)
        self.assertEqual((again.status, again.headers["x-cache"]), (200, "miss"))
        self.assertEqual(again.body, good.body)
        self.assertEqual(self.from_disk(url).headers["x-cache"], "hit")
        self.assertRegex(self.faulty.log.read_text(), "is damaged|is too small")

    def test_cut_short(self):
        for n, size in enumerate((1, 600, 4096, 4097, -1)):
            with self.subTest(size):
                self.check(f"{URL}&op_brightness={n}",
                           lambda f: os.truncate(f, size if size > 0 else f.stat().st_size - 1))

    def test_too_long(self):
        def lengthen(file):
            with open(file, "ab") as f:
                f.write(b"more")
        self.check(f"{URL}&op_brightness=20", lengthen)

    def test_a_flipped_bit(self):
        """In a body that this server has not read yet; it looks at each once."""
        good, file = self.stored(OTHER)
        data = bytearray(file.read_bytes())
        data[-20] ^= 1
        file.write_bytes(data)  # the same inode, so a later test of it would not count
        again = self.from_disk(OTHER)
        self.assertEqual(again.body, good.body)
        self.assertEqual(again.headers["x-cache"], "miss")

    def test_the_sum_is_not_for_clients(self):
        self.assertNotIn("x-smartimg-sum", self.faulty.image(URL).headers)


class GenerationTable(unittest.TestCase):

    def test_cut_short_and_gone(self):
        """No worker dies; what was purged stays purged, and all else is rendered anew."""
        with Server("--renderers", "1") as server:
            table = server.cache / "generations"
            server.image(URL)
            workers = [p for p, name in server.children().items() if name == "nginx"]
            for n, break_it in enumerate((lambda: os.truncate(table, 0), lambda: os.truncate(table, 20), table.unlink)):
                self.assertEqual(server.image(URL).headers["x-cache"], "hit")
                break_it()
                self.assertEqual(server.image(URL).headers["x-cache"], "miss", n)
                done = run("purge", "demo/product", "--cache", server.cache)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(server.image(URL).headers["x-cache"], "miss", n)
            now = [p for p, name in server.children().items() if name == "nginx"]
            self.assertTrue(set(workers) <= set(now))

    def test_purge_without_space(self):
        with Server("--renderers", "1") as server:
            server.image(URL)
            table = server.cache / "generations"
            size = table.stat().st_size
            done = run("purge", "demo/product", "--cache", server.cache,
                       preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
            self.assertEqual(done.returncode, 1, (done, size))
            self.assertIn("nothing was purged", done.stderr)
            self.assertEqual(server.image(URL).headers["x-cache"], "hit")
