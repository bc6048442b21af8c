"""Origins for tests: Debian's nginx with a folder, and a server of the tests' own that speaks as an http origin and as
S3 does, checks signatures by itself, and does wrong what it is told to."""

import calendar
import datetime
import email.utils
import hashlib
import hmac
import http.server
import io
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
import urllib.parse

import PIL.Image

from ports import free_port
from waiting import PATIENCE, wait_until

NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")


def picture(color, size=(80, 60), kind="PNG"):
    out = io.BytesIO()
    PIL.Image.new("RGB", size, color).save(out, kind)
    return out.getvalue()


def color_of(reply):
    """The colour in the middle of a reply, as one of the names of picture(), or its three numbers."""
    image = PIL.Image.open(io.BytesIO(reply.body)).convert("RGB")
    pixel = image.getpixel((image.width // 2, image.height // 2))
    names = {"red": (255, 0, 0), "lime": (0, 255, 0), "blue": (0, 0, 255), "white": (255, 255, 255), "black": (0, 0, 0)}
    for name, rgb in names.items():
        if all(abs(a - b) < 12 for a, b in zip(pixel, rgb)):
            return name
    return pixel


class NginxOrigin:
    """nginx that serves `folder`, and writes down what it was asked. Use as a context manager."""

    def __init__(self):
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-origin-"))
        self.folder = self.place / "files"
        self.folder.mkdir()
        self.port = free_port()
        self.log = self.place / "access.log"
        self.process = None
        user = "user root;\n" if os.geteuid() == 0 else ""
        (self.place / "nginx.conf").write_text(f"""daemon off; {user}
worker_processes 1; pid {self.place}/pid; error_log {self.place}/error.log;
events {{ }}
http {{
    log_format asked '$request_method $request_uri $status';
    access_log {self.log} asked;
    client_body_temp_path {self.place}/body; proxy_temp_path {self.place}/proxy;
    fastcgi_temp_path {self.place}/fastcgi; uwsgi_temp_path {self.place}/uwsgi; scgi_temp_path {self.place}/scgi;
    server {{ listen 127.0.0.1:{self.port}; root {self.folder}; }}
}}
""")

    def listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), PATIENCE).close()
        except OSError:
            return False
        return True

    def __enter__(self):
        self.process = subprocess.Popen([NGINX, "-p", self.place, "-e", self.place / "error.log", "-c",
                                         self.place / "nginx.conf"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.listens, "nginx as an origin")
        return self

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(PATIENCE)
            self.process = None

    def __exit__(self, *error):
        self.stop()
        shutil.rmtree(self.place, ignore_errors=True)

    def put(self, path, body, seconds=None):
        """Writes a file in the place of another, as of that time."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        (self.place / "new").write_bytes(body)
        if seconds is not None:
            os.utime(self.place / "new", (seconds, seconds))
        os.replace(self.place / "new", file)

    def asked(self, word=""):
        """Lines "METHOD PATH STATUS" of what it was asked with that word in them."""
        return [line for line in self.log.read_text().splitlines() if word in line] if self.log.exists() else []


# ---- the tests' own ----

class Thing:
    """Something to be had: `wrong` names a method wrong_… of Handler, `more` is for that."""

    def __init__(self, body, wrong=None, etag=None, modified=None, kind="image/png", more=None):
        self.body, self.wrong, self.kind, self.more = body, wrong, kind, more
        self.etag = '"' + hashlib.md5(body).hexdigest() + '"' if etag is None else etag
        self.modified = time.time() // 1 - 1000 if modified is None else modified


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do()

    def do_GET(self):
        self.do()

    def do(self):
        origin = self.server.origin
        path = urllib.parse.unquote(self.path.split("?")[0])[1:]
        bucket, dot, rest = self.headers.get("Host", "").partition(".localhost")
        path = f"{bucket}/{path}" if dot else path
        thing = origin.things.get(path)
        with origin.lock:
            origin.log.append((self.command, path))
            count = sum(1 for line in origin.log if line == (self.command, path))
        try:
            why = origin.refusal(self)
            if why:
                self.say(403, f"<Error><Code>{why}</Code></Error>".encode(), kind="application/xml")
            elif origin.down:
                self.close_connection = True
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            elif thing is None:
                self.say(404, b"<Error><Code>NoSuchKey</Code></Error>", kind="application/xml")
            elif thing.wrong:
                getattr(self, "wrong_" + thing.wrong)(thing, count)
            else:
                self.send(thing)
        except OSError:
            self.close_connection = True

    def say(self, status, body=b"", kind="text/plain", length=None, **headers):
        self.send_response(status)
        headers.setdefault("Content_Length", str(len(body) if length is None else length))
        headers.setdefault("Content_Type", kind)
        for name, value in headers.items():
            if value:
                self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send(self, thing, **headers):
        fields = {"ETag": thing.etag}
        if thing.modified:
            fields["Last_Modified"] = email.utils.formatdate(thing.modified, usegmt=True)
        self.say(200, thing.body, thing.kind, **{**fields, **headers})

    # ---- what may be wrong ----

    def wrong_short(self, thing, count):
        """A body that ends in its middle, with the connection; twice, then whole."""
        if self.command == "GET" and count <= thing.more:
            self.send_response(200)
            self.send_header("Content-Length", str(len(thing.body)))
            self.send_header("ETag", thing.etag)
            self.end_headers()
            self.wfile.write(thing.body[:len(thing.body) // 2])
            self.close_connection = True
        else:
            self.send(thing)

    def wrong_cut(self, thing, count):
        """A length that is less than the body has."""
        half = thing.body[:len(thing.body) // 2]
        self.say(200, half if self.command == "GET" else thing.body, thing.kind, ETag=thing.etag)

    def wrong_drip(self, thing, count):
        """A byte every tenth of a second, until the other side has enough."""
        if self.command == "HEAD":
            return self.send(thing)
        self.send_response(200)
        self.send_header("Content-Length", str(len(thing.body)))
        self.send_header("ETag", thing.etag)
        self.end_headers()
        for byte in thing.body:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            if self.server.origin.ended.wait(0.1):
                return
        return None

    def wrong_held(self, thing, count):
        """Not before it is let go."""
        thing.more.wait(PATIENCE)
        self.send(thing)

    def wrong_silent(self, thing, count):
        """Nothing at all."""
        self.server.origin.ended.wait(PATIENCE)
        self.close_connection = True

    def wrong_slowdown(self, thing, count):
        """503 SlowDown, so often."""
        if count <= thing.more:
            self.say(503, b"<Error><Code>SlowDown</Code></Error>", kind="application/xml")
        else:
            self.send(thing)

    def wrong_status(self, thing, count):
        self.say(thing.more, b"<Error/>", kind="application/xml")

    def wrong_region(self, thing, count):
        """Another region's server is the one to ask."""
        self.say(301, b"<Error><Code>PermanentRedirect</Code></Error>", kind="application/xml",
                 x_amz_bucket_region="eu-central-1", Location=thing.more)

    def wrong_elsewhere(self, thing, count):
        self.say(302, b"", Location=thing.more)

    def wrong_changing(self, thing, count):
        """The original is replaced between HEAD and GET."""
        self.send(thing)
        if self.command == "HEAD" and thing.more is not None:
            self.server.origin.things[self.path[1:]] = thing.more

    def wrong_unmodified(self, thing, count):
        self.say(304, b"", Content_Length="", ETag=thing.etag)

    def wrong_huge(self, thing, count):
        """More than anybody wants, without saying so before."""
        if self.command == "HEAD":
            return self.say(200, b"", thing.kind, Content_Length="", ETag=thing.etag)
        self.send_response(200)
        self.send_header("ETag", thing.etag)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for _ in range(4096):
            self.wfile.write(b"\0" * 65536)
        return None

    def wrong_told_huge(self, thing, count):
        self.say(200, b"", thing.kind, length=1 << 40, ETag=thing.etag)

    def wrong_page(self, thing, count):
        self.say(200, b"<html><title>Login</title></html>", kind="text/html; charset=utf-8")

    def wrong_no_head(self, thing, count):
        """HEAD is not allowed; ranges are not known."""
        if self.command == "HEAD":
            self.say(405, b"")
        else:
            self.send(thing)

    def wrong_bare_head(self, thing, count):
        """HEAD tells neither length nor state; ranges are known."""
        if self.command == "HEAD":
            return self.say(200, b"", thing.kind, Content_Length="")
        if self.headers.get("Range") == "bytes=0-0":
            return self.say(206, thing.body[:1], thing.kind, Content_Range=f"bytes 0-0/{len(thing.body)}",
                            ETag=thing.etag)
        return self.send(thing)

    def wrong_bare(self, thing, count):
        """Neither ETag nor Last-Modified."""
        self.say(200, thing.body, thing.kind)

    def wrong_empty(self, thing, count):
        self.say(200, b"", thing.kind, ETag=thing.etag)


class Quiet(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_):
        pass  # connections that end as they should not


class Origin:
    """Use as a context manager. `keys`: {id: secret} of those who may ask, with SigV4 for `region`; None = everybody."""

    def __init__(self, keys=None, region="us-east-1", token=None, tls=None, address=("127.0.0.1", 0)):
        self.things, self.log, self.lock, self.ended = {}, [], threading.Lock(), threading.Event()
        self.keys, self.region, self.token, self.down = keys, region, token, False
        self.mistakes = []  # in signatures
        self.server = Quiet(address, Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.server.origin = self
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.ended.set()
        self.server.shutdown()
        self.server.server_close()

    def asked(self, path, method=None):
        with self.lock:
            return sum(1 for m, p in self.log if p == path and method in (None, m))

    # ---- AWS Signature Version 4, as Amazon's documentation has it ----

    def refusal(self, request):
        """What S3 would call what is wrong with a signature; None = nothing."""
        if self.keys is None:
            return None
        why = self.check(request)
        if why:
            with self.lock:
                self.mistakes.append((why, request.path, dict(request.headers)))
        return why

    def check(self, request):
        header = request.headers.get("Authorization", "")
        if not header.startswith("AWS4-HMAC-SHA256 "):
            return "AccessDenied"
        parts = dict(part.strip().split("=", 1) for part in header[len("AWS4-HMAC-SHA256 "):].split(","))
        key, date, region, service, end = parts["Credential"].split("/")
        stamp = request.headers.get("x-amz-date", "")
        now = calendar.timegm(datetime.datetime.utcnow().utctimetuple())
        try:
            then = calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
        except ValueError:
            return "AccessDenied"
        if request.headers.get("x-amz-content-sha256") != hashlib.sha256(b"").hexdigest():
            return "InvalidRequest"  # as real services want it
        if key not in self.keys:
            return "InvalidAccessKeyId"
        if abs(now - then) > 900 or not stamp.startswith(date):
            return "RequestTimeTooSkewed"
        if (region, service, end) != (self.region, "s3", "aws4_request"):
            return "AuthorizationHeaderMalformed"
        if self.token and request.headers.get("x-amz-security-token") != self.token:
            return "InvalidToken"
        signed = parts["SignedHeaders"].split(";")
        needed = {"host", "x-amz-date"} | {n.lower() for n in request.headers if n.lower().startswith("x-amz-")}
        if signed != sorted(signed) or not needed <= set(signed):
            return "AccessDenied"
        return None if self.signature(request, signed, stamp, self.keys[key]) == parts["Signature"] \
            else "SignatureDoesNotMatch"

    def signature(self, request, signed, stamp, secret):
        path, _, query = request.path.partition("?")
        fields = sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))
        # S3 takes the path as it would be encoded once
        plain = urllib.parse.quote(urllib.parse.unquote(path), safe="/-_.~")
        payload = request.headers.get("x-amz-content-sha256", hashlib.sha256(b"").hexdigest())
        canonical = "\n".join([
            request.command, plain,
            "&".join(f"{urllib.parse.quote(n, safe='-_.~')}={urllib.parse.quote(v, safe='-_.~')}" for n, v in fields),
            *(f"{name}:{' '.join(request.headers[name].split())}" for name in signed), "", ";".join(signed), payload])
        scope = f"{stamp[:8]}/{self.region}/s3/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = ("AWS4" + secret).encode()
        for part in (stamp[:8], self.region, "s3", "aws4_request"):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
