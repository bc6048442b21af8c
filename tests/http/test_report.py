"""smartimg report: lists, logs and folders; totals, state files, the page; and what hostile input costs."""

import collections
import html
import html.parser
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from server import PROJECT, SMARTIMG
from test_browser import CHROMIUM
from waiting import PATIENCE, wait_until

SMALL = "wid=160&qlt=85&bfc=on"
LOG = """\
192.0.2.1 - - [10/Oct/2025:13:55:36 +0000] "GET /is/image/demo/night?wid=90&bfc=on HTTP/1.1" 200 2326
192.0.2.1 - amy [10/Oct/2025:13:55:36 +0000] "GET /is/image/demo/night?wid=90&bfc=on HTTP/1.1" 304 0 "http://x/" "A \\"b\\" c"
192.0.2.1 [2025-10-10T10:10:10+00:00] "GET /is/image/demo/fabric?wid=90&bfc=on HTTP/2.0" 200 123 cache=MISS class=avif time=0.1 render=0.1 recipe="smartimg/1&co=demo"
192.0.2.1 [2025-10-10T10:10:10+00:00] "HEAD /is/image/demo/n\\xC3\\xB6?wid=90 HTTP/1.1" 200 0 cache=HIT
192.0.2.1 - - [x] "GET /healthz HTTP/1.1" 200 3
192.0.2.1 - - [x] "GET /is/image/demo/gone?wid=90 HTTP/1.1" 403 30
192.0.2.1 - - [x] "POST /is/image/demo/night?wid=90 HTTP/1.1" 200 30
192.0.2.1 - - [x] "\\x16\\x03\\x01" 400 0

# a comment
neither a request nor a line of a log
"""


class Tags(html.parser.HTMLParser):
    """The tags of a page, counted, and their attributes."""

    def __init__(self):
        super().__init__()
        self.count, self.attributes = collections.Counter(), []

    def handle_starttag(self, tag, attrs):
        self.count[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]


class Report(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.root = self.folder / "root"
        shutil.copytree(PROJECT / "pictures/demo", self.root / "demo")

    def command(self, *arguments):
        return [SMARTIMG, "report", *map(str, arguments)]

    def report(self, *arguments, status=0, options=("--fast",)):
        """The text of a report, which must end with this status, and what it has in JSON."""
        out = self.folder / "report.json"
        out.unlink(missing_ok=True)
        done = subprocess.run(self.command(*options, "--json", out, *arguments), capture_output=True, text=True,
                              timeout=600)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertNotIn("Sanitizer", done.stderr)
        self.errors = done.stderr
        return done.stdout, json.loads(out.read_text()) if out.exists() else None

    def list(self, text):
        path = self.folder / "list"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def check_sums(self, data):
        totals, rows = data["totals"], data["rows"]
        images = [r for r in rows if "sent" in r]
        self.assertEqual(totals["requests"], sum(r["requests"] for r in rows) + totals["unanswered"])
        self.assertEqual(totals["ok"] + totals["errors"] + totals["unanswered"], totals["requests"])
        self.assertEqual(totals["images"], sum(r["requests"] for r in images))
        for field in ("requested_bytes", "sent_bytes"):
            self.assertEqual(totals[field], sum(r["requests"] * r[field] for r in images))
            for split in ("by_format", "by_request", "by_kind"):
                self.assertEqual(totals[field], sum(share[field] for share in data[split]))
        self.assertEqual(totals["images"], sum(b["requests"] for b in data["savings"]))
        self.assertEqual(sum(r["requests"] for r in images if r["margin"] is not None),
                         sum(b["requests"] for b in data["margins"]))
        for r in images:
            self.assertLessEqual(r["sent_bytes"], r["requested_bytes"])

    # ---- what is asked for ----

    def test_folder_of_companies(self):
        text, data = self.report(self.root, "--query", SMALL)
        self.check_sums(data)
        self.assertTrue(data["complete"])
        self.assertEqual(data["totals"]["ok"], len(list((self.root / "demo").iterdir())))
        self.assertEqual(data["totals"]["below_target"], 0)
        self.assertGreater(data["totals"]["saved_percent"], 10)
        self.assertIn("saved ", text)
        savings = {r["url"]: r["saved_percent"] for r in data["rows"]}
        self.assertEqual([savings[u] for u in data["best"]], sorted(savings.values(), reverse=True))
        self.assertEqual(data["worst"], data["best"][::-1])
        for r in data["rows"]:
            self.assertGreaterEqual(r["margin"], -0.5)
            self.assertAlmostEqual(r["margin"], r["score"] - r["target"], 3)

    def test_folder_that_is_a_company_and_odd_names(self):
        folder = self.root / "demo"
        os.rename(folder / "night.jpg", folder / "50% & nöt <b>.jpg")
        (folder / ".hidden.jpg").write_bytes((folder / "logo.png").read_bytes())
        (folder / "notes.txt").write_text("no picture")
        for arguments in ((folder,), (folder, "--root", self.root)):
            _, data = self.report(*arguments, "--query", SMALL)
            self.check_sums(data)
            self.assertEqual(data["totals"]["ok"], 8)
        self.assertIn(f"/is/image/demo/50%25%20%26%20n%C3%B6t%20%3Cb%3E.jpg?{SMALL}",
                      [r["url"] for r in data["rows"]])

    def test_list_of_urls_counts_repetitions(self):
        urls = self.list("https://img.example.com/is/image/demo/night?wid=90&bfc=on#top\r\n"
                         "/is/image/demo/night?wid=90&bfc=on\n\n# comment\n"
                         "  /is/image/demo/logo?wid=90&fmt=png-alpha&bfc=on\n"
                         "/is/image/demo/night?req=imageprops\n")
        _, data = self.report(urls, "--root", self.root)
        self.check_sums(data)
        self.assertEqual({r["url"]: r["requests"] for r in data["rows"]},
                         {"/is/image/demo/night?wid=90&bfc=on": 2, "/is/image/demo/logo?wid=90&fmt=png-alpha&bfc=on": 1,
                          "/is/image/demo/night?req=imageprops": 1})
        self.assertEqual({s["name"]: s["requests"] for s in data["by_request"]}, {"jpeg": 2, "png": 1})
        _, data = self.report(self.list("/is/image/demo/night?wid=90\n/is/image/demo/logo\n"), "--root", self.root,
                              "--query", "wid=80&bfc=on", "--accept", "image/webp")
        self.assertEqual([r["url"] for r in data["rows"]],
                         ["/is/image/demo/night?wid=90&wid=80&bfc=on", "/is/image/demo/logo?wid=80&bfc=on"])
        self.assertEqual([r["width"] for r in data["rows"]], [80, 80])
        self.assertIn("webp", [s["name"] for s in data["by_format"]])

    def test_access_logs(self):
        _, data = self.report(self.list(LOG), "--root", self.root, status=1)
        self.assertEqual({r["url"]: (r["requests"], r["status"]) for r in data["rows"]},
                         {"/is/image/demo/night?wid=90&bfc=on": (2, 200), "/is/image/demo/fabric?wid=90&bfc=on": (1, 200),
                          "/is/image/demo/n%C3%B6?wid=90": (1, 403)})
        self.assertEqual(data["totals"]["not_images"], 3)
        self.assertEqual(data["totals"]["unreadable_lines"], 2)

    def test_logs_in_json(self):
        good = {"kind": "request", "method": "GET", "uri": "/is/image/demo/night?wid=90&bfc=on", "status": 200}
        lines = [json.dumps(x) for x in (
            good, {**good, "status": 304, "user_agent": 'a"b\\c\n,{"}', "score": 81.5, "sampled": True},
            {**good, "method": "HEAD", "uri": "/is/image/demo/n\u00f6?wid=90"},
            {**good, "kind": "refresh"}, {"kind": "refinement", "recipe": "smartimg/1"},  # no client asked
            {**good, "status": 403}, {**good, "method": "POST"}, {**good, "uri": "/healthz"},
            {"kind": "request", "request": "\x16\x03", "status": 400})]
        unreadable = ['{"kind":"request","method":"GET","uri":"/is/image/demo/night"}', '{"status":200', '{"status":"x"}',
                      '{"status":200,}', '{"uri":"\\u12"}', '{"uri":"a\\', "{", '{"a":{"status":200}}', '{"status":200,"uri":"a']
        _, data = self.report(self.list("\n".join(lines + unreadable) + "\n"), "--root", self.root, status=1)
        self.assertEqual({r["url"]: r["requests"] for r in data["rows"]},
                         {"/is/image/demo/night?wid=90&bfc=on": 2, "/is/image/demo/n%C3%B6?wid=90": 1})
        self.assertEqual(data["totals"]["not_images"], 6)
        self.assertEqual(data["totals"]["unreadable_lines"], len(unreadable))

    def test_usage(self):
        self.report(status=2)
        self.report(self.root, self.root / "demo", status=2)
        self.report(self.root, "--jobs", "0", status=2)
        self.report(self.folder / "missing", status=1)
        self.report(self.list("# nothing\n"), status=1)
        self.report(self.root, "--root", PROJECT, status=1)

    # ---- what goes wrong ----

    def test_broken_files_are_rows(self):
        whole = (self.root / "demo/night.jpg").read_bytes()
        (self.root / "demo/broken.jpg").write_bytes(whole[:len(whole) // 3])
        (self.root / "demo/junk.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"junk" * 100)
        text, data = self.report(self.root, "--query", SMALL, status=1)
        self.check_sums(data)
        self.assertEqual((data["totals"]["ok"], data["totals"]["errors"]), (8, 2))
        bad = {r["url"].split("?")[0]: r for r in data["rows"] if r["status"] != 200}
        self.assertEqual(set(bad), {"/is/image/demo/broken.jpg", "/is/image/demo/junk.png"})
        for row in bad.values():
            self.assertEqual(row["status"], 403)
            self.assertIn(row["error"], text)

    def child(self, process):
        """A child of the report that is at work."""
        def found():
            for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
                try:
                    name, _, rest = stat.read_text().rpartition(")")
                except OSError:
                    continue
                if name.endswith("(smartimg-report") and int(rest.split()[1]) == process.pid:
                    return int(stat.parent.name)
            return None
        return wait_until(found, "a child of the report")

    def test_a_crash_costs_one_row(self):
        out = self.folder / "report.json"
        for _ in range(10):  # until the child is not just between two rows
            with subprocess.Popen(self.command("--fast", "-j1", "--json", out, self.root), stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as process:
                os.kill(self.child(process), signal.SIGABRT)
                status = process.wait(PATIENCE)
            data = json.loads(out.read_text())
            if data["totals"]["errors"]:
                break
        self.assertEqual(status, 1)
        self.check_sums(data)
        self.assertTrue(data["complete"])
        self.assertEqual((data["totals"]["ok"], data["totals"]["errors"]), (7, 1))
        self.assertIn("signal 6", [r["error"] for r in data["rows"] if r["status"] == 500][0])

    def test_hanging_costs_one_row(self):
        urls = self.list("/is/image/demo/pebbles?wid=2000&bfc=on\n/is/image/demo/logo?wid=20\n")
        out = self.folder / "report.json"
        for seconds in (3, 30, 60):  # until the other row has enough
            command = self.command("--fast", "-j1", "--timeout", seconds, "--root", self.root, "--json", out, urls)
            with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                os.kill(self.child(process), signal.SIGSTOP)  # not even its own alarm ends it now
                status = process.wait(PATIENCE)
            rows = json.loads(out.read_text())["rows"]
            if rows[1]["status"] == 200:
                break
        self.assertEqual(status, 1)
        self.assertEqual([r["status"] for r in rows], [503, 200])
        self.assertIn("took too long", rows[0]["error"])

    def without_root(self, pid):
        """What /proc tells of a process once it is not root any more; None if it has ended."""
        def read():
            try:
                lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
            except OSError:
                return {"Uid": ""}
            status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
            return {"Uid": "", **status} if status.get("Uid", "").split() != ["0"] * 4 else None
        status = wait_until(read, "a child without root")
        return status if status["Uid"] else None

    @unittest.skipIf(os.geteuid() != 0, "only root can give root up")
    def test_children_of_root_are_not_root(self):
        for path in (self.root / "demo").iterdir():
            path.chmod(0o600)
        out = self.folder / "report.json"
        for _ in range(10):  # until the child is not just about to end
            with subprocess.Popen(self.command("--fast", "-j1", "--json", out, self.root), stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) as process:
                child = self.child(process)
                os.kill(process.pid, signal.SIGSTOP)  # so that the child waits for it, however fast it is
                try:
                    status = self.without_root(child)
                finally:
                    os.kill(process.pid, signal.SIGCONT)
                self.assertEqual(process.wait(PATIENCE), 0)
            if status:
                break
        self.assertEqual(status["Uid"].split(), ["65534"] * 4)
        self.assertEqual(status["Gid"].split(), ["65534"] * 4)
        self.assertEqual((status["Groups"].split(), status["NoNewPrivs"]), ([], "1"))
        self.assertEqual({r["status"] for r in json.loads(out.read_text())["rows"]}, {200})

    # ---- state ----

    def test_resume_skips_what_is_there(self):
        state = self.folder / "state"
        arguments = (self.root, "--query", SMALL, "--resume", state)
        _, first = self.report(*arguments)
        lines = state.read_text().splitlines(keepends=True)
        self.assertEqual(len(lines), 9)
        # a forged row shows that it is not made again; the last one is cut short and is
        forged = json.loads(lines[1])
        forged["sent_bytes"] = 1
        state.write_text(lines[0] + json.dumps(forged, separators=(",", ":")) + "\n" + "".join(lines[2:-1])
                         + lines[-1][:40])
        _, again = self.report(*arguments)
        self.check_sums(again)
        self.assertIn("7 of 8", self.errors)
        self.assertEqual([r["sent_bytes"] for r in again["rows"] if r["url"] == forged["url"]], [1])

        def told(data):  # margins are made of scores that the state file rounds
            return [{k: v for k, v in r.items() if k not in ("ms", "margin")} for r in data["rows"]
                    if r["url"] != forged["url"]]
        self.assertEqual(told(again), told(first))
        self.assertEqual(len(state.read_text().splitlines()), 9)

    def test_resume_refuses_other_settings_and_other_files(self):
        state = self.folder / "state"
        self.report(self.list("/is/image/demo/logo?wid=20\n"), "--root", self.root, "--resume", state)
        self.report(self.folder / "list", "--root", self.root, "--resume", state, "--query", "bfc=on", status=1)
        self.assertIn("other settings", self.errors)
        other = self.folder / "letter"
        for text in ("Dear reader,\n", "{", "Dear"):
            other.write_text(text)
            self.report(self.folder / "list", "--root", self.root, "--resume", other, status=0 if text == "{" else 1)
            if text != "{":
                self.assertEqual(other.read_text(), text)

    def test_interrupt_keeps_what_is_done(self):
        state = self.folder / "state"
        command = self.command("-j1", "--resume", state, "--fast", self.root)
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            wait_until(lambda: state.exists() and state.read_text().count("\n") >= 2, "a row that is done")
            child = self.child(process)
            os.kill(child, signal.SIGSTOP)  # so that not all are done before the interrupt
            process.send_signal(signal.SIGINT)
            os.kill(child, signal.SIGCONT)
            out, errors = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, 1)
        self.assertIn("goes on from here", errors)
        self.assertIn("not yet answered", out)
        done = state.read_text().count("\n") - 1
        self.assertTrue(1 <= done < 8, done)
        _, data = self.report(self.root, "-j2", "--resume", state)
        self.assertIn(f"{done} of 8", self.errors)
        self.assertEqual(data["totals"]["ok"], 8)
        self.check_sums(data)

    # ---- the page ----

    HOSTILE = "/is/image/demo/<script>alert(1)</script>\"'><img src=http://evil.example/x onerror=alert(2)>?wid=9"

    def page(self):
        path = self.folder / "page.html"
        urls = self.list("".join(f"/is/image/demo/{p.name}?{SMALL}\n" for p in sorted((self.root / "demo").iterdir()))
                         + f"/is/image/demo/logo?{SMALL}&fmt=png-alpha\n/is/image/demo/logo?wid=50&fmt=tif\n"
                         + "/is/image/demo/pebbles?wid=1200&qlt=95&bfc=on\n" + self.HOSTILE + "\n")
        self.report(urls, "--root", self.root, "--html", path, status=1)
        return path

    def test_page_stands_alone(self):
        text = self.page().read_text()
        self.assertEqual(text.count("<tr><td class=t><button class=pair") + text.count("<tr><td class=t></td><td class=url"),
                         12)
        pictures = re.findall(r'<img alt="(?:requested|sent)" src="data:(image/[a-z]+);base64,([A-Za-z0-9+/]+=*)">', text)
        self.assertGreaterEqual(len(pictures), 20)
        for mime, data in pictures:
            self.assertIn(mime, ("image/jpeg", "image/png", "image/webp", "image/avif"))
            self.assertLess(len(data), 400_000 * 4 / 3)
        seen = Tags()
        seen.feed(text)
        for tag, name, value in seen.attributes:
            self.assertFalse(name.startswith("on"), (tag, name, value))
            if name in ("src", "href", "srcset", "action", "data", "poster", "style"):
                self.assertRegex(value, "^data:", (tag, name))
        self.assertEqual(seen.count["script"], 1)
        self.assertEqual(seen.count["style"], 1)
        style = text[text.index("<style>"):text.index("</style>")]
        self.assertNotRegex(style, r"url\(|@import")
        self.assertNotRegex(text[text.rindex("<script>"):], r"fetch|XMLHttp|import|http")

    def test_page_limits_its_pictures(self):
        path = self.folder / "page.html"
        self.report(self.root, "--query", SMALL, "--html", path, "--pictures", 3, "--resume", self.folder / "state")
        self.assertEqual(path.read_text().count("<button class=pair"), 3)
        # a second time there are rows, but no files left over from answering them
        self.report(self.root, "--query", SMALL, "--html", path, "--pictures", 3, "--resume", self.folder / "state")
        self.assertIn("8 of 8", self.errors)
        self.assertEqual(path.read_text().count("<button class=pair"), 3)
        self.report(self.root, "--query", SMALL, "--html", path, "--pictures", 0)
        self.assertEqual(path.read_text().count("<button class=pair"), 0)

    @unittest.skipUnless(CHROMIUM, "no chromium on this machine")
    def test_page_works_in_chromium(self):
        path = self.page()
        # the page's own script runs; then the test's sorts, opens a comparison, and looks at what is there
        path.write_text(path.read_text().replace("</body>", """<pre id=seen></pre><script>
        addEventListener('load', () => {
          const images = [...document.querySelectorAll('#rows img')];
          const head = [...document.querySelectorAll('#rows th')].find(h => h.textContent === 'saved %');
          head.querySelector('button').click();
          document.querySelector('.pair').click();
          document.getElementById('seen').textContent = JSON.stringify({
            rows: document.querySelectorAll('#rows tbody tr').length,
            broken: images.filter(i => !i.naturalWidth).length,
            savings: [...document.querySelectorAll('#rows tbody tr')].map(r => r.cells[7].dataset.v ?? null),
            open: document.getElementById('compare').open,
            left: document.getElementById('left').textContent});
        });</script></body>"""))
        done = subprocess.run(
            [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--enable-logging=stderr", f"--user-data-dir={self.folder}/profile", "--virtual-time-budget=20000",
             "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=PATIENCE)
        self.assertNotRegex(done.stderr, "CONSOLE")
        found = re.search(r"<pre id=\"seen\">(.+?)</pre>", done.stdout, re.S)
        seen = json.loads(html.unescape(found.group(1)))
        self.assertEqual((seen["rows"], seen["broken"], seen["open"]), (12, 0, True))
        self.assertIn("requested: ", seen["left"])
        self.assertEqual(seen["savings"][-1], None)
        numbers = [float(s) for s in seen["savings"][:-1]]
        self.assertEqual(numbers, sorted(numbers, reverse=True))


if __name__ == "__main__":
    unittest.main()
