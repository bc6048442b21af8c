"""What the processes of a running server may do, as the kernel sees it."""

import os
import pathlib
import unittest

from server import SANITIZED, Server, run
from test_pool import Pool
from waiting import wait_until

CAP_DAC_READ_SEARCH = 1 << 2


def status(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def users(pid):
    return set(status(pid)["Uid"].split())


@unittest.skipIf(SANITIZED, "builds with sanitizers have no sandbox")
@unittest.skipIf(os.geteuid() != 0, "only root can look into the processes")
class Processes(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.server = Server("--renderers", "2").start()
        cls.addClassCleanup(cls.server.stop)
        cls.server.image("demo/product?wid=50")

    def pids(self, name):
        return [pid for pid, known in self.server.children().items() if known == name]

    def test_renderers(self):
        wait_until(lambda: len(self.pids("smartimg-render")) == 2, "two renderers")
        for pid in self.pids("smartimg-render"):
            wait_until(lambda: status(pid)["Seccomp"] == "2", "a renderer in its sandbox")
            now = status(pid)
            self.assertEqual(now["NoNewPrivs"], "1")
            self.assertEqual(int(now["CapEff"], 16) | int(now["CapPrm"], 16) | int(now["CapInh"], 16), 0)
            self.assertNotIn("0", users(pid))
            self.assertEqual(os.listdir(f"/proc/{pid}/root"), [])
            for space in ("net", "mnt", "ipc", "uts"):
                self.assertNotEqual(os.readlink(f"/proc/{pid}/ns/{space}"), os.readlink(f"/proc/self/ns/{space}"))
            self.assertEqual(os.stat(f"/proc/{pid}/mem").st_uid, 0, "nobody of its user looks into it")

    def test_nginx_is_somebody_else(self):
        workers = [pid for pid in self.pids("nginx") if users(pid) != {"0"}]
        self.assertTrue(workers)
        renderer = users(self.pids("smartimg-render")[0])
        for pid in workers:
            self.assertFalse(users(pid) & (renderer | {"0"}))
            self.assertEqual(int(status(pid)["CapEff"], 16) & ~CAP_DAC_READ_SEARCH, 0)
            self.assertEqual(os.stat(f"/proc/{pid}/mem").st_uid, 0)
        masters = [pid for pid in self.pids("nginx") if users(pid) == {"0"}]
        self.assertEqual(len(masters), 1)

    def test_pool_has_only_what_it_needs(self):
        pool, = self.pids("smartimg-pool")
        # CAP_DAC_READ_SEARCH, KILL, SETGID, SETUID, SYS_ADMIN
        self.assertEqual(int(status(pool)["CapEff"], 16) & ~(1 << 2 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 21), 0)


class Modes(unittest.TestCase):

    @unittest.skipIf(SANITIZED, "builds with sanitizers have no sandbox")
    @unittest.skipIf(os.geteuid() != 0, "only root can look into the processes")
    def test_off(self):
        with Pool("--workers", "1", "--sandbox", "off") as pool:
            pool.wait_for_workers(1)
            self.assertEqual(status(pool.workers()[0])["Seccomp"], "0")
            self.assertIn("no sandbox", pool.log.read_text())

    def test_unknown(self):
        done = run("renderer", "--socket", "./x", "--sandbox", "on")
        self.assertEqual(done.returncode, 2)
        self.assertIn("best, required and off", done.stderr)
