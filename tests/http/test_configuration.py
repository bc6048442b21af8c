"""The options of the servers: one table, from which help, smartimg.ini, its check and the page are made."""

import pathlib
import re
import tempfile
import unittest

from server import PROJECT, run


class ServerOptions(unittest.TestCase):
    server = None

    @staticmethod
    def rows():
        """(command, name, range, default) of each option on the page, of both commands twice."""
        page = run("config", "options").stdout
        for title, section in re.findall(r"(?ms)^## (.*?)\n(.*?)(?=^## |\Z)", page):
            for row in re.findall(r"(?m)^\| `([\w-]+)` \| [^|]* \| ([^|]*) \| ([^|]*) \|", section):
                for command in ("serve", "renderer"):
                    if command in title or "both" in title:
                        yield command, *row

    def check(self, lines):
        """What `config check` says of a smartimg.ini: exit status, and the lines that it complains of."""
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "smartimg.ini").write_text("\n".join(lines) + "\n")
            done = run("config", "check", folder)
        said = re.findall(r'smartimg\.ini:(\d+): ([\w-]+): "-?\d+" is out of range', done.stdout)
        return done.returncode, {int(line): name for line, name in said}

    def test_page_is_current(self):
        self.assertEqual(run("config", "options").stdout, (PROJECT / "docs/configuration.md").read_text(),
                         "smartimg config options > docs/configuration.md")

    def test_help_has_every_option_with_its_default(self):
        rows = list(self.rows())
        self.assertGreater(len(rows), 30)
        pages = {command: run("help", command).stdout for command in ("serve", "renderer")}
        for command, name, span, default in rows:
            with self.subTest(command=command, option=name):
                paragraph = re.search(rf"(?ms)^    --{name} [A-Z].*?\n\n", pages[command]).group()
                words = " ".join(paragraph.split())
                self.assertTrue(words.endswith(f" Default: {default.strip('`')}."), words)
                self.assertIn(span, words)
        for command, text in pages.items():
            self.assertEqual(len(re.findall(r"(?m)^    --", text)), sum(row[0] == command for row in rows))

    def test_smartimg_ini_takes_defaults_and_keeps_to_ranges(self):
        good, bad, names = [], [], []
        for _, name, span, default in self.rows():
            if default.startswith("`"):
                good.append(f"{name} = {default.strip('`')}")
            limits = re.match(r"(\d+) to (\d+)", span)
            if limits:
                low, high = int(limits.group(1)), int(limits.group(2))
                good += [f"{name} = {low}", f"{name} = {high}"]
                bad += [f"{name} = {low - 1}", f"{name} = {high + 1}"]
                names += [name] * 2
        self.assertGreater(len(bad), 20)
        self.assertEqual(self.check(good), (0, {}))
        self.assertEqual(self.check(bad), (1, dict(enumerate(names, 1))))
