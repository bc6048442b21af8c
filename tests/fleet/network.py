"""Machines of a fleet as network namespaces: each with a cable to the *front*, where visitors are, and one to the *back*, where
Redis and the renderers are; any of which can be pulled."""

import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from fleet import REDIS, SMARTIMG, wait_until  # noqa: E402
from waiting import PATIENCE  # noqa: E402

FRONT, BACK = "10.78.1", "10.78.2"
PORT, ADMIN, RENDER, STORE = 8080, 8081, 4000, 9000


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


def missing():
    """What this machine lacks for it, in words; None if nothing."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "there is no program ip (iproute2)"
    if REDIS is None:
        return "there is no redis-server"
    probe = f"sf-probe-{os.getpid()}"
    try:
        ip("netns", "add", probe)
    except subprocess.CalledProcessError:
        return "network namespaces cannot be made here"
    try:
        ip("-n", probe, "link", "add", "name", "probe-b", "type", "bridge")
        ip("-n", probe, "link", "add", "name", "probe-v", "type", "veth", "peer", "name", "probe-w")
    except subprocess.CalledProcessError:
        return "this kernel has no veth or bridge devices"
    finally:
        ip("netns", "delete", probe)
    return None


class Network:
    """The switch, with both bridges in a namespace of its own, where visitors and operators are, too."""

    def __init__(self):
        self.prefix, self.machines = f"sf-{os.getpid()}", {}
        self.switch = f"{self.prefix}-switch"

    def __enter__(self):
        ip("netns", "add", self.switch)
        ip("-n", self.switch, "link", "set", "lo", "up")
        for side, net in (("front", FRONT), ("back", BACK)):
            ip("-n", self.switch, "link", "add", "name", side, "type", "bridge")
            ip("-n", self.switch, "addr", "add", f"{net}.1/24", "dev", side)
            ip("-n", self.switch, "link", "set", side, "up")
        return self

    def machine(self, name, number):
        """A namespace with the addresses FRONT.number and BACK.number: the words that a command in it begins with."""
        space = f"{self.prefix}-{name}"
        ip("netns", "add", space)
        self.machines[name] = space
        ip("-n", space, "link", "set", "lo", "up")
        for side, net in (("front", FRONT), ("back", BACK)):
            port = f"{name}-{side[0]}"
            ip("-n", self.switch, "link", "add", "name", port, "type", "veth", "peer", "name", side, "netns", space)
            ip("-n", self.switch, "link", "set", port, "master", side)
            ip("-n", self.switch, "link", "set", port, "up")
            ip("-n", space, "addr", "add", f"{net}.{number}/24", "dev", side)
            ip("-n", space, "link", "set", side, "up")
        return self.inside(space)

    @staticmethod
    def inside(space):
        return ["ip", "netns", "exec", space]

    def cable(self, name, side, plugged):
        ip("-n", self.switch, "link", "set", f"{name}-{side[0]}", "up" if plugged else "down")

    def enter(self):
        """This thread, and those that it starts, are at the switch from now on."""
        with open(f"/var/run/netns/{self.switch}") as space:
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(space.fileno(), 0x40000000) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    def __exit__(self, *error):
        for space in [*self.machines.values(), self.switch]:
            for pid in subprocess.run(["ip", "netns", "pids", space], capture_output=True, text=True).stdout.split():
                if int(pid) != os.getpid():  # left behind in a namespace that we made
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
            subprocess.run(["ip", "netns", "delete", space], capture_output=True)


class Renderer:
    """`smartimg renderer` on TCP in a namespace."""

    def __init__(self, originals, key, host="127.0.0.1", port=RENDER, netns=(), workers=1, options=()):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-renderer-"))
        self.address, self.log, self.process = f"{host}:{port}", self.folder / "log", None
        self.command = [*netns, SMARTIMG, "renderer", "--listen", self.address, "--root", originals.root, "--seal-key", key,
                        "--workers", str(workers), "--wall-ms", "50000", "--queue-ms", "600000", *options]
        self.netns, self.host, self.port = netns, host, port

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        wait_until(self.listens, lambda: "a renderer that listens: " + self.log.read_text())
        return self

    def listens(self):
        if self.process.poll() is not None:
            raise RuntimeError("the renderer does not start: " + self.log.read_text())
        probe = "import socket,sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)"
        return subprocess.run([*self.netns, sys.executable, "-c", probe, self.host, str(self.port)],
                              capture_output=True).returncode == 0

    def end(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(PATIENCE)
        return self.process.returncode if self.process else None

    def stop(self):
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    __enter__ = start

    def __exit__(self, *error):
        self.stop()
