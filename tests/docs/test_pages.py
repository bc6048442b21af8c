#!/usr/bin/python3
"""Runs every command of the pages that operators read, in their order.

    /usr/bin/python3 tests/docs/test_pages.py [-v] [PagesTest.test_quick_start]

A fenced block of `sh` is run by bash -e, in the folder of the project, with a home folder of the test's own; files that
it makes in the current folder go there, too. Words behind `sh` say how:

    background      a server: the next blocks begin when it says "ready on"; one before it is ended as by Ctrl-C
    skip=REASON     not here; the reason, which goes to the end of the line, has to be there
    root            as root only; skipped otherwise

A block of `output` tells lines that the block of `sh` before it printed, in their order; … stands for anything. All runs in
namespaces of processes and networks of its own, so ports are free, and nothing is left. SMARTIMG_BUILD names the build folder."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

PROJECT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SMARTIMG_BUILD", PROJECT / "build")).resolve()
SMARTIMG = BUILD / "src/cli/smartimg"
PAGES = ["quick-start", "operation", "container"]    # those of install.md are run by the test of packages
PATIENCE = 300


def blocks(text):
    """(line, words behind the fence, body) of each fenced block."""
    for m in re.finditer(r"^```(.*)\n((?:.*\n)*?)```$", text, re.M):
        yield text.count("\n", 0, m.start()) + 1, m[1].strip(), m[2]


def in_order(wanted, output):
    """The first line of `wanted` that does not come in its order, or None."""
    lines = output.replace("\r", "").split("\n")
    at = 0
    for line in wanted.rstrip("\n").split("\n"):
        pattern = re.compile(".*".join(re.escape(part) for part in line.split("…")))
        while at < len(lines) and not pattern.match(lines[at]):
            at += 1
        if at == len(lines):
            return line
        at += 1
    return None


class Page:
    """One page; `folder` has the home of its commands."""

    def __init__(self, folder):
        self.folder, self.server, self.reader = folder, None, None
        (folder / "bin").mkdir(parents=True)
        (folder / "home").mkdir()
        (folder / "bin/smartimg").symlink_to(SMARTIMG)
        # the project's files, in a folder where commands may write
        self.work = folder / "work"
        self.work.mkdir()
        (self.work / "tools").mkdir()
        for entry in [*PROJECT.iterdir(), *(PROJECT / "tools").iterdir()]:
            if not entry.name.startswith((".", "build")) and entry.name != "tools":
                (self.work / entry.relative_to(PROJECT)).symlink_to(entry)
        # what is tested is built already, perhaps with other options than ./run has
        (self.work / "build").symlink_to(BUILD)
        (self.work / "tools/build").write_text("#!/bin/sh\n")
        (self.work / "tools/build").chmod(0o755)
        home = os.environ.get("XDG_CACHE_HOME", str(pathlib.Path.home() / ".cache"))
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("SMARTIMG_", "XDG_"))}
        self.environment = {**kept, "HOME": str(folder / "home"), "PATH": f"{folder}/bin:{kept['PATH']}", "TMPDIR": str(folder),
                            # the libaom that was built once, and no link into a folder of this machine
                            "XDG_CACHE_HOME": home, "SMARTIMG_LINK": "off", "SMARTIMG_CACHE": str(folder / "cache"),
                            "SMARTIMG_ACCESS_LOG": str(folder / "access.log"), "LC_ALL": "C.UTF-8"}
        # a process that the others share the network with, and with whom they end
        self.keeper = subprocess.Popen(["unshare", *([] if os.geteuid() == 0 else ["--map-root-user"]), "--net", "--pid", "--fork",
                                        "--kill-child", "--mount-proc", "sh", "-c", "ip link set lo up && echo up && exec sleep infinity"],
                                       stdout=subprocess.PIPE, text=True)
        if self.keeper.stdout.readline() != "up\n":
            self.keeper.stdout.close()
            self.keeper.wait()
            raise unittest.SkipTest("no namespaces to be had here")
        pid = pathlib.Path(f"/proc/{self.keeper.pid}/task/{self.keeper.pid}/children").read_text().split()[0]
        self.enter = ["nsenter", "-t", pid, *([] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]), "--net", "--pid",
                      "--mount", f"--wd={self.work}", "bash", "-e", "-o", "pipefail", "-c"]

        # pages send signals by name: nobody else's processes may be there to get them
        code, seen = self.run("ls -d /proc/[0-9]* | wc -l")
        assert code == 0 and int(seen) < 10, seen

    def run(self, script):
        done = subprocess.run([*self.enter, script], env=self.environment, cwd=self.work, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE)
        return done.returncode, done.stdout

    def start(self, script):
        self.stop()
        self.server = subprocess.Popen([*self.enter, script], env=self.environment, cwd=self.work, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
        said = []
        for line in self.server.stdout:
            said.append(line)
            if "ready on" in line:
                # what it goes on to say must not fill the pipe
                self.reader = threading.Thread(target=self.server.stdout.read, daemon=True)
                self.reader.start()
                return None
        return "".join(said)

    def stop(self):
        if self.server:
            os.killpg(self.server.pid, signal.SIGINT)
            self.server.wait(PATIENCE)
            if self.reader:
                self.reader.join(PATIENCE)
            self.server.stdout.close()
            self.server = self.reader = None

    def close(self):
        try:
            self.stop()
        finally:
            self.keeper.kill()
            self.keeper.wait()
            self.keeper.stdout.close()


class PagesTest(unittest.TestCase):
    def page(self, name):
        path = PROJECT / f"docs/{name}.md"
        folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-pages-"))
        folder.chmod(0o755)
        page = Page(folder)
        try:
            self.run_blocks(page, name, path.read_text())
        finally:
            page.close()
            shutil.rmtree(folder, ignore_errors=True)

    def run_blocks(self, page, name, text):
        ran, output = 0, None
        for line, words, body in blocks(text):
            kind, _, how = words.partition(" ")
            if kind == "output":
                self.assertIsNotNone(output, f"{name}.md:{line}: no command before this output")
                missing = in_order(body, output)
                self.assertIsNone(missing, f"{name}.md:{line}: not printed: {missing}\n{output}")
            if kind != "sh":
                continue
            output = None
            if how.startswith("skip="):
                self.assertGreater(len(how), len("skip=") + 10, f"{name}.md:{line}: skipped without a reason")
                print(f"\n{name}.md:{line} skipped: {how.removeprefix('skip=')}", end="", file=sys.stderr)
                continue
            if how == "root" and os.geteuid() != 0:
                print(f"\n{name}.md:{line} skipped: needs root", end="", file=sys.stderr)
                continue
            self.assertIn(how, ("", "root", "background"), f"{name}.md:{line}")
            ran += 1
            if how == "background":
                wrong = page.start(body)
                self.assertIsNone(wrong, f"{name}.md:{line}: it did not start:\n{wrong}")
            else:
                code, output = page.run(body)
                self.assertEqual(code, 0, f"{name}.md:{line}: status {code}\n{output}")
        print(f"\n{name}.md: {ran} blocks ran", end="", file=sys.stderr)


for each in PAGES:
    setattr(PagesTest, "test_" + each.replace("-", "_"), lambda self, name=each: self.page(name))


class AlertsTest(unittest.TestCase):
    def test_every_alert_is_on_the_page(self):
        rules = re.findall(r"- alert: (\w+)", (PROJECT / "conf/prometheus/alerts.yml").read_text())
        rows = re.findall(r"^\| (`Smartimg.*?) \|", (PROJECT / "docs/operation.md").read_text(), re.M)
        self.assertEqual(sorted(name for row in rows for name in re.findall(r"`(\w+)`", row)), sorted(rules))


class MessagesTest(unittest.TestCase):
    def test_every_message_is_on_the_page(self):
        done = subprocess.run([sys.executable, PROJECT / "tests/docs/messages.py"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
