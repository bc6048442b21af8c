"""Addresses, nested requests in variables, crops of records, empty layers: by what a client sees."""

import unittest

import numpy as np
from PIL import Image

import picture
import samples
from server import run


class Syntax(samples.Samples):
    company = "syntax/"

    @classmethod
    def prepare(cls, root, companies):
        """`board` is 1200×800: left half red, right half blue; `plate` is green and half transparent."""
        folder = root / "syntax"
        folder.mkdir()
        board = np.zeros((800, 1200, 3), np.uint8)
        board[:, :600], board[:, 600:] = (200, 0, 0), (0, 0, 200)
        Image.fromarray(board).save(folder / "board.png")
        halves = np.zeros((100, 200), np.uint8)
        halves[:, :100] = 255
        Image.fromarray(halves).save(folder / "halves.png")
        Image.fromarray(np.full((100, 100, 3), (0, 180, 0), np.uint8)).save(folder / "plate.png")
        (companies / "syntax.ini").write_text(
            "Bfc = false\nDefaultPix = 0,0\nMaxPix = 4096,4096\nDefaultImage = plate\n"
            "[presets]\nnarrow = wid=30&fmt=png\nbare =\n"
            "[crops]\nLeft = 300x400\nRight = 300x400\n"
            "[crop board]\nLeft = 0,0,.5,1\nRight = .5,0,.5,1\n"
            "[crop mine]\nLeft = .25,0,.25,1\n[crop halves]\nLeft = 0,0,.5,1\nRight = .5,0,.5,1\n"
            "[objects]\nhero = board.png?fmt=png\nmine = board.png\n"
            "[object masked]\nPath = board.png\nMaskPath = halves.png\n"
            "[object card]\nModifier = size=100,100&color=9,9,9&layer=1&src=$object$&size=50,0\n")

    def pixel(self, url, x, y):
        return picture.pixels(self.get(url).body).getpixel((x, y))

    def near(self, have, want, tolerance=3):
        self.assertTrue(all(abs(a - b) <= tolerance for a, b in zip(have, want)), (have, want))

    # ---- addresses ----

    def test_slashes_that_add_nothing(self):
        """One derivative, one cache entry, one purge."""
        first = self.server.request("/is/image/syntax/board?wid=37")
        self.assertEqual(first.status, 200)
        others = ("//is/image/syntax/board?wid=37", "/is/image//syntax/board?wid=37",
                  "/is/image/syntax//board?wid=37", "/is/image/syntax/board/?wid=37",
                  "/is//image///syntax//board//?wid=37")
        for path in others:
            reply = self.server.request(path)
            self.assertEqual((reply.status, reply.headers.get("etag"), reply.headers.get("x-cache")),
                             (200, first.headers["etag"], "hit"), path)
        run("purge", "//is/image/syntax//board/", "--cache", self.server.cache, check=True)
        self.assertNotEqual(self.server.request(others[0]).headers["x-cache"], "hit")
        self.assertEqual(self.server.request("/is/image/syntax/board?wid=37").headers["x-cache"], "hit")
        self.assertEqual(self.server.request("/is/image/syntax/%2fboard").status, 403)
        self.assertEqual(self.server.request("/is/image/syntax/..//board").status, 403)

    def test_errors_elsewhere_are_plain_text(self):
        for path in ("/adobe/x.jpg", "/index.html", "/x.gif", "/is/x.png", "/nothing", "/.error"):
            reply = self.server.request(path)
            self.assertEqual((reply.status, reply.type), (404, "text/plain; charset=utf-8"), path)
        for path, status in (("/%zz", 400), ("/../../x.jpg", 400), ("/" + "a" * 40000, 414)):
            reply = self.server.request(path)
            self.assertEqual((reply.status, reply.type), (status, "text/plain; charset=utf-8"))
            self.assertNotIn(b"<", reply.body)

    # ---- crops of records ----

    def test_crops_of_records(self):
        for name in ("board", "hero"):  # of the file, and of a record whose picture that is
            self.near(self.pixel(f"{name}:Left?fmt=png&wid=60", 30, 30), (200, 0, 0))
            self.near(self.pixel(f"{name}:Right?fmt=png&wid=60", 30, 30), (0, 0, 200))
            self.assertEqual(self.size(f"{name}:Right?scl=1"), (600, 800))
        self.assertEqual(self.size("mine:Left?scl=1"), (300, 800))  # the record's own
        self.assertEqual(self.size("mine:Right?scl=1"), (600, 800))  # else the file's
        for name in ("hero:Left", "board:Left", "hero:Swatch"):
            text = self.get(name + "?req=userdata").body.decode()
            self.assertEqual([line.split("=")[0] for line in text.split("\r\n") if line],
                             "SmartCropDef SmartCropType SmartCropWidth SmartCropHeight SmartCropRect "
                             "SmartSwatchColor".split(), name)
        self.assertIn("0,0,0.5,1,300,400", self.get("hero:Left?req=userdata").body.decode())

    def test_crops_of_records_in_layers(self):
        at = "size=100,100&scl=1&fmt=png&layer=1&size=50,50&src="
        self.near(self.pixel(f"plate?{at}hero:Left", 50, 50), (200, 0, 0))
        self.near(self.pixel(f"plate?{at}hero:Right", 50, 50), (0, 0, 200))
        self.near(self.pixel(f"plate?{at}is{{syntax/hero:Right}}", 50, 50), (0, 0, 200))
        self.near(self.pixel("hero:Right?template=card&fmt=png", 50, 50), (0, 0, 200))

    def test_crops_of_masks(self):
        mask = "board?wid=120&fmt=png-alpha&mask="
        self.assertEqual([self.pixel(mask + "halves", x, 40)[3] for x in (30, 90)], [255, 0])
        self.assertEqual([self.pixel(mask + "halves:Left", x, 40)[3] for x in (30, 90)], [255, 255])
        self.assertEqual([self.pixel(mask + "halves:Right", x, 40)[3] for x in (30, 90)], [0, 0])
        # a crop of the mask lies on the crop of the picture, the record's mask on all of it
        self.assertEqual(self.pixel("board:Right?wid=60&fmt=png-alpha&mask=halves:Left", 30, 40),
                         (0, 0, 200, 255))
        self.assertEqual(self.pixel("masked:Left?wid=60&fmt=png-alpha", 30, 40)[3], 255)
        self.assertEqual(self.pixel("masked:Right?wid=60&fmt=png-alpha", 30, 40)[3], 0)

    # ---- variables, presets ----

    def test_nested_requests_in_variables(self):
        view = "size=100,100&scl=1&fmt=png&layer=1&size=50,50&src=$p$"
        for value, colour in (("is{syntax/board?crop=0,0,9,9}", (200, 0, 0)),
                              ("is{syntax/board?crop=0,0,9,9&op_invert=1}", (55, 255, 255)),
                              ("is%7Bsyntax%2Fboard%3Fcrop%3D700,0,9,9%7D", (0, 0, 200))):
            self.near(self.pixel(f"plate?$p={value}&{view}", 50, 50), colour)
            self.near(self.pixel(f"plate?{view.replace('$p$', value)}", 50, 50), colour)
        # a bad one is told, though the company has a default image
        self.refused(f"plate?$p=is{{syntax/board&{view}", "src: the brackets do not match")
        self.refused(f"plate?$p=is{{syntax/board?wid=none}}&{view}", "wid: expected")
        self.refused(f"plate?$p=IS{{syntax/board}}&{view}", "small letters")

    def test_compat_names_the_cause(self):
        urls = self.server.folder / "syntax-urls.txt"
        urls.write_text("/is/image/syntax/plate?$p=is{syntax/board?wid=none&op_blur=1}&layer=1&src=$p$\n"
                        "//is/image/syntax//plate?$p=is{syntax/board&layer=1&src=$p$\n"
                        "/is/image//syntax/plate?$narrow$=\n")
        done = run("compat", urls, "--root", self.server.root, "--config", self.server.config)
        self.assertEqual(done.returncode, 1)
        self.assertIn("wid: expected int > 0, got \"none\"", done.stdout)
        self.assertIn("src: the brackets do not match", done.stdout)
        self.assertRegex(done.stdout, r"works +1 URLs")
        self.assertRegex(done.stdout, r"op_blur +supported")

    def test_presets(self):
        self.assertEqual(self.size("board?$narrow$="), (30, 20))
        self.assertEqual(self.size("board?$narrow$=&wid=60"), (60, 40))
        self.assertEqual(self.size("board?$bare$&wid=60"), (60, 40))  # an empty one is only a warning

    # ---- layers and views ----

    def test_empty_layers(self):
        plain = self.get("board?wid=120&fmt=png").body
        self.assertEqual(self.get("board?wid=120&fmt=png&layer=1&bgcolor=f1f1f1&blendMode=mult").body, plain)
        self.assertEqual(self.get("board?wid=120&fmt=png&layer=1&size=300,300&opac=50").body, plain)
        filled = "board?wid=120&fmt=png&layer=1&size=300,300&bgcolor=0,200,0"
        self.assertEqual([self.pixel(filled, x, 40) for x in (60, 10)], [(0, 200, 0), (200, 0, 0)])
        self.near(self.pixel(filled + "&blendMode=screen", 65, 40), (0, 200, 200))
        self.assertEqual(self.pixel("?scl=1&layer=0&size=40,40&fmt=png-alpha", 20, 20)[3], 0)
        self.refused("?layer=0&bgcolor=0,200,0", "layer 0 is missing")

    def test_fit_without_a_size(self):
        plain = self.get("board?fmt=png")
        for fit in ("fit", "constrain", "crop", "wrap", "stretch", "hfit", "vfit"):
            self.refused(f"board?fmt=png&fit={fit}", "fit needs wid or hei")
            for more in (",0", ",1"):
                self.assertEqual(self.get(f"board?fmt=png&fit={fit}{more}").headers["etag"],
                                 plain.headers["etag"], fit + more)

    def test_a_ratio_asked_for_is_obeyed(self):
        for ratio, size in ((1, (816, 500)), (2, (1632, 1000)), (3, (2448, 1500)), (4, (3264, 2000))):
            url = f"board?wid=816&hei=500&bgc=0,255,0&fmt=png&dpr=on,{ratio}"
            self.assertEqual(self.size(url), size)
            props = self.get(url + "&req=props").body.decode()
            self.assertIn(f"image.width={size[0]}\r\n", props)
        # enlarged, not padded: 750×500 of 816×500 is picture at any ratio
        image = np.asarray(picture.pixels(self.get("board?wid=816&hei=500&bgc=0,255,0&fmt=png&dpr=on,2").body))
        self.assertEqual((image[500, 40:60] == (0, 255, 0)).all(), True)
        self.near(image[500, 80], (200, 0, 0))
        # a detected one ends where the original has no more
        hint = {"Sec-CH-DPR": "2"}
        reply = self.server.request("/is/image/syntax/board?wid=816&hei=500&dpr=on", hint)
        self.assertEqual(picture.size(reply.body), (1306, 800))

    def test_hex_cmyk_is_per_cent(self):
        for colour, rgb in (("38393A3bK", (46, 45, 44)), ("56,57,58,59k", (46, 45, 44)),
                            ("0x0a0b0C0d0eks", (200, 197, 195)), ("64000000k", (0, 255, 255))):
            self.near(self.pixel(f"board?wid=60&hei=120&fmt=png&bgc={colour}", 5, 5), rgb, 1)

    def test_huge_numbers_are_told_by_command(self):
        for query, says in (("rgn=0,0,1073741823,1073741823", "rgn: numbers go to 1000000000"),
                            ("rect=0,0,1073741824,5", "rect: numbers go to"),
                            ("jpegSize=2147483648", "jpegSize: numbers go to"),
                            ("layer=1&src=plate&size=1073741824,5", "size: numbers go to"),
                            ("crop=0,0,99999999999999999999,5", "crop: numbers go to"),
                            ("op_grow=99999999999", "op_grow: numbers go to"),
                            ("wid=nan", "wid: expected"), ("wid=1000000000", "MaxPix")):
            self.refused("board?" + query, says)
        for query in ("rgn=0,0,1000000000,1000000000&wid=9", "rect=0,0,1000000000,9", "res=1000000000",
                      "op_blur=-5&align=-0,-0&wid=9&hei=9", "scl=0.0000001", "size=1000000000,0"):
            reply = self.server.image("syntax/board?" + query)
            self.assertNotIn(b"malformed", reply.body[:200], query)


if __name__ == "__main__":
    unittest.main()
