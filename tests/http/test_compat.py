"""smartimg compat: what other servers' URLs do here, and how two servers' answers compare."""

import json
import unittest

from server import run

URLS = """https://elsewhere.example/is/image/demo/product?wid=200&qlt=85&ck=12
/is/image/demo/landscape?$tiny$
/is/image/demo/landscape?wid=120&layer=1&src=is{demo/product?op_blur=1}&size=60,0
/is/image/demo/nothing?wid=300
/is/image/demo/landscape?wid=none
127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /is/image/demo/product?req=imageprops HTTP/1.1" 200 26
127.0.0.1 - - [10/Oct/2026:13:55:36 +0000] "GET /other HTTP/1.1" 200 26
"""


class Compat(unittest.TestCase):
    server = None

    @classmethod
    def prepare(cls, root, companies):
        (companies / "demo.ini").write_text("[presets]\ntiny = wid=90&op_sharpen=1\n")

    def run_compat(self, text, *options):
        urls = self.server.folder / "urls.txt"
        urls.write_text(text)
        report = self.server.folder / "compat.json"
        done = run("compat", urls, "--root", self.server.root, "--config", self.server.config,
                   "--json", report, *options)
        return done, json.loads(report.read_text())

    def test_commands_are_told_apart(self):
        done, report = self.run_compat(URLS)
        self.assertEqual(done.returncode, 1, done.stderr)
        outcomes = [row["outcome"] for row in report["urls"]]
        self.assertEqual(outcomes.count("works"), 4, done.stdout)
        self.assertEqual(outcomes.count("refused"), 1)
        self.assertEqual(outcomes.count("no such image here"), 1)
        commands = {row["name"]: row for row in report["commands"]}
        self.assertEqual(commands["ck"]["verdict"], "ignored")
        self.assertEqual(commands["wid"]["refused"], 1)
        self.assertEqual(commands["wid"]["urls"], 5)  # one of them in a preset
        self.assertEqual(commands["op_sharpen"]["verdict"], "supported")
        self.assertEqual(commands["op_blur"]["urls"], 1)  # in a nested request
        self.assertIn("wid: expected", done.stdout)
        self.assertIn("1 lines about something else", done.stdout)

    def test_nothing_refused_is_success(self):
        self.assertEqual(self.run_compat("/is/image/demo/product?wid=10\n")[0].returncode, 0)

    def test_two_servers_are_compared(self):
        """Against itself: equal sizes, equal looks."""
        done, report = self.run_compat(
            "/is/image/demo/product?wid=200\n/is/image/demo/landscape?wid=150&fmt=png\n",
            "--against", f"http://127.0.0.1:{self.server.port}")
        self.assertEqual(done.returncode, 0, done.stderr)
        for row in report["urls"]:
            self.assertEqual((row["our_status"], row["their_status"]), (200, 200), row)
            self.assertEqual((row["our_width"], row["our_height"]),
                             (row["their_width"], row["their_height"]))
            self.assertGreater(row["score"], 99.9, row)
        self.assertIn("2 of them of equal size", done.stdout)

    def test_a_server_that_is_not_there(self):
        done, report = self.run_compat("/is/image/demo/product?wid=200\n",
                                       "--against", "http://127.0.0.1:1")
        self.assertEqual(report["urls"][0]["their_status"], 0)
        self.assertTrue(report["urls"][0]["error"])
        for bad in ("ftp://127.0.0.1", "127.0.0.1", "http://127.0.0.1/?x"):
            done = run("compat", "/dev/null", "--against", bad)
            self.assertEqual(done.returncode, 1)
            self.assertIn("is no address", done.stderr)
