"""Faults for tests/chaos: each is a function that breaks something, yields, and mends it again, if it has to be mended.

The row of a fault in FAULTS is made by the decorator; the order is that of this file."""

import collections
import contextlib
import errno
import os
import pathlib
import random
import re
import signal
import subprocess
import time

import memory

# `needs_disk`: only where the cache is on a small disk of its own (root can mount one)
Fault = collections.namedtuple("Fault", "name act needs_disk")
FAULTS = []


class Site:
    """What faults work on: `server`, `disk` (a mounted folder that has the cache, or None), `change(n)`, which gives the
    original `changing` its version n (None: removes it; in_place: piece by piece in the same file), `hold`, seconds that a fault lasts, and
    `libc`, the FaultyLibc of its processes."""

    def __init__(self, server, disk, change, hold, libc):
        self.server, self.disk, self.change, self.hold, self.libc = server, disk, change, hold, libc
        self.random = random.Random(7)

    def pids(self, role):
        return memory.roles(self.server).get(role, [])

    def signal(self, role, number, most=1):
        """Sends it to `most` processes of this role; their ids."""
        sent = []
        for pid in self.pids(role)[:most]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
                sent.append(pid)
        return sent

    def cache_files(self):
        return [f for f in (self.server.cache / "images").rglob("*") if f.is_file() and len(f.name) == 32]


def fault(name, needs_disk=False):
    def add(function):
        FAULTS.append(Fault(name, contextlib.contextmanager(function), needs_disk))
        return function
    return add


def continued(pids):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@fault("nothing")
def nothing(site):
    yield


@fault("a renderer killed, four times")
def renderer_killed(site):
    for _ in range(4):
        site.signal("renderers", signal.SIGKILL)
        time.sleep(site.hold / 4)
    yield


@fault("all renderers killed at once")
def renderers_killed(site):
    site.signal("renderers", signal.SIGKILL, 9)
    yield


@fault("a renderer stopped")
def renderer_stopped(site):
    stopped = site.signal("renderers", signal.SIGSTOP)
    yield
    continued(stopped)


@fault("the broker stopped")
def broker_stopped(site):
    stopped = site.signal("pool", signal.SIGSTOP)
    yield
    continued(stopped)


@fault("the pool killed")
def pool_killed(site):
    site.signal("pool", signal.SIGKILL)
    yield


@fault("the fetcher killed, four times")
def fetcher_killed(site):
    for _ in range(4):
        site.signal("fetcher", signal.SIGKILL)
        time.sleep(site.hold / 4)
    yield


@fault("an nginx worker killed")
def worker_killed(site):
    site.signal("nginx worker", signal.SIGKILL)
    yield


@fault("nginx killed")
def nginx_killed(site):
    site.signal("nginx master", signal.SIGKILL)
    yield


@fault("SIGTERM, and a new start")
def service_stopped(site):
    code = site.server.end()
    with site.libc.loaded():
        site.server.start()
    if code != 0:
        raise RuntimeError(f"the server ended with status {code}")
    yield


@fault("the clock two days back")
def clock_back(site):
    site.libc.set(seconds=-2 * 86400)
    yield
    site.libc.set()


@fault("the clock two days ahead")
def clock_ahead(site):
    site.libc.set(seconds=2 * 86400)
    yield
    site.libc.set()


@fault("a slow disk: 50 ms for each write")
def disk_slow(site):
    site.libc.set(ms=50)
    yield
    site.libc.set()


@fault("EIO for what nginx looks at")
def looking_fails(site):
    site.libc.set(error=errno.EIO, what="open", process="nginx")
    yield
    site.libc.set()


@fault("ESTALE for what the broker opens")
def opening_fails(site):
    site.libc.set(error=errno.ESTALE, what="open", process="smartimg-pool")
    yield
    site.libc.set()


@fault("EIO for what renderers read")
def reading_fails(site):
    site.libc.set(error=errno.EIO, what="read", process="smartimg-render")
    yield
    site.libc.set()


@fault("the cache's disk full", needs_disk=True)
def disk_full(site):
    ballast = site.disk / "ballast"
    with open(ballast, "wb", buffering=0) as f, contextlib.suppress(OSError):
        while f.write(bytes(1 << 16)):
            pass
    yield
    ballast.unlink()


@fault("the cache's disk read-only", needs_disk=True)
def disk_read_only(site):
    def remount(how):
        # busy with files that are open for writing, again and again
        return lambda: subprocess.run(["mount", "-o", f"remount,{how}", site.disk], stderr=subprocess.DEVNULL).returncode == 0
    tries = 0
    while not remount("ro")() and tries < 200:
        tries += 1
        time.sleep(0.02)
    yield
    remount("rw")()


@fault("files of the cache cut short")
def files_cut(site):
    for file in site.cache_files():
        with contextlib.suppress(OSError):
            os.truncate(file, site.random.randrange(file.stat().st_size))
    yield


@fault("a bit flipped in files of the cache")
def files_flipped(site):
    """As copies in the files' places: what a worker has looked at already, it does not look at again."""
    for file in site.cache_files():
        with contextlib.suppress(OSError, IndexError):
            data, owner = bytearray(file.read_bytes()), file.stat()
            data[-1 - site.random.randrange(40)] ^= 1 << site.random.randrange(8)
            copy = site.server.cache / "images/flipped"
            copy.write_bytes(data)
            os.chmod(copy, owner.st_mode & 0o777)
            os.chown(copy, owner.st_uid, owner.st_gid)
            copy.rename(file)
    yield


@fault("files of the cache removed")
def files_removed(site):
    for file in site.cache_files():
        file.unlink(missing_ok=True)
    yield


@fault("the generation table cut short")
def generations_cut(site):
    table = site.server.cache / "generations"
    os.truncate(table, table.stat().st_size // 2)
    yield


@fault("the generation table removed")
def generations_removed(site):
    (site.server.cache / "generations").unlink(missing_ok=True)
    yield


@fault("an original replaced, and removed, again and again")
def original_changes(site):
    end = time.monotonic() + site.hold
    while time.monotonic() < end:
        site.change(site.random.choice((0, 1, 0, 1, None)))
        time.sleep(0.02)
    yield
    site.change(1)


@fault("an original written over in its place, in pieces")
def original_written_over(site):
    end = time.monotonic() + site.hold
    while time.monotonic() < end:
        site.change(site.random.choice((0, 1)), in_place=True)
        time.sleep(0.05)
    yield
    site.change(0)


@fault("a configuration that is wrong, and SIGHUP")
def configuration_wrong(site):
    company = site.server.config / "companies/load.ini"
    text = company.read_text()
    company.write_text(text + "NoSuchAttribute = 1\nMaxPix = \x01\n")
    site.server.process.send_signal(signal.SIGHUP)
    yield
    company.write_text(text)
    site.server.process.send_signal(signal.SIGHUP)


@fault("five reloads")
def reloads(site):
    for _ in range(5):
        site.server.process.send_signal(signal.SIGHUP)
        time.sleep(site.hold / 5)
    yield


def set_limit(pid, soft):
    """Changes how many descriptors a process may have, as its own user: root may do so with a capability that containers lack."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    uid, gid = (int(re.search(rf"^{name}:\s+(\d+)", status, re.M)[1]) for name in ("Uid", "Gid"))
    own = {} if os.geteuid() != 0 else {"user": uid, "group": gid, "extra_groups": []}
    subprocess.run(["prlimit", f"--pid={pid}", f"--nofile={soft}:"], check=True, **own)


def limit_descriptors(pids, most):
    """Lets processes open no more descriptors than `most(open now)`; returns what takes that back."""
    before = {}
    for pid in pids:
        try:
            limit = re.search(r"Max open files\s+(\d+)", pathlib.Path(f"/proc/{pid}/limits").read_text())[1]
            set_limit(pid, min(int(limit), most(len(os.listdir(f"/proc/{pid}/fd")))))
            before[pid] = limit
        except (OSError, TypeError, subprocess.CalledProcessError):
            if os.path.exists(f"/proc/{pid}/exe"):  # and not one of before a reload, that has just ended
                raise

    def restore():
        for pid, limit in before.items():
            with contextlib.suppress(OSError, subprocess.CalledProcessError):  # it may have ended
                set_limit(pid, limit)
    return restore


@fault("few descriptors for nginx")
def nginx_descriptors(site):
    restore = limit_descriptors(site.pids("nginx worker"), lambda now: now // 2)
    yield
    restore()


@fault("few descriptors for the broker")
def broker_descriptors(site):
    restore = limit_descriptors(site.pids("pool"), lambda now: now)
    yield
    restore()
