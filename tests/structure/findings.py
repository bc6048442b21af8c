"""Findings of static analysis: which sources are looked at, what is known to be wrong about them, and how it is told.

A file of known mistakes has lines `check:path`, or `check:path:words of the text`; each follows a comment with the reason, and is
itself a failure once nothing matches it and everything was looked at."""

import collections
import json
import os
import pathlib

PROJECT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SMARTIMG_BUILD", PROJECT / "build"))
Finding = collections.namedtuple("Finding", "path line check text")


def relative(path, directory):
    full = pathlib.Path(os.path.normpath(pathlib.Path(directory) / path))
    return str(full.relative_to(PROJECT)) if full.is_relative_to(PROJECT) else str(full)


def arguments(words):
    """(jobs, words that paths must have one of)."""
    jobs = 2
    if words[:1] == ["--jobs"]:
        jobs, words = int(words[1]), words[2:]
    return jobs, words


def sources(words):
    """The entries of compile_commands.json for src/, each with its `path` from the project's folder; one a source."""
    entries = {}
    for entry in json.loads((BUILD / "compile_commands.json").read_text()):
        path = relative(entry["file"], entry["directory"])
        if path.startswith("src/") and path.endswith(".c") and (not words or any(w in path for w in words)):
            entries.setdefault(path, dict(entry, path=path))
    return [entries[path] for path in sorted(entries)]


def known_mistakes(path):
    lines = [line.strip() for line in path.read_text().split("\n")] if path.exists() else []
    return [line for line in lines if line and not line.startswith("#")]


def matches(rule, finding):
    check, path, *words = rule.split(":", 2)
    return check == finding.check and path == finding.path and (not words or words[0] in finding.text)


def report(results, supp):
    """Prints what is left, and the counts; the exit code."""
    rules, used, seen = known_mistakes(supp), set(), set()
    passed, failed, skipped = 0, 0, 0
    for path, looked, found in results:
        matching = {f: [r for r in rules if matches(r, f)] for f in found}
        used.update(r for rs in matching.values() for r in rs)
        left = [f for f, rs in matching.items() if not rs and f not in seen]
        seen.update(left)
        for f in left:
            print(f"{f.path}:{f.line}: {f.check}: {f.text}", flush=True)
        if not looked:
            print(f"{path}: took too long", flush=True)
        passed, failed, skipped = passed + (looked and not left), failed + bool(left), skipped + (not looked)
    for rule in rules:
        if rule not in used and failed + skipped == 0 and passed > 300:
            print(f"{supp.name}: nothing is wrong about it any more: {rule}")
            failed += 1
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return int(failed > 0)
