"""Templates, variables, macros, precedence, watermarks, text, default and error images, rules, locks and smart crops, as one
company uses them. Sections are those of docs/protocol.md."""

import base64
import pathlib
import re
import shutil
import unittest

import numpy as np

import picture
import samples
from server import CHROME

FONTS = pathlib.Path("/usr/share/fonts/truetype/dejavu")

COMPANY = """RootPath = sheets
Bfc = false
DefaultPix = 0,0
MaxPix = 0,0
BkgColor = 00FF00
DefaultFont = Sans
RuleSetFile = letters-rules.xml
DefaultImageMode = 1
[presets]
p = wid=240
inner = op_invert=1
outer = $inner$&wid=100
[objects]
rec = small?wid=120&qlt=50
[object post]
Path = small
Modifier = wid=120&hei=40
PostModifier = wid=90
[object layers]
Path = small
Modifier = $a=1&layer=1&src=label&size=40,0&pos=0,0&layer=comp&wid=200
[object card]
Modifier = $pic=label&$x=0&$note=none&layer=0&src=square&size=400,400&layer=1&src=$pic$&size=100,0&pos=$x$,0&layer=comp&scl=1
[object frame]
Modifier = size=300,300&src=square&layer=1&src=$object$&size=150,0&layer=comp&scl=1
[object wrong]
Modifier = src=small
[object twice]
Path = small
PostModifier = hei=33&layer=1&src=label&size=50,0
[fonts]
Sans = DejaVuSans.ttf
Sans = DejaVuSans-Bold.ttf,bold
[crops]
Large = 800x400
Tall = 100x300
"""

RULES = """<?xml version="1.0" encoding="UTF-8"?>
<ruleset>
  <rule Name="virtual" OnMatch="continue"><expression>letters/(\\w+)/thumb$</expression><substitution>letters/$1?wid=77</substitution></rule>
  <rule Name="headers" OnMatch="continue"><expression>with-header</expression>
    <header Name="Timing-Allow-Origin">*</header><header Name="X-Robots-Tag">noindex</header></rule>
  <rule Name="quick" Expiration="0.01" OnMatch="continue"><expression>short-life</expression></rule>
  <rule Name="small" MaxPix="50,50" OnMatch="continue"><expression>tight</expression></rule>
  <rule Name="no" OnMatch="error"><expression>forbidden</expression></rule>
  <rule Name="inside" OnMatch="continue"><expression>office</expression><addressfilter>10.1.0.0/16</addressfilter></rule>
  <rule Name="evil" OnMatch="continue"><expression>(a+)+b$</expression></rule>
</ruleset>
"""

LOCKED = "RootPath = sheets\nBfc = false\nRequestLock = 1\nDefaultPix = 0,0\n"
VEILED = "RootPath = sheets\nBfc = false\nRequestLock = 1\nRequestObfuscation = 1\nDefaultPix = 0,0\n"
MARKED = """RootPath = sheets
Bfc = false
DefaultPix = 0,0
Watermark = mark
[object mark]
Path = blue
Modifier = sizeN=.5,.5&align=1,1&opac=50
"""
GONE = """RootPath = sheets
Bfc = true
DefaultPix = 0,0
DefaultImage = label
DefaultExpiration = 2
[object sorry]
Path = blue
"""
SORRY = """RootPath = sheets
Bfc = false
DefaultPix = 0,0
ErrorImage = sorry
DefaultFont = Sans
[object sorry]
Modifier = layer=0&color=255,0,0&size=300,60&layer=1&text=$error.title$&size=280,40&layer=comp&scl=1
[fonts]
Sans = DejaVuSans.ttf
"""


class Templates(samples.Samples):
    @classmethod
    def prepare(cls, root, companies):
        super().prepare(root, companies)
        for name, text in {"letters": COMPANY, "padlocked": LOCKED, "veiled": VEILED, "marked": MARKED, "gone": GONE,
                           "sorry": SORRY}.items():
            (companies / f"{name}.ini").write_text(text)
        (companies / "letters-rules.xml").write_text(RULES)
        for name in ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"):
            if (FONTS / name).exists():
                shutil.copy(FONTS / name, root / "sheets" / name)
        (root / "sheets/fake.ttf").write_bytes(b"this is no font" * 100)

    # ---- precedence, 5 ----

    def test_precedence(self):
        rows = {
            "rec": (120, 90), "rec?wid=60": (60, 45), "rec?$p$": (240, 180), "rec?wid=60&$p$": (240, 180),
            "rec?$p$&wid=60": (60, 45), "small?$p$&wid=480": (480, 360), "small?wid=480&$p$": (240, 180),
            "post": (90, 40), "post?wid=300": (90, 40), "post?hei=300": (90, 300), "post?$p$&hei=20": (90, 20),
            "small?wid=10&WID=20&wid=30": (30, 23), "small?layer=1&src=rec&layer=comp&wid=50": (50, 38),
            "rec?layer=comp&wid=50": (50, 38), "twice?wid=99": (99, 33),
        }
        for url, size in rows.items():
            with self.subTest(url):
                self.assertEqual(self.size("letters/" + url), size)

    def test_only_layer_0s_post_modifier_counts(self):
        self.assertEqual(self.size("letters/small?wid=200&layer=1&src=post"), (200, 150))

    def test_macros_nest(self):
        a = self.array("letters/label?$outer$")
        self.assertEqual(a.shape[:2], (50, 100))
        self.near(a[25, 50], (55, 225, 195), 1)
        self.near(self.array("letters/label?%24outer%24"), a, 0)
        self.refused("letters/label?$nobody$")

    def test_template_variables_and_defaults(self):
        a = self.array("letters/card")
        self.assertEqual(a.shape[:2], (400, 400))
        self.near(a[200, 200], (200, 30, 60), 1)
        a = self.array("letters/card?$pic=blue&$x=100")
        self.near(a[200, 300], (0, 0, 255), 1)
        self.near(a[200, 200], (128,) * 3, 1)
        self.near(self.array("letters/card?$x=100&$pic=blue"), a, 0, "order of definitions")
        self.near(self.array("letters/card?$x=1&$x=100&$pic=blue"), a, 0, "the last counts")
        self.near(self.array("letters/label?template=card&$pic=blue&$x=100"), a, 0)

    def test_object_of_the_path(self):
        a = self.array("letters/label?template=frame")
        self.assertEqual(a.shape[:2], (300, 300))
        self.near(a[150, 150], (200, 30, 60), 1)
        self.assertEqual(self.box(a[..., 1] < 100), (75, 113, 150, 75))
        a = self.array("letters/label?template=frame&$object=blue")
        self.near(a[150, 150], (0, 0, 255), 1)

    def test_variables_are_substituted_once(self):
        self.refused("letters/small?wid=$number$")
        self.assertEqual(self.size("letters/small?$n=5&wid=1$n$0"), (150, 113))
        self.refused("letters/small?$n=$m$&$m=5&wid=$n$")
        self.refused("letters/small?$n=1&layer=$n$&src=label")

    def test_nested_requests_take_variables(self):
        a = self.array("letters/square?wid=100&layer=1&src=is(letters/$what$?size=$w$,0&scl=1)&$what=blue&$w=500")
        self.assertEqual(self.box(a[..., 2] == 255), (25, 31, 50, 38))
        a = self.array("letters/square?wid=100&layer=1&src=is(letters/small?layer=1&src=is{letters/label?op_invert=1})")
        self.near(a[50, 50], (55, 225, 195), 2)

    def test_what_nests_ignore(self):
        a = self.array("letters/square?layer=1&src=is(letters/label?fmt=gif&qlt=1&req=mask&bgc=0,0,255&iccEmbed=1)")
        self.near(a[500, 500], (200, 30, 60), 1)

    def test_records_with_sources_are_no_sources(self):
        self.refused("letters/square?layer=1&src=wrong")
        self.get("letters/square?layer=1&src=is(letters/wrong)")

    # ---- watermarks, 12 ----

    def test_watermark(self):
        a = self.array("marked/square")
        self.near(a[900, 900], (64, 64, 191), 2)
        self.near(a[100, 100], (128,) * 3, 0)
        self.assertEqual(self.box(a[..., 2] > 150), (500, 625, 500, 375))
        b = self.array("marked/square?wid=100&hei=200&bgc=0,255,0")
        self.assertEqual(self.box(b[..., 2] > 150), (50, 113, 50, 37))
        self.near(b[195, 95], (0, 255, 0), 0, "not over padding")
        thumb = self.array("marked/square?req=tmb&wid=50&hei=50")
        self.near(thumb[45, 45], (128,) * 3, 0)

    # ---- default and error images ----

    def test_default_image_mode_0(self):
        reply = self.get("gone/nothing?wid=60&op_invert=1&hei=60&fmt=png&bgc=0,0,255")
        a = np.asarray(picture.pixels(reply.body)).astype(int)
        self.assertEqual(a.shape[:2], (60, 60))
        self.near(a[30, 30], (200, 30, 60), 2)
        self.assertIn("max-age=7200", reply.headers["cache-control"])
        self.refused("gone/nothing?defaultImage=")
        self.near(self.array("gone/nothing?defaultImage=sorry&scl=8")[30, 30], (0, 0, 255), 1)
        self.near(self.array("gone/small?layer=1&src=nothing&wid=60")[10, 30], (200, 30, 60), 2)
        self.assertEqual(self.get("gone/nothing?req=tmb&wid=40&hei=40").status, 200)
        self.refused("gone/nothing?req=mask")
        self.get("gone/nothing?req=props", 403)
        self.get("gone/small?wid=0", 403)

    def test_default_image_mode_1(self):
        a = self.array("letters/square?defaultImage=label&layer=1&src=nothing&pos=100,0&op_invert=1")
        self.near(a[500, 600], (55, 225, 195), 1)
        self.near(a[500, 300], (128,) * 3, 0)

    def test_default_images_are_converted(self):
        reply = self.get("gone/nothing?wid=150", accept=CHROME)
        self.assertIn("x-adobe-smart-imaging", reply.headers)

    def test_error_image(self):
        for url in ("sorry/nothing", "sorry/small?wid=0", "sorry/small?fit=none"):
            reply = self.get(url)
            self.assertEqual(picture.size(reply.body), (300, 60), url)
            self.assertIn("no-store", reply.headers["cache-control"])
        self.get("sorry/nothing?req=props,json", 403)

    # ---- rules ----

    def test_rules(self):
        self.assertEqual(self.size("letters/small/thumb"), (77, 58))
        reply = self.get("letters/small?wid=50&.c=with-header")
        self.assertEqual((reply.headers["timing-allow-origin"], reply.headers["x-robots-tag"]), ("*", "noindex"))
        self.assertNotIn("x-robots-tag", self.get("letters/small?wid=50").headers)
        smart = self.get("letters/small?wid=150&bfc=on&.c=with-header", accept=CHROME)
        self.assertEqual(smart.headers["timing-allow-origin"], "*")
        self.assertIn("x-adobe-smart-imaging", smart.headers)
        self.assertIn("max-age=36;", self.get("letters/small?wid=50&.c=short-life").headers["cache-control"] + ";")
        self.refused("letters/small?wid=51&.c=tight")
        self.refused("letters/small?wid=50&.c=forbidden")
        self.refused("letters/small?wid=50&.c=office")

    def test_evil_expressions_do_not_hang(self):
        """One that hung would get no answer."""
        self.get("letters/small?wid=20&.c=" + "a" * 5000)

    # ---- locks, 11 ----

    def test_locks(self):
        for query, lock in {"wid=200": "4a1f", "wid=200&fmt=png": "59d2", "wid=300&hei=300&qlt=85": "198f"}.items():
            self.get(f"padlocked/small?{query}&{lock}")
            self.get(f"padlocked/small?{query}&{lock.upper()}")
            self.refused(f"padlocked/small?{query}&0000")
            self.refused(f"padlocked/small?{query}")
            veiled = base64.b64encode(f"{query}&{lock}".encode()).decode()
            self.get(f"veiled/small?{veiled}")
            self.refused(f"veiled/small?{query}&{lock}")
        self.refused("padlocked/small?wid=201&4a1f")
        for junk in ("!!!", "AAAA", "====", "a", "%00", ""):
            self.refused("veiled/small?" + junk)

    # ---- smart crops ----

    def test_smart_crops(self):
        self.assertEqual(self.size("letters/grid:Large?scl=1"), (2000, 1000))
        self.assertEqual(self.size("letters/grid:Large?wid=100&hei=50&fit=crop"), (100, 50))
        self.assertEqual(self.size("letters/grid:Tall?scl=1"), (500, 1500))
        text = self.get("letters/grid:Large?req=userdata").body.decode()
        for name in "SmartCropDef SmartCropType SmartCropWidth SmartCropHeight SmartCropRect".split():
            self.assertRegex(text, rf"(?m)^{name}=.+")
        rect = [float(v) for v in re.search(r"SmartCropRect=([\d.,]+)", text).group(1).split(",")]
        self.assertEqual(rect[4:], [800, 400])
        self.near(rect[2:4], (1, 2 / 3), .01)
        text = self.get("letters/grid:Swatch?req=userdata").body.decode()
        self.assertEqual([line.split("=")[0] for line in text.split()], "SmartCropDef SmartCropType SmartCropWidth "
                         "SmartCropHeight SmartCropRect SmartSwatchColor".split())
        self.assertRegex(text, r"SmartSwatchColor=0x[0-9A-F]{6}")
        self.assertIn('"SmartCropDef":"Swatch"', self.get("letters/grid:Swatch?req=userdata,json").body.decode())
        self.assertEqual(self.size("letters/grid:Swatch?scl=1"), (1500, 1500))
        self.refused("letters/grid:Nobody?wid=20")
        reply = self.get("letters/grid:Large?wid=200&bfc=on&dpr=on,2", accept=CHROME)
        self.assertEqual(picture.size(reply.body), (400, 200))
        a = self.array("letters/square?layer=1&src=grid:Tall&size=100,0&op_invert=0")
        self.assertEqual(self.box(a[..., 2] == 64)[2:], (100, 300))


@unittest.skipUnless(FONTS.exists(), "no DejaVu fonts here")
class Words(samples.Samples):
    def ink(self, text, more="", kind="textPs"):
        a = self.array(f"letters/square?crop=0,0,1000,500&size=400,200&layer=1&{kind}={text}{more}&layer=comp&scl=1&bgc=128,128,128")
        return np.abs(a - 128).sum(axis=2) > 60

    def rtf(self, words, font="Sans"):
        return ("{\\rtf1{\\fonttbl{\\f0 " + font + ";}}{\\colortbl;\\red255\\green0\\blue0;}\\f0 " + words + "}") \
            .replace("\\", "%5C").replace("{", "%7B").replace("}", "%7D").replace(" ", "%20")

    def test_plain_text(self):
        for kind in ("text", "textPs"):
            ink = self.ink("Hello", "&size=300,100", kind)
            self.assertGreater(ink.sum(), 50, kind)
            x, y, w, h = self.box(ink)
            self.assertTrue(50 <= x and x + w <= 350 and 50 <= y and y + h <= 150, (kind, x, y, w, h))

    def test_sizes_colours_and_styles(self):
        small, large = self.ink(self.rtf("\\fs40 Hm")), self.ink(self.rtf("\\fs80 Hm"))
        self.assertAlmostEqual(self.box(large)[3] / self.box(small)[3], 2, delta=.15)
        bold = self.ink(self.rtf("\\fs80\\b Hm"))
        self.assertGreater(bold.sum(), large.sum() * 1.15)
        a = self.array("letters/square?crop=0,0,1000,500&size=400,200&layer=1&textPs=" + self.rtf("\\fs120\\cf1 I") + "&layer=comp&scl=1")
        self.assertTrue((np.abs(a - (255, 0, 0)).sum(axis=2) < 10).any())

    def test_variables_in_text(self):
        one = self.ink(self.rtf("\\fs60 $word$") + "&$word=Ab")
        two = self.ink(self.rtf("\\fs60 Ab"))
        self.assertTrue((one == two).all() and two.any())

    def test_fonts_that_are_not_there(self):
        self.refused("letters/square?layer=1&size=200,50&textPs=" + self.rtf("x", "Nowhere"), "Nowhere")
        self.refused("letters/square?layer=1&size=200,50&textPs=" + self.rtf("\\i x"), "Sans")
        self.refused("sheets/square?layer=1&size=200,50&textPs=x", "font")

    def test_paths_and_angles(self):
        upright = self.box(self.ink(self.rtf("\\fs60 WWWW")))
        turned = self.box(self.ink(self.rtf("\\fs60 WWWW"), "&textAngle=90"))
        self.assertGreater(turned[3], upright[3] * 2)
        self.assertTrue(self.ink(self.rtf("\\fs40 around"), "&textPath=M0,0C50,-80,150,-80,200,0").any())
        self.refused("letters/square?layer=1&textPs=x&textPath=M0,0L9,9&textFlowPath=M0,0L9,0,9,9Z")

    def test_hostile_text(self):
        for text in ("%7B" * 100, "%7D" * 50, "%5Cu-1", "%5C'zz", "%5Cfs999999 x", "%ff%fe%fd", "%00", "a" * 5000,
                     "%5Cbin99999 x", "%7B%5Crtf1%5Cfonttbl", "%e2%80%ae abc", "%f0%9f%98%80" * 50,
                     "%5Cpar" * 2000, "%5Cfs0 x", "%5Ccharscalex0 x", "%5Cexpnd-9999 abc", "%5Csl-99999 a%5Cpar b"):
            text = text.replace(" ", "%20")
            for kind in ("text", "textPs"):
                for size in ("", "&size=100,0", "&size=100,50", "&size=1,1"):
                    reply = self.server.image(f"letters/square?size=200,100&layer=1&{kind}={text}{size}&layer=comp&scl=1")
                    self.assertIn(reply.status, (200, 403), (text, kind, size, reply))


if __name__ == "__main__":
    unittest.main()
