#!/usr/bin/python3
"""What `meson install` puts below a prefix is all that `smartimg serve` needs.

    python3 tests/install/test_install.py [-v]

Installs into a folder, moves the prefix elsewhere, and runs the server from there, with the build folder, the
sources and the libaom of tools/setup hidden where the system lets us. SMARTIMG_BUILD names the build folder."""

import http.client
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

PROJECT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SMARTIMG_BUILD", PROJECT / "build")).resolve()
sys.path.insert(0, str(PROJECT / "tests/http"))
from server import free_port  # noqa: E402
from waiting import PATIENCE  # noqa: E402


def aom_prefix():
    """Where tools/setup built libaom, or None where the system's is used."""
    prefix = subprocess.run([PROJECT / "tools/aom-prefix"], capture_output=True, text=True, check=True).stdout.strip()
    return pathlib.Path(prefix) if prefix else None


def hiding(folders):
    """The beginning of a command that sees these folders empty; [] where the system does not let us."""
    script = "".join(f"mount -t tmpfs none '{f}' && " for f in folders) + 'exec "$@"'
    for unshare in (["unshare", "--mount"], ["unshare", "--mount", "--map-root-user"]):
        begin = [*unshare, "sh", "-c", script, "sh"]
        if subprocess.run([*begin, "true"], capture_output=True).returncode == 0:
            return begin
    return []


def mapped_files(pid):
    """Files in the memory of a process and of those below it."""
    found, todo = set(), [pid]
    while todo:
        one = todo.pop()
        try:
            lines = pathlib.Path(f"/proc/{one}/maps").read_text().splitlines()
            for task in pathlib.Path(f"/proc/{one}/task").iterdir():
                todo += (task / "children").read_text().split()
        except OSError:  # it ended
            continue
        found |= {fields[5] for fields in (line.split(None, 5) for line in lines) if len(fields) == 6}
    return {f for f in found if f.startswith("/")}


class InstallTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-install-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", cls.folder / "dest"],
                       check=True, stdout=subprocess.DEVNULL)
        (program,) = (cls.folder / "dest").rglob("bin/smartimg")
        cls.prefix = cls.folder / "moved"
        program.parents[1].rename(cls.prefix)
        cls.elsewhere = [f for f in (cls.folder / "dest").rglob("*") if f.is_file()]
        cls.aom = aom_prefix()
        shutil.copytree(PROJECT / "pictures/demo", cls.folder / "root/demo")
        (cls.folder / "conf/companies").mkdir(parents=True)
        (cls.folder / "conf/companies/demo.ini").write_text("Bfc = true\n")

    def test_files(self):
        self.assertEqual(self.elsewhere, [])
        names = {str(f.relative_to(self.prefix)) for f in self.prefix.rglob("*")
                 if f.is_file() and f.parent.name not in ("web", "man1")}
        wanted = {"bin/smartimg", "lib/smartimg/ngx_http_smartimg_module.so", "share/smartimg/nginx.conf.in",
                  "share/smartimg/playground.conf.in", "share/smartimg/varnish.vcl",
                  "share/smartimg/otlp-spans.jq", "share/smartimg/prometheus/alerts.yml",
                  "share/smartimg/prometheus/prometheus.yml", "share/smartimg/grafana/smartimg.json",
                  "share/man/man5/smartimg.ini.5",
                  "share/bash-completion/completions/smartimg", "share/zsh/vendor-completions/_smartimg",
                  "share/fish/vendor_completions.d/smartimg.fish"}
        wanted |= {f"share/smartimg/playground/{f.name}" for f in (PROJECT / "web/playground").iterdir()}
        wanted |= {f"share/smartimg/hooks/{f.name}" for f in (PROJECT / "conf/hooks").glob("*.hook")}
        self.assertEqual(names, wanted | ({"lib/smartimg/libaom.so.3"} if self.aom else set()))

    def test_pages(self):
        listed = subprocess.run([BUILD / "src/cli/smartimg", "config", "man"], capture_output=True, text=True, check=True).stdout
        pages = {f.name: f.read_text() for f in (self.prefix / "share/man").glob("man*/*")}
        self.assertEqual(sorted(pages), sorted(listed.split()))
        for name, page in pages.items():
            self.assertTrue(page.startswith(".TH "), name)

    def test_client_scripts(self):
        self.assertEqual({f.name: f.read_text() for f in (self.prefix / "share/smartimg/web").iterdir()},
                         {f.name: f.read_text() for f in (PROJECT / "web").glob("*.js")})

    def test_no_file_names_where_it_was_built(self):
        for file in (self.prefix / "bin/smartimg", self.prefix / "lib/smartimg/ngx_http_smartimg_module.so"):
            shown = subprocess.run(["readelf", "--dynamic", file], capture_output=True, text=True, check=True).stdout
            paths = [line for line in shown.splitlines() if "RPATH" in line or "RUNPATH" in line]
            for line in paths:
                self.assertRegex(line, r"\[\$ORIGIN/\.\./lib/smartimg\]$")

    def test_serves_an_avif(self):
        hidden = [PROJECT, BUILD] if PROJECT not in BUILD.parents else [PROJECT]
        hidden += [self.aom] if self.aom else []
        begin = hiding(hidden)
        if not begin:
            print("[nothing could be hidden] ", end="", file=sys.stderr)
        port = free_port()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SMARTIMG_")}
        # as systemd's Type=notify
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(manager.close)
        manager.bind(str(self.folder / "notify"))
        manager.settimeout(PATIENCE)
        environment["NOTIFY_SOCKET"] = str(self.folder / "notify")
        with open(self.folder / "serve.log", "ab") as log:
            process = subprocess.Popen(
                [*begin, self.prefix / "bin/smartimg", "serve", "--root", self.folder / "root", "--config",
                 self.folder / "conf", "--cache", self.folder / "cache", "--listen", f"127.0.0.1:{port}",
                 "--access-log", self.folder / "access.log", "--wall-ms", "50000"],
                cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            if not any("ready on" in line for line in iter(process.stdout.readline, "")):
                self.fail("serve did not start: " + (self.folder / "serve.log").read_text()[-2000:])
            self.assertEqual(manager.recv(100), b"READY=1")
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            connection.request("GET", "/is/image/demo/product?wid=400&fmt=jpg", headers={"Accept": "image/avif,*/*"})
            reply = connection.getresponse()
            body = reply.read()
            connection.close()
            self.assertEqual((reply.status, reply.headers["Content-Type"]), (200, "image/avif"), body[:200])
            self.assertEqual(body[4:8], b"ftyp")
            files = mapped_files(process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(PATIENCE)
            process.stdout.close()
        self.assertEqual((code, manager.recv(100)), (0, b"STOPPING=1"))
        ours = [f for f in files if any(f.startswith(f"{h}/") for h in hidden)]
        self.assertEqual(ours, [])
        self.assertIn(str(self.prefix / "lib/smartimg/ngx_http_smartimg_module.so"), files)
        if self.aom:
            self.assertIn(str(self.prefix / "lib/smartimg/libaom.so.3"), files)


class LinkTest(unittest.TestCase):
    """tools/link-program, of a home folder; /usr/local/bin is left alone, as the PATH lacks it."""

    def setUp(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-link-")).resolve()
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        self.folder = self.home / ".local/bin"
        self.folder.mkdir(parents=True)
        self.program = self.home / "build/smartimg"
        self.program.parent.mkdir()
        self.program.write_text("#!/bin/sh\necho this one\n")
        self.program.chmod(0o755)
        self.link = self.folder / "smartimg"

    def run_it(self, path=None, **environment):
        path = f"/usr/bin:/bin:{self.folder}" if path is None else path
        done = subprocess.run([PROJECT / "tools/link-program", self.program], capture_output=True, text=True, check=True,
                              env={"HOME": str(self.home), "PATH": path, **environment})
        self.assertEqual(done.stderr, "")
        return done.stdout.splitlines()

    def test_it_is_linked_once(self):
        self.assertEqual(self.run_it(), [f"smartimg: {self.link} is a link to {self.program} now",
                                         "smartimg: call it as smartimg"])
        self.assertEqual(os.readlink(self.link), str(self.program))
        self.assertEqual(subprocess.run([self.link], capture_output=True, text=True).stdout, "this one\n")
        self.assertEqual(self.run_it(), ["smartimg: call it as smartimg"])

    def test_what_is_there_stays(self):
        self.link.write_text("#!/bin/sh\n")
        self.link.chmod(0o755)
        self.assertEqual(self.run_it(), [f"smartimg: {self.link} is another one and stays; call this one as {self.program}"])
        self.assertEqual(self.link.read_text(), "#!/bin/sh\n")
        self.link.unlink()
        self.link.symlink_to("/nonexistent/smartimg")
        self.assertEqual(self.run_it(), [f"smartimg: call it as {self.program}"])
        self.assertEqual(os.readlink(self.link), "/nonexistent/smartimg")

    def test_another_one_in_the_path_goes_before(self):
        other = self.home / "other"
        other.mkdir()
        (other / "smartimg").write_text("#!/bin/sh\n")
        (other / "smartimg").chmod(0o755)
        lines = self.run_it(f"{other}:/usr/bin:/bin:{self.folder}")
        self.assertEqual(lines, [f"smartimg: {other}/smartimg is another one and stays; call this one as {self.program}"])
        self.assertFalse(self.link.exists())

    def test_no_folder_to_link_in(self):
        call = [f"smartimg: call it as {self.program}"]
        self.assertEqual(self.run_it("/usr/bin:/bin"), call)
        self.assertEqual(self.run_it(SMARTIMG_LINK="off"), call)
        self.folder.rmdir()
        self.assertEqual(self.run_it(), call)
        self.assertFalse(self.folder.exists())


if __name__ == "__main__":
    unittest.main()
