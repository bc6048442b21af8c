"""Bad requests and bad files: a clear error, nothing lost, and the next good request is served."""

import unittest
import urllib.parse

import picture
from server import CHROME, SANITIZED, SHARED, Server

FORMATS = ["jpg", "pjpeg", "png", "png-alpha", "gif", "webp", "avif", "jxl", "jpeg2000", "jpegxr", "tif"]


class Hostile(unittest.TestCase):
    server = None

    def assert_error(self, reply, status=403):
        self.assertEqual(reply.status, status, reply)
        self.assertTrue(reply.type.startswith("text/plain"), reply)
        text = reply.body.decode()
        self.assertEqual(text.count("\n"), 1, text)
        self.assertNotIn(str(self.server.folder), text)
        self.assertIn("no-store", reply.headers.get("cache-control", ""))
        self.assertNotIn("x-adobe-smart-imaging", reply.headers)

    def test_errors(self):
        rows = ["demo/no-such", "nobody/no-such", "demo/night?$nothing$", "demo/night?wid=0",
                "demo/night?wid=abc", "demo/night?fmt=xyz", "demo/night?wid=99999",
                "demo/night?scl=0.0001", "demo/night?rotate=a", "demo/night?layer=nobody",
                "demo/night?bgc=zz", "demo/night?dpr=on,-1", "demo/night?crop=a"]
        for url in rows:
            with self.subTest(url):
                for _ in range(2):  # the second time from the cache, if it were kept there
                    self.assert_error(self.server.image(url, CHROME))

    def test_path_tricks(self):
        secret = self.server.folder / "secret.jpg"
        secret.write_bytes((self.server.root / "demo/night.jpg").read_bytes())
        (self.server.root / "demo/out.jpg").symlink_to("../../secret.jpg")
        (self.server.root / "demo/away.jpg").symlink_to(secret)
        (self.server.root / "leave").symlink_to("..")
        paths = ["demo/../../secret", "demo/..%2f..%2fsecret.jpg", "demo/%2e%2e/%2e%2e/secret.jpg",
                 "..%2fsecret.jpg", "%2e%2e/secret.jpg", "demo%2f..%2f..%2fsecret.jpg", "demo/out",
                 "demo/away.jpg", "leave/secret.jpg", "demo/night.jpg%00.png", f"/{secret}",
                 f"%2f{secret}", "demo/..\\..\\secret.jpg", "demo/%252e%252e/secret.jpg",
                 "demo/./night", "demo//..//../secret.jpg", "demo/%2f/secret.jpg", "demo/%c0%ae%c0%ae/secret.jpg",
                 "file:%2f%2f%2fetc%2fpasswd", "demo/~root"]
        for path in paths:
            for query in ("", "?defaultImage=../../secret", "?defaultImage=/../secret"):
                with self.subTest(path + query):
                    reply = self.server.image(path + query, CHROME)
                    self.assertIn(reply.status, (400, 403, 404), reply)
                    self.assertNotIn(b"root:", reply.body)

    def test_header_extremes(self):
        for accept in ("image/avif," * 700 + "image/webp", ";;;q=,,,\"", "\xff\xfe", "image/avif;q=2;q=0"):
            reply = self.server.image("smart/night?wid=60", accept)
            self.assertEqual(reply.status, 200)
        self.assertEqual(self.server.image("smart/night?" + "wid=1&" * 3000).status, 200)

    def test_costs_are_foreseen(self):
        """What could not end within the limits is refused before anything is decoded, with the reason."""
        dear = "".join(f"&layer={n}&color=255,0,0&size=4096,4096&rotate=10&op_blur=50&op_grow=90&op_noise=50"
                       "&op_usm=1,50,0,0" for n in range(1, 161))
        reply = self.server.image("demo/night?scl=1&size=4096,4096" + dear, CHROME)
        self.assert_error(reply)
        self.assertRegex(reply.body.decode(), "^size limit exceeded: it would take about .* the limit is 20.0 s\n$")
        self.assertEqual(self.server.image("demo/night?scl=64&size=4096,4096" + dear, CHROME).status, 200)

    def test_filters_of_drawings_are_foreseen(self):
        for query in ("wid=2000", "wid=2000&op_blur=1"):  # as a plain image, and as a layer
            reply = self.server.image(f"broken/filter-bomb.svg?fmt=png&{query}", CHROME)
            self.assert_error(reply)
            self.assertIn("most of it for decoding of originals", reply.body.decode())

    def test_replies_are_bounded(self):
        """A reply over --reply-size is an error, never the begin of an image."""
        with Server("--reply-size", "64k") as server:
            for fmt, wid in ("tif", 400), ("png", 400), ("gif-alpha", 600):
                reply = server.image(f"demo/night?wid={wid}&fmt={fmt}", CHROME)
                self.assertEqual((reply.status, reply.type.split(";")[0]), (403, "text/plain"), reply)
                self.assertRegex(reply.body.decode(), "the reply of [0-9]+ bytes exceeds the limit of 65536\n$")
            self.assertEqual(server.image("demo/night?wid=60&fmt=tif", CHROME).status, 200)
            reply = server.image("smart/night?wid=400&fmt=png", CHROME)  # asked for too much, converted to little
            self.assertEqual(reply.status, 200)
            self.assertLessEqual(len(reply.body), 65536)

    def sweep(self, folder, expectations=None):
        """Every file of a folder in some formats, and so every format for many files: answered with an image
        or a clear error, and a good request goes through after each."""
        files = [f for f in sorted((self.server.root / folder).iterdir()) if f.is_file()]
        for number, file in enumerate(files):
            every = len(FORMATS) if "bomb" in file.name else 5 if SANITIZED else 3
            for fmt in FORMATS[number % every::every]:
                url = f"{folder}/{urllib.parse.quote(file.name)}?wid=120&hei=120&fmt={fmt}"
                with self.subTest(url):
                    reply = self.server.image(url, CHROME)
                    self.assertIn(reply.status, (200, 403, 503), reply)
                    if reply.status == 200:
                        self.assertEqual(picture.kind(reply.body), reply.type)
                    else:
                        self.assertTrue(reply.type.startswith("text/plain"), reply)
                    want = (expectations or {}).get(file.name)
                    if want is not None and want != "any":
                        self.assertEqual(reply.status == 200, want == "ok", reply)
            self.assertEqual(self.server.image("demo/night?wid=61&cache=off", "*/*").status, 200)

    def expectations(self):
        rows = (self.server.root / "manifest.tsv").read_text().splitlines()
        want = {r.split("\t")[0].split("/")[-1]: r.split("\t")[3] for r in rows if "\t" in r}
        return {n: "error" if n.endswith(".bmp") else w for n, w in want.items()}  # not served

    def test_own_odd_files(self):
        self.sweep("odd", self.expectations())

    def test_own_broken_files(self):
        self.sweep("broken", self.expectations())

    @unittest.skipUnless(SHARED, "no shared corpus beside the project")
    def test_shared_odd_files(self):
        unsupported = {"alpha-channel.psd", "small.psd", "alpha.bmp", "icon.ico", "photo.jxr"}
        names = [f.name for f in (self.server.root / "shared-odd").iterdir()]
        self.sweep("shared-odd", {n: "ok" for n in names if n not in unsupported})

    @unittest.skipUnless(SHARED, "no shared corpus beside the project")
    def test_shared_broken_files(self):
        self.sweep("shared-broken")


if __name__ == "__main__":
    unittest.main()
