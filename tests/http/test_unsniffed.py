"""What pages do with replies: no type but the one that is told, and no links of image maps that run something."""

import contextlib
import http.client
import re
import socket
import ssl
import unittest
import urllib.parse

from waiting import PATIENCE

HREFS = ["javascript:alert(1)", "JavaScript:alert(1)", " javascript:alert(1)", "java\tscript:alert(1)", "java\r\nscript:alert(1)",
         "\x01javascript:alert(1)", "&#106;avascript:alert(1)", "&#x6A;avascript:alert(1)", "&#0000106avascript:alert(1)",
         "java&Tab;script:alert(1)", "java&NewLine;script:alert(1)", "javascript&colon;alert(1)", "javascript&#58;alert(1)",
         "&#1;javascript:alert(1)", "vbscript:msgbox(1)", "data:text/html,<script>alert(1)</script>", "data:,x",
         "livescript:x", "blob:x", "filesystem:x", "&unknown;javascript:x", ":x"]
SAFE = ["page.html", "/a/b?c=javascript:1", "#javascript:1", "https://example.org/x?y=1&amp;z=2", "http://a", "HTTPS://a/b", "mailto:a@b.example",
        "tel:+12", "?a:b", "", "a%20b", "//example.org/x:y", "./a:b"]
MAPPED = """RootPath = demo
[object maps]
Path = night
Map = {}
[object odd]
Path = night
Map = {}
"""


def area(href, quote='"'):
    return f"<AREA SHAPE=rect COORDS=0,0,900,900 ALT='x' HREF={quote}{href}{quote} TARGET=t>"


def links(text):
    """All that a browser would follow or run."""
    return re.findall(r"(?i)\bhref\b", text)


class Types(unittest.TestCase):
    server = None

    @classmethod
    def prepare(cls, root, companies):
        (root / "leaflets").mkdir()
        (root / "leaflets/page.html").write_text("<p>x")
        (companies / "leaflets.ini").write_text("StaticContentRootPath = leaflets\nRuleSetFile = leaflets.xml\nRootPath = demo\n")
        (companies / "leaflets.xml").write_text(
            '<?xml version="1.0"?><ruleset><rule OnMatch="continue"><expression>.</expression>'
            '<header Name="X-Content-Type-Options">none</header></rule></ruleset>')

    def check(self, reply, status, what):
        self.assertEqual((reply.status, reply.headers.get("x-content-type-options")), (status, "nosniff"), (what, reply))

    def test_replies(self):
        etag = self.server.image("demo/night?wid=70").headers["etag"]
        rows = [("/is/image/demo/night?wid=70", 200, {}), ("/is/image/demo/night?wid=70", 304, {"If-None-Match": etag}),
                ("/is/image/demo/night?wid=70", 206, {"Range": "bytes=0-9"}), ("/is/image/demo/gone", 403, {}),
                ("/is/image/demo/night?wid=x", 403, {}), ("/is/image/demo/night?req=exists", 200, {}),
                ("/is/image/demo/night?req=props,json", 200, {}), ("/is/image", 200, {}), ("/healthz", 200, {}), ("/", 404, {}),
                ("/nowhere", 404, {}), ("/is/content/leaflets/page.html", 200, {}), ("/is/content/leaflets/gone", 403, {}),
                ("/is/image/leaflets/night?wid=71", 200, {}), ("/is/image/leaflets/night?req=exists", 200, {})]
        for path, status, headers in rows:
            for _ in range(3):  # a miss, a hit, one from memory
                self.check(self.server.request(path, headers), status, path[:80])
        self.check(self.server.request("/is/image/demo/night", method="POST"), 405, "POST")
        self.check(self.server.request("/is/image/demo/night?wid=72", method="HEAD"), 200, "HEAD")

    def raw(self, text, port):
        with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as client:
            reply = b""
            with contextlib.suppress(ConnectionError):  # who answers early closes before all of it has been read
                client.sendall(text)
                client.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):
                while chunk := client.recv(65536):
                    reply += chunk
        return reply.decode("latin-1")

    def test_what_nginx_refuses_by_itself(self):
        for text, port in (("GET / HTTP/1.1\r\n\r\n", self.server.port), ("GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", self.server.port),
                           ("G\x01T / HTTP/1.1\r\nHost: x\r\n\r\n", self.server.port), ("GET /../.. HTTP/1.1\r\nHost: x\r\n\r\n", self.server.port),
                           ("GET / HTTP/9.1\r\nHost: x\r\n\r\n", self.server.port), ("GET /is/image/demo/night?" + "x" * 32770 + " HTTP/1.1\r\n", self.server.port),
                           ("GET / HTTP/1.1\r\nHost: x\r\nX: " + "y" * 32770, self.server.port), ("TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", self.server.port),
                           ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", self.server.port),
                           ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", self.server.tls_port), ("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", self.server.admin_port),
                           ("GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", self.server.admin_port)):
            reply = self.raw(text.encode("latin-1"), port)
            self.assertRegex(reply, r"^HTTP/1\.1 \d\d\d ", text)
            self.assertEqual(len(re.findall(r"(?im)^x-content-type-options: nosniff\r$", reply)), 1, (text, reply))

    def test_https(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", self.server.tls_port, context=context, timeout=PATIENCE)
        connection.request("GET", "/is/image/demo/night?wid=70")
        self.assertEqual(connection.getresponse().getheader("X-Content-Type-Options"), "nosniff")
        connection.close()


class Maps(unittest.TestCase):
    server = None

    @classmethod
    def prepare(cls, root, companies):
        # without what would end the line of the file, which the command map= has
        bad = "".join(area(h, q) for h in HREFS for q in '"\'' if "\n" not in h and "\x01" not in h)
        odd = ("<AREA href=javascript:a()><area / href = javascript:b() ><AREA\tHREF='javascript:c()'title=x>"
               "<AREA SHAPE=rect COORDS=0,0,9,9 ; HREF=javascript:d()><AREA title='>' href=\"javascript:e()\""
               "<a xlink:href=\"javascript:f()\">text</a><AREA =x href=javascript:g()><form action=javascript:h()>"
               "<AREA HREF HREF=javascript:k() =javascript:l()><AREA HREF=javascript:i()/><AREA HREF=\"javascript:j()")
        (companies / "mapped.ini").write_text(MAPPED.format(bad + area("good.html"), '<AREA ONCLICK="mine()">' + odd))

    def get(self, url):
        reply = self.server.image(url)
        self.assertEqual(reply.status, 200, (url, reply))
        return reply.body.decode("latin-1")

    def test_of_records(self):
        for query in "", ",xml", ",json", ",xml,UTF-16BE":
            for more in "", "&wid=400":
                text = self.get(f"mapped/maps?req=map{query}{more}").replace("\0", "")
                self.assertEqual(len(links(text)), 1, (query, more, text))
                self.assertIn("good.html", text)
        for more in "", "&wid=400":
            self.assertEqual(re.findall(r"(?i)\bhref\s*=|script", self.get("mapped/odd?req=map" + more)), [], more)
        self.assertIn("ONCLICK", self.get("mapped/odd?req=map"))  # its own affair

    def test_of_commands(self):
        for href in HREFS:
            for quote in ('"', "'", "") if not re.search(r"[\s]", href) else ('"', "'"):
                for command in "map", "mapA":
                    value = urllib.parse.quote(area(href, quote), safe="")
                    for query in (f"req=map&{command}={value}", f"req=map,json&{command}={value}", f"req=resolve&req=map&{command}={value}",
                                  f"req=map&layer=0&{command}={value}"):
                        text = self.get(f"demo/night?wid=100&{query}")
                        self.assertEqual(links(text), [], (href, quote, text))
                        self.assertIn("AREA", text)
        value = urllib.parse.quote('<AREA ONCLICK="x()" onmouseover=y() HREF="a.html">', safe="")
        text = self.get(f"demo/night?req=map&map={value}")
        self.assertRegex(text, '^<AREA SHAPE="rect" COORDS="[0-9,]*" HREF="a.html">\r\n$')

    def test_others_stay(self):
        for href in SAFE:
            value = urllib.parse.quote(area(href), safe="")
            text = self.get(f"demo/night?wid=100&req=map&map={value}")
            self.assertIn(f'HREF="{href}"', text)

    def test_the_recipe_has_none(self):
        value = urllib.parse.quote(area("javascript:x()"), safe="")
        self.assertNotIn("javascript", self.get(f"demo/night?req=resolve&map={value}"))


if __name__ == "__main__":
    unittest.main()
