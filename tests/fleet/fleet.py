"""Parts of a fleet for tests: a real Redis, nodes that are edges with renderers, and originals that say which version
they are though their size and time do not.

A *picture* is one plain colour, which is its version; what a node sends tells it again. So a reply is stale if its version
is less than that of the last purge that was acknowledged before it was asked for."""

import contextlib
import http.client
import io
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "http"))
from ports import free_port  # noqa: E402
from server import SMARTIMG, run  # noqa: E402
from waiting import PATIENCE, wait_until  # noqa: E402

REDIS = os.environ.get("REDIS_SERVER") or shutil.which("redis-server") or shutil.which("valkey-server")
COMPANY = "fleet"


class Originals:
    """A folder of pictures whose versions are set: same size, same time, other pixels."""

    def __init__(self, folder):
        self.root = pathlib.Path(folder)
        (self.root / COMPANY).mkdir(parents=True)
        self.root.chmod(0o755)

    def set(self, name, version):
        data = original(version)
        path = self.root / COMPANY / f"{name}.png"
        new = path.with_suffix(".new")
        new.write_bytes(data)
        os.utime(new, ns=(10**18, 10**18))
        new.rename(path)


def original(version):
    with io.BytesIO() as out:
        Image.new("RGB", (16, 16), (version % 256, version // 256, 99)).save(out, "PNG", compress_level=0)
        return out.getvalue()


def version_of(body):
    """The version of the picture in a reply."""
    red, green, blue = Image.open(io.BytesIO(body)).convert("RGB").getpixel((4, 4))
    assert blue == 99, (red, green, blue)
    return red + 256 * green


class Redis:
    """A server of our own, with its data in a folder that start() finds again."""

    def __init__(self, *options, host="127.0.0.1", port=None, netns=()):
        self.folder = tempfile.mkdtemp(prefix="smartimg-redis-")
        self.host, self.port, self.options, self.netns = host, port or free_port(), options, netns
        self.process = None

    @property
    def url(self):
        return f"redis://{self.host}:{self.port}"

    def start(self):
        self.process = subprocess.Popen(
            [*self.netns, REDIS, "--bind", self.host, "--port", str(self.port), "--dir", self.folder, "--save", "",
             "--appendonly", "yes", "--appendfsync", "always", "--protected-mode", "no", *self.options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: self.call("PING") == "PONG", "redis-server")
        return self

    def call(self, *words):
        """What redis-cli prints."""
        return subprocess.run([*self.netns, "redis-cli", "-h", self.host, "-p", str(self.port), *words],
                              capture_output=True, text=True, timeout=PATIENCE).stdout.strip()

    def end(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(PATIENCE)

    def lose(self):
        """Forgets what is on the disk."""
        shutil.rmtree(self.folder)
        os.mkdir(self.folder)

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGCONT)
        self.end(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    __enter__ = start

    def __exit__(self, *error):
        self.stop()


class Node:
    """`smartimg serve` over originals that others have, too."""

    def __init__(self, originals, redis, *options, name=None, host="127.0.0.1", netns=()):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-node-"))
        self.folder.chmod(0o755)
        self.root, self.cache, self.log = originals.root, self.folder / "cache", self.folder / "serve.log"
        self.host, self.port, self.admin_port, self.netns = host, free_port(), free_port(), netns
        self.name = name or f"node-{self.port}"
        self.options = ["--wall-ms", "50000", "--queue-ms", "600000", "--refine-share", "0", "--renderers", "1",
                        "--workers", "1", "--access-log", str(self.folder / "access.log"), "--playground", "off",
                        "--node", self.name, *options]
        if redis:
            self.options += ["--redis", redis.url]
        self.process = None

    def launch(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*self.netns, SMARTIMG, "serve", "--root", self.root, "--cache", self.cache,
                 "--listen", f"{self.host}:{self.port}", "--admin-listen", f"{self.host}:{self.admin_port}",
                 *self.options], stdout=subprocess.PIPE, stderr=log, text=True)
        return self

    def start(self):
        self.launch()
        line = ""
        while "ready on" not in line:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(f"{self.name} did not start: " + self.log.read_text()[-2000:])
        return self

    def end(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(PATIENCE)
        if self.process:
            self.process.stdout.close()
        return self.process.returncode if self.process else None

    def crash(self):
        """As if its machine had lost its power: it does not leave in order."""
        self.process.send_signal(signal.SIGSTOP)
        os.kill(self.child("smartimg-purges"), signal.SIGKILL)
        self.end(signal.SIGKILL)

    def stop(self):
        self.end()
        complaints = self.log.read_text(errors="replace") if self.log.exists() else ""
        shutil.rmtree(self.folder, ignore_errors=True)
        for sign in ("Sanitizer", "runtime error", "Assertion"):
            assert sign not in complaints, complaints

    __enter__ = start

    def __exit__(self, *error):
        self.stop()

    def ask(self, path, method="GET", port=None, headers=None):
        """(status, headers, body)"""
        connection = http.client.HTTPConnection(self.host, port or self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, headers=headers or {})
            reply = connection.getresponse()
            return reply.status, {k.lower(): v for k, v in reply.getheaders()}, reply.read()
        finally:
            connection.close()

    def ask_fails(self):
        """Whether nobody listens any more."""
        try:
            self.ask("/healthz")
        except OSError:
            return True
        return False

    def version(self, name, query="fmt=png"):
        status, _, body = self.ask(f"/is/image/{COMPANY}/{name}?{query}")
        assert status == 200, (status, body)
        return version_of(body)

    def metric(self, name):
        _, _, body = self.ask("/metrics", port=self.admin_port)
        for line in body.decode().splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        return None

    def says(self, text):
        return text in self.log.read_text()

    def descendants(self):
        """Process ids below the server that can be looked into."""
        parents = {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_text()
                    (entry / "environ").read_bytes()
                except OSError:
                    continue
                parents[int(entry.name)] = int(stat[stat.rindex(")") + 2:].split()[1])
        below = {self.process.pid}
        for _ in range(5):
            below |= {pid for pid, parent in parents.items() if parent in below}
        return below

    def names(self):
        """{process id: name} of the processes below the server."""
        found = {}
        for pid in self.descendants():
            with contextlib.suppress(OSError):
                found[pid] = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
        return found

    def reload(self):
        """Returns once nginx's workers of before have ended."""
        before = {pid for pid, name in self.names().items() if name == "nginx"} - {self.child("nginx")}
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: not before & set(self.names()), lambda: "a reload: " + self.log.read_text())

    def child(self, name):
        """The process id of a child by its name."""
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_text()
                except OSError:
                    continue
                if stat[stat.index("(") + 1:stat.rindex(")")] == name and \
                        int(stat[stat.rindex(")") + 2:].split()[1]) == self.process.pid:
                    return int(entry.name)
        return None


def purge(redis, *what, wait=60, netns=(), nodes=None):
    """What `smartimg purge` through Redis did."""
    how = ["--nodes", str(nodes)] if nodes is not None else []
    return subprocess.run([*netns, SMARTIMG, "purge", *what, "--redis", redis.url, "--wait", str(wait), *how],
                          capture_output=True, text=True, timeout=PATIENCE + wait)


def fleet(redis, *options):
    """What `smartimg fleet` did."""
    return run("fleet", "--redis", redis.url, *options)
