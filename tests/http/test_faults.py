"""What breaks underneath a running server: files of the cache, its disk, the generation table."""

import http.client
import os
import pathlib
import re
import resource
import subprocess
import time
import unittest

from server import Reply, Server, run
from waiting import PATIENCE, wait_until

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


class Descriptors(unittest.TestCase):
    """A process that has no descriptor left says nothing of the image."""

    def start(self, *options):
        server = Server("--renderers", "1", "--workers", "1", *options).start()
        self.addCleanup(server.stop)
        return server

    @staticmethod
    def process(server, name):
        """The only process of the server whose command line, or name, has that in it."""
        found, = [pid for pid, comm in server.children().items()
                  if name in comm or name in pathlib.Path(f"/proc/{pid}/cmdline").read_text()]
        return found

    @staticmethod
    def without_descriptors(pid):
        """Takes all that are free from a process. Returns what gives them back."""
        held = {int(fd) for fd in os.listdir(f"/proc/{pid}/fd")}
        free = next(n for n in range(len(held) + 1) if n not in held)
        ids = re.search(r"Uid:\s+(\d+)[^G]*Gid:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text())
        as_its_user = {"user": int(ids[1]), "group": int(ids[2]), "extra_groups": []} if os.geteuid() == 0 else {}

        def limit(most):
            subprocess.run(["prlimit", "--pid", str(pid), f"--nofile={most}:"], check=True, **as_its_user)
        limit(free)
        return lambda: limit(1024)

    def ask(self, connection, url):
        connection.request("GET", "/is/image/" + url)
        return Reply(connection.getresponse(), 0)

    def check_nginx(self, url, server, word):
        """Over a connection that is there already."""
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        self.addCleanup(connection.close)
        self.assertEqual(self.ask(connection, "demo/fabric?wid=20").status, 200)
        time.sleep(1.1)  # nothing is in memory any more
        give_back = self.without_descriptors(self.process(server, "worker process"))
        reply = self.ask(connection, url)
        give_back()
        self.assertEqual((reply.status, reply.headers.get("cache-control")), (503, "no-store"), reply)
        self.assertIn(word, reply.body.decode())
        self.assertEqual(self.ask(connection, url).status, 200)

    def test_nginx_looks_for_an_image(self):
        self.check_nginx(f"{URL}&op_brightness=1", self.start(), "files cannot be looked at now")

    def test_default_image(self):
        """A picture that cannot be looked for is not missing."""
        self.check_nginx("fallback/landscape?wid=50", self.start(), "files cannot be looked at now")

    def test_nginx_reads_its_cache_or_asks_a_renderer(self):
        """Requests whose plan is known already, so that it is what comes next that fails."""
        server = self.start()
        for n, cached in enumerate((True, False)):
            with self.subTest(cached=cached):
                self.check_known(server, f"{URL}&op_brightness=-{n + 1}" + ("" if cached else "&cache=off"))

    def check_known(self, server, url):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
        self.addCleanup(connection.close)
        self.assertEqual(self.ask(connection, url).status, 200)
        give_back = self.without_descriptors(self.process(server, "worker process"))
        statuses = {self.ask(connection, url).status for _ in range(3)}
        give_back()
        self.assertLessEqual(statuses, {200, 503})
        self.assertEqual(self.ask(connection, url).status, 200)

    def test_broker(self):
        server = self.start()
        self.assertEqual(server.image(URL).status, 200)
        give_back = self.without_descriptors(self.process(server, "smartimg-pool"))
        reply = server.image(f"{URL}&op_brightness=1")
        give_back()
        self.assertEqual((reply.status, reply.headers.get("cache-control")), (503, "no-store"), reply)
        self.assertEqual(server.image(f"{URL}&op_brightness=1").status, 200)


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
