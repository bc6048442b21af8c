"""Companies whose originals are at an http origin: Debian's nginx."""

import atexit
import io
import os
import pathlib
import re
import subprocess
import tempfile
import unittest
import urllib.request
from urllib.parse import quote

import PIL.Image

from origins import NginxOrigin, color_of, picture
from server import CHROME, SMARTIMG, Server, run
from test_pool import Pool
from waiting import PATIENCE, at_once, wait_until

# Freshness is short, and silence long: no test waits for it.
SOURCE = """
[source legacy]
Url = http://127.0.0.1:{port}/masters
Private = true
Extensions = .png,.jpg
Fresh = {fresh}
Missing = 0
"""


class Origins(unittest.TestCase):
    server = origin = None

    @classmethod
    def prepare(cls, root, companies):
        cls.origin = NginxOrigin().__enter__()
        atexit.register(cls.origin.__exit__)
        source = SOURCE.format(port=cls.origin.port, fresh=3600)
        (companies / "shop.ini").write_text("Sources = legacy\nBfc = true\n" + source +
                                            "[objects]\nhero = shoe.png?wid=40\n[object masked]\nPath = shoe.png\n"
                                            "MaskPath = half.png\n[object season]\nPath = sale.png\nMaskPath = stencil.png\n"
                                            "[object other]\nPath = sale.png\n[crops]\nWide = 40x10\n")
        (companies / "quick.ini").write_text("Sources = legacy\nRootPath = shop\n" +
                                             SOURCE.format(port=cls.origin.port, fresh=0))
        (companies / "both.ini").write_text("Sources = folder, legacy\nRootPath = demo\n" + source)
        (companies / "standby.ini").write_text("Sources = legacy\nRootPath = shop\nDefaultImage = standin\n" + source)
        (companies / "layer.ini").write_text("Sources = legacy\nRootPath = shop\nDefaultImage = standin\n"
                                             "DefaultImageMode = 1\n" + source)
        for name in ("shoe", "old", "many", "purged", "gone", "sale"):
            cls.origin.put(f"masters/shop/{name}.png", picture("red", (400, 300)), 1000000000)
        cls.origin.put("masters/shop/standin.png", picture("blue", (100, 100)))
        cls.origin.put("masters/shop/with blank+plus.png", picture("lime"))
        cls.origin.put("masters/shop/schön.png", picture("lime"))
        cls.origin.put("masters/demo/remote.png", picture("lime"))
        cls.origin.put("masters/shop/stencil.png", picture("white", (400, 300)))
        cls.origin.put("masters/shop/half.png", picture("white", (400, 300)))

    def get(self, url, **how):
        return self.server.image(url, **how)

    def test_first_picture(self):
        reply = self.get("quick/shoe?wid=100&fmt=png")
        self.assertEqual((reply.status, color_of(reply)), (200, "red"), reply)
        self.assertEqual(reply.headers["last-modified"], "Sun, 09 Sep 2001 01:46:40 GMT")
        self.assertEqual(self.get("quick/shoe?wid=100&fmt=png").headers["x-cache"], "hit")

    def test_converted(self):
        reply = self.get("shop/shoe.png?wid=200", accept=CHROME)
        self.assertEqual((reply.status, int(reply.headers["x-adobe-smart-imaging"]) > 0), (200, True), reply)

    def test_names(self):
        for name in ("with%20blank%2Bplus", "with%20blank%2Bplus.png", "sch%C3%B6n"):
            with self.subTest(name):
                reply = self.get(f"shop/{name}?wid=10&fmt=png")
                self.assertEqual((reply.status, color_of(reply)), (200, "lime"), reply)

    def test_missing(self):
        reply = self.get("shop/nothing")
        self.assertEqual((reply.status, reply.body), (403, b'image not found: image "nothing" not found\n'))
        self.assertEqual(self.get("shop/../shop/%2e%2e/x").status, 403)

    def test_default_image(self):
        reply = self.get("standby/nothing?wid=50&fmt=png")
        self.assertEqual((reply.status, color_of(reply)), (200, "blue"), reply)
        reply = self.get("layer/nothing?wid=50&fmt=png&layer=1&src=shoe&size=20,20")
        self.assertEqual((reply.status, color_of(reply)), (200, "red"), reply)

    def test_records(self):
        reply = self.get("shop/hero?fmt=png&req=props")
        self.assertIn(b"image.width=40", reply.body)
        self.assertEqual(self.get("shop/masked?fmt=png&wid=20").status, 200)

    def test_smart_crop(self):
        reply = self.get("shop/shoe:Wide?req=userdata")
        self.assertEqual(reply.status, 200, reply)
        self.assertIn(b"SmartCropWidth=40", reply.body)

    def test_properties(self):
        reply = self.get("shop/shoe?req=imageprops")
        self.assertIn(b"image.width=400", reply.body)
        self.assertIn(b"image.timeStamp=1000000000000", reply.body)
        self.assertIn(b"1", self.get("shop/shoe?req=exists").body)
        self.assertIn(b"0", self.get("shop/nothing?req=exists").body)

    def test_composite(self):
        reply = self.get("shop/shoe?wid=200&fmt=png&layer=1&src=standin&size=200,150&layer=2&src=is(shop/half?wid=20)"
                         "&pos=-100,-80")
        self.assertEqual((reply.status, color_of(reply)), (200, "blue"), reply)

    def test_folder_first(self):
        reply = self.get("both/remote?wid=20&fmt=png")
        self.assertEqual((reply.status, color_of(reply)), (200, "lime"), reply)
        self.assertEqual(self.get("both/logo?wid=20").status, 200)
        self.assertEqual(self.origin.asked("demo/logo"), [])

    def test_one_fetch_for_many(self):
        replies = [None] * 24

        def ask(i):
            replies[i] = self.get(f"shop/many?wid={20 + i}&fmt=png")

        at_once(ask, 24)
        self.assertEqual({r.status for r in replies}, {200})
        self.assertLessEqual(len(self.origin.asked("HEAD /masters/shop/many.png")), os.cpu_count())  # of nginx's workers
        self.assertEqual(len(self.origin.asked("GET /masters/shop/many.png")), 1)

    def test_changed_original(self):
        self.assertEqual(color_of(self.get("quick/old?wid=30&fmt=png")), "red")
        self.origin.put("masters/shop/old.png", picture("blue", (400, 300)), 1100000000)

        def changed():
            return color_of(self.get("quick/old?wid=30&fmt=png")) == "blue"

        wait_until(changed, "the changed original")
        wait_until(lambda: self.get("quick/old?wid=30&fmt=png").headers["x-cache"] == "hit", "a hit")

    def test_purged_by_a_record(self):
        """Which purges the files that it names, of itself alone."""
        self.assertEqual([color_of(self.get(f"shop/{name}?wid=30&fmt=png&bgc=00ff00")) for name in ("season", "other")],
                         ["red", "red"])
        self.origin.put("masters/shop/sale.png", picture("blue", (400, 300)), 1100000000)
        self.assertEqual(run("purge", "shop/season", "--cache", self.server.cache).returncode, 0)
        self.assertEqual([color_of(self.get(f"shop/{name}?wid=30&fmt=png&bgc=00ff00")) for name in ("season", "other")],
                         ["blue", "red"])
        self.origin.put("masters/shop/stencil.png", picture("black", (400, 300)), 1100000000)
        self.assertEqual(run("purge", "shop/season", "--cache", self.server.cache).returncode, 0)
        self.assertEqual(color_of(self.get("shop/season?wid=30&fmt=png&bgc=00ff00")), "lime")
        self.assertEqual(run("purge", "shop/sale.png", "--cache", self.server.cache).returncode, 0)
        self.assertEqual(color_of(self.get("shop/other?wid=30&fmt=png")), "blue")

    def test_purged(self):
        self.assertEqual(color_of(self.get("shop/purged?wid=30&fmt=png")), "red")
        self.origin.put("masters/shop/purged.png", picture("blue", (400, 300)), 1100000000)
        self.assertEqual(color_of(self.get("shop/purged?wid=30&fmt=png")), "red")  # known for an hour
        self.assertEqual(run("purge", "shop/purged", "--cache", self.server.cache).returncode, 0)
        self.assertEqual(color_of(self.get("shop/purged?wid=30&fmt=png")), "blue")


class KeptOriginals(unittest.TestCase):
    """The folder of originals: one fetch for all sizes, and never a picture that is not the origin's."""

    def start(self, origin, *options):
        server = Server(*options)
        (server.config / "companies/shop.ini").write_text(
            f"Sources = legacy\n[source legacy]\nUrl = http://127.0.0.1:{origin.port}\nPrivate = true\nRetries = 0\n"
            "Fresh = 3600\n")
        return server

    def test_kept(self):
        with NginxOrigin() as origin:
            origin.put("shop/shoe.png", picture("red", (400, 300)))
            with self.start(origin) as server:
                folder = server.cache / "originals"
                for i in range(5):
                    self.assertEqual(server.image(f"shop/shoe.png?wid={30 + i}").status, 200)
                self.assertEqual(len(origin.asked("GET")), 1)
                self.assertEqual(len(list(folder.iterdir())), 1)
                origin.stop()
                reply = server.image("shop/shoe.png?wid=50&fmt=png")
                self.assertEqual((reply.status, color_of(reply)), (200, "red"))
                server.end()
                server.start()  # it survives that, but nobody knows whether the original has changed since
                self.assertEqual(server.image("shop/shoe.png?wid=51").status, 503)
                origin.__enter__()
                wait_until(lambda: server.image("shop/shoe.png?wid=51").status == 200, "the origin's return")
                self.assertEqual(len(origin.asked("GET")), 1)

    def test_damaged(self):
        """Cut, longer, changed, or no file of ours: it comes again."""
        def cut(data):
            return data[:len(data) // 2]

        def longer(data):
            return data + b"more"

        def changed(data):
            return data[:-40] + bytes([data[-40] ^ 1]) + data[-39:]

        with NginxOrigin() as origin:
            origin.put("shop/shoe.png", picture("red", (400, 300)))
            with self.start(origin) as server:
                folder = server.cache / "originals"
                self.assertEqual(server.image("shop/shoe.png?wid=20").status, 200)
                for i, damage in enumerate((cut, longer, changed, lambda data: b"")):
                    with self.subTest(damage):
                        [file] = folder.iterdir()
                        whole = file.read_bytes()
                        file.write_bytes(damage(whole))
                        reply = server.image(f"shop/shoe.png?wid={30 + i}&fmt=png")
                        self.assertEqual((reply.status, color_of(reply)), (200, "red"))
                        self.assertEqual(len(origin.asked("GET")), i + 2)
                        [file] = folder.iterdir()
                        self.assertEqual(file.read_bytes(), whole)

    def test_bounded(self):
        with NginxOrigin() as origin:
            noise = PIL.Image.effect_noise((600, 600), 200)
            for i in range(12):
                out = io.BytesIO()
                noise.rotate(90 * i).save(out, "PNG")
                origin.put(f"shop/{i}.png", out.getvalue())
            size = len(out.getvalue())
            with self.start(origin, "--originals-cache-size", "1m") as server:
                for i in range(12):
                    self.assertEqual(server.image(f"shop/{i}.png?wid=20").status, 200)
                    self.assertEqual(server.image(f"shop/0.png?wid={30 + i}").status, 200)
                kept = sum(file.stat().st_size for file in (server.cache / "originals").iterdir())
                self.assertLessEqual(kept, 1 << 20)
                self.assertGreater(kept, (1 << 20) - 2 * size)
                self.assertEqual(len(origin.asked("GET /shop/0.png")), 1)  # it was used all the time

    def test_none(self):
        with NginxOrigin() as origin:
            origin.put("shop/shoe.png", picture("red", (400, 300)))
            with self.start(origin, "--originals-cache-size", "0") as server:
                for i in range(2):
                    self.assertEqual(server.image(f"shop/shoe.png?wid={30 + i}").status, 200)
                self.assertEqual(len(origin.asked("GET")), 2)
                with urllib.request.urlopen(f"http://127.0.0.1:{server.admin_port}/metrics", timeout=PATIENCE) as page:
                    metrics = page.read().decode()
                self.assertIn('smartimg_origin_answers_total{result="found"} 1\n', metrics)
                self.assertIn('smartimg_origin_answers_total{result="failed"} 0\n', metrics)
                self.assertIn("smartimg_origin_waits_total 1\n", metrics)

    def test_replaced_unnoticed(self):
        """What is there is sent, and kept as soon as it is known; what is gone is missing."""
        with NginxOrigin() as origin:
            origin.put("shop/shoe.png", picture("red", (400, 300)), 1000000000)
            with self.start(origin, "--originals-cache-size", "0") as server:
                def get(width):
                    return server.image(f"shop/shoe.png?wid={width}&fmt=png")

                self.assertEqual(color_of(get(30)), "red")
                origin.put("shop/shoe.png", picture("blue", (400, 300)), 1100000000)
                reply = get(31)
                self.assertEqual(color_of(reply), "blue")
                self.assertNotIn("x-smartimg-changed", reply.headers)
                self.assertEqual(color_of(get(30)), "blue")
                self.assertEqual(get(31).headers["x-cache"], "miss")
                self.assertEqual(get(31).headers["x-cache"], "hit")
                os.unlink(origin.folder / "shop/shoe.png")
                for width in (32, 33):
                    self.assertEqual(get(width).status, 403, width)
                wait_until(lambda: get(31).status == 403, "what is cached to be missing, too")


class RenderersElsewhere(unittest.TestCase):
    """`smartimg renderer` on TCP, as on another machine, and commands without a server, ask origins themselves."""

    def test_renderer(self):
        with NginxOrigin() as origin, tempfile.TemporaryDirectory() as place:
            folder = pathlib.Path(place)
            (folder / "conf/companies").mkdir(parents=True)
            (folder / "root").mkdir()
            (folder / "conf/companies/shop.ini").write_text(
                f"Sources = legacy\n[source legacy]\nUrl = http://127.0.0.1:{origin.port}\nPrivate = true\n")
            origin.put("shop/shoe.png", picture("red", (400, 300)))
            origin.put("shop/half.png", picture("blue", (400, 300)))
            address = "/is/image/shop/shoe.png?wid=40&fmt=png&layer=1&src=half.png&size=40,30"
            told = run("explain", "--recipe", address, "--root", folder / "root", "--config", folder / "conf", check=True)
            recipe = told.stdout.strip()
            self.assertIn("/origin/legacy%40shop/" if "%40" in recipe else "/origin/legacy@shop/", recipe)
            drawn = subprocess.run([SMARTIMG, "render", address, "--root", folder / "root", "--config", folder / "conf"],
                                   capture_output=True, check=True).stdout
            with Pool("--config", folder / "conf", "--originals-cache", folder / "originals", tcp=True) as pool:
                for _ in range(2):
                    status, headers, body = pool.ask(recipe)
                    self.assertEqual((status, body, "X-Smartimg-Changed" in headers), (200, drawn, False))
                self.assertEqual(len(origin.asked("GET /shop/shoe.png")), 2)  # the command's and the renderers'
                status, headers, _ = pool.ask(recipe.replace("shoe.png", "none.png"))
                self.assertEqual((status, headers.get("X-Smartimg-Changed")), (403, "1"))
                origin.put("shop/shoe.png", picture("lime", (400, 300)), 1000000000)
                status, headers, _ = pool.ask(re.sub(r"/[0-9a-f]{16}/", "/0123456789abcdef/", recipe))
                self.assertEqual((status, headers.get("X-Smartimg-Changed"), headers["X-Accel-Expires"]), (200, "1", "0"))


class OriginDown(unittest.TestCase):
    """What is known stays in use; what is not is no missing image."""

    def test_down(self):
        with NginxOrigin() as origin:
            origin.put("shop/shoe.png", picture("red", (400, 300)))
            server = Server()
            source = f"[source legacy]\nUrl = http://127.0.0.1:{origin.port}\nPrivate = true\nRetries = 0\n"
            (server.config / "companies/shop.ini").write_text("Sources = legacy\nDefaultImage = shoe.png\n" + source +
                                                              "Fresh = 0\nMissing = 0\n")
            (server.config / "companies/brief.ini").write_text("Sources = legacy\nRootPath = shop\n" + source +
                                                               "Fresh = 0\nStaleIfError = 0\n")
            with server:
                for company in ("shop", "brief"):
                    self.assertEqual(server.image(f"{company}/shoe.png?wid=30").status, 200)
                origin.stop()
                for _ in range(3):
                    self.assertEqual(server.image("shop/shoe.png?wid=30").headers["x-cache"], "hit")
                reply = server.image("shop/new.png?wid=30")
                self.assertEqual(reply.status, 503, reply)
                self.assertEqual(reply.headers.get("retry-after"), "1")
                wait_until(lambda: server.image("brief/shoe.png?wid=30").status == 503, "the end of what is known")
                self.assertEqual(server.image("brief/nothing.png?wid=30").status, 503)
                origin.__enter__()
                wait_until(lambda: server.image("brief/shoe.png?wid=30").status == 200, "the origin's return")
                wait_until(lambda: server.image("shop/new.png?wid=30").status == 200, "the default image")

    def test_playground(self):
        """What shows another request's reply waits as that would."""
        with NginxOrigin() as origin:
            origin.put("shop/shoe.png", picture("red", (400, 300)))
            origin.put("shop/sole.png", picture("blue", (400, 300)))
            server = Server("--playground", "on")
            (server.config / "companies/shop.ini").write_text(
                f"Sources = legacy\n[source legacy]\nUrl = http://127.0.0.1:{origin.port}\nPrivate = true\n")
            with server:
                reply = server.request("/.smartimg/explain?url=" + quote("/is/image/shop/shoe.png?wid=40", safe=""))
                self.assertEqual((reply.status, b"/origin/legacy" in reply.body), (200, True), reply)
                reply = server.request("/.smartimg/view?url=" + quote("/is/image/shop/sole.png?wid=40&fmt=png", safe=""))
                self.assertEqual((reply.status, color_of(reply)), (200, "blue"), reply)
                reply = server.request("/.smartimg/view?url=" + quote("/is/image/shop/none.png", safe=""))
                self.assertEqual(reply.status, 403, reply)

    def test_process_killed(self):
        with NginxOrigin() as origin:
            server = Server()
            (server.config / "companies/shop.ini").write_text(
                f"Sources = legacy\n[source legacy]\nUrl = http://127.0.0.1:{origin.port}\nPrivate = true\n")
            for i in range(4):
                origin.put(f"shop/{i}.png", picture("red"))
            with server:
                self.assertEqual(server.image("shop/0.png?wid=30").status, 200)
                for i in range(1, 4):
                    pids = [pid for pid, name in server.children().items() if name == "smartimg-origin"]
                    self.assertEqual(len(pids), 1)
                    os.kill(pids[0], 9)
                    self.assertEqual(server.image(f"shop/{i}.png?wid=30").status, 200)

    def test_reload(self):
        with NginxOrigin() as one, NginxOrigin() as other:
            one.put("shop/shoe.png", picture("red"))
            other.put("shop/shoe.png", picture("blue"))
            server = Server()
            file = server.config / "companies/shop.ini"
            text = "Sources = legacy\n[source legacy]\nUrl = http://127.0.0.1:{}\nPrivate = true\n"
            file.write_text(text.format(one.port))
            with server:
                self.assertEqual(color_of(server.image("shop/shoe.png?fmt=png")), "red")
                file.write_text(text.format(other.port))
                server.process.send_signal(1)

                def blue():
                    reply = server.image("shop/shoe.png?fmt=png")
                    return reply.status == 200 and color_of(reply) == "blue"

                wait_until(blue, "the other origin")


if __name__ == "__main__":
    unittest.main()
