#!/usr/bin/env python3
"""Runs the HTTP tests: `python3 tests/http/run.py [WORD...]` runs those whose id contains a word.

One server for all that share it, with the files that their prepare(root, companies) adds; tests that kill or reconfigure start their own. Prints what failed
and, last, `N passed, N failed, N skipped`. SMARTIMG_BUILD names the build folder."""

import importlib
import os
import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from server import SHARED, Server  # noqa: E402

KEEP = os.environ.get("SMARTIMG_KEEP")  # see tests/same-bytes


class Outcome(unittest.TestResult):
    def __init__(self, words):
        super().__init__()
        self.words, self.passed, self.slow = words, 0, []

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def note(self, test, word, detail=""):
        print(f"{word} {test.id()} ({time.monotonic() - self.began:.1f} s)", flush=True)
        if detail:
            print("    " + detail.strip().replace("\n", "\n    "), flush=True)

    def addSuccess(self, test):
        self.passed += 1
        self.slow.append((time.monotonic() - self.began, test.id()))

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.note(test, "FAIL", self.failures[-1][1][-1500:])

    def addError(self, test, err):
        super().addError(test, err)
        self.note(test, "ERROR", self.errors[-1][1][-1500:])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            bad = (self.failures + self.errors)[-1][1]
            self.note(subtest, "FAIL", bad[-1500:])

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.note(test, "SKIP", reason)


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def main():
    words = sys.argv[1:]
    folder = pathlib.Path(__file__).parent
    modules = [importlib.import_module(f.stem) for f in sorted(folder.glob("test_*.py"))]
    loader = unittest.TestLoader()
    tests = [t for m in modules for t in flatten(loader.loadTestsFromModule(m))]
    tests = [t for t in tests if not words or any(w.lower() in t.id().lower() for w in words)]
    outcome = Outcome(words)
    print(f"{len(tests)} HTTP tests; pictures: the project's own"
          + (", and the shared corpus" if SHARED else " only"), flush=True)
    server = None
    if any(hasattr(t, "server") for t in tests):
        server = Server()
        if KEEP:
            server.keep = pathlib.Path(KEEP) / "http"
        for kind in sorted({type(t) for t in tests if hasattr(t, "prepare")}, key=lambda k: k.__name__):
            kind.prepare(server.root, server.config / "companies")
        server.start()
    try:
        for test in tests:
            if hasattr(test, "server"):
                type(test).server = server
            unittest.TestSuite([test]).run(outcome)
    finally:
        log = server.log.read_text()[-1500:] if server else ""
        code = server.stop() if server else 0
    failed = len(outcome.failures) + len(outcome.errors)
    if code != 0:
        failed += 1
        print(f"FAIL: the server ended with status {code}")
    if failed and log:
        print("--- end of the server's log\n" + log)
    for seconds, name in sorted(outcome.slow, reverse=True)[:5]:
        print(f"slowest: {seconds:5.1f} s {name}")
    print(f"{outcome.passed} passed, {failed} failed, {len(outcome.skipped)} skipped")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
