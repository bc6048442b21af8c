#!/usr/bin/env python3
"""The library of this folder: that each browser does what README.md says.

    /usr/bin/python3 tests/browsers/test_browsers.py [TEST...]

Needs the packages of tools/setup --test."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from browsers import BROWSERS, ScriptError, start  # noqa: E402
from processes import below  # noqa: E402
from server import QuietHandler, start_origin  # noqa: E402  (of tests/http)
from waiting import gone, wait_until  # noqa: E402

PAGE = b"""<!doctype html><title>page</title><script>var ours = 3; document.title = 'loaded';</script>
<body style="margin:0; background:#0a0">text<input autofocus>"""
WORKER = b"""oninstall = () => skipWaiting(); onactivate = event => event.waitUntil(clients.claim());
onfetch = event => event.request.url.endsWith('/asked') && event.respondWith(new Response('by the worker'));"""


class Pages(QuietHandler):
    def do_GET(self):
        if self.path == "/worker.js":
            self.answer(WORKER, Content_Type="text/javascript")
        else:
            self.answer(PAGE, Content_Type="text/html")


class OneBrowser:
    """Tests that every browser passes."""

    name = None

    @classmethod
    def setUpClass(cls):
        cls.origin = start_origin(Pages)
        cls.url = f"http://127.0.0.1:{cls.origin.server_port}/"
        cls.browser = start(cls.name, scale=2, agent="Agent/1")

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.origin.shutdown()
        cls.origin.server_close()

    def test_expressions(self):
        self.browser.open(self.url)
        self.assertEqual(self.browser.eval("[document.title, ours, undefined, {a: [1.5, null]}]"),
                         ["loaded", 3, None, {"a": [1.5, None]}])
        self.assertEqual(self.browser.eval("args[0].a + args[1]", {"a": 1}, 2), 3)
        self.assertEqual(self.browser.eval("new Promise(done => setTimeout(done, 20, 'later'))"), "later")
        self.assertIsNone(self.browser.eval("undefined"))
        self.assertEqual(self.browser.wait("document.readyState == 'complete' && 7"), 7)
        for throws in ("nothing.here", "Promise.reject(new Error('no'))"):
            with self.assertRaises(ScriptError):
                self.browser.eval(throws)

    def test_size_scale_and_agent(self):
        self.browser.open(self.url)
        self.browser.resize(900, 700)
        self.assertEqual(self.browser.eval("[innerWidth, innerHeight, devicePixelRatio, navigator.userAgent]"),
                         [900, 700, 2, "Agent/1"])
        picture = self.browser.screenshot()
        self.assertEqual(picture[1:4], b"PNG")
        self.assertEqual(int.from_bytes(picture[16:20], "big"), 1800)

    def test_keys(self):
        self.browser.open(self.url)
        self.browser.eval("document.querySelector('input').focus()")
        self.browser.press("o", "k")
        self.browser.wait("document.querySelector('input').value == 'ok'")

    def test_service_workers_at_both_names_of_this_machine(self):
        for host in ("127.0.0.1", "localhost"):
            with self.subTest(host):
                self.browser.open(f"http://{host}:{self.origin.server_port}/")
                self.assertTrue(self.browser.eval("isSecureContext"))
                self.browser.eval("navigator.serviceWorker.register('/worker.js').then(() => 0)")
                self.browser.wait("navigator.serviceWorker.controller != null")
                self.assertEqual(self.browser.eval("fetch('/asked').then(reply => reply.text())"), "by the worker")

    def test_another_screen(self):
        if self.name == "webkit":
            with self.assertRaises(NotImplementedError):
                self.browser.set_scale(1)
            return
        self.browser.open(self.url)
        self.browser.eval("void (window.changed = new Promise(done => matchMedia('(resolution: 2dppx)')"
                          ".addEventListener('change', () => done(devicePixelRatio))))")
        self.browser.set_scale(1.5)
        self.assertEqual(self.browser.eval("changed"), 1.5)
        self.browser.set_scale(2)
        self.browser.wait("devicePixelRatio == 2")

    def test_nothing_is_left(self):
        other = start(self.name)
        processes, profile = below(other.process.pid), other.profile
        self.assertGreater(len(processes), 1)
        other.close()
        wait_until(lambda: all(map(gone, processes)), "the ends of all processes")
        self.assertFalse(profile.exists())


class Chromium(OneBrowser, unittest.TestCase):
    name = "chromium"


class Firefox(OneBrowser, unittest.TestCase):
    name = "firefox"

    def test_zoom(self):
        self.browser.open(self.url)
        self.browser.zoom(1.5)
        self.browser.wait("devicePixelRatio == 3")
        self.browser.zoom(1)
        self.browser.wait("devicePixelRatio == 2")


class WebKit(OneBrowser, unittest.TestCase):
    name = "webkit"

    def test_whole_ratios_alone(self):
        self.assertFalse(BROWSERS[self.name].can_scale(1.5))


if __name__ == "__main__":
    unittest.main()
