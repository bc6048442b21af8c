"""A cache of Debian's in front of a server on this machine, for tests: what Varnish and nginx have in common."""

import http.client
import pathlib
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


class Front:
    """Use as a context manager; `port` listens. What is made of this has `name`, the name of its log in `folder`, the `reply` class
    of its requests, and run(), which starts `process`."""

    name, log, reply = None, None, Reply

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"smartimg-{self.name.lower()}-"))
        self.port = free_port()
        self.process = None

    def __enter__(self):
        self.process = self.run()
        try:
            wait_until(self.listens, f"{self.name} to listen")
        except BaseException:
            self.stop()
            raise
        return self

    def listens(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"{self.name} did not start:\n" + (self.folder / self.log).read_text()[-3000:])
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

    def request(self, path, headers=None, method="GET"):
        """One request with exactly these headers (Host apart); `path` goes out as it stands."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            connection.endheaders()
            return self.reply(connection.getresponse(), 0)
        finally:
            connection.close()
