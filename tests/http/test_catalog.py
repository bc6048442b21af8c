"""Company files: checking them, and reloading them under a running server."""

import base64
import hmac
import http.client
import pathlib
import re
import shutil
import signal
import tempfile
import threading
import time
import unittest

import samples
from server import CHROME, PROJECT, Server, run
from waiting import PATIENCE, at_once, wait_until


class Check(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-check-"))
        (self.folder / "companies").mkdir()

    def tearDown(self):
        shutil.rmtree(self.folder)

    def write(self, name, text):
        (self.folder / name).write_bytes(text.encode())

    def test_sample(self):
        done = run("config", "check", PROJECT / "conf/sample")
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        self.assertIn("no mistakes", done.stdout)

    def of_files(self, done):
        """What is said of the folder's files, relative to it: not of the libraries that are in use."""
        prefix = str(self.folder) + "/"
        return [line[len(prefix):] for line in done.stdout.splitlines()[:-1] if line.startswith(prefix)]

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
        done = run("config", "check", self.folder)
        self.assertEqual(done.returncode, 1)
        where = {line.split(": ")[0] for line in self.of_files(done)}
        self.assertEqual(where, {
            "companies/default.ini:1", "companies/acme.ini:6", "companies/acme.ini:8",
            "companies/acme.ini:10", "companies/all.txt:1", "companies/all.txt:2",
            "companies/macros.txt:2", "companies/fonts.txt:2", "companies/icc.txt:1",
            "companies/rules.xml:3", "smartimg.ini:2"}, done.stdout)
        self.assertEqual(done.stdout.splitlines()[-1], "10 mistakes")    # and a warning: the column

    def test_warnings_are_no_mistakes(self):
        self.write("companies/acme.ini", "CatalogFile = all.txt\n")
        self.write("companies/all.txt", "Id\tPath\tExtra\na\ta.tif\tx\n")
        done = run("config", "check", self.folder)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("all.txt:1: warning: unknown column", done.stdout)

    def test_missing_files_are_warnings(self):
        self.write("companies/acme.ini", "RootPath = demo\n[objects]\na = night?wid=1\nb = gone.tif\n"
                   "[object c]\nMaskPath = gone-too\n[profiles]\nHouse = house.icc\n")
        done = run("config", "check", self.folder, "--root", PROJECT / "pictures")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(sorted(self.of_files(done)), [
            'companies/acme.ini:4: warning: "b": there is no file "gone.tif"',
            'companies/acme.ini:6: warning: "c": there is no file "gone-too"',
            'companies/acme.ini:8: warning: "House": there is no file "house.icc"'])
        self.assertNotIn("companies/", run("config", "check", self.folder).stdout)

    def test_folders_that_overlap(self):
        self.write("companies/vault.ini", "RootPath = a/safe\nRequestLock = 1\nRequestLockKey = 0123456789abcdef\n")
        self.write("companies/twin.ini", "RootPath = a/safe\nClientAddressFilter = 10.0.0.0/8\n")
        self.write("companies/same.ini", "RootPath = a/safe\n")
        self.write("companies/inside.ini", "RootPath = a/safe/b\n")
        self.write("companies/around.ini", "RootPath = a\nStaticContentRootPath = a/safe/c\nFolderCompanies = true\n")
        self.write("companies/beside.ini", "RootPath = a/safer\nWatermark = vault/x\nDefaultImage = inside/x\n")
        done = run("config", "check", self.folder)
        self.assertEqual(done.returncode, 0, done.stdout)
        said = sorted((line.split(":")[0].removeprefix("companies/"), re.findall('"([^"]*)"', line)[-1:],
                       "refused here" in line, line.split("warning: ")[1].split()[0]) for line in self.of_files(done))
        self.assertEqual(said, [
            ("around.ini", [], False, "FolderCompanies"),
            *(("around.ini", [name], *how) for name in ("twin", "vault")
              for how in ((False, "StaticContentRootPath"), (True, "RootPath"))),
            ("beside.ini", ["vault"], False, "Watermark"),
            *((file, [name], False, "RootPath") for file in ("inside.ini", "same.ini") for name in ("twin", "vault"))],
            done.stdout)

    def test_reference_page_is_current(self):
        page = (PROJECT / "docs/attributes.md").read_text()
        self.assertEqual(run("config", "attributes").stdout, page,
                         "smartimg config attributes > docs/attributes.md")


RULES = """<?xml version="1.0" encoding="UTF-8"?>
<ruleset>
<rule OnMatch="continue"><header Name="Timing-Allow-Origin">*</header>
<header Name="X-Robots-Tag" Action="add">noindex</header></rule>
<rule OnMatch="continue"><expression>\\$Edge-Control=</expression>
<header Name="Edge-Control">$Edge-Control$</header></rule>
<rule OnMatch="error"><expression>rotate=</expression></rule>
<rule MaxPix="100,100"><expression>/capped</expression><substitution>/night</substitution></rule>
<rule><expression>/closed/</expression><substitution>/</substitution>
<addressfilter>192.0.2.1</addressfilter></rule>
<rule><expression>(?i)_hg$</expression><substitution>\\?&amp;qlt=95,1</substitution></rule>
<rule><expression>([^/]+)/(small|large)$</expression><substitution>$1?\\$$2\\$</substitution></rule>
</ruleset>
"""


def lock(query):
    h = 0
    for c in query.encode():
        h = (h * 131 + c) & 0xffff
    return f"{query}&{h:04x}"


COMPANIES = {
    "ruled": "Bfc = true\nRootPath = demo\nRuleSetFile = rules.xml\n"
             "[presets]\nsmall = wid=40\nlarge = wid=80\n",
    "locked": "RootPath = demo\nRequestLock = 1\n",
    "keyed": "RootPath = demo\nRequestLock = 1\nRequestLockKey = 0123456789abcdef\n",
    "hidden": "RootPath = demo\nRequestObfuscation = 1\nRequestLock = 1\n",
    "far": "RootPath = demo\nClientAddressFilter = 192.0.2.0/24\n",
    "near": "RootPath = demo\nClientAddressFilter = 127.0.0.1\n",
    "ids": "RootPath = demo\nAllowDirectAccess =\n[objects]\nknown = night.jpg?wid=30\n",
    "terse": "RootPath = demo\nErrorDetail = 0\n",
}


class Requests(samples.Samples):
    """What company files do to requests, over HTTP."""

    @classmethod
    def prepare(cls, root, companies):
        (companies / "rules.xml").write_text(RULES)
        for name, text in COMPANIES.items():
            (companies / f"{name}.ini").write_text(text)

    def width(self, url):
        return self.size(url)[0]

    def test_headers_of_rules_are_on_converted_replies(self):
        for accept in (CHROME, "*/*"):
            for _ in ("miss", "hit"):
                reply = self.get("ruled/night?wid=64&$Edge-Control=no-store", 200, accept)
                self.assertEqual(reply.headers["timing-allow-origin"], "*")
                self.assertEqual(reply.headers["x-robots-tag"], "noindex")
                self.assertEqual(reply.headers["edge-control"], "no-store")
        self.assertNotIn("edge-control", self.get("ruled/night?wid=64").headers)

    def test_rewriting(self):
        self.assertEqual(self.width("ruled/night/small"), 40)
        self.assertEqual(self.width("ruled/night/large"), 80)
        self.assertGreater(len(self.get("ruled/night_HG").body), len(self.get("ruled/night").body))

    def test_refusals_of_rules(self):
        self.get("ruled/night?rotate=90", 403)
        self.get("ruled/closed/night", 403)
        self.get("ruled/capped?wid=101", 403)
        self.assertEqual(self.width("ruled/capped?wid=100"), 100)
        self.assertEqual(self.width("ruled/night?wid=101"), 101)

    def test_locks(self):
        self.assertEqual(self.width("locked/night?" + lock("wid=44")), 44)
        for query in ("", "?wid=44", "?wid=44&0000", "?" + lock("wid=44").replace("44", "45", 1)):
            self.get("locked/night" + query, 403)
        path, query = "/is/image/keyed/night", "wid=45"
        mac = hmac.new(b"0123456789abcdef", f"{path}?{query}".encode(), "sha256").hexdigest()[:32]
        self.assertEqual(self.width(f"keyed/night?{query}&{mac}"), 45)
        self.get(f"keyed/pebbles?{query}&{mac}", 403)
        self.get("keyed/night?" + lock(query), 403)
        hidden = base64.b64encode(lock("wid=46").encode()).decode()
        self.assertEqual(self.width("hidden/night?" + hidden), 46)
        self.get("hidden/night?wid=46", 403)

    def test_addresses(self):
        self.get("far/night?wid=20", 403)
        self.get("near/night?wid=20")

    def test_direct_access(self):
        self.assertEqual(self.width("ids/known"), 30)
        self.get("ids/night", 403)

    def test_error_detail(self):
        self.assertIn("gone", self.get("near/gone", 403).body.decode())
        self.assertNotIn("gone", self.get("terse/gone", 403).body.decode())


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
        wait_until(lambda: says in self.server.log.read_text()[len(before):], f"the word: {says}")
        deadline, in_a_row = time.monotonic() + PATIENCE, 0
        said = self.server.log.read_text()[len(before):]
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

        def reload_often():
            try:
                for hours in (2, 3, 4):
                    self.write("live", f"Bfc = false\nRootPath = demo\nExpiration = {hours}\n")
                    self.reload("configuration reloaded", hours * 3600)
                    wait_until(lambda: all(n > 4 * hours for n in counts), "requests of all three clients")
            finally:
                stop.set()

        at_once(fire, 3, reload_often)
        self.assertEqual(bad, [])

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
