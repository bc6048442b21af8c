"""Layers, views and pixel operations over HTTP, table by table. Sections are those of docs/protocol.md; pictures are
those of samples.py, in which a pixel tells its place in the source."""

import math
import unittest

import numpy as np

import picture
import samples


class View(samples.Samples):
    """View: composite to view to reply."""

    # query, reply, where the scaled composite lies in it (None = everywhere)
    BIG = [
        ("", (400, 300), None),
        ("wid=500", (500, 375), None),
        ("hei=300", (400, 300), None),
        ("wid=500&hei=500", (500, 500), (0, 62, 500, 375)),
        ("wid=500&hei=500&align=0,-1", (500, 500), (0, 0, 500, 375)),
        ("wid=500&hei=500&align=0,1", (500, 500), (0, 125, 500, 375)),
        ("wid=500&hei=500&fit=constrain", (500, 375), None),
        ("wid=500&hei=500&fit=crop", (500, 500), (-84, 0, 667, 500)),
        ("wid=500&hei=500&fit=wrap", (667, 500), None),
        ("wid=500&hei=500&fit=stretch", (500, 500), (0, 0, 500, 500)),
        ("wid=500&hei=500&fit=hfit", (500, 500), (0, 62, 500, 375)),
        ("wid=500&hei=500&fit=vfit", (500, 500), (-84, 0, 667, 500)),
        ("scl=4", (500, 375), None),
        ("scl=4&wid=600&hei=300", (600, 300), (50, -38, 500, 375)),
        ("scl=4&wid=400", (400, 375), (-50, 0, 500, 375)),
        ("scl=1", (2000, 1500), None),
        ("rgn=500,500,1000,500", (400, 200), (-200, -200, 800, 600)),
        ("rgn=500,500,1000,500&wid=500", (500, 250), (-250, -250, 1000, 750)),
        ("rgn=0,0,1000,500&wid=500&hei=500", (500, 500), (0, 125, 1000, 750)),
        ("scl=2&rect=256,0,256,256", (256, 256), (-256, 0, 1000, 750)),
        ("scl=2&rect=900,700,256,256", (256, 256), (-900, -700, 1000, 750)),
        ("wid=500&hei=400&dpr=on,2", (1000, 800), (0, 24, 1000, 750)),
        ("scl=4&rect=0,0,400,200,2", (400, 200), (0, 0, 1000, 750)),
    ]
    SMALL = [
        ("wid=800&hei=800", (800, 800), (200, 250, 400, 300)),
        ("wid=800&hei=800&fit=fit,1", (800, 800), (0, 100, 800, 600)),
        ("wid=800&hei=800&fit=constrain", (400, 300), None),
        ("wid=800&hei=800&fit=constrain,1", (800, 600), None),
        ("wid=800&hei=800&fit=crop", (800, 800), (200, 250, 400, 300)),
        ("wid=800&hei=800&fit=crop,1", (800, 800), (-134, 0, 1067, 800)),
        ("wid=800&hei=800&fit=hfit,1", (800, 800), (0, 100, 800, 600)),
        ("wid=800&hei=800&fit=stretch", (800, 800), (200, 250, 400, 300)),
        ("wid=800&hei=800&fit=stretch,1", (800, 800), (0, 0, 800, 800)),
        ("wid=800&hei=800&fit=wrap,1", (1067, 800), None),
        ("wid=800", (800, 600), None),
        ("hei=600", (800, 600), None),
    ]

    def check_rows(self, picture_name, rows):
        for query, size, at in rows:
            with self.subTest(f"{picture_name}?{query}"):
                a = self.array(f"views/{picture_name}?{query}&bgc=0,255,0")
                self.assertEqual((a.shape[1], a.shape[0]), size)
                x, y, w, h = at or (0, 0, *size)
                clipped = [max(x, 0), max(y, 0), min(x + w, size[0]), min(y + h, size[1])]
                covered = (clipped[0], clipped[1], clipped[2] - clipped[0], clipped[3] - clipped[1])
                self.assertEqual(self.box(a[..., 2] > 40), covered)
                for px, py in ((0.3, 0.4), (0.7, 0.6)):     # places of the source are where they should be
                    px = int(clipped[0] + px * covered[2])
                    py = int(clipped[1] + py * covered[3])
                    self.near(samples.where(a[py, px]), ((px + .5 - x) / w, (py + .5 - y) / h), 0.012, (px, py))

    def test_fit_table(self):
        self.check_rows("grid", self.BIG)

    def test_fit_table_of_small_composites(self):
        self.check_rows("small", self.SMALL)

    def test_the_same_through_the_compositor(self):
        """A second layer that nobody sees takes the other path through the renderer."""
        extra = "&layer=1&src=label&pos=5000,5000&layer=comp"
        self.check_rows("grid", [(q + extra, s, at) for q, s, at in self.BIG])
        self.check_rows("small", [(q + extra, s, at) for q, s, at in self.SMALL])

    def test_too_large(self):
        self.refused("views/grid?wid=3000")
        self.refused("views/grid?wid=1000&hei=2001")
        self.refused("views/grid?scl=0.5")
        self.get("views/grid?scl=0.5&rect=3000,2000,256,256")       # the sanctioned way around it
        self.assertEqual(picture.size(self.get("views/grid?wid=1600&hei=1000&dpr=on,2").body), (2000, 1250))

    def test_fit_without_a_side(self):
        self.refused("sheets/grid?fit=crop", "fit")
        self.assertEqual(self.get("sheets/grid?fit=crop,0").body, self.get("sheets/grid").body)
        self.get("sheets/grid?fit=crop&scl=8")

    def test_padding_is_transparent_in_alpha_formats(self):
        a = self.rgba("sheets/small?wid=100&hei=100&bgc=255,0,0")
        self.assertEqual(self.box(a[..., 3] > 0), (0, 12, 100, 75))
        self.assertEqual(set(np.unique(a[..., 3])), {0, 255})

    def test_tiles_join_on_composites(self):
        query = "sheets/small?layer=1&src=disc&pos=40,20&opac=60&effect=-1&op_blur=6&pos=8,8&color=0,0,0,200&wid=300"
        whole = self.array(query)
        for x, y in ((0, 0), (150, 0), (75, 112)):
            tile = self.array(f"{query}&rect={x},{y},150,113")
            part = whole[y:y + 113, x:x + 150]
            self.near(tile[:part.shape[0], :part.shape[1]], part, 2, (x, y))


class LayerGeometry(samples.Samples):
    """Geometry of layers, and pictures made of several."""

    def test_layer_rectangles(self):
        rows = {
            "size=200,0": (200, 150), "size=0,300": (400, 300), "size=300,300": (300, 225),
            "crop=500,0,1000,1500&size=300,300": (200, 300),
            "scale=.25": (500, 375), "res=36": (1000, 750), "res=36&scale=.25": (500, 375),
            "res=36&scale=.25&size=200,0": (200, 150),
            "cropN=0.1,0,0.8,1": (1600, 1500), "cropN=.2,.3,.8,.9": (1600, 1350),
            "crop=-100,-100,2200,1700": (2200, 1700), "cropN=0,0,0,0": (2000, 1500), "crop=0,0,0,0": (2000, 1500),
            "size=200,0&rotate=90": (150, 200), "size=200,0&rotate=180": (200, 150), "size=200,0&rotate=-90": (150, 200),
            "size=200,0&extend=0,30,0,0": (200, 180), "size=200,0&extendN=.1,0,.1,0": (240, 150),
            "size=200,0&extend=-10,-20,-30,-40": (160, 90),
            "size=800,0&extend=0,100,200,100": (1000, 800),
            "size=240,240&extend=0,0,12,12&effect=-1&$shadow$&color=20,90,200": (252, 192),
        }
        for query, size in rows.items():
            with self.subTest(query):
                self.assertEqual(self.size(f"sheets/grid?{query}"), size)
                self.assertEqual(self.size(f"sheets/grid?layer=0&{query}"), size)
        self.assertEqual(self.size("sheets/wide?size=200,100&rotate=30"), (224, 187))
        self.refused("sheets/grid?size=20,0&extend=-10,0,-10,0")

    def test_crop_beyond_the_image(self):
        a = self.rgba("sheets/grid?crop=-100,-100,2200,1700&size=220,170")
        self.assertEqual(self.box(a[..., 3] > 127), (10, 10, 200, 150))
        a = self.array("sheets/grid?crop=-100,-100,2200,1700&size=220,170&bgColor=0,0,255&color=255,0,0")
        self.near(a[3, 3], (0, 0, 255), 0, "bgColor, not color")

    def test_recipe_rotate(self):
        a = self.array("sheets/grid?rotate=45&wid=300&bgc=0,0,255")
        self.assertEqual(a.shape[:2], (300, 300))
        for corner in ((2, 2), (2, 297), (297, 2), (297, 297)):
            self.near(a[corner], (0, 0, 255), 0)
        a = self.rgba("sheets/grid?rotate=45&wid=300")
        self.assertEqual(a[2, 2, 3], 0)
        self.near(samples.where(a[150, 150]), (.5, .5), .01)

    def test_recipe_crop(self):
        a = self.array("sheets/grid?crop=0,0,1000,1500&wid=200")
        self.assertEqual(a.shape[:2], (300, 200))
        self.near(samples.where(a[150, 198]), (.497, .5), .01)

    def test_recipe_flip_and_extend(self):
        a = self.array("sheets/grid?flip=lr&extend=50,0,0,0&bgColor=255,0,0&scl=5")
        self.assertEqual(a.shape[:2], (300, 410))
        self.near(a[150, 405], (255, 0, 0), 1, "both at comp: the band is flipped to the right")
        self.near(samples.where(a[150, 3]), (.99, .5), .01)
        a = self.array("sheets/grid?layer=0&flip=lr&extend=50,0,0,0&bgColor=255,0,0&scl=5")
        self.assertEqual(a.shape[:2], (300, 410))
        self.near(a[150, 3], (255, 0, 0), 1, "in the layer: the band stays left")
        self.near(samples.where(a[150, 13]), (.99, .5), .01)

    def test_recipe_extended_canvas(self):
        a = self.array("sheets/grid?size=800,0&extend=0,100,200,100&scl=1&bgc=0,255,0")
        self.assertEqual(self.box(a[..., 2] > 32), (0, 100, 800, 600))

    def test_recipe_image_with_border(self):
        a = self.array("sheets/grid?size=472,600&wid=512&hei=640&scl=1&bgc=0,255,0")
        self.assertEqual(a.shape[:2], (640, 512))
        self.assertEqual(self.box(a[..., 2] > 32), (20, 143, 472, 354))

    def test_recipe_turned_label(self):
        a = self.array("sheets/grid?size=300,300&scl=1&originN=-.5,-.5&layer=1&src=label&originN=-.5,-.5&rotate=-30"
                       "&color=ffffff40")
        self.assertEqual(a.shape[:2], (225, 300))
        # 200x100 turned by 30 degrees: box 224 x 187 at 0,0; its top right corner touches y = 0 at x = 173.2
        label = np.all(np.abs(a - (200, 30, 60)) < 12, axis=2)
        label[:, 224:] = False      # the grid has that colour, too
        x, y, w, h = self.box(label)
        self.assertTrue(abs(x) <= 1 and abs(y) <= 1 and abs(w - 223) <= 2 and abs(h - 187) <= 2, (x, y, w, h))
        self.assertTrue(label[4, 170] and not label[4, 20] and not label[180, 220])

    def test_recipe_blurred_background(self):
        plain = self.array("sheets/noise1?layer=0&op_blur=3&maskUse=invert&layer=1&src=noise2")
        self.near(plain, samples.PICTURES["noise2"](), 0)
        a = self.array("sheets/disc?layer=0&op_blur=10&layer=1&src=disc&size=60,0&bgc=0,0,0")
        self.near(a[100, 100], (200, 30, 60), 1)
        self.assertTrue(20 < a[100, 6, 0] < 180, a[100, 6])     # blurred there
        b = self.array("sheets/disc?op_blur=10&layer=1&src=label&size=20,0&bgc=0,0,0")
        self.assertEqual(b.shape, a.shape)

    def test_recipe_two_colours(self):
        a = self.array("sheets/gray?layer=1&src=gray&mask=gray&maskUse=off&op_colorize=200,0,0&opac=0")
        self.near(a[..., 0], samples.PICTURES["gray"](), 1)
        a = self.array("sheets/grid?size=400,0&layer=1&src=grid&mask=left&size=400,0&op_colorize=200,0,0"
                       "&layer=2&src=grid&mask=right&size=400,0&op_colorize=0,200,0")
        self.assertTrue((a[20:280, 10:190, 0] >= a[20:280, 10:190, 1]).all())
        self.assertTrue((a[20:280, 210:390, 1] >= a[20:280, 210:390, 0]).all())

    def test_recipe_shadow_has_room(self):
        a = self.rgba("sheets/disc?size=240,240&extend=0,0,12,12&effect=-1&$shadow$&color=20,90,200&layer=comp&scl=1")
        self.assertEqual(a.shape[:2], (252, 252))
        self.assertGreater(a[243, 130, 3], 40)              # below the disc, in the margin
        self.assertGreater(a[243, 130, 2], a[243, 130, 0])  # blue

    def test_recipe_last_sharpening_counts(self):
        plain = self.get("sheets/noise1?wid=100&fmt=png").body
        self.assertEqual(self.get("sheets/noise1?op_sharpen=1&wid=100&layer=comp&op_sharpen=0&fmt=png").body, plain)
        self.assertNotEqual(self.get("sheets/noise1?op_sharpen=1&wid=100&fmt=png").body, plain)

    def test_recipe_flattening(self):
        self.assertEqual(picture.pixels(self.get("sheets/ramp?fmt=png&wid=100").body).mode, "RGB")
        a, b = self.array("sheets/ramp?wid=256&bgc=0,0,255"), self.rgba("sheets/ramp?wid=256")
        alpha = b[..., 3:] / 255
        self.near(a, b[..., :3] * alpha + (1 - alpha) * np.array([0, 0, 255]), 2)

    def test_recipe_mask_request(self):
        reply = self.get("sheets/grid?req=mask&scale=0.25")
        self.assertEqual((reply.type, picture.size(reply.body)), ("image/jpeg", (500, 375)))
        self.assertEqual(reply.body[reply.body.index(b"\xff\xc0") + 9], 1, "one component")
        a = self.array("sheets/ramp?req=mask")
        self.near(a[32, :, 0], np.arange(256), 1)

    def test_placement(self):
        rows = {    # 1000x1000 canvas with its origin in the middle
            "src=label": (400, 450, 200, 100),
            "src=label&pos=10,20": (410, 470, 200, 100),
            "src=label&posN=0.5,0.5": (900, 950, 100, 50),
            "src=blue&originN=-0.5,0&posN=-0.5,0": (0, 200, 800, 600),
            "src=label&origin=0,0": (500, 500, 200, 100),
            "src=label&originN=-.5,-.5": (500, 500, 200, 100),
            "src=label&originN=.5,.5": (300, 400, 200, 100),
            "src=label&anchor=0,0": (500, 500, 200, 100),
            "src=label&anchorN=-.5,-.5&scale=.5": (500, 500, 100, 50),
            "src=label&anchor=0,0&flip=lr": (300, 500, 200, 100),
            "src=label&anchor=0,0&rotate=90": (400, 500, 100, 200),
            "src=label&anchor=50,50&crop=40,40,100,50&scale=2": (480, 480, 200, 100),
            "src=label&anchor=0,0&extend=10,20,0,0&bgColor=0,0,255": (490, 480, 210, 120),
            "src=label&sizeN=.5,.5": (250, 375, 500, 250),
            "src=label&sizeN=.1,0": (450, 475, 100, 50),
            "color=0,0,255&size=30,40": (485, 480, 30, 40),
            "color=0,0,255&sizeN=.5,.1": (250, 450, 500, 100),
            "color=0,0,255&size=30,40&originN=-.5,-.5&posN=-.5,-.5": (0, 0, 30, 40),
        }
        for query, box in rows.items():
            with self.subTest(query):
                a = self.array(f"sheets/square?layer=1&{query}")
                self.assertEqual(self.box(np.any(np.abs(a - 128) > 8, axis=2)), box)

    def test_placement_by_layer_0s_origin(self):
        a = self.array("sheets/square?origin=0,0&layer=1&src=label&pos=10,20")
        self.assertEqual(self.box(a[..., 2] != 128), (0, 0, 110, 70))
        a = self.array("sheets/square?originN=-.5,-.5&layer=1&src=label&originN=-.5,-.5&pos=10,20")
        self.assertEqual(self.box(a[..., 2] != 128), (10, 20, 200, 100))
        a = self.array("sheets/square?anchor=100,100&scale=.5&layer=1&src=label&origin=0,0")
        self.assertEqual(self.box(a[..., 2] != 128), (50, 50, 200, 100))

    def test_anchor_travels(self):
        a = self.array("sheets/grid?anchor=600,100&crop=500,0,1000,1500&scale=.5&extend=10,20,0,0&bgColor=0,255,0"
                       "&layer=1&color=0,0,255&size=20,10&origin=0,0")
        self.assertEqual(a.shape[:2], (770, 510))
        self.assertEqual(self.box(a[..., 2] == 255), (60, 70, 20, 10))

    def test_errors_of_layers(self):
        for query in ("layer=1&src=label&layer=1,a&layer=2,a&src=label", "layer=nobody&src=label",
                      "layer=1,comp&src=label", "effect=0&color=255,0,0", "sizeN=.5,.5", "layer=0&sizeN=.5,.5",
                      "layer=1&color=255,0,0", "layer=1&color=0,0,0&clipPath=M0,0L9,0,9,9Z&scale=2",
                      "layer=1&color=0,0,0&clipPath=M0,0L9,0,9,9Z&rotate=20", "layer=-1&src=label", "layer=$x$&$x=1",
                      "layer=1&src=a,b", "layer=1&src=../grid", "layer=1&src=nothing", "layer=1&src=label&mask=nothing",
                      "layer=1&src=is(sheets/nothing)", "layer=1&src=(http://localhost/a.png)", "layer=1&src=ir(x)",
                      "layer=1&src=fxg(x)", "layer=1&src=label&posN=99999999999,0", "layer=1&src=label&origin=2147483649,0"):
            with self.subTest(query):
                self.refused("sheets/grid?size=100,0&" + query)

    def test_explicit_non_errors(self):
        plain = self.array("sheets/small?wid=100")
        for query in ("clipPathE=nobody", "cropPathE=nobody", "clipXPathE=nobody", "align=1,1", "qlt=80,1&quantize=web",
                      "pscan=3", "iccEmbed=1", "$var=5", "nonsense=1", "blendMode=mult", "pos=20,20", "textAngle=5",
                      "jpegSize=1", "hide=0", "id=abc", ".x=1", "", "&&", "wid", "clipXPath=M0,0L9,0,9,9Z", "xmpEmbed=1",
                      "pathEmbed=1", "layer=comp,all", "layer=0,a&layer=a&layer=comp", "imageSet={a,b}", "handler=f"):
            with self.subTest(query):
                self.near(self.array(f"sheets/small?wid=100&{query}"), plain, 0)


class Adjustments(samples.Samples):
    """Layers, effects, colour and filters."""

    def test_mask_use(self):
        # 255 = opaque left half; the layer is blue over grey
        base = "sheets/square?size=100,100&layer=1&src=blue&size=100,0"
        none = {"norm": 1, "off": 1, "invert": 0}
        for use, shown in none.items():
            a = self.array(f"{base}&maskUse={use}")
            self.near(a[50, 50], (0, 0, 255) if shown else (128,) * 3, 0, use)
        for use, (left, right) in {"norm": (1, 0), "off": (1, 1), "invert": (0, 1)}.items():
            a = self.array(f"sheets/square?size=100,100&layer=1&src=grid&mask=left&size=100,0&op_invert=0&maskUse={use}")
            for x, shown in ((20, left), (80, right)):
                self.assertEqual(a[50, x, 2] != 128, bool(shown), (use, x))
        alpha = self.rgba("sheets/ramp")[..., 3]
        self.near(self.rgba("sheets/ramp?maskUse=invert")[..., 3], 255 - alpha, 1)
        self.near(self.rgba("sheets/ramp?maskUse=off")[..., 3], 255 + 0 * alpha, 0)

    def test_masks_of_every_kind(self):
        base = "sheets/square?size=100,100&layer=1&color=0,0,255&size=100,100&mask="
        for mask, shown in {"left": 20, "right": 80, "is(sheets/left)": 20, "is{sheets/left?flip=lr}": 80,
                            "/sheets/left": 20}.items():
            a = self.array(base + mask)
            for x in (20, 80):
                self.near(a[50, x], (0, 0, 255) if x == shown else (128,) * 3, 1, (mask, x))

    def test_colour_fills(self):
        a = self.rgba("sheets/ramp?color=0,0,255")              # behind the transparent parts
        self.assertTrue((a[..., 3] == 255).all())
        self.near(a[32, 0], (0, 0, 255, 255), 1)
        self.near(a[32, 255], (200, 40, 0, 255), 1)
        a = self.rgba("sheets/ramp?layer=0&opac=0&bgColor=0,255,0&color=0,0,255")
        self.near(a[32, 10, 3], 255, 0)
        a = self.rgba("sheets/label?layer=0&color=0,0,255&bgColor=0,255,0&rotate=45")
        self.near(a[3, 3], (0, 255, 0, 255), 0, "bgColor fills what rotate adds")

    def test_alpha_formats_have_an_alpha_channel(self):
        for name in ("label", "ramp", "gray", "noise1"):        # docs/decisions.md, P35, also where everything is opaque
            self.rgba(f"sheets/{name}?wid=64")

    def test_opacity(self):
        under, over = samples.PICTURES["noise1"]().astype(float), samples.PICTURES["noise2"]().astype(float)
        for opac, share in {"100": 1, "50": .5, "0": 0, "90,70": .63, "25,100": .25, "150": 1, "-5": 0}.items():
            a = self.array(f"sheets/noise1?layer=1&src=noise2&opac={opac}")
            self.near(a, under + (over - under) * share, 1.5, opac)
        a = self.rgba("sheets/label?opac=40")
        self.near(a[50, 100, 3], 102, 1)
        self.near(self.rgba("sheets/label?layer=0&opac=50&layer=comp&opac=50")[50, 100, 3], 64, 1)

    def test_blend_modes(self):
        b = samples.PICTURES["noise1"]() / 255
        s = samples.PICTURES["noise3"]() / 255
        cs, a = s[..., :3], s[..., 3:]
        for mode, mixed in {"norm": cs, "lighten": np.maximum(b, cs), "darken": np.minimum(b, cs), "mult": b * cs,
                            "screen": b + cs - b * cs}.items():
            for opac in (100, 60):
                alpha = a * opac / 100
                want = 255 * ((1 - alpha) * b + alpha * mixed)
                have = self.array(f"sheets/noise1?layer=1&src=noise3&blendMode={mode}&opac={opac}")
                self.near(have, want, 1.6, (mode, opac))

    def test_blend_over_transparency(self):
        b, s = samples.PICTURES["noise3"]() / 255, self.source_with_half_alpha()
        for mode, mix in {"norm": lambda b, s: s, "mult": lambda b, s: b * s, "screen": lambda b, s: b + s - b * s,
                          "lighten": np.maximum, "darken": np.minimum}.items():
            cs, cb, als, alb = s, b[..., :3], .5, b[..., 3:]
            alr = als + alb - als * alb
            want = ((1 - als) * alb * cb + (1 - alb) * als * cs + als * alb * mix(cb, cs)) / alr
            have = self.rgba(f"sheets/noise3?layer=1&src=noise2&opac=50&blendMode={mode}")
            self.near(have[..., 3:], alr * 255, 1.6, mode)
            self.near(have[..., :3], want * 255, 3, mode)

    def source_with_half_alpha(self):
        return samples.PICTURES["noise2"]() / 255

    def test_dissolve(self):
        url = "sheets/noise1?layer=1&src=noise2&blendMode=dissolve&opac=40"
        a, b, s = self.array(url), samples.PICTURES["noise1"](), samples.PICTURES["noise2"]()
        over, under = (a == s).all(axis=2), (a == b).all(axis=2)
        self.assertTrue((over | under).all())
        self.assertAlmostEqual(over.mean(), .4, delta=.03)
        self.near(self.array(url + "&cache=update"), a, 0)

    def test_operations(self):
        src = samples.PICTURES["noise1"]().astype(float)
        luma = src @ [.299, .587, .114]

        def contrast(adj):
            k = 1 + adj / 100 if adj <= 0 else 100 / (100 - min(adj, 99))
            return 127.5 + (src - 127.5) * k
        rows = {
            "op_brightness=20": src + 51, "op_brightness=-30": src - 76.5, "op_contrast=50": contrast(50),
            "op_contrast=-40": contrast(-40), "op_contrast=-100": 127.5 + 0 * src,
            "op_colorbalance=10,-20,30": src + 2.55 * np.array([10, -20, 30]), "op_invert=1": 255 - src,
            "op_saturation=-100": np.repeat(luma[..., None], 3, 2),
            "op_saturation=50": luma[..., None] + (src - luma[..., None]) * 1.5,
            "op_hue=0": src, "op_hue=120": src[..., [2, 0, 1]], "op_hue=-120": src[..., [1, 2, 0]],
            "op_brightness=20&op_invert=1": 255 - np.clip(src + 51, 0, 255),
            "op_invert=1&op_brightness=20": 255 - np.clip(src + 51, 0, 255),    # the order is fixed
            "op_brightness=500": 255 + 0 * src,                                 # clamped
        }
        for query, want in rows.items():
            for form in ("{}", "layer=0&{}", "layer=1&src=noise1&{}"):
                with self.subTest(form.format(query)):
                    self.near(self.array("sheets/noise1?" + form.format(query)), np.clip(want, 0, 255), 1.5)

    def test_colorize(self):
        for name in ("gray", "noise1"):
            a = self.array(f"sheets/{name}?op_colorize=200,0,0,off")
            luma = self.array(f"sheets/{name}?op_saturation=-100")[..., 0]
            t = np.where(luma <= 127.5, luma / 127.5, 1)[..., None]
            u = np.where(luma > 127.5, (luma - 127.5) / 127.5, 0)[..., None]
            self.near(a, t * np.array([200, 0, 0]) * (1 - u) + u * 255, 4, name)
        a = self.array("sheets/gray?op_colorize=0,0,200")
        self.assertTrue((a[..., 2] >= a[..., 0]).all())
        self.near(self.array("sheets/gray?colorize=0,0,200"), a, 0, "the old spelling")
        self.refused("sheets/gray?op_colorize=10,20,30,40k")

    def test_blur_and_grow(self):
        a = self.rgba("sheets/label?extend=40,40,40,40&layer=comp&op_blur=8")[..., 3]
        profile = a[90, :] / 255
        want = [.5 * (math.erf((x + .5 - 40) / 8 / math.sqrt(2)) - math.erf((x + .5 - 240) / 8 / math.sqrt(2)))
                for x in range(280)]
        self.near(profile, want, .03)
        for radius in (10, -10):
            a = self.array(f"sheets/square?layer=1&color=255,255,255&size=200,200&layer=comp&op_grow={radius}")
            self.assertEqual(self.box(a[..., 0] > 200)[2:], (200 + 2 * radius, 200 + 2 * radius))
        a = self.rgba("sheets/disc?op_growMask=-10&scale=.5")
        self.assertAlmostEqual(self.box(a[..., 3] > 200)[2], 89, delta=3)
        a = self.rgba("sheets/disc?op_growMaskR=-10&scale=.5")
        self.assertAlmostEqual(self.box(a[..., 3] > 200)[2], 79, delta=3)

    def test_radii_are_composite_pixels_at_any_scale(self):
        full = self.rgba("sheets/label?extend=40,40,40,40&layer=comp&op_blur=12&scl=1")[..., 3]
        half = self.rgba("sheets/label?extend=40,40,40,40&layer=comp&op_blur=12&scl=2")[..., 3]
        mean = full.reshape(90, 2, 140, 2).mean(axis=(1, 3))
        self.near(half, mean, 6)

    def test_noise(self):
        a = self.array("sheets/square?size=100,100&op_noise=20")
        self.assertAlmostEqual(a.mean(), 128, delta=4)
        self.assertTrue(abs(a - 128).max() <= 52 and a.std() > 20)
        self.assertFalse((a[..., 0] == a[..., 1]).all())
        self.near(self.array("sheets/square?size=100,100&op_noise=20&cache=update"), a, 0, "reproducible")
        a = self.array("sheets/square?size=100,100&op_noise=20,gaussian,1")
        self.assertTrue((a[..., 0] == a[..., 1]).all() and (a[..., 0] == a[..., 2]).all())
        self.assertAlmostEqual(a.std(), 25.5, delta=3)

    def test_effects(self):
        # 1000x1000 grey; label 200x100 at 400,450
        outline = self.array("sheets/square?layer=1&src=disc&effect=-1&color=0,0,255&op_grow=5")
        blue = (outline[..., 2] > 220) & (outline[..., 0] < 40)
        x, y, w, h = self.box(blue)
        self.assertTrue(abs(w - 208) <= 3 and abs(h - 208) <= 3, (x, y, w, h))
        self.near(outline[500, 500], (200, 30, 60), 1)
        shifted = self.array("sheets/square?layer=1&src=disc&effect=-1&color=0,0,255&pos=30,40")
        blue = (shifted[..., 2] > 220) & (shifted[..., 0] < 40)
        self.assertEqual(self.box(blue)[0] + self.box(blue)[2], 400 + 30 + 199)
        inner = self.array("sheets/square?layer=1&src=disc&effect=1&color=0,0,255&maskUse=invert&op_blur=4")
        self.near(inner[500, 500], (200, 30, 60), 4)
        self.near(inner[390, 390], (128,) * 3, 1, "inside only")
        self.assertGreater(inner[500, 404, 2], inner[500, 500, 2] + 30)

    def test_effect_mask(self):
        base = "sheets/square?layer=1&src=disc&opac=50&effect=-1&color=0,0,255&opac=100&pos=0,0&op_grow=1"
        knocked = self.array(base)[500, 500]
        through = self.array(base + "&effectMask=0")[500, 500]
        self.near(knocked, np.array([200, 30, 60]) * .5 + 64, 3)
        self.assertGreater(through[2], knocked[2] + 20)

    def test_effect_opacity(self):
        a = self.array("sheets/square?layer=1&src=disc&opac=90,70&effect=-1&opac=50&color=0,0,255&pos=300,0")
        self.near(a[500, 500], np.array([200, 30, 60]) * .63 + 128 * .37, 2, "content 63 %")
        self.near(a[500, 800], np.array([0, 0, 255]) * .45 + 128 * .55, 2, "effect 45 %")

    def test_effects_on_layer_0_and_comp(self):
        for query in ("extend=20,20,20,20&effect=-1&color=0,0,255&op_grow=6",
                      "layer=0&extend=20,20,20,20&effect=-1&color=0,0,255&op_grow=6"):
            a = self.rgba("sheets/disc?" + query)
            self.near(a[120, 17], (0, 0, 255, 255), 3, query)
        self.near(self.array("sheets/label?effect=-1&color=0,0,255&op_grow=6")[50, 100], (200, 30, 60), 0)

    def test_hide(self):
        a = self.array("sheets/square?layer=1&src=label&hide=1")
        self.near(a, 128 + 0 * a, 0)
        a = self.rgba("sheets/square?size=100,100&hide=1&layer=1&src=label&size=20,0")
        self.assertEqual(self.box(a[..., 3] > 0), (40, 45, 20, 10))

    def test_clip_paths(self):
        a = self.rgba("sheets/label?clipPath=M20,10L120,10,120,60,20,60Z")
        self.assertEqual(self.box(a[..., 3] > 127), (20, 10, 100, 50))
        a = self.rgba("sheets/label?clipPath=M20,10l100,0,0,50,-100,0z")
        self.assertEqual(self.box(a[..., 3] > 127), (20, 10, 100, 50))
        a = self.rgba("sheets/label?clipPath=M0,0L200,0,200,100,0,100Z&clipXPath=M50,0L150,0,150,100,50,100Z")
        self.assertEqual(int((a[..., 3] > 127).sum()), 100 * 100)
        self.assertEqual(a[50, 100, 3], 0)
        a = self.rgba("sheets/label?clipXPath=M50,0L150,0,150,100,50,100Z")
        self.assertTrue((a[..., 3] == 255).all(), "without clipPath it is ignored")
        a = self.array("sheets/square?layer=1&color=0,0,255&clipPath=M10,20L60,20,60,90,10,90Z")
        self.assertEqual(self.box(a[..., 2] == 255), (510, 520, 50, 70))
        a = self.array("sheets/square?layer=1&color=0,0,255&size=100,100&clipPath=M10,20L60,20,60,90,10,90Z")
        self.assertEqual(self.box(a[..., 2] == 255), (460, 470, 50, 70))
        a = self.rgba("sheets/label?clipPath=M100,10C160,10,160,90,100,90C40,90,40,10,100,10Z")
        self.assertTrue(a[50, 100, 3] == 255 and a[12, 60, 3] == 0)
        for path in ("L0,0", "M0", "M0,0X", "M0,0L1", "M0,0C1,1,2,2", "x"):
            self.refused(f"sheets/label?clipPath={path}")

    def test_perspective(self):
        a = self.array("sheets/square?layer=1&src=blue&perspective=100,200,700,100,800,900,50,600")
        blue = (a[..., 2] > 200) & (a[..., 0] < 60)
        x, y, w, h = self.box(blue)
        self.assertTrue(abs(x - 50) <= 2 and abs(y - 100) <= 2 and abs(x + w - 800) <= 2 and abs(y + h - 900) <= 2,
                        (x, y, w, h))
        self.assertTrue(blue[500, 400] and not blue[120, 150] and not blue[880, 100])
        for mode in ("R1", "R2", "R3", "R3T50"):
            a = self.array(f"sheets/square?layer=1&src=grid&perspectiveN=0,0,1,0,1,1,0,1,{mode}&scl=5")
            self.near(samples.where(a[100, 50]), (.25, .5), .02, mode)
        a = self.array("sheets/square?layer=1&src=label&perspective=0,0,200,0,200,100,0,100&pos=30,40")
        self.assertEqual(self.box(a[..., 0] > 190)[:2], (30, 40))
        self.refused("sheets/square?layer=1&src=label&perspective=0,0,200,0,200,100,0")
        self.refused("sheets/square?layer=1&src=label&perspective=0,0,200,0,200,100,0,100,r1")

    def test_draw_order(self):
        a = self.array("sheets/square?layer=7&src=label&layer=3&src=blue&size=300,300")
        self.near(a[500, 500], (200, 30, 60), 0)
        self.near(a[380, 500], (128,) * 3, 0)
        self.near(a[410, 500], (0, 0, 255), 0)

    def test_segments_merge(self):
        a = self.array("sheets/square?layer=1,badge&src=label&layer=2&src=blue&size=20,0&layer=badge&pos=100,0&layer=1&opac=50")
        self.near(a[500, 660], (164, 79, 94), 1)
        self.near(a[500, 500], (0, 0, 255), 0)

    def test_one_kind_a_layer(self):
        a = self.array("sheets/square?layer=1&src=nothing&src=label")
        self.near(a[500, 500], (200, 30, 60), 0)

    def test_huge_equal_resolutions(self):
        a = self.array("sheets/square?res=7200&layer=1&src=label&res=7200&wid=200")
        self.assertEqual(a.shape[:2], (200, 200))
        self.assertEqual(self.box(np.abs(a - (200, 30, 60)).sum(axis=2) < 20), (80, 90, 40, 20))

    def test_many_layers_are_served_or_refused(self):
        layer = "&layer={}&src=label&mask=gray&size=9,9&opac=50&op_blur=1&rotate=3&pos={}"
        many = lambda n: "".join(layer.format(i, f"{i},{i}") for i in range(1, n + 1))
        self.get("sheets/square?wid=100" + many(150))
        for n in (195, 300):
            self.refused("sheets/square?wid=100" + many(n), "size limit")
        self.assertIn(self.server.image("sheets/square?" + many(1000)).status, (403, 414))

    def test_density_scales_composites(self):
        layers = "".join(f"&layer={n}&color={n * 12},0,255&size=20,10&originN=-.5,-.5&pos={40 * (n % 5)},{25 * (n // 5)}"
                         for n in range(1, 21))
        one = self.array("sheets/small?originN=-.5,-.5" + layers)
        two = self.array("sheets/small?originN=-.5,-.5" + layers + "&dpr=on,2")
        self.assertEqual(two.shape[:2], (600, 800))
        for n in range(1, 21):
            x, y = 40 * (n % 5), 25 * (n // 5)
            at = np.all(np.abs(one - (n * 12, 0, 255)) < 2, axis=2)
            self.assertEqual(self.box(at), (x, y, 20, 10), n)
            at = np.all(np.abs(two - (n * 12, 0, 255)) < 2, axis=2)
            self.assertEqual(self.box(at), (2 * x, 2 * y, 40, 20), n)


if __name__ == "__main__":
    unittest.main()
