#!/usr/bin/python3
"""Who finds which libaom that tools/setup built: users that of root, and root that of who owns the work tree.

    python3 tests/install/test_aom.py [-v]

Runs tools/aom-prefix of a copy, as root and as nobody, with folders of its own in place of /usr/local/lib and of homes."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

PROJECT = pathlib.Path(__file__).resolve().parents[2]
NOBODY = 65534


@unittest.skipUnless(os.geteuid() == 0, "being several users needs root")
class AomTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-aom-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.folder.chmod(0o755)
        self.local = self.folder / "local"  # is /usr/local/lib for the commands
        self.homes = {0: self.folder / "root", NOBODY: self.folder / "nobody"}
        for folder in (self.local, *self.homes.values(), self.folder / "bin"):
            folder.mkdir()
        self.homes[0].chmod(0o700)
        self.program("pkg-config", "exit 1")  # the system's libaom is always too old
        self.program("getent", f'echo "x:x:$2:$2::$([ "$2" = {NOBODY} ] && echo {self.homes[NOBODY]} || echo {self.homes[0]}):/bin/sh"')
        shutil.copytree(PROJECT / "tools", self.folder / "tree/tools")
        self.own_tree(NOBODY)
        self.kind = self.run_as(0, ". tools/lib.sh; echo $aom_kind").strip()

    def program(self, name, text):
        file = self.folder / "bin" / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)

    def own_tree(self, uid):
        for file in (self.folder / "tree").rglob("*"):
            os.chown(file, uid, uid)

    def run_as(self, uid, script):
        script = f"mount --bind {self.local} /usr/local/lib && cd {self.folder / 'tree'} && " \
            f"exec setpriv --reuid {uid} --regid {uid} --clear-groups bash -c '{script}'"
        return subprocess.run(["unshare", "--mount", "bash", "-c", script], capture_output=True, text=True, check=True,
                              env={"HOME": str(self.homes[uid]), "PATH": f"{self.folder}/bin:/usr/sbin:/usr/bin:/sbin:/bin"}).stdout

    def prefix(self, uid):
        return self.run_as(uid, "tools/aom-prefix").strip()

    def build(self, folder, version):
        prefix = folder / f"aom-{version}-{self.kind}"
        (prefix / "lib").mkdir(parents=True)
        (prefix / "lib/libaom.so.3").touch()
        return str(prefix)

    def built_by_root(self, version):
        self.build(self.local / "smartimg", version)
        return f"/usr/local/lib/smartimg/aom-{version}-{self.kind}"

    def built_by_user(self, version):
        return self.build(self.homes[NOBODY] / ".cache/smartimg", version)

    def test_nothing_is_there(self):
        self.assertEqual([self.prefix(0), self.prefix(NOBODY)], ["", ""])
        for uid in (0, NOBODY):
            with self.assertRaises(subprocess.CalledProcessError):
                self.run_as(uid, "tools/aom-prefix --check")

    def test_where_each_builds(self):
        self.assertEqual(self.run_as(0, ". tools/lib.sh; echo $aom_cache").strip(), "/usr/local/lib/smartimg")
        self.assertEqual(self.run_as(NOBODY, ". tools/lib.sh; echo $aom_cache").strip(), f"{self.homes[NOBODY]}/.cache/smartimg")

    def test_that_of_root_is_for_all(self):
        prefix = self.built_by_root("3.14.1")
        self.assertEqual([self.prefix(0), self.prefix(NOBODY)], [prefix, prefix])
        self.assertEqual(self.run_as(NOBODY, "tools/aom-prefix --check"), "")

    def test_that_of_the_owner_of_the_tree_is_for_root(self):
        prefix = self.built_by_user("3.14.1")
        self.assertEqual([self.prefix(0), self.prefix(NOBODY)], [prefix, prefix])

    def test_that_of_another_user_is_not(self):
        self.built_by_user("3.14.1")
        self.own_tree(0)
        self.assertEqual(self.prefix(0), "")

    def test_roots_home_of_earlier(self):
        prefix = self.build(self.homes[0] / ".cache/smartimg", "3.13.0")
        self.assertEqual([self.prefix(0), self.prefix(NOBODY)], [prefix, ""])

    def test_the_newest_counts(self):
        old, new = self.built_by_root("3.9.0"), self.built_by_user("3.14.1")
        self.assertEqual([self.prefix(0), self.prefix(NOBODY)], [new, new])
        newer = self.built_by_root("3.20.0")
        self.assertEqual([self.prefix(0), self.prefix(NOBODY)], [newer, newer])
        self.assertNotEqual(old, newer)

    def test_one_that_cannot_be_read_is_none(self):
        self.built_by_root("3.14.1")
        (self.local / "smartimg").chmod(0o700)
        self.assertEqual(self.prefix(NOBODY), "")


if __name__ == "__main__":
    unittest.main()
