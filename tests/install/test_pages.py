#!/usr/bin/python3
"""Manual pages and shell completion, as `smartimg config` prints them.

    python3 tests/install/test_pages.py [-v]

SMARTIMG_BUILD names the build folder."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

PROJECT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SMARTIMG_BUILD", PROJECT / "build")).resolve()
PROGRAM = BUILD / "src/cli/smartimg"


def output(*command, **more):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True, **more).stdout


def commands():
    """{command: its options}, from the help."""
    names = re.findall(r"^  (\S+) ", output(PROGRAM, "help").split("Commands:")[1], re.M)
    return {name: re.findall(r"^    (?:-\w, )?--([\w-]+)", output(PROGRAM, "help", name).split("\nOPTIONS\n")[-1], re.M)
            for name in names if not name.startswith("-") and name != "help"}


class PagesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.commands = commands()
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-pages-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)

    def script(self, shell):
        file = self.folder / f"smartimg.{shell}"
        file.write_text(output(PROGRAM, "config", "completion", shell))
        return file

    def test_a_page_for_each_command(self):
        self.assertGreater(len(self.commands), 9)
        names = output(PROGRAM, "config", "man").split()
        self.assertEqual(names, ["smartimg.1", *(f"smartimg-{c}.1" for c in self.commands), "smartimg.ini.5"])

    def test_every_option_is_in_its_page(self):
        for command, options in self.commands.items():
            page = output(PROGRAM, "config", "man", f"smartimg-{command}.1").replace("\\-", "-")
            for option in set(options) - {"help"}:
                self.assertIn(f"--{option}", page, command)
        page = output(PROGRAM, "config", "man", "smartimg.ini.5").replace("\\-", "-")
        listed = re.findall(r"^\.TP\n\.BI ([\w-]+) ", page, re.M)
        self.assertEqual(listed, [o for o in self.commands["serve"] if o not in ("config", "help")])

    def test_pages_are_well_formed(self):
        if not shutil.which("man"):
            self.skipTest("there is no man")
        for name in output(PROGRAM, "config", "man").split():
            (self.folder / name).write_text(output(PROGRAM, "config", "man", name))
            done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", self.folder / name],
                                  capture_output=True, text=True, env={**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "80"})
            self.assertEqual((done.returncode, done.stderr), (0, ""), name)

    def test_what_does_not_exist(self):
        for action in (("man", "smartimg-fly.1"), ("completion", "tcsh"), ("completion",)):
            done = subprocess.run([PROGRAM, "config", *action], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout), (2, ""), action)
            self.assertIn("completion (bash | zsh | fish)", done.stderr)

    def complete_in_bash(self, line, folder=None):
        """What bash offers behind these words, of which the last one may be empty."""
        words = " ".join(f"'{w}'" for w in line.split(" "))
        return output("bash", "-c", f"compopt() {{ :; }}\n. {self.script('bash')}\nCOMP_WORDS=({words})\n"
                      "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_smartimg\nprintf '%s\\n' \"${COMPREPLY[@]}\"",
                      cwd=folder or self.folder).split()

    def test_bash(self):
        self.assertEqual(self.complete_in_bash("smartimg "), [*self.commands, "help", "--version"])
        self.assertEqual(self.complete_in_bash("smartimg ser"), ["serve"])
        self.assertEqual(self.complete_in_bash("smartimg help pur"), ["purge"])
        for command, options in self.commands.items():
            self.assertEqual(self.complete_in_bash(f"smartimg {command} --"), [f"--{o}" for o in options])
        self.assertEqual(self.complete_in_bash("smartimg serve --playground o"), ["on", "off"])
        self.assertEqual(self.complete_in_bash("smartimg serve --listen "), [])
        with tempfile.TemporaryDirectory() as name:
            (pathlib.Path(name) / "images").mkdir()
            (pathlib.Path(name) / "index").touch()
            self.assertEqual(self.complete_in_bash("smartimg serve --root i", name), ["images"])
            self.assertEqual(sorted(self.complete_in_bash("smartimg serve --tls-key i", name)), ["images", "index"])

    def test_zsh(self):
        if not shutil.which("zsh"):
            self.skipTest("there is no zsh")
        output("zsh", "-n", self.script("zsh"))
        # what _describe and _arguments of zsh's completion get
        told = output("zsh", "-fc", f"_describe() {{ print -l -- ${{(P)2}} }}\n_arguments() {{ print -l -- \"$@\" }}\n"
                      f"words=(smartimg '') CURRENT=2\n. {self.script('zsh')}\n"
                      f"words=(smartimg serve '') CURRENT=3\n_smartimg")
        for command in self.commands:
            self.assertRegex(told, rf"(?m)^{command}:")
        for option in self.commands["serve"]:
            self.assertRegex(told, rf"(?m)^--{option}\[.*\]")
        self.assertRegex(told, r"(?m)^--root\[.*\]:folder:_directories$")

    def test_fish(self):
        if not shutil.which("fish"):
            self.skipTest("there is no fish")
        environment = {**os.environ, "HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder)}
        script = self.script("fish")
        told = output("fish", "-c", f"source {script}; complete -C 'smartimg '", env=environment)
        self.assertEqual({line.split("\t")[0] for line in told.splitlines()}, {*self.commands, "help"})
        told = output("fish", "-c", f"source {script}; complete -C 'smartimg serve --'", env=environment)
        self.assertEqual({line.split("\t")[0] for line in told.splitlines()},
                         {f"--{o}" for o in self.commands["serve"] if o != "help"})


if __name__ == "__main__":
    unittest.main()
