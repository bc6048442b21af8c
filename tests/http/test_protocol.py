"""Commands by what a client sees: sizes, places, colours, properties. Sections are those of
docs/protocol.md."""

import unittest

import picture
import samples


class Protocol(samples.Samples):
    def pixels(self, url):
        return picture.pixels(self.get(url).body)

    def assert_near(self, have, want, tolerance=6, what=None):
        self.assertTrue(all(abs(a - b) <= tolerance for a, b in zip(have, want)),
                        f"{what}: {have} is not near {want}")

    # ---- view: exif-6 and others of odd/ have corners in four colours ----

    def test_view_sizes(self):
        full = self.pixels("demo/landscape?scl=1&fmt=png")
        w, h = full.size
        half_up = lambda v: max(1, int(v + 0.5))
        rows = {
            "wid=500": (500, half_up(h * 500 / w)),
            "hei=300": (half_up(w * 300 / h), 300),
            "wid=500&hei=500": (500, 500),
            "wid=500&hei=500&fit=constrain": (500, half_up(h * 500 / w)),
            "wid=500&hei=500&fit=crop": (500, 500),
            "wid=500&hei=500&fit=wrap": (half_up(w * 500 / h), 500),
            "wid=400&hei=500&fit=stretch": (400, 500),
            "scl=4": (half_up(w / 4), half_up(h / 4)),
            "scl=4&wid=600&hei=300": (600, 300),
            "scl=2&rect=256,0,256,256": (256, 256),
            "wid=500&hei=400&dpr=on,2": (1000, 800),
            "crop=0,0,100,150&wid=200": (200, 300),
            "cropN=0,0,.5,1&hei=200": (half_up(half_up(w * .5) * 200 / h), 200),
            "size=200,0&scl=1": (200, half_up(h * 200 / w)),
            "": (1280, half_up(h * 1280 / w)),  # DefaultPix
        }
        for query, size in rows.items():
            with self.subTest(query):
                self.assertEqual(picture.size(self.get(f"demo/landscape?{query}").body), size)

    def test_padding_takes_bgc(self):
        image = self.pixels("demo/landscape?wid=200&hei=400&bgc=ff0000&fmt=png")
        self.assert_near(image.getpixel((100, 5)), (255, 0, 0), 0)
        self.assert_near(image.getpixel((100, 395)), (255, 0, 0), 0)
        image = self.pixels("demo/landscape?wid=200&hei=400&bgc=0,255,0&align=0,-1&fmt=png")
        self.assert_near(image.getpixel((100, 395)), (0, 255, 0), 0)
        self.assertNotEqual(image.getpixel((100, 5)), (0, 255, 0))

    def test_alpha_formats_keep_transparency(self):
        for fmt in ("png-alpha", "webp-alpha", "avif-alpha", "gif-alpha"):
            with self.subTest(fmt):
                image = self.pixels(f"demo/logo?wid=200&fmt={fmt}")
                self.assertEqual(image.mode, "RGBA")
                self.assertEqual(image.getchannel("A").getextrema()[0], 0)
        self.assertEqual(self.pixels("demo/logo?wid=200&fmt=png").mode, "RGB")

    def test_rect_tiles_join(self):
        whole = self.pixels("demo/pebbles?wid=512&hei=384&op_usm=1,1,0&fmt=png")
        for x, y in ((0, 0), (256, 0), (128, 192)):
            tile = self.pixels(f"demo/pebbles?wid=512&hei=384&op_usm=1,1,0&rect={x},{y},128,96&fmt=png")
            part = whole.crop((x, y, x + 128, y + 96))
            worst = max(abs(a - b) for a, b in zip(tile.tobytes(), part.tobytes()))
            self.assertLessEqual(worst, 2, (x, y))

    def test_sharpening_sharpens(self):
        def contrast(query):
            px = self.pixels(f"demo/fabric?wid=300&fmt=png{query}").convert("L")
            data = px.tobytes()
            return sum(abs(a - b) for a, b in zip(data, data[1:]))
        plain = contrast("")
        self.assertGreater(contrast("&op_sharpen=1"), plain * 1.1)
        self.assertGreater(contrast("&op_usm=2,1,0"), plain * 1.1)
        self.assertEqual(contrast("&op_usm=0,1,0"), plain)
        self.assertEqual(contrast("&op_usm=2,1,255"), plain)

    def test_kernels_differ(self):
        bodies = {self.get(f"demo/fabric?wid=300&fmt=png&resMode={m}").body
                  for m in ("bilin", "bicub", "sharp2", "bisharp")}
        self.assertEqual(len(bodies), 4)

    # ---- output, 6 ----

    def test_every_format(self):
        rows = {"jpeg": "image/jpeg", "pjpeg": "image/jpeg", "png": "image/png", "gif": "image/gif",
                "webp": "image/webp", "avif": "image/avif", "jxl": "image/jxl", "tif": "image/tiff",
                "jpeg2000": "image/jp2", "jpegxr": "image/vnd.ms-photo"}
        reference = self.get("demo/still-life?wid=240&fmt=png").body
        for fmt, mime in rows.items():
            with self.subTest(fmt):
                reply = self.get(f"demo/still-life?wid=240&fmt={fmt}&qlt=90")
                self.assertEqual((reply.type, picture.kind(reply.body)), (mime, mime))
                self.assertEqual(picture.pixels(reply.body).size, picture.size(reference))
                if fmt not in ("gif", "tif"):
                    self.assertGreater(picture.score(reference, reply.body), 60)

    def test_chroma_flag_and_scans(self):
        def factors(data):
            at = data.index(b"\xff\xc2" if b"\xff\xc2" in data else b"\xff\xc0")
            return data[at + 11]
        self.assertEqual(factors(self.get("demo/fabric?wid=100&qlt=80").body), 0x22)
        self.assertEqual(factors(self.get("demo/fabric?wid=100&qlt=80,1").body), 0x11)
        self.assertIn(b"\xff\xc2", self.get("demo/fabric?wid=100&fmt=pjpeg").body)

    def test_lossless_compression_is_exact(self):
        exact = self.pixels("demo/logo?wid=150&fmt=png-alpha")
        for fmt in ("webp-alpha,,lossless", "avif-alpha,,lossless"):
            got = self.pixels(f"demo/logo?wid=150&fmt={fmt}")
            opaque = [(a, b) for a, b in zip(exact.getdata(), got.getdata()) if a[3] == 255]
            self.assertTrue(all(a == b for a, b in opaque), fmt)

    def test_gray(self):
        image = self.pixels("demo/still-life?wid=50&fmt=jpeg,gray")
        self.assertTrue(all(r == g == b for r, g, b in image.getdata()))

    def test_print_resolution(self):
        body = self.get("demo/product?wid=50&printRes=300").body
        self.assertEqual(body[13:18], b"\x01\x01\x2c\x01\x2c")

    def test_icc_embed(self):
        self.assertIn(b"ICC_PROFILE", self.get("demo/product?wid=50&iccEmbed=1").body)
        self.assertNotIn(b"ICC_PROFILE", self.get("demo/product?wid=50").body)

    # ---- default images ----

    def test_default_image(self):
        reply = self.get("fallback/no-such?wid=123&bfc=off")
        self.assertEqual(reply.body, self.get("demo/product?wid=123").body)
        self.assertEqual(self.server.image("fallback/no-such?defaultImage=").status, 403)
        reply = self.get("demo/no-such?defaultImage=night&wid=50&crop=0,0,9,9")
        self.assertEqual(reply.body, self.get("demo/night?wid=50").body)

    # ---- properties, 7 ----

    def test_exists(self):
        reply = self.get("demo/night?req=exists")
        self.assertTrue(reply.type.startswith("text/plain"))
        self.assertTrue(reply.body.startswith(b"#S7Z OK"))
        self.assertIn(b"catalogRecord.exists=1", reply.body)
        self.assertIn(b"catalogRecord.exists=0", self.get("demo/no-such?req=exists").body)
        reply = self.get("demo/night?req=exists,json&id=42&handler=mine")
        self.assertEqual(reply.body, b'/*jsonp*/mine({"catalogRecord.exists":"1"},"42");')
        self.assertTrue(reply.type.startswith("text/javascript"))

    def test_imageprops(self):
        w, h = self.pixels("demo/landscape?scl=1&fmt=png").size
        body = self.get("demo/landscape?req=imageprops&wid=10").body.decode()
        self.assertIn(f"image.width={w}\r\n", body)
        self.assertIn(f"image.height={h}\r\n", body)
        xml = self.get("demo/landscape?req=imageprops,xml").body.decode()
        self.assertIn(f'<property name="width" value="{w}" />', xml)
        js = self.get("demo/landscape?req=imageprops,javascript").body.decode()
        self.assertIn(f"image.width='{w}';", js)
        self.assertIn("max-age=360", self.get("demo/landscape?req=imageprops").headers["cache-control"])

    def test_comments_unknown_commands_and_order(self):
        base = self.get("demo/night?wid=70&hei=60&fit=crop").headers["etag"]
        for query in ("?hei=60&wid=70&fit=crop", "?&wid=70&.x=1&hei=60&ts=99&fit=crop&",
                      "?wid=1&wid=70&HEI=60&fit=CROP"):
            self.assertEqual(self.get("demo/night" + query).headers["etag"], base, query)


if __name__ == "__main__":
    unittest.main()
