"""Processes of browsers: started in groups of their own, ended with all that they started."""

import os
import pathlib
import signal
import subprocess
import tempfile


def below(pid):
    """The process and all that descend from it."""
    children = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


def spawn(command, env=None, log=None, **how):
    """Starts a command without input; its errors go to the file `log`."""
    errors = open(log, "ab") if log else subprocess.DEVNULL
    try:
        return subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stderr=errors,
                                env={**os.environ, **(env or {})}, start_new_session=True,
                                **{"stdout": errors, **how})
    finally:
        if log:
            errors.close()


def end(process):
    """Kills what spawn() started, and all below it. Chromedriver puts its browser into a group of its own, so a group
    is not enough."""
    if process is None:
        return
    for pid in below(process.pid) if process.poll() is None else []:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    process.wait()
    if process.stdout:
        process.stdout.close()


class Display:
    """An X display of 1600 × 1200 that nobody sees: `name` is for DISPLAY."""

    def __init__(self):
        read, write = os.pipe()
        self.folder = tempfile.TemporaryDirectory(prefix="smartimg-display-")
        self.process = spawn(["Xvfb", "-displayfd", write, "-screen", "0", "1600x1200x24", "-nolisten", "tcp",
                              "-noreset"], log=pathlib.Path(self.folder.name) / "log", pass_fds=[write])
        os.close(write)
        with os.fdopen(read) as numbers:
            number = numbers.readline().strip()  # Xvfb says it once it listens, or ends
        if not number:
            log = (pathlib.Path(self.folder.name) / "log").read_text()
            self.stop()
            raise RuntimeError("Xvfb did not start: " + log[-1000:])
        self.name = f":{number}"

    def stop(self):
        end(self.process)
        self.folder.cleanup()
