"""The renderer pool alone, asked in SCGI as the edge asks it: what must hold when things go wrong."""

import hmac
import os
import pathlib
import platform
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import picture
from server import PROJECT, SANITIZED, SMARTIMG, free_port, run
from waiting import IDLE_SOCKETS, PATIENCE, at_once, gone, nice, processor_seconds, sockets, state, wait_until

# who is not root cannot see the descriptors of workers in their sandbox
VISIBLE = () if os.geteuid() == 0 else ("--sandbox", "off")
RECVMSG = {"x86_64": "47", "aarch64": "212"}.get(platform.machine())  # as /proc has system calls
AMPLE = ("--wall-ms", "600000", "--cpu-seconds", "3600")  # for what is not about limits


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
        # an address of its own, as the ports behind this one are those of other lanes
        self.address = (f"127.{random.randrange(1, 255)}.{os.getpid() % 256}.9", free_port()) if tcp else str(self.path)
        where = ["--listen", "%s:%d" % self.address, "--seal-key", self.make_key()] if tcp else ["--socket", self.path]
        self.log = self.folder / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [SMARTIMG, "renderer", *where, "--root", self.root, *VISIBLE, *options], stderr=log)
        wait_until(self.listens, self.log.read_text)

    def make_key(self):
        self.key = os.urandom(32)
        path = self.folder / "seal.key"
        path.write_bytes(self.key)
        return path

    def seal(self, recipe):
        """What a server with the key of a pool on TCP has for a renderer."""
        derived = hmac.digest(self.key, b"smartimg: what renderers may render", "sha256")
        return hmac.new(derived, recipe.encode(), "sha256").hexdigest()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.process.poll() is None:
            self.process.kill()  # a stopped one, too
        self.process.wait()
        shutil.rmtree(self.folder)

    def listens(self):
        try:
            self.connect().close()
        except OSError:
            return False
        return True

    def connect(self, lane=""):
        family = socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET
        connection = socket.socket(family)
        connection.settimeout(PATIENCE)
        try:
            connection.connect(self.address + lane if lane else self.address)
        except OSError:
            connection.close()
            raise
        return connection

    def recipe(self, url, **options):
        more = [w for k, v in options.items() for w in ("--" + k, v)]
        return run("explain", "--recipe", "/is/image/" + url, "--root", self.root, *more, check=True).stdout.strip()

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

    def question(self, recipe, tier="", *more):
        headers = [("CONTENT_LENGTH", "0"), ("SCGI", "1"), ("SMARTIMG_RECIPE", recipe), ("SMARTIMG_TIER", tier), *more]
        if not isinstance(self.address, str) and not any(name == "SMARTIMG_RENDER_SEAL" for name, _ in more):
            headers.append(("SMARTIMG_RENDER_SEAL", self.seal(recipe)))
            headers.append(("SMARTIMG_SEAL", hmac.new(self.key, recipe.encode(), "sha256").hexdigest()))
        return netstring(headers)

    def ask(self, recipe, tier=""):
        return self.send(self.question(recipe, tier))

    def workers(self):
        pid = self.process.pid
        return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def wait_for_workers(self, n, gone=()):
        """Until there are n workers that wait for requests, none of them among `gone`."""
        def there():
            now = self.workers()
            return len(now) == n and not set(now) & set(gone) and all(self.idle(p) for p in now)
        wait_until(there, lambda: f"{n} workers: {self.workers()}\n{self.log.read_text()}")

    @property
    def IDLE(self):
        """Sockets of an idle worker."""
        return IDLE_SOCKETS

    def idle(self, worker):
        try:
            fds = [os.readlink(f) for f in pathlib.Path(f"/proc/{worker}/fd").iterdir()]
        except OSError:  # one that was just closed, or all
            return False
        # one that was niced for a refinement and may not undo that is about to end
        return (nice(worker) == min(nice(self.process.pid) + 10, 19) and "anon_inode:[eventpoll]" in fds
                and sum(f.startswith("socket:") for f in fds) == self.IDLE)

    def holders(self):
        """The workers that have a refinement slot."""
        locks = set(pathlib.Path("/proc/locks").read_text().split())
        return [w for w in self.workers() if str(w) in locks]

    def wait_until_at_work(self, worker):
        """Until the worker has taken a connection."""
        wait_until(lambda: sockets(worker) > self.IDLE, "a worker that takes a request")

    def wait_until_held(self, worker):
        """Until it waits for an original, so that it has noted what it is at work on. (In what else it sleeps, it polls.)"""
        wait_until(lambda: pathlib.Path(f"/proc/{worker}/syscall").read_text().split()[0] == RECVMSG,
                   "a worker that waits for an original")

    def hold_originals(self):
        """From now on no worker gets an original: the process that opens them is stopped, and with it the
        watchdog. A request lasts until its time is over, or hand_out_originals()."""
        self.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: state(self.process.pid) == "T", "a pool that is stopped")

    def hold_worker(self):
        """The only worker, idle as yet, which will get no original."""
        self.wait_for_workers(1)
        worker, = self.workers()
        self.hold_originals()
        return worker

    def hand_out_originals(self):
        self.process.send_signal(signal.SIGCONT)

    def search(self, recipe, seconds=float("inf"), number=None):
        """A refined answer, whose worker gets a signal after so much processor time: the reply, and the time
        that was seen used."""
        self.wait_for_workers(1)
        worker, = self.workers()
        start = used = processor_seconds(worker)
        replies = []
        thread = threading.Thread(target=lambda: replies.append(self.ask(recipe, tier="best")))
        thread.start()
        while thread.is_alive() and used - start < seconds:
            used = processor_seconds(worker) or used
            time.sleep(0.005)
        if thread.is_alive():
            os.kill(worker, number)
        thread.join()
        return replies[0], used - start

    def drop(self, name, size=200000):
        """A file that starts like an image and then is noise."""
        (self.root / "demo" / name).write_bytes(b"\xff\xd8\xff\xe0" + os.urandom(size))


class PoolTest(unittest.TestCase):
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

    def test_tcp_renders_what_is_sealed(self):
        with Pool("--workers", "1", tcp=True) as pool:
            recipe = pool.recipe("demo/night?wid=60")
            other = hmac.new(pool.key, recipe.encode(), "sha256").hexdigest()  # the fetcher's
            for seal in ("", "x", pool.seal(recipe)[:-1], pool.seal(recipe + "&"), other):
                reply = pool.send(pool.question(recipe, "", ("SMARTIMG_RENDER_SEAL", seal)))
                self.assertError(reply, 403)
                self.assertIn(b"another key of seals", reply[2])
            self.assertImage(pool.ask(recipe))
            self.assertEqual(pool.send(netstring([("SMARTIMG_PING", "1")]))[2], b"ready\n")

    def test_answers_say_which_tier_they_have_reached(self):
        with Pool("--workers", "1", *AMPLE) as pool:
            recipe = pool.recipe("demo/night?wid=60&bfc=on", accept="image/webp")
            first = self.assertImage(pool.ask(recipe), "image/webp")
            self.assertGreater(int(first["X-Accel-Expires"]), 86400)
            self.assertEqual(first["X-Smartimg-First-Answer"], "fast")
            self.assertIn("effort=fast", first["X-Smart-Imaging"])
            best = self.assertImage(pool.ask(recipe, tier="best"), "image/webp")
            self.assertGreater(int(best["X-Accel-Expires"]), 86400)
            self.assertNotIn("X-Smartimg-First-Answer", best)
            self.assertIn("effort=best", best["X-Smart-Imaging"])
            self.assertLessEqual(int(best["Content-Length"]), int(first["Content-Length"]))

    def test_refinement_without_a_slot_is_deferred(self):
        """One of two renderers may refine; the other does not render a first answer once more."""
        with Pool("--workers", "2", *AMPLE) as pool:
            recipe = pool.recipe("demo/night?wid=60&bfc=on", accept="image/webp")
            pool.wait_for_workers(2)
            pool.hold_originals()
            with pool.connect() as holder:
                holder.sendall(pool.question(recipe, tier="best"))
                wait_until(pool.holders, "a refinement slot that is taken")
                with pool.connect() as second:
                    second.sendall(pool.question(recipe, tier="best"))
                    reply = second.makefile("rb").read()  # though no original is to be had
                self.assertEqual(reply, b"Status: 304 Not Modified\r\n\r\n")
                pool.hand_out_originals()
                self.assertIn(b"effort=best", holder.makefile("rb").read())
            wait_until(lambda: self.spared(pool, "deferred") == 1, pool.log.read_text)

    def test_late_requests_are_refused(self):
        for tcp in (False, True):
            with self.subTest(tcp=tcp), Pool("--workers", "1", "--queue-ms", "600000", tcp=tcp) as pool:
                recipe = pool.recipe("demo/night?wid=60")

                def ask(at):
                    return pool.send(pool.question(recipe, "", ("SMARTIMG_QUEUED_AT", at)))
                now = time.monotonic_ns()
                for at in (str(now), str(now + 10**12), "", "x", "-1", "9" * 30):
                    self.assertImage(ask(at))
                if tcp or now < 601 * 10**9:  # the clock of another machine, or a machine just started
                    self.assertImage(ask("1"))
                    continue
                late = ask(str(now - 601 * 10**9))
                self.assertError(late, 503)
                self.assertEqual(late[1]["Retry-After"], "1")
                usual, least = map(int, self.assertImage(ask(str(now)))["X-Smartimg-Service"].split())
                self.assertTrue(0 < least <= usual)
                wait_until(lambda: self.spared(pool, "refused") == 1, pool.log.read_text)

    STAGES = ["queue", "source", "render", "encode", "score"]

    def stages(self, reply):
        """What a reply's time went into, microseconds."""
        stages = {k: int(v) for k, v in (s.split("=") for s in reply[1]["X-Smartimg-Stages"].split(";"))}
        self.assertEqual(list(stages), self.STAGES)
        return stages

    def test_stages(self):
        """What the test makes slow is in the stage that it belongs to, and in no other."""
        with Pool("--workers", "1", *AMPLE) as pool:
            smart = pool.recipe("demo/night?wid=160&bfc=on&fmt=jpg", accept="image/avif")
            plain = pool.recipe("demo/night?wid=160&fmt=png")
            props = pool.recipe("demo/night?req=props")
            for tier in ("", "better", "best"):
                stages = self.stages(pool.ask(smart, tier))
                self.assertEqual(stages["queue"], 0)  # nobody told when it joined it
                self.assertGreater(min(stages[s] for s in self.STAGES[2:]), 0)
            stages = self.stages(pool.ask(plain))
            self.assertTrue(stages["render"] > 0 and stages["encode"] > 0, stages)
            stages = self.stages(pool.ask(props))
            self.assertEqual(stages["encode"] + stages["score"], 0)
            at = str(time.monotonic_ns() - 5 * 10**9)  # the machine has run for longer
            stages = self.stages(pool.send(netstring([("SMARTIMG_RECIPE", plain), ("SMARTIMG_QUEUED_AT", at)])))
            self.assertGreaterEqual(stages["queue"], 5_000_000)
            pool.hold_worker()
            with pool.connect() as held:
                start = time.monotonic()
                held.sendall(pool.question(plain))
                pool.wait_until_at_work(pool.workers()[0])
                time.sleep(0.3)
                pool.hand_out_originals()
                reply = held.makefile("rb").read()
            source = int(re.search(rb"source=(\d+)", reply).group(1))
            self.assertGreater(source, 300_000)
            self.assertLess(source, (time.monotonic() - start) * 1e6)

    def test_stages_of_errors(self):
        with Pool("--workers", "1", "--queue-ms", "1000", *AMPLE) as pool:
            recipe = pool.recipe("demo/night?wid=160")
            late = str(time.monotonic_ns() - 5 * 10**9)
            reply = pool.send(netstring([("SMARTIMG_RECIPE", recipe), ("SMARTIMG_QUEUED_AT", late)]))
            self.assertError(reply, 503)
            stages = self.stages(reply)
            self.assertTrue(stages["queue"] >= 5_000_000 and not any(stages[s] for s in self.STAGES[1:]), stages)
            (pool.root / "demo/night.png").unlink(missing_ok=True)
            (pool.root / "demo/night.jpg").unlink(missing_ok=True)
            reply = pool.ask(recipe)
            self.assertGreaterEqual(reply[0], 400)
            self.assertEqual(self.stages(reply)["encode"], 0)

    def test_what_lay_too_long_on_tcp_is_refused(self):
        """By the clock of the renderer: how long the request has been there."""
        with Pool("--workers", "1", "--queue-ms", "1000", tcp=True) as pool:
            recipe = pool.recipe("demo/night?wid=60")
            worker = pool.hold_worker()
            with pool.connect() as first, pool.connect() as second:
                first.sendall(pool.question(recipe))
                pool.wait_until_at_work(worker)
                second.sendall(pool.question(recipe))
                time.sleep(1.5)
                pool.hand_out_originals()
                self.assertEqual(first.recv(65536)[:11], b"Status: 200")
                self.assertIn(b"too many requests wait", second.makefile("rb").read())

    STEPS = (("idle", 0), ("quick-format", 100), ("requested", 400), ("refused", 601))  # s of 600 s in the queue

    def test_what_waited_longer_costs_less(self):
        """The steps in their order and back; times are told in hundreds of seconds, so that those that pass
        here do not matter."""
        with Pool("--workers", "1", "--queue-ms", "600000", *AMPLE) as pool:
            recipe = pool.recipe("demo/night?wid=160&bfc=on&fmt=jpg", accept="image/avif,image/webp")
            now = time.monotonic_ns()
            if now < 601 * 10**9:
                self.skipTest("the machine has just started")
            bodies = {}
            for step, seconds in self.STEPS + self.STEPS[::-1]:
                with self.subTest(step=step):
                    at = str(now - seconds * 10**9) if seconds else ""
                    reply = pool.send(netstring([("SMARTIMG_RECIPE", recipe), ("SMARTIMG_QUEUED_AT", at)]))
                    self.assertEqual(reply[1].get("X-Smartimg-Load", "idle"), step)
                    if step == "refused":
                        self.assertError(reply, 503)
                        continue
                    said = dict(p.split("=") for p in reply[1]["X-Smart-Imaging"].split("; "))
                    self.assertEqual(said.get("load", "idle"), step)
                    self.assertEqual(said["effort"],
                                     {"idle": "fast", "quick-format": "quick", "requested": "requested"}[step])
                    self.assertIn(said["format"], {"idle": ("avif", "webp"), "quick-format": ("webp",),
                                                   "requested": ("jpeg",)}[step])
                    # all of them are replaced by better ones, and soon
                    self.assertEqual(reply[1]["X-Smartimg-First-Answer"], said["effort"])
                    self.assertEqual(bodies.setdefault(step, reply[2]), reply[2])

    def test_quick_while_others_wait(self):
        with Pool("--workers", "1", *AMPLE) as pool:
            recipe = pool.recipe("demo/night?wid=160&bfc=on&fmt=jpg", accept="image/avif")
            plain = pool.recipe("demo/night?wid=60")
            pool.wait_for_workers(1)
            pool.hold_originals()
            connections = [pool.connect() for _ in range(3)]
            for connection, question in zip(connections, (recipe, recipe, plain)):
                connection.sendall(pool.question(question))
            pool.hand_out_originals()
            replies = [c.makefile("rb").read() for c in connections]
            for connection in connections:
                connection.close()
            for reply in replies[:2]:
                self.assertIn(b"; effort=quick; load=quick\r\n", reply)
                self.assertIn(b"X-Smartimg-Load: quick\r\n", reply)
            self.assertNotIn(b"X-Smartimg-Load", replies[2])  # there was nothing to spare
            self.assertIn("effort=fast", pool.ask(recipe)[1]["X-Smart-Imaging"])

    def test_dear_requests_that_wait_for_each_other_hurry_nobody(self):
        """Cheap answers stay good while those in the other lane wait for a slot."""
        with Pool("--workers", "2", *AMPLE) as pool:
            recipe = pool.recipe("demo/night?wid=160&bfc=on&fmt=jpg", accept="image/avif")
            pool.wait_for_workers(2)
            pool.hold_originals()
            with pool.connect("-dear") as first, pool.connect("-dear") as second, pool.connect() as cheap:
                first.sendall(pool.question(recipe))
                busy, = wait_until(pool.holders, "a worker at it")
                os.kill(busy, signal.SIGSTOP)
                wait_until(lambda: state(busy) == "T", "a worker that is stopped")
                second.sendall(pool.question(recipe))
                pool.hand_out_originals()
                cheap.sendall(pool.question(recipe))
                self.assertIn(b"; effort=fast\r\n", cheap.makefile("rb").read())
                os.kill(busy, signal.SIGCONT)
                self.assertIn(b"; effort=quick; load=quick\r\n", first.makefile("rb").read())
                self.assertIn(b"; effort=fast\r\n", second.makefile("rb").read())

    def test_refinement_ends_for_who_waits(self):
        """With what it has, so that nothing is lost, and another try comes later."""
        with Pool("--workers", "1", *AMPLE) as pool:
            recipe = pool.recipe("demo/landscape?wid=600&bfc=on&fmt=jpg", accept="image/avif")
            pool.wait_for_workers(1)
            worker, = pool.workers()
            with pool.connect() as refinement, pool.connect() as first:
                refinement.sendall(pool.question(recipe, tier="best"))
                pool.wait_until_at_work(worker)
                first.sendall(pool.question(pool.recipe("demo/night?wid=60")))
                reply = refinement.makefile("rb").read()
                self.assertIn(b"effort=fast", reply)
                self.assertIn(b"X-Smartimg-Load: refinement\r\n", reply)
                self.assertIn(b"X-Smartimg-First-Answer: fast\r\n", reply)
                self.assertEqual(first.recv(65536)[:11], b"Status: 200")

    NONSENSE = netstring([("SMARTIMG_RECIPE", "x")])  # answered without an original

    def test_lanes(self):
        """What is cheap overtakes what is dear, and both what is refined: all are in the queue before the worker
        looks, and as originals are held, what it takes first of the others would stop it."""
        for others, overtaker in (("-dear", "-refine"), ""), (("-refine",), "-dear"):
            with self.subTest(overtaker=overtaker), Pool("--workers", "1", *AMPLE) as pool:
                pool.wait_for_workers(1)
                worker, = pool.workers()
                recipe = pool.recipe("demo/night?wid=60")
                pool.hold_originals()
                os.kill(worker, signal.SIGSTOP)
                wait_until(lambda: state(worker) == "T", "a worker that is stopped")
                slow = [pool.connect(lane) for lane in others * 3]
                for connection in slow:
                    connection.sendall(pool.question(recipe))
                with pool.connect(overtaker) as connection:
                    connection.sendall(self.NONSENSE)
                    os.kill(worker, signal.SIGCONT)
                    self.assertTrue(connection.makefile("rb").read().startswith(b"Status: 403"))
                pool.hand_out_originals()
                for connection in slow:
                    self.assertTrue(connection.makefile("rb").read().startswith(b"Status: 200"))
                    connection.close()

    def test_dear_requests_leave_renderers_to_cheap_ones(self):
        """Half of them, rounded down, but at least one, stay for cheap ones; refinements count as dear ones."""
        for workers, dear in (2, 1), (3, 2), (4, 2):
            with self.subTest(workers=workers), Pool("--workers", str(workers), *AMPLE) as pool:
                pool.wait_for_workers(workers)
                recipe = pool.recipe("demo/night?wid=60")
                pool.hold_originals()
                slow = [pool.connect(lane) for lane in ("-dear", "-refine") * workers]
                for connection in slow:
                    connection.sendall(pool.question(recipe))
                wait_until(lambda: len(pool.holders()) == dear, "all slots taken")
                for _ in range(20):
                    self.assertError(pool.send(self.NONSENSE), 403)
                self.assertEqual(len(pool.holders()), dear)
                pool.hand_out_originals()
                for connection in slow:
                    self.assertTrue(connection.makefile("rb").read().startswith(b"Status: 200"))
                    connection.close()

    def test_slot_of_a_dead_worker_is_free_again(self):
        with Pool("--workers", "2", *AMPLE) as pool:
            pool.wait_for_workers(2)
            recipe = pool.recipe("demo/night?wid=60")
            pool.hold_originals()
            with pool.connect("-dear") as dear:
                dear.sendall(pool.question(recipe))
                busy, = wait_until(pool.holders, "a worker at it")
                os.kill(busy, signal.SIGKILL)
                try:
                    self.assertEqual(dear.recv(100), b"")
                except ConnectionResetError:
                    pass
            pool.hand_out_originals()
            with pool.connect("-dear") as dear:
                dear.sendall(pool.question(recipe))
                self.assertTrue(dear.makefile("rb").read().startswith(b"Status: 200"))

    def test_hundred_requests_in_a_row(self):
        with Pool("--workers", "2") as pool:
            recipe = pool.recipe("demo/night?wid=60")
            first = pool.ask(recipe)
            self.assertImage(first)
            for _ in range(100):
                self.assertEqual(pool.ask(recipe)[2], first[2])

    def spared(self, pool, words):
        """How many requests the log says were answered without a render, for this reason."""
        return sum(map(int, re.findall(f"requests {words}.*: (\\d+)", pool.log.read_text())))

    def test_requests_of_clients_that_have_gone_are_not_rendered(self):
        """Neither those in the queue, nor what is left of the one that was begun."""
        with Pool("--workers", "1", *AMPLE) as pool:
            worker = pool.hold_worker()
            recipe = pool.recipe("demo/landscape?wid=160&bfc=on&fmt=jpg", accept="image/avif")
            dead = []
            for _ in range(10):
                dead.append(pool.connect())
                dead[-1].sendall(pool.question(recipe))
                if len(dead) == 1:
                    pool.wait_until_at_work(worker)
            for connection in dead:
                connection.close()
            replies = []
            good = threading.Thread(target=lambda: replies.append(pool.ask(recipe)))
            good.start()
            pool.hand_out_originals()
            good.join()
            self.assertImage(replies[0], "image/avif")
            wait_until(lambda: self.spared(pool, "dropped") == 10, pool.log.read_text)
            self.assertEqual(pool.workers(), [worker])

    def test_what_is_cancelled_is_not_sent(self):
        """Clients that say they have gone, and go on reading: before the search, and in the midst of one."""
        with Pool("--workers", "1", *AMPLE) as pool:
            pool.wait_for_workers(1)
            worker, = pool.workers()
            recipe = pool.recipe("demo/landscape?wid=600&bfc=on&fmt=jpg", accept="image/avif")
            pool.hold_originals()
            with pool.connect() as connection:
                connection.sendall(pool.question(recipe))
                pool.wait_until_at_work(worker)
                connection.shutdown(socket.SHUT_WR)
                pool.hand_out_originals()
                self.assertEqual(connection.makefile("rb").read(), b"")
            wait_until(lambda: self.spared(pool, "dropped") == 1, pool.log.read_text)
            pool.wait_for_workers(1)
            start = processor_seconds(worker)
            with pool.connect() as connection:
                connection.sendall(pool.question(recipe, tier="best"))
                wait_until(lambda: processor_seconds(worker) > start + 0.3, "a search")  # of many times that
                connection.shutdown(socket.SHUT_WR)
                self.assertEqual(connection.makefile("rb").read(), b"")
            wait_until(lambda: self.spared(pool, "dropped") == 2, pool.log.read_text)
            self.assertImage(pool.ask(recipe), "image/avif")

    def test_many_at_once_all_get_their_image(self):
        with Pool("--workers", "2") as pool:
            recipe = pool.recipe("demo/night?wid=60")
            replies = []
            at_once(lambda _: replies.append(pool.ask(recipe)), 40)
            self.assertEqual(len(replies), 40)
            for reply in replies:
                self.assertImage(reply)

    def test_killed_workers_are_replaced(self):
        with Pool("--workers", "2") as pool:
            recipe = pool.recipe("demo/night?wid=60")
            self.assertImage(pool.ask(recipe))
            for _ in range(3):
                before = pool.workers()
                for pid in before:
                    os.kill(pid, signal.SIGKILL)
                pool.wait_for_workers(2, gone=before)
                self.assertImage(pool.ask(recipe))
            self.assertIn("was killed", pool.log.read_text())

    def test_worker_killed_mid_request_closes_without_a_reply(self):
        """So the edge knows that it may try again."""
        with Pool("--workers", "1", *AMPLE) as pool:
            recipe = pool.recipe("demo/night?wid=60")
            worker = pool.hold_worker()
            with pool.connect() as connection:
                connection.sendall(pool.question(recipe))
                pool.wait_until_at_work(worker)
                os.kill(worker, signal.SIGKILL)
                try:
                    self.assertEqual(connection.recv(100), b"")
                except ConnectionResetError:
                    pass
            pool.hand_out_originals()
            pool.wait_for_workers(1, gone=[worker])

    SEARCH = "demo/landscape?wid=160&bfc=on&fmt=jpg"

    @staticmethod
    def interrupted(pool, recipe, whole, number):
        """The reply to a search whose worker gets a signal in its midst: after the requested encoding, which
        comes first and takes some hundredths of the processor time (`whole`), and before the end. A signal
        that comes too late is tried again, earlier."""
        for part in (0.5, 0.4, 0.3, 0.2, 0.1):
            reply, _ = pool.search(recipe, part * whole, number)
            if "effort=best" not in reply[1].get("X-Smart-Imaging", ""):
                return reply
        raise AssertionError("no search could be interrupted")

    def test_crash_is_answered_and_the_worker_replaced(self):
        """The signal stands for a codec that crashes. What the search has found by then is not sent."""
        if SANITIZED:
            self.skipTest("a sanitizer keeps crash signals for itself")
        with Pool("--workers", "1", *AMPLE) as pool:
            recipe = pool.recipe(self.SEARCH, accept="image/avif")
            _, whole = pool.search(recipe)
            for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS):
                before = pool.workers()
                self.assertError(self.interrupted(pool, recipe, whole, number), 500)
                pool.wait_for_workers(1, gone=before)
            self.assertImage(pool.ask(pool.recipe("demo/night?wid=60")))
            self.assertIn("crashed", pool.log.read_text())

    def test_out_of_time_sends_the_best_so_far(self):
        """The signal stands for a search that overruns."""
        with Pool("--workers", "1", *AMPLE) as pool:
            recipe = pool.recipe(self.SEARCH, accept="image/avif")
            _, whole = pool.search(recipe)
            for number in (signal.SIGALRM, signal.SIGXCPU):
                before = pool.workers()
                reply = self.interrupted(pool, recipe, whole, number)
                headers = self.assertImage(reply, picture.kind(reply[2]))
                self.assertIn("effort=fast", headers["X-Smart-Imaging"])
                self.assertEqual(headers["X-Smartimg-First-Answer"], "fast")  # so it may be refined again
                self.assertGreaterEqual(int(headers["X-Adobe-Smart-Imaging"]), 0)
                self.assertEqual(picture.pixels(reply[2]).width, 160)
                pool.wait_for_workers(1, gone=before)
            self.assertIn("ran out of time", pool.log.read_text())

    def test_overrunning_the_wall_time_is_an_error(self):
        with Pool("--workers", "1", "--wall-ms", "100") as pool:
            recipe = pool.recipe("demo/night?wid=60")
            worker = pool.hold_worker()
            start = time.monotonic()
            late = pool.ask(recipe)
            self.assertError(late, 503)
            self.assertEqual((late[1]["X-Smartimg-Out-Of-Time"], late[1]["Retry-After"]), ("1", "30"))
            self.assertGreaterEqual(time.monotonic() - start, 0.1)
            pool.hand_out_originals()
            pool.wait_for_workers(1, gone=[worker])
            self.assertIn("ran out of time", pool.log.read_text())

    def test_stopped_worker_is_killed_and_replaced(self):
        """What cannot even run its alarm handler is the watchdog's."""
        for wall_ms in (1000, 10000, 100000):  # until the stop comes before the alarm
            with Pool("--workers", "1", "--wall-ms", str(wall_ms)) as pool:
                recipe = pool.recipe("demo/night?wid=60")
                worker = pool.hold_worker()
                with pool.connect() as connection:
                    connection.sendall(pool.question(recipe))
                    pool.wait_until_at_work(worker)
                    os.kill(worker, signal.SIGSTOP)
                    wait_until(lambda: state(worker) in "TZX", "a worker that is stopped")
                    pool.hand_out_originals()
                    pool.wait_for_workers(1, gone=[worker])
                if "ran out of time" not in pool.log.read_text():
                    self.assertIn("does not end in time", pool.log.read_text())
                    return
        self.fail("a request of 100 s ended before its worker could be stopped")

    def test_memory_limit(self):
        if SANITIZED:
            self.skipTest("a sanitizer takes more address space than any limit")
        with Pool("--workers", "1", "--memory", "200m") as pool:
            recipe = pool.recipe("demo/landscape?wid=6000&hei=6000&fit=stretch&bfc=on", accept="image/avif")
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
            self.assertImage(pool.ask(pool.recipe("demo/night?wid=60")))
            reply = b""
            while piece := silent.recv(65536):
                reply += piece
            self.assertIn(b"Status: 5", reply)

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
            recipe = pool.recipe("demo/night?wid=60")
            worker = pool.hold_worker()
            connections = [pool.connect() for _ in range(2)]
            for connection in connections:
                connection.sendall(pool.question(recipe))
            pool.wait_until_at_work(worker)
            pool.process.send_signal(signal.SIGTERM)  # which it gets when it goes on
            pool.hand_out_originals()
            for connection in connections:
                with connection:
                    self.assertEqual(connection.recv(65536)[:11], b"Status: 200")
            self.assertEqual(pool.process.wait(PATIENCE), 0)
            self.assertFalse(pool.path.exists())
            self.assertFalse(pathlib.Path(f"/proc/{worker}").exists())

    def test_workers_die_with_the_pool(self):
        with Pool("--workers", "2") as pool:
            pool.wait_for_workers(2)
            workers = pool.workers()
            pool.process.kill()
            pool.process.wait()
            wait_until(lambda: all(map(gone, workers)), "the end of workers")

    def test_socket_in_use_and_left_over(self):
        with Pool("--workers", "1") as pool:
            other = run("renderer", "--socket", pool.path, "--root", pool.root)
            self.assertEqual(other.returncode, 1)
            self.assertIn("in use", other.stderr)
            pool.process.kill()
            pool.process.wait()
            self.assertTrue(pool.path.exists())
            wait_until(lambda: not pool.listens(), "the end of its workers")
            again = subprocess.Popen([SMARTIMG, "renderer", "--socket", pool.path, "--root", pool.root],
                                     stderr=subprocess.DEVNULL)
            try:
                wait_until(pool.listens, "a pool that listens")
                self.assertImage(pool.ask(pool.recipe("demo/night?wid=60")))
            finally:
                again.terminate()
                again.wait()


if __name__ == "__main__":
    unittest.main()
