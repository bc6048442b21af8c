"""smartimg calibrate: the file it writes, and that the other commands go by it, or say why not."""

import json
import os
import pathlib
import re
import shutil
import tempfile
import unittest

from server import PROJECT, run

PICTURE = PROJECT / "pictures/demo/product.jpg"
URL = "/is/image/demo/product?hei=300&qlt=85&bfc=on"


class Calibrate(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.file = self.folder / "calibration.ini"

    def run_it(self, *arguments, status=0, calibration=None):
        environment = {k: v for k, v in os.environ.items() if k != "SMARTIMG_CALIBRATION"}
        if calibration:
            environment["SMARTIMG_CALIBRATION"] = str(calibration)
        done = run(*map(str, arguments), env=environment)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertNotIn("Sanitizer", done.stderr)
        return done

    def measure(self, *pictures):
        return self.run_it("calibrate", "-o", self.file, "--setting", "webp_quick", "--setting", "jpeg_full",
                           *pictures)

    def explain(self, calibration=None):
        """What is tried for a first answer, and what is said on stderr."""
        done = self.run_it("explain", URL, "--fast", "--json", "--root", PROJECT / "pictures", "--accept",
                           "image/webp", calibration=calibration)
        return [c["settings"] for c in json.loads(done.stdout)["candidates"]], done.stderr

    def libraries(self):
        return re.search(r"\[libraries\]\n(?:\w+ = .+\n)+", self.file.read_text()).group()

    def test_writes_what_explain_goes_by(self):
        table = self.measure(PICTURE).stdout.splitlines()
        self.assertEqual([line.split()[0] for line in table], ["setting", "webp_quick", "jpeg_full"])
        self.assertEqual([line.split()[1] for line in table[1:]], ["2", "2"])
        costs = re.findall(r"^cost = ([\d.]+)$", self.file.read_text(), re.M)
        self.assertEqual(len(costs), 2)
        candidates, errors = self.explain(self.file)
        self.assertGreater(len(candidates), 1)
        self.assertEqual(errors, "")

    def test_costs_steer_the_choice(self):
        self.measure(PICTURE)
        costs = {"webp_quick": 0.05, "webp_fast": 20, "webp_good": 20, "webp_full": 20}
        self.file.write_text(self.libraries() + "".join(f"[{k}]\ncost = {v}\n" for k, v in costs.items()))
        candidates, errors = self.explain(self.file)
        self.assertEqual(errors, "")
        self.assertTrue(all("effort 3" in c for c in candidates[1:]), candidates)
        self.assertFalse(all("effort 3" in c for c in self.explain()[0][1:]))

    def test_useless_files_are_ignored(self):
        plain, _ = self.explain()
        self.measure(PICTURE)
        good = self.file.read_text()
        for text, reason in ((re.sub("libwebp [0-9.]+", "libwebp 0.0.1", good), "another version"),
                             (good.replace("cost = ", "cost = 99"), "line "),
                             (good[:len(good) // 2] + "\0\xff[", "line "), ("\n" * 9 + "nonsense", "line 10")):
            with self.subTest(reason=reason):
                self.file.write_text(text)
                candidates, errors = self.explain(self.file)
                self.assertEqual(candidates, plain)
                self.assertRegex(errors, rf"\Asmartimg: SMARTIMG_CALIBRATION is ignored: .*{reason}.*\n\Z")
        self.assertRegex(self.explain(self.folder / "none")[1], r"\Asmartimg: .*No such file or directory\n\Z")

    def test_folders_and_what_is_no_picture(self):
        (self.folder / "root/.hidden").mkdir(parents=True)
        shutil.copy(PICTURE, self.folder / "root/a.jpg")
        shutil.copy(PICTURE, self.folder / "root/.hidden/b.jpg")
        (self.folder / "root/broken.png").write_bytes(b"no picture")
        (self.folder / "root/notes.txt").write_text("no picture")
        done = self.measure("--root", self.folder / "root")
        self.assertEqual(done.stdout.splitlines()[1].split()[:2], ["webp_quick", "2"])
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertIn("broken.png: ", done.stderr)
        self.file.unlink()
        self.run_it("calibrate", "-o", self.file, self.folder / "root/broken.png", status=1)
        self.run_it("calibrate", "-o", self.file, "--root", self.folder / "none", status=1)
        self.assertFalse(self.file.exists())

    def test_wrong_usage(self):
        self.run_it("calibrate", status=2)
        self.run_it("calibrate", PICTURE, "--root", self.folder, status=2)
        self.run_it("calibrate", PICTURE, "--setting", "gif_slow", status=2)


if __name__ == "__main__":
    unittest.main()
