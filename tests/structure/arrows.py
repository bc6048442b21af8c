#!/usr/bin/env python3
"""Holds the #include lines of src/ against the table "Parts and arrows" of docs/architecture.md.

    tests/structure/arrows.py [PROJECT]

A part is a folder of the table, and whatever lies below it unless that has a row of its own. Prints what is
wrong, one line each: an include that the table does not allow, a part without a row, a row without a folder,
and an arrow that no include needs. Each folder with sources has a README.md of two to four lines, of which
"- **May use**: " repeats the cell of its part. Exit code 1 if anything is wrong."""

import pathlib
import re
import sys

PROJECT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])


def table(text):
    """{part: what it may use, as the section's row says it}."""
    section = text.split("## Parts and arrows", 1)[1].split("\n## ", 1)[0]
    return {part: cell.strip()
            for part, cell in re.findall(r"^\| `src/([\w/]+)` \|[^|]*\|([^|]*)\|", section, re.M)}


def parts_in(cell):
    return set(re.findall(r"[a-z_]+(?:/[a-z_]+)*", cell.split("(")[0])) - {"libc", "nothing"}


def part_of(path, parts):
    """The longest part that a path below src/ lies in, or None."""
    folder = pathlib.PurePosixPath(path).parent
    while str(folder) != ".":
        if str(folder) in parts:
            return str(folder)
        folder = folder.parent
    return None


def readmes(project, cells):
    """What is wrong with the README.md of the folders that have sources."""
    for folder in sorted({file.parent for file in project.glob("src/**/*.c")}):
        name = folder.relative_to(project)
        part = part_of(folder.relative_to(project / "src") / "x.c", cells)
        if not (folder / "README.md").is_file():
            yield f"{name}: there is no README.md"
            continue
        lines = (folder / "README.md").read_text().rstrip("\n").split("\n")
        if not 2 <= len(lines) <= 4:
            yield f"{name}/README.md has {len(lines)} lines rather than two to four"
        if f"- **May use**: {cells.get(part)}" not in lines:
            yield f'{name}/README.md has no line "- **May use**: {cells.get(part)}"'


def check(project):
    cells = table((project / "docs/architecture.md").read_text())
    arrows = {part: parts_in(cell) for part, cell in cells.items()}
    wrong, used = [], set()
    for part, uses in arrows.items():
        if not (project / "src" / part).is_dir():
            wrong.append(f"docs/architecture.md: there is no folder src/{part}")
        wrong += [f"docs/architecture.md: {part} may use {u}, which has no row" for u in sorted(uses - set(arrows))]
    for file in sorted(project.glob("src/**/*.[ch]")):
        name = str(file.relative_to(project / "src"))
        part = part_of(name, arrows)
        if part is None:
            wrong.append(f"src/{name}: its folder has no row in docs/architecture.md")
            continue
        for number, line in enumerate(file.read_text().split("\n"), 1):
            m = re.match(r'#include "([^"]+)"', line)
            if not m or not (project / "src" / m[1]).exists():
                continue
            to = part_of(m[1], arrows)
            used.add((part, to))
            if to != part and to not in arrows[part]:
                wrong.append(f"src/{name}:{number}: {part} may not use {to}: {m[1]}")
    wrong += [f"docs/architecture.md: no file of {part} uses {u}"
              for part, uses in arrows.items() for u in sorted(uses) if (part, u) not in used and u in arrows]
    return wrong + list(readmes(project, cells)), len(used)


def main():
    wrong, count = check(PROJECT)
    print("\n".join(wrong) if wrong else f"{count} arrows, all as docs/architecture.md has them")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
