#!/usr/bin/env python3
"""Looks at a file of every row of docs/protocol.md, Formats with programs that are not ours.

    test_formats.py ENCODE_ROWS

Runs encode-rows into a folder of its own, then checks type, size, pixel type, profile and pixels."""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy
from PIL import Image

WIDTH, HEIGHT, DPI = 120, 80, 300
PROGRAM, FOLDER, SAID = None, None, ""


def raw(name, samples):
    """The pixels that a row was made from."""
    return numpy.fromfile(FOLDER / f"{name}.raw", numpy.uint8).reshape(HEIGHT, WIDTH, samples)


def rgb():
    return raw("rgb", 3)


def on_white(rgba):
    a = rgba[..., 3:].astype(float) / 255
    return rgba[..., :3] * a + 255 * (1 - a)


def psnr(a, b):
    a, b = numpy.asarray(a, float), numpy.asarray(b, float)
    error = ((a.reshape(b.shape) - b) ** 2).mean()
    return 99 if error == 0 else 10 * numpy.log10(255 ** 2 / error)


def run(*command):
    if shutil.which(command[0]) is None:
        raise unittest.SkipTest(f"{command[0]} is not installed")
    done = subprocess.run([str(c) for c in command], capture_output=True, timeout=600)
    if done.returncode != 0:
        raise AssertionError(f"{command[0]}: {done.stderr.decode(errors='replace')[-500:]}")
    return done.stdout


def text(*command):
    return run(*command).decode(errors="replace")


class Row(unittest.TestCase):
    def path(self, name):
        if f"{name} not supported" in SAID:
            self.skipTest("not supported by this build")
        return FOLDER / name

    def open(self, name, mode):
        image = Image.open(self.path(name))
        self.assertEqual(image.mode, mode)
        self.assertEqual(image.size, (WIDTH, HEIGHT))
        return image

    def profile(self, image, name):
        self.assertEqual(image.info.get("icc_profile"), (FOLDER / f"{name}.icc").read_bytes())

    def dpi(self, image):
        self.assertEqual([round(float(v)) for v in image.info["dpi"]], [DPI, DPI])

    def near(self, have, want, least):
        value = psnr(have, want)
        self.assertGreaterEqual(value, least)

    def exact(self, have, want):
        self.near(have, want, 99)


class Jpeg(Row):
    def test_rgb(self):
        image = self.open("jpeg-rgb.jpg", "RGB")
        self.profile(image, "rgb")
        self.dpi(image)
        self.near(image, rgb(), 30)

    def test_gray(self):
        image = self.open("jpeg-gray.jpg", "L")
        self.profile(image, "gray")
        self.dpi(image)
        self.near(image, raw("gray", 1), 34)

    def test_cmyk_is_complemented_as_adobe_has_it(self):
        image = self.open("jpeg-cmyk.jpg", "CMYK")
        self.profile(image, "cmyk")
        self.dpi(image)
        self.assertIn("adobe", image.info)
        self.near(image, raw("cmyk", 4), 34)    # Pillow undoes the complement

    def test_cmyk_through_its_profile_looks_like_the_picture(self):
        out = FOLDER / "back.tif"
        run("gs", "-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-sDEVICE=tiff24nc", "-r72",
            "-dEPSCrop", f"-sOutputFile={out}", self.path("eps-cmyk.eps"))
        # Ghostscript has another idea of CMYK than our profile: colours only roughly the same
        self.near(numpy.asarray(Image.open(out).convert("RGB")), rgb(), 12)

    def test_xmp_and_paths(self):
        name = self.path("jpeg-xmp.jpg")
        self.assertEqual(run("exiftool", "-b", "-XMP", name), (FOLDER / "short.xmp").read_bytes())
        data = name.read_bytes()
        at = data.index(b"Photoshop 3.0\0")
        want = (FOLDER / "photoshop.bin").read_bytes()
        self.assertEqual(data[at + 14:at + 14 + len(want)], want)
        self.assertEqual(data[at - 4:at - 2], b"\xff\xed")
        self.profile(self.open("jpeg-xmp.jpg", "RGB"), "rgb")

    def test_long_xmp_is_extended(self):
        name = self.path("jpeg-long-xmp.jpg")
        self.assertIn("short", text("exiftool", "-XMP-xmp:Label", name))
        self.assertNotIn("Warning", text("exiftool", "-Warning", name))
        self.assertEqual(name.read_bytes().count(b"http://ns.adobe.com/xmp/extension/"), 4)
        self.near(self.open("jpeg-long-xmp.jpg", "RGB"), rgb(), 20)

    def scans(self, name):
        return len(re.findall(b"\xff\xda", self.path(name).read_bytes()))

    def test_pscan_counts_passes(self):
        for n in (3, 4, 5):
            self.assertEqual(self.scans(f"pjpeg-gray-{n}.jpg"), n)
            self.assertIn("progressive", Image.open(self.path(f"pjpeg-gray-{n}.jpg")).info)
        self.assertEqual([self.scans(f"pjpeg-{n}.jpg") for n in (3, 4, 5)], [7, 10, 11])
        self.assertEqual(self.scans("pjpeg-auto.jpg"), 10)      # libjpeg's own for colour

    def test_scans_change_no_pixel(self):
        want = numpy.asarray(self.open("pjpeg-auto.jpg", "RGB"))
        for n in (3, 4, 5):
            self.exact(self.open(f"pjpeg-{n}.jpg", "RGB"), want)
        self.near(self.open("pjpeg-cmyk-5.jpg", "CMYK"), raw("cmyk", 4), 34)


class Png(Row):
    def test_rgb(self):
        image = self.open("png-rgb.png", "RGB")
        self.profile(image, "rgb")
        self.dpi(image)
        self.exact(image, rgb())

    def test_gray(self):
        image = self.open("png-gray.png", "L")
        self.profile(image, "gray")
        self.exact(image, raw("gray", 1))

    def test_alpha(self):
        image = self.open("png-alpha.png", "RGBA")
        self.profile(image, "rgb")
        self.exact(image, raw("rgba", 4))

    def test_png8(self):
        image = self.open("png8.png", "P")
        self.profile(image, "rgb")
        self.dpi(image)
        self.assertLessEqual(len(image.getcolors()), 256)
        self.near(image.convert("RGB"), rgb(), 33)

    def test_png8_alpha_has_a_key(self):
        image = self.open("png8-alpha.png", "P").convert("RGBA")
        have, want = numpy.asarray(image), raw("rgba", 4)
        self.assertTrue(((have[..., 3] == 255) == (want[..., 3] >= 128)).all())
        self.assertTrue((have[..., 3][want[..., 3] < 128] == 0).all())
        opaque = want[..., 3] >= 128
        self.near(have[opaque][:, :3], want[opaque][:, :3], 33)

    def test_n_colours(self):
        self.assertLessEqual(len(self.open("png8-16.png", "P").getcolors()), 16)
        self.assertEqual((FOLDER / "png8-16.png").read_bytes()[24], 4)      # bits

    def test_web_colours(self):
        have = numpy.asarray(self.open("png8-web.png", "P").convert("RGB"))
        self.assertTrue((have % 51 == 0).all())
        self.assertTrue((abs(have.astype(int) - rgb()) <= 26).all())        # nearest: no dithering

    def test_mac_colours(self):
        have = numpy.asarray(self.open("png8-mac.png", "P").convert("RGB"))
        self.assertTrue((have % 17 == 0).all())
        self.near(have.mean((0, 1)), rgb().mean((0, 1)), 40)                # diffusion keeps means


class Gif(Row):
    def test_gif(self):
        image = self.open("gif.gif", "P")
        self.near(image.convert("RGB"), rgb(), 33)

    def test_gray_has_only_greys(self):
        have = numpy.asarray(self.open("gif-gray.gif", "P").convert("RGB"))
        self.assertTrue((have[..., 0] == have[..., 1]).all() and (have[..., 1] == have[..., 2]).all())

    def test_alpha_has_a_key(self):
        image = self.open("gif-alpha.gif", "P")
        self.assertEqual(image.info["transparency"], 0)
        have = numpy.asarray(image.convert("RGBA"))
        self.assertTrue(((have[..., 3] == 255) == (raw("rgba", 4)[..., 3] >= 128)).all())

    def test_sample_black_white_key(self):
        image = self.open("gif-alpha-2.gif", "P").convert("RGBA")
        colours = {c for _, c in image.getcolors()}
        visible = {c[:3] for c in colours if c[3]}
        self.assertEqual(visible, {(0, 0, 0), (255, 255, 255)})
        self.assertEqual(sum(1 for c in colours if not c[3]), 1)

    def test_forced_colour_is_exact(self):
        have = numpy.asarray(self.open("gif-forced.gif", "P").convert("RGB"))
        self.assertLessEqual(len({tuple(c) for c in have.reshape(-1, 3)}), 8)
        self.assertTrue((have == (200, 40, 30)).all(2).any())


class Modern(Row):
    def webp(self, name, mode, want, least):
        have = Image.open(self.path(name))
        self.assertEqual(have.mode, mode)
        out = FOLDER / "dwebp.png"
        run("dwebp", "-quiet", self.path(name), "-o", out)
        have = numpy.asarray(Image.open(out).convert(mode))
        if mode == "RGBA" and least < 99:
            have, want = on_white(have), on_white(want)
        if mode == "RGBA" and least >= 99:
            have, want = have * (have[..., 3:] > 0), want * (want[..., 3:] > 0)
        self.near(have, want, least)

    def test_webp(self):
        self.webp("webp.webp", "RGB", rgb(), 25)

    def test_webp_lossless(self):
        self.webp("webp-lossless.webp", "RGB", rgb(), 99)

    def test_webp_alpha(self):
        self.webp("webp-alpha.webp", "RGBA", raw("rgba", 4), 25)

    def test_webp_alpha_lossless(self):
        self.webp("webp-alpha-lossless.webp", "RGBA", raw("rgba", 4), 99)

    def avif(self, name, mode, want, least):
        out = FOLDER / "avifdec.png"
        run("avifdec", self.path(name), out)
        have = Image.open(out)
        if have.mode != "RGB" or mode == "RGBA":
            self.assertEqual(have.mode, mode)
        have = numpy.asarray(have.convert(mode))
        if mode == "RGBA" and least < 99:
            have, want = on_white(have), on_white(want)
        self.near(have, want, least)

    def test_avif(self):
        self.avif("avif.avif", "RGB", rgb(), 28)

    def test_avif_lossless(self):
        self.avif("avif-lossless.avif", "RGB", rgb(), 99)

    def test_avif_alpha(self):
        self.avif("avif-alpha.avif", "RGBA", raw("rgba", 4), 28)

    def test_avif_alpha_lossless(self):
        self.avif("avif-alpha-lossless.avif", "RGBA", raw("rgba", 4), 99)

    def test_heic_lossless(self):
        out = FOLDER / "heif.png"
        run("heif-convert", self.path("heic.heic"), out)
        self.exact(Image.open(out).convert("RGB"), rgb())

    def djxl(self, name):
        out = FOLDER / "djxl.png"
        run("djxl", self.path(name), out)
        return Image.open(out)

    def test_jxl(self):
        self.near(self.djxl("jxl.jxl").convert("RGB"), rgb(), 28)
        self.exact(self.djxl("jxl-alpha-lossless.jxl").convert("RGBA"), raw("rgba", 4))
        lossy = numpy.array(self.djxl("jxl-alpha.jxl").convert("RGBA"))
        self.assertTrue((lossy[..., 3] == raw("rgba", 4)[..., 3]).all(), "alpha is exact beside lossy colour")

    def opj(self, name):
        out = FOLDER / "opj.png"
        run("opj_decompress", "-quiet", "-i", self.path(name), "-o", out)
        return Image.open(out)

    def test_jpeg2000(self):
        self.near(self.opj("jpeg2000.jp2"), rgb(), 28)
        self.exact(self.opj("jpeg2000-lossless.jp2"), rgb())
        gray = self.opj("jpeg2000-gray.jp2")
        self.assertEqual(gray.mode, "L")
        self.near(gray, raw("gray", 1), 28)
        self.exact(self.opj("jpeg2000-alpha-lossless.jp2"), raw("rgba", 4))

    def jxr(self, name, kind):
        out = FOLDER / "jxr.tif"
        run("JxrDecApp", "-i", self.path(name), "-o", out, "-c", kind)
        return Image.open(out)

    def test_jpegxr(self):
        self.near(self.jxr("jpegxr.jxr", 0).convert("RGB"), rgb(), 28)
        self.exact(self.jxr("jpegxr-lossless.jxr", 0).convert("RGB"), rgb())
        self.near(on_white(numpy.asarray(self.jxr("jpegxr-alpha.jxr", 22).convert("RGBA"))),
                  on_white(raw("rgba", 4)), 28)


class Tiff(Row):
    def info(self, name):
        return text("tiffinfo", self.path(name))

    def check(self, name, mode, want, compression, least=99):
        image = self.open(name, mode)
        self.assertIn(f"Compression Scheme: {compression}", self.info(name))
        self.near(image, want, least)
        return image

    def test_rgb(self):
        image = self.check("tif.tif", "RGB", rgb(), "None")
        self.profile(image, "rgb")
        self.dpi(image)
        self.assertEqual(run("exiftool", "-b", "-XMP", self.path("tif.tif")),
                         (FOLDER / "short.xmp").read_bytes())
        self.assertEqual(bytes(image.tag_v2[34377]), (FOLDER / "photoshop.bin").read_bytes())
        self.check("tif-lzw.tif", "RGB", rgb(), "LZW")
        self.check("tif-zip.tif", "RGB", rgb(), "AdobeDeflate")
        self.check("tif-jpeg.tif", "RGB", rgb(), "JPEG", 20)

    def test_gray(self):
        gray = raw("gray", 1)
        self.profile(self.check("tif-gray.tif", "L", gray, "None"), "gray")
        self.check("tif-gray-zip.tif", "L", gray, "AdobeDeflate")
        self.check("tif-gray-jpeg.tif", "L", gray, "JPEG", 34)

    def test_cmyk(self):
        inks = raw("cmyk", 4)
        image = self.check("tif-cmyk.tif", "CMYK", inks, "None")
        self.profile(image, "cmyk")
        self.dpi(image)
        self.check("tif-cmyk-lzw.tif", "CMYK", inks, "LZW")
        self.check("tif-cmyk-jpeg.tif", "CMYK", inks, "JPEG", 34)

    def test_alpha_is_straight(self):
        self.profile(self.check("tif-alpha.tif", "RGBA", raw("rgba", 4), "AdobeDeflate"), "rgb")
        self.assertIn("Extra Samples: 1<unassoc-alpha>", self.info("tif-alpha.tif"))
        self.check("tif-alpha-jpeg.tif", "RGBA", raw("rgba", 4), "None")
        said = self.info("tif-cmyk-alpha.tif")
        self.assertIn("Extra Samples: 1<unassoc-alpha>", said)
        self.assertIn("Photometric Interpretation: separated", said)
        self.assertIn("Samples/Pixel: 5", said)


class Pdf(Row):
    def image(self, name, colour, components, coding, icc=False):
        """What poppler says of the picture in it."""
        line = text("pdfimages", "-list", self.path(name)).splitlines()[2].split()
        self.assertEqual(line[3:5], [str(WIDTH), str(HEIGHT)])
        self.assertEqual(line[5:9], ["icc" if icc else colour, str(components), "8", coding])

    def render(self, name, dpi=72, device="tiff24nc"):
        out = FOLDER / "pdf.tif"
        run("gs", "-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", f"-sDEVICE={device}", f"-r{dpi}",
            "-dUseFastColor=true", f"-sOutputFile={out}", self.path(name))
        have = Image.open(out)
        self.assertEqual(have.size, (WIDTH, HEIGHT))
        return have

    def poppler(self, name):
        """What poppler makes of it; it lets pictures grow by a part of a pixel."""
        out = FOLDER / "pdf"
        run("pdftoppm", "-singlefile", "-r", "72", "-png", self.path(name), out)
        return Image.open(f"{out}.png").convert("RGB")

    def test_rgb(self):
        self.image("pdf.pdf", "rgb", 3, "image")
        self.image("pdf-zip.pdf", "rgb", 3, "image", icc=True)
        self.image("pdf-jpeg.pdf", "rgb", 3, "jpeg")
        self.exact(self.render("pdf.pdf", DPI), rgb())
        self.exact(self.render("pdf-zip.pdf"), rgb())
        self.near(self.render("pdf-jpeg.pdf"), rgb(), 30)
        self.near(self.poppler("pdf-zip.pdf"), rgb(), 20)

    def test_page_has_the_print_size(self):
        self.assertIn("28.8 x 19.2 pts", text("pdfinfo", self.path("pdf.pdf")))
        self.assertIn("120 x 80 pts", text("pdfinfo", self.path("pdf-zip.pdf")))

    def test_gray(self):
        self.image("pdf-gray.pdf", "gray", 1, "image", icc=True)
        self.image("pdf-gray-jpeg.pdf", "gray", 1, "jpeg")
        self.exact(self.render("pdf-gray.pdf", device="tiffgray"), raw("gray", 1))
        self.near(self.render("pdf-gray-jpeg.pdf", device="tiffgray"), raw("gray", 1), 34)

    def test_cmyk(self):
        self.image("pdf-cmyk.pdf", "cmyk", 4, "image")
        self.image("pdf-cmyk-zip.pdf", "cmyk", 4, "image", icc=True)
        self.image("pdf-cmyk-jpeg.pdf", "cmyk", 4, "jpeg")
        self.exact(self.render("pdf-cmyk.pdf", device="tiff32nc"), raw("cmyk", 4))
        self.near(self.render("pdf-cmyk-jpeg.pdf", device="tiff32nc"), raw("cmyk", 4), 34)

    def test_files_are_sound(self):
        for name in sorted(FOLDER.glob("*.pdf")):
            said = subprocess.run(["gs", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-sDEVICE=nullpage",
                                   "-dPDFSTOPONWARNING", name], capture_output=True, timeout=600)
            self.assertEqual(said.returncode, 0, (name, said.stdout[-300:]))
            self.assertNotIn(b"repaired", said.stdout + said.stderr)


class Eps(Row):
    def render(self, name, device, dpi=72):
        out = FOLDER / "eps.tif"
        run("gs", "-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", f"-sDEVICE={device}", f"-r{dpi}",
            "-dEPSCrop", "-dUseFastColor=true", f"-sOutputFile={out}", self.path(name))
        have = Image.open(out)
        self.assertEqual(have.size, (WIDTH, HEIGHT))
        return have

    def test_rgb(self):
        self.exact(self.render("eps-plain.eps", "tiff24nc"), rgb())
        self.exact(self.render("eps.eps", "tiff24nc", DPI), rgb())

    def test_gray(self):
        self.exact(self.render("eps-gray.eps", "tiffgray"), raw("gray", 1))

    def test_cmyk(self):
        self.exact(self.render("eps-cmyk.eps", "tiff32nc"), raw("cmyk", 4))

    def test_structure(self):
        data = self.path("eps.eps").read_bytes()
        self.assertTrue(data.startswith(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 29 20\n"))
        self.assertIn(b"%%HiResBoundingBox: 0 0 28.8 19.2\n", data)
        begin = re.search(rb"%%BeginData: (\d+) Binary Bytes\n", data)
        self.assertEqual(data[begin.end() + int(begin.group(1)):].split(b"\n")[1], b"%%EndData")

    def test_comments_hold_profile_and_paths(self):
        data = self.path("eps.eps").read_bytes()
        block = re.search(rb"%%BeginICCProfile: \(.*?\) (\d+) Hex Lines\n(.*?)%%EndICCProfile",
                          data, re.S)
        lines = block.group(2).splitlines()
        self.assertEqual(len(lines), int(block.group(1)))
        self.assertEqual(bytes.fromhex("".join(line[1:].decode() for line in lines)),
                         (FOLDER / "rgb.icc").read_bytes())
        block = re.search(rb"%BeginPhotoshop: (\d+)\n(.*?)%EndPhotoshop", data, re.S)
        want = (FOLDER / "photoshop.bin").read_bytes()
        self.assertEqual(int(block.group(1)), len(want))
        self.assertEqual(bytes.fromhex(block.group(2).replace(b"%", b"").decode()), want)


class Files(Row):
    def test_every_row_was_written(self):
        """encode-rows also writes each file twice and compares."""
        self.assertEqual(PROGRAM.returncode, 0, SAID)


def main():
    global PROGRAM, FOLDER, SAID
    with tempfile.TemporaryDirectory() as folder:
        FOLDER = pathlib.Path(folder)
        PROGRAM = subprocess.run([sys.argv[1], folder], capture_output=True, timeout=1200)
        SAID = PROGRAM.stdout.decode() + PROGRAM.stderr.decode()[-2000:]
        print(SAID)
        suite = unittest.defaultTestLoader.loadTestsFromModule(sys.modules[__name__])
        result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    failed = len(result.failures) + len(result.errors)
    passed = result.testsRun - failed - len(result.skipped)
    # counted by tests/unit-counts like those of cmocka
    print(f"[  PASSED  ] {passed} test(s).\n[  FAILED  ] {failed} test(s),\n"
          f"[  SKIPPED  ] {len(result.skipped)} test(s),")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
