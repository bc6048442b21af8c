"""Whether a reply is the right one, for the requests of traffic.py: by what a quiet server has answered, and by formulas."""

import hashlib
import re
import urllib.parse

import numpy as np
import PIL.Image

import picture
import traffic

# Mean difference in levels that two encodings of one picture may have; that of two pictures is far above.
NEAR = 9.0
RIGHT, LEFT, FAILED, WRONG, PARTIAL = "right", "left", "failed", "wrong", "partial"

OTHER_SIZE = (600, 400)


def version(n):
    """The two pictures that an original changes between, and back."""
    y, x = np.mgrid[0:OTHER_SIZE[1], 0:OTHER_SIZE[0]]
    shade = (x * 120 // OTHER_SIZE[0]).astype(np.uint8)
    return PIL.Image.fromarray(np.stack([200 - shade, shade, y.astype(np.uint8) // 4] if n == 0 else
                                        [shade, 60 + y.astype(np.uint8) // 4, 220 - shade], axis=-1).astype(np.uint8))


def without_times(text):
    """Properties without the time at which the company's file changed, and versions, which purges change."""
    return re.sub(rb"#[A-Z][a-z]{2} [A-Z][a-z]{2} \d+ [\d:]{8} UTC \d{4}|version\W{1,4}[0-9a-f]+", b"", text)


def distance(image, reference):
    """Mean difference of two pictures over white, in levels, at the size of the first."""
    flat = []
    for one in (image, reference.resize(image.size, PIL.Image.Resampling.BOX)):
        one = one.convert("RGBA")
        white = PIL.Image.new("RGBA", one.size, "white")
        flat.append(np.asarray(PIL.Image.alpha_composite(white, one).convert("RGB"), np.int16))
    return float(np.abs(flat[0] - flat[1]).mean())


class Truth:
    def __init__(self):
        self.known = {}   # (path, Accept) → (status, headers, body)
        self.pixels = {}  # SHA-256 of a body → a Pillow image, or what is wrong with it
        self.judged = {}  # (path, SHA-256 of the body) → (verdict, why)
        self.bodies = {}  # (path, Accept, ETag) → body
        self.versions = [version(0), version(1)]

    def ask(self, server):
        """Learns from a server that does nothing else what the known requests get."""
        client = traffic.Client(server.port, 120)
        for kind, paths in traffic.KNOWN.items():
            for path in paths:
                for accept in traffic.CLIENTS:
                    request = traffic.Request(kind, f"/is/image/load/{path}", {"Accept": accept})
                    answer = client.ask(request)
                    if answer.outcome != "reply" or (answer.status == 200) == (kind == "mistakes"):
                        raise SystemExit(f"{path} gets {answer.outcome} {answer.status}: {answer.body[:200]!r}")
                    self.known[request.path, accept] = answer
        client.close()

    def decoded(self, body):
        """A Pillow image, or text that says why it is none."""
        key = hashlib.sha256(body).digest()
        if key not in self.pixels:
            try:
                self.pixels[key] = picture.pixels(body)
            except Exception as e:  # whatever a decoder says of bytes that are no picture
                self.pixels[key] = f"no whole picture: {e}"
        return self.pixels[key]

    def learn_bodies(self, pairs):
        for request, answer in pairs:
            if answer.outcome == "reply" and answer.status == 200 and request.method == "GET" and "etag" in answer.headers:
                path = request.path.replace("&cache=update", "")
                self.bodies[path, request.headers["Accept"], answer.headers["etag"]] = answer.body

    def judge(self, request, answer):
        """(verdict, what to say of it)."""
        if answer.outcome == "left":
            return LEFT, ""
        if answer.outcome in ("garbled", "endless"):
            return WRONG, answer.outcome
        if answer.outcome != "reply":
            return FAILED, answer.outcome
        if answer.status >= 500:
            return FAILED, str(answer.status)
        if request.kind == "mistakes":
            want = self.known[request.path, request.headers["Accept"]]
            return (RIGHT, "") if answer.status == want.status else (WRONG, f"{answer.status} rather than {want.status}")
        if answer.status == 206 and request.kind == "range":
            return self.judge_range(request, answer)
        if answer.status == 304 and request.kind == "conditional":
            return (RIGHT, "") if answer.body == b"" else (WRONG, "304 with a body")
        if answer.status in (403, 404) and request.kind == "changing":
            return FAILED, f"{answer.status}, as it was away"
        if answer.status != 200:
            return WRONG, f"{answer.status}: {answer.body[:80]!r}"
        if request.method == "HEAD":
            return RIGHT, ""
        key = request.path, request.headers["Accept"], hashlib.sha256(answer.body).digest()
        if key not in self.judged:
            self.judged[key] = self.judge_body(request, answer)
        return self.judged[key]

    def judge_range(self, request, answer):
        whole = self.bodies.get((request.path, request.headers["Accept"], answer.headers.get("etag")))
        place = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", answer.headers.get("content-range", ""))
        if whole is None or place is None:
            return WRONG, f"a part of nothing: {answer.headers}"
        begin, end, total = map(int, place.groups())
        right = total == len(whole) and answer.body == whole[begin:end + 1]
        return (RIGHT, "") if right else (WRONG, "another part")

    def judge_body(self, request, answer):
        path = request.path.replace("&cache=update", "")
        want = self.known.get((path, request.headers["Accept"]))
        if request.kind == "properties":
            same = without_times(answer.body) == without_times(want.body)
            return (RIGHT, "") if same else (WRONG, f"{answer.body[:300]!r} rather than {want.body[:300]!r}")
        image = self.decoded(answer.body)
        if isinstance(image, str):
            return PARTIAL, image
        if request.kind == "changing":
            near = [distance(image, v) for v in self.versions]
            return (RIGHT, "") if min(near) < NEAR else (WRONG, f"neither version: {near}")
        if want is None:
            x, y, wid, hei = map(int, re.search(r"crop=(\d+),(\d+),(\d+),(\d+)", urllib.parse.unquote(path)).groups())
            reference = PIL.Image.fromarray(traffic.expected_grid(x, y, wid, hei))
        else:
            reference = self.decoded(want.body)
        away = distance(image, reference) if image.size == reference.size else 255
        return (RIGHT, "") if away < NEAR else (WRONG, f"{away:.0f} levels away")
