"""The height field of landscape.pov: fractal noise whose octaves fade on steep ground, so
that slopes come out carved and valleys smooth, as under water and ice."""
import os

import numpy as np
from PIL import Image

SIZE = 1400


def lattice(seed):
    return np.random.Generator(np.random.PCG64(seed)).random((256, 256), np.float32)


def noise(x, z, table):
    """Value noise and its two slopes, quintic interpolation."""
    xi, zi = np.floor(x).astype(np.int32), np.floor(z).astype(np.int32)
    u, v = x - xi, z - zi
    a = table[zi & 255, xi & 255]
    b = table[zi & 255, xi + 1 & 255]
    c = table[zi + 1 & 255, xi & 255]
    d = table[zi + 1 & 255, xi + 1 & 255]
    su, sv = u * u * u * (u * (6 * u - 15) + 10), v * v * v * (v * (6 * v - 15) + 10)
    du, dv = 30 * u * u * (u - 1) ** 2, 30 * v * v * (v - 1) ** 2
    k = a - b - c + d
    return a + (b - a) * su + (c - a) * sv + k * su * sv, du * (b - a + k * sv), dv * (c - a + k * su)


def terrain(x, z, octaves, table):
    total, sx, sz, gain = 0, 0, 0, 1.0
    for _ in range(octaves):
        n, dx, dz = noise(x, z, table)
        sx, sz = sx + dx, sz + dz
        total = total + gain * n / (1 + sx * sx + sz * sz)
        gain *= 0.5
        x, z = 1.6 * x - 1.2 * z, 1.2 * x + 1.6 * z
    return total


def prepare(work):
    g = (np.arange(SIZE, dtype=np.float32) + 0.5) / SIZE
    x, z = np.meshgrid(g, g[::-1])          # row 0 is the far edge
    table = lattice(22)
    rough = terrain(x * 5.2 + 11.3, z * 5.2 + 4.1, 11, table)
    rough = (rough - rough.min()) / (rough.max() - rough.min())
    # The plan: a lake in front, shores running back on both sides, a wall of peaks behind.
    wander = 0.05 * np.sin(9 * z + 1) + 0.03 * np.sin(23 * z)
    valley = np.abs(x - 0.50 - wander)
    side = np.clip((valley - 0.10 - 0.10 * (1 - z)) / 0.32, 0, 1) ** 1.1
    back = np.clip((z - 0.50) / 0.38, 0, 1)
    back = back * back * (3 - 2 * back)
    peak = 0.50 * np.exp(-((x - 0.56) / 0.11) ** 2 - ((z - 0.84) / 0.14) ** 2)
    peak += 0.26 * np.exp(-((x - 0.36) / 0.08) ** 2 - ((z - 0.90) / 0.12) ** 2)
    plan = np.maximum(0.55 * side, 0.55 * back) + peak
    height = plan * (0.35 + 1.0 * rough) + 0.10 * rough - 0.055
    height = np.clip(height, 0, None)
    height /= height.max()
    Image.fromarray((height * 65535).astype(np.uint16)).save(os.path.join(work, "landscape-height.png"))
