"""Where the pebbles of pebbles.pov lie: each is dropped on those below it, at the lowest of
a few places tried, large ones first."""
import os

import numpy as np

KINDS, SHAPES = 9, 12
SHARE = [0.25, 0.15, 0.10, 0.16, 0.08, 0.09, 0.06, 0.04, 0.07]


def prepare(work):
    rng = np.random.Generator(np.random.PCG64(1717))
    half_w, half_h = 21.0, 33.0
    sizes = np.concatenate([rng.uniform(2.6, 4.2, 60), rng.uniform(1.4, 2.6, 260),
                            rng.uniform(0.75, 1.4, 420), rng.uniform(0.32, 0.75, 700)])
    placed = np.empty((len(sizes), 5))               # x, y, z, radius, half thickness
    with open(os.path.join(work, "pebbles-places.inc"), "w") as f:
        f.write(f"#declare Places = {len(sizes)};\n")
        for n, r in enumerate(sizes):
            b = r * rng.uniform(0.42, 0.66)
            xz = rng.uniform(-1, 1, (40, 2)) * (half_w, half_h)
            p = placed[:n]
            d2 = ((xz[:, None, :] - p[None, :, [0, 2]]) ** 2).sum(2) / ((p[:, 3] + r) * 0.93) ** 2
            y = p[:, 1] + (p[:, 4] + b) * np.sqrt(np.maximum(0, 1 - d2))
            y = np.where(d2 < 1, y, 0)
            top = np.maximum(y.max(1), b) if n else np.full(40, b)
            k = top.argmin()
            placed[n] = xz[k, 0], top[k], xz[k, 1], r, b
            tilt = min(30, 9 + 14 * top[k] / (r + 1))
            f.write("Pebble(<%.3f,%.3f,%.3f>, <%.3f,%.3f,%.3f>, <%.1f,%.1f,%.1f>, %d, %d, %.3f)\n" % (
                xz[k, 0], top[k], xz[k, 1], r * rng.uniform(0.92, 1.22), b, r * rng.uniform(0.72, 0.98),
                rng.uniform(-tilt, tilt), rng.uniform(0, 360), rng.uniform(-tilt, tilt),
                rng.integers(SHAPES), rng.choice(KINDS, p=SHARE), rng.random()))
