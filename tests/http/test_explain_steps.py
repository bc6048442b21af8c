"""`smartimg explain --steps` on the command line; tests/unit/test_steps.c has the steps themselves."""

import json
import pathlib
import shutil
import tempfile
import unittest

from server import PROJECT, run


class ExplainSteps(unittest.TestCase):

    def setUp(self):
        self.config = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-steps-"))
        self.addCleanup(shutil.rmtree, self.config, ignore_errors=True)
        (self.config / "companies").mkdir()
        (self.config / "companies/demo.ini").write_text("[presets]\nthumb = wid=40&hei=30\n")

    def explain(self, url, *options):
        return run("explain", url, "--root", PROJECT / "pictures", "--config", self.config, "--steps", *options)

    def test_text(self):
        done = self.explain("/is/image/demo/product?$thumb$&wid=20&evil=\x1b[2J", "--recipe")
        self.assertEqual(done.returncode, 0, done)
        lines = done.stdout.splitlines()
        self.assertIn("command    wid=40, of the view, overridden  [preset, companies/demo.ini:2]", lines)
        self.assertIn("command    wid=20, of the view  [query]", lines)
        self.assertIn("ignored    evil=?[2J: no command has this name  [query]", lines)
        self.assertTrue(lines[-1].startswith("recipe     smartimg/"))
        plain = run("explain", "/is/image/demo/product?$thumb$&wid=20&evil=\x1b[2J", "--root", PROJECT / "pictures",
                    "--config", self.config, "--recipe")
        self.assertEqual(lines[-1], f"recipe     {plain.stdout.strip()}")  # to watch changes nothing

    def test_with_the_reply(self):
        done = self.explain("/is/image/demo/product?wid=20", "--fast")
        self.assertEqual(done.returncode, 0, done)
        self.assertLess(done.stdout.index("request    demo/product?wid=20"), done.stdout.index("client   plain"))
        self.assertIn("verdict", done.stdout)

    def test_json(self):
        done = self.explain("/is/image/demo/product?$thumb$&wid=20", "--json", "--fast")
        steps = json.loads(done.stdout)["steps"]
        self.assertEqual([s["step"] for s in steps], ["request", "company", "object", "file", "preset", "command", "command",
                                                      "command", "formats"])
        self.assertEqual(steps[5], {"step": "command", "depth": 0, "text": "wid=40, of the view", "from": "preset",
                                    "file": "companies/demo.ini", "line": 2, "overridden": True})

    def test_static_content(self):
        (self.config / "companies/demo.ini").write_text("StaticContentRootPath = demo\n[static note]\nPath = product.jpg\n")
        done = self.explain("/is/content/demo/note?req=props")
        self.assertIn('object     "demo/note" is static content  [record, companies/demo.ini:3]\n'
                      "file       demo/product.jpg", done.stdout)

    def test_what_fails(self):
        done = self.explain("/is/image/demo/product?wid=x")
        self.assertEqual(done.returncode, 1)
        self.assertIn("\ncommand    wid=x, of the view  [query]\n", done.stdout)
        self.assertIn("\nerror      wid: ", done.stdout)
