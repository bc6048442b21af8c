"""Debian's nginx as a cache in front of a server on this machine, for tests."""

import pathlib
import shutil
import signal
import subprocess

from front import Front, Reply, wait_until

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


class Nginx(Front):
    """`body` makes what stands in http { } of the instance, or it is what `smartimg edge-config nginx` prints with these options."""

    name, log, reply = "nginx", "error.log", EdgeReply

    def __init__(self, backend, *options, body=None):
        super().__init__()
        self.cache = self.folder / "cache"
        text = body(self) if body else subprocess.run(
            [server.SMARTIMG, "edge-config", "nginx", "--origin", f"127.0.0.1:{backend}", "--listen",
             f"127.0.0.1:{self.port}", "--cache", self.cache, *options], capture_output=True, check=True, text=True).stdout
        (self.folder / "smartimg.conf").write_text(text)
        # as root, the workers would be somebody who may not enter the folder
        user = "user root;\n" if shutil.os.geteuid() == 0 else ""
        self.conf = self.folder / "nginx.conf"
        self.conf.write_text(MAIN.format(folder=self.folder, user=user, body=f"include {self.folder}/smartimg.conf;"))

    def run(self):
        return subprocess.Popen([NGINX, "-p", self.folder, "-e", self.folder / self.log, "-c", self.conf],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def children(self):
        return set(pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split())

    def reload(self):
        """Returns when no process with the old configuration is left."""
        before = self.children()
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.children() and not before & self.children(), "other processes of nginx")
