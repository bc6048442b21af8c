"""The checklist of docs/decisions.md, one test a number, each with real requests
to a running server. Companies: `smart` has Bfc=true, `quiet` has Bfc=false, `demo` has no settings at
all; all three show the same pictures."""

import atexit
import functools
import http.client
import os
import re
import subprocess
import unittest

import picture
from ports import free_port
from server import CHROME, CHROME_OLD, IE_11, IPHONE, PLAIN, SAFARI_13, SMARTIMG, Server, run
from waiting import PATIENCE, wait_until

PHOTO = "landscape?wid=320&qlt=85"
PRODUCT = "product?wid=320&qlt=85"  # where every format pays, WebP too


class SmartImaging(unittest.TestCase):
    server = None  # set by run.py

    def get(self, url, accept=CHROME, agent=None, **headers):
        reply = self.server.image(url, accept, agent, **headers)
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(picture.kind(reply.body), reply.type, "SI-13: Content-Type names the body")
        return reply

    def assert_type(self, reply, mime):
        self.assertEqual(reply.type, mime, reply)

    # ---- switches ----

    def test_SI_01_no_switch_plain_output(self):
        for company in ("demo", "quiet"):
            reply = self.get(f"{company}/{PHOTO}")
            self.assert_type(reply, "image/jpeg")
            self.assertIsNone(reply.savings)
            self.assertNotIn("vary", reply.headers)

    def test_SI_02_bfc_on_in_url(self):
        for company in ("demo", "quiet"):
            self.assert_type(self.get(f"{company}/{PHOTO}&bfc=on"), "image/avif")

    def test_SI_03_company_default(self):
        self.assert_type(self.get(f"smart/{PHOTO}"), "image/avif")

    def test_SI_04_bfc_off_in_url(self):
        for company in ("smart", "quiet"):
            reply = self.get(f"{company}/{PHOTO}&bfc=off")
            self.assert_type(reply, "image/jpeg")
            self.assertIsNone(reply.savings)

    def test_SI_05_switches_inside_presets(self):
        self.assert_type(self.get(f"quiet/{PHOTO}&$on$"), "image/avif")
        self.assert_type(self.get(f"smart/{PHOTO}&$off$"), "image/jpeg")
        reply = self.get("smart/landscape?wid=160&$double$")
        self.assertEqual(picture.size(reply.body)[0], 320)

    def test_SI_06_each_switch_its_own_part(self):
        reply = self.get("smart/landscape?wid=160&dpr=on,2&bfc=off")
        self.assert_type(reply, "image/jpeg")
        self.assertEqual(picture.size(reply.body)[0], 320)
        reply = self.get("smart/landscape?wid=160&dpr=off")
        self.assert_type(reply, "image/avif")
        self.assertEqual(picture.size(reply.body)[0], 160)
        reply = self.get("smart/landscape?wid=160&dpr=on,2&network=off")
        self.assert_type(reply, "image/avif")
        self.assertEqual(picture.size(reply.body)[0], 320)

    # ---- the ladder ----

    def test_SI_07_avif_for_those_who_show_it(self):
        for fmt in ("jpg", "png"):
            self.assert_type(self.get(f"smart/{PHOTO}&fmt={fmt}"), "image/avif")

    def test_SI_08_webp_next(self):
        self.assert_type(self.get(f"smart/{PRODUCT}", CHROME_OLD), "image/webp")
        self.assert_type(self.get(f"noavif/{PRODUCT}", CHROME), "image/webp")
        self.assert_type(self.get(f"smart/{PRODUCT}", "image/avif;q=0, image/webp"), "image/webp")

    def test_SI_09_webp_browsers(self):
        accepts = [
            "image/webp,image/apng,image/*,*/*;q=0.8",  # Chrome, Edge, Opera, Android
            "image/webp,*/*",  # Firefox 65
            "image/webp,image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5",  # Safari 14
        ]
        for accept in accepts:
            self.assert_type(self.get(f"smart/{PRODUCT}", accept), "image/webp")

    def test_SI_10_old_safari_gets_jpeg_2000(self):
        iphone = ("Mozilla/5.0 (iPhone; CPU iPhone OS 13_3 like Mac OS X) AppleWebKit/605.1.15 "
                  "(KHTML, like Gecko) Version/13.0 Mobile/15E148 Safari/604.1")
        for agent in (SAFARI_13, iphone):
            reply = self.get("smart/" + PRODUCT, PLAIN, agent)
            self.assert_type(reply, "image/jp2")
            self.assertEqual(reply.headers["vary"].lower(), "accept, user-agent")

    def test_SI_11_internet_explorer_gets_jpeg_xr(self):
        edge = ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
                "Chrome/64.0.3282.140 Safari/537.36 Edge/17.17134")
        url = "smart/" + PRODUCT
        self.assert_type(self.get(url, "image/png, image/svg+xml, image/jxr, */*;q=0.8", IE_11),
                         "image/vnd.ms-photo")
        self.assert_type(self.get(url, "*/*", edge), "image/vnd.ms-photo")

    def test_SI_12_others_get_what_was_asked(self):
        for accept, agent in (("*/*", "curl/8.5.0"), (None, None), ("", "")):
            self.assert_type(self.get(f"smart/{PHOTO}", accept, agent), "image/jpeg")
            self.assert_type(self.get(f"smart/{PHOTO}&fmt=png", accept, agent), "image/png")

    def test_SI_13_content_type_is_true(self):
        for accept, agent in ((CHROME, None), (CHROME_OLD, None), (PLAIN, SAFARI_13), ("*/*", IE_11)):
            for fmt in ("jpg", "png", "pjpeg"):
                self.get(f"smart/fabric?wid=200&fmt={fmt}", accept, agent)  # get() looks

    # ---- comparison ----

    def unprofitable(self):
        """A request whose conversion does not pay, and the reply to it: tiny pictures, since each
        format's container costs more than the pixels."""
        for side in (1, 2, 4, 8, 16):
            for fmt in ("png", "jpg"):
                url = f"smart/product?wid={side}&hei={side}&qlt=5&fmt={fmt}"
                reply = self.get(url, "image/avif")
                if reply.savings < 0:
                    return url, reply
        self.fail("every tiny image became smaller as AVIF")

    def test_SI_14_requested_encoding_if_smaller(self):
        url, reply = self.unprofitable()
        plain = self.get(url + "&bfc=off")
        self.assertEqual(reply.body, plain.body)

    def test_more_formats_never_cost_bytes(self):
        for url in ("fabric?wid=300&qlt=90", "landscape?wid=240&qlt=60"):
            known = self.get(f"smart/{url}", "*/*")
            self.assert_type(known, "image/jpeg")
            for accept, agent in ((CHROME_OLD, None), (PLAIN, SAFARI_13), ("*/*", IE_11)):
                reply = self.get(f"smart/{url}", accept, agent)
                self.assertLessEqual(len(reply.body), len(known.body), (url, accept, agent))

    def test_alpha_of_conversions_is_exact(self):
        url = "logo?fmt=png-alpha&wid=120&qlt=40"
        asked = picture.pixels(self.get(f"smart/{url}&bfc=off").body).getchannel("A").tobytes()
        for accept in ("image/webp", "image/avif"):
            reply = self.get(f"smart/{url}", accept)
            self.assertNotEqual(reply.type, "image/png")
            self.assertEqual(picture.pixels(reply.body).getchannel("A").tobytes(), asked, accept)

    def test_SI_15_savings_header(self):
        for url in (PHOTO, PHOTO + "&fmt=png", "logo?fmt=png-alpha&wid=300"):
            for accept in (CHROME, CHROME_OLD, "*/*"):
                self.assertIsNotNone(self.get("smart/" + url, accept).savings)

    def test_SI_16_positive_is_the_true_difference(self):
        for fmt in ("jpg", "png"):
            reply = self.get(f"smart/{PHOTO}&fmt={fmt}")
            plain = self.get(f"smart/{PHOTO}&fmt={fmt}&bfc=off")
            self.assertGreater(reply.savings, 0)
            self.assertEqual(reply.savings, len(plain.body) - len(reply.body))

    def test_SI_17_negative_with_the_requested_format(self):
        url, reply = self.unprofitable()
        self.assertLess(reply.savings, 0)
        self.assert_type(reply, "image/png" if "fmt=png" in url else "image/jpeg")

    def test_SI_18_update_gives_the_true_figure(self):
        first = self.get(f"smart/{PHOTO}")
        self.assertNotEqual(first.savings, -1)
        again = self.get(f"smart/{PHOTO}&cache=update")
        plain = self.get(f"smart/{PHOTO}&bfc=off")
        self.assertEqual(again.savings, len(plain.body) - len(again.body))

    def test_SI_19_fall_back_honours_fmt(self):
        self.assert_type(self.get("smart/product?wid=120&fmt=png", "*/*"), "image/png")
        self.assert_type(self.get("smart/product?wid=120", "*/*"), "image/jpeg")

    # ---- quality ----

    def test_SI_20_everything_else_is_kept(self):
        url = "smart/still-life?wid=300&hei=280&fit=crop&align=-1,1&op_usm=1.75,0.3,2,0&resMode=bisharp"
        converted = self.get(url)
        plain = self.get(url + "&bfc=off")
        exact = self.get(url + "&bfc=off&fmt=png")
        self.assertEqual(picture.size(converted.body), (300, 280))
        self.assertEqual(picture.size(plain.body), (300, 280))
        self.assertGreater(picture.score(exact.body, converted.body), 50)

    def test_SI_21_quality_is_recomputed(self):
        """Looks as good as the requested JPEG, at every quality: scored on what the client got."""
        for qlt in (40, 70, 85, 95):
            url = f"smart/pebbles?wid=300&qlt={qlt}"
            exact = self.get(url + "&fmt=png&bfc=off")
            target = picture.score(exact.body, self.get(url + "&bfc=off").body)
            for accept in (CHROME, CHROME_OLD):
                reply = self.get(url, accept)
                score = picture.score(exact.body, reply.body)
                self.assertGreaterEqual(score, target - 0.51, (qlt, reply))
                if reply.savings > 0:
                    self.assertLess(score, target + 6, "far better than asked for: wasted bytes")

    def test_SI_22_jpeg_request_gives_lossy(self):
        url = "smart/fabric?wid=200&qlt=90"
        exact = self.get(url + "&fmt=png&bfc=off")
        for accept in (CHROME, CHROME_OLD):
            self.assertLess(picture.score(exact.body, self.get(url, accept).body), 99.9)

    def test_SI_23_png_request_lossy_at_qlt_or_company_quality(self):
        exact = self.get("smart/fabric?wid=200&fmt=png&bfc=off")
        sizes = [len(self.get(f"smart/fabric?wid=200&fmt=png&qlt={q}").body) for q in (50, 80, 95)]
        self.assertEqual(sizes, sorted(sizes))
        company = self.get("smart/fabric?wid=200&fmt=png")  # JpegQuality 80 by default
        self.assertEqual(len(company.body), sizes[1])
        self.assertLess(picture.score(exact.body, company.body), 99)

    def test_SI_24_quality_100_makes_png_lossless(self):
        for url in ("smart/logo?wid=200&fmt=png&qlt=100", "exact/logo?wid=200&fmt=png"):
            exact = self.get(url + "&bfc=off")
            for accept in (CHROME, CHROME_OLD):
                reply = self.get(url, accept)
                self.assertEqual(picture.pixels(reply.body).convert("RGB").tobytes(),
                                 picture.pixels(exact.body).convert("RGB").tobytes(), reply)

    def test_SI_25_no_floor_and_no_ceiling(self):
        sizes = [len(self.get(f"smart/landscape?wid=300&qlt={q}").body) for q in (1, 10, 50, 90, 99)]
        self.assertEqual(sizes, sorted(set(sizes)))

    # ---- exemptions ----

    def test_SI_26_other_formats_are_left_alone(self):
        for fmt, mime in (("gif", "image/gif"), ("tif", "image/tiff"), ("webp", "image/webp"),
                          ("jpeg2000", "image/jp2")):
            reply = self.get(f"smart/product?wid=100&fmt={fmt}")
            self.assert_type(reply, mime)
            self.assertIsNone(reply.savings)

    def test_SI_27_tiff(self):
        for agent in (None, SAFARI_13, IE_11):
            for company in ("smart", "quiet"):
                self.assert_type(self.get(f"{company}/product?wid=100&fmt=tif&bfc=off", agent=agent),
                                 "image/tiff")

    def test_SI_28_explicit_webp(self):
        self.assert_type(self.get("smart/product?wid=100&fmt=webp"), "image/webp")

    def test_SI_29_only_the_company_chooses_between_webp_and_avif(self):
        for extra in ("", "&avif=off", "&bfc=on", "&bfc=on&avif=0"):
            self.assert_type(self.get(f"smart/{PRODUCT}{extra}"), "image/avif")
            self.assert_type(self.get(f"noavif/{PRODUCT}{extra}"), "image/webp")

    # ---- pixel ratio ----

    def test_SI_30_ratio_multiplies_both_sides(self):
        for ratio, size in ((1, (816, 500)), (2, (1632, 1000)), (3, (2448, 1500)), (4, (3264, 2000))):
            reply = self.get(f"demo/product?wid=816&hei=500&dpr=on,{ratio}", "*/*")
            self.assertEqual(picture.size(reply.body), size)

    def width(self, url, accept="*/*", agent=None, **headers):
        return picture.size(self.get(url, accept, agent, **headers).body)[0]

    def test_SI_31_fractions(self):
        for ratio, width in (("1.5", 300), ("1.25", 250), ("0.5", 100), (".75", 150), ("1.1", 220), ("2.625", 525)):
            self.assertEqual(self.width(f"demo/landscape?wid=200&dpr=on,{ratio}"), width)

    def test_SI_32_explicit_ratio_beats_company_and_detection(self):
        self.assertEqual(self.width("quiet/landscape?wid=100&dpr=on,2", DPR="3"), 200)
        reply = self.get("dense/landscape?wid=100&dpr=on,1.3", "*/*", IPHONE, Sec_CH_DPR="3")
        self.assertEqual(picture.size(reply.body)[0], 130)  # exact, as it is asked for
        self.assertNotIn("dpr", reply.headers["vary"].lower())
        self.assertNotIn("accept-ch", reply.headers)
        self.assertEqual(self.width("dense/landscape?wid=100&dpr=on,1", agent=IPHONE), 100)

    def test_SI_33_off_suppresses_detection(self):
        for company in "quiet", "dense":
            reply = self.get(f"{company}/landscape?wid=100&dpr=off", "*/*", IPHONE, DPR="3")
            self.assertEqual(picture.size(reply.body)[0], 100)
            self.assertNotIn("dpr", reply.headers.get("vary", "").lower())
        reply = self.get("quiet/landscape?wid=100&dpr=on", "*/*", DPR="3")  # D-1
        self.assertEqual(picture.size(reply.body)[0], 300)
        self.assertIn("dpr", reply.headers["vary"].lower())

    def test_SI_34_off_and_one_are_the_same(self):
        bodies = {self.get(f"demo/landscape?wid=100{d}", "*/*").body
                  for d in ("", "&dpr=off", "&dpr=on,1", "&dpr=on,1.0")}
        self.assertEqual(len(bodies), 1)
        bodies = {self.get(f"dense/landscape?wid=100{d}", CHROME, DPR="2").body for d in ("&dpr=off", "&dpr=on,1")}
        self.assertEqual(len(bodies), 1)

    def test_SI_35_detected_ratio_with_the_companys_switch(self):
        url = "landscape?wid=100"
        for headers, width in (({"Sec_CH_DPR": "2"}, 200), ({"DPR": "1.5"}, 150), ({"Sec_CH_DPR": "2.625"}, 250),
                               ({"Sec_CH_DPR": "1", "agent": IPHONE}, 100), ({"agent": IPHONE}, 200),
                               ({"agent": SAFARI_13}, 100), ({}, 100), ({"Sec_CH_DPR": "x", "DPR": "2"}, 100)):
            self.assertEqual(self.width("dense/" + url, **headers), width, headers)
        for company in "demo", "quiet", "smart":  # where it is off
            self.assertEqual(self.width(f"{company}/{url}", agent=IPHONE, Sec_CH_DPR="2"), 100)
        reply = self.get("dense/" + url, CHROME, Sec_CH_DPR="2")
        self.assertEqual(reply.headers["vary"], "Accept, Sec-CH-DPR, DPR")
        self.assertEqual(reply.headers["accept-ch"], "Sec-CH-DPR, DPR")

    def test_detected_ratios_stop_at_the_original(self):
        """Where fit may not enlarge (D-7); in the URL, or where a width alone may enlarge, they do not."""
        wide, high = self.original("landscape")
        half = f"dense/landscape?wid={wide // 2}&hei={high // 2}&fit=constrain"
        for ratio in "2", "2.5", "4":
            self.assertAlmostEqual(self.width(half, DPR=ratio), wide, delta=3)
        self.assertGreater(self.width(half + "&dpr=on,2.5"), wide + 300)
        self.assertAlmostEqual(self.width(half, DPR="1.5"), wide * .75, delta=3)
        self.assertEqual(self.width(f"dense/landscape?wid={wide}&hei={high}", DPR="4"), wide)  # not below 1
        self.assertEqual(self.width("dense/logo?wid=200&hei=200&fit=constrain,1&dpr=on,3"), 600)

    def original(self, name):
        (file,) = (self.server.root / "demo").glob(name + ".*")
        return picture.size(file.read_bytes())

    def test_SI_36_growth_stops_at_maxpix(self):
        for company, how in ("smart", {"dpr": "&dpr=on,2"}), ("dense", {"DPR": "2"}), ("dense", {"DPR": "4"}):
            for url, size in (("product?wid=1600&hei=1000&fit=fit,1", (3000, 1875)),  # MaxPix 3000,3000
                              ("product?wid=1000&hei=1600&fit=fit,1", (1875, 3000)),
                              ("product?wid=3000&hei=1000&fit=fit,1", (3000, 1000))):
                hints = {} if "dpr" in how else how
                reply = self.get(f"{company}/{url}{how.get('dpr', '')}&qlt=30&bfc=off", "*/*", **hints)
                self.assertEqual(picture.size(reply.body), size, (url, how))

    def test_SI_37_over_maxpix_is_an_error(self):
        for url, hints in (("smart/product?wid=3001", {}), ("smart/product?wid=3001&dpr=on,2", {}),
                           ("smart/product?wid=3001&dpr=on,0.5", {}), ("dense/product?wid=3001", {"DPR": "2"})):
            reply = self.server.image(url, CHROME, **hints)
            self.assertEqual(reply.status, 403, url)
            self.assertIn(b"MaxPix", reply.body)

    def test_SI_38_without_sizes_the_default_view_grows(self):
        wide, high = self.get_size("demo/logo?fmt=png")
        for ratio in 2, 1.5, 0.5:
            self.assertEqual(self.get_size(f"demo/logo?fmt=png&dpr=on,{ratio}"), (int(wide * ratio + .5), int(high * ratio + .5)))
        wide, high = self.get_size("dense/landscape?bfc=off&qlt=30")
        self.assertEqual(self.get_size("dense/landscape?bfc=off&qlt=30", DPR="2"), (2 * wide, 2 * high))

    def get_size(self, url, **headers):
        return picture.size(self.get(url, "*/*", **headers).body)

    # ---- Vary ----

    def test_vary_names_what_decided(self):
        """Every reply of an address that may differ says by what, and no more: whose Accept promises a format
        needs no User-Agent, and that the requested format won changes nothing."""
        firefox = "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"
        browsers = ((CHROME, "accept"), (CHROME_OLD, "accept"), (firefox, "accept"), ("image/avif,*/*", "accept"),
                    (PLAIN, "accept, user-agent"), ("*/*", "accept, user-agent"), (None, "accept, user-agent"))
        won = set()
        for url in PRODUCT, "product?wid=2&hei=2&fmt=png":  # no AVIF beats so small a PNG
            for accept, vary in browsers:
                reply = self.server.image("smart/" + url, accept, SAFARI_13 if accept == PLAIN else "curl/8")
                self.assertEqual((reply.status, reply.headers["vary"].lower()), (200, vary), (url, accept))
                won.add((url == PRODUCT, vary, reply.type))
        self.assertIn((True, "accept", "image/avif"), won)
        self.assertIn((False, "accept", "image/png"), won)
        for accept, vary in browsers[0], browsers[4]:  # an image in place of one that is missing
            reply = self.server.image("fallback/none-such?wid=32", accept, SAFARI_13)
            self.assertEqual((reply.status, reply.headers.get("vary", "").lower()), (200, vary))
        for url in "smart/product?wid=32&bfc=off", "smart/product?wid=32&fmt=webp", "smart/product?wid=32&req=props":
            for accept in CHROME, "*/*":
                self.assertNotIn("vary", self.server.image(url, accept).headers, url)

    # ---- delivery ----

    def test_SI_43_any_ttl(self):
        reply = self.get(f"brief/{PHOTO}")
        self.assert_type(reply, "image/avif")
        self.assertRegex(reply.headers["cache-control"], "max-age=0|no-cache")
        reply = self.get(f"minute/{PHOTO}")
        self.assert_type(reply, "image/avif")
        self.assertIn("max-age=60", reply.headers["cache-control"])

    def purge(self, *what):
        run("purge", *what, "--cache", self.server.cache, check=True)

    def test_SI_44_one_purge_removes_every_variant(self):
        url = "smart/sculpture?wid=150"
        for accept in (CHROME, CHROME_OLD, "*/*"):
            self.get(url, accept)
            self.assertEqual(self.get(url, accept).headers["x-cache"], "hit")
        self.purge("smart/sculpture")
        for accept in (CHROME, CHROME_OLD, "*/*"):
            self.assertEqual(self.get(url, accept).headers["x-cache"], "miss")

    def test_SI_45_bare_url_covers_query_variants(self):
        urls = [f"smart/sculpture?{q}" for q in ("wid=90", "wid=91&qlt=50", "hei=92&fmt=png")]
        for url in urls:
            self.get(url)
            self.assertEqual(self.get(url).headers["x-cache"], "hit")
        self.purge("/is/image/smart/sculpture")
        for url in urls:
            self.assertEqual(self.get(url).headers["x-cache"], "miss")

    def curl(self, *options):
        out = subprocess.run(["curl", "-sk", "-D-", "-o", "/dev/null", "-H", "Accept: " + CHROME,
                              *options], capture_output=True, text=True, check=True).stdout
        return out.lower()

    def test_SI_47_http_https_and_http2_alike(self):
        path = f"/is/image/smart/{PHOTO}"
        tls = f"https://127.0.0.1:{self.server.tls_port}{path}"
        replies = [self.curl("--http1.1", f"http://127.0.0.1:{self.server.port}{path}"),
                   self.curl("--http1.1", tls), self.curl("--http2", tls)]
        self.assertTrue(replies[2].startswith("http/2 200"), replies[2][:40])
        wanted = ("content-type", "etag", "x-adobe-smart-imaging", "vary", "content-length")
        lines = [[re.search(rf"^{name}: (.*)$", reply, re.M).group(1).strip() for name in wanted]
                 for reply in replies]
        self.assertEqual(lines[0], lines[1])
        self.assertEqual(lines[0], lines[2])
        self.assertEqual(lines[0][0], "image/avif")

    def test_SI_48_converted_on_the_first_request(self):
        reply = self.get(f"smart/night?wid=211&id={os.getpid()}")
        self.assertEqual(reply.headers["x-cache"], "miss")
        self.assert_type(reply, "image/avif")

    def test_SI_49_urls_and_presets_need_no_edits(self):
        self.assert_type(self.get("smart/landscape?$product$"), "image/avif")
        self.assert_type(self.get("smart/product?$product$", CHROME_OLD), "image/webp")

    def test_SI_50_dpr_off_still_converts(self):
        self.assert_type(self.get(f"smart/{PHOTO}&dpr=off"), "image/avif")
        reply = self.get(f"dense/{PHOTO}&dpr=off", Sec_CH_DPR="2")
        self.assert_type(reply, "image/avif")
        self.assertEqual(picture.size(reply.body)[0], 320)

    def test_SI_51_small_pictures_follow_the_companys_ratio(self):
        """Swatches and thumbnails of viewers, which say nothing of dpr."""
        for url, size in (("product?wid=56&hei=56&fit=crop", (56, 56)), ("landscape?hei=40", None),
                          ("landscape?req=tmb", (100, 100)), ("product?rgn=10,10,200,200&wid=30&hei=30", (30, 30))):
            one = self.get_size("dense/" + url, DPR="1")
            self.assertEqual(one, size or one)
            self.assertEqual(self.get_size("dense/" + url, DPR="2"), (2 * one[0], 2 * one[1]), url)
            self.assertEqual(self.get_size("smart/" + url, DPR="2"), one, url)

    def test_SI_54_ratios_of_client_scripts(self):
        """1.0 to 5.0 in tenths, as they are."""
        for tenths in range(10, 51):
            reply = self.get(f"quiet/logo?wid=30&fmt=png&dpr=on,{tenths / 10:.1f}", "*/*")
            self.assertEqual(picture.size(reply.body)[0], 3 * tenths)

    def test_SI_57_layers_scale_with_the_ratio(self):
        """Places of layers; test_ratio_composites.py has all kinds of them."""
        layers = "".join(f"&layer={n}&color={n * 12},0,255&size=20,12&pos={40 * (n % 5) - 80},{24 * (n // 5) - 50}"
                         for n in range(1, 21))
        url = "quiet/logo?size=240,180&extend=0,0,0,0&wid=240&hei=180&bgc=0,255,0&fmt=png" + layers
        one = picture.pixels(self.get(url).body)
        for ratio in 1.5, 2, 2.5, 3:
            for how in f"&dpr=on,{ratio}", None:
                reply = self.get(url + (how or "&dpr=on&fit=fit,1"), **({} if how else {"DPR": str(ratio)}))
                many = picture.pixels(reply.body)
                self.assertEqual(many.size, (240 * ratio, 180 * ratio))
                for n in range(1, 21):
                    x, y = 120 + 40 * (n % 5) - 80, 90 + 24 * (n // 5) - 50
                    for dx, dy in (0, 0), (-8, -4), (8, 4), (-13, -8), (13, 8):  # inside, and beside
                        at = x + dx, y + dy
                        self.assertEqual(many.getpixel((int(at[0] * ratio), int(at[1] * ratio))) == (n * 12, 0, 255),
                                         one.getpixel(at) == (n * 12, 0, 255), (n, at, ratio))
                    self.assertEqual(one.getpixel((x, y)), (n * 12, 0, 255))

    def test_SI_55_update_rebuilds(self):
        url = f"smart/{PHOTO}&fmt=png&qlt=100"
        self.get(url)
        self.assertEqual(self.get(url).headers["x-cache"], "hit")
        self.assertNotEqual(self.get(url + "&cache=update").headers["x-cache"], "hit")
        self.assertEqual(self.get(url).headers["x-cache"], "hit")

    def test_SI_56_transparency_survives(self):
        url = "smart/logo?wid=300&fmt=png-alpha"
        exact = picture.pixels(self.get(url + "&bfc=off").body)
        self.assertEqual(exact.mode, "RGBA")
        self.assertLess(exact.getchannel("A").getextrema()[0], 10)
        for accept, mime in ((CHROME, "image/avif"), (CHROME_OLD, "image/webp")):
            reply = self.get(url, accept)
            got = picture.pixels(reply.body)
            self.assertEqual(got.mode, "RGBA", reply)
            a, b = exact.getchannel("A").tobytes(), got.getchannel("A").tobytes()
            self.assertLess(sum(abs(x - y) for x, y in zip(a, b)) / len(a), 3, reply)

    def test_SI_58_chroma_flag_means_nothing_to_others(self):
        for fmt in ("avif", "webp", "jpeg2000", "jpegxr"):
            bodies = {self.get(f"smart/fabric?wid=160&fmt={fmt}&qlt=80{c}").body
                      for c in ("", ",0", ",1")}
            self.assertEqual(len(bodies), 1, fmt)


@functools.cache
def server_behind_edge():
    """One for all tests of Networks: run.py runs each by itself."""
    server = Server("--trusted-edges", "127.0.0.1", "--network-header", "X-Other-Line").start()
    atexit.register(server.stop)
    return server


class Networks(unittest.TestCase):
    """Lines to clients. The server takes this machine for a trusted edge, so that the connections of the test,
    which are excellent, tell nothing. Company `lines` has Bfc=true, Network=true and NetworkHeader=X-Line."""

    GOOD = {"ECT": "3g"}
    POOR = {"Downlink": "0.4", "RTT": "400", "ECT": "3g"}
    HINTS = "Downlink, RTT, ECT, Save-Data"

    def setUp(self):
        self.edge = server_behind_edge()

    def get(self, url, accept=CHROME, **headers):
        reply = self.edge.image(url, accept, **headers)
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(picture.kind(reply.body), reply.type)
        return reply

    def receipt(self, reply):
        return dict(part.split("=") for part in reply.headers["x-smart-imaging"].split("; "))

    def width(self, reply):
        return picture.size(reply.body)[0]

    # ---- the checklist ----

    def test_SI_06_network_off_switches_its_own_part(self):
        reply = self.get("lines/landscape?wid=160&dpr=on,2&network=off", **self.POOR)
        self.assertEqual((reply.type, self.width(reply)), ("image/avif", 320))
        reply = self.get("lines/landscape?wid=160&dpr=on,2&bfc=off", **self.GOOD)
        self.assertEqual((reply.type, self.width(reply)), ("image/jpeg", 320))
        self.assertEqual(self.receipt(reply)["network"], "good")
        reply = self.get("lines/landscape?wid=160&dpr=off", **self.POOR)
        self.assertEqual((reply.type, self.receipt(reply)["network"]), ("image/avif", "poor"))

    def test_SI_39_poor_network_switches_the_ratio_off(self):
        for url in ("lines/landscape?wid=160&dpr=on,3&bfc=off", "lines/landscape?wid=160&dpr=on&bfc=off",
                    "smart/landscape?wid=160&$double$&network=on"):
            self.assertGreater(self.width(self.get(url, DPR="3")), 160)
            self.assertGreater(self.width(self.get(url, DPR="3", **self.GOOD)), 160)
            self.assertEqual(self.width(self.get(url, DPR="3", **self.POOR)), 160)

    def test_SI_40_quality_follows_the_line(self):
        for accept in CHROME, CHROME_OLD, "*/*":
            for url in PHOTO, PRODUCT, "fabric?wid=320&qlt=75&fmt=png":
                if url.endswith("png") and accept == "*/*":
                    continue  # it stays exact
                off = self.get(f"lines/{url}&network=off", accept, **self.POOR)
                replies = [self.get(f"lines/{url}", accept, **line)
                           for line in ({}, {"ECT": "4g", "Downlink": "10", "RTT": "50"}, self.GOOD, self.POOR)]
                self.assertEqual(replies[0].body, off.body)
                self.assertEqual(replies[1].body, off.body)
                self.assertEqual(replies[0].headers["x-smart-imaging"], off.headers["x-smart-imaging"])
                good, poor = replies[2:]
                self.assertLess(len(poor.body), len(good.body), (accept, url))
                self.assertLess(len(good.body), len(off.body), (accept, url))
                for reply, name in (good, "good"), (poor, "poor"):
                    told = self.receipt(reply)
                    self.assertEqual(told["network"], name)
                    lowered, target = float(told["lowered"]), float(told["target"])
                    self.assertGreater(lowered, 0)
                    self.assertAlmostEqual(target + lowered, float(self.receipt(off)["target"]), delta=0.02)
                    self.assertGreaterEqual(float(told["score"]), target - 0.5)
                    self.assertEqual(reply.savings - off.savings, len(off.body) - len(reply.body))

    def test_SI_41_off_in_url_and_preset(self):
        plain = self.get(f"lines/{PHOTO}&network=off")
        for extra in "&network=off", "&$off$", "&network=on&network=off":
            reply = self.get(f"lines/{PHOTO}{extra}", **self.POOR)
            self.assertEqual(reply.body, plain.body)
            self.assertNotIn("network=", reply.headers["x-smart-imaging"])
            self.assertNotIn("downlink", reply.headers["vary"].lower())
            self.assertNotIn("accept-ch", reply.headers)

    def test_SI_42_on_in_url(self):
        self.assertNotIn("network=", self.get(f"smart/{PHOTO}", **self.POOR).headers["x-smart-imaging"])
        reply = self.get(f"smart/{PHOTO}&network=on", **self.POOR)
        self.assertEqual(self.receipt(reply)["network"], "poor")

    # ---- who tells ----

    def test_whose_word_counts(self):
        def network(query="", **headers):
            return self.receipt(self.get(f"lines/{PHOTO}{query}", **headers)).get("network", "excellent")

        self.assertEqual(network(), "excellent")
        self.assertEqual(network("", X_Line="poor"), "poor")
        self.assertEqual(network("&network=good", X_Line="poor"), "good")
        self.assertEqual(network("&network=on,good"), "good")
        self.assertEqual(network("&network=poor", ECT="4g"), "excellent")
        self.assertEqual(network("", Save_Data="on", ECT="4g", Downlink="10"), "poor")
        self.assertEqual(network("", Downlink="nonsense", X_Other_Line="poor"), "excellent")
        self.assertEqual(network("", X_Smartimg_Class="avif;net=good", Save_Data="on"), "good")
        self.assertEqual(network("&network=poor", X_Smartimg_Class="avif;net=good"), "poor")
        reply = self.get(f"smart/{PHOTO}&network=on", X_Other_Line="good")  # the server's header
        self.assertEqual(self.receipt(reply)["network"], "good")
        self.assertTrue(reply.headers["vary"].endswith(", X-Other-Line"), reply)

    def test_plans_that_are_remembered_know_the_line(self):
        """One address, again and again: the class is part of what plans are remembered by."""
        lines = ({}, {"X_Line": "good"}, {"X_Line": "poor"}, self.GOOD, self.POOR, {"Save_Data": "on"})
        tags = [[self.get("lines/landscape?wid=120&qlt=85", **line).headers["etag"] for line in lines] for _ in range(3)]
        self.assertEqual(tags[0], tags[1])
        self.assertEqual(tags[0], tags[2])
        self.assertEqual(tags[0][1:3], [tags[0][3], tags[0][4]])
        self.assertEqual(tags[0][4], tags[0][5])
        self.assertEqual(len(set(tags[0])), 3, "each variant has its own ETag")

    def test_caches_are_told(self):
        for line in {}, self.GOOD, self.POOR:
            reply = self.get(f"lines/{PHOTO}", **line)
            self.assertEqual(reply.headers["vary"], f"Accept, {self.HINTS}, X-Smartimg-Class, X-Line")
            self.assertEqual(reply.headers["accept-ch"], self.HINTS)
            self.assertTrue(reply.headers["cache-control"].startswith("public"), reply)
        reply = self.get(f"lines/{PHOTO}", X_Smartimg_Class="avif;net=poor")
        self.assertEqual(reply.headers["vary"], "X-Smartimg-Class")

    # ---- what is not converted ----

    def test_requested_encodings_are_made_smaller(self):
        for fmt in "jpg", "pjpeg", "webp", "avif", "jxl", "jpeg2000", "jpegxr", "jpg&iccEmbed=1":
            url = f"lines/landscape?wid=240&qlt=85&bfc=off&fmt={fmt}"
            off = self.get(url + "&network=off")
            sizes = [len(self.get(url, **line).body) for line in ({}, self.GOOD, self.POOR)]
            self.assertEqual(sizes[0], len(off.body))
            self.assertGreater(sizes[0], 1.1 * sizes[1], fmt)
            self.assertGreater(sizes[1], 1.2 * sizes[2], fmt)
            told = self.receipt(self.get(url, **self.POOR))
            self.assertEqual(told["network"], "poor")
            self.assertLess(int(told["quality"]), 85)

    def test_exact_stays_exact(self):
        for query in "fmt=png&bfc=off", "fmt=tif", "fmt=gif", "fmt=webp,,lossless", "fmt=png&qlt=100", "req=mask":
            url = f"lines/product?wid=64&{query}"
            self.assertEqual(self.edge.image(url, CHROME, **self.POOR).body, self.edge.image(url, CHROME).body, query)

    # ---- who is told ----

    def test_log_and_metrics(self):
        def counts():
            connection = http.client.HTTPConnection("127.0.0.1", self.edge.admin_port, timeout=PATIENCE)
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
            connection.close()
            return dict(re.findall(r'smartimg_network_total\{class="(\w+)"\} (\d+)', text))

        before = counts()
        for line in {}, self.GOOD, self.POOR, self.POOR:
            self.get("lines/fabric?wid=57&log=here", **line)
        self.get("smart/fabric?wid=57&log=here", **self.POOR)
        wait_until(lambda: [int(counts()[k]) - int(before[k]) for k in ("excellent", "good", "poor")] == [1, 1, 2],
                   "the counts")
        log = self.edge.access_log
        wait_until(lambda: log.read_text().count("log=here") == 5, "the log")
        classes = re.findall(r"log=here.* class=(\S+)", log.read_text())
        self.assertEqual(sorted(classes), ["avif+webp", "avif+webp;net=good"] + 3 * ["avif+webp;net=poor"])

    def test_limits_of_the_server(self):
        with Server("--network-good", "50, 10", "--network-poor", "20,1000", "--trusted-edges", "127.0.0.1") as server:
            for downlink, name in ("60", None), ("30", "good"), ("10", "poor"):
                reply = server.image(f"lines/{PHOTO}", CHROME, Downlink=downlink)
                self.assertEqual(self.receipt(reply).get("network"), name)
        for option, bad in ("--network-good", "4"), ("--network-poor", "x,1"), ("--network-header", "two words"):
            done = run("serve", "--listen", f"127.0.0.1:{free_port()}", option, bad)
            self.assertEqual(done.returncode, 2, bad)
            self.assertIn("network-", done.stderr)

    def test_render_and_explain(self):
        def render(*options, url=f"/is/image/lines/{PHOTO}"):
            done = subprocess.run([SMARTIMG, "render", url, "--fast", "-i", "--accept", CHROME, "--root", self.edge.root,
                                   "--config", self.edge.config, *options], capture_output=True, check=True)
            return done.stdout.partition(b"\r\n\r\n")

        excellent, _, whole = render("--network", "excellent")
        self.assertNotIn(b"network=", excellent)
        self.assertIn(b"Cache-Control: public", excellent)
        self.assertIn(f"Accept-CH: {self.HINTS}".encode(), excellent)
        measured, _, good = render("--network", "good")
        self.assertIn(b"network=good", measured)
        self.assertIn(b"Cache-Control: private", measured)  # no header tells
        saving, _, poor = render("--save-data", "--network", "excellent")
        self.assertIn(b"network=poor", saving)
        self.assertIn(b"Cache-Control: public", saving)
        self.assertLess(len(poor), len(good))
        self.assertLess(len(good), len(whole))
        self.assertEqual(good, self.get(f"lines/{PHOTO}", **self.GOOD).body)
        explained = run("explain", f"/is/image/lines/{PHOTO}", "--fast", "--accept", CHROME, "--network", "poor",
                        "--root", self.edge.root, "--config", self.edge.config).stdout
        self.assertIn("network  poor", explained)
        self.assertRegex(explained, "target +[0-9.]+ .*lowered by [0-9.]+ for the network")
        done = run("render", "/is/image/demo/product?wid=9", "--root", self.edge.root, "--network", "fast")
        self.assertEqual(done.returncode, 1)
        self.assertIn("excellent, good or poor", done.stderr)


if __name__ == "__main__":
    unittest.main()
