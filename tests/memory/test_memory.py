#!/usr/bin/python3
"""No reply may depend on memory that nobody has written.

    python3 tests/memory/test_memory.py [-v] [MemoryTest.test_name]

Every original is rendered in two processes whose allocators fill what they hand out, and what
they get back, with other bytes; what the replies have in common is no accident. The originals
are the project's own, the odd and broken ones of tests/pictures/make-odd, and where
SMARTIMG_SHARED names a folder, its corpus and field cases. SMARTIMG_BUILD names the build
folder. test_valgrind.py looks closer, at less."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import urllib.parse

PROJECT = pathlib.Path(__file__).resolve().parents[2]
BUILD = PROJECT / os.environ.get("SMARTIMG_BUILD", "build")
SHARED = os.environ.get("SMARTIMG_SHARED")
FILLS = (0x55, 0xaa)
PATIENCE = 3600  # seconds for one list; that a single request ends is minded by the program

FULL = "scl=1&fmt=tif-alpha&cache=off"
SMALL = "wid=97&hei=97&fmt=png-alpha"
CONVERTED = ["bfc=on&wid=128&hei=128&fmt=jpg", "bfc=on&wid=128&hei=128&fmt=png-alpha"]
FORMATS = ["jpg", "pjpeg", "png", "png8", "gif-alpha", "webp-alpha", "avif-alpha", "jxl-alpha", "jpeg2000-alpha",
           "jpegxr-alpha", "tif-alpha,rgb,zip", "tif-alpha,rgb,jpeg", "heic", "pdf", "eps", "webp", "avif", "jxl"]
FACTS = "req=imageprops"


def environment(fill):
    """Small blocks come back to the general list (no tcache) and go out filled like large ones."""
    return dict(os.environ, GLIBC_TUNABLES=f"glibc.malloc.perturb={fill}:glibc.malloc.tcache_count=0",
                G_SLICE="always-malloc")


def replies(root, config, requests, fill):
    """A process that answers the requests; read() gives its lines."""
    listing = tempfile.TemporaryFile("w+")
    listing.write("".join(r + "\n" for r in requests))
    listing.seek(0)
    with listing:
        return subprocess.Popen([BUILD / "tests/memory/render-list", root, config], stdin=listing,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                                env=environment(fill))


def make_root(folder):
    """Originals of all kinds in folder/root, each folder a company."""
    root, config = folder / "root", folder / "conf"
    (config / "companies").mkdir(parents=True)
    (config / "companies/default.ini").write_text("FolderCompanies = true\n")
    root.mkdir()
    shutil.copytree(PROJECT / "pictures/demo", root / "demo")
    subprocess.run([sys.executable, PROJECT / "tests/pictures/make-odd", root], check=True, stdout=subprocess.DEVNULL)
    (root / "rows").mkdir()
    subprocess.run([BUILD / "tests/formats/encode-rows", root / "rows"], check=True, stdout=subprocess.DEVNULL)
    for other in {f.name for f in (root / "rows").iterdir() if f.suffix in (".raw", ".icc", ".xmp", ".bin")}:
        (root / "rows" / other).unlink()
    if SHARED:
        for part in ("odd", "broken", "photos", "products", "graphics"):
            shutil.copytree(pathlib.Path(SHARED) / "corpus" / part, root / f"shared-{part}")
        shutil.copytree(pathlib.Path(SHARED) / "field-cases", root / "field-cases")
    return root, config


def files(folder):
    """Names of the files of a folder, quoted for an address."""
    return [urllib.parse.quote(f.name) for f in sorted(folder.iterdir()) if f.is_file()]


class MemoryTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-memory-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.root, cls.config = make_root(cls.folder)

    def compare(self, requests):
        """Both processes give the same lines, one for each request."""
        processes = [replies(self.root, self.config, requests, fill) for fill in FILLS]
        first, second = [p.communicate(timeout=PATIENCE)[0].splitlines() for p in processes]
        self.assertEqual([p.returncode for p in processes], [0, 0], first[-3:] + second[-3:])
        self.assertEqual(len(first), len(second))
        self.assertGreaterEqual(len(first), len(requests))
        served = 0
        for one, other in zip(first, second):
            request, _, answer = one.partition("\t")
            if "late" in (answer, other.partition("\t")[2]):  # which says nothing about memory
                print(f"[{request} was not answered] ", end="", file=sys.stderr)
                continue
            served += answer.startswith("200 ")
            with self.subTest(request):
                self.assertEqual(one, other)
                self.assertNotRegex(answer, "^(signal|status|no) ")
        return served

    def sweep(self, name, least):
        """Each file of a folder in full, small, and in one of the formats, in turn; at least so many replies
        are images."""
        requests = []
        for number, file in enumerate(files(self.root / name)):
            url = f"/is/image/{name}/{file}?"
            requests += [url + FULL, url + SMALL, url + f"wid=160&hei=160&fmt={FORMATS[number % len(FORMATS)]}",
                         url + (CONVERTED[number // 4 % 2] if number % 4 == 0 else FACTS)]
        self.assertGreaterEqual(self.compare(requests), least)

    def test_processes_do_fill_memory_differently(self):
        """Or nothing here could fail."""
        requests = [f"fresh {n}" for n in (24, 100, 1000, 5000, 70_000, 1_000_000, 60_000_000)]
        lines = [replies(self.root, self.config, requests, fill).communicate(timeout=PATIENCE)[0].splitlines()
                 for fill in FILLS]
        self.assertEqual([len(part) for part in lines], [len(requests)] * 2)
        for one, other in zip(*lines):
            self.assertNotEqual(one, other)

    def test_own_pictures(self):
        self.sweep("demo", 20)

    def test_own_odd_files(self):
        self.sweep("odd", 60)

    def test_every_format_as_an_original(self):
        """As tests/formats has them written, but for those that are no originals."""
        self.sweep("rows", 100)

    def test_own_broken_files(self):
        self.sweep("broken", 20)

    @unittest.skipUnless(SHARED, "no shared corpus beside the project")
    def test_shared_pictures(self):
        for name in ("shared-photos", "shared-products", "shared-graphics"):
            self.sweep(name, 20)

    @unittest.skipUnless(SHARED, "no shared corpus beside the project")
    def test_shared_odd_files(self):
        self.sweep("shared-odd", 60)

    @unittest.skipUnless(SHARED, "no shared corpus beside the project")
    def test_shared_broken_files(self):
        self.sweep("shared-broken", 20)

    @unittest.skipUnless(SHARED, "no shared corpus beside the project")
    def test_field_cases(self):
        self.sweep("field-cases", 20)

    def test_every_format_of_every_picture(self):
        """And each twice in either process."""
        requests = [f"/is/image/demo/{name}?wid=150&hei=150&fmt={fmt}" for name in ("night", "logo")
                    for fmt in FORMATS]
        requests += [f"/is/image/demo/{name}?wid=150&hei=150&{converted}" for name in ("night", "logo")
                     for converted in CONVERTED]
        self.assertGreaterEqual(self.compare(requests * 2), len(requests) * 2)

    def test_encoders(self):
        """Every row of the table of formats, as tests/formats has them written."""
        folders = [self.folder / f"rows-{fill}" for fill in FILLS]
        for folder, fill in zip(folders, FILLS):
            folder.mkdir()
            subprocess.run([BUILD / "tests/formats/encode-rows", folder], check=True, env=environment(fill),
                           stdout=subprocess.DEVNULL)
        names = sorted(p.name for p in folders[0].iterdir())
        self.assertGreater(len(names), 50)
        self.assertEqual(names, sorted(p.name for p in folders[1].iterdir()))
        for name in names:
            with self.subTest(name):
                self.assertEqual((folders[0] / name).read_bytes(), (folders[1] / name).read_bytes())


if __name__ == "__main__":
    unittest.main(verbosity=2)
