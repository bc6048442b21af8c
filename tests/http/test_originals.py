"""Which kinds of originals are served, and what is said of decoders that are not safe."""

import pathlib
import re
import tempfile
import unittest

from server import PLAIN, Server, run


def heif_version():
    """libheif's version as three numbers, or None."""
    match = re.search(r"^  libheif +(\d+)\.(\d+)\.(\d+)", run("--version").stdout, re.M)
    return match and tuple(map(int, match.groups()))


class Originals(unittest.TestCase):
    def test_only_named_kinds_are_served(self):
        with Server("--originals", "jpeg, gif") as server:
            self.assertEqual(server.image("demo/product?wid=20", PLAIN).status, 200)
            reply = server.image("demo/logo?wid=20", PLAIN)
            self.assertEqual(reply.status, 403)
            self.assertIn(b"png originals are not served here", reply.body)
            self.assertEqual(server.image("demo/logo?req=imageprops", PLAIN).status, 403)
            self.assertNotIn("libheif", server.log.read_text())

    def test_unsafe_decoders_are_told_of_at_the_start(self):
        version = heif_version()
        with Server() as server:
            self.assertEqual(server.image("demo/logo?wid=20", PLAIN).status, 200)
            self.assertEqual("warning: libheif" in server.log.read_text(),
                             version is not None and version < (1, 23, 4))

    def test_unknown_kinds_are_wrong_usage(self):
        for kinds in ("jpeg,psd", "", ","):
            done = run("serve", "--originals", kinds)
            self.assertEqual(done.returncode, 2, kinds)
            self.assertIn("--originals", done.stderr)

    def test_config_check(self):
        with tempfile.TemporaryDirectory() as folder:
            ini = pathlib.Path(folder) / "smartimg.ini"
            for line, mistakes, warned in (("originals = jpeg, png", 0, False), ("originals = jpeg, bmp", 1, None),
                                           ("", 0, True)):
                ini.write_text(line + "\n")
                done = run("config", "check", folder)
                self.assertEqual(done.returncode, mistakes, done.stdout)
                self.assertEqual("smartimg.ini:1: originals" in done.stdout, mistakes == 1)
                if warned is not None:
                    version = heif_version()
                    unsafe = warned and version is not None and version < (1, 23, 4)
                    self.assertEqual("warning: libheif" in done.stdout, unsafe, done.stdout)

    def test_versions(self):
        text = run("--version").stdout
        for library in ("libjpeg-turbo", "libspng", "libwebp", "libavif", "dav1d", "OpenJPEG", "libtiff", "libvips",
                        "lcms2", "pango", "librsvg"):
            self.assertRegex(text, library + r"[^\n]*\d+\.\d+", library)


if __name__ == "__main__":
    unittest.main()
