"""Addresses that end (docs/signed-addresses.md), and companies that serve presets only."""

import atexit
import base64
import functools
import hmac
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from server import PROJECT, Server
from waiting import PATIENCE

KEY = "0123456789abcdef"
LOCK = f"RequestLock = true\nRequestLockKey = {KEY}\n"
PRESETS = ("PresetsOnly = true\nDpr = true\n[presets]\nsmall = wid=40\nlayers = layer=1&src=is(shown/logo?wid=20)&layer=comp&wid=60\n"
           "[objects]\nhero = night.jpg?wid=30\n[crops]\nWide = 160x90\n")
COMPANIES = {
    "signed": f"RootPath = demo\nBfc = true\n{LOCK}",
    "everlasting": f"RootPath = demo\nExpiration = -1\n{LOCK}",
    "veiled": f"RootPath = demo\nRequestObfuscation = 1\n{LOCK}",
    "vendor": "RootPath = demo\nRequestLock = true\n",
    "shown": f"RootPath = shop\n{PRESETS}",
    "sealed": f"RootPath = shop\n{LOCK}{PRESETS}",
    "open": "RootPath = demo\n",
}


def sign(path, query, key=KEY):
    return hmac.new(key.encode(), f"/is/image/{path}?{query}".encode(), "sha256").hexdigest()[:32]


def vendor_lock(query):
    h = 0
    for c in query.encode():
        h = (h * 131 + c) & 0xffff
    return f"{h:04x}"


@functools.cache
def site():
    server = Server("--renderers", "2")
    for name, text in COMPANIES.items():
        (server.config / f"companies/{name}.ini").write_text(text)
    shutil.copytree(server.root / "demo", server.root / "shop")
    atexit.register(server.stop)
    return server.start()


class Signed(unittest.TestCase):
    def ask(self, path, query, accept="*/*", **headers):
        return site().image(f"{path}?{query}&{sign(path, query)}", accept, **headers)

    def seconds(self, reply):
        """Those that any header names for anyone."""
        text = ", ".join(reply.headers.get(name, "") for name in ("cache-control", "cdn-cache-control"))
        return [int(n) for n in re.findall(r"=(\d+)", text)]

    def test_good_until_its_end(self):
        now = int(time.time())
        for query in (f"wid=50&expires={now + 1000}", f"expires={now + 1000}&wid=50", f"Expires={now + 1000}&wid=50",
                      f"wid=50&expires={now + 1000}&expires={now + 5000}"):
            reply = self.ask("signed/night", query)
            self.assertEqual(reply.status, 200, query)
            self.assertTrue(all(900 < n <= 1000 or n <= 100 for n in self.seconds(reply)), reply)
        for query in (f"wid=50&expires={now - 1}", f"expires={now - 1000}", "wid=50&expires=1",
                      f"wid=50&expires={now + 1000}&expires={now - 1}"):
            reply = self.ask("signed/night", query)
            self.assertEqual((reply.status, reply.headers["cache-control"]), (403, "no-store"), query)

    def test_what_is_no_time(self):
        for value in "soon", "", "-1", "0", "1e9", "99999999999999999999999", "%31":
            self.assertEqual(self.ask("signed/night", f"wid=50&expires={value}").status, 403, value)
        self.assertEqual(self.ask("signed/night", "wid=50&expires").status, 403)

    def test_nobody_moves_the_end(self):
        now = int(time.time())
        query = f"wid=50&expires={now - 10}"
        lock = sign("signed/night", query)
        for other in (f"wid=50&expires={now + 1000}", "wid=50", f"wid=50&expires={now - 10}&expires={now + 1000}"):
            self.assertEqual(site().image(f"signed/night?{other}&{lock}").status, 403)
            self.assertEqual(site().image(f"signed/night?{query}&{lock}&{other}").status, 403)

    def test_it_ends_while_the_server_has_it_in_memory(self):
        """Plans and hits are remembered; the end counts for them, too."""
        end = int(time.time()) + 3
        query = f"wid=51&expires={end}"
        reply = self.ask("signed/night", query)
        while reply.status == 200:
            self.assertLessEqual(time.time(), end + 2, "served after its end")
            self.assertTrue(all(n <= end - int(time.time()) + 1 for n in self.seconds(reply)), reply.headers)
            reply = self.ask("signed/night", query)
        self.assertGreaterEqual(time.time(), end)
        self.assertEqual(self.ask("signed/night", query).status, 403)
        self.assertEqual(self.ask("signed/night", f"wid=51&expires={end + 1000}").headers["x-cache"], "hit")

    def test_no_cache_keeps_it_longer(self):
        """First answers, replies that never expire, properties, 304."""
        end = int(time.time()) + 500
        for path, query, accept in (("signed/product", "wid=52&qlt=80", "image/webp"), ("everlasting/night", "wid=53", "*/*"),
                                    ("everlasting/night", "wid=53&req=props", "*/*"), ("signed/night", "req=exists", "*/*")):
            query += f"&expires={end}"
            reply = self.ask(path, query, accept)
            self.assertEqual(reply.status, 200)
            self.assertTrue(self.seconds(reply) and max(self.seconds(reply)) <= 500, (query, reply.headers))
            self.assertNotIn("immutable", reply.headers["cache-control"])
            stale = re.search(r"s-maxage=(\d+), stale-while-revalidate=(\d+)", reply.headers["cache-control"])
            self.assertLessEqual(sum(map(int, stale.groups())) if stale else 0, 500)
            again = self.ask(path, query, accept, **{"If-None-Match": reply.headers["etag"]})
            self.assertEqual(again.status, 304)
            self.assertLessEqual(max(self.seconds(again)), 500)

    def test_obfuscated(self):
        now = int(time.time())
        for end, status in (now + 100, 200), (now - 1, 403):
            query = f"wid=54&expires={end}"
            text = base64.b64encode(f"{query}&{sign('veiled/night', query)}".encode()).decode()
            self.assertEqual(site().image("veiled/night?" + text).status, status)

    def test_elsewhere_it_is_an_unknown_command(self):
        """Without a key anybody could write it; so it may be somebody's cache buster."""
        query = "wid=55&expires=12"
        self.assertEqual(site().image(f"vendor/night?{query}&{vendor_lock(query)}").status, 200)
        self.assertEqual(site().image(f"open/night?{query}").status, 200)
        self.assertIn("max-age=36000", site().image(f"open/night?{query}").headers["cache-control"])


class PresetsOnly(unittest.TestCase):
    def status(self, url, **headers):
        return site().image(url, **headers).status

    def test_presets(self):
        for url in ("shown/night?$small$", "shown/night?$SMALL$", "shown/night?$small$=", "shown/hero?$small$", "shown/hero",
                    "shown/night:Wide", "shown/night:Swatch", "shown/hero:Wide?$small$", "shown/night?$layers$", "shown/night?%24small%24",
                    "shown/night?&$small$&", "shown/night.jpg?$small$"):
            with self.subTest(url):
                self.assertEqual(self.status(url), 200)

    def test_nothing_else(self):
        for url in ("shown/night", "shown/night?", "shown/night?wid=40", "shown/night?$small$&wid=50", "shown/night?wid=50&$small$",
                    "shown/hero?wid=30", "shown/hero?bfc=on", "shown/night:Wide?wid=3", "shown/night?$small$&$layers$",
                    "shown/night?$small$&$small$", "shown/night?$unknown$", "shown/night?$small$&.comment", "shown/night?.comment",
                    "shown/hero?.", "shown/night?$v=1&$small$", "shown/night?$small$=5", "shown/night?$small$&cache=off",
                    "shown/night?$small$&utm=1", "shown/night?req=exists", "shown/hero?req=props", "shown?req=catalogprops",
                    "shown/night?$small$%26wid=50", "shown/night?$small$&expires=99999999999", "shown/night?layer=1&src=night",
                    "shown/night?template=hero", "shown/", "shown", "shown/gone?$small$&defaultImage=night"):
            with self.subTest(url):
                self.assertEqual(self.status(url), 403)

    def test_by_no_other_address(self):
        for url in ("open/night?layer=1&src=shown/night&wid=60", "open/night?src=is(shown/night?wid=77)", "shop/night?wid=40",
                    "?src=shown/night", "open/gone?defaultImage=shown/night", "open/night?layer=1&src=shop/night"):
            with self.subTest(url):
                self.assertEqual(self.status(url), 403)

    def test_headers_make_few_pictures(self):
        """The pixel ratio that a browser tells is one of a few."""
        sizes = {site().image("shown/night?$small$", Sec_CH_DPR=f"1.{n:02}").headers["etag"] for n in range(1, 25, 4)}
        self.assertLessEqual(len(sizes), 2)

    def test_with_a_lock(self):
        for query, status in (("$small$", 200), (f"$small$&expires={int(time.time()) + 100}", 200), ("wid=50", 403),
                              (f"expires={int(time.time()) + 100}", 403)):
            self.assertEqual(self.status(f"sealed/night?{query}&{sign('sealed/night', query)}"), status, query)


class Snippets(unittest.TestCase):
    """The programs of docs/signed-addresses.md, as far as there is what runs them."""

    HOW = {"python": [sys.executable, "sign.py"], "javascript": ["node", "sign.js"], "php": ["php", "sign.php"],
           "go": ["go", "run", "sign.go"], "sh": ["sh", "sign.sh"]}

    def programs(self):
        text = (PROJECT / "docs/signed-addresses.md").read_text()
        return dict(re.findall(r"(?ms)^```(\w+)\n(.*?)^```$", text))

    def sign(self, language, folder, *arguments):
        command = self.HOW[language]
        more = {"SMARTIMG_KEY": KEY, "GO111MODULE": "off"}
        done = subprocess.run([*command, *arguments], cwd=folder, env={**os.environ, **more}, capture_output=True,
                              text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.rstrip("\n")

    def test_programs(self):
        programs = self.programs()
        self.assertEqual(set(programs) - {"ini"}, set(self.HOW))
        run = []
        for language, command in self.HOW.items():
            if shutil.which(command[0]) is None or (language == "sh" and shutil.which("openssl") is None):
                continue
            with self.subTest(language), tempfile.TemporaryDirectory() as folder:
                (pathlib.Path(folder) / command[-1]).write_text(programs[language])
                for query in "wid=56&fmt=png", "", "layer=1&src=logo&$v=a%20b":
                    address = self.sign(language, folder, "/is/image/signed/night", query, "100")
                    self.assertEqual(site().request(address).status, 200, address)
                    self.assertEqual(site().request(address.replace("expires=1", "expires=2")).status, 403, address)
                address = self.sign(language, folder, "/is/image/signed/night", "wid=56", "-2")
                self.assertEqual(site().request(address).status, 403, address)
                run.append(language)
        self.assertIn("python", run)


if __name__ == "__main__":
    unittest.main()
