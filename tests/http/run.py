#!/usr/bin/env python3
"""Runs the HTTP tests: `python3 tests/http/run.py [--jobs N] [WORD...]` runs those whose id contains a word.

Modules run in N processes (2), each with one server for all tests that share it, with the files that their
prepare(root, companies) adds; tests that kill or reconfigure start their own. A process takes the next module when it has
done one. Prints what failed as it happens, then everything that failed and was skipped, in the order of names, and, last,
`N passed, N failed, N skipped`. SMARTIMG_BUILD names the build folder."""

import argparse
import collections
import importlib
import json
import os
import pathlib
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from server import SHARED, SLOTS, Server, drawn_pictures  # noqa: E402

FOLDER = pathlib.Path(__file__).parent

# What became of a test; `detail` is text, `word` is PASS, FAIL, ERROR or SKIP.
Note = collections.namedtuple("Note", "word name seconds detail")


class Outcome(unittest.TestResult):
    """Hands a Note of each test, and of each subtest that failed, to tell()."""

    def __init__(self, tell):
        super().__init__()
        self.tell = tell

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def note(self, test, word, detail=""):
        began = getattr(self, "began", time.monotonic())  # none yet where a class could not be set up
        self.tell(Note(word, test.id(), time.monotonic() - began, detail))

    def addSuccess(self, test):
        self.note(test, "PASS")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.note(test, "FAIL", self.failures[-1][1][-1500:])

    def addError(self, test, err):
        super().addError(test, err)
        self.note(test, "ERROR", self.errors[-1][1][-1500:])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.note(subtest, "FAIL", (self.failures + self.errors)[-1][1][-1500:])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note(test, "SKIP", reason)


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def tests_of(module, words):
    tests = flatten(unittest.TestLoader().loadTestsFromModule(importlib.import_module(module)))
    return [t for t in tests if not words or any(w.lower() in t.id().lower() for w in words)]


def start_server(tests):
    """The server that these tests share."""
    server = Server()
    for kind in sorted({type(t) for t in tests if hasattr(t, "prepare")}, key=lambda k: k.__name__):
        kind.prepare(server.root, server.config / "companies")
    return server.start()


# ---- a process that runs modules ----

def say(kind, **fields):
    """One line to the parent, on the standard output as it was when the process began."""
    PARENT.write(json.dumps(dict(fields, kind=kind)) + "\n")
    PARENT.flush()


def work(modules, words):
    """Runs the modules whose names come in, one a line, and tells the parent what became of their tests."""
    # any of them may come, so the server is prepared for all
    tests = {m: tests_of(m, words) for m in modules}
    everything = [t for m in modules for t in tests[m]]
    server = start_server(everything) if any(hasattr(t, "server") for t in everything) else None
    outcome = Outcome(lambda note: say("note", **note._asdict()))
    failed, code = True, 1
    try:
        say("next")
        for line in sys.stdin:
            for test in tests[line.strip()]:
                if hasattr(test, "server"):
                    type(test).server = server
                unittest.TestSuite([test]).run(outcome)
            say("next")
        failed = not outcome.wasSuccessful()
    finally:
        log = server.log.read_text()[-1500:] if server else ""
        code = server.stop() if server else 0
        if code != 0:
            say("note", word="FAIL", name="server", seconds=0, detail=f"the server ended with status {code}")
        if log and (failed or code != 0):
            say("log", text=log)


# ---- the process that hands them out ----

class Run:
    def __init__(self, modules, words):
        self.todo = list(modules)
        self.modules, self.words = list(modules), words
        self.notes, self.lock = [], threading.Lock()

    def add(self, note):
        with self.lock:
            self.notes.append(note)
            if note.word != "PASS":
                show(note)

    def follow(self, slot):
        """Starts a process and gives it modules until none is left."""
        child = subprocess.Popen([sys.executable, __file__, "--modules", ",".join(self.modules), *self.words],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                 env=dict(os.environ, SMARTIMG_TEST_SLOT=str(slot)))
        module = None
        for line in child.stdout:
            message = json.loads(line)
            kind = message.pop("kind")
            if kind == "note":
                self.add(Note(**message))
            elif kind == "log":
                print("--- end of a server's log\n" + message["text"], flush=True)
            else:
                with self.lock:
                    module = self.todo.pop(0) if self.todo else None
                try:
                    if module:
                        child.stdin.write(module + "\n")
                        child.stdin.flush()
                    else:
                        child.stdin.close()
                except BrokenPipeError:  # it died; its end tells
                    break
        code = child.wait()
        if code != 0 or module is not None:
            self.add(Note("ERROR", module or "tests/http/run.py", 0, f"a process of tests ended with status {code}"))


def show(note):
    print(f"{note.word} {note.name} ({note.seconds:.1f} s)", flush=True)
    if note.detail:
        print("    " + note.detail.strip().replace("\n", "\n    "), flush=True)


def summary(notes):
    """Prints it; true if all is well."""
    counts = collections.Counter(n.word for n in notes)
    failed = counts["FAIL"] + counts["ERROR"]
    if failed or counts["SKIP"]:
        print("--- failed and skipped")
    for note in sorted(notes, key=lambda n: (n.name, n.word)):
        if note.word != "PASS":
            print(f"{note.word} {note.name}")
    for note in sorted(notes, key=lambda n: -n.seconds)[:5]:
        print(f"slowest: {note.seconds:5.1f} s {note.name}")
    print(f"{counts['PASS']} passed, {failed} failed, {counts['SKIP']} skipped")
    return failed == 0


def main():
    options = argparse.ArgumentParser(usage=__doc__)
    options.add_argument("--jobs", type=int, default=2)
    options.add_argument("--modules", help=argparse.SUPPRESS)  # of a process of tests
    options.add_argument("words", nargs="*")
    given = options.parse_args()
    if given.modules:
        return work(given.modules.split(","), given.words)
    # The largest first: what is left when one process has nothing to do any more is short.
    files = sorted(FOLDER.glob("test_*.py"), key=lambda f: (-f.stat().st_size, f.name))
    counts = {f.stem: len(tests_of(f.stem, given.words)) for f in files}
    modules = [m for m in counts if counts[m]]
    jobs = max(1, min(given.jobs, len(modules), SLOTS))
    print(f"{sum(counts.values())} HTTP tests, {jobs} at a time; pictures: the project's own"
          + (", and the shared corpus" if SHARED else " only"), flush=True)
    os.environ["SMARTIMG_DRAWN"] = str(drawn_pictures())
    run = Run(modules, given.words)
    threads = [threading.Thread(target=run.follow, args=(slot,)) for slot in range(jobs if modules else 0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for module in run.todo:
        run.add(Note("ERROR", module, 0, "no process was left to run it"))
    return not summary(run.notes)


if __name__ == "__main__":
    # Prints of tests must not get between the lines for the parent.
    PARENT = os.fdopen(os.dup(1), "w")
    if "--modules" in sys.argv:
        os.dup2(2, 1)
    sys.exit(main())
