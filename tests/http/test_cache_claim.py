"""One cache folder has one server, and is free again however that ends."""

import fcntl
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from ports import free_port
from server import PROJECT, SMARTIMG, QuietHandler, run, start_origin
from waiting import PATIENCE, wait_until

USER = 65534  # nobody


class CacheClaim(unittest.TestCase):

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-claim-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.root, self.cache = self.folder / "root", self.folder / "cache"
        self.root.mkdir()
        shutil.copytree(PROJECT / "pictures/demo", self.root / "demo")

    def arguments(self, port, *options):
        return ["serve", "--root", self.root, "--cache", self.cache, "--listen", f"127.0.0.1:{port}",
                "--renderers", "1", "--workers", "1", "--access-log", self.folder / "access.log", *options]

    def start(self, *options):
        port = free_port()
        server = subprocess.Popen([SMARTIMG, *self.arguments(port, *options)], stdout=subprocess.PIPE, text=True,
                                  stderr=subprocess.DEVNULL)
        self.addCleanup(self.end, server)
        while "ready on" not in (line := server.stdout.readline()):
            self.assertTrue(line, "serve did not start")
        return server, port

    def end(self, server):
        if server.poll() is None:
            server.terminate()
            server.wait(PATIENCE)
        server.stdout.close()

    def holders(self, pids):
        """Names of those processes that have the file of the claim open."""
        found = set()
        for pid in pids:
            folder = pathlib.Path(f"/proc/{pid}")
            try:
                if any(os.path.realpath(f) == str(self.cache / "server") for f in (folder / "fd").iterdir()):
                    found.add((folder / "comm").read_text().strip())
            except OSError:  # ended
                pass
        return found

    def test_second_server(self):
        server, port = self.start()
        upload = self.cache / "uploads-arriving/half"  # the second server must not tidy up
        upload.parent.mkdir(exist_ok=True)
        upload.write_text("")
        second = run(*self.arguments(free_port()))
        self.assertEqual(second.returncode, 1)
        self.assertEqual(second.stderr, f"smartimg: the server on 127.0.0.1:{port}, process {server.pid}, has the cache "
                         f"folder {self.cache}: stop that one, or name another folder with --cache\n")
        self.assertTrue(upload.exists())
        self.assertIsNone(server.poll())
        self.end(server)
        self.start()

    def test_after_a_crash(self):
        """Whoever starts a server again at once needs not wait, nor tidy up."""
        server, _ = self.start()
        server.kill()
        server.wait(PATIENCE)
        server, _ = self.start()
        self.assertIsNone(server.poll())

    def test_nginx_has_it_too(self):
        """It may outlive its server, and renderers that do are nobody's reason to wait."""
        self.start()
        every = [int(e.name) for e in pathlib.Path("/proc").iterdir() if e.name.isdigit()]
        self.assertEqual(self.holders(every), {"smartimg", "nginx"})

    def test_rest_of_a_server_that_died(self):
        """The next server waits until it has ended."""
        died = subprocess.Popen(["true"])
        died.wait()
        self.cache.mkdir()
        with open(self.cache / "server", "w") as rest:
            fcntl.flock(rest, fcntl.LOCK_EX)
            rest.write(f"pid={died.pid}\nlisten=127.0.0.1:1\n")
            rest.flush()
            second = subprocess.Popen([SMARTIMG, *self.arguments(free_port())], stdout=subprocess.PIPE, text=True,
                                      stderr=subprocess.DEVNULL)
            self.addCleanup(self.end, second)
            wait_until(lambda: self.holders([second.pid]), "the second server's look at the folder")
            self.assertIn(f"pid={died.pid}\n", (self.cache / "server").read_text())
            self.assertIsNone(second.poll())
        self.assertIn("ready on", second.stdout.readline())
        self.assertIn(f"pid={second.pid}\n", (self.cache / "server").read_text())

    def run_as_user(self, *arguments):
        """As somebody who is not root, whose usual cache folder is in self.folder."""
        if os.geteuid() == 0:
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, USER, USER)
        who = {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}
        try:
            return run(*arguments, env=dict(os.environ, XDG_CACHE_HOME=str(self.folder)), cwd="/", **who)
        except PermissionError:
            self.skipTest("the program lies where nobody but root may go")

    def test_commands_find_the_server(self):
        """The one of the usual cache folder needs not be named; but nobody else's word counts."""
        asked = []

        class Handler(QuietHandler):
            def do_GET(self):
                asked.append(self.path)
                self.answer(b"smartimg_requests_total 5\n")

        origin = start_origin(Handler)
        self.addCleanup(origin.shutdown)
        says = self.folder / "smartimg/server/server"
        says.parent.mkdir(parents=True)
        address = f"0.0.0.0:{origin.server_port}"
        says.write_text(f"pid=1\nroot=/\nlisten={address}\nadmin_listen={address}\n")
        urls = self.folder / "urls"
        urls.write_text("/is/image/a\n")
        done = self.run_as_user("warm", urls, "--classes", "plain")
        self.assertEqual(done.returncode, 0, done)
        done = self.run_as_user("top", "--once", "--interval", "1")
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(asked, ["/is/image/a", "/metrics", "/metrics"])
        if os.geteuid() == 0:
            os.chown(says, USER - 1, USER - 1)
            done = run("top", "--once", env=dict(os.environ, XDG_CACHE_HOME=str(self.folder)), user=USER, cwd="/")
            self.assertEqual(done.returncode, 2)
            self.assertIn("name the address", done.stderr)

    def test_links_are_not_followed(self):
        other = self.folder / "other"
        other.write_text("mine")
        self.cache.mkdir()
        for make in (os.symlink, os.link):
            with self.subTest(make.__name__):
                make(other, self.cache / "server")
                done = run(*self.arguments(free_port()))
                self.assertEqual(done.returncode, 1)
                self.assertIn(f"cannot open {self.cache}/server", done.stderr)
                self.assertEqual(other.read_text(), "mine")
                (self.cache / "server").unlink()
