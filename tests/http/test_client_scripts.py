"""The client scripts that the server sends, from web/; tests/client has what they do."""

import gzip
import unittest

from server import PROJECT

NAMES = ("smartimg.js", "smartimg-url.js", "responsive.js", "srvinit.js", "srvwrk.js", "dprImageInjection.js")


class ClientScripts(unittest.TestCase):
    server = None

    def test_each_as_it_is_for_pages_of_any_host(self):
        for name in NAMES:
            with self.subTest(name):
                reply = self.server.request(f"/{name}")
                self.assertEqual(reply.status, 200, reply)
                self.assertEqual(reply.body, (PROJECT / "web" / name).read_bytes())
                self.assertEqual(reply.type, "text/javascript; charset=utf-8")
                self.assertEqual(reply.headers["cache-control"], "public, max-age=86400")
                self.assertEqual(reply.headers["service-worker-allowed"], "/")
                self.assertEqual(reply.headers["access-control-allow-origin"], "*")
                self.assertEqual(reply.headers["cross-origin-resource-policy"], "cross-origin")
                self.assertEqual(reply.headers["x-content-type-options"], "nosniff")

    def test_compressed_and_unchanged(self):
        reply = self.server.request("/smartimg.js", {"Accept-Encoding": "gzip"})
        self.assertEqual(gzip.decompress(reply.body), (PROJECT / "web/smartimg.js").read_bytes())
        self.assertEqual(reply.headers["vary"], "Accept-Encoding")
        etag = self.server.request("/smartimg.js").headers["etag"]
        self.assertEqual(self.server.request("/smartimg.js", {"If-None-Match": etag}).status, 304)

    def test_nothing_else_of_the_folder(self):
        for path in ("/next-loader.js", "/web/smartimg.js", "/smartimg.jsx", "/a/smartimg.js", "/smartimg.js/"):
            with self.subTest(path):
                self.assertEqual(self.server.request(path).status, 404)


if __name__ == "__main__":
    unittest.main()
