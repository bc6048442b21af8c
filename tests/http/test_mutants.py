"""Mutants of all kinds of originals through a running server: answered with an image or a clear error, no renderer ends, and a
good request is served afterwards. fuzz/mutate.c makes them, from files that tests/pictures/make-odd, the project and the
corpus beside it have.

`python3 tests/http/test_mutants.py 20000 [SEED]` sends as many; a run of all tests some hundred."""

import collections
import concurrent.futures
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest

import picture
from server import BUILD, SANITIZED, SHARED, Server

FORMATS = ["jpg", "png-alpha", "webp", "gif"]
MOST_BYTES = 200000  # of a file that is mutated: small ones are all structure
BATCH = 200
COUNT, SEED = (100 if SANITIZED else 300), 1


def seeds(root):
    """Files to mutate, of each kind as many, in turn."""
    kinds = collections.defaultdict(list)
    folders = [root / "odd", root / "broken", root / "demo"]
    if SHARED:
        folders += [root / "shared-odd", root / "shared-broken", pathlib.Path(SHARED) / "field-cases"]
    for folder in folders:
        for file in sorted(folder.iterdir()):
            if file.is_file() and 0 < file.stat().st_size <= MOST_BYTES and "bomb" not in file.name:
                kinds[file.suffix.lower()].append(file)
    kinds = [files for suffix, files in sorted(kinds.items()) if suffix not in (".tsv", ".md", ".bmp", ".psd", ".ico")]
    return [files[n % len(files)] for n in range(max(map(len, kinds))) for files in kinds]


class Sweep:
    """Sends mutants to a server, counts the answers and keeps those that should not be."""

    def __init__(self, server, seed):
        self.server, self.seed = server, seed
        self.files = seeds(server.root)
        self.counts, self.bad, self.slowest = collections.Counter(), [], (0, "")
        (server.root / "mutants").mkdir()

    def ask(self, n):
        url = f"mutants/{self.seed}-{n}?wid=100&hei=100&fmt={FORMATS[n // 7 % len(FORMATS)]}"
        if n % 10 == 0:
            url = f"mutants/{self.seed}-{n}?req=imageprops"
        reply = self.server.image(url)
        good = reply.status in (200, 403) or (reply.status == 503 and b"limit" in reply.body)
        if reply.status == 200 and "imageprops" not in url:
            good = picture.kind(reply.body) == reply.type
        elif reply.status != 200:
            good = good and reply.type.startswith("text/plain") and reply.body.count(b"\n") == 1
        return n, reply, good

    def send(self, first, count):
        names = self.server.root / "mutants"
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([BUILD / "fuzz/mutants", folder, str(self.seed), str(first), str(count), *self.files], check=True)
            for file in pathlib.Path(folder).iterdir():
                file.rename(names / f"{self.seed}-{file.name}")
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for n, reply, good in pool.map(self.ask, range(first, first + count)):
                self.counts[reply.status] += 1
                self.slowest = max(self.slowest, (reply.seconds, f"{n} of {self.files[n % len(self.files)].name}"))
                if not good:
                    self.bad.append(f"{n} of {self.files[n % len(self.files)].name}: {reply}")
                else:
                    (names / f"{self.seed}-{n}").unlink()

    def ended(self):
        """Lines of the log that tell of a renderer that ended otherwise than it should."""
        return re.findall(r".*(?:was killed|died|ended with|exited|signal|AddressSanitizer|runtime error).*", self.server.log.read_text())


class Mutants(unittest.TestCase):

    def test_mutants(self):
        with Server("--renderers", "2") as server:
            sweep = Sweep(server, SEED)
            for first in range(0, COUNT, BATCH):
                sweep.send(first, min(BATCH, COUNT - first))
            self.assertEqual(sweep.bad, [])
            self.assertEqual(sweep.ended(), [])
            self.assertGreater(sweep.counts[200], 20)
            self.assertGreater(sweep.counts[403], 20)
            self.assertEqual(server.image("demo/night?wid=61").status, 200)


def main():
    count, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else SEED
    began = time.monotonic()
    with Server("--renderers", "2", "--wall-ms", "20000") as server:
        sweep = Sweep(server, seed)
        for first in range(0, count, BATCH):
            sweep.send(first, min(BATCH, count - first))
            print(f"{first + BATCH}: {dict(sweep.counts)}, {time.monotonic() - began:.0f} s, slowest {sweep.slowest}", flush=True)
            if sweep.bad:
                print("\n".join(sweep.bad), flush=True)
                for line in sweep.bad:
                    name = f"{seed}-{line.split()[0]}"
                    (server.root / "mutants" / name).rename(pathlib.Path(tempfile.gettempdir()) / f"mutant-{name}")
                sweep.bad = []
        print("\n".join(sweep.ended()))
        print("afterwards:", server.image("demo/night?wid=61"))


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1].isdigit():
        main()
    else:
        unittest.main()
