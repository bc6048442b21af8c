"""What breaks underneath a running server: files of the cache, its disk, the generation table."""

import http.client
import os
import resource
import subprocess
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

    def test_pictures_of_many_objects(self):
        """The sum of their counters, each of which begins with the table's age, fits into a recipe."""
        with Server("--renderers", "1") as server:
            names = ["product", "fabric", "night", "landscape", "logo", "pebbles", "sculpture", "still-life"]
            for n in range(1, len(names) + 1):
                layers = "".join(f"&layer={i}&src={name}&size=9,9" for i, name in enumerate(names[:n], 1))
                self.assertEqual(server.image(f"demo/product?wid=50{layers}").status, 200, n)

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


@unittest.skipIf(os.geteuid() != 0, "only root can mount")
class Disk(unittest.TestCase):
    """A cache on a small disk, which others fill."""

    def setUp(self):
        self.server_of_own = Server("--renderers", "1", "--cache-min-free", "512k")
        self.disk = self.server_of_own.folder / "disk"
        self.disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=755", "none", self.disk], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk], check=True)
        self.server_of_own.cache = self.disk / "cache"
        self.server_of_own.options += ["--access-log", str(self.server_of_own.folder / "access.log")]
        self.addCleanup(self.server_of_own.stop)
        self.server_of_own.start()

    def reply(self, n):
        return self.server_of_own.image(f"{URL}&op_brightness={n}")

    def check_stored(self, n, yes):
        """Whole, and stored or not."""
        first = self.reply(n)
        self.assertEqual((first.status, first.type), (200, "image/jpeg"))
        second = self.reply(n)
        self.assertEqual(second.body, first.body)
        self.assertEqual(second.headers["x-cache"], "hit" if yes else "miss")

    def until_it_is_noticed(self, says):
        """The disk is looked at once a second; until then a reply may be lost that was to be stored."""
        def noticed():
            try:
                self.reply(time.monotonic_ns() % 100)
            except http.client.HTTPException:
                pass
            return says in self.server_of_own.log.read_text()
        wait_until(noticed, says)

    def test_full_and_back(self):
        self.check_stored(1, True)
        ballast = self.disk / "ballast"
        with open(ballast, "wb") as f:
            try:
                while f.write(bytes(65536)):
                    f.flush()
            except OSError:
                pass
        self.until_it_is_noticed("sent uncached")
        for n in (2, 3, 4):
            self.check_stored(n, False)
        self.assertEqual(self.reply(1).status, 200)
        ballast.unlink()
        self.until_it_is_noticed("again")
        self.check_stored(5, True)

    def test_read_only_and_back(self):
        self.check_stored(1, True)
        subprocess.run(["mount", "-o", "remount,ro", self.disk], check=True)
        self.until_it_is_noticed("sent uncached")
        self.check_stored(2, False)
        subprocess.run(["mount", "-o", "remount,rw", self.disk], check=True)
        self.until_it_is_noticed("again")
        self.check_stored(3, True)
