"""The playground: its page, pictures, explanations, views and uploads (docs/playground.md)."""

import atexit
import base64
import functools
import http.client
import io
import json
import os
import pathlib
import re
import socket
import time
import unittest
import urllib.parse

from PIL import Image, ImageChops

from server import BUILD, CHROME, PLAIN, PROJECT, Reply, Server
from waiting import PATIENCE, at_once, wait_until

PAGE = PROJECT / "web/playground"
HOUR = 3600
NIGHT = (PROJECT / "pictures/demo/night.jpg").read_bytes()
UNKNOWN = (404, b"unknown address\n")


def quoted(**parameters):
    return urllib.parse.urlencode(parameters, quote_via=urllib.parse.quote)


@functools.cache
def playground():
    """The server that most tests here share: it has uploads, and companies that do not let everybody in."""
    own = Server("--playground", "on", "--playground-uploads", "on")
    atexit.register(own.stop)
    companies, demo = own.config / "companies", own.root / "demo"
    (companies / "walled.ini").write_text("RootPath = photos\nClientAddressFilter = 192.0.2.0/24\n")
    (companies / "locked.ini").write_text("RootPath = odd\nRequestLock = true\n")
    (companies / "veiled.ini").write_text("RootPath = demo\nRequestObfuscation = 1\n")
    (own.root / "photos").mkdir()
    (own.root / "photos/hidden.jpg").write_bytes(NIGHT)
    (demo / "deep er").mkdir()
    (demo / "deep er/twin.jpg").write_bytes(NIGHT)
    (demo / "deep er/twin.png").write_bytes((demo / "logo.png").read_bytes())
    (demo / ".secret.jpg").write_bytes(NIGHT)
    (demo / "notes.txt").write_text("no picture")
    (own.root / "top.jpg").write_bytes(NIGHT)
    moving = [Image.new("RGB", (40, 30), colour) for colour in ("red", "green", "blue")]
    moving[0].save(demo / "moving.gif", save_all=True, append_images=moving[1:], duration=100)
    (own.root / "torn").mkdir()
    (own.root / "torn/torn.png").write_bytes((demo / "logo.png").read_bytes()[:1000])
    return own.start()


class Playground(unittest.TestCase):
    """What a server with a playground answers."""

    def setUp(self):
        self.own = playground()

    def ask(self, path, **headers):
        return self.own.request(path, {k.replace("_", "-"): v for k, v in headers.items()})

    def explain(self, url, status=200, headers=None, **more):
        reply = self.own.request("/.smartimg/explain?" + quoted(url=url, **more), headers)
        self.assertEqual(reply.status, status, reply.body)
        self.assertEqual(reply.type, "application/json", reply)
        self.assertEqual(reply.headers["cache-control"], "no-store")
        self.assertEqual(reply.headers["x-content-type-options"], "nosniff")
        return json.loads(reply.body)

    def view(self, url, status=200, headers=None, **more):
        reply = self.own.request("/.smartimg/view?" + quoted(url=url, **more), headers)
        self.assertEqual(reply.status, status, reply.body[:300])
        return reply

    def pictures(self, cookie=None):
        reply = self.own.request("/.smartimg/pictures", {"Cookie": cookie} if cookie else {})
        self.assertEqual((reply.status, reply.type), (200, "application/json"), reply)
        self.assertEqual(reply.headers["cache-control"], "no-store")
        return json.loads(reply.body)


class Pages(Playground):
    def test_the_page_is_there_and_strict(self):
        reply = self.ask("/")
        self.assertEqual((reply.status, reply.type), (200, "text/html; charset=utf-8"))
        self.assertEqual(reply.body, (PAGE / "index.html").read_bytes())
        policy = dict(part.strip().split(" ", 1) for part in reply.headers["content-security-policy"].split(";"))
        self.assertEqual(policy["default-src"], "'none'")
        self.assertEqual([policy[name] for name in ("script-src", "style-src", "connect-src", "img-src")],
                         ["'self'", "'self'", "'self'", "'self' blob:"])
        self.assertEqual([policy[name] for name in ("base-uri", "form-action", "frame-ancestors")], ["'none'"] * 3)
        self.assertNotIn("unsafe", reply.headers["content-security-policy"])
        self.assertEqual(reply.headers["x-content-type-options"], "nosniff")
        self.assertEqual(reply.headers["referrer-policy"], "same-origin")
        self.assertEqual(reply.headers["cache-control"], "no-cache")
        again = self.ask("/", If_None_Match=reply.headers["etag"])
        self.assertEqual((again.status, again.body), (304, b""))

    def test_files_of_the_page(self):
        types = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8",
                 ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
        for file in PAGE.iterdir():
            reply = self.ask("/.smartimg/playground/" + file.name)
            if file.suffix in types:
                self.assertEqual((reply.status, reply.type), (200, types[file.suffix]), file)
                self.assertEqual(reply.body, file.read_bytes())
                self.assertIn("default-src 'none'", reply.headers["content-security-policy"])
            else:
                self.assertEqual((reply.status, reply.body), UNKNOWN, file)

    def test_nothing_else_is_sent(self):
        for name in ("", "README.md", "none.js", "../nginx.conf.in", "%2e%2e/index.html", "a/index.html", ".index.html"):
            self.assertEqual(self.ask("/.smartimg/playground/" + name).status, 404, name)
        for path in ("/.smartimg", "/.smartimg/", "/.smartimg/none", "/index.html"):
            reply = self.ask(path)
            self.assertEqual((reply.status, reply.body), UNKNOWN, path)

    def test_methods(self):
        for path in ("pictures", "explain", "view", "playground/index.html"):
            self.assertEqual(self.own.request("/.smartimg/" + path, method="POST").status, 405, path)
        reply = self.ask("/.smartimg/uploads")
        self.assertEqual((reply.status, reply.body), (405, b"error 405\n"))

    def test_other_sites_may_not_ask(self):
        """Browsers tell whose page asks."""
        url = quoted(url="/is/image/demo/night?wid=40")
        for path in ("pictures", "explain?" + url, "view?" + url):
            for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 200), ("none", 200)):
                self.assertEqual(self.ask("/.smartimg/" + path, Sec_Fetch_Site=site).status, status, (path, site))


class Pictures(Playground):
    def test_every_picture_is_one_that_is_served(self):
        told = self.pictures()
        self.assertEqual(told["uploads"], {"on": True, "max_bytes": 20 << 20, "seconds": HOUR})
        ids = [p["id"] for p in told["pictures"]]
        self.assertEqual(len(ids), len(set(ids)))
        self.assertLessEqual(len(ids), 200)
        for picture in told["pictures"]:
            if picture["id"].startswith(("demo/", "top")):
                reply = self.own.image(urllib.parse.quote(picture["id"]) + "?wid=20", PLAIN)
                self.assertEqual(reply.status, 200, picture)
        night = next(p for p in told["pictures"] if p["id"] == "demo/night")
        self.assertEqual((night["bytes"], night["kind"]), (len(NIGHT), "jpeg"))
        self.assertIn("demo", told["companies"])
        self.assertNotIn("odd", told["companies"])  # it is the locked company's folder
        self.assertTrue(told["truncated"])

    def test_names(self):
        """Without an extension where that means the same file; nothing hidden, no other files."""
        ids = [p["id"] for p in self.pictures()["pictures"]]
        self.assertIn("demo/deep er/twin", ids)
        self.assertIn("demo/deep er/twin.png", ids)
        self.assertIn("top", ids)
        self.assertFalse([i for i in ids if "secret" in i or "notes" in i])

    def test_what_a_client_may_not_have_is_not_told(self):
        told = self.pictures()
        self.assertFalse([p for p in told["pictures"] if p["id"].startswith(("walled/", "locked/", "veiled/"))])
        self.assertFalse({"walled", "locked", "veiled"} & set(told["companies"]))


class Explanations(Playground):
    URL = "/is/image/smart/night?wid=120&qlt=85"

    def test_shape(self):
        told = self.explain(self.URL, **{"class": "avif+webp;dpr=2"})
        self.assertEqual(told["client"], "avif+webp;dpr=2")
        self.assertTrue(told["recipe"].startswith("smartimg/"))
        self.assertEqual((told["width"], told["height"]), (120, 80))
        self.assertGreater(told["total_ms"], 0)
        self.assertEqual(told["requested"]["format"], "jpeg")
        self.assertEqual(told["requested"]["score"], told["target"])
        for side in ("requested", "sent"):
            self.assertEqual(list(told[side]), ["format", "settings", "bytes", "score"])
        for candidate in told["candidates"]:
            self.assertEqual(list(candidate), ["format", "settings", "bytes", "score", "encode_ms", "score_ms",
                                               "verdict"])
        self.assertEqual({c["format"] for c in told["candidates"]} - {"jpeg"}, {"avif", "webp"})
        winner = [c for c in told["candidates"] if "winner" in c["verdict"]]
        self.assertEqual([c["bytes"] for c in winner], [told["sent"]["bytes"]])

    def test_a_class_is_what_it_says_and_headers_are_no_more(self):
        chrome = {"Accept": CHROME}
        for client, formats in (("webp", {"webp"}), ("jp2", {"jp2"}), ("plain", set()), ("nonsense", set())):
            told = self.explain(self.URL, headers=chrome, **{"class": client})
            self.assertEqual({c["format"] for c in told["candidates"]} - {"jpeg"}, formats, client)
        self.assertEqual(self.explain(self.URL, headers=chrome)["client"], "avif+webp")
        self.assertEqual(self.explain(self.URL)["client"], "plain")

    def test_it_explains_what_is_sent(self):
        told = self.explain(self.URL, **{"class": "webp"})
        sent = self.view(self.URL, **{"class": "webp"})
        self.assertEqual((len(sent.body), sent.type), (told["sent"]["bytes"], "image/" + told["sent"]["format"]))
        self.assertEqual(sent.body, self.own.request(self.URL, {"Accept": "image/webp"}).body)
        asked = self.view(self.URL, which="requested", **{"class": "webp"})
        self.assertEqual((len(asked.body), asked.type), (told["requested"]["bytes"], "image/jpeg"))

    def test_the_class_counts_here_alone(self):
        for reply in (self.own.request(self.URL + "&class=avif", {"Accept": PLAIN}),
                      self.own.request(self.URL, {"Accept": PLAIN, "X-Smartimg-Class": "avif"})):
            self.assertEqual(reply.type, "image/jpeg")

    def test_nothing_of_it_is_kept(self):
        url = "/is/image/smart/night?wid=121"
        self.explain(url, headers={"Accept": CHROME})
        self.assertEqual(self.own.request(url, {"Accept": CHROME}).headers["x-cache"], "miss")
        self.explain(url, headers={"Accept": CHROME})
        self.assertEqual(self.own.request(url, {"Accept": CHROME}).type, "image/avif")

    def test_it_is_the_table_of_the_command(self):
        told = self.explain(self.URL, **{"class": "webp"})
        done = os.popen(f"'{BUILD}/src/cli/smartimg' explain '{self.URL}' --fast --json --accept image/webp "
                        f"--root '{self.own.root}' --config '{self.own.config}'").read()
        have = [{k: c[k] for k in ("format", "settings", "bytes", "score", "verdict")} for c in told["candidates"]]
        want = [{k: c[k] for k in ("format", "settings", "bytes", "score", "verdict")}
                for c in json.loads(done)["candidates"]]
        self.assertEqual(have, want)

    def test_animations_have_no_candidates(self):
        told = self.explain("/is/image/demo/moving?fmt=gif&wid=20")
        self.assertEqual((told["candidates"], told["sent"]["format"]), ([], "gif"))
        self.assertEqual(told["sent"], told["requested"])

    def test_mistakes_are_json(self):
        for url, status, says in (("/is/image/smart/none", 403, "none"), ("/is/image/smart/night?wid=x", 403, "wid"),
                                  ("/is/image/smart/night?req=props,json", 403, "only images"),
                                  ("/is/image/smart/night?req=exists", 403, "only images"),
                                  ("/is/image/smart/night?req=props,json&wid=-1", 403, ""),
                                  ("/is/image/torn/torn?wid=20", 403, "unreadable")):
            told = self.explain(url, status)
            self.assertEqual(told["status"], status)
            self.assertIn(says, told["error"])
            self.assertFalse(told["error"].endswith("\n"))


class Addresses(Playground):
    """What is no request for an image of this server is not planned."""

    def test_hostile_addresses(self):
        here = f"http://127.0.0.1:{self.own.port}"
        for url in ("", "/", "night", "//evil.example/is/image/demo/night", here + "/is/image/demo/night",
                    "/is/content/demo/night", "/is/imagedemo/night", "/.smartimg/view?url=/is/image/demo/night",
                    "/.smartimg/explain", "/is/image/demo/night\r\nX: y", "/is/image/demo/ni ght", "/is/image/demo/n#a",
                    "/is/image/demo\\night", "/IS/IMAGE/demo/night", "/is/image/demo/" + "n" * 17000):
            for reply in (self.explain(url, 403), json.loads(self.view(url, 403).body)):
                self.assertIn("url", reply["error"])
        for url in ("/is/image/../demo/night", "/is/image/demo/../../x", "/is/image/demo/%2e%2e/%2e%2e/etc/passwd",
                    "/is/image/uploads/x", "/is/image//uploads/x", "/is/image/~uploads/x/y.jpg",
                    "/is/image/~uploads/../demo/night"):
            reply = self.own.request("/.smartimg/explain?" + quoted(url=url))
            self.assertIn(reply.status, (403, 404), url)
            self.assertNotIn(str(self.own.root).encode(), reply.body)

    def test_parameters(self):
        url = quoted(url="/is/image/demo/night?wid=40")
        for query in ("", "url", url + "&" + url, url + "&more=1", url + "&which=all", url + "&as=gif", url + "&class=a&class=b",
                      url + "&class=" + "a" * 300):
            for page in ("explain", "view"):
                reply = self.ask(f"/.smartimg/{page}?{query}")
                self.assertEqual((reply.status, reply.type), (403, "application/json"), (query, reply.body))
        self.assertEqual(self.ask("/.smartimg/explain").status, 403)

    def test_rules_of_companies_hold(self):
        for url, says in (("/is/image/walled/hidden?wid=40", "request refused"), ("/is/image/locked/x?wid=40", ""),
                          ("/is/image/veiled/night?wid=40", "")):
            direct = self.own.request(url)
            self.assertEqual(direct.status, 403, url)
            self.assertIn(says, self.explain(url, 403)["error"])
            self.view(url, 403)
            self.view(url, 403, which="requested", **{"as": "png"})
        veiled = "/is/image/veiled/night?" + base64.b64encode(b"wid=40").decode()
        self.assertEqual(self.explain(veiled)["width"], 40)
        nested = "/is/image/demo/night?wid=40&layer=1&src=walled/hidden"
        self.assertEqual(self.explain(nested, self.own.request(nested).status).get("status", 200),
                         self.own.request(nested).status)


class Views(Playground):
    URL = "/is/image/smart/night?wid=90&qlt=90"

    def test_it_is_for_its_client_alone(self):
        reply = self.view(self.URL, headers={"Accept": CHROME})
        self.assertRegex(reply.headers["cache-control"], r"^private, max-age=\d+$")
        self.assertNotIn("cdn-cache-control", reply.headers)
        again = self.view(self.URL, 304, headers={"Accept": CHROME, "If-None-Match": reply.headers["etag"]})
        self.assertEqual(again.body, b"")

    def test_it_shares_the_cache_with_images(self):
        url = "/is/image/smart/night?wid=91"
        self.assertEqual(self.view(url, **{"class": "webp"}).headers["x-cache"], "miss")
        self.assertEqual(self.own.request(url, {"Accept": "image/webp"}).headers["x-cache"], "hit")
        self.assertEqual(self.view(url, which="requested").headers["x-cache"], "miss")
        self.assertEqual(self.own.request(url + "&bfc=off", {"Accept": CHROME}).headers["x-cache"], "hit")

    def test_pixels_of_formats_that_few_browsers_show(self):
        sent = self.view(self.URL, **{"class": "jp2"})
        shown = self.view(self.URL, **{"class": "jp2", "as": "png"})
        self.assertEqual((sent.type, shown.type), ("image/jp2", "image/png"))
        pictures = [Image.open(io.BytesIO(r.body)).convert("RGB") for r in (sent, shown)]
        self.assertEqual(pictures[0].size, pictures[1].size)
        worst = max(high for _, high in ImageChops.difference(*pictures).getextrema())
        self.assertLessEqual(worst, 2)
        jpeg = self.view(self.URL, which="requested", **{"class": "jp2", "as": "png"})
        asked = self.view(self.URL, which="requested", **{"class": "jp2"})
        same = ImageChops.difference(*(Image.open(io.BytesIO(r.body)).convert("RGB") for r in (jpeg, asked)))
        self.assertLessEqual(max(high for _, high in same.getextrema()), 2)
        self.assertEqual((jpeg.type, asked.type), ("image/png", "image/jpeg"))
        self.assertEqual(self.view(self.URL, **{"class": "jp2"}).type, "image/jp2")  # the cache has no PNG


class Uploads(Playground):
    def upload(self, body=NIGHT, name="night.jpg", cookie=None, server=None, **headers):
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        if name is not None:
            headers["X-File-Name"] = name
        if cookie is not None:
            headers["Cookie"] = cookie
        connection = http.client.HTTPConnection("127.0.0.1", (server or self.own).port, timeout=PATIENCE)
        try:
            connection.request("POST", "/.smartimg/uploads", body, headers)
            return Reply(connection.getresponse(), 0)
        finally:
            connection.close()

    def visitor(self):
        """A new session: its cookie, and the id of its picture."""
        reply = self.upload()
        self.assertEqual((reply.status, reply.type), (201, "application/json"), reply.body)
        return reply.headers["set-cookie"].split(";")[0], json.loads(reply.body)["id"]

    def stored(self, identity):
        return self.own.cache / "uploads" / identity.partition("/")[2]

    def test_round(self):
        reply = self.upload()
        self.assertEqual(reply.headers["cache-control"], "no-store")
        self.assertRegex(reply.headers["set-cookie"],
                         r"^smartimg_session=[0-9a-f]{32}; Path=/; HttpOnly; SameSite=Strict$")
        cookie, told = reply.headers["set-cookie"].split(";")[0], json.loads(reply.body)
        self.assertRegex(told["id"], r"^~uploads/[0-9a-f]{32}/night\.jpg$")
        self.assertNotIn(cookie.partition("=")[2], told["id"])
        self.assertLess(abs(told["expires"] - time.time() - HOUR), HOUR / 2)
        self.assertEqual(self.stored(told["id"]).read_bytes(), NIGHT)
        self.assertEqual(oct(self.stored(told["id"]).parent.stat().st_mode & 0o777), "0o700")
        self.assertEqual(oct((self.own.cache / "uploads").stat().st_mode & 0o777), "0o700")
        self.assertEqual(self.pictures(cookie)["pictures"][0],
                         {"id": told["id"], "bytes": len(NIGHT), "kind": "jpeg"})
        url = f"/is/image/{told['id']}?wid=60"
        image = self.own.request(url, {"Cookie": cookie, "Accept": CHROME})
        self.assertEqual(image.status, 200)
        self.assertIn(image.type, ("image/avif", "image/webp"))
        self.assertRegex(image.headers["cache-control"], "^private, max-age=")
        self.assertEqual(self.explain(url, headers={"Cookie": cookie}, **{"class": "webp"})["sent"]["format"], "webp")
        self.assertEqual(self.view(url, headers={"Cookie": cookie}, which="requested").type, "image/jpeg")

    def test_others_do_not_see_it(self):
        mine, identity = self.visitor()
        other, _ = self.visitor()
        url = f"/is/image/{identity}?wid=61"
        self.assertEqual(self.own.request(url, {"Cookie": mine}).status, 200)
        nested = f"/is/image/demo/night?wid=60&layer=1&src={identity}"
        self.assertEqual(self.own.request(nested, {"Cookie": mine}).status, 200)
        texts = set()
        for cookie in (other, "", "smartimg_session=", "smartimg_session=" + identity.split("/")[1], mine + "0"):
            headers = {"Cookie": cookie} if cookie else {}
            for address in (url, nested, url + "&req=props", url + "&req=exists", f"/is/image/{identity}?req=imageprops",
                            f"/is/image/{identity}?req=userdata", url.replace("night.jpg", "none.jpg")):
                reply = self.own.request(address, headers)
                self.assertEqual(reply.status, 404, (cookie, address, reply.body))
                texts.add(reply.body)
            self.explain(url, 404, headers=headers)
            self.view(url, 404, headers=headers)
            self.assertFalse([p for p in self.pictures(cookie)["pictures"] if p["id"] == identity])
        self.assertEqual(len(texts), 1, texts)

    def test_the_same_address_is_planned_for_each_client(self):
        """Plans that are remembered are for everybody."""
        cookie, identity = self.visitor()
        url = f"/is/image/demo/night?wid=62&layer=1&src={identity}"
        for _ in range(3):
            self.assertEqual(self.own.request(url, {"Cookie": cookie}).status, 200)
            self.assertEqual(self.own.request(url).status, 404)

    def test_nothing_made_of_it_is_kept(self):
        cookie, identity = self.visitor()
        for _ in range(2):
            reply = self.own.request(f"/is/image/{identity}?wid=63", {"Cookie": cookie})
            self.assertEqual(reply.headers["x-cache"], "bypass")
        key = identity.split("/")[1].encode()
        files = [f for f in (self.own.cache / "images").rglob("*") if f.is_file()]
        self.assertFalse([f for f in files if key in f.read_bytes()])

    def test_it_ends_after_an_hour(self):
        cookie, identity = self.visitor()
        file = self.stored(identity)
        os.utime(file, (time.time() - HOUR + 600,) * 2)
        url = f"/is/image/{identity}?wid=64"
        self.assertEqual(self.own.request(url, {"Cookie": cookie}).status, 200)
        os.utime(file, (time.time() - HOUR - 1,) * 2)
        self.assertEqual(self.own.request(url, {"Cookie": cookie}).status, 404)
        self.explain(url, 404, headers={"Cookie": cookie})
        self.assertFalse([p for p in self.pictures(cookie)["pictures"] if p["id"] == identity])
        self.visitor()  # which sweeps
        self.assertFalse(file.parent.exists())

    def test_names(self):
        cookie, _ = self.visitor()
        for name, stored in (("night.jpg", "night-2.jpg"), ("NIGHT.PNG", "NIGHT.jpg"), ("..%2F..%2Fetc%2Fpasswd", "passwd.jpg"),
                             ("C%3A%5Cmy%20pics%5Csummer%20%C3%BC.jpeg", "summer.jpg"), (".htaccess", "picture.jpg"),
                             ("%00", "picture-2.jpg"), ("a" * 300, "a" * 36 + ".jpg"), ("a,b?c;d%22.jpg", "a-b-c-d.jpg")):
            reply = self.upload(name=name, cookie=cookie)
            self.assertEqual(reply.status, 201, reply.body)
            identity = json.loads(reply.body)["id"]
            self.assertEqual(identity.split("/")[2], stored)
            self.assertEqual(self.own.request(f"/is/image/{identity}?wid=20", {"Cookie": cookie}).status, 200)

    def test_kinds(self):
        for body, status in ((b"", 400), (b"hello", 415), (b"<html>", 415), (b"%PDF-1.4", 415), (b"\x7fELF" * 20, 415),
                             (b"MZ" + b"\0" * 200, 415)):
            reply = self.upload(body)
            self.assertEqual((reply.status, json.loads(reply.body)["status"]), (status, status), body)
            self.assertNotIn("set-cookie", reply.headers)
        for file, extension in (("demo/logo.png", "png"), ("demo/night.jpg", "jpg")):
            reply = self.upload((PROJECT / "pictures" / file).read_bytes(), "x.tiff")
            self.assertTrue(json.loads(reply.body)["id"].endswith("/x." + extension))

    def test_only_the_page_may_upload(self):
        here = f"http://127.0.0.1:{self.own.port}"
        for headers, status in (({"name": None}, 403), ({"Origin": "http://evil.example"}, 403), ({"Origin": "null"}, 403),
                                ({"Origin": here + "0"}, 403), ({"Sec_Fetch_Site": "cross-site"}, 403),
                                ({"Sec_Fetch_Site": "same-site"}, 403),
                                ({"Origin": here, "Sec_Fetch_Site": "same-origin"}, 201)):
            reply = self.upload(**headers)
            self.assertEqual((reply.status, reply.type), (status, "application/json"), (headers, reply.body))
        preflight = self.own.request("/.smartimg/uploads", {"Origin": "http://evil.example"}, method="OPTIONS")
        self.assertNotIn("access-control-allow-origin", preflight.headers)

    def test_large_ones_are_refused(self):
        reply = self.upload(NIGHT[:100] + bytes(20 << 20))
        self.assertEqual((reply.status, json.loads(reply.body)["status"]), (413, 413))
        self.assertEqual(reply.type, "application/json")

    def test_so_many_of_a_session(self):
        cookie, _ = self.visitor()
        for i in range(19):
            self.assertEqual(self.upload(cookie=cookie).status, 201, i)
        reply = self.upload(cookie=cookie)
        self.assertEqual((reply.status, reply.type), (403, "application/json"))
        self.assertEqual(len(list((self.own.cache / "uploads").rglob("night*"))) >= 20, True)

    def test_so_many_in_all(self):
        folder = self.own.cache / "uploads" / ("f" * 32)
        folder.mkdir()
        try:
            for i in range(200):
                (folder / f"{i}.jpg").write_bytes(b"")
            owner = folder.parent.stat()
            os.chown(folder, owner.st_uid, owner.st_gid)  # who is to remove them
            reply = self.upload()
            self.assertEqual((reply.status, reply.type), (503, "application/json"))
            for file in folder.iterdir():
                os.utime(file, (time.time() - 2 * HOUR,) * 2)
            self.assertEqual(self.upload().status, 201)
            self.assertFalse(folder.exists())
        finally:
            if folder.exists():
                for file in folder.iterdir():
                    file.unlink()
                folder.rmdir()

    def arriving(self):
        """What has not arrived whole."""
        return [f for f in (self.own.cache / "uploads-arriving").rglob("*") if f.is_file()]

    def begin(self):
        """A connection on which half of an upload is sent."""
        s = socket.create_connection(("127.0.0.1", self.own.port), timeout=PATIENCE)
        self.addCleanup(s.close)
        s.sendall(b"POST /.smartimg/uploads HTTP/1.1\r\nHost: x\r\nX-File-Name: torn.jpg\r\n"
                  b"Content-Length: %d\r\n\r\n" % len(NIGHT) + NIGHT[:len(NIGHT) // 2])
        return s

    def test_torn_ones_leave_nothing(self):
        before = set((self.own.cache / "uploads").rglob("*"))
        connection = self.begin()
        wait_until(self.arriving, "the first half to arrive")
        connection.close()
        wait_until(lambda: not self.arriving(), "the half to go")
        self.assertFalse([p for p in set((self.own.cache / "uploads").rglob("*")) - before if "torn" in p.name])
        self.visitor()
        self.assertEqual(self.arriving(), [])

    def test_so_many_at_a_time(self):
        connections = [self.begin() for _ in range(8)]
        wait_until(lambda: len(self.arriving()) == 8, "eight halves to arrive")
        reply = self.upload()
        self.assertEqual((reply.status, reply.type, reply.headers["retry-after"]), (503, "application/json", "1"))
        self.assertEqual(json.loads(reply.body)["status"], 503)
        for connection in connections:
            connection.close()
        wait_until(lambda: self.upload().status == 201, "room for another")

    def test_a_body_of_unknown_length(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.own.port, timeout=PATIENCE)
        self.addCleanup(connection.close)
        connection.request("POST", "/.smartimg/uploads", iter([NIGHT[:5000], NIGHT[5000:]]), {"X-File-Name": "pieces"},
                           encode_chunked=True)
        reply = Reply(connection.getresponse(), 0)
        self.assertEqual(reply.status, 201, reply.body)
        self.assertEqual(self.stored(json.loads(reply.body)["id"]).read_bytes(), NIGHT)

    def test_uploads_are_no_files_of_others(self):
        """Their paths in recipes lead nowhere in requests."""
        cookie, identity = self.visitor()
        key = identity.split("/")[1]
        for url in (f"uploads/{key}/night.jpg", f"%2Fuploads%2F{key}%2Fnight.jpg", f"/uploads/{key}/night.jpg",
                    f"~uploads/{key}/../{key}/night.jpg", f"~uploads/{key}/none.jpg", f"~uploads/{key}", "~uploads"):
            self.assertIn(self.own.request(f"/is/image/{url}?wid=20", {"Cookie": cookie}).status, (403, 404), url)


class Switches(unittest.TestCase):
    """Where there is a playground, and where there is none."""

    server = None

    def test_off_means_off(self):
        """With a configuration folder, unless it is asked for."""
        for path in ("/", "/.smartimg/", "/.smartimg/playground/index.html", "/.smartimg/pictures", "/.smartimg/uploads",
                     "/.smartimg/explain?url=/is/image/demo/night", "/.smartimg/view?url=/is/image/demo/night"):
            reply = self.server.request(path)
            self.assertEqual((reply.status, reply.body, reply.type), (*UNKNOWN, "text/plain; charset=utf-8"), path)
        self.assertEqual(self.server.request("/.smartimg/uploads", {"X-File-Name": "a"}, "POST").status, 404)
        self.assertFalse((self.server.cache / "uploads").exists())

    def test_on_without_a_configuration_but_no_uploads(self):
        with Server(config=False) as own:
            self.assertEqual(own.request("/").status, 200)
            told = json.loads(own.request("/.smartimg/pictures").body)
            self.assertFalse(told["uploads"]["on"])
            reply = own.request("/.smartimg/uploads", {"X-File-Name": "a", "Content-Length": "0"}, "POST")
            self.assertEqual((reply.status, reply.type), (403, "application/json"))
            self.assertEqual(json.loads(reply.body)["error"], "uploads are switched off")
            self.assertEqual(own.image("~uploads/" + "0" * 32 + "/a.jpg").status, 403)

    def test_smartimg_ini_and_the_command_line(self):
        own = Server("--playground", "off")
        (own.config / "smartimg.ini").write_text("playground = on\nplayground-uploads = on\n")
        with own:
            self.assertEqual(own.request("/").status, 404)
        own = Server("--originals", "png,jpeg", "--renderers", "1")
        (own.config / "smartimg.ini").write_text("playground = on\nplayground-uploads = on\n")
        with own:
            for body, status in ((NIGHT, 201), (b"GIF89a" + bytes(100), 415)):
                connection = http.client.HTTPConnection("127.0.0.1", own.port, timeout=PATIENCE)
                connection.request("POST", "/.smartimg/uploads", body, {"X-File-Name": "a"})
                self.assertEqual(connection.getresponse().status, status)
                connection.close()
            self.assertEqual(own.request("/").status, 200)
            kinds = {p["kind"] for p in json.loads(own.request("/.smartimg/pictures").body)["pictures"]}
            self.assertEqual(kinds, {"png", "jpeg"})

    def test_what_was_uploaded_goes_with_the_switch(self):
        own = Server("--playground", "on")
        left = own.cache / "uploads" / ("a" * 32)
        left.mkdir(parents=True)
        (left / "x.jpg").write_bytes(NIGHT)
        with own:
            self.assertEqual(own.request("/").status, 200)
            self.assertFalse((own.cache / "uploads").exists())

    def test_run_has_it_on(self):
        self.assertIn("--playground on --playground-uploads on", (PROJECT / "run").read_text())


class Load(unittest.TestCase):
    """An explanation costs a render, and is counted as one."""

    def test_misses_of_a_client_are_counted(self):
        replies = []
        with Server("--playground", "on", "--misses-per-client", "1", "--renderers", "1") as own:
            at_once(lambda i: replies.append(own.request(
                "/.smartimg/explain?" + quoted(url=f"/is/image/demo/night?wid={20 + i}"))), 40)
        refused = [r for r in replies if r.status == 503]
        self.assertEqual({r.status for r in replies}, {200, 503})
        for reply in refused:
            self.assertEqual(reply.type, "application/json")
            self.assertEqual(reply.headers["retry-after"], "1")
            told = json.loads(reply.body)
            self.assertEqual(told["status"], 503)
            self.assertIn("too many", told["error"])
