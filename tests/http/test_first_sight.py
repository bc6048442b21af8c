"""What people meet first: the lines of a server that starts, pages in place of error texts, names that are nearly
right, and pages of other origins."""

import base64
import hashlib
import html
import http.client
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import unittest

from server import CHROME, PROJECT, SMARTIMG, Server, free_port
from waiting import PATIENCE, wait_until

NAVIGATION = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
SHOP, OTHER = "https://shop.example", "https://other.example"

RULES = """<?xml version="1.0" encoding="UTF-8"?>
<ruleset><rule OnMatch="continue"><header Name="Access-Control-Allow-Origin">https://rule.example</header></rule></ruleset>
"""

COMPANIES = {
    "terse": "RootPath = demo\nErrorDetail = 0\n",
    "listed": f"RootPath = demo\nAccessControlAllowOrigin = {SHOP}, http://127.0.0.1:81\nTimingAllowOrigin =\n"
              "CrossOriginResourcePolicy = same-site\n",
    "closed": "RootPath = demo\nAccessControlAllowOrigin =\nTimingAllowOrigin =\nCrossOriginResourcePolicy =\n",
    "ruled-origin": "RootPath = demo\nRuleSetFile = origin-rules.xml\n",
    "inkless": "Bfc = false\nRootPath = broken\n",
}


def read_until_ready(process):
    """The lines that a server prints when it is ready: all in one piece."""
    lines, done = [], threading.Event()

    def read():
        for line in process.stdout:
            lines.append(line.rstrip("\n"))
            if "tells what else it does" in line:
                break
        done.set()

    threading.Thread(target=read, daemon=True).start()
    done.wait(PATIENCE)
    return lines


class Started:
    """`smartimg serve` over any folder; gives the lines that it prints and its port."""

    def __init__(self, root, *options, path=os.environ["PATH"]):
        self.environment = dict(os.environ, PATH=path)
        self.folder = tempfile.mkdtemp(prefix="smartimg-first-")
        self.port = free_port()
        self.command = [SMARTIMG, "serve", "--root", root, "--cache", self.folder + "/cache", "--listen",
                        f"127.0.0.1:{self.port}", *options]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                        env=self.environment)
        self.lines = read_until_ready(self.process)
        return self

    def __exit__(self, *error):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(PATIENCE)
        self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def get(self, url, accept):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        connection.request("GET", url, headers={"Accept": accept})
        reply = connection.getresponse()
        body = reply.read()
        connection.close()
        return reply.status, reply.getheader("Content-Type"), body


class Start(unittest.TestCase):
    """The lines after "ready"."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-first-root-"))
        self.folder.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.folder)
        (self.folder / "notes.txt").write_text("no picture")
        (self.folder / "aaa.jpg").mkdir()
        (self.folder / ".hidden").mkdir()
        shutil.copy(PROJECT / "pictures/demo/night.jpg", self.folder / ".hidden/a.jpg")

    def example(self, server):
        """The path of the example, which shows a picture."""
        line, = [line for line in server.lines if "for example" in line]
        url = line.partition(f"http://127.0.0.1:{server.port}")[2]
        status, kind, _ = server.get(url, "image/webp")
        self.assertEqual((status, kind.partition("/")[0]), (200, "image"), line)
        return url

    def test_pictures_directly_in_the_folder(self):
        shutil.copy(PROJECT / "pictures/demo/night.jpg", self.folder / "a night & a day.JPG")
        with Started(self.folder) as server:
            self.assertEqual(server.lines[0], f"smartimg: ready on http://127.0.0.1:{server.port}/")
            self.assertRegex(server.lines[1], r"converts .* \(Bfc, Dpr\b.*: on, as there is no --config\)")
            self.assertEqual(self.example(server), "/is/image/a%20night%20%26%20a%20day?wid=800")

    def test_pictures_in_subfolders_only(self):
        (self.folder / "shop/summer").mkdir(parents=True)
        shutil.copy(PROJECT / "pictures/demo/night.jpg", self.folder / "shop/summer/z.jpg")
        with Started(self.folder) as server:
            url = self.example(server)
            self.assertEqual(url, "/is/image/shop/summer/z?wid=800")
            # what the lines say of the defaults is so
            self.assertEqual(server.get(url, "image/webp")[1], "image/webp")
            self.assertEqual(server.get(url + "&bfc=off", "image/webp")[1], "image/jpeg")

    def test_no_picture_at_all(self):
        with Started(self.folder) as server:
            self.assertIn(f"there is no picture in {self.folder} yet", server.lines[-2])

    def test_how_to_call_it(self):
        program = pathlib.Path(SMARTIMG).resolve()
        with Started(self.folder, path="/usr/sbin:/usr/bin:/sbin:/bin") as server:
            self.assertEqual(server.lines[-1], f'smartimg: "{program} help" tells what else it does')
        (self.folder / "bin").mkdir()
        (self.folder / "bin/smartimg").symlink_to(program)
        with Started(self.folder, path=f"{self.folder}/bin:{os.environ['PATH']}") as server:
            self.assertEqual(server.lines[-1], 'smartimg: "smartimg help" tells what else it does')

    def test_a_configuration_keeps_its_defaults(self):
        companies = self.folder / "conf/companies"
        companies.mkdir(parents=True)
        shutil.copy(PROJECT / "pictures/demo/night.jpg", self.folder / "n.jpg")
        (companies / "locked.ini").write_text("RootPath =\nRequestLock = true\n")
        (companies / "shop.ini").write_text("RootPath =\n")
        with Started(self.folder, "--config", self.folder / "conf") as server:
            self.assertFalse([line for line in server.lines if "converts" in line])
            url = self.example(server)
            self.assertEqual(url, "/is/image/shop/n?wid=800")
            self.assertEqual(server.get(url, "image/webp")[1], "image/jpeg")


class Pages(unittest.TestCase):
    server = None

    @classmethod
    def prepare(cls, root, companies):
        for name, text in COMPANIES.items():
            (companies / f"{name}.ini").write_text(text)
        (companies / "origin-rules.xml").write_text(RULES)
        (root / "broken-page").mkdir(exist_ok=True)
        (root / "broken-page/no-picture.jpg").write_bytes(b"\xff\xd8\xff\xe0 <b>broken</b>")

    def page(self, path, status=403, method="GET", **headers):
        reply = self.server.request(path, {"Accept": NAVIGATION, **headers}, method)
        self.assertEqual((reply.status, reply.type), (status, "text/html; charset=utf-8"), reply)
        self.assertEqual(reply.headers["x-content-type-options"], "nosniff")
        self.assertEqual(reply.headers["cache-control"], "no-store")
        self.assertIn("Accept", reply.headers["vary"])
        return reply

    def sentence(self, reply):
        return html.unescape(re.search(r"(?s)</h1>\n<p>(.*?)\n<p>", reply.body.decode()).group(1))

    def test_a_navigation_gets_a_page_and_an_image_gets_text(self):
        url = "/is/image/demo/prodct?wid=50"
        said = 'image not found: image "prodct" not found; did you mean "product"?'
        self.assertEqual(self.sentence(self.page(url)), said)
        self.assertIn('<a href="/is/image/demo/product?wid=50">', self.page(url).body.decode())
        for accept in CHROME, "*/*", "image/png", "text/*", "text/html;q=0", "text/htmlx", None:
            reply = self.server.request(url, {"Accept": accept} if accept else {})
            self.assertEqual((reply.status, reply.type, reply.body.decode()),
                             (403, "text/plain; charset=utf-8", said + "\n"), accept)
            self.assertEqual(reply.headers["vary"], "Accept")
            self.assertEqual(reply.headers["x-content-type-options"], "nosniff")

    def test_the_policy_allows_the_style_alone(self):
        reply = self.page("/is/image/demo/prodct")
        style = re.search(rb"(?s)<style>(.*?)</style>", reply.body).group(1)
        digest = base64.b64encode(hashlib.sha256(style).digest()).decode()
        policy = reply.headers["content-security-policy"].split("; ")
        self.assertEqual(policy, ["default-src 'none'", "base-uri 'none'", "form-action 'none'",
                                  "frame-ancestors 'none'", f"style-src 'sha256-{digest}'"])
        self.assertNotRegex(reply.body, rb"<script|style=|http-equiv")

    def test_texts_are_escaped(self):
        evil = "<script>alert('1')</script>&\""
        quoted = "%3Cscript%3Ealert('1')%3C%2Fscript%3E%26%22"
        for url in f"/is/image/demo/product?wid={quoted}", f"/is/image/demo/product?$"+quoted+"$":
            reply = self.page(url)
            self.assertNotIn(b"<script", reply.body, url)
        self.assertIn(evil, self.sentence(self.page(f"/is/image/demo/product?wid={quoted}")))
        # the query of the suggested address, as it came
        reply = self.page('/is/image/demo/prodct?a="><b>')
        self.assertIn(b'<a href="/is/image/demo/product?a=&quot;&gt;&lt;b&gt;">', reply.body)

    def test_error_detail_holds(self):
        reply = self.page("/is/image/terse/prodct")
        self.assertEqual(self.sentence(reply), "image not found")
        self.assertNotIn(b"product", reply.body)

    def test_other_errors(self):
        self.assertEqual(self.sentence(self.page("/nothing/here", 404)), "unknown address")

        self.assertIn("GET and HEAD", self.sentence(self.page("/is/image/demo/product", 405, "POST")))
        # a renderer's
        self.assertIn("source image unreadable", self.sentence(self.page("/is/image/broken-page/no-picture?wid=9")))
        reply = self.server.request("/is/image/broken-page/no-picture?wid=9", {"Accept": CHROME})
        self.assertEqual((reply.status, reply.type.partition(";")[0]), (403, "text/plain"))
        # without a body
        self.assertEqual(self.page("/is/image/demo/prodct", 403, "HEAD").body, b"")

    def test_what_programs_asked_for_stays(self):
        for req, kind in (("props,json", "text/javascript"), ("props,xml", "text/xml")):
            reply = self.server.request(f"/is/image/demo/prodct?req={req}", {"Accept": NAVIGATION})
            self.assertEqual((reply.status, reply.type.partition(";")[0]), (403, kind))
        for url in "/is/image/demo/product?wid=30", "/is/image/demo/product?req=exists", "/healthz":
            reply = self.server.request(url, {"Accept": NAVIGATION})
            self.assertEqual(reply.status, 200)
            self.assertNotIn("html", reply.type)

    def test_links_out_of_the_root_are_in_the_log(self):
        (self.server.root.parent / "outside.jpg").write_bytes((self.server.root / "demo/night.jpg").read_bytes())
        os.symlink("../../outside.jpg", self.server.root / "demo/way-out.jpg")
        for _ in range(3):
            reply = self.server.image("demo/way-out?wid=20", CHROME)
            self.assertEqual(reply.status, 403)
            self.assertNotIn(b"link", reply.body)
            self.assertNotIn(b"outside", reply.body)
        said = '"demo/way-out.jpg" is not served: it is a link out of the root'
        wait_until(lambda: said in self.server.log.read_text(), "a line in the log")


class Origins(unittest.TestCase):
    server = None
    NAMES = ("access-control-allow-origin", "timing-allow-origin", "cross-origin-resource-policy")

    @classmethod
    def prepare(cls, root, companies):
        Pages.prepare(root, companies)

    def told(self, url, status=200, method="GET", **headers):
        send = {"Accept": "image/webp", **{n.replace("_", "-"): v for n, v in headers.items()}}
        reply = self.server.request("/is/image/" + url, send, method)
        self.assertEqual(reply.status, status, reply)
        return tuple(reply.headers.get(name) for name in self.NAMES), reply

    def test_by_default_everybody_may_use_images(self):
        default = ("*", "*", "cross-origin")
        url = "smart/night?wid=71"
        _, first = self.told(url)
        for _ in range(4):  # misses, hits, and from memory
            told, reply = self.told(url, Origin=SHOP)
            self.assertEqual(told, default)
            self.assertNotIn("Origin", reply.headers["vary"])
        self.assertEqual(self.told(url, 304, If_None_Match=first.headers["etag"])[0], default)
        self.assertEqual(self.told(url, 206, Range="bytes=0-9")[0], default)
        self.assertEqual(self.told("smart/nihgt", 403)[0], default)
        self.assertEqual(self.told("broken-page/no-picture", 403)[0], default)
        self.assertEqual(self.told("smart/night?req=props", 200)[0], default)

    def test_listed_origins_are_told_their_own(self):
        for _ in range(4):
            for origin, told in ((SHOP, SHOP), ("http://127.0.0.1:81", "http://127.0.0.1:81"), (OTHER, None),
                                 ("null", None), (SHOP + ".evil.example", None)):
                have, reply = self.told("listed/night?wid=72", Origin=origin)
                self.assertEqual(have, (told, None, "same-site"), origin)
                self.assertEqual(reply.headers["vary"], "Origin")
            have, reply = self.told("listed/night?wid=72")
            self.assertEqual((have[0], reply.headers["vary"]), (None, "Origin"))
        self.assertEqual(self.told("listed/nihgt", 403, Origin=SHOP)[0][0], SHOP)

    def test_off_and_rules(self):
        self.assertEqual(self.told("closed/night?wid=73", Origin=SHOP)[0], (None, None, None))
        self.assertEqual(self.told("ruled-origin/night?wid=73", Origin=SHOP)[0],
                         ("https://rule.example", "*", "cross-origin"))

    def test_who_asks_beforehand_is_answered(self):
        asks = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-one,x-two"}
        told, reply = self.told("smart/night", 204, "OPTIONS", Origin=SHOP, **asks)
        self.assertEqual((told[0], reply.body), ("*", b""))
        self.assertEqual(reply.headers["access-control-allow-methods"], "GET, HEAD, OPTIONS")
        self.assertEqual(reply.headers["access-control-allow-headers"], "x-one,x-two")
        self.assertEqual(reply.headers["allow"], "GET, HEAD, OPTIONS")
        self.assertEqual(reply.headers["cache-control"], "no-store")
        self.assertNotIn("content-type", reply.headers)
        self.assertEqual(self.told("listed/night", 204, "OPTIONS", Origin=SHOP, **asks)[0][0], SHOP)
        self.assertIsNone(self.told("listed/night", 204, "OPTIONS", Origin=OTHER, **asks)[0][0])
        told, reply = self.told("smart/night", 204, "OPTIONS")  # no script asks
        self.assertEqual(reply.headers["allow"], "GET, HEAD, OPTIONS")
        self.assertNotIn("access-control-allow-methods", reply.headers)

    def test_render_tells_the_same(self):
        done = subprocess.run([SMARTIMG, "render", "/is/image/smart/night?wid=74&bfc=off", "-i", "--root", self.server.root,
                               "--config", self.server.config], capture_output=True, timeout=PATIENCE)
        head = done.stdout.partition(b"\r\n\r\n")[0]
        for line in (b"Access-Control-Allow-Origin: *", b"Timing-Allow-Origin: *",
                     b"Cross-Origin-Resource-Policy: cross-origin"):
            self.assertIn(line, head)

    def test_mistakes_are_told(self):
        with Server() as server:
            for bad in ("AccessControlAllowOrigin = shop.example", "AccessControlAllowOrigin = https://shop.example/",
                        "TimingAllowOrigin = *,x y", "CrossOriginResourcePolicy = anybody"):
                (server.config / "companies/bad.ini").write_text(bad + "\n")
                done = subprocess.run([SMARTIMG, "config", "check", server.config], capture_output=True, text=True)
                self.assertEqual(done.returncode, 1, bad)
                self.assertIn("bad.ini:1:", done.stdout + done.stderr)
