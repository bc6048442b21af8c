"""Smart Imaging on pictures of several layers: format conversion, alpha, pixel ratio, purging, coalescing, long recipes."""

import concurrent.futures
import unittest

import picture
import samples
from server import CHROME, CHROME_OLD, run

LAYERS = "layer=1&src=label&pos=40,20&size=120,0&effect=-1&$shadow$&layer=2&src=disc&opac=60&layer=comp&wid=300"


class SmartComposites(samples.Samples):
    @classmethod
    def prepare(cls, root, companies):
        super().prepare(root, companies)
        (companies / "stacks.ini").write_text("RootPath = sheets\nBfc = true\nDefaultPix = 0,0\n")

    def smart(self, query, accept=CHROME):
        reply = self.get("stacks/" + query, accept=accept)
        self.assertEqual(picture.kind(reply.body), reply.type)
        return reply

    def test_savings_are_the_difference(self):
        for query in ("grid?" + LAYERS, "grid?fmt=png&" + LAYERS):
            plain = self.get(f"stacks/{query}&bfc=off")
            for accept in (CHROME, CHROME_OLD):
                reply = self.smart(query, accept)
                if reply.savings > 0:
                    self.assertIn(reply.type, ("image/avif", "image/webp"))
                    self.assertEqual(reply.savings, len(plain.body) - len(reply.body))
                else:
                    self.assertEqual((reply.type, reply.body), (plain.type, plain.body))
        self.assertEqual(self.smart("grid?fmt=png&" + LAYERS).type, "image/avif")
        self.assertEqual(self.smart("grid?fmt=png&" + LAYERS, CHROME_OLD).type, "image/webp")
        self.assertIsNone(self.smart("grid?fmt=tif&" + LAYERS).savings)

    def test_alpha_survives(self):
        query = "disc?fmt=png-alpha&layer=1&src=label&size=60,0&pos=60,-60&wid=180"
        exact = picture.pixels(self.get(f"stacks/{query}&bfc=off").body)
        for accept in (CHROME, CHROME_OLD):
            reply = self.smart(query, accept)
            self.assertGreater(reply.savings, 0)
            shown = picture.pixels(reply.body)
            self.assertEqual((shown.mode, shown.size), ("RGBA", exact.size))
            for x, y in ((2, 2), (90, 90), (150, 30), (2, 178)):
                self.assertAlmostEqual(shown.getpixel((x, y))[3], exact.getpixel((x, y))[3], delta=6)

    def test_density(self):
        for accept in (CHROME, "*/*"):
            for ratio, size in ((2, (600, 450)), (1.5, (450, 338)), (1, (300, 225))):
                reply = self.smart(f"grid?{LAYERS}&dpr=on,{ratio}", accept)
                self.assertEqual(picture.size(reply.body), size)

    def test_nests_are_not_converted(self):
        a = self.smart("square?wid=100&layer=1&src=is(stacks/label?bfc=on&dpr=on,3&fmt=png)", "*/*")
        b = self.smart("square?wid=100&layer=1&src=label", "*/*")
        self.assertEqual(picture.size(a.body), (100, 100))
        self.assertEqual(a.body, b.body)

    def test_order_and_case_do_not_matter(self):
        tags = {self.smart("square?" + query).headers["etag"] for query in (
            "wid=90&layer=1&src=label&opac=40&pos=5,5", "layer=1&pos=5,5&opac=40&src=label&layer=comp&wid=90",
            "LAYER=1&SRC=label&layer=comp&wid=90&.c=3&layer=1&pos=5,5&opac=40&ts=4", "wid=9&layer=1,b&src=label&opac=3"
            "&layer=comp&wid=90&layer=b&opac=40&pos=5,5")}
        self.assertEqual(len(tags), 1)

    def test_purging_and_changing_a_layers_object(self):
        file = self.server.root / "sheets/badge.png"
        url = "square?wid=60&fmt=png&layer=1&src=badge&size=1000,1000"
        nested = "square?wid=60&fmt=png&mask=is(stacks/badge?op_invert=0)"
        file.write_bytes((self.server.root / "sheets/label.png").read_bytes())
        first, inner = self.smart(url, "*/*"), self.smart(nested, "*/*")
        self.assertEqual(self.smart(url, "*/*").headers["x-cache"], "hit")
        run("purge", "--cache", self.server.cache, "stacks/badge", check=True)
        self.assertEqual(self.smart(url, "*/*").headers["x-cache"], "miss")
        self.assertEqual(self.smart(nested, "*/*").headers["x-cache"], "miss")
        file.write_bytes((self.server.root / "sheets/blue.png").read_bytes())
        self.assertNotEqual(self.smart(url, "*/*").body, first.body)
        self.assertNotEqual(self.smart(nested, "*/*").body, inner.body)

    def test_equal_misses_are_rendered_once(self):
        url = "stacks/grid?" + LAYERS + "&op_hue=77&scl=1&rect=0,0,300,300"
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            replies = list(pool.map(lambda _: self.server.image(url, "*/*"), range(12)))
        self.assertEqual({r.status for r in replies}, {200})
        self.assertEqual(len({r.body for r in replies}), 1)
        self.assertEqual(sum(r.headers["x-cache"] == "miss" for r in replies), 1)

    def test_long_recipes_have_places_of_their_own(self):
        path = "M0,0" + "L123456,654321" * 1500
        one, two = (self.smart(f"square?wid=50&layer=1&src=label&clipPath={path}L{x},40Z", "*/*") for x in (1, 2))
        self.assertEqual((one.headers["x-cache"], two.headers["x-cache"]), ("miss", "miss"))
        again = self.smart(f"square?wid=50&layer=1&src=label&clipPath={path}L2,40Z", "*/*")
        self.assertEqual((again.headers["x-cache"], again.headers["etag"]), ("hit", two.headers["etag"]))
        for length in (31000, 33000, 60000):
            self.assertIn(self.server.image("stacks/square?text=" + "a" * length).status, (403, 414))


if __name__ == "__main__":
    unittest.main()
