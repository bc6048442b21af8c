#!/usr/bin/env python3
"""Explanations and views of the playground in the edge, in front of a renderer made of paper.

    python3 tests/edge/test_shown.py [-v] [ShownTest.test_name]
"""

import json
import os
import socket
import sys
import threading
import unittest
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from edge import Edge, wait_until

LINES = ("location = /.smartimg/explain { smartimg_playground explain; } "
         "location = /.smartimg/view { smartimg_playground view; }")
LATE = dict(status=503, body=b"took too long\n", headers="X-Smartimg-Out-Of-Time: 1\r\nRetry-After: 30\r\n")


class ShownTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.edge = Edge(companies={"smart": "Bfc = true\n"}, server_lines=LINES)

    @classmethod
    def tearDownClass(cls):
        log = cls.edge.error_log()
        cls.edge.stop()
        for bad in ("exited on signal", "[alert]", "[emerg]"):
            if bad in log:
                raise AssertionError("nginx complained:\n" + log)

    def show(self, page, url, **more):
        return self.edge.get(f"/.smartimg/{page}?" + urllib.parse.urlencode({"url": url, **more}))

    def asked(self, name):
        """(lane, what is to be shown, class) of each request for an image."""
        return [(p["lane"], p.get("SMARTIMG_SHOW"), p["SMARTIMG_CLASS"]) for p in self.edge.renderer.parameters(name)]

    def test_what_a_renderer_is_told(self):
        """Only what is shown in a reply's place has a name, and waits behind what visitors want."""
        url = self.edge.image("told", "smart")
        self.assertEqual(self.edge.get(url, Accept="image/webp").status, 200)
        self.show("explain", url, **{"class": "avif;dpr=2"})
        self.show("view", url, **{"class": "jp2"})
        self.show("view", url, **{"class": "jp2", "as": "png"})
        self.show("view", url, **{"class": "jp2", "which": "requested"})
        self.assertEqual(self.asked("told"), [("", None, "webp"), ("-dear", "explain", "avif;dpr=2"), ("", None, "jp2"),
                                              ("-dear", "png", "jp2"), ("", None, "jp2")])
        ladders = [p["SMARTIMG_RECIPE"].partition("&ladder=")[2].partition("&")[0]
                   for p in self.edge.renderer.parameters("told")]
        self.assertEqual(ladders, ["webp", "avif", "jp2", "jp2", ""])

    def test_nothing_shown_is_cached(self):
        url = self.edge.image("uncached", "smart", body=lambda n: b"answer %d" % n)
        self.assertEqual([self.show("explain", url).body for _ in range(2)], [b"answer 1", b"answer 2"])
        self.assertEqual(self.show("view", url, **{"as": "png"}).body, b"answer 3")
        self.assertEqual([self.show("view", url).body for _ in range(2)], [b"answer 4"] * 2)
        self.assertEqual(self.edge.get(url).body, b"answer 4")
        for page, more, kept in (("explain", {}, "no-store"), ("view", {}, "private, max-age=60")):
            self.assertEqual(self.show(page, url, **more)["Cache-Control"], kept)

    def test_it_waits_for_no_image_and_no_image_waits_for_it(self):
        hold = threading.Event()
        url = self.edge.image("held", "smart", hold=hold)
        replies = []
        explain = threading.Thread(target=lambda: replies.append(self.show("explain", url)))
        explain.start()
        self.edge.wait_for_renders("held")
        image = threading.Thread(target=lambda: replies.append(self.edge.get(url)))
        image.start()
        self.edge.wait_for_renders("held", 2)
        hold.set()
        explain.join()
        image.join()
        self.assertEqual([r.status for r in replies], [200, 200])

    def test_an_explanation_that_nobody_waits_for_ends(self):
        url = self.edge.image("left", "smart", hold=threading.Event())
        with socket.create_connection(("127.0.0.1", self.edge.port)) as s:
            s.sendall(f"GET /.smartimg/explain?url={url} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            self.edge.wait_for_renders("left")
        self.edge.renderer.wait_for_closed("left")

    def test_no_renderer(self):
        """JSON for explanations, text for images."""
        reply = self.show("explain", self.edge.image("dead", "smart", deaths=9))
        self.assertEqual((reply.status, reply["Content-Type"]), (503, "application/json"))
        self.assertEqual(json.loads(reply.body), {"error": "no renderer answered", "status": 503})
        self.assertEqual((reply["Retry-After"], reply["Cache-Control"]), ("30", "no-store"))
        reply = self.show("view", self.edge.image("dead-view", "smart", deaths=9))
        self.assertEqual((reply.status, reply.body), (503, b"no renderer answered\n"))

    def test_what_was_late_says_nothing_of_the_image(self):
        url = self.edge.image("late", "smart", **LATE)
        self.assertEqual(self.show("explain", url).status, 503)
        self.edge.renderer.behaviour["late"] = {}
        again = self.show("explain", url)
        self.assertEqual((again.status, "too long" in json.loads(again.body)["error"]), (503, True))
        self.assertEqual(self.edge.renderer.count("late"), 1)
        self.assertEqual(self.edge.get(url).status, 200)

    def test_long_recipes(self):
        """Their keys are digests, and what is shown has one of its own, too."""
        name = "long"
        url = self.edge.image(name, "smart") + "?" + "&".join(f"layer={i}&src=smart/{name}" for i in range(1, 30))
        self.assertEqual(self.show("explain", url)["X-Cache"], "bypass")
        self.assertEqual(self.edge.get(url)["X-Cache"], "miss")
        self.assertEqual(self.show("explain", url)["X-Cache"], "bypass")
        self.assertEqual(self.edge.get(url)["X-Cache"], "hit")

    def test_it_is_counted(self):
        def settled():
            """What was counted once nothing is under way, of the tests before either."""
            wait_until(lambda: self.edge.metrics()["smartimg_requests_active"] == 0, "all to end")
            return self.edge.metrics()
        before = settled()
        url = self.edge.image("counted", "smart")
        self.show("explain", url)
        after = settled()
        for name in ("smartimg_renders_total", "smartimg_requests_total"):
            self.assertEqual(after[name] - before.get(name, 0), 1, name)


class LimitTest(unittest.TestCase):
    def test_misses_of_one_client(self):
        """Explanations take from the same bucket as images."""
        edge = Edge(companies={"smart": "Bfc = true\n"}, server_lines=LINES, misses_per_client=1)
        self.addCleanup(edge.stop)
        url = edge.image("limited", "smart")

        def explain():
            return edge.get("/.smartimg/explain?url=" + url)
        wait_until(lambda: explain().status == 503, "the bucket to be empty")
        reply = explain()
        if reply.status == 503:  # else the machine was slow enough for another token
            self.assertEqual(reply["Content-Type"], "application/json")
            self.assertIn("too many", json.loads(reply.body)["error"])
        self.assertGreaterEqual(edge.metrics()["smartimg_client_limited_total"], 1)


if __name__ == "__main__":
    unittest.main()
