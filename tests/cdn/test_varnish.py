#!/usr/bin/env python3
"""A real Varnish with conf/varnish.vcl in front of smartimg: what browsers get, how often the cache has it, and when a
better reply or a purge reaches everybody.

    /usr/bin/python3 tests/cdn/test_varnish.py [TEST...]

Needs the packages of tools/setup --test. SMARTIMG_BUILD names the build folder, ./build if unset."""

import http.server
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from front import PATIENCE, PROJECT, wait_until  # noqa: E402
from varnish import Varnish  # noqa: E402

import http.client  # noqa: E402
import server  # noqa: E402  (of tests/http)
from server import CHROME, IE_11, SAFARI_13, SMARTIMG, Server  # noqa: E402

# name: Accept of images, User-Agent, what it shows
BROWSERS = {
    "Chrome": (CHROME, "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
               "Chrome/126.0.0.0 Safari/537.36", {"avif", "webp"}),
    "Firefox": ("image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5",
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0", {"avif", "webp"}),
    "Safari 17": ("image/webp,image/avif,image/jxl,image/heic,image/heic-sequence,video/*;q=0.8,image/png,"
                  "image/svg+xml,image/*;q=0.8,*/*;q=0.5",
                  "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
                  "Version/17.5 Safari/605.1.15", {"avif", "jxl", "webp"}),
    "Safari 13": ("image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5", SAFARI_13, {"jp2"}),
    "Internet Explorer 11": ("image/png, image/svg+xml, image/*;q=0.8, */*;q=0.5", IE_11, {"jxr", "vnd.ms-photo"}),
}
CLASSES = 4  # Chrome and Firefox are of one
REQUESTED = {"jpeg", "png"}
OBJECTS = ("fabric", "landscape", "logo", "night", "pebbles", "product", "sculpture", "still-life")
PAGE = [f"/is/image/smart/{name}?wid={width}" for width in (40, 56, 72) for name in OBJECTS]  # 24 pictures


def browser(name):
    accept, agent, _ = BROWSERS[name]
    return {"Accept": accept, "User-Agent": agent}


def start_server(*options):
    """smartimg with the project's own pictures and nothing else, which believes Varnish."""
    return Server("--trusted-edges", "127.0.0.1", *options)


def setUpModule():
    global empty
    empty = tempfile.mkdtemp(prefix="smartimg-cdn-")
    os.chmod(empty, 0o755)
    os.environ["SMARTIMG_DRAWN"] = empty  # no odd pictures, no corpus: they take long to copy
    server.SHARED = None


def tearDownModule():
    shutil.rmtree(empty)


class Backend(http.server.BaseHTTPRequestHandler):
    """A server of test's own: `replies` has functions from a request to status, headers and body, by path."""

    replies = {}

    def do_GET(self):
        status, headers, body = self.replies[self.path.partition("?")[0]](self)
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


def echo(request):
    """The class that Varnish told."""
    told = request.headers["X-Smartimg-Class"]
    return 200, {"Cache-Control": "no-store", "Vary": "X-Smartimg-Class"}, ("-" if told is None else told).encode()


class VclTest(unittest.TestCase):
    """The VCL itself, in front of a backend of the test's own."""

    @classmethod
    def setUpClass(cls):
        cls.backend = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend)
        cls.thread = threading.Thread(target=cls.backend.serve_forever)
        cls.thread.start()
        cls.addClassCleanup(cls.thread.join)
        cls.addClassCleanup(cls.backend.server_close)
        cls.addClassCleanup(cls.backend.shutdown)
        cls.varnish = cls.enterClassContext(Varnish(cls.backend.server_port))
        Backend.replies["/is/class"] = echo

    def test_clients_tell_no_class(self):
        for more in {"X-Smartimg-Class": "avif"}, {"x-smartimg-class": "jxl", "X-Smartimg-Vary": "Cookie"}:
            reply = self.varnish.request("/is/class?forged", {"Accept": "image/webp", **more})
            self.assertEqual((reply.body, reply.headers["vary"]), (b"webp", "Accept"))

    def test_few_pixel_ratios(self):
        for hint, told in (("1", "webp"), ("0.5", "webp"), ("two", "webp"), ("1.1", "webp"),
                           ("1.25", "webp;dpr=1.5"), ("1.75", "webp;dpr=2"), ("2", "webp;dpr=2"), ("2.625", "webp;dpr=3"),
                           ("4", "webp;dpr=3")):
            for name in "Sec-CH-DPR", "DPR":
                reply = self.varnish.request("/is/class?ratio", {"Accept": "image/webp", name: hint})
                self.assertEqual(reply.body.decode(), told, (name, hint))

    def test_vary_of_client_hints(self):
        Backend.replies["/is/hints"] = lambda request: (
            200, {"Cache-Control": "max-age=100", "Vary": "X-Smartimg-Class", "Accept-CH": "Sec-CH-DPR, DPR"}, b"")
        reply = self.varnish.request("/is/hints", {"Accept": "image/webp"})
        self.assertEqual(reply.headers["vary"], "Accept, User-Agent, Sec-CH-DPR, DPR")
        self.assertNotIn("x-smartimg-path", reply.headers)

    def test_lifetimes(self):
        """CDN-Cache-Control goes before Cache-Control, whose fields for shared caches go before max-age."""
        rows = {
            "targeted": ({"Cache-Control": "public, max-age=1000", "CDN-Cache-Control": "max-age=0"}, False),
            "targeted-long": ({"Cache-Control": "max-age=0", "CDN-Cache-Control": "x=1, max-age=1000"}, True),
            "shared": ({"Cache-Control": "public, max-age=1000, s-maxage=0"}, False),
            "shared-long": ({"Cache-Control": "public, max-age=0, s-maxage=1000"}, True),
            "error": ({"Cache-Control": "no-store"}, False),
        }
        for name, (headers, kept) in rows.items():
            asked = []
            Backend.replies["/is/" + name] = lambda request, h=headers: (
                200, h | {"CDN-Cache-Control": h.get("CDN-Cache-Control", "")}, str(asked.append(0)).encode())
            for _ in range(2):
                self.assertEqual(self.varnish.request("/is/" + name).status, 200)
                time.sleep(0.02)  # longer than 0 s
            wait_until(lambda: len(asked) == (1 if kept else 2), lambda: f"{name}: asked {len(asked)} times")

    def test_stale_while_revalidate_outlives_errors(self):
        """What is stale is served at once, and an error does not take its place."""
        hold, asked, status = threading.Event(), [], [200]
        self.addCleanup(hold.set)

        def reply(request):
            asked.append(request.headers["If-None-Match"])
            if len(asked) > 1:
                hold.wait(PATIENCE)
            return status[0], {"Cache-Control": "max-age=9, s-maxage=1, stale-while-revalidate=1000",
                               "ETag": f'"{len(asked)}"'}, str(len(asked)).encode()
        Backend.replies["/is/stale"] = reply
        get = lambda: self.varnish.request("/is/stale")  # noqa: E731
        self.assertEqual(get().body, b"1")
        status[0] = 503
        time.sleep(1.2)  # longer than it is fresh
        for _ in range(3):  # while the backend does not answer
            reply = get()
            self.assertEqual((reply.hit, reply.status, reply.body), (True, 200, b"1"))
        hold.set()
        wait_until(lambda: get().body == b"1" and len(asked) >= 3, "Varnish to ask again after an error")
        self.assertEqual(asked[:2], [None, '"1"'])
        status[0] = 200
        wait_until(lambda: int(get().body) > 1, "the new reply")

    def test_strangers_purge_nothing(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.varnish.port, PATIENCE, ("127.0.0.2", 0))
        self.addCleanup(connection.close)
        connection.request("PURGE", "/is/image/smart/product")
        self.assertEqual(connection.getresponse().status, 405)

    def test_purge_of_odd_addresses(self):
        for path, status in (("/is/image/a'b", 400), ("/is/image/[a]/", 400), ("/is/image/a.b$/", 200), ("/is/%41", 200)):
            self.assertEqual(self.varnish.request(path, method="PURGE").status, status, path)


class PageTest(unittest.TestCase):
    """A page of 24 pictures and five browsers, with the lifetimes that are shipped."""

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(start_server())
        cls.varnish = cls.enterClassContext(Varnish(cls.server.port))
        cls.rounds = [cls.visit(), cls.visit()]
        cls.misses = cls.varnish.counters()["MAIN.cache_miss"]

    @classmethod
    def visit(cls):
        """All five browsers load the page: replies by browser and address."""
        return {(name, url): cls.varnish.request(url, browser(name)) for name in BROWSERS for url in PAGE}

    def test_each_browser_gets_what_it_shows(self):
        for one in self.rounds:
            for (name, url), reply in one.items():
                shown = BROWSERS[name][2]
                self.assertEqual(reply.status, 200, url)
                self.assertIn(reply.type.removeprefix("image/"), shown | REQUESTED, (name, url))
                self.assertEqual(reply.headers["vary"],
                                 "Accept" if shown & {"avif"} else "Accept, User-Agent", (name, url))
                self.assertIn("max-age=36000", reply.headers["cache-control"])
        for name, (_, _, shown) in BROWSERS.items():  # and most of them something better than what was asked for
            better = sum(self.rounds[0][name, url].type.removeprefix("image/") in shown for url in PAGE)
            self.assertGreater(better, len(PAGE) / 2, name)

    def test_hits_and_variants(self):
        hits = [sum(r.hit for r in one.values()) for one in self.rounds]
        print(f"24 pictures, five browsers: {hits[0]} of {5 * len(PAGE)} hits in the first round, {hits[1]} in the second; "
              f"{self.misses} variants", flush=True)
        # what one of a class has loaded, the others have; stale replies are hits, too
        self.assertEqual(hits, [(len(BROWSERS) - CLASSES) * len(PAGE), len(BROWSERS) * len(PAGE)])
        self.assertEqual(self.misses, CLASSES * len(PAGE))
        for url in PAGE:
            tags = [self.rounds[0][name, url].headers["etag"] for name in ("Chrome", "Firefox")]
            self.assertEqual(*tags)

    def ask_all(self, url):
        return [self.varnish.request(url, browser(name)) for name in BROWSERS]

    def test_purge_reaches_everybody(self):
        url, other = "/is/image/smart/product?wid=44", "/is/image/smart/night?wid=40"
        before = {r.headers["etag"] for r in self.ask_all(url)}
        self.ask_all(other)
        original = self.server.root / "demo/product.jpg"
        shutil.copyfile(self.server.root / "demo/landscape.jpg", original)
        self.assertEqual({r.headers["etag"] for r in self.ask_all(url)}, before)  # of Varnish's
        subprocess.run([SMARTIMG, "purge", "smart/product", "--cache", self.server.cache], check=True,
                       stdout=subprocess.DEVNULL)
        self.assertEqual(self.varnish.request("/is/image/smart/product", method="PURGE").status, 200)
        after = self.ask_all(url)
        self.assertEqual([r.hit for r in after], [False, True, False, False, False])  # by class
        self.assertFalse(before & {r.headers["etag"] for r in after})
        self.assertTrue(all(r.hit for r in self.ask_all(url)))
        self.assertTrue(all(r.hit for r in self.ask_all(other)))

    def test_purge_by_address_company_and_all(self):
        urls = [f"/is/image/{path}" for path in ("smart/logo?wid=41", "smart/logo?wid=42", "smart/logo.png?wid=43", "quiet/logo?wid=42",
                                              "smart/landscape?wid=40")]
        headers = browser("Firefox")
        for purged, gone in (("/is/image/smart/logo?wid=41", [0]), ("/is/image/smart/logo", [0, 1, 2]),
                             ("/is/image/smart/logo.png", [2]), ("/is/image/smart/l", []), ("/is/image/smart/log.", []),
                             ("/is/image/smart/", [0, 1, 2, 4]), ("/is/image/smar/", []), ("/is/", [0, 1, 2, 3, 4])):
            for url in urls:
                self.varnish.request(url, headers)
            self.assertEqual(self.varnish.request(purged, method="PURGE").status, 200)
            hits = [self.varnish.request(url, headers).hit for url in urls]
            self.assertEqual([i for i, hit in enumerate(hits) if not hit], gone, purged)


class RefinementTest(unittest.TestCase):
    """The refined answer reaches those behind Varnish: with lifetimes of a second instead of a minute."""

    SHIPPED = 60    # seconds, SI_FIRST_ANSWER_SECONDS of src/plan/lifetime.h
    LIFETIME = 1.0  # of this test's server

    def fetches(self):
        """Replies that Varnish has got from smartimg."""
        return sum(n for name, n in self.varnish.counters().items() if name.startswith("MAIN.fetch_")
                   and name != "MAIN.fetch_failed")

    def is_first(self, reply):
        return "s-maxage" in reply.headers["cache-control"]

    def test_refined_answer_reaches_everybody(self):
        self.server = self.enterContext(start_server("--first-answer-seconds", "1", "--refine-share", "50"))
        self.varnish = self.enterContext(Varnish(self.server.port))
        url, headers = "/is/image/smart/sculpture?wid=64", browser("Chrome")
        first = self.varnish.request(url, headers)
        self.assertEqual((first.hit, self.is_first(first)), (False, True))
        self.assertEqual(first.headers["cdn-cache-control"], "max-age=1, stale-while-revalidate=36000")

        # nobody asks for it; asked for here, past Varnish, to know when it is there
        refined = wait_until(lambda: (r := self.server.request(url, headers)) and not self.is_first(r) and r,
                             "the refined answer")

        # whoever comes after a lifetime gets the first one at once, and Varnish asks again
        time.sleep(1.2 * self.LIFETIME)
        stale = self.varnish.request(url, headers)
        self.assertEqual((stale.hit, stale.headers["etag"]), (True, first.headers["etag"]))
        wait_until(lambda: self.fetches() == 2, "Varnish to ask again")
        reply = wait_until(lambda: (r := self.varnish.request(url, browser("Firefox"))) and not self.is_first(r) and r,
                           "Varnish to have it")
        self.assertEqual((reply.hit, reply.headers["etag"], reply.body), (True, refined.headers["etag"], refined.body))
        self.assertLess(len(reply.body), len(first.body) + 1)
        self.assertEqual(reply.headers["cdn-cache-control"], "max-age=36000")
        lifetimes = self.fetches() - 1
        print(f"refined after {lifetimes} lifetimes: at an age of {lifetimes * self.SHIPPED} s as shipped", flush=True)
        self.assertLessEqual(lifetimes * self.SHIPPED, 120)
        # and it stays
        time.sleep(1.2 * self.LIFETIME)
        self.assertEqual(self.varnish.request(url, headers).headers["etag"], refined.headers["etag"])
        self.assertEqual(self.fetches() - 1, lifetimes)


if __name__ == "__main__":
    warnings.simplefilter("error", ResourceWarning)
    unittest.main(verbosity=2)
