"""A web site for tests of client scripts: pages that a test sets, the files of web/, and images that are recorded."""

import pathlib
import re
import struct
import sys
import time
import zlib

PROJECT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT / "tests/browsers"), str(PROJECT / "tests/http")]
from server import QuietHandler, start_origin  # noqa: E402


def png(width, height, filler=0):
    """A gray PNG, with so many bytes that mean nothing."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress((b"\0" + b"\x80" * width) * height)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
            + chunk(b"fiLl", b"." * filler) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


class Site:
    """Listens as 127.0.0.1 and as localhost, which are two hosts to a browser. Names of images below /is/image/ tell
    how they come: `refused` with status 500 and `cut` not at all if the query has dpr=, `slow` in small pieces, `open`
    and `timed` with headers that let others read them and their times."""

    def __init__(self):
        self.pages, self.asked = {}, []
        site = self

        class Handler(QuietHandler):
            def do_GET(self):
                site.answer(self)

            do_POST = do_GET

        self.server = start_origin(Handler)
        self.server.handle_error = lambda *_: None  # browsers hang up as they like
        self.port = self.server.server_port
        self.here, self.there = (f"http://{host}:{self.port}" for host in ("127.0.0.1", "localhost"))

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def page(self, path, body, **headers):
        """Sets what a path, or a whole URL, is: HTML, or a script if its name says so."""
        self.pages[path] = (body, headers)

    def answer(self, request):
        path, _, query = request.path.partition("?")
        headers = {"Content_Type": "text/javascript" if path.endswith(".js") else "text/html", "Cache_Control": "no-store"}
        if path.startswith("/is/image/") or "aem_dm_dpr_" in path:
            return self.image(request, path.rsplit("/", 1)[1], query)
        page = self.pages.get(f"http://{request.headers['Host']}{path}", self.pages.get(path))
        if page:
            body, more = page
            return request.answer(body.encode(), **{**headers, **more})
        file = PROJECT / "web" / path[1:]
        if file.is_file():
            return request.answer(file.read_bytes(), **headers)
        return request.answer(b"", 404, **headers)

    def image(self, request, name, query):
        headers = {key.lower(): value for key, value in request.headers.items()}
        self.asked.append((f"http://{headers['host']}{request.path}", {**headers, "method": request.command}))
        if "dpr=" in query and "cut" in name:
            request.close_connection = True
            return
        width = int((re.findall(r"\bwid=(\d+)", query) or ["10"])[0])
        refused = "dpr=" in query and "refused" in name
        body = b"no" if refused else png(width, width // 2 + 1, 9000 if "slow" in name else 0)
        request.send_response(500 if refused else 200)
        request.send_header("Content-Type", "text/plain" if refused else "image/png")
        request.send_header("Content-Length", str(len(body)))
        request.send_header("Cache-Control", "no-store")
        if "open" in name:
            request.send_header("Access-Control-Allow-Origin", "*")
        if "timed" in name:
            request.send_header("Timing-Allow-Origin", "*")
        request.end_headers()
        pieces = 10 if "slow" in name else 1
        for i in range(pieces):
            request.wfile.write(body[len(body) * i // pieces:len(body) * (i + 1) // pieces])
            request.wfile.flush()
            if pieces > 1:
                time.sleep(0.05)  # 0.16 Mbit/s, or less
