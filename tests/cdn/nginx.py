"""Debian's nginx as a cache in front of a server on this machine, for tests."""

import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

from varnish import PATIENCE, Reply, free_port, request, wait_until

import server  # of tests/http

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")

MAIN = """daemon off;
{user}worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {body}
}}
"""


class EdgeReply(Reply):
    """`hit`: nginx had it, fresh or not."""

    @property
    def hit(self):
        return self.headers.get("x-cache-status") in ("HIT", "STALE", "UPDATING", "REVALIDATED")


class Nginx:
    """Use as a context manager; `port` listens. `body` makes what stands in http { } of the instance, or it is what
    `smartimg edge-config nginx` prints with these options."""

    def __init__(self, backend, *options, body=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-nginx-"))
        self.port = free_port()
        self.cache = self.folder / "cache"
        text = body(self) if body else subprocess.run(
            [server.SMARTIMG, "edge-config", "nginx", "--origin", f"127.0.0.1:{backend}", "--listen",
             f"127.0.0.1:{self.port}", "--cache", self.cache, *options], capture_output=True, check=True, text=True).stdout
        (self.folder / "smartimg.conf").write_text(text)
        # as root, the workers would be somebody who may not enter the folder
        user = "user root;\n" if shutil.os.geteuid() == 0 else ""
        self.conf = self.folder / "nginx.conf"
        self.conf.write_text(MAIN.format(folder=self.folder, user=user, body=f"include {self.folder}/smartimg.conf;"))
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen([NGINX, "-p", self.folder, "-e", self.folder / "error.log", "-c", self.conf],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(self.listens, "nginx to listen")
        except BaseException:
            self.stop()
            raise
        return self

    def listens(self):
        if self.process.poll() is not None:
            raise RuntimeError("nginx did not start:\n" + (self.folder / "error.log").read_text()[-3000:])
        try:
            socket.create_connection(("127.0.0.1", self.port), PATIENCE).close()
        except OSError:
            return False
        return True

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

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
        return request(self.port, path, headers, method, EdgeReply)
