#!/usr/bin/env python3
"""Renderers on other machines, here at addresses of the loopback: python3 tests/fleet/test_renderers.py [WORD...]"""

import collections
import http.server
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from fleet import COMPANY, Node, Originals  # noqa: E402
from network import Renderer  # noqa: E402
from origins import Origin, Thing, color_of, picture  # noqa: E402
from ports import free_port  # noqa: E402
from server import run  # noqa: E402
from waiting import wait_until  # noqa: E402

LANES = 4
Answer = collections.namedtuple("Answer", "body")


class Renderers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.mkdtemp(prefix="smartimg-renderers-")
        os.chmod(folder, 0o755)
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.folder = pathlib.Path(folder)
        self.originals = Originals(self.folder / "root")
        for i in range(24):
            self.originals.set(f"p{i}", i)
        self.key = self.folder / "seal.key"
        self.key.write_bytes(os.urandom(32))

    def renderer(self, number, *options, key=None, workers=1):
        """At an address of its own, so ports do not matter."""
        renderer = Renderer(self.originals, key or self.key, f"127.77.{os.getpid() % 250}.{number}", free_port(),
                            workers=workers, options=options).start()
        self.addCleanup(renderer.stop)
        return renderer

    def node(self, *renderers, options=()):
        node = Node(self.originals, None, "--renderers-at", ",".join(r.address for r in renderers), "--seal-key",
                    str(self.key), *options)
        self.addCleanup(node.stop)
        return node.start()

    def rendered(self, renderer):
        """How many answers its access log would have: connections that its workers took."""
        return renderer.log.read_text()

    def test_one(self):
        node = self.node(self.renderer(1))
        self.assertEqual(node.version("p3"), 3)
        self.assertEqual(node.ask("/readyz")[0], 200)
        self.assertNotIn("smartimg-render", node.names().values())

    def test_each_lane(self):
        """A picture that is dear, and one that is refined."""
        node = self.node(self.renderer(1, workers=2), options=["--refine-share", "50"])
        status, _, _ = node.ask(f"/is/image/{COMPANY}/p1?wid=900&hei=900&op_blur=100&fmt=png")
        self.assertEqual(status, 200)
        status, headers, _ = node.ask(f"/is/image/{COMPANY}/p2?bfc=on", headers={"Accept": "image/webp,*/*"})
        self.assertEqual(status, 200)
        self.assertIn("x-smart-imaging", headers)
        wait_until(lambda: (node.metric('smartimg_refinements_total{result="improved"}')
                            + node.metric('smartimg_refinements_total{result="kept"}')) > 0, "a refinement")

    def test_foreign_images(self):
        pictures = self.originals.root / COMPANY / "p5.png"

        class Origin(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                body = pictures.read_bytes()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Content-Type", "image/png")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        origin = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Origin)
        threading.Thread(target=origin.serve_forever, daemon=True).start()
        self.addCleanup(origin.server_close)
        self.addCleanup(origin.shutdown)
        conf = self.folder / "conf/companies"
        conf.mkdir(parents=True)
        (conf / f"{COMPANY}.ini").write_text("AllowDirectUrls = true\nForeignHosts = 127.0.0.1\n")
        renderer = self.renderer(1, "--foreign-private", "127.0.0.1")
        node = self.node(renderer, options=["--config", str(conf.parent)])
        status, _, body = node.ask(f"/is/image/{COMPANY}?src=(http://127.0.0.1:{origin.server_port}/x.png)&fmt=png")
        self.assertEqual(status, 200, body)
        self.assertEqual(renderer.end(), 0)
        self.assertNotIn("killed", renderer.log.read_text(), "the process of downloads ends, too")

    def test_originals_in_a_bucket(self):
        """The edge asks whether they are there, and which version; the machine that renders asks for them."""
        origin = self.enterContext(Origin(keys={"AKIATESTTESTTEST": "secret"}, region="eu-west-1"))
        name = f"pictures/{COMPANY}/shoe.png"
        origin.things[name] = Thing(picture("red"))
        conf = self.folder / "conf"
        (conf / "companies").mkdir(parents=True)
        keys = conf / "s3.keys"
        keys.write_text("AccessKeyId = AKIATESTTESTTEST\nSecretAccessKey = secret\n")
        keys.chmod(0o600)
        company = conf / f"companies/{COMPANY}.ini"
        company.write_text("")
        renderer = self.renderer(1, "--config", str(conf), "--originals-cache", str(self.folder / "originals"))
        node = self.node(renderer, options=["--config", str(conf)])
        url = f"/is/image/{COMPANY}/shoe.png?fmt=png"
        self.assertEqual(node.ask(url)[0], 403)
        company.write_text(f"""Sources = assets
[source assets]
Bucket = pictures
Endpoint = http://127.0.0.1:{origin.port}
Region = eu-west-1
PathStyle = true
Private = true
Fresh = 86400
Credentials = file:{keys}
""")
        renderer.process.send_signal(signal.SIGHUP)
        node.reload()
        wait_until(lambda: node.ask(url)[0] == 200, "the bucket's image")
        status, _, body = node.ask(url)
        self.assertEqual(status, 200, (body, node.log.read_text(), renderer.log.read_text()))
        self.assertEqual(color_of(Answer(body)), "red")
        self.assertTrue(list((self.folder / "originals").rglob("*")), "what was fetched is kept there")
        os.kill(node.child("smartimg-pool"), signal.SIGKILL)
        origin.things[name] = Thing(picture("blue"))
        done = run("purge", f"{COMPANY}/shoe.png", "--cache", node.cache, "--root", node.root, "--config", conf)
        self.assertEqual(done.returncode, 0, done.stderr)
        status, _, body = node.ask(url)
        self.assertEqual(status, 200, (body, node.log.read_text(), renderer.log.read_text()))
        self.assertEqual(color_of(Answer(body)), "blue")
        self.assertEqual(node.ask("/readyz")[0], 200)
        self.assertFalse([m for m in origin.mistakes if "without" in m], origin.mistakes)

    def test_other_key(self):
        """Who has not the key gets no picture."""
        other = self.folder / "other.key"
        other.write_bytes(os.urandom(32))
        node = self.node(self.renderer(1, key=other))
        status, _, body = node.ask(f"/is/image/{COMPANY}/p3?fmt=png")
        self.assertEqual((status, body), (403, b"request refused: the renderer has another key of seals than the server\n"))
        self.assertEqual(node.ask("/readyz")[0], 200)

    def test_machine_dies_and_comes_back(self):
        renderers = [self.renderer(i) for i in (1, 2, 3)]
        node = self.node(*renderers)
        for i in range(8):
            self.assertEqual(node.version(f"p{i}"), i)
        renderers[1].end(signal.SIGKILL)
        for i in range(8, 16):
            self.assertEqual(node.version(f"p{i}"), i)
        renderers[1].start()
        for i in range(16, 24):
            self.assertEqual(node.version(f"p{i}"), i)
        for renderer in renderers:
            renderer.end(signal.SIGKILL)
        status, headers, _ = node.ask(f"/is/image/{COMPANY}/p1?wid=5&fmt=png")
        self.assertEqual(status, 503)
        self.assertIn("retry-after", headers)
        self.assertEqual(node.version("p1"), 1)  # which the cache has

    def test_stops_in_order(self):
        renderer = self.renderer(1)
        self.assertEqual(renderer.end(), 0)

    def test_what_is_wrong(self):
        for options, complaint in (
                (["--renderers-at", "127.0.0.1"], "addresses ADDR:PORT"),
                (["--renderers-at", "127.0.0.1:65533"], "addresses ADDR:PORT"),
                (["--renderers-at", "127.0.0.1:1;x:4", "--seal-key", self.key], "addresses ADDR:PORT"),
                (["--renderers-at", "127.0.0.1:4000"], "wants --seal-key")):
            done = run("serve", "--root", self.originals.root, "--cache", self.folder / "cache", "--listen",
                       f"127.0.0.1:{free_port()}", *options)
            self.assertEqual(done.returncode, 1, options)
            self.assertIn(complaint, done.stderr)
        done = run("renderer", "--listen", "127.0.0.1:4000", "--root", self.originals.root)
        self.assertEqual(done.returncode, 2)
        self.assertIn("wants --seal-key", done.stderr)


if __name__ == "__main__":
    unittest.main()
