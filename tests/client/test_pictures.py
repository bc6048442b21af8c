#!/usr/bin/env python3
"""A page with twelve images of a real server, in real browsers on screens of several pixel ratios: photographs, pictures
with alpha, graphics and animations in three sizes each, asked for through smartimg.js. Each comes in a format that its
browser asked for, has the pixels of its screen, and looks like the same picture as a PNG.

    /usr/bin/python3 tests/client/test_pictures.py [Chromium|Firefox|WebKit][.TEST]

Needs the packages of tools/setup --test. SMARTIMG_BUILD names the build folder, ./build if unset."""

import http.client
import io
import pathlib
import sys
import unittest

import numpy
from PIL import Image, ImageSequence

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from web_site import Site  # noqa: E402
from browsers import BROWSERS, start  # noqa: E402  (of tests/browsers)
from server import Server  # noqa: E402  (of tests/http)

WIDTHS = (60, 120, 200)
CONVERTED = {"image/avif", "image/webp", "image/jxl"}
# what the URL is for a width, and the types that may come
KINDS = {
    "photo": (lambda width, i: f"smart/product?wid={width}&fmt=jpg", CONVERTED),
    "alpha": (lambda width, i: f"smart/sculpture?wid={width}&fmt=png-alpha", CONVERTED | {"image/png"}),
    "graphic": (lambda width, i: f"smart/logo?wid={width}&fmt=png", CONVERTED | {"image/png"}),
    "animation": (lambda width, i: f"odd/animated.gif?wid={width // 3}&fmt={('gif', 'webp', 'avif')[i]}",
                  {"image/gif", "image/webp", "image/avif"}),
}
IMAGES = {f"{kind}-{width}": (url(width, i), types)
          for kind, (url, types) in KINDS.items() for i, width in enumerate(WIDTHS)}
BLOCKS = 8

# Of each image: its size in pixels, and for 8 × 8 blocks the means of red, green, blue, times alpha, and of alpha.
LOOK = """Promise.all([...document.images].map(async image => {
    await image.decode();
    const {naturalWidth: width, naturalHeight: height} = image;
    const canvas = Object.assign(document.createElement("canvas"), {width, height});
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0, width, height);
    const {data} = context.getImageData(0, 0, width, height), means = [];
    for (let by = 0; by < args[0]; by++) for (let bx = 0; bx < args[0]; bx++) {
        const sums = [0, 0, 0, 0];
        let count = 0;
        for (let y = Math.floor(by * height / args[0]); y < Math.floor((by + 1) * height / args[0]); y++)
            for (let x = Math.floor(bx * width / args[0]); x < Math.floor((bx + 1) * width / args[0]); x++, count++)
                for (let i = 0, at = 4 * (y * width + x); i < 4; i++) sums[i] += data[at + i] * (i < 3 ? data[at + 3] / 255 : 1);
        means.push(...sums.map(sum => sum / Math.max(1, count)));
    }
    return [image.id, {width, height, means}];
})).then(Object.fromEntries)"""


def means(picture):
    """What LOOK makes of a Pillow image."""
    pixels = numpy.asarray(picture.convert("RGBA")).astype(float)
    pixels[:, :, :3] *= pixels[:, :, 3:] / 255
    height, width = pixels.shape[:2]
    edges = [[i * n // BLOCKS for i in range(BLOCKS + 1)] for n in (height, width)]
    return [value for top, bottom in zip(edges[0], edges[0][1:]) for left, right in zip(edges[1], edges[1][1:])
            for value in (pixels[top:bottom, left:right].mean(axis=(0, 1)) if bottom > top and right > left else [0] * 4)]


class Relay(Site):
    """The site passes requests for images on to a server, so that scripts may look at their pixels. `types` has the
    Content-Type of each path."""

    def __init__(self, server):
        self.real, self.types = server, {}
        super().__init__()

    def image(self, request, name, query):
        connection = http.client.HTTPConnection("127.0.0.1", self.real.port)
        try:
            connection.putrequest("GET", request.path, skip_accept_encoding=True)
            for header in ("Accept", "User-Agent"):
                if request.headers[header]:
                    connection.putheader(header, request.headers[header])
            connection.endheaders()
            reply = connection.getresponse()
            body, kind = reply.read(), reply.getheader("Content-Type")
        finally:
            connection.close()
        self.types[request.path[len("/is/image/"):]] = kind
        request.answer(body, reply.status, Content_Type=kind, Cache_Control="no-store")


class Pictures:
    name = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()
        cls.site = Relay(cls.server)
        cls.site.page("/empty", '<!doctype html><script src="/smartimg.js"></script>')
        cls.site.page("/", '<!doctype html><script src="/smartimg.js"></script><body>' + "".join(
            f'<img id="{name}" src="/is/image/{url.replace("&", "&amp;")}" alt="">' for name, (url, _) in IMAGES.items()))

    @classmethod
    def tearDownClass(cls):
        cls.site.close()
        cls.server.stop()

    def looks_like(self, seen, pictures):
        """The difference of the means of what was seen to the nearest of the pictures: their mean, and the largest."""
        differences = [numpy.abs(numpy.array(seen["means"]) - numpy.array(means(p))) for p in pictures]
        nearest = min(differences, key=lambda d: d.mean())
        return nearest.mean(), nearest.max()

    def check(self, scale):
        self.site.types.clear()
        with start(self.name, scale=scale) as browser:
            browser.open(self.site.here + "/empty")
            browser.wait("navigator.serviceWorker.controller != null")
            browser.wait("caches.match('/.smartimg').then(kept => kept && kept.text()).then(r => r == devicePixelRatio)")
            browser.open(self.site.here + "/")
            seen = browser.eval(LOOK, BLOCKS)
        for name, (url, types) in IMAGES.items():
            with self.subTest(name, scale=scale):
                path = url.replace("?", f"?dpr=on,{scale}&")
                self.assertIn(self.site.types.get(path), types, f"{path}: {self.site.types}")
                if "animation" in name:
                    self.assertEqual(self.site.types[path], "image/" + url.rpartition("=")[2])
                    path = path.rpartition("&")[0] + "&fmt=gif"
                else:
                    path = path.replace("fmt=jpg", "fmt=png") + "&bfc=off"
                whole = Image.open(io.BytesIO(self.server.image(path).body))
                self.assertEqual((seen[name]["width"], seen[name]["height"]), whole.size)
                mean, most = self.looks_like(seen[name], [f.copy() for f in ImageSequence.Iterator(whole)])
                # animations are small, and a palette differs from what is lossy
                self.assertLess(mean, 8 if "animation" in name else 2.5, most)
                self.assertLess(most, 80 if "animation" in name else 25, mean)
                mirrored, _ = self.looks_like(seen[name], [whole.convert("RGBA").transpose(Image.FLIP_LEFT_RIGHT)])
                self.assertGreater(mirrored, 2 * mean)

    def test_ratio_1(self):
        self.check(1)

    def test_ratio_1_5(self):
        if not BROWSERS[self.name].can_scale(1.5):
            self.skipTest("this browser has whole ratios")
        self.check(1.5)

    def test_ratio_2(self):
        self.check(2)

    def test_ratio_3(self):
        self.check(3)


class Chromium(Pictures, unittest.TestCase):
    name = "chromium"


class Firefox(Pictures, unittest.TestCase):
    name = "firefox"


class WebKit(Pictures, unittest.TestCase):
    name = "webkit"


if __name__ == "__main__":
    unittest.main()
