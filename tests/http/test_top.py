"""`smartimg top` at a terminal: what it draws, keys, sizes, and that the terminal is as it was after any end."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import unittest
import urllib.request

from server import PROJECT, SMARTIMG, QuietHandler, run, start_origin
from waiting import PATIENCE, state, wait_until

PAGE = b"""# TYPE smartimg_requests_total counter
smartimg_requests_total{status="200"} 1234
# TYPE smartimg_requests_active gauge
smartimg_requests_active 3
""" + b"".join(b"# TYPE family_%d gauge\nfamily_%d %d\n" % (i, i, i) for i in range(60))


class Metrics(QuietHandler):
    def do_GET(self):
        self.server.asked += 1
        self.answer(self.server.page, self.server.status)


class Terminal:
    """A program at a terminal of its own."""

    def __init__(self, *arguments, rows=24, columns=80, **environment):
        self.master, self.slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.text = ""
        self.process = subprocess.Popen([SMARTIMG, *arguments], stdin=self.slave, stdout=self.slave, stderr=self.slave,
                                        env=dict(os.environ, TERM="xterm", LC_ALL="C.UTF-8", **environment),
                                        preexec_fn=self.control)

    def control(self):
        os.setsid()
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    def resize(self, rows, columns):
        self.rows, self.columns = rows, columns
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self):
        while select.select([self.master], [], [], 0)[0]:
            self.text += os.read(self.master, 65536).decode(errors="replace")
        return self.text

    def frame(self):
        """The rows of the last whole picture."""
        frames = self.read().split("\x1b[H")
        for frame in reversed(frames[1:]):
            if "\x1b[?25l" in frame:
                return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", frame).split("\n")
        return []

    def wait_for(self, text):
        wait_until(lambda: any(text in row for row in self.frame()), lambda: f"{text!r} in {self.frame()}")

    def type(self, keys):
        os.write(self.master, keys)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


class Top(unittest.TestCase):
    server = None

    def stub(self):
        origin = start_origin(Metrics)
        origin.page, origin.status, origin.asked = PAGE, 200, 0
        self.addCleanup(origin.server_close)
        self.addCleanup(origin.shutdown)
        return origin

    def top(self, origin, *options, **how):
        terminal = Terminal("top", f"127.0.0.1:{origin.server_port}", "--interval", "1", *options, **how)
        self.addCleanup(terminal.end)
        return terminal

    def assertGivenBack(self, terminal):
        """After its end: the first screen, a cursor, and the modes as they were."""
        text = terminal.read()
        self.assertEqual(text.count("\x1b[?1049h"), text.count("\x1b[?1049l"))
        self.assertGreater(text.rindex("\x1b[?1049l"), text.rindex("\x1b[?1049h"))
        self.assertGreater(text.rindex("\x1b[?25h"), text.rindex("\x1b[?25l"))
        self.assertEqual(termios.tcgetattr(terminal.slave), terminal.before)

    # ---- pictures ----

    def test_draws_and_ends(self):
        origin = self.stub()
        terminal = self.top(origin)
        terminal.wait_for("1234")
        self.assertNotEqual(termios.tcgetattr(terminal.slave), terminal.before)
        rows = terminal.frame()
        self.assertRegex(rows[0], r"^smartimg top  \d\d:\d\d:\d\d  q: ends  http://127.0.0.1:\d+/metrics")
        self.assertTrue(rows[2].startswith("Requests "))
        self.assertEqual(len(rows), 24)
        self.assertLessEqual(max(map(len, rows)), 80)
        origin.page = PAGE.replace(b"1234", b"1235")
        terminal.wait_for("1235")
        terminal.type(b"q")
        self.assertEqual(terminal.process.wait(PATIENCE), 0)
        self.assertGivenBack(terminal)

    def test_sizes(self):
        terminal = self.top(self.stub(), rows=10, columns=30)
        terminal.wait_for("Requests")
        self.assertEqual(len(terminal.frame()), 10)
        self.assertLessEqual(max(map(len, terminal.frame())), 30)
        terminal.resize(70, 120)  # with all that there is
        terminal.wait_for("family_59")
        self.assertIn("1234", "".join(terminal.frame()))
        for rows, columns in ((1, 1), (2, 200), (3, 5), (24, 80)):
            with self.subTest(rows=rows, columns=columns):
                terminal.resize(rows, columns)
                wait_until(lambda: len(terminal.frame()) == rows and max(map(len, terminal.frame())) <= columns,
                           lambda: f"a picture of {rows} rows: {terminal.frame()}")
        terminal.type(b"q")
        self.assertEqual(terminal.process.wait(PATIENCE), 0)

    def test_keys(self):
        terminal = self.top(self.stub(), rows=12)
        terminal.wait_for("Requests")
        for keys, text in ((b"\x1b[6~", "family_5 "), (b"g", "Requests ")):
            terminal.type(keys)
            terminal.wait_for(text)
        for at in range(3, 60, 6):  # to the end, and no further
            terminal.type(b" ")
            terminal.wait_for(f"family_{at} ")
        terminal.type(b" ")
        terminal.wait_for("family_59")
        self.assertEqual(len(terminal.frame()), 12)
        terminal.type(b"\x1b[5~")
        wait_until(lambda: not any("family_59" in row for row in terminal.frame()), "a move upwards")

    def test_server_that_goes_and_comes(self):
        origin = self.stub()
        terminal = self.top(origin)
        terminal.wait_for("1234")
        origin.status = 500
        terminal.wait_for("status 500")
        self.assertIn("1234", "".join(terminal.frame()))  # the last that is known
        origin.page, origin.status = b"<html>", 200
        terminal.wait_for("no page of metrics")
        origin.page = PAGE.replace(b"1234", b"1")
        terminal.wait_for("q: ends")

    # ---- ends ----

    def test_ends_by_signals(self):
        for number, code in ((signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGQUIT, 0),
                             (signal.SIGSEGV, -signal.SIGSEGV), (signal.SIGABRT, -signal.SIGABRT)):
            with self.subTest(number):
                terminal = self.top(self.stub())
                terminal.wait_for("1234")
                terminal.process.send_signal(number)
                self.assertEqual(terminal.process.wait(PATIENCE), code)
                self.assertGivenBack(terminal)

    def test_keys_of_the_terminal_that_are_signals(self):
        terminal = self.top(self.stub())
        terminal.wait_for("1234")
        terminal.type(b"\x03")
        self.assertEqual(terminal.process.wait(PATIENCE), 0)
        self.assertGivenBack(terminal)

    def test_stop_and_go_on(self):
        """The shell has a terminal as it was meanwhile."""
        terminal = self.top(self.stub())
        terminal.wait_for("1234")
        terminal.process.send_signal(signal.SIGTSTP)
        wait_until(lambda: state(terminal.process.pid) == "T", "the stop")
        self.assertGivenBack(terminal)
        terminal.text = ""
        terminal.process.send_signal(signal.SIGCONT)
        terminal.wait_for("1234")
        self.assertNotEqual(termios.tcgetattr(terminal.slave), terminal.before)
        terminal.type(b"q")
        self.assertEqual(terminal.process.wait(PATIENCE), 0)
        self.assertEqual(termios.tcgetattr(terminal.slave), terminal.before)

    def test_terminal_that_goes(self):
        terminal = self.top(self.stub())
        terminal.wait_for("1234")
        os.close(terminal.master)
        self.assertEqual(terminal.process.wait(PATIENCE), 0)
        terminal.master, _other = os.openpty()
        os.close(_other)

    def test_no_server(self):
        terminal = Terminal("top", "127.0.0.1:1")
        self.addCleanup(terminal.end)
        self.assertEqual(terminal.process.wait(PATIENCE), 1)
        self.assertIn("smartimg: http://127.0.0.1:1/metrics: no answer: ", terminal.read())
        self.assertNotIn("\x1b", terminal.text)

    # ---- without a terminal ----

    def test_once(self):
        done = run("top", f"127.0.0.1:{self.server.admin_port}", "--once", "--interval", "1")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.assertNotIn("\x1b", done.stdout)
        for text in ("Requests ", "Cache ", "  hits ", "Renderers ", "Refinements ", "  waiting "):
            self.assertIn(text, done.stdout)

    def test_every_family_is_shown(self):
        """By the rows of the table, or behind them."""
        page = self.server_page()
        named = set(re.findall(r'"(smartimg_\w+)"', (PROJECT / "src/cli/top/lines.h").read_text()))
        shown = run("top", f"127.0.0.1:{self.server.admin_port}", "--once", "--interval", "1").stdout
        others = shown.partition("\nOthers ")[2]
        kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)", page, re.M))
        self.assertGreater(len(kinds), 20)
        for family, kind in kinds.items():
            name = re.escape(family.removeprefix("smartimg_"))
            with self.subTest(family):
                if kind == "histogram":
                    self.assertRegex(shown.partition("\nDistributions ")[2], rf"\n  {name} ")
                elif re.search(rf"^{family}[ {{]", page, re.M):
                    self.assertEqual(re.search(rf"(?m)^  {name} ", others) is None, family in named)

    def server_page(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.server.admin_port}/metrics") as reply:
            return reply.read().decode()

    def test_usage(self):
        self.assertEqual(run("top", "--interval", "0").returncode, 2)
        done = run("top", f"127.0.0.1:{self.server.admin_port}")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no terminal to draw on; --once", done.stderr)
        empty = dict(os.environ, HOME="/nonexistent", XDG_CACHE_HOME="/nonexistent")
        if os.geteuid() != 0:
            self.assertEqual(run("top", env=empty).returncode, 2)
