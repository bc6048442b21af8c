"""Output formats by what a client gets: type, pixel type, profile, size. Sections are those of
docs/protocol.md; the files themselves are looked at in tests/formats."""

import io
import unittest

from PIL import Image, ImageCms


class Output(unittest.TestCase):
    server = None

    @classmethod
    def prepare(cls, root, companies):
        """Frames in four colours, the first one red."""
        colours = [(250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0)]
        frames = [Image.new("RGB", (48, 48), c) for c in colours]
        (root / "moving").mkdir()
        frames[0].save(root / "moving/blink.gif", save_all=True, append_images=frames[1:], loop=0,
                       duration=[100, 200, 300, 400])

    def get(self, query, accept="*/*"):
        reply = self.server.image(f"demo/landscape?wid=120&{query}", accept)
        self.assertEqual(reply.status, 200, (query, reply.body[:200]))
        return reply

    def refused(self, query, *words):
        reply = self.server.image(f"demo/landscape?wid=120&{query}", "*/*")
        self.assertEqual(reply.status, 403, query)
        self.assertTrue(reply.type.startswith("text/plain"), query)
        for word in words:
            self.assertIn(word, reply.body.decode())

    def test_types_of_formats(self):
        rows = [
            ("jpeg", "image/jpeg", "RGB"), ("jpeg,gray", "image/jpeg", "L"),
            ("jpeg,cmyk", "image/jpeg", "CMYK"), ("pjpeg", "image/jpeg", "RGB"),
            ("png", "image/png", "RGB"), ("png,gray", "image/png", "L"),
            ("png-alpha", "image/png", None), ("png8", "image/png", "P"),
            ("png8-alpha", "image/png", "P"), ("gif", "image/gif", "P"),
            ("gif-alpha", "image/gif", "P"), ("webp", "image/webp", "RGB"),
            ("webp-alpha,,lossless", "image/webp", None), ("tif", "image/tiff", "RGB"),
            ("tif,gray,lzw", "image/tiff", "L"), ("tif,cmyk,zip", "image/tiff", "CMYK"),
            ("tif-alpha", "image/tiff", None), ("avif", "image/avif", None),
            ("avif,,lossless", "image/avif", None), ("jpeg2000", "image/jp2", "RGB"),
            ("jpeg2000,gray,lossless", "image/jp2", "L"), ("jpegxr", "image/vnd.ms-photo", None),
            ("pdf", "application/pdf", None), ("pdf,cmyk,jpeg", "application/pdf", None),
            ("eps,gray", "image/eps", None),
        ]
        for fmt, mime, mode in rows:
            with self.subTest(fmt=fmt):
                reply = self.get(f"fmt={fmt}")
                self.assertEqual(reply.type, mime)
                if mode is not None:
                    image = Image.open(io.BytesIO(reply.body))
                    self.assertEqual((image.mode, image.size[0]), (mode, 120))

    def test_profiles(self):
        for query, mode, name in [("icc=AdobeRGB&iccEmbed=1", "RGB", "Adobe RGB (1998)"),
                                  ("icc=DisplayP3&iccEmbed=1&fmt=png", "RGB", "Display P3"),
                                  ("fmt=tif&icc=Gray22&iccEmbed=1", "L", "Gray Gamma 2.2"),
                                  ("iccEmbed=true", "RGB", "sRGB IEC61966-2.1")]:
            with self.subTest(query=query):
                image = Image.open(io.BytesIO(self.get(query).body))
                self.assertEqual(image.mode, mode)
                profile = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
                self.assertEqual(ImageCms.getProfileDescription(profile).strip(), name)
        self.refused("icc=NoSuchProfile", "NoSuchProfile")
        self.refused("fmt=png,cmyk", "CMYK")

    def test_jpegSize(self):
        whole = self.get("qlt=95").body
        fitted = self.get("qlt=95&jpegSize=3").body
        self.assertGreater(len(whole), 3 * 1024)
        self.assertLessEqual(len(fitted), 3 * 1024)
        self.assertGreater(len(fitted), 2 * 1024)
        self.assertEqual(self.get("qlt=95&jpegSize=0").body, whole)
        reply = self.server.image("demo/landscape?wid=1200&jpegSize=1", "*/*")
        self.assertEqual((reply.status, b"jpegSize" in reply.body), (403, True))

    def test_pscan_counts_passes(self):
        for n in (3, 4, 5):
            self.assertEqual(self.get(f"fmt=pjpeg,gray&pscan={n}").body.count(b"\xff\xda"), n)
        self.assertEqual(self.get("fmt=jpeg,gray&pscan=4").body.count(b"\xff\xda"), 1)

    def test_quantize(self):
        reply = self.get("quantize=adaptive,off,2,000000,ffffff&fmt=gif-alpha")
        colours = {c for _, c in Image.open(io.BytesIO(reply.body)).convert("RGB").getcolors()}
        self.assertLessEqual(colours, {(0, 0, 0), (255, 255, 255)})
        reply = self.get("fmt=png8&quantize=adaptive,diffuse,5")
        self.assertLessEqual(len(Image.open(io.BytesIO(reply.body)).getcolors()), 5)
        self.refused("fmt=png8-alpha&quantize=mac", "mac")

    def test_printRes_sets_the_tag_alone(self):
        image = Image.open(io.BytesIO(self.get("fmt=png&printRes=300").body))
        self.assertEqual(round(image.info["dpi"][0]), 300)
        self.assertEqual(image.size[0], 120)

    def frames(self, query):
        reply = self.server.image(f"moving/blink?wid=24&{query}", "*/*")
        self.assertEqual(reply.status, 200, (query, reply.body[:200]))
        image = Image.open(io.BytesIO(reply.body))
        self.assertEqual(image.size[0], 24)
        return reply, getattr(image, "n_frames", 1), image

    def test_animations_keep_moving(self):
        reply, n, image = self.frames("fmt=gif")
        self.assertEqual((reply.type, n, image.info.get("loop")), ("image/gif", 4, 0))
        self.assertEqual([image.seek(i) or image.info["duration"] for i in range(4)],
                         [100, 200, 300, 400])
        reply, n, _ = self.frames("fmt=webp")
        self.assertEqual((reply.type, n), ("image/webp", 4))
        reply = self.server.image("moving/blink?wid=24&fmt=avif", "*/*")
        self.assertEqual((reply.type, reply.body[8:12]), ("image/avif", b"avis"))
        for fmt in ("jpeg", "png", "tif"):      # the first frame
            _, n, image = self.frames(f"fmt={fmt}")
            self.assertEqual(n, 1)
            self.assertGreater(image.convert("RGB").getpixel((12, 12))[0], 200)

    def test_what_only_jpeg_can_carry_is_not_converted(self):
        """docs/decisions.md, D-10"""
        for query in ("iccEmbed=1", "icc=AdobeRGB&iccEmbed=1", "jpegSize=3", "fmt=jpeg,cmyk",
                      "xmpEmbed=1", "pathEmbed=1"):
            with self.subTest(query=query):
                reply = self.get(query + "&bfc=on", "image/avif,image/webp,*/*")
                self.assertEqual(reply.type, "image/jpeg")
                self.assertIsNone(reply.savings)
        self.assertEqual(self.get("bfc=on", "image/avif,*/*").type, "image/avif")


if __name__ == "__main__":
    unittest.main()
