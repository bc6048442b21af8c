"""Waiting for events. No test may depend on how fast the machine is: what must be slow is made slow by
the test itself (a server that does not answer, a process that is stopped), and ends are generous."""

import os
import pathlib
import threading
import time

PATIENCE = 120.0  # seconds after which an event that a test waits for counts as never coming


def wait_until(true, what, seconds=PATIENCE):
    """The first true value of true(), which is called until then; AssertionError if there is none. `what`
    is text, or a function that tells it when it is too late."""
    deadline = time.monotonic() + seconds
    while True:
        late = time.monotonic() > deadline
        value = true()
        if value:
            return value
        if late:
            raise AssertionError(f"waited {seconds:.0f} s in vain for {what() if callable(what) else what}")
        time.sleep(0.01)


def at_once(function, times, meanwhile=None):
    """Calls function(0), function(1) and so on, each in a thread of its own, calls meanwhile(), and waits for the
    ends of all."""
    threads = [threading.Thread(target=function, args=(i,)) for i in range(times)]
    for thread in threads:
        thread.start()
    try:
        if meanwhile is not None:
            meanwhile()
    finally:
        for thread in threads:
            thread.join()


def fields(pid):
    """What /proc tells of a process from its state on; [] if it is gone."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def state(pid):
    """The letter of a process's state, such as T for stopped; X if it is gone."""
    return (fields(pid) or ["X"])[0]


def gone(pid):
    return state(pid) in "ZX"


def nice(pid):
    return int((fields(pid) or [0] * 17)[16])


def processor_seconds(pid):
    """Processor time that a process has used, in steps of some milliseconds; 0 if it is gone."""
    used = (fields(pid) or [0] * 13)[11:13]
    return sum(map(int, used)) / os.sysconf("SC_CLK_TCK")


# Of an idle worker of a pool on Unix sockets: to listen, one a lane but that of foreign images, for what is handed
# over from that (two kinds), to the broker, to the fetcher, to the origins process.
IDLE_SOCKETS = 8


def sockets(pid):
    """How many sockets a process has open."""
    found = 0
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            found += os.readlink(entry).startswith("socket:")
        except OSError:  # closed in the meantime
            pass
    return found
