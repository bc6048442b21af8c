"""What a reply's body really is: format by its first bytes, size, pixels, score.

Pixels come from programs that are not ours where the distribution has one: Pillow (JPEG, PNG, GIF,
WebP, TIFF), avifdec or Chromium for AVIF, opj_decompress, JxrDecApp."""

import io
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile

from PIL import Image

from server import BUILD

SCORE = BUILD / "tests/unit/score"


def kind(data):
    """MIME type by content, or None."""
    if data[:3] == b"\xff\xd8\xff":
        return "image/jpeg"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp" and b"avif" in data[8:32]:
        return "image/avif"
    if data[:2] == b"\xff\x0a" or data[4:8] == b"JXL ":
        return "image/jxl"
    if data[4:8] == b"jP  ":
        return "image/jp2"
    if data[:3] == b"II\xbc":
        return "image/vnd.ms-photo"
    if data[:4] in (b"II*\0", b"MM\0*"):
        return "image/tiff"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "image/gif"
    return None


def size(data):
    """Width and height."""
    mime = kind(data)
    if mime == "image/avif":
        at = data.index(b"ispe")
        return struct.unpack(">II", data[at + 8:at + 16])
    if mime == "image/jp2":
        at = data.index(b"ihdr")
        height, width = struct.unpack(">II", data[at + 4:at + 12])
        return width, height
    if mime in ("image/jxl", "image/vnd.ms-photo"):
        return pixels(data).size
    return Image.open(io.BytesIO(data)).size


def pixels(data):
    """A Pillow image in mode RGB or RGBA."""
    mime = kind(data)
    if mime in ("image/avif", "image/jxl", "image/vnd.ms-photo", "image/jp2"):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            suffix, command = {
                "image/avif": (".avif", ["avifdec", "IN", "OUT.png"]),
                "image/jxl": (".jxl", ["djxl", "IN", "OUT.png"]),
                "image/jp2": (".jp2", ["opj_decompress", "-i", "IN", "-o", "OUT.png"]),
                "image/vnd.ms-photo": (".jxr", ["JxrDecApp", "-i", "IN", "-o", "OUT.tif"]),
            }[mime]
            source = folder / ("in" + suffix)
            source.write_bytes(data)
            command = [w.replace("IN", str(source)).replace("OUT", str(folder / "out")) for w in command]
            result = subprocess.run(command, capture_output=True, text=True)
            out = pathlib.Path(command[-1])
            if not out.exists():
                raise AssertionError(f"{command[0]} refused the image: {result.stderr[:300]}")
            image = Image.open(out)
            image.load()
    else:
        image = Image.open(io.BytesIO(data))
        image.load()
    alpha = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    return image.convert("RGBA" if alpha else "RGB")


def score(reference, candidate):
    """SSIMULACRA2 of two encoded images, by the test tool `score`: decoded and compared on its own,
    without any of the search's bookkeeping."""
    with tempfile.TemporaryDirectory() as folder:
        a, b = pathlib.Path(folder, "a"), pathlib.Path(folder, "b")
        a.write_bytes(reference)
        b.write_bytes(candidate)
        out = subprocess.run([SCORE, a, b], capture_output=True, text=True, check=True).stdout
    return float(re.match(r"-?[\d.]+", out).group())


def have(tool):
    return shutil.which(tool) is not None
