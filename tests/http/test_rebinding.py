"""A name of a listed server that means something else from one moment to the next: the address of each connection counts."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

from waiting import PATIENCE

NAMESPACES = ["unshare", "--net", "--mount"]


def possible():
    tools = shutil.which("unshare") and shutil.which("ip")
    return bool(tools) and os.geteuid() == 0 and subprocess.run(
        [*NAMESPACES, "ip", "link", "set", "lo", "up"], capture_output=True).returncode == 0


class Rebinding(unittest.TestCase):
    @unittest.skipUnless(possible(), "no namespaces to be had")
    def test_a_name_that_changes_its_address(self):
        done = subprocess.run([*NAMESPACES, sys.executable, pathlib.Path(__file__).with_name("rebinding.py")],
                              capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        said = json.loads(done.stdout)
        self.assertEqual(set(said), {"public", "public6", "both", "public again", "mapped", "nat64", "local-nat64", "6to4",
                                     "loopback", "loopback6", "private", "unique-local"})
        for step in "public", "public6", "public again":
            self.assertEqual((said[step][0], said[step][2]), (200, 1), (step, said))
        for step, (status, text, asked) in said.items():
            if step not in ("public", "public6", "public again", "both"):
                self.assertEqual((status, asked), (403, 0), (step, said))
                self.assertIn("no public address", text, step)
        status, text, asked = said["both"]  # the public one, or none
        self.assertTrue((status, asked) in ((200, 1), (403, 0)), said)


if __name__ == "__main__":
    unittest.main()
