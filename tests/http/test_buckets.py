"""Companies whose originals are in buckets, and origins that do things wrong on purpose: a server of the tests' own, which
checks signatures by itself (origins.py)."""

import atexit
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

from origins import Origin, Thing, color_of, picture
from server import PROJECT, Server, run
from waiting import PATIENCE, at_once, wait_until

KEY, SECRET, TOKEN = "AKIATESTTESTTEST", "secret/With+Signs", "token//of+a=session"
BUCKET = """
[source assets]
Bucket = pictures
Region = eu-west-1
Endpoint = http://{endpoint}
PathStyle = {path}
Prefix = masters/
Private = true
Credentials = {credentials}
"""


class Buckets(unittest.TestCase):
    server = None

    @classmethod
    def prepare(cls, root, companies):
        cls.origin = Origin(keys={KEY: SECRET}, region="eu-west-1")
        atexit.register(cls.origin.__exit__)
        cls.keys = companies.parent / "s3.keys"
        cls.keys.write_text(f"# of the test\nAccessKeyId = {KEY}\nSecretAccessKey = {SECRET}\n")
        cls.keys.chmod(0o600)
        wrong = companies.parent / "wrong.keys"
        wrong.write_text(f"[default]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET[::-1]}\n")
        here = f"127.0.0.1:{cls.origin.port}"
        made = {"bucket": ("true", here, f"file:{cls.keys}"), "hosted": ("false", f"localhost:{cls.origin.port}", f"file:{cls.keys}"),
                "strange": ("true", here, f"file:{wrong}"), "public": ("true", here, ""),
                "absent": ("true", here, f"file:{cls.keys}.none")}
        for name, (path, endpoint, keys) in made.items():
            (companies / f"{name}.ini").write_text(
                "Sources = assets\nRootPath = shop\n" + BUCKET.format(path=path, endpoint=endpoint, credentials=keys))
        for name in ("shoe.png", "with blank+plus&more.png", "schön (1)~'*!.png", "a/b/c.png"):
            cls.origin.things[f"pictures/masters/shop/{name}"] = Thing(picture("red"))

    def test_signed(self):
        reply = self.server.image("bucket/shoe.png?fmt=png")
        self.assertEqual((reply.status, color_of(reply)), (200, "red"), (reply, self.origin.mistakes))

    def test_names(self):
        for name in ("with%20blank%2Bplus%26more.png", "sch%C3%B6n%20(1)~'*!.png", "a/b/c.png"):
            with self.subTest(name):
                reply = self.server.image(f"bucket/{name}?fmt=png")
                self.assertEqual((reply.status, color_of(reply)), (200, "red"), (reply, self.origin.mistakes[-1:]))

    def test_virtual_host(self):
        """The bucket is part of the host's name."""
        reply = self.server.image("hosted/shoe.png?fmt=png")
        self.assertEqual((reply.status, color_of(reply)), (200, "red"), (reply, self.origin.mistakes[-1:]))

    def test_missing(self):
        self.assertEqual(self.server.image("bucket/none.png").status, 403)

    def test_wrong_keys(self):
        """Neither is the image missing, nor does anything tell of the keys."""
        for company in ("strange", "public", "absent"):
            with self.subTest(company):
                reply = self.server.image(f"{company}/shoe.png?fmt=png")
                self.assertEqual(reply.status, 503, reply)
        log = self.server.log.read_text()
        self.assertIn("source assets: where originals come from refuses (status 403)", log)
        for secret in (SECRET, SECRET[::-1], KEY, "s3.keys"):
            self.assertNotIn(secret, log)


class KeysOfEnvironment(unittest.TestCase):
    def test_session(self):
        with Origin(keys={KEY: SECRET}, region="eu-west-1", token=TOKEN) as origin:
            origin.things["pictures/masters/shop/shoe.png"] = Thing(picture("red"))
            server = Server()
            (server.config / "companies/shop.ini").write_text("Sources = assets\n" + BUCKET.format(
                path="true", endpoint=f"127.0.0.1:{origin.port}", credentials="environment"))
            os.environ.update(AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET, AWS_SESSION_TOKEN=TOKEN)
            try:
                server.start()
            finally:
                for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
                    del os.environ[name]
            try:
                reply = server.image("shop/shoe.png?fmt=png")
                self.assertEqual((reply.status, color_of(reply)), (200, "red"), (reply, origin.mistakes))
                for pid in [server.process.pid, *server.children()]:
                    self.assertNotIn(SECRET.encode(), pathlib.Path(f"/proc/{pid}/environ").read_bytes())
            finally:
                server.stop()


class Metadata(http.server.BaseHTTPRequestHandler):
    """What EC2 and ECS tell of a role; keys of the second version of a service only."""

    def log_message(self, *_):
        pass

    def say(self, body, status=200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        known = self.path == "/latest/api/token" and self.headers.get("X-aws-ec2-metadata-token-ttl-seconds")
        self.say(b"a-token", 200 if known else 400)

    def do_GET(self):
        keys = {"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": KEY, "SecretAccessKey": SECRET, "Token": TOKEN,
                "Expiration": "2099-01-01T00:00:00Z", "Number": 7}
        if self.path == "/container":
            allowed = self.headers.get("Authorization") == "Basic of-the-task"
            return self.say(json.dumps(keys).encode(), 200 if allowed else 401)
        if self.headers.get("X-aws-ec2-metadata-token") != "a-token":
            return self.say(b"", 401)
        roles = "/latest/meta-data/iam/security-credentials/"
        return self.say(b"images-role\n" if self.path == roles else json.dumps(keys, indent=1).encode()
                        if self.path == roles + "images-role" else b"")


class KeysOfInstance(unittest.TestCase):
    def ask(self, **environment):
        with Origin(keys={KEY: SECRET}, region="eu-west-1", token=TOKEN) as origin:
            origin.things["pictures/masters/shop/shoe.png"] = Thing(picture("red"))
            server = Server()
            (server.config / "companies/shop.ini").write_text("Sources = assets\n" + BUCKET.format(
                path="true", endpoint=f"127.0.0.1:{origin.port}", credentials="instance"))
            before = dict(os.environ)
            os.environ.update(environment)
            try:
                server.start()
            finally:
                os.environ.clear()
                os.environ.update(before)
            try:
                return server.image("shop/shoe.png?fmt=png"), origin.mistakes
            finally:
                server.stop()

    def test_instance(self):
        service = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
        threading.Thread(target=service.serve_forever, daemon=True).start()
        here = f"http://127.0.0.1:{service.server_port}"
        try:
            for environment in ({"AWS_EC2_METADATA_SERVICE_ENDPOINT": here + "/"},
                                {"AWS_CONTAINER_CREDENTIALS_FULL_URI": here + "/container",
                                 "AWS_CONTAINER_AUTHORIZATION_TOKEN": "Basic of-the-task"}):
                with self.subTest(environment):
                    reply, mistakes = self.ask(**environment)
                    self.assertEqual((reply.status, mistakes), (200, []), reply)
            reply, _ = self.ask(AWS_CONTAINER_CREDENTIALS_FULL_URI=here + "/container")
            self.assertEqual(reply.status, 503)
        finally:
            service.shutdown()
            service.server_close()


class OddOrigins(unittest.TestCase):
    """What each does wrong is in `wrong`: the status that comes of it, and why."""
    server = None

    @classmethod
    def prepare(cls, root, companies):
        cls.origin, cls.other = Origin(), Origin()
        atexit.register(cls.origin.__exit__)
        atexit.register(cls.other.__exit__)
        (companies / "wayward.ini").write_text(
            "Sources = wayward\n[source wayward]\n"
            f"Url = http://127.0.0.1:{cls.origin.port}\nPrivate = true\nMaxSize = 1\nTotalMs = 4000\nIdleMs = 1000\n"
            "Fresh = 3600\nMissing = 0\n")
        (companies / "patient.ini").write_text(
            "Sources = wayward\nRootPath = wayward\n[source wayward]\n"
            f"Url = http://127.0.0.1:{cls.origin.port}\nPrivate = true\nTotalMs = 60000\nIdleMs = 30000\nRetries = 3\n"
            "ForbiddenIsMissing = true\n")
        (companies / "shut.ini").write_text(
            f"Sources = wayward\nRootPath = wayward\n[source wayward]\nUrl = http://127.0.0.1:{cls.origin.port}\n")
        for origin in (cls.origin, cls.other):
            origin.things["wayward/fine.png"] = Thing(picture("red"))

    def put(self, name, **how):
        thing = Thing(how.pop("body", picture("red")), **how)
        self.origin.things[f"wayward/{name}.png"] = thing
        return thing

    def get(self, name, company="wayward"):
        return self.server.image(f"{company}/{name}.png?fmt=png")

    def assert_not_told(self, reply):
        """503, which says nothing of the image."""
        self.assertEqual(reply.status, 503, reply)
        self.assertEqual(reply.headers.get("retry-after"), "1", reply)

    def test_short_then_whole(self):
        self.put("short", wrong="short", more=2)
        reply = self.get("short", "patient")
        self.assertEqual((reply.status, color_of(reply)), (200, "red"))
        self.assertEqual(self.origin.asked("wayward/short.png", "GET"), 3)

    def test_always_short(self):
        self.put("always_short", wrong="short", more=99)
        self.assert_not_told(self.get("always_short"))

    def test_cut(self):
        """A body that is less than there was is another state, and no whole picture."""
        self.put("cut", wrong="cut")
        self.assertEqual(self.get("cut").status, 403)

    def test_slow(self):
        self.put("drip", wrong="drip")
        self.assert_not_told(self.get("drip"))

    def test_silent(self):
        self.put("silent", wrong="silent")
        self.assert_not_told(self.get("silent"))

    def test_slow_down(self):
        self.put("slowdown", wrong="slowdown", more=2)
        self.assertEqual(self.get("slowdown", "patient").status, 200)
        self.assertEqual(self.origin.asked("wayward/slowdown.png", "HEAD"), 3)
        self.put("slower", wrong="slowdown", more=99)
        self.assert_not_told(self.get("slower"))
        self.assertEqual(self.origin.asked("wayward/slower.png", "HEAD"), 3)

    def test_statuses(self):
        for status, tries in ((400, 1), (401, 1), (402, 1), (403, 1), (429, 3), (500, 3), (502, 3), (504, 3)):
            with self.subTest(status):
                self.put(f"status{status}", wrong="status", more=status)
                self.assert_not_told(self.get(f"status{status}"))
                self.assertEqual(self.origin.asked(f"wayward/status{status}.png"), tries)
        for status in (404, 410):
            self.put(f"status{status}", wrong="status", more=status)
            self.assertEqual(self.get(f"status{status}").status, 403)

    def test_forbidden_is_missing(self):
        self.put("forbidden", wrong="status", more=403)
        self.assertEqual(self.get("forbidden", "patient").status, 403)

    def test_redirects(self):
        """To other paths of the same server only."""
        elsewhere = f"http://127.0.0.1:{self.other.port}/wayward/fine.png"
        self.put("region", wrong="region", more=elsewhere)
        self.put("elsewhere", wrong="elsewhere", more=elsewhere)
        self.put("moved", wrong="elsewhere", more="/wayward/fine.png")
        self.put("loop", wrong="elsewhere", more="/wayward/loop.png")
        for name in ("region", "elsewhere", "loop"):
            with self.subTest(name):
                self.assert_not_told(self.get(name))
        self.assertEqual(self.other.log, [])
        self.assertEqual(self.get("moved").status, 200)
        self.assertIn("eu-central-1", self.server.log.read_text())

    def test_changed_between(self):
        """What came is sent, and not kept; the next request knows better."""
        later = Thing(picture("blue"))
        self.put("changing", wrong="changing", more=later)
        reply = self.get("changing")
        self.assertEqual((reply.status, color_of(reply)), (200, "blue"))
        for cache in ("miss", "hit"):
            reply = self.get("changing")
            self.assertEqual((reply.headers["x-cache"], color_of(reply)), (cache, "blue"))

    def test_unmodified(self):
        self.put("unmodified", wrong="unmodified")
        self.assert_not_told(self.get("unmodified"))

    def test_huge(self):
        self.put("huge", wrong="huge")
        self.put("told_huge", wrong="told_huge")
        reply = self.get("huge")
        self.assertEqual((reply.status, b"larger than MaxSize" in reply.body), (403, True), reply)
        reply = self.get("told_huge")
        self.assertEqual(reply.status, 503, reply)

    def test_page(self):
        self.put("page", wrong="page")
        self.assert_not_told(self.get("page"))

    def test_head(self):
        for name in ("no_head", "bare_head", "bare"):
            with self.subTest(name):
                self.put(name, wrong=name)
                reply = self.get(name)
                self.assertEqual((reply.status, color_of(reply)), (200, "red"))
                self.assertEqual(self.get(name).headers["x-cache"], "hit")

    def test_empty(self):
        self.put("empty", wrong="empty")
        self.assertEqual(self.get("empty").status, 403)

    def test_private_address(self):
        self.put("private")
        self.assertEqual(self.get("private", "shut").status, 503)
        self.assertEqual(self.origin.asked("wayward/private.png"), 0)

    def test_client_leaves(self):
        """Who waits for an origin and goes, is forgotten; the others are answered."""
        self.put("left", wrong="silent")
        with socket.create_connection(("127.0.0.1", self.server.port)) as s:
            s.sendall(b"GET /is/image/wayward/left.png HTTP/1.1\r\nHost: x\r\n\r\n")
            wait_until(lambda: self.origin.asked("wayward/left.png"), "the question")
        self.assertEqual(self.get("fine").status, 200)


class Held(unittest.TestCase):
    """What happens while requests wait for an origin."""

    def test_reload(self):
        """Who waits in a worker of nginx that is to end is answered all the same."""
        go = threading.Event()
        with Origin() as origin:
            origin.things["shop/shoe.png"] = Thing(picture("red"), wrong="held", more=go)
            origin.things["shop/sole.png"] = Thing(picture("blue"))
            server = Server()
            file = server.config / "companies/shop.ini"
            file.write_text(f"Sources = far\n[source far]\nUrl = http://127.0.0.1:{origin.port}\nPrivate = true\n")
            with server:
                replies = []

                def reload():
                    wait_until(lambda: origin.asked("shop/shoe.png"), "the question")
                    before = {pid for pid, name in server.children().items() if name == "nginx"}
                    server.process.send_signal(signal.SIGHUP)
                    wait_until(lambda: {pid for pid, name in server.children().items() if name == "nginx"} - before,
                               "new workers")
                    wait_until(lambda: server.image("shop/sole.png").status == 200, "another request")
                    go.set()

                at_once(lambda i: replies.append(server.image(f"shop/shoe.png?wid={20 + i}&fmt=png")), 6, reload)
                self.assertEqual([r.status for r in replies], [200] * 6, replies)
                self.assertNotIn("open socket", server.log.read_text())

    def test_http2(self):
        go = threading.Event()
        with Origin() as origin:
            origin.things["shop/shoe.png"] = Thing(picture("red"), wrong="held", more=go)
            server = Server()
            (server.config / "companies/shop.ini").write_text(
                f"Sources = far\n[source far]\nUrl = http://127.0.0.1:{origin.port}\nPrivate = true\n")
            with server:
                address = f"https://127.0.0.1:{server.tls_port}/is/image/shop/shoe.png?fmt=png&wid="
                with subprocess.Popen(["curl", "-sSk", "--http2", "-Z", "-o", "/dev/null", "-o", "/dev/null", "-w",
                                       "%{http_version} %{http_code} ", address + "20", address + "21"],
                                      stdout=subprocess.PIPE, text=True) as curl:
                    wait_until(lambda: origin.asked("shop/shoe.png"), "the question")
                    go.set()
                    self.assertEqual(curl.communicate(timeout=PATIENCE)[0], "2 200 2 200 ")


class Documented(unittest.TestCase):
    """What docs/sources.md shows works: each configuration, but for the addresses of its servers and keys."""

    def test_page(self):
        page = (PROJECT / "docs/sources.md").read_text()
        blocks = re.findall(r"```ini\n# (\S+?)[:,]?(?: [^\n]*)?\n(.*?)```", page, re.DOTALL)
        keys = [text for name, text in blocks if name.endswith(".keys")]
        companies = [(name, text) for name, text in blocks if name.startswith("companies/")]
        self.assertEqual((len(keys), len(companies)), (1, 4))
        secrets = dict(line.split(" = ") for line in keys[0].strip().splitlines())
        key, secret = secrets["AccessKeyId"], secrets["SecretAccessKey"]
        for name, text in companies:
            with self.subTest(text), Origin() as plain, tempfile.TemporaryDirectory() as folder, \
                    Origin(keys={key: secret}, region="eu-west-1" if "eu-west-1" in text else "us-east-1") as bucket:
                file = pathlib.Path(folder) / "keys"
                file.write_text(keys[0])
                text = text.replace("https://pictures.example", f"http://127.0.0.1:{plain.port}")
                text = text.replace("Url = ", "Private = true\nUrl = ")
                text = text.replace("https://s3.example", f"http://127.0.0.1:{bucket.port}")
                text = text.replace("instance", "environment")  # test_instance has that
                text = text.replace("file:/etc/smartimg/shop.keys", f"file:{file}")
                if "Endpoint" not in text:
                    text = text.replace("Bucket = ", f"Private = true\nEndpoint = http://localhost:{bucket.port}\nBucket = ")
                for origin, path in ((plain, "masters/shop/shoe.jpg"), (bucket, "pictures/shop/shoe.jpg"),
                                     (bucket, "pictures/masters/shoe.jpg")):
                    origin.things[path] = Thing(picture("red", kind="JPEG"), kind="image/jpeg")
                server = Server()
                (server.config / name).write_text(text)
                if "default" in name:
                    (server.config / "companies/shop.ini").write_text("")
                before = dict(os.environ)
                os.environ.update(AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret)
                try:
                    server.start()
                finally:
                    os.environ.clear()
                    os.environ.update(before)
                try:
                    reply = server.image("shop/shoe.jpg?fmt=png")
                    self.assertEqual((reply.status, bucket.mistakes), (200, []), (reply, text))
                    self.assertEqual(color_of(reply), "red")
                finally:
                    server.stop()


class TlsOrigins(unittest.TestCase):
    def test_certificates(self):
        """One that nobody vouches for is no origin; a connection that is cut is no original."""
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                            "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                            f"{folder}/key.pem", "-out", f"{folder}/cert.pem"], check=True, capture_output=True)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(f"{folder}/cert.pem", f"{folder}/key.pem")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                            "-days", "2", "-subj", "/CN=other", "-keyout", f"{folder}/other.key", "-out", f"{folder}/other.pem"],
                           check=True, capture_output=True)
            os.chmod(folder, 0o755)
            with Origin(tls=context) as origin:
                origin.things["shop/shoe.png"] = Thing(picture("red"))
                server = Server()
                for name, vouches in (("unvouched", ""), ("vouched", "cert.pem"), ("otherwise", "other.pem"), ("lost", "no.pem"),
                                      ("secret", "key.pem")):
                    (server.config / f"companies/{name}.ini").write_text(
                        f"RootPath = shop\nSources = {name}\n[source {name}]\nUrl = https://127.0.0.1:{origin.port}\n"
                        f"Private = true\nRetries = 0\n" + (f"CaFile = {folder}/{vouches}\n" if vouches else ""))
                with server:
                    self.assertEqual({name: server.image(f"{name}/shoe.png?fmt=png").status for name in
                                      ("unvouched", "vouched", "otherwise", "lost", "secret")},
                                     {"unvouched": 503, "vouched": 200, "otherwise": 503, "lost": 503, "secret": 503})
                    log = server.log.read_text()
                    self.assertIn("source lost: CaFile cannot be opened: No such file or directory", log)
                    self.assertIn("source secret: there is no certificate in PEM in CaFile", log)
                    explained = run("explain", "/is/image/vouched/shoe.png?fmt=png", "--config", server.config, "--root",
                                    server.root)
                    self.assertEqual(explained.returncode, 0, explained.stderr)


if __name__ == "__main__":
    unittest.main()
