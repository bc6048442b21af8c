"""Resident memory of the processes below a server, by what they are."""

import collections
import pathlib
import re

ROLES = {"smartimg-pool": "pool", "smartimg-render": "renderers", "smartimg-fetch": "fetcher", "smartimg-downld": "downloads"}
# `own` is what a process has of anonymous memory and of files; `shared` is its share of memory that processes share on
# purpose (zones of nginx, files in memory), whose size is bounded where it is made; `pss` is all, what several have
# counted in parts. Bytes.
Use = collections.namedtuple("Use", "own shared pss")


def of_process(pid):
    """None if it is gone."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return None
    value = {name: int(kb) * 1024 for name, kb in re.findall(r"^(\w+):\s+(\d+) kB", status + rollup, re.M)}
    if "RssAnon" not in value or "Pss" not in value:
        return None
    return Use(value["RssAnon"] + value["RssFile"], value.get("Pss_Shmem", 0), value["Pss"])


def role_of(pid, name):
    """None if it is gone."""
    if name != "nginx":
        return ROLES.get(name)
    try:
        title = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
    except OSError:
        return None
    # "nginx: worker process", "nginx: cache manager process"; those of a reload that still end: "... is shutting down"
    found = re.match(r"nginx: (master|worker|cache \w+) process", title)
    return f"nginx {found[1]}" if found else None


def roles(server):
    """{role: [pid]} of all processes of a server, itself among them."""
    found = collections.defaultdict(list)
    found["serve"].append(server.process.pid)
    for pid, name in server.children().items():
        role = role_of(pid, name)
        if role is not None:
            found[role].append(pid)
    return found


def by_role(server):
    """{role: [Use of each of its processes]}."""
    found = {}
    for role, pids in roles(server).items():
        uses = [u for u in map(of_process, pids) if u is not None]
        if uses:
            found[role] = uses
    return found
