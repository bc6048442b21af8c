"""Options of the servers from the environment: SMARTIMG_LISTEN and its like."""

import os
import pathlib
import re
import socket
import subprocess
import tempfile
import unittest

from server import PROJECT, run
from test_configuration import ServerOptions

# how shells, Python and C read a variable
READ = re.compile(r'(?:environ(?:\.get\(|\[)|getenv\()"(SMARTIMG_[A-Z_]+)"|\$\{?(SMARTIMG_[A-Z_]+)')


def variable(option):
    return "SMARTIMG_" + option.upper().replace("-", "_")


def run_with(variables, *arguments):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SMARTIMG_")}
    return run(*arguments, env={**kept, **variables})


class Environment(unittest.TestCase):
    server = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def busy_port(self):
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        return f"127.0.0.1:{taken.getsockname()[1]}"

    def test_command_line_then_environment_then_file(self):
        line, environment, file = (self.busy_port() for _ in range(3))
        (self.folder / "smartimg.ini").write_text(f"listen = {file}\n")
        for wanted, variables, options in (
                (line, {"SMARTIMG_LISTEN": environment}, ["--listen", line]),
                (environment, {"SMARTIMG_LISTEN": environment}, []),
                (file, {"SMARTIMG_LISTEN": ""}, []),
                (file, {}, [])):
            with self.subTest(variables=variables, options=options):
                variables |= {"SMARTIMG_CONFIG": str(self.folder), "SMARTIMG_CACHE": str(self.folder / "cache"),
                              "SMARTIMG_ROOT": str(self.folder)}
                done = run_with(variables, "serve", *options)
                self.assertEqual((done.returncode, done.stderr), (1, f"smartimg: port {wanted} is in use\n"))

    def test_every_option_has_a_variable_that_mistakes_name(self):
        for command in ("serve", "renderer"):
            wrong = {}
            for owner, name, span, _ in ServerOptions.rows():
                limits = re.match(r"(\d+) to (\d+)", span)
                if owner == command and limits:
                    wrong[variable(name)] = str(int(limits.group(2)) + 1)
                elif owner == command and span.startswith("bytes"):
                    wrong[variable(name)] = "many"
            self.assertGreater(len(wrong), 8)
            done = run_with(wrong, command)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(set(re.findall(r'(?m)^smartimg: (SMARTIMG_\w+): "', done.stderr)), set(wrong))
            self.assertNotIn("warning", done.stderr)

    def test_what_stands_on_the_command_line_is_not_read(self):
        done = run_with({"SMARTIMG_WORKERS": "none"}, "renderer", "--workers", "1")
        self.assertEqual((done.returncode, done.stderr), (2, "smartimg: renderer: name either --socket or --listen\n"))

    def test_unknown_names_are_warned_of(self):
        names = {"SMARTIMG_LISTNE": "; did you mean SMARTIMG_LISTEN?", "SMARTIMG_FROBNICATE": "",
                 "SMARTIMG_": ""}
        done = run_with({name: "x" for name in names}, "renderer")
        self.assertEqual(done.returncode, 2)
        for name, meant in names.items():
            self.assertIn(f"smartimg: warning: {name} is no option{meant}\n", done.stderr)

    def test_those_of_our_own_are_known(self):
        """Tools and tests find theirs in the environment that they call the program in."""
        files = subprocess.run(["git", "ls-files", "tests", "tools", "bench", "fuzz", "run", "test"], cwd=PROJECT,
                               capture_output=True, text=True, check=True).stdout.split()
        names = set()
        for name in files:
            path = PROJECT / name
            if name != "tests/http/test_environment.py" and path.is_file() and path.stat().st_size < 1 << 20:
                for found in READ.findall(path.read_text(errors="replace")):
                    names |= set(found) - {""}
        self.assertLessEqual({"SMARTIMG_BUILD", "SMARTIMG_SHARED", "SMARTIMG_LINK", "SMARTIMG_AOM"}, names)
        names |= {"SMARTIMG_PRELOAD", "SMARTIMG_SERVICE_HOST", "SMARTIMG_SERVICE_PORT", "SMARTIMG_PORT",
                  "SMARTIMG_PORT_8080_TCP_ADDR"}  # the latter are Kubernetes's, beside a service smartimg
        options = {variable(row[1]) for row in ServerOptions.rows()}
        self.assertFalse({n for n in names if n in options}, "an option must not take the name of another variable")
        done = run_with({name: "x" for name in names}, "renderer")
        self.assertEqual(done.stderr, "smartimg: renderer: name either --socket or --listen\n")

    def test_purge_goes_by_the_cache_of_the_server(self):
        done = run_with({"SMARTIMG_CACHE": str(self.folder / "nowhere")}, "purge", "--all")
        self.assertEqual(done.returncode, 1)
        self.assertIn(str(self.folder / "nowhere"), done.stderr)
