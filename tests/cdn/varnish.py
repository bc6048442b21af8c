"""A Varnish of Debian's package in front of a server on this machine, with conf/varnish.vcl or another VCL, for tests."""

import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

PROJECT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT / "tests/http"))

from server import Reply, free_port  # noqa: E402
from waiting import PATIENCE, wait_until  # noqa: E402

VARNISHD = shutil.which("varnishd", path=os.environ.get("PATH", "") + ":/usr/sbin")


class FrontReply(Reply):
    """`hit`: Varnish had it, fresh or not. Its X-Varnish names the request, and the one it was fetched for."""

    @property
    def hit(self):
        return len(self.headers["x-varnish"].split()) == 2


class Varnish:
    """Use as a context manager; `port` listens, and passes misses on to `backend`, a port. `text`: the VCL, else the one
    that is shipped."""

    def __init__(self, backend, text=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-varnish-"))
        self.port = free_port()
        text = text or (PROJECT / "conf/varnish.vcl").read_text()
        # as it is shipped, but for the port
        text, replaced = re.subn(r'(?m)^(    \.port = )"8080";$', rf'\1"{backend}";', text)
        assert replaced == 1
        self.vcl = self.folder / "varnish.vcl"
        self.vcl.write_text(text)
        self.process = None

    def __enter__(self):
        log = open(self.folder / "varnish.log", "wb")
        # no jail: it wants users that only a running service has
        self.process = subprocess.Popen(
            [VARNISHD, "-F", "-j", "none", "-n", self.folder / "run", "-a", f"127.0.0.1:{self.port}", "-f", self.vcl,
             "-s", "default,64m", "-p", "vsl_space=8m", "-p", "thread_pools=1", "-p", "thread_pool_min=10"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        log.close()
        try:
            wait_until(self.listens, "Varnish to listen")
        except BaseException:
            self.stop()
            raise
        return self

    def listens(self):
        if self.process.poll() is not None:
            raise RuntimeError("Varnish did not start:\n" + (self.folder / "varnish.log").read_text()[-3000:])
        try:
            socket.create_connection(("127.0.0.1", self.port), PATIENCE).close()
        except OSError:
            return False
        return True

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __exit__(self, *error):
        self.stop()

    def counters(self):
        """What varnishstat counts, by name, such as MAIN.n_object."""
        run = subprocess.run(["varnishstat", "-n", self.folder / "run", "-1", "-j"], capture_output=True, check=True)
        return {name: row["value"] for name, row in json.loads(run.stdout)["counters"].items()}

    def request(self, path, headers=None, method="GET"):
        """One request with exactly these headers (Host apart); `path` goes out as it stands."""
        return request(self.port, path, headers, method, FrontReply)


def request(port, path, headers=None, method="GET", reply=Reply):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        connection.endheaders()
        return reply(connection.getresponse(), 0)
    finally:
        connection.close()
