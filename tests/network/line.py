"""A slow line in front of a smartimg server: two network namespaces with the relay (relay.c) between them."""

import collections
import itertools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PROJECT = HERE.parents[1]
sys.path.insert(0, str(PROJECT / "tests/http"))
from waiting import PATIENCE, wait_until  # noqa: E402

BUILD = pathlib.Path(os.environ.get("SMARTIMG_BUILD", PROJECT / "build"))
SMARTIMG = BUILD / "src/cli/smartimg"
RELAY = BUILD / "tests/network/relay"

CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"

# name, kbit/s, ms of a round trip, per mille lost
Profile = collections.namedtuple("Profile", "name kbits delay loss")
PROFILES = [
    Profile("20 Mbit/s, 20 ms", 20000, 20, 0),
    Profile("1.6 Mbit/s, 150 ms", 1600, 150, 0),
    Profile("400 kbit/s, 400 ms, 2 % loss", 400, 400, 20),
]

SERVER, CLIENT = "10.77.0.1", "10.77.0.2"


def missing():
    """What this machine lacks for it, in words; None if nothing."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "there is no program ip (iproute2)"
    if not os.path.exists("/dev/net/tun"):
        return "there is no /dev/net/tun"
    if not RELAY.exists():
        return f"{RELAY} is not built"
    probe = f"smartimg-probe-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", probe], capture_output=True).returncode != 0:
        return "network namespaces cannot be made here"
    subprocess.run(["ip", "netns", "delete", probe])
    return None


def congestions():
    """The ways to control congestion that this kernel has."""
    return pathlib.Path("/proc/sys/net/ipv4/tcp_available_congestion_control").read_text().split()


class Line:
    """Both namespaces and the relay; `with Line(profile) as line`. Afterwards `line.late` is the share of packets that the
    machine, not the line, was late with."""

    numbers = itertools.count()

    def __init__(self, profile, congestion="cubic"):
        self.profile, self.congestion = profile, congestion
        number = next(self.numbers)
        self.server, self.client = (f"smartimg-{os.getpid()}-{number}-{end}" for end in ("server", "client"))

    def __enter__(self):
        for namespace in (self.server, self.client):
            subprocess.run(["ip", "netns", "add", namespace], check=True)
        p = self.profile
        self.relay = subprocess.Popen(
            [RELAY, self.server, SERVER + "/24", self.client, CLIENT + "/24", str(p.kbits), str(p.delay), str(p.loss)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            if self.relay.stdout.readline() != "ready\n":
                raise RuntimeError("the relay does not start")
            if self.congestion:
                subprocess.run(["ip", "-n", self.server, "route", "replace", "10.77.0.0/24", "dev", "line",
                                "src", SERVER, "congctl", self.congestion], check=True)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.relay.stdin.close()
        said = re.fullmatch(r"(\d+) of (\d+) late\n", self.relay.stdout.readline())
        self.late = int(said[1]) / max(1, int(said[2])) if said else 1.0
        self.relay.wait(PATIENCE)
        self.relay.stdout.close()
        for namespace in (self.server, self.client):
            subprocess.run(["ip", "netns", "delete", namespace], check=True)

    def become(self, profile):
        """The line is another one from now on."""
        self.relay.stdin.write(f"{profile.kbits} {profile.delay} {profile.loss}\n")
        self.relay.stdin.flush()

    @staticmethod
    def command(namespace, command):
        return ["ip", "netns", "exec", namespace, *command]

    def run(self, namespace, command, **how):
        return subprocess.run(self.command(namespace, command), timeout=PATIENCE, **how)

    def load(self, paths, **how):
        """Loads a page of pictures from the client's side: what load.py prints. how: connections, headers,
        bind (an address)."""
        told = json.dumps({"server": [SERVER, 8080], "paths": paths, "accept": CHROME, **how})
        done = self.run(self.client, [sys.executable, HERE / "load.py"], input=told, text=True,
                        stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)


class Server:
    """`smartimg serve` in the server's namespace, on its address."""

    def __init__(self, line, *options, companies=None, pictures=PROJECT / "pictures"):
        self.line = line
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-network-"))
        (self.folder / "conf/companies").mkdir(parents=True)
        for name, text in (companies or {"default": "Bfc = true\nCacheCommandAddresses =\nFolderCompanies = true\n"}).items():
            (self.folder / "conf/companies" / f"{name}.ini").write_text(text)
        self.log = self.folder / "access.log"
        self.options = ["--root", pictures, "--config", self.folder / "conf", "--cache", self.folder / "cache",
                        "--listen", f"{SERVER}:8080", "--admin-listen", f"{SERVER}:8081", "--access-log", self.log,
                        "--refine-share", "0", "--queue-ms", "600000", "--wall-ms", "50000", *options]

    def __enter__(self):
        self.complaints = open(self.folder / "complaints", "w+")
        self.process = subprocess.Popen(self.line.command(self.line.server, [SMARTIMG, "serve", *self.options]),
                                        stdout=subprocess.PIPE, stderr=self.complaints, text=True)
        if "ready" not in self.process.stdout.readline():
            self.complaints.seek(0)
            why = self.complaints.read()
            self.__exit__()
            raise RuntimeError("the server does not start: " + why)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.process.stdout.close()
        self.complaints.close()
        shutil.rmtree(self.folder)

    def get(self, path, *options, port=8080):
        """Asks without the line, from the server's own namespace; headers as curl's options."""
        return self.line.run(self.line.server, ["curl", "-sS", "-o", "-", *options, f"http://{SERVER}:{port}{path}"],
                             check=True, capture_output=True).stdout

    def metrics(self):
        lines = self.get("/metrics", port=8081).decode().splitlines()
        return {k: float(v) for k, v in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}
