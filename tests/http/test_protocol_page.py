"""docs/protocol.md: that it is current, and that each request it shows is answered as it shows."""

import json
import os
import shutil
import subprocess
import sys
import unittest

from picture import size
from server import BUILD, PLAIN, PROJECT, run

TOOL = PROJECT / "tools/protocol-page"
FONTS = "/usr/share/fonts/truetype/dejavu"


def page_tool(*arguments):
    return subprocess.run([sys.executable, TOOL, *arguments], capture_output=True, text=True,
                          env={**os.environ, "SMARTIMG_BUILD": str(BUILD)})


class ProtocolPage(unittest.TestCase):
    server = None

    @staticmethod
    def prepare(root, companies):
        """The sample company as `page`."""
        (root / "demo/fonts").mkdir(exist_ok=True)
        for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"):
            shutil.copy(f"{FONTS}/{name}", root / "demo/fonts")
        sample = PROJECT / "conf/sample/companies"
        for file in sample.glob("demo-*"):
            shutil.copy(file, companies)
        (companies / "page.ini").write_text(
            "RootPath = demo\n" + (sample / "demo.ini").read_text()
            + "\n[presets]\nthumbnail = wid=160&hei=160&fit=constrain&op_usm=1,0.6,4,0\n"
              "[fonts]\nSans = fonts/DejaVuSans.ttf\nSans = fonts/DejaVuSans-Bold.ttf,bold\n")

    def test_page_is_current(self):
        made = page_tool("--check")
        self.assertEqual((made.returncode, made.stderr), (0, ""))

    def test_every_example(self):
        for example in json.loads(page_tool("--examples").stdout):
            url = "/is/image/" + example["url"].replace("demo/", "page/").replace(" ", "%20")
            with self.subTest(url=url):
                reply = self.server.request(url, {"Accept": PLAIN})
                self.assertEqual(reply.status, 200, reply)
                if example["file"]:
                    shown = (PROJECT / "docs/examples" / example["file"]).read_bytes()
                    self.assertEqual(size(reply.body), size(shown))

    def test_pictures_are_small(self):
        sizes = [file.stat().st_size for file in (PROJECT / "docs/examples").iterdir()]
        self.assertLess(max(sizes), 40_000)
        self.assertLess(sum(sizes), 600_000)


class Help(unittest.TestCase):
    def help(self, *arguments):
        return run("help", *arguments)

    def test_one_command(self):
        page = self.help("OP_USM")
        self.assertEqual(page.returncode, 0)
        self.assertIn("op_usm= - unsharp mask", page.stdout)
        self.assertIn("0…5[,0…250[,0…255[,0|1]]]", page.stdout)
        self.assertIn("part 2: 0…250 pixels, held to that", page.stdout)
        self.assertIn("finished view", page.stdout)

    def test_types_of_requests(self):
        self.assertRegex(self.help("req").stdout, r"(?m)^    props +text\|javascript\|xml\|json$")

    def test_formats(self):
        self.assertRegex(self.help("fmt").stdout, r"(?m)^    webp-alpha +image/webp$")

    def test_list_and_json_agree(self):
        listed = self.help("commands").stdout
        table = json.loads(self.help("commands", "--json").stdout)
        self.assertGreater(len(table["commands"]), 90)
        parts = {row["name"]: row["parts"] for row in table["commands"]}
        self.assertEqual([parts["qlt"][0][key] for key in ("kind", "min", "max", "max_held")], ["int", 1, 100, True])
        self.assertEqual(parts["flip"][0]["words"], "lr|ud|lrud")
        page = (PROJECT / "docs/protocol.md").read_text()
        for row in table["commands"]:
            self.assertIn(f"\n## {row['section']}\n", page)
            self.assertRegex(listed, rf"(?m)^  {row['name']} +\S")

    def test_unknown(self):
        self.assertEqual(self.help("nothing").returncode, 2)
        self.assertEqual(self.help("commands", "--xml").returncode, 2)
