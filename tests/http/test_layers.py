"""Pictures of layers over HTTP: composites, templates' nested requests, masks, foreign images."""

import io
import unittest

from PIL import Image

import picture
from server import QuietHandler, start_origin

COMPANY = """AllowDirectUrls = 1
ForeignHosts = 127.0.0.1:{port}
"""

SEEN = []


def png(width, height, paint):
    im = Image.new("RGBA", (width, height))
    im.putdata([paint(x, y) for y in range(height) for x in range(width)])
    out = io.BytesIO()
    im.save(out, "PNG")
    return out.getvalue()


class Upstream(QuietHandler):
    """A foreign server; what it says depends on the path."""

    protocol_version = "HTTP/1.1"
    image = b""

    def do_GET(self):
        SEEN.append((self.path, dict(self.headers)))
        status, body, headers = 200, self.image, {"ETag": '"1"'}
        if self.path.startswith("/moved"):
            status, body, headers = 302, b"", {"Location": "/blue.png"}
        elif self.path.startswith("/missing"):
            status, body = 404, b"no"
        elif self.path.startswith("/page"):
            body = b"<html>an image it is not</html>"
        elif self.path.startswith("/fleeting"):
            headers = {}
        self.answer(body, status, **headers)


class Layers(unittest.TestCase):
    server = None

    @classmethod
    def prepare(cls, root, companies):
        folder = root / "stack"
        folder.mkdir()
        (folder / "red.png").write_bytes(png(200, 100, lambda x, y: (255, 0, 0, 255)))
        (folder / "disc.png").write_bytes(png(
            100, 100, lambda x, y: (0, 0, 255, 255 * ((x - 50) ** 2 + (y - 50) ** 2 < 1600))))
        Upstream.image = png(40, 20, lambda x, y: (0, 0, 255, 255))
        cls.port = start_origin(Upstream).server_port
        (companies / "stack.ini").write_text(COMPANY.format(port=cls.port))

    def get(self, path, status=200):
        reply = self.server.request("/is/image/stack/" + path)
        self.assertEqual(reply.status, status, (path, reply.body[:200]))
        return reply

    def image(self, path):
        return picture.pixels(self.get(path).body)

    def check(self, im, expected):
        for (x, y), colour in expected.items():
            found = im.getpixel((x, y))[:len(colour)]
            self.assertTrue(all(abs(a - b) <= 2 for a, b in zip(found, colour)),
                            ((x, y), found, colour))

    def test_layers_are_placed_and_blended(self):
        im = self.image("red?fmt=png&scl=1&layer=1&src=stack/disc&pos=20,0&opac=50")
        self.assertEqual(im.size, (200, 100))
        self.check(im, {(120, 50): (127, 0, 128), (60, 50): (255, 0, 0), (180, 50): (255, 0, 0)})

    def test_nested_requests(self):
        im = self.image("red?fmt=png&scl=1&layer=1&src=is(stack/disc?wid=50&op_invert=1)")
        self.check(im, {(100, 50): (255, 255, 0), (70, 50): (255, 0, 0)})

    def test_masks_are_replies_too(self):
        im = self.image("disc?req=mask&fmt=png&wid=50")
        self.assertEqual(im.size, (50, 50))
        self.check(im.convert("RGB"), {(25, 25): (255, 255, 255), (2, 2): (0, 0, 0)})

    def test_density_scales_positions(self):
        im = self.image("red?fmt=png&wid=100&dpr=on,4&layer=1&src=stack/disc&pos=20,0")
        self.assertEqual(im.size, (400, 200))
        self.check(im, {(240, 100): (0, 0, 255), (155, 100): (255, 0, 0), (325, 100): (255, 0, 0)})

    def test_foreign_images(self):
        im = self.image(f"red?fmt=png&scl=1&layer=1&src=(http://127.0.0.1:{self.port}/blue.png)")
        self.check(im, {(100, 50): (0, 0, 255), (79, 50): (255, 0, 0), (119, 50): (0, 0, 255)})
        self.assertTrue(any(path == "/blue.png" and "Cookie" not in headers
                            for path, headers in SEEN))

    def test_foreign_images_are_fetched_once_and_kept_as_they_say(self):
        for name, times in (("kept", 1), ("fleeting", 2)):
            for _ in range(2):
                self.get(f"red?fmt=png&scl=1&layer=1&src=(http://127.0.0.1:{self.port}/{name})")
            self.assertEqual(len([path for path, _ in SEEN if path == "/" + name]), times, name)

    def test_foreign_refusals(self):
        for name, text in (("moved", b"redirects"), ("missing", b"not found"), ("page", b"not supported")):
            reply = self.get(f"red?layer=1&src=(http://127.0.0.1:{self.port}/{name})", 403)
            self.assertIn(text, reply.body)
        self.assertIn(b"not allowed", self.get(
            f"red?layer=1&src=(http://127.0.0.1:{self.port + 1}/blue.png)", 403).body)
        self.assertIn(b"not allowed", self.get("red?layer=1&src=(http://localhost/a.png)", 403).body)
