#!/usr/bin/env python3
"""Holds what the packages repeat against its owner.

    tests/structure/packaging.py [PROJECT]

The version of meson.build is that of debian/changelog and of CHANGELOG.md; debian/control wants what tools/setup installs to
build, but what it leaves to debhelper. Prints what is wrong, one line each. Exit code 1 if anything is."""

import pathlib
import re
import sys

PROJECT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])

# of tools/setup's list, what building a package does not need: what it runs with, and what every such machine has
NOT_TO_BUILD = {"nginx", "openssl", "libc6-dev"}


def text(name):
    return (PROJECT / name).read_text()


def versions():
    return {"meson.build": re.search(r"^\s*version: '([^']+)'", text("meson.build"), re.M)[1],
            "debian/changelog": re.search(r"^smartimg \(([^)]+)\)", text("debian/changelog"))[1],
            "CHANGELOG.md": re.search(r"^## (\S+)", text("CHANGELOG.md"), re.M)[1]}


def installed():
    """The packages that tools/setup installs for ./run."""
    rows = re.search(r"^run_packages=\((.*?)^\)", text("tools/setup"), re.M | re.S)[1]
    return set(re.sub(r"#.*", "", rows).split()) - NOT_TO_BUILD


def wanted():
    field = re.search(r"^Build-Depends:(.*?)^\S", text("debian/control"), re.M | re.S)[1]
    names = {re.sub(r"\s*\(.*", "", entry).strip() for entry in field.split(",")} - {""}
    return {n for n in names if not n.startswith(("debhelper", "dh-sequence-"))}


wrong = []
told = versions()
if len(set(told.values())) != 1:
    wrong.append("versions differ: " + ", ".join(f"{name} {version}" for name, version in told.items()))
wrong += [f"debian/control: Build-Depends lacks {name}, which tools/setup installs" for name in sorted(installed() - wanted())]
wrong += [f"debian/control: Build-Depends has {name}, which tools/setup does not install" for name in sorted(wanted() - installed())]
print("\n".join(wrong) if wrong else f"packages of {told['meson.build']} want {len(wanted())} others to be built")
sys.exit(bool(wrong))
