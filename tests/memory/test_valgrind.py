#!/usr/bin/python3
"""Memcheck of valgrind over one small reply for each kind of original and each format of replies:
nothing reads what nobody has written or what is not there.

    python3 tests/memory/test_valgrind.py [-v]

It sees what test_memory.py cannot: what differs on the stack, what decides without showing in the
reply, and what lies beside a block. tests/memory/valgrind.supp names what libraries may do, and
why. SMARTIMG_BUILD names the build folder; one with sanitizers does not go with valgrind."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

import test_memory
from test_memory import BUILD, CONVERTED, FORMATS, PATIENCE, files, make_root

HERE = pathlib.Path(__file__).parent
SUPPRESSIONS = HERE / "valgrind.supp"
# Too much for a machine that is simulated. They are for test_memory.py.
LARGE = re.compile("bomb|laughs|huge|60000|65500|4g|large")
# The assembly of x265 works on whole vectors, of which memcheck cannot tell which parts count;
# that the files depend on no memory is for test_memory.py.
UNCHECKED = ["heic"]
# The same of libjpeg-turbo, which can do without.
PLAIN = {"JSIMD_FORCENONE": "1"}


def reports(root, config, requests):
    """Answers the requests under valgrind: the answers, and what it said to each, both by request."""
    listing = "".join(r + "\n" for r in requests)
    done = subprocess.run(
        ["valgrind", "-q", "--num-callers=25", f"--suppressions={SUPPRESSIONS}", BUILD / "tests/memory/render-list",
         root, config, "here"], input=listing, capture_output=True, text=True, errors="replace", timeout=PATIENCE,
        env=dict(os.environ, **PLAIN))
    answers = dict(line.split("\t", 1) for line in done.stdout.splitlines() if "\t" in line)
    said = {}
    request = "the start"
    for line in done.stderr.splitlines():
        if line.startswith("request "):
            request = line.removeprefix("request ")
        elif line.startswith("=="):
            said.setdefault(request, []).append(line.split("== ", 1)[-1])
    return done.returncode, answers, said


@unittest.skipUnless(shutil.which("valgrind"), "no valgrind")
class ValgrindTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-valgrind-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.root, cls.config = make_root(cls.folder)

    def check(self, requests, least):
        """No complaint about any of the requests; at least so many are answered with images."""
        code, answers, said = reports(self.root, self.config, requests)
        self.assertEqual((code, len(answers)), (0, len(set(requests))), said)
        for request in ["the start", *requests]:
            with self.subTest(request):
                self.assertEqual("\n".join(said.get(request, [])), "")
        self.assertGreaterEqual(sum(a.startswith("200 ") for a in answers.values()), least)

    def originals(self, name):
        return [f"/is/image/{name}/{file}?wid=40&hei=30&fmt=png-alpha" for file in files(self.root / name)
                if not LARGE.search(file)]

    def test_it_complains(self):
        """Or nothing here could fail."""
        _, _, said = reports(self.root, self.config, ["decide 100"])
        self.assertIn("uninitialised", "".join(said["decide 100"]))

    def test_formats(self):
        requests = [f"/is/image/demo/logo?wid=40&hei=30&fmt={fmt}" for fmt in FORMATS if fmt not in UNCHECKED]
        requests += [f"/is/image/demo/logo?{converted.replace('128', '40')}" for converted in CONVERTED]
        self.check(requests, len(requests))

    def test_odd_originals(self):
        self.check(self.originals("odd"), 60)

    def test_originals_of_every_format(self):
        self.check(self.originals("rows"), 40)

    def test_broken_originals(self):
        self.check(self.originals("broken"), 20)

    @unittest.skipUnless(test_memory.SHARED, "no field cases beside the project")
    def test_field_cases(self):
        self.check(self.originals("field-cases"), 15)


if __name__ == "__main__":
    unittest.main(verbosity=2)
