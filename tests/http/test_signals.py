"""Signals as operators know them, and the logs that one of them opens anew."""

import os
import pathlib
import signal
import subprocess
import threading
import unittest

from server import SMARTIMG, Server
from test_faults import rendering
from waiting import PATIENCE, wait_until

URL = "demo/product?wid=120&qlt=80"


class Signals(unittest.TestCase):

    def start(self, *options):
        server = Server("--renderers", "1", *options).start()
        self.addCleanup(server.stop)
        return server

    def wait_for(self, server, text):
        wait_until(lambda: text in server.log.read_text(), text)

    def test_reload_names_what_it_cannot_change(self):
        server = Server()
        ini = server.config / "smartimg.ini"
        ini.write_text("renderers = 1\nqueue-ms = 20000\nwall-ms = 9000\nworkers = 1\n")
        self.addCleanup(server.stop)
        server.start()
        ini.write_text("renderers = 2\nqueue-ms = 5000\nwall-ms = 10000\nworkers = 1\nlisten = 127.0.0.1:1\n"
                       "refine-share = 20\n")
        server.process.send_signal(signal.SIGHUP)
        # queue-ms, wall-ms, listen and refine-share are of the command line, which beats the file
        self.wait_for(server, "renderers of smartimg.ini has changed, which counts from the next start only")
        ini.write_text("workers = 2\ncache-size = 5g\n")
        server.process.send_signal(signal.SIGHUP)
        self.wait_for(server, "cache-size, renderers, workers of smartimg.ini have changed")
        self.assertEqual(server.image(URL).status, 200)

    def test_reload_without_changes(self):
        server = self.start()
        server.process.send_signal(signal.SIGHUP)
        self.wait_for(server, "configuration reloaded")
        self.assertNotIn("next start", server.log.read_text())

    def test_logs_are_opened_anew(self):
        server = self.start()
        server.image(URL)
        wait_until(lambda: server.access_log.stat().st_size > 0, "a line in the log")
        moved = server.access_log.with_suffix(".moved")
        server.access_log.rename(moved)
        server.process.send_signal(signal.SIGUSR1)
        wait_until(server.access_log.exists, "a new log")
        server.image(f"{URL}&op_brightness=1")
        wait_until(lambda: "op_brightness=1" in server.access_log.read_text(), "the line in the new log")
        self.assertNotIn("op_brightness=1", moved.read_text())
        self.assertIsNone(server.process.poll())

    def test_all_processes_may_be_told(self):
        """As a service manager does that signals a whole group."""
        server = self.start()
        before = server.children()
        renderers = {p for p, name in before.items() if name.startswith("smartimg")}
        for number in (signal.SIGUSR1, signal.SIGHUP):
            for pid in [server.process.pid, *before]:
                os.kill(pid, number)
            self.assertEqual(server.image(URL).status, 200)
        self.assertLessEqual(renderers, set(server.children()))

    def test_quit_drains(self):
        """What has begun is answered, before and after the signal: the broker is held up meanwhile."""
        for number in (signal.SIGQUIT, signal.SIGTERM):
            with self.subTest(number):
                server = self.start()
                pool, = [p for p, name in server.children().items() if name == "smartimg-pool"]
                replies = []
                os.kill(pool, signal.SIGSTOP)
                threads = [threading.Thread(target=lambda n=n: replies.append(server.image(f"{URL}&op_brightness={n}")))
                           for n in range(3)]
                for t in threads:
                    t.start()
                wait_until(lambda: rendering(server) == 3, "three requests with the renderers")
                server.process.send_signal(number)
                wait_until(lambda: not answers(server), "a server that takes no more")
                os.kill(pool, signal.SIGCONT)
                for t in threads:
                    t.join(PATIENCE)
                self.assertEqual([r.status for r in replies], [200] * 3)
                self.assertEqual(server.process.wait(PATIENCE), 0)


def answers(server):
    try:
        return server.request("/healthz").status == 200
    except OSError:
        return False


class Logs(unittest.TestCase):

    def serve(self, server, home, *options):
        """`smartimg serve` without --access-log."""
        process = subprocess.Popen(
            [SMARTIMG, "serve", "--root", server.root, "--cache", server.folder / "other-cache", "--renderers", "1",
             "--listen", f"127.0.0.1:{server.port}", *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True, env={**os.environ, "XDG_STATE_HOME": str(home)})
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        self.assertTrue(any("ready on" in line for line in process.stdout))
        return process

    def test_they_are_not_in_the_cache(self):
        """Nor two servers' in one file."""
        server = Server()
        self.addCleanup(server.stop)
        root = os.geteuid() == 0
        home = server.folder / "state"
        self.serve(server, home)
        log = (pathlib.Path("/var/log/smartimg") if root else home / "smartimg") / f"access-127.0.0.1-{server.port}.log"
        if root:
            self.addCleanup(log.unlink)
        self.assertTrue(log.exists())
        self.assertFalse(list((server.folder / "other-cache").glob("*.log*")))

    def test_they_are_bounded(self):
        server = Server("--renderers", "1", "--log-size", "20k").start()
        self.addCleanup(server.stop)
        logs = lambda: sorted(f.name for f in server.folder.glob("access.log*"))  # noqa: E731
        wanted = ["access.log"] + [f"access.log.{n}" for n in range(1, 6)]

        def filled():
            for _ in range(30):
                server.request("/is/image/demo/" + "x" * 1000)
            return logs()[-1] == wanted[-1]
        wait_until(filled, "as many logs as are kept")
        oldest = server.folder / wanted[-1]
        before = oldest.stat().st_ino
        wait_until(lambda: filled() and oldest.stat().st_ino != before, "the oldest to go")
        self.assertLessEqual(set(logs()), set(wanted))

    def test_error_log(self):
        server = Server("--renderers", "1", "--log-size", "1")
        log = server.folder / "error.log"
        server.options += ["--error-log", str(log)]
        self.addCleanup(server.stop)
        server.start()
        with open(log, "a") as f:
            f.write("as nginx would\n")
        wait_until(lambda: log.exists() and (server.folder / "error.log.1").exists(), "an old error log")

    @unittest.skipIf(os.geteuid() != 0, "only root can mount")
    def test_a_full_disk(self):
        """Costs lines; and there are lines again once there is space, also where the disk was full at the start."""
        server = Server("--renderers", "1")
        disk = server.folder / "logs"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=755", "none", disk], check=True)
        self.addCleanup(server.stop)
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=True)
        server.access_log = disk / "access.log"
        server.options += ["--access-log", str(server.access_log), "--error-log", str(disk / "error.log")]
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(64 * 1024))
        server.start()
        for n in range(3):
            self.assertEqual(server.image(f"{URL}&op_brightness={n}").status, 200)
        server.process.send_signal(signal.SIGUSR1)
        self.assertEqual(server.image(f"{URL}&op_brightness=3").status, 200)
        ballast.unlink()

        def logged():
            self.assertEqual(server.image(f"{URL}&op_brightness=4").status, 200)
            return "op_brightness=4" in server.access_log.read_text()
        wait_until(logged, "lines in the log")

    @unittest.skipIf(os.geteuid() != 0, "only root can mount")
    def test_a_disk_that_takes_no_file(self):
        server = Server("--renderers", "1")
        disk = server.folder / "logs"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", disk], check=True)
        self.addCleanup(server.stop)
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=True)
        server.options += ["--access-log", str(disk / "access.log")]
        server.start()
        self.assertEqual(server.image(URL).status, 200)
        self.assertIn("requests are not logged", server.log.read_text())
