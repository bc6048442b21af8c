"""Company files: checking them, and reloading them under a running server."""

import http.client
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from server import CHROME, PROJECT, SMARTIMG, Server


def config(*arguments):
    return subprocess.run([SMARTIMG, "config", *arguments], capture_output=True, text=True)


class Check(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-check-"))
        (self.folder / "companies").mkdir()

    def tearDown(self):
        shutil.rmtree(self.folder)

    def write(self, name, text):
        (self.folder / name).write_bytes(text.encode())

    def test_sample(self):
        run = config("check", PROJECT / "conf/sample")
        self.assertEqual((run.returncode, run.stderr), (0, ""), run.stdout)
        self.assertIn("no mistakes", run.stdout)

    def test_every_file_and_line(self):
        self.write("companies/default.ini", "Bfc = perhaps\n")
        self.write("companies/acme.ini",
                   "CatalogFile = all.txt\nMacroFile = macros.txt\nFontMapFile = fonts.txt\n"
                   "IccProfileMapFile = icc.txt\nRuleSetFile = rules.xml\nSvgCatalogFile = gone.txt\n"
                   "[presets]\na = $b$\n[crop x]\nLarge = 2,0,1,1\n")
        self.write("companies/all.txt", "Id\tPath\tExtra\na\t/etc/passwd\n")
        self.write("companies/macros.txt", "Name\tDefinition\nx\t$later$\nlater\twid=1\n")
        self.write("companies/fonts.txt", "Name\tFontPath\nArial\t../arial.ttf\n")
        self.write("companies/icc.txt", "Name\tPath\nsRGB\ts.icc\n")
        self.write("companies/rules.xml", "<?xml version=\"1.0\"?>\n<ruleset>\n<rule Onmatch=\"break\"/>\n</ruleset>")
        self.write("smartimg.ini", "listen = 127.0.0.1:80\nlistn = 1\n")
        run = config("check", self.folder)
        self.assertEqual(run.returncode, 1)
        where = {line[len(str(self.folder)) + 1:].split(": ")[0] for line in run.stdout.splitlines()[:-1]}
        self.assertEqual(where, {
            "companies/default.ini:1", "companies/acme.ini:1", "companies/acme.ini:8",
            "companies/acme.ini:10", "companies/all.txt:1", "companies/all.txt:2",
            "companies/macros.txt:2", "companies/fonts.txt:2", "companies/icc.txt:1",
            "companies/rules.xml:3", "smartimg.ini:2"}, run.stdout)
        self.assertEqual(run.stdout.splitlines()[-1], "10 mistakes")    # and a warning: the column

    def test_warnings_are_no_mistakes(self):
        self.write("companies/acme.ini", "CatalogFile = all.txt\n")
        self.write("companies/all.txt", "Id\tPath\tExtra\na\ta.tif\tx\n")
        run = config("check", self.folder)
        self.assertEqual(run.returncode, 0, run.stdout)
        self.assertIn("all.txt:1: warning: unknown column", run.stdout)

    def test_missing_files_are_warnings(self):
        self.write("companies/acme.ini", "RootPath = demo\n[objects]\na = night?wid=1\nb = gone.tif\n"
                   "[object c]\nMaskPath = gone-too\n[profiles]\nHouse = house.icc\n")
        run = config("check", self.folder, "--root", PROJECT / "pictures")
        self.assertEqual(run.returncode, 0, run.stdout)
        lines = sorted(line[len(str(self.folder)) + 1:] for line in run.stdout.splitlines()[:-1])
        self.assertEqual(lines, [
            'companies/acme.ini:1: warning: "House": there is no file "house.icc"',
            'companies/acme.ini:4: warning: "b": there is no file "gone.tif"',
            'companies/acme.ini:6: warning: "c": there is no file "gone-too"'])
        self.assertNotIn("warning", config("check", self.folder).stdout)

    def test_reference_page_is_current(self):
        page = (PROJECT / "docs/attributes.md").read_text()
        self.assertEqual(config("attributes").stdout, page,
                         "smartimg config attributes > docs/attributes.md")


class Reload(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.write("live", "Bfc = false\nRootPath = demo\nExpiration = 1\n")
        self.server.start()

    def tearDown(self):
        self.server.stop()

    def write(self, company, text):
        path = self.server.config / "companies" / f"{company}.ini"
        path.write_text(text)

    def lifetime(self, url="live/night?wid=50"):
        reply = self.server.image(url, CHROME)
        found = re.search(r"max-age=(\d+)", reply.headers.get("cache-control", ""))
        return int(found.group(1)) if reply.status == 200 and found else reply.status

    def reload(self, says, lifetime):
        """SIGHUP, then waits for what serve says, and for workers with the new configuration."""
        before = self.server.log.read_text()
        self.server.process.send_signal(signal.SIGHUP)
        deadline, in_a_row = time.monotonic() + 20, 0
        while time.monotonic() < deadline and says not in self.server.log.read_text()[len(before):]:
            time.sleep(0.02)
        said = self.server.log.read_text()[len(before):]
        self.assertIn(says, said)
        while in_a_row < 10 and time.monotonic() < deadline:    # old workers still take a few
            in_a_row = in_a_row + 1 if self.lifetime() == lifetime else 0
            time.sleep(0.02)
        self.assertEqual(in_a_row, 10)
        return said

    def test_no_request_is_dropped(self):
        self.lifetime()
        stop, counts, bad = threading.Event(), [0, 0, 0], []

        def fire(index):
            while not stop.is_set():
                try:
                    fresh = index == 0      # one client asks for something new each time
                    width = 60 + counts[0] if fresh else 50
                    reply = self.server.image(f"live/night?wid={width}", CHROME)
                    counts[index] += 1
                    if reply.status != 200 or not reply.body:
                        bad.append(reply)
                except (OSError, http.client.HTTPException) as error:
                    bad.append(error)

        threads = [threading.Thread(target=fire, args=(i,)) for i in range(3)]
        for t in threads:
            t.start()
        try:
            for hours in (2, 3, 4):
                self.write("live", f"Bfc = false\nRootPath = demo\nExpiration = {hours}\n")
                self.reload("configuration reloaded", hours * 3600)
        finally:
            stop.set()
            for t in threads:
                t.join()
        self.assertEqual(bad, [])
        self.assertTrue(all(n > 10 for n in counts), counts)

    def test_broken_files_change_nothing(self):
        self.assertEqual(self.lifetime(), 3600)
        self.write("live", "Bfc = false\nRootPath = demo\nExpiration = 5\nRuleSetFile = rules.xml\n")
        rules = self.server.config / "companies/rules.xml"
        rules.write_text("<?xml version=\"1.0\"?>\n<ruleset><rule>\n<expression>(</expression></rule></ruleset>")
        said = self.reload("the old one stays in use", 3600)
        self.assertIn("companies/rules.xml:3: expression", said)
        self.assertNotIn("reloaded", said)
        rules.write_text("<?xml version=\"1.0\"?>\n<ruleset/>")
        (self.server.config / "smartimg.ini").write_text("listn = 127.0.0.1:80\n")
        said = self.reload("the old one stays in use", 3600)
        self.assertIn("smartimg.ini:1:", said)
        (self.server.config / "smartimg.ini").unlink()
        self.reload("configuration reloaded", 5 * 3600)


if __name__ == "__main__":
    unittest.main()
