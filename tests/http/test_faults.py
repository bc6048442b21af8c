"""What breaks underneath a running server: files of the cache, its disk, the generation table."""

import http.client
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import threading
import time
import unittest

from server import Reply, Server, run
from waiting import PATIENCE, sockets, wait_until

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


class Killed(unittest.TestCase):
    """Processes that are killed while they have requests: whole answers or a clear 503, and back by itself."""

    def start(self, *options):
        server = Server("--renderers", "1", *options).start()
        self.addCleanup(server.stop)
        return server

    @staticmethod
    def processes(server, name):
        """Those whose command line, or name, has that in it."""
        def is_it(pid, comm):
            try:
                return name in comm or name in pathlib.Path(f"/proc/{pid}/cmdline").read_text()
            except OSError:
                return False
        return [pid for pid, comm in server.children().items() if is_it(pid, comm)]

    def asked_while_broker_stands_still(self, server, urls):
        """Requests that no renderer can answer yet, and what lets them go on."""
        pool, = self.processes(server, "smartimg-pool")
        os.kill(pool, signal.SIGSTOP)
        replies = []

        def ask(url):
            try:
                replies.append(server.image(url))
            except (OSError, http.client.HTTPException) as e:
                replies.append(e)
        threads = [threading.Thread(target=ask, args=(url,)) for url in urls]
        for t in threads:
            t.start()

        def go_on():
            try:
                os.kill(pool, signal.SIGCONT)
            except ProcessLookupError:
                pass
            for t in threads:
                t.join(PATIENCE)
            return replies
        self.addCleanup(go_on)
        return go_on

    def test_renderer_twice(self):
        """The request is tried once more, by another; then there is a 503. No other request suffers."""
        server = self.start("--renderers", "2")
        idle = {p: sockets(p) for p in self.processes(server, "smartimg-render")}
        self.assertEqual(len(idle), 2)
        go_on = self.asked_while_broker_stands_still(server, [URL])
        for _ in range(2):
            at_work = wait_until(lambda: next((p for p in idle if sockets(p) > idle[p]), 0), "a renderer at work")
            os.kill(at_work, signal.SIGKILL)
            del idle[at_work]
        reply, = go_on()
        self.assertEqual((reply.status, reply.body), (503, b"no renderer answered\n"))
        self.assertIn("retry-after", reply.headers)
        self.assertEqual(server.image(f"{URL}&op_brightness=1").status, 200)

    def test_nginx_worker(self):
        """Its clients get nothing more; whoever asks again is answered, and what they asked for is not lost."""
        server = self.start("--workers", "1")
        go_on = self.asked_while_broker_stands_still(server, [f"{URL}&op_brightness={n}" for n in range(3)])
        wait_until(lambda: rendering(server) == 3, "requests with the renderers")
        worker, = self.processes(server, "nginx: worker")
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: [p for p in self.processes(server, "nginx: worker") if p != worker], "another")
        replies = go_on()
        self.assertTrue(all(isinstance(r, Exception) for r in replies), replies)
        self.assertIn("3 pictures are no longer waited for", server.log.read_text())
        waited = metric(server, "smartimg_waits_total")
        for n in range(3):
            self.assertEqual(server.image(f"{URL}&op_brightness={n}").status, 200)
        self.assertEqual(metric(server, "smartimg_waits_total"), waited, "nobody waits for what nobody makes")
        self.assertEqual(rendering(server), 0)

    def test_one_of_two_nginx_workers(self):
        """Who waits in another worker for what it had begun is answered."""
        server = self.start("--workers", "2")
        go_on = self.asked_while_broker_stands_still(server, [f"{URL}&op_brightness=1"] * 8)
        wait_until(lambda: rendering(server) == 1, "requests with the renderers")
        workers = self.processes(server, "nginx: worker")
        dead = workers[0]
        os.kill(dead, signal.SIGKILL)
        wait_until(lambda: len([p for p in self.processes(server, "nginx: worker") if p != dead]) == 2, "another")
        replies = go_on()
        self.assertTrue(all(isinstance(r, Exception) or r.status == 200 for r in replies), replies)
        self.assertEqual(server.image(f"{URL}&op_brightness=1").status, 200)

    def test_workers_that_end_well_are_not_missed(self):
        server = self.start("--workers", "2")
        before = self.processes(server, "nginx: worker")
        os.kill(server.process.pid, signal.SIGHUP)
        wait_until(lambda: not set(before) & set(self.processes(server, "nginx: worker")), "new workers")
        self.assertEqual(server.image(URL).status, 200)
        self.assertNotIn("has died", server.log.read_text())

    def test_nginx_master(self):
        server = self.start("--workers", "1")
        good = server.image(URL)
        go_on = self.asked_while_broker_stands_still(server, [f"{URL}&op_brightness=1"])
        wait_until(lambda: rendering(server) == 1, "a request with the renderers")
        master, = self.processes(server, "nginx: master")
        os.kill(master, signal.SIGKILL)
        reply, = go_on()
        self.assertTrue(isinstance(reply, Exception) or reply.status == 200)

        def back():
            try:
                return server.image(URL).body == good.body
            except OSError:
                return False
        wait_until(back, "nginx again")
        self.assertNotIn(master, self.processes(server, "nginx: master"))
        self.assertEqual(server.image(f"{URL}&op_brightness=1").status, 200)

    def test_stopped_under_load(self):
        """Each client has a whole image, a clear error, or no reply at all: never a part with 200."""
        server = self.start()
        replies = []

        def ask(k):
            try:
                for n in range(1000):
                    replies.append(server.image(f"{URL}&op_brightness={k}&op_contrast={n % 100}"))
            except (OSError, http.client.RemoteDisconnected, http.client.BadStatusLine):
                pass  # there was no reply; http.client.IncompleteRead would fail
            except http.client.HTTPException as e:
                replies.append(e)
        threads = [threading.Thread(target=ask, args=(k,)) for k in range(8)]
        for t in threads:
            t.start()
        wait_until(lambda: len(replies) > 10, "replies")
        server.process.send_signal(signal.SIGTERM)
        self.assertEqual(server.process.wait(PATIENCE), 0)
        for t in threads:
            t.join(PATIENCE)
        for r in replies:
            self.assertNotIsInstance(r, Exception)
            self.assertIn(r.status, (200, 503))
            if r.status == 200:
                self.assertTrue(r.body.startswith(b"\xff\xd8") and r.body.endswith(b"\xff\xd9"), r)


def metric(server, name):
    """Of one without labels."""
    connection = http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=PATIENCE)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return int(text.split(f"\n{name} ")[1].split()[0])


def rendering(server):
    return metric(server, "smartimg_requests_rendering")


class Configuration(unittest.TestCase):

    def test_broken_at_reload(self):
        """What is in use stays in use, for companies and for options; and counts again once it is mended."""
        server = Server("--renderers", "1")
        self.addCleanup(server.stop)
        server.start()
        good = server.image("smart/product?wid=90")
        company = server.config / "companies/smart.ini"
        text = company.read_text()
        for n, (file, broken) in enumerate(((company, "[nonsense\nBfc = maybe\n"), (company, None),
                                            (server.config / "smartimg.ini", "wall-ms = soon\n"))):
            if broken is None:
                company.chmod(0)
                company.write_bytes(b"\0\xff" * 1000)
            else:
                file.write_text(broken)
            server.process.send_signal(signal.SIGHUP)
            wait_until(lambda k=n: server.log.read_text().count("the old one stays in use") == k + 1, "a complaint")
            self.assertEqual(server.image("smart/product?wid=90").body, good.body)
            self.assertEqual(server.image(f"smart/product?wid=9{n + 1}").status, 200)
            company.write_text(text)
            company.chmod(0o644)
        (server.config / "smartimg.ini").unlink()
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "configuration reloaded" in server.log.read_text(), "a reload")
        self.assertEqual(server.image("smart/product?wid=90").body, good.body)


class Originals(unittest.TestCase):

    def test_replaced_while_it_is_read(self):
        """Each answer is of one file or the other, whole; and what is kept is of the file that is there."""
        server = Server("--renderers", "2")
        self.addCleanup(server.stop)
        server.start()
        place, pictures = server.root / "demo/changing.jpg", [server.root / f"demo/{n}.jpg" for n in ("product", "night")]
        url = "demo/changing?wid=80&fmt=png"
        whole = {server.image(f"demo/{p.stem}?wid=80&fmt=png").body for p in pictures}
        shutil.copyfile(pictures[0], place)
        stop = threading.Event()

        def replace():
            n = 0
            while not stop.is_set():
                n += 1
                shutil.copyfile(pictures[n % 2], place.with_suffix(".new"))
                place.with_suffix(".new").rename(place)
        thread = threading.Thread(target=replace)
        thread.start()
        try:
            replies = [server.image(url) for _ in range(60)]
        finally:
            stop.set()
            thread.join()
        self.assertEqual({r.status for r in replies}, {200})
        self.assertLessEqual({r.body for r in replies}, whole)
        for picture in pictures:
            shutil.copyfile(picture, place.with_suffix(".new"))
            place.with_suffix(".new").rename(place)
            wait_until(lambda p=picture: server.image(url).body == server.image(f"demo/{p.stem}?wid=80&fmt=png").body,
                       "the picture that is there")

    def test_cut_short_while_it_is_read(self):
        """A file that somebody writes in place: an error, or what there was; and the whole one once it is there."""
        server = Server("--renderers", "1")
        self.addCleanup(server.stop)
        server.start()
        place, picture = server.root / "demo/growing.jpg", server.root / "demo/product.jpg"
        data = picture.read_bytes()
        whole = server.image("demo/product?wid=80&fmt=png").body
        for size in (0, 100, len(data) // 3, len(data) - 1, len(data)):
            place.write_bytes(data[:size])
            reply = server.image("demo/growing?wid=80&fmt=png")
            self.assertIn(reply.status, (200, 403), (size, reply))
            if reply.status == 200:
                self.assertEqual(reply.body, whole, size)
        self.assertEqual(wait_until(lambda: server.image("demo/growing?wid=80&fmt=png"), "it").body, whole)


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

    def until_it_is_logged(self, says):
        wait_until(lambda: says in self.server_of_own.log.read_text(), says)

    def test_full_and_back(self):
        self.check_stored(1, True)
        ballast = self.disk / "ballast"
        with open(ballast, "wb") as f:
            try:
                while f.write(bytes(65536)):
                    f.flush()
            except OSError:
                pass
        for n in (2, 3, 4):
            self.check_stored(n, False)
        self.until_it_is_logged("sent uncached")
        self.assertEqual(self.reply(1).status, 200)
        ballast.unlink()
        self.check_stored(5, True)
        self.until_it_is_logged("again")

    def test_read_only_and_back(self):
        self.check_stored(1, True)
        subprocess.run(["mount", "-o", "remount,ro", self.disk], check=True)
        self.check_stored(2, False)
        self.until_it_is_logged("sent uncached")
        subprocess.run(["mount", "-o", "remount,rw", self.disk], check=True)
        self.check_stored(3, True)
