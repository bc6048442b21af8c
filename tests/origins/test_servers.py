#!/usr/bin/env python3
"""Originals in buckets of S3 services that others wrote: versitygw and moto, each in the version that is named here.

They come from the Go module proxy and from PyPI, into a folder of the user's cache, if they are not there yet. Objects are
put there by curl, whose signatures are its own."""

import hashlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "http"))
from origins import color_of, picture  # noqa: E402
from ports import free_port  # noqa: E402
from server import Server  # noqa: E402
from waiting import PATIENCE, at_once, wait_until  # noqa: E402

CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "smartimg"
VERSITYGW = "github.com/versity/versitygw/cmd/versitygw@v1.8.0"
MOTO = "moto[server,s3]==5.2.1"
KEY, SECRET = "AKIATESTTESTTEST", "secret/With+Signs"


def install(name, command):
    """The folder that the command has filled, once."""
    folder = CACHE / name
    if not (folder / ".complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        subprocess.run(command(folder), check=True, env=dict(os.environ, GOBIN=str(folder)))
        (folder / ".complete").touch()
    return folder


class Service:
    """A server on a free port. Use as a context manager."""

    def __enter__(self):
        self.port = free_port()
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-s3-"))
        self.log = open(self.place / "log", "w")
        self.process = subprocess.Popen(self.command(), stdout=self.log, stderr=self.log, env=self.environment())

        def listens():
            assert self.process.poll() is None, (self.place / "log").read_text()[-2000:]
            try:
                socket.create_connection(("127.0.0.1", self.port), PATIENCE).close()
            except OSError:
                return False
            return True

        wait_until(listens, "the service to listen")
        self.curl("PUT", "")
        return self

    def environment(self):
        return dict(os.environ)

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)

    def __exit__(self, *error):
        self.stop()
        self.log.close()
        shutil.rmtree(self.place, ignore_errors=True)

    def curl(self, method, name, body=None):
        command = ["curl", "-sS", "--fail-with-body", "-X", method, "--aws-sigv4", "aws:amz:us-east-1:s3", "--user",
                   f"{KEY}:{SECRET}", "--path-as-is", f"http://127.0.0.1:{self.port}/pictures/{name}".rstrip("/")]
        if body is None:
            command += ["-H", "x-amz-content-sha256: " + hashlib.sha256(b"").hexdigest()]
        else:
            file = self.place / "body"
            file.write_bytes(body)
            command += ["-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "-H", "Content-Type: image/png", "-T", file]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, (command, done.stdout, done.stderr)


class Versitygw(Service):
    def command(self):
        program = install("versitygw", lambda folder: ["go", "install", VERSITYGW]) / "versitygw"
        (self.place / "store").mkdir()
        return [program, "--port", f"127.0.0.1:{self.port}", "--access", KEY, "--secret", SECRET, "posix",
                self.place / "store"]


class Moto(Service):
    def command(self):
        folder = install("moto", lambda folder: [sys.executable, "-m", "pip", "install", "--quiet", "--target", folder, MOTO])
        self.folder = folder
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]

    def environment(self):
        return dict(os.environ, PYTHONPATH=str(self.folder))


class Buckets:
    """What both are asked."""
    verifies = False  # signatures

    def site(self, service, secret=SECRET, more=""):
        server = Server()
        keys = server.config / "keys"
        keys.write_text(f"AccessKeyId = {KEY}\nSecretAccessKey = {secret}\n")
        (server.config / "companies/shop.ini").write_text(
            "Sources = assets\n[source assets]\nBucket = pictures\nPathStyle = true\nPrivate = true\nExtensions = .png\n"
            f"Endpoint = http://127.0.0.1:{service.port}\nCredentials = file:{keys}\nMissing = 0\n" + more)
        return server

    def test_pictures(self):
        with self.service() as service:
            service.curl("PUT", "shop/shoe.png", picture("red", (400, 300)))
            service.curl("PUT", "shop/with%20blank%2Bplus.png", picture("lime"))
            service.curl("PUT", "shop/sch%C3%B6n%20%281%29~%27%2A%21.png", picture("lime"))
            with self.site(service) as server:
                for name, color in (("shoe", "red"), ("shoe.png", "red"), ("with%20blank%2Bplus", "lime"),
                                    ("sch%C3%B6n%20(1)~'*!.png", "lime")):
                    with self.subTest(name):
                        reply = server.image(f"shop/{name}?wid=20&fmt=png")
                        self.assertEqual((reply.status, color_of(reply)), (200, color), reply)
                self.assertEqual(server.image("shop/none").status, 403)

    def test_changed(self):
        with self.service() as service:
            service.curl("PUT", "shop/shoe.png", picture("red", (400, 300)))
            with self.site(service, more="Fresh = 0\n") as server:
                self.assertEqual(color_of(server.image("shop/shoe?wid=20&fmt=png")), "red")
                service.curl("PUT", "shop/shoe.png", picture("blue", (400, 300)))
                wait_until(lambda: color_of(server.image("shop/shoe?wid=20&fmt=png")) == "blue", "the changed original")
                service.curl("DELETE", "shop/shoe.png")
                wait_until(lambda: server.image("shop/shoe?wid=20&fmt=png").status == 403, "the end of the original")
                service.curl("PUT", "shop/shoe.png", picture("lime", (400, 300)))
                wait_until(lambda: server.image("shop/shoe?wid=20&fmt=png").status == 200, "its return")

    def test_stream(self):
        """Many originals at a time, each once."""
        with self.service() as service:
            for i in range(40):
                service.curl("PUT", f"shop/{i}.png", picture("red", (40 + i, 30)))
            with self.site(service) as server:
                replies = [None] * 160

                def ask(i):
                    replies[i] = server.image(f"shop/{i % 40}.png?wid={10 + i // 40}&fmt=png")

                at_once(ask, 160)
                self.assertEqual({r.status for r in replies}, {200}, server.log.read_text()[-2000:])

    def test_wrong_keys(self):
        with self.service() as service:
            service.curl("PUT", "shop/shoe.png", picture("red"))
            with self.site(service, secret=SECRET[::-1]) as server:
                self.assertEqual(server.image("shop/shoe.png").status, 503 if self.verifies else 200)

    def test_down(self):
        with self.service() as service:
            service.curl("PUT", "shop/shoe.png", picture("red"))
            with self.site(service) as server:
                self.assertEqual(server.image("shop/shoe.png?wid=20").status, 200)
                service.stop()
                self.assertEqual(server.image("shop/shoe.png?wid=21").status, 200)
                self.assertEqual(server.image("shop/other.png?wid=21").status, 503)


class VersitygwTest(Buckets, unittest.TestCase):
    service = Versitygw
    verifies = True


class MotoTest(Buckets, unittest.TestCase):
    service = Moto


if __name__ == "__main__":
    unittest.main(verbosity=2)
