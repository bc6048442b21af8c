#!/usr/bin/env python3
"""Holds what the docs and comments point to against what is there.

    tests/structure/names.py [PROJECT]

1. A file or folder that a page of docs/, a README.md or CONTRIBUTING.md names between backquotes exists: with a folder
   (`src/codec/pdf.c`) as such, from the root or below src/; alone (`pdf.c`) anywhere in the repository.
2. A number such as P18, D-7 or SI-26 that a comment, a test's name or a page cites has a row in docs/decisions.md,
   and P1 to P43 all have one.
3. A page `docs/NAME.md` that a file names exists.
4. A header or source that a comment of a .c or .h names is one of the repository.

Prints what is wrong, one line each. Exit code 1 if there is any."""

import pathlib
import re
import subprocess
import sys

PROJECT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])
SUFFIXES = "c|h|py|md|sh|ini|in|tsv|build|json|html|pov"
# Files of companies and of builds: examples, not files of the repository. Nor are those with an absolute path.
EXAMPLES = re.compile(r"(?:companies/)?[\w.-]+\.ini|nginx\.conf")
NUMBERS = 43    # P1 to P43
NUMBER = re.compile(r"(?<![\w.#+\"\\-])(?:(P)([1-9]\d?)|(D|SI)[-_](\d{1,2}))(?![\w.'\[-])")
SOURCE = re.compile(r"(?<![\w./<-])((?:[\w-]+/)*[\w-]+\.[ch])\b")
NO_NUMBERS = {"P3": "the colour space", "P6": "the file format"}
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*|(?<!\S)#[^\n]*|""".*?"""|\btest_SI_\d+|"[^"\n]*"', re.S)


def tracked(project):
    """Paths of the repository; of the tree if it is no repository (a release)."""
    run = subprocess.run(["git", "ls-files"], cwd=project, capture_output=True, text=True)
    if run.returncode == 0 and run.stdout:
        return [p for p in run.stdout.split("\n") if p and (project / p).exists()]
    return [str(p.relative_to(project)) for p in project.rglob("*") if p.is_file()
            and p.relative_to(project).parts[0] not in {"build", ".git"}]


def files_named(page, text, paths):
    names, folders = {pathlib.PurePosixPath(p).name for p in paths}, set()
    for path in paths:
        folders.update(str(f) for f in pathlib.PurePosixPath(path).parents)
    known = set(paths) | folders
    text = re.sub(r"(?ms)^```.*?^```", "", text)
    for name in sorted(set(re.findall(r"`([\w./-]+)`", text))):
        bare = name.rstrip("/")
        is_file = re.fullmatch(rf"[\w./-]+\.(?:{SUFFIXES})", name)
        is_path = re.match(r"(?:src|tests|tools|docs|bench|fuzz|conf|pictures)/", name)
        if not is_file and not is_path or EXAMPLES.fullmatch(bare) or bare.startswith((".", "/")):
            continue
        if "/" in bare:
            if bare not in known and f"src/{bare}" not in known:
                yield f"{page}: there is no {name}"
        elif bare not in names and bare not in folders:
            yield f"{page}: no file is called {name}"


def numbers_in(path, text):
    """Numbers that are cited: in a page anywhere, in sources by comments, texts and names of tests."""
    parts = [text] if path.endswith(".md") else COMMENT.findall(text)
    for part in parts:
        for m in NUMBER.finditer(part.replace("test_SI_", " SI_")):
            yield f"P{m[2]}" if m[1] else f"{m[3]}-{int(m[4])}"


def sources_missing(path, text, ends):
    """Sources named in comments that do not exist; `ends` has every path and all its endings at a slash."""
    if path.endswith((".c", ".h")):
        for comment in re.findall(r"/\*.*?\*/", text, re.S):
            for name in SOURCE.findall(comment):
                if name not in ends:
                    yield f"{path}: no file is called {name}"


def rows(text):
    """The numbers that docs/decisions.md has rows for."""
    found = set()
    for head in re.findall(r"^\| ((?:P\d|D-|SI-)[^|]*)\|", text, re.M):
        found.update(re.findall(r"P\d+|D-\d+|SI-\d+", head))
        for kind, first, last in re.findall(r"(SI-|D-|P)(\d+) to (?:SI-|D-|P)(\d+)", head):
            found.update(f"{kind}{n}" for n in range(int(first), int(last) + 1))
    return found


def check(project):
    paths = tracked(project)
    decided = rows((project / "docs/decisions.md").read_text())
    wrong = [f"docs/decisions.md: no row for P{n}" for n in range(1, NUMBERS + 1) if f"P{n}" not in decided]
    ends = {"/".join(p.split("/")[n:]) for p in paths for n in range(p.count("/") + 1)}
    cited = 0
    for path in paths:
        page = re.fullmatch(r"docs/[\w.-]+\.md|(?:src/[\w/]+/)?README\.md|CONTRIBUTING\.md", path)
        if not page and not re.fullmatch(rf"(?:src|tests|tools|bench|fuzz)/.*\.(?:{SUFFIXES})", path):
            continue
        text = (project / path).read_text(errors="replace")
        if page:
            wrong += files_named(path, text, paths)
        wrong += sources_missing(path, text, ends)
        for number in numbers_in(path, text):
            cited += 1
            if number not in decided and number not in NO_NUMBERS:
                wrong.append(f"{path}: {number} has no row in docs/decisions.md")
        wrong += [f"{path}: there is no {name}" for name in sorted(set(re.findall(r"\bdocs/[\w-]+(?:\.in)?\.md\b", text)))
                  if name != "docs/NAME.md" and name not in paths]
    return sorted(set(wrong)), cited


def main():
    wrong, cited = check(PROJECT)
    print("\n".join(wrong) if wrong else f"{cited} numbers cited, all decided; all files named are there")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
