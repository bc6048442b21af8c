"""A Varnish of Debian's package in front of a server on this machine, with conf/varnish.vcl or another VCL, for tests."""

import json
import os
import re
import shutil
import subprocess

from front import PROJECT, Front, Reply

VARNISHD = shutil.which("varnishd", path=os.environ.get("PATH", "") + ":/usr/sbin")


class FrontReply(Reply):
    """`hit`: Varnish had it, fresh or not. Its X-Varnish names the request, and the one it was fetched for."""

    @property
    def hit(self):
        return len(self.headers["x-varnish"].split()) == 2


class Varnish(Front):
    """Passes misses on to `backend`, a port. `text`: the VCL, else the one that is shipped."""

    name, log, reply = "Varnish", "varnish.log", FrontReply

    def __init__(self, backend, text=None):
        super().__init__()
        text = text or (PROJECT / "conf/varnish.vcl").read_text()
        # as it is shipped, but for the port
        text, replaced = re.subn(r'(?m)^(    \.port = )"8080";$', rf'\1"{backend}";', text)
        assert replaced == 1
        self.vcl = self.folder / "varnish.vcl"
        self.vcl.write_text(text)

    def run(self):
        with open(self.folder / self.log, "wb") as log:
            # no jail: it wants users that only a running service has
            return subprocess.Popen(
                [VARNISHD, "-F", "-j", "none", "-n", self.folder / "run", "-a", f"127.0.0.1:{self.port}", "-f", self.vcl,
                 "-s", "default,64m", "-p", "vsl_space=8m", "-p", "thread_pools=1", "-p", "thread_pool_min=10"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def counters(self):
        """What varnishstat counts, by name, such as MAIN.n_object."""
        run = subprocess.run(["varnishstat", "-n", self.folder / "run", "-1", "-j"], capture_output=True, check=True)
        return {name: row["value"] for name, row in json.loads(run.stdout)["counters"].items()}
