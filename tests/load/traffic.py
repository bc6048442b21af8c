"""Mixed requests to a running server, for tests/soak and tests/chaos: what is asked, what came of it, and what the right answer is.

Requests are of two sorts. *Known* ones come from a list, with layers, text, animations, foreign images, properties and
mistakes in it; what they should get is asked of the server while nothing else happens. *Fresh* ones are asked once each, for
a part of the picture grid, whose pixels are a formula of their places, so that there is a right answer without asking."""

import collections
import http.client
import io
import pathlib
import random
import shutil
import socket
import sys
import threading
import time
import urllib.parse

import numpy as np
import PIL.Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "http"))
import samples  # noqa: E402
from server import CHROME, CHROME_OLD, PLAIN, PROJECT, QuietHandler, Server, start_origin  # noqa: E402

FONTS = pathlib.Path("/usr/share/fonts/truetype/dejavu")
GRID = (2000, 1500)
CLIENTS = (CHROME, CHROME_OLD, PLAIN)
# fmt= of fresh requests, type of their replies, and how often each is asked: programs that look at the later ones are slow
FORMATS = (("jpeg", "image/jpeg", 8), ("png", "image/png", 6), ("webp", "image/webp", 4), ("gif", "image/gif", 3),
           ("tif", "image/tiff", 3), ("avif", "image/avif", 1), ("jxl", "image/jxl", 1), ("jpeg2000", "image/jp2", 1),
           ("jpegxr", "image/vnd.ms-photo", 1))

COMPANY = """RootPath = load
DefaultPix = 0,0
MaxPix = 3000,3000
AllowDirectUrls = true
ForeignHosts = 127.0.0.1
RootUrl = http://127.0.0.1:{port}/
[object card]
Modifier = $pic=label&layer=0&src=square&size=200,200&layer=1&src=$pic$&size=100,0&pos=10,10&layer=comp&scl=1
[fonts]
Sans = DejaVuSans.ttf
"""


def rtf(words):
    """A text of one line for an address; `words` begin with a size."""
    return urllib.parse.quote("{\\rtf1{\\fonttbl{\\f0 Sans;}}\\f0 \\" + words + "}")


# What is asked again and again, below /is/image/load/; kinds are rows of the tables that the commands print.
KNOWN = {
    "plain": [f"{name}?wid={wid}" for name in ("small", "wide", "night", "product", "fabric", "pebbles") for wid in (60, 90, 130)]
             + [f"small?wid=120&op_brightness={n}" for n in range(0, 60, 6)],
    "layers": ["card", "card?$pic=ramp", "card?$pic=disc&wid=120", "square?wid=150&layer=1&src=sculpture&wid=80&blendMode=mult",
               "small?wid=160&layer=1&src=label&size=60,0&op_blur=3&opac=60", "disc?fmt=png-alpha&wid=90",
               "square?wid=100&layer=1&mask=ramp&src=label&size=80,0"],
    "text": [f"square?crop=0,0,400,150&size=160,60&layer=1&{kind}={rtf(f'fs{size} smart')}&size=150,50&layer=comp&scl=1"
             for kind in ("text", "textPs") for size in (20, 28, 36)],
    "animations": ["moving?fmt=gif", "moving?fmt=webp&wid=40", "moving?fmt=webp", "moving-webp?fmt=gif"],
    "foreign": [f"far{n}?src=({kind}/{n}.png)&wid=4{n}&fmt=png" for n, kind in enumerate(("plain", "hour", "second", "hour", "plain"))],
    "properties": ["small?req=props", "wide?req=imageprops", "card?req=exists", "small?req=userdata", "night?req=props,json"],
    "mistakes": ["missing?wid=40", "small?wid=-3", "small?scl=x", "small?wid=9000", "broken?wid=40",
                 "far?src=(none/1.png)&wid=40", "x?src=(http://example.org/a.png)", "small?rect=1,2"],
}

# Of 100 requests: how many of each. `fresh` are misses, `update` renders a known one anew, `left` are clients that do not wait.
SHARES = {"plain": 36, "layers": 8, "text": 4, "animations": 3, "foreign": 5, "properties": 5, "mistakes": 6, "fresh": 14,
          "update": 4, "conditional": 6, "range": 5, "head": 2, "left": 2}

Request = collections.namedtuple("Request", "kind path headers method", defaults=("GET",))


def body(color):
    out = io.BytesIO()
    PIL.Image.new("RGB", (80, 60), color).save(out, "PNG")
    return out.getvalue()


class Origin(QuietHandler):
    """Foreign images: /plain/, /hour/ and /second/ differ in what their replies' lives are."""

    protocol_version = "HTTP/1.1"
    picture = body("red")
    lives = {"plain": None, "hour": 3600, "second": 1}

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # the fetcher was killed, or hung up

    def do_GET(self):
        kind = self.path.split("/")[1]
        if kind not in self.lives:
            return self.answer(b"no such thing", 404)
        life = self.lives[kind]
        self.answer(self.picture, ETag='"1"', **({"Cache_Control": f"max-age={life}"} if life else {}))


def prepare(server, port):
    """Adds the company `load` and its pictures to a server that is not running yet; `port` is the origin's."""
    folder = server.root / "load"
    folder.mkdir()
    for name, draw in samples.PICTURES.items():
        PIL.Image.fromarray(draw()).save(folder / f"{name}.png", compress_level=1)
    for file in (PROJECT / "pictures/demo").iterdir():
        image = PIL.Image.open(file)
        image.thumbnail((500, 500))
        image.save(folder / file.name)
    shutil.copy(server.root / "odd/animated.gif", folder / "moving.gif")
    shutil.copy(server.root / "odd/animated.webp", folder / "moving-webp.webp")
    (folder / "broken.jpg").write_bytes((folder / "night.jpg").read_bytes()[:5000])
    shutil.copy(FONTS / "DejaVuSans.ttf", folder)
    (server.config / "companies/load.ini").write_text(COMPANY.format(port=port))


class Mix:
    """Requests in an order that its seed gives."""

    def __init__(self, seed, shares=None):
        self.random = random.Random(seed)
        shares = shares or SHARES
        self.kinds, self.weights = list(shares), list(shares.values())
        self.tags = {}  # (path, Accept) → the last ETag seen

    def known(self, kind):
        return f"/is/image/load/{self.random.choice(KNOWN[kind])}"

    def fresh(self):
        r = self.random
        wid, hei = r.randrange(48, 150), r.randrange(40, 120)
        x, y = r.randrange(GRID[0] - wid), r.randrange(GRID[1] - hei)
        fmt, = r.choices([f[0] for f in FORMATS], [f[2] for f in FORMATS])
        return f"/is/image/load/grid?crop={x},{y},{wid},{hei}&scl=1&fmt={fmt}"

    def next(self):
        kind, = self.random.choices(self.kinds, self.weights)
        accept = {"Accept": self.random.choice(CLIENTS)}
        if kind == "fresh":
            return Request(kind, self.fresh(), accept)
        if kind == "left":
            return Request(kind, self.fresh() + "&op_blur=9", accept)
        if kind == "update":
            return Request(kind, self.known("plain") + "&cache=update", accept)
        if kind == "head":
            return Request(kind, self.known("plain"), accept, "HEAD")
        if kind == "changing":  # an original that tests/chaos replaces
            return Request(kind, f"/is/image/load/changing?wid={self.random.randrange(60, 140)}&fmt=png", accept)
        if kind in ("conditional", "range"):
            path = self.known("plain")
            tag = self.tags.get((path, accept["Accept"]))
            if tag is None:
                return Request("plain", path, accept)
            if kind == "conditional":
                return Request(kind, path, dict(accept, **{"If-None-Match": tag}))
            return Request(kind, path, dict(accept, **{"Range": "bytes=40-239", "If-Range": tag}))
        return Request(kind, self.known(kind), accept)

    def learn(self, request, answer):
        if answer.status == 200 and request.kind in ("plain", "update") and "etag" in answer.headers:
            self.tags[request.path.replace("&cache=update", ""), request.headers["Accept"]] = answer.headers["etag"]


# `outcome`: reply; refused, closed, late: no reply, and how that was told; cut: less came than its head said; garbled: no
# HTTP; left: nobody waited. Times are of time.monotonic().
Answer = collections.namedtuple("Answer", "outcome status headers body began ended", defaults=(0, {}, b"", 0.0, 0.0))


class Client:
    """One connection that is kept alive as long as the server lets it."""

    def __init__(self, port, timeout):
        self.port, self.timeout, self.connection = port, timeout, None

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def leave(self, request, after=0.02):
        with socket.create_connection(("127.0.0.1", self.port), self.timeout) as s:
            s.sendall(f"GET {request.path} HTTP/1.1\r\nHost: x\r\nAccept: {request.headers['Accept']}\r\n\r\n".encode())
            time.sleep(after)
        return "left"

    def exchange(self, request):
        """One try; (outcome, status, headers, body)."""
        try:
            if request.kind == "left":
                return self.leave(request), 0, {}, b""
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
            self.connection.putrequest(request.method, request.path, skip_accept_encoding=True)
            for name, value in request.headers.items():
                self.connection.putheader(name, value)
            self.connection.endheaders()
            response = self.connection.getresponse()
            headers = {k.lower(): v for k, v in response.getheaders()}
            # nobody can tell the end of such a reply from that of its connection
            endless = "content-length" not in headers and "transfer-encoding" not in headers and response.status != 304
            content = response.read()
            if response.will_close:
                self.close()
            return "endless" if endless else "reply", response.status, headers, content
        except http.client.IncompleteRead as e:
            outcome = "cut", response.status, headers, e.partial
        except http.client.RemoteDisconnected:
            outcome = "closed", 0, {}, b""
        except http.client.HTTPException:
            outcome = "garbled", 0, {}, b""
        except ConnectionRefusedError:
            outcome = "refused", 0, {}, b""
        except TimeoutError:
            outcome = "late", 0, {}, b""
        except OSError:
            outcome = "closed", 0, {}, b""
        self.close()
        return outcome

    def ask(self, request):
        """An Answer. A connection that is closed while nothing is under way is no failure: as browsers do, it asks again."""
        began, used = time.monotonic(), self.connection is not None
        found = self.exchange(request)
        if found[0] == "closed" and used:
            found = self.exchange(request)
        return Answer(*found, began, time.monotonic())


class Load:
    """Clients that ask one request after the other, `rate` a second together at most, and hand each to note(request, answer)."""

    def __init__(self, port, note, clients=6, rate=60.0, timeout=120.0, seed=1, most=None, shares=None):
        self.port, self.note, self.timeout = port, note, timeout
        self.lock, self.ended = threading.Lock(), threading.Event()
        self.mix, self.pause, self.left = Mix(seed, shares), 1 / rate, most
        self.due = time.monotonic()
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(clients)]

    def turn(self):
        """The next request when it is time for it; None at the end."""
        with self.lock:
            if self.ended.is_set() or self.left == 0:
                return None
            if self.left is not None:
                self.left -= 1
            # what could not be asked in time is not asked later
            self.due = max(self.due + self.pause, time.monotonic() - 1)
            request, due = self.mix.next(), self.due
        self.ended.wait(max(0.0, due - time.monotonic()))
        return request

    def work(self):
        client = Client(self.port, self.timeout)
        while (request := self.turn()) is not None:
            answer = client.ask(request)
            with self.lock:
                self.mix.learn(request, answer)
            self.note(request, answer)
        client.close()

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def wait(self):
        for thread in self.threads:
            thread.join()

    def stop(self):
        self.ended.set()
        self.wait()


def server_and_origin(*options):
    """A server for such requests, not started yet, and the origin of its foreign images."""
    origin = start_origin(Origin)
    server = Server(*options)
    prepare(server, origin.server_port)
    return server, origin


def expected_grid(x, y, wid, hei):
    """The pixels of a fresh request."""
    return samples.grid(*GRID)[y:y + hei, x:x + wid]
