"""The bust of sculpture.pov: a head put together from ellipsoids and rounded cones by smooth
unions of their distance functions, then meshed (surface nets, each vertex moved onto the
surface and given the surface's own normal)."""
import os

import numpy as np

STEP = 0.0145
LOW, HIGH = np.array([-1.75, -2.75, -1.25]), np.array([1.75, 1.45, 1.75])


def ellipsoid(p, centre, radii, turn=0.0, tilt=0.0):
    """turn: degrees about z; tilt: degrees about x."""
    q = p - np.float32(centre)
    if turn:
        c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        q = np.stack([c * q[:, 0] + s * q[:, 1], -s * q[:, 0] + c * q[:, 1], q[:, 2]], 1)
    if tilt:
        c, s = np.cos(np.radians(tilt)), np.sin(np.radians(tilt))
        q = np.stack([q[:, 0], c * q[:, 1] + s * q[:, 2], -s * q[:, 1] + c * q[:, 2]], 1)
    r = np.float32(radii)
    k0 = np.sqrt(((q / r) ** 2).sum(1))
    k1 = np.sqrt(((q / (r * r)) ** 2).sum(1))
    return k0 * (k0 - 1) / np.maximum(k1, 1e-6)


def cone(p, a, b, ra, rb):
    a, b = np.float32(a), np.float32(b)
    t = np.clip(((p - a) @ (b - a)) / ((b - a) @ (b - a)), 0, 1)
    return np.sqrt(((p - a - t[:, None] * (b - a)) ** 2).sum(1)) - (ra + (rb - ra) * t)


def join(a, b, k):
    h = np.maximum(k - abs(a - b), 0) / k
    return np.minimum(a, b) - h * h * h * k / 6


def cut(a, b, k):
    return -join(-a, b, k)


def both(a, b, k):
    return -join(-a, -b, k)


def head(p):
    """Face towards -z; one unit is about 10 cm; the ears are near y = 0."""
    m = p.copy()
    m[:, 0] = abs(m[:, 0])                           # left and right alike
    d = ellipsoid(p, (0, 0.38, 0.10), (0.74, 0.78, 0.90))
    d = join(d, ellipsoid(p, (0, -0.22, -0.16), (0.58, 0.82, 0.60)), 0.25)
    d = join(d, ellipsoid(p, (0, 0.42, -0.42), (0.50, 0.36, 0.36)), 0.25)
    d = join(d, ellipsoid(p, (0, -0.70, -0.30), (0.40, 0.36, 0.42)), 0.20)
    d = join(d, cone(m, (0.52, -0.42, 0.02), (0.12, -0.97, -0.52), 0.11, 0.10), 0.28)
    d = join(d, ellipsoid(p, (0, -0.97, -0.59), (0.16, 0.12, 0.12)), 0.18)
    d = join(d, ellipsoid(m, (0.40, -0.13, -0.47), (0.18, 0.12, 0.17), -18), 0.22)
    d = join(d, ellipsoid(m, (0.29, -0.45, -0.47), (0.18, 0.24, 0.18)), 0.25)
    # Eyes: a socket, a ball, and lids of two thicknesses which meet in a line.
    d = cut(d, ellipsoid(m, (0.28, 0.03, -0.84), (0.19, 0.115, 0.19), -4), 0.16)
    d = join(d, cone(m, (0.10, 0.155, -0.735), (0.44, 0.165, -0.60), 0.035, 0.03), 0.14)
    ball = ellipsoid(m, (0.275, 0.012, -0.575), (0.150, 0.135, 0.145))
    d = join(d, ball, 0.035)
    line = m[:, 1] + 0.028 - 0.9 * (m[:, 0] - 0.275) ** 2
    upper = both(ball - 0.016, -line, 0.012)
    d = join(d, upper, 0.022)
    # Nose.
    d = join(d, cone(p, (0, 0.13, -0.725), (0, -0.27, -0.965), 0.060, 0.078), 0.10)
    d = join(d, ellipsoid(p, (0, -0.285, -0.965), (0.084, 0.078, 0.085)), 0.05)
    d = join(d, ellipsoid(m, (0.085, -0.312, -0.865), (0.062, 0.060, 0.085), 10), 0.05)
    d = cut(d, ellipsoid(m, (0.048, -0.372, -0.910), (0.026, 0.030, 0.042), -20), 0.03)
    # Mouth.
    d = join(d, ellipsoid(p, (0, -0.55, -0.665), (0.26, 0.20, 0.16)), 0.16)
    d = join(d, ellipsoid(m, (0.065, -0.512, -0.822), (0.125, 0.036, 0.050), -14), 0.045)
    d = join(d, ellipsoid(p, (0, -0.607, -0.806), (0.135, 0.046, 0.055)), 0.05)
    d = cut(d, ellipsoid(p, (0, -0.445, -0.880), (0.028, 0.055, 0.036)), 0.05)
    seam = abs(p[:, 1] + 0.556 - 0.25 * p[:, 0] ** 2 + 0.007 * np.cos(p[:, 0] * 26)) - 0.007
    d = cut(d, both(ellipsoid(p, (0, -0.556, -0.855), (0.215, 0.08, 0.085)), seam, 0.015), 0.03)
    d = cut(d, ellipsoid(p, (0, -0.735, -0.80), (0.13, 0.045, 0.06)), 0.12)
    # Ears.
    ear = ellipsoid(m, (0.735, -0.03, 0.10), (0.060, 0.235, 0.145), -8, 12)
    ear = cut(ear, ellipsoid(m, (0.800, 0.02, 0.075), (0.040, 0.150, 0.085), -8, 12), 0.04)
    ear = cut(ear, ellipsoid(m, (0.775, -0.10, 0.035), (0.050, 0.060, 0.050)), 0.03)
    d = join(d, ear, 0.05)
    return d


def hair(p):
    """Parted in the middle, combed back in waves to a knot."""
    m = p.copy()
    m[:, 0] = abs(m[:, 0])
    d = ellipsoid(p, (0, 0.42, 0.16), (0.83, 0.845, 0.98))
    d = join(d, ellipsoid(m, (0.60, 0.14, -0.02), (0.24, 0.34, 0.48)), 0.20)
    # Strands follow from the parting round the side of the head.
    way = np.arctan2(m[:, 1] - 0.05, m[:, 0] + 0.12)
    along = m[:, 2] * 1.15 + 0.12 * np.sin(6 * way + 3.0 * m[:, 2])
    wave = np.sin(13 * along + 1.2 * np.sin(5 * way)) * 0.5 + np.sin(31 * along + 4 * way) * 0.22 + np.sin(67 * along + 9 * way) * 0.10
    d = d - 0.052 * wave
    d = d + 0.05 * np.exp(-(m[:, 0] / 0.035) ** 2)
    # The hairline runs from above the forehead to the front of the ear; the hair rises from it.
    behind = 0.57 * (p[:, 1] - 0.84) + 0.82 * (p[:, 2] + 0.62) + 0.05 * np.cos(m[:, 0] * 7) + 0.09
    d = d + 0.085 * np.exp(-np.maximum(behind, 0) / 0.13)
    d = both(d, -behind, 0.06)
    d = both(d, -(p[:, 1] + 0.30 + 0.35 * (0.3 - p[:, 2])), 0.15)
    knot = ellipsoid(p, (0, 0.02, 1.18), (0.40, 0.36, 0.34))
    swirl = np.arctan2(p[:, 1] - 0.02, p[:, 0])
    knot = knot - 0.03 * np.sin(3 * swirl + 22 * np.hypot(p[:, 0], p[:, 1] - 0.02))
    d = join(d, knot, 0.10)
    band = abs(p[:, 2] - 0.02 + 0.22 * (p[:, 1] - 1.0)) - 0.035
    ribbon = both(ellipsoid(p, (0, 0.42, 0.20), (0.875, 0.89, 1.02)), band, 0.02)
    ribbon = both(ribbon, -(p[:, 1] - 0.42), 0.02)
    return np.minimum(d, ribbon)


def bust(p):
    # The head is turned and bent a little upon the neck.
    q = p - np.float32((0, -0.9, 0.2))
    for axis, deg in ((1, -13.0), (2, 5.0), (0, 5.0)):
        c, s = np.cos(np.radians(deg)), np.sin(np.radians(deg))
        i, j = [k for k in (0, 1, 2) if k != axis]
        q[:, i], q[:, j] = c * q[:, i] + s * q[:, j], -s * q[:, i] + c * q[:, j]
    q = q + np.float32((0, -0.9, 0.2))
    m = p.copy()
    m[:, 0] = abs(m[:, 0])
    neck = cone(p, (0, -0.55, 0.20), (0, -1.70, 0.34), 0.38, 0.43)
    neck = join(neck, cone(m, (0.40, -0.55, 0.25), (0.10, -1.62, -0.10), 0.08, 0.055), 0.18)
    d = join(neck, cone(m, (0.20, -1.15, 0.42), (1.05, -1.80, 0.42), 0.16, 0.13), 0.40)
    d = join(d, ellipsoid(p, (0, -2.06, 0.38), (1.50, 0.42, 0.50)), 0.38)
    d = join(d, ellipsoid(p, (0, -2.40, 0.18), (1.05, 0.75, 0.55)), 0.30)
    d = join(d, cone(m, (0.13, -1.70, -0.13), (0.92, -1.80, 0.06), 0.045, 0.05), 0.20)
    # Cut below as a sculptor ends a bust.
    d = both(d, ellipsoid(p, (0, -1.0, 0.25), (1.40, 1.62, 1.9)), 0.03)
    d = join(d, head(q), 0.16)
    return np.minimum(join(d, hair(q), 0.02), 9)


def sample(points):
    out = np.empty(len(points), np.float32)
    for i in range(0, len(points), 400000):
        out[i:i + 400000] = bust(points[i:i + 400000].astype(np.float32))
    return out


def field():
    """Distances on the grid; far from the surface only coarsely, from every fourth point."""
    n = ((HIGH - LOW) / STEP).astype(int) // 4 * 4 + 1
    axes = [LOW[k] + STEP * np.arange(n[k]) for k in range(3)]
    coarse = np.stack(np.meshgrid(*[a[::4] for a in axes], indexing="ij"), -1)
    c = sample(coarse.reshape(-1, 3)).reshape(coarse.shape[:3])
    f = c.repeat(4, 0).repeat(4, 1).repeat(4, 2)[:n[0], :n[1], :n[2]]
    near = np.argwhere(abs(f) < 9 * STEP)
    f[tuple(near.T)] = sample(LOW + STEP * near)
    return f


def surface(f):
    """Surface nets: a vertex in each cell the surface passes, a quad for each edge it crosses."""
    inside = f < 0
    cells = tuple(s - 1 for s in f.shape)
    total, count = np.zeros(cells + (3,), np.float32), np.zeros(cells, np.float32)
    for axis in range(3):
        u, v = [k for k in range(3) if k != axis]
        lo, hi = [slice(None)] * 3, [slice(None)] * 3
        lo[axis], hi[axis] = slice(0, -1), slice(1, None)
        a, b = f[tuple(lo)], f[tuple(hi)]
        cross = inside[tuple(lo)] != inside[tuple(hi)]
        t = np.where(cross, a / np.where(cross, a - b, 1), 0)
        for du in (0, 1):
            for dv in (0, 1):
                s = [slice(None)] * 3
                s[u] = slice(du, cells[u] + du)
                s[v] = slice(dv, cells[v] + dv)
                hit, at = cross[tuple(s)], t[tuple(s)]
                count += hit
                total[..., axis] += at
                total[..., u] += du * hit
                total[..., v] += dv * hit
    used = count > 0
    index = np.full(cells, -1)
    index[used] = np.arange(used.sum())
    points = LOW + STEP * (np.argwhere(used) + total[used] / count[used][:, None])
    quads = []
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        lo, hi = [slice(None)] * 3, [slice(None)] * 3
        lo[axis], hi[axis] = slice(0, -1), slice(1, None)
        e = np.argwhere(inside[tuple(lo)] != inside[tuple(hi)])
        e = e[((e[:, [u, v]] > 0) & (e[:, [u, v]] < np.array(cells)[[u, v]])).all(1)]
        du, dv = np.eye(3, dtype=int)[u], np.eye(3, dtype=int)[v]
        quads.append(np.stack([index[tuple(q.T)] for q in (e - du - dv, e - dv, e, e - du)], 1))
    return points, np.vstack(quads)


def slope(points):
    h = 0.004
    g = np.stack([sample(points + h * np.eye(3)[k]) - sample(points - h * np.eye(3)[k]) for k in range(3)], 1)
    return g / np.maximum(np.linalg.norm(g, axis=1, keepdims=True), 1e-9)


def prepare(work):
    points, quads = surface(field())
    normals = slope(points)
    points = points - normals * np.clip(sample(points), -STEP, STEP)[:, None]
    normals = slope(points)
    faces = np.vstack([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    with open(os.path.join(work, "sculpture-mesh.inc"), "w") as f:
        f.write("mesh2 {\nvertex_vectors { %d,\n" % len(points))
        f.write(",\n".join("<%.5f,%.5f,%.5f>" % tuple(p) for p in points.tolist()))
        f.write("}\nnormal_vectors { %d,\n" % len(normals))
        f.write(",\n".join("<%.4f,%.4f,%.4f>" % tuple(p) for p in normals.tolist()))
        f.write("}\nface_indices { %d,\n" % len(faces))
        f.write(",\n".join("<%d,%d,%d>" % tuple(p) for p in faces.tolist()))
        f.write("}\n}\n")
