"""Pictures whose pixels tell where they come from, and companies that serve them, for tests of the protocol;
and what such tests ask and compare with.

In a picture drawn by grid(), red grows from left to right, green from top to bottom, and blue is 64: `where()` reads
the place in the source off a pixel. Companies share the folder `sheets`:

  sheets  no DefaultPix, no MaxPix
  views   DefaultPix 400,400 and MaxPix 2000,2000, for the tables of fit="""

import unittest

import numpy as np
from PIL import Image

import picture

BLUE = 64


def grid(width, height):
    x = np.rint(np.linspace(0, 255, width)).astype(np.uint8)
    y = np.rint(np.linspace(0, 255, height)).astype(np.uint8)
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[..., 0], pixels[..., 1], pixels[..., 2] = x[None, :], y[:, None], BLUE
    return pixels


def where(pixel):
    """Place in a grid, as fractions of its width and height."""
    return pixel[0] / 255, pixel[1] / 255


def noise(width, height, seed, channels=3):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def ramp_alpha(width, height):
    """Red that is transparent on the left and opaque on the right."""
    pixels = np.zeros((height, width, 4), np.uint8)
    pixels[..., 0] = 200
    pixels[..., 1] = 40
    pixels[..., 3] = np.rint(np.linspace(0, 255, width)).astype(np.uint8)[None, :]
    return pixels


def disc(size, color):
    """A hard-edged opaque disc on transparency."""
    y, x = np.mgrid[0:size, 0:size] + 0.5 - size / 2
    pixels = np.zeros((size, size, 4), np.uint8)
    pixels[..., :3] = color
    pixels[..., 3] = np.where(x * x + y * y < (size / 2 - 1) ** 2, 255, 0)
    return pixels


def halves(width, height, left, right):
    pixels = np.empty((height, width), np.uint8)
    pixels[:, :width // 2], pixels[:, width // 2:] = left, right
    return pixels


def plain(width, height, *color):
    return np.full((height, width, len(color)), color, np.uint8)


PICTURES = {
    "grid": lambda: grid(2000, 1500),
    "small": lambda: grid(400, 300),
    "wide": lambda: grid(2000, 1000),
    "square": lambda: plain(1000, 1000, 128, 128, 128),
    "label": lambda: plain(200, 100, 200, 30, 60),
    "blue": lambda: plain(800, 600, 0, 0, 255),
    "ramp": lambda: ramp_alpha(256, 64),
    "disc": lambda: disc(200, (200, 30, 60)),
    "noise1": lambda: noise(128, 96, 1),
    "noise2": lambda: noise(128, 96, 2),
    "noise3": lambda: noise(128, 96, 3, 4),
    "left": lambda: halves(2000, 1500, 255, 0),
    "right": lambda: halves(2000, 1500, 0, 255),
    "gray": lambda: halves(300, 200, 90, 160),
}

SHEETS = "RootPath = sheets\nBfc = false\nDefaultPix = 0,0\nMaxPix = 0,0\n"
VIEWS = "RootPath = sheets\nBfc = false\nDefaultPix = 400,400\nMaxPix = 2000,2000\n"


def prepare(root, companies):
    folder = root / "sheets"
    if folder.exists():
        return
    folder.mkdir()
    for name, draw in PICTURES.items():
        Image.fromarray(draw().squeeze()).save(folder / f"{name}.png", compress_level=1)
    (companies / "sheets.ini").write_text(SHEETS)
    (companies / "views.ini").write_text(VIEWS)


class Samples(unittest.TestCase):
    """Tests that ask for pictures and look at their pixels; `company` stands before each address."""

    server = None
    company = ""

    @classmethod
    def prepare(cls, root, companies):
        prepare(root, companies)

    def get(self, url, status=200, accept="*/*", **headers):
        reply = self.server.image(self.company + url, accept, **headers)
        self.assertEqual(reply.status, status, (url, reply))
        return reply

    def refused(self, url, *words):
        """A 403 of one line that has these words and no path."""
        reply = self.get(url, 403)
        text = reply.body.decode()
        self.assertEqual((reply.type.split(";")[0], text.count("\n")), ("text/plain", 1), text)
        self.assertNotIn(str(self.server.folder), text)
        for word in words:
            self.assertIn(word, text, url)

    def size(self, url):
        return picture.size(self.get(url).body)

    def array(self, url, fmt="png"):
        """Rows x columns x 3 (or 4, of an alpha format), ints."""
        mark = "&" if "?" in url else "?"
        return np.asarray(picture.pixels(self.get(f"{url}{mark}fmt={fmt}").body)).astype(int)

    def rgba(self, url):
        pixels = self.array(url, "png-alpha")
        self.assertEqual(pixels.shape[2], 4, url)
        return pixels

    def near(self, have, want, tolerance=1, what=None):
        have, want = np.asarray(have, float), np.asarray(want, float)
        self.assertEqual(have.shape, want.shape, what)
        worst = np.abs(have - want).max()
        self.assertLessEqual(worst, tolerance, f"{what}: off by {worst}: {have.ravel()[:8]} not {want.ravel()[:8]}")

    def box(self, mask):
        """x, y, width, height of what is true."""
        ys, xs = np.nonzero(mask)
        self.assertGreater(len(xs), 0)
        return int(xs.min()), int(ys.min()), int(xs.max() - xs.min() + 1), int(ys.max() - ys.min() + 1)
