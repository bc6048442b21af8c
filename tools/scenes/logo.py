"""The project's name and mark on a clear ground, with a soft shadow: sharp edges, flat
colour, gradients and every value of alpha in one picture."""
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf"
PLAIN = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
OVER = 3                                        # drawn this much larger, then reduced


def gradient(w, h, stops):
    """Colour along the diagonal, interpolated in linear light."""
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    t = (x / w * 0.6 + y / h * 0.4)
    at = [s[0] for s in stops]
    rgb = [np.interp(t, at, [(s[1][c] / 255) ** 2.2 for s in stops]) ** (1 / 2.2) for c in range(3)]
    return np.stack(rgb, -1).astype(np.float32)


def pixels(width, height):
    w, h = width * OVER, height * OVER
    u = h / 1000                                # drawn on 2400 x 1000

    def mask():
        m = Image.new("L", (w, h), 0)
        return m, ImageDraw.Draw(m)

    def box(x0, y0, x1, y1):
        return [x0 * u, y0 * u, x1 * u, y1 * u]

    # The mark: a frame holding a hill and a sun; its right side falls into pixels.
    tile, d = mask()
    d.rounded_rectangle(box(150, 210, 730, 790), 120 * u, fill=255)
    d.rectangle(box(560, 210, 730, 790), fill=255)
    for k in range(1, 6):
        for j in range(6):
            side = 88 - 13 * k
            if (k * 7 + j * 5) % 4 == 3 and k > 1:
                continue
            cx, cy = 704 + 82 * k, 256 + 97.6 * j
            d.rectangle(box(cx - side / 2, cy - side / 2, cx + side / 2, cy + side / 2), fill=255)
    hill, d = mask()
    d.polygon([(p[0] * u, p[1] * u) for p in
               ((215, 700), (370, 470), (455, 585), (545, 440), (705, 700))], fill=255)
    sun, d = mask()
    d.ellipse(box(285, 300, 395, 410), fill=255)

    name, d = mask()
    d.text((1235 * u, 345 * u), "smartimg", font=ImageFont.truetype(FONT, int(200 * u)), fill=255)
    line, d = mask()
    d.text((1245 * u, 590 * u), "the right picture, at the right size", font=ImageFont.truetype(PLAIN, int(57 * u)), fill=255)

    def small(m):
        return np.asarray(m.resize((width, height), Image.BOX), np.float32) / 255

    tile, hill, sun, name, line = map(small, (tile, hill, sun, name, line))
    solid = np.maximum.reduce([tile, name])
    shadow = Image.fromarray((solid * 255).astype(np.uint8)).transform(
        (width, height), Image.AFFINE, (1, 0, -0.010 * height, 0, 1, -0.022 * height))
    shadow = np.asarray(shadow.filter(ImageFilter.GaussianBlur(0.016 * height)), np.float32) / 255 * 0.42

    warm = gradient(width, height, [(0.05, (255, 176, 58)), (0.22, (238, 84, 78)), (0.40, (150, 60, 170)), (0.6, (60, 90, 220))])
    ink = gradient(width, height, [(0.3, (36, 44, 74)), (0.8, (22, 110, 160))])
    colour = np.zeros((height, width, 3), np.float32) + np.array((18, 20, 34), np.float32) / 255
    alpha = shadow
    for m, c in ((tile, warm), (sun, np.float32([1, 0.97, 0.86])), (hill, np.float32([1, 1, 1])),
                 (name, ink), (line, np.float32([0.33, 0.36, 0.44]))):
        out = m + alpha * (1 - m)
        share = np.where(out > 0, m / np.maximum(out, 1e-6), 0)[..., None]
        colour, alpha = c * share + colour * (1 - share), out
    colour[alpha < 1 / 512] = 0
    return (np.dstack([colour, alpha]) * 255 + 0.5).astype(np.uint8)
