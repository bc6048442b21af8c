"""SVG originals at two sizes against rsvg-convert; a gzipped one and one in UTF-16 among them."""

import gzip
import io
import subprocess
import tempfile
import unittest
from pathlib import Path

import numpy as np
from PIL import Image

NS = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
BODY = """<defs><linearGradient id="g"><stop stop-color="#06c"/><stop offset="1" stop-color="#fc0" stop-opacity=".4"/>
</linearGradient><filter id="b"><feGaussianBlur stdDeviation="2"/></filter></defs>
<rect x="2" y="3" width="80" height="40" fill="url(#g)"/><circle cx="60" cy="25" r="18" fill="none" stroke="#a04" stroke-width="3"/>
<path d="M5,45 C30,5 60,60 95,10" stroke="green" fill="none" stroke-dasharray="4 2" filter="url(#b)"/>"""

DRAWINGS = {
    "plain.svg": f'<svg {NS} width="100" height="50">{BODY}</svg>'.encode(),
    "millimetres.svg": f'<svg {NS} width="30mm" height="15mm" viewBox="0 0 100 50">{BODY}</svg>'.encode(),
    "fraction.svg": f'<svg {NS} width="70.4" height="35.2" viewBox="0 0 100 50">{BODY}</svg>'.encode(),
    "box.svg": f'<svg {NS} viewBox="0 0 100 50">{BODY}</svg>'.encode(),
    "packed.svgz": gzip.compress(f'<svg {NS} width="100" height="50">{BODY}</svg>'.encode()),
    "wide.svg": f'<?xml version="1.0" encoding="UTF-16"?><svg {NS} width="100" height="50">{BODY}</svg>'.encode("utf-16"),
}


def premultiplied(data):
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA")).astype(int)
    pixels = pixels.copy()
    pixels[..., :3] = pixels[..., :3] * pixels[..., 3:] // 255
    return pixels


class Drawings(unittest.TestCase):
    server = None

    @classmethod
    def prepare(cls, root, companies):
        (root / "drawings").mkdir()
        for name, text in DRAWINGS.items():
            (root / "drawings" / name).write_bytes(text)

    def test_as_rsvg_convert_draws_them(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in DRAWINGS.items():
                file = Path(folder) / name
                file.write_bytes(text)
                for width in (90, 640):
                    with self.subTest(name=name, width=width):
                        reply = self.server.image(f"drawings/{name}?wid={width}&fmt=png-alpha&bfc=off", "*/*")
                        self.assertEqual(reply.status, 200, reply.body[:200])
                        ours = premultiplied(reply.body)
                        self.assertEqual(ours.shape[:2], (width // 2, width))
                        drawn = subprocess.run(["rsvg-convert", "-w", str(width), "-h", str(width // 2), file],
                                               capture_output=True, check=True).stdout
                        self.assertLessEqual(abs(ours - premultiplied(drawn)).max(), 2)
