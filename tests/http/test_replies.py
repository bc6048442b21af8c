"""Requests about catalog and sources (docs/protocol.md, Facts): the front side's and the
renderer's property replies, byte by byte where clients rely on that."""

import json
import re
import struct
import unittest

from PIL import Image, ImageCms

COMPANY = """RootPath = demo
MaxPix = 2000,2000
PublishInfo = spring
LocaleMap = fr,_F,|,_E,
LocaleStrMap = fr,FR,|,
[object hero]
Path = product.jpg
Modifier = wid=100
Anchor = 3,4
UserData = k=plain^loc=FR^joli??z=1??w=<w>
Targets = Target.1.rect=1,2,3,4??Target.1.label=a^loc=FR^b
ImageSet = landscape;night,{0xff0000 Red^loc=FR^Rouge}
Map = <AREA SHAPE="rect" COORDS="100,200,300,400" HREF="x">
[object hero_F]
Path = night.jpg
[object labelled]
Path = landscape.jpg
UserData = k=plain??z=1??end=
[crops]
Wide = 1600x900
Small = 200x200
[crop landscape]
Wide = 0.1,0.2,0.5,0.5
[static low]
Path = low.mp4
VideoBitRate = 400000
AudioBitRate = 64000
VideoSize = 320,240
[static high]
Path = high.mp4
TotalStreamBitRate = 1000000
[static flash]
Path = f.f4v
TotalStreamBitRate = 700000
[object film]
AssetType = VIDEOSET
ImageSet = low,high,flash,missing
"""


def photoshop_path(number, name):
    """An image resource block with a path of one closed triangle (Adobe Photoshop File Formats Specification)."""
    def point(x, y):
        return struct.pack(">H", 1) + struct.pack(">ii", int(y * 2 ** 24), int(x * 2 ** 24)) * 3
    data = struct.pack(">H24x", 6) + struct.pack(">HH22x", 0, 3) + point(0.1, 0.1) + point(0.9, 0.1) + point(0.5, 0.9)
    title = bytes([len(name)]) + name
    title += b"\0" * (len(title) % 2)
    return b"8BIM" + struct.pack(">H", number) + title + struct.pack(">I", len(data)) + data


class Replies(unittest.TestCase):
    server = None

    @classmethod
    def prepare(cls, root, companies):
        (companies / "library.ini").write_text(COMPANY)
        (companies / "cropped.ini").write_text(
            "RootPath = demo\n[crops]\n" + "".join(f"Crop-number-{i} = {100 + i}x200\n" for i in range(150)))
        picture = Image.new("RGB", (40, 30), (200, 30, 60))
        srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        picture.save(root / "demo/bare.jpg")
        picture.save(root / "demo/profiled.jpg", icc_profile=srgb)
        body = (root / "demo/bare.jpg").read_bytes()
        block = b"Photoshop 3.0\0" + photoshop_path(2000, b"outline") + photoshop_path(2001, b"hole")
        (root / "demo/paths.jpg").write_bytes(
            body[:2] + b"\xff\xed" + struct.pack(">H", len(block) + 2) + block + body[2:])

    def get(self, url, status=200):
        reply = self.server.image("library/" + url)
        self.assertEqual(reply.status, status, (url, reply.body[:300]))
        return reply

    def text(self, url, status=200):
        return self.get(url, status).body.decode()

    def facts(self, url):
        body = self.text(url)
        self.assertTrue(body.startswith("/*jsonp*/s7jsonResponse({") and body.endswith('},"");'), body)
        return json.loads(body[len("/*jsonp*/s7jsonResponse("):-len(',"");')])

    def test_jsonp_is_exact(self):
        self.assertEqual(self.text("hero?req=exists,json&id=77&handler=cb"),
                         '/*jsonp*/cb({"catalogRecord.exists":"1"},"77");')
        self.assertEqual(self.text("hero?req=exists,json,UTF-8"),
                         '/*jsonp*/s7jsonResponse({"catalogRecord.exists":"1"},"");')
        self.assertEqual(self.get("hero?req=exists,json").type.split(";")[0], "text/javascript")
        body = self.text("nothing?req=imageprops,json&id=5&handler=cb", 403)
        self.assertRegex(body, r'^/\*jsonp\*/s7jsonError\(\{"message":".*","title":".*"\},"5"\);$')

    def test_bodies_in_text_xml_and_javascript(self):
        text = self.text("hero?req=exists")
        self.assertRegex(text, r"^#S7Z OK\r\n#\w{3} \w{3} \d\d \d\d:\d\d:\d\d \w+ \d{4}\r\n"
                               r"catalogRecord\.exists=1\r\n$")
        self.assertEqual(self.text("hero?req=exists,javascript"), "catalogRecord.exists='1';\r\n")
        xml = self.get("hero?req=exists,xml")
        self.assertEqual(xml.type, "text/xml; charset=utf-8")
        self.assertIn(b'<prop-group name="catalogRecord">\r\n<property name="exists" value="1" />', xml.body)

    def test_exists_is_an_answer_either_way(self):
        self.assertIn("exists=0", self.text("nothing?req=exists"))
        self.assertIn("exists=1", self.text("landscape?req=exists"))
        self.assertIn("max-age=360", self.get("hero?req=exists").headers["cache-control"])

    def test_catalogprops(self):
        for url in ("hero?req=catalogprops,json", "?req=catalogprops,json"):
            facts = self.facts(url)
            self.assertEqual(facts["catalog.maxPix"], "2000,2000")
            self.assertEqual(facts["catalog.publishInfo"], "spring")
            self.assertEqual(facts["catalog.jpegQuality"], "80,0")
            self.assertEqual(len(facts), 20)
        self.assertNotIn("1970", self.text("?req=catalogprops"))    # dated like the company's file

    def test_imageprops_know_record_and_file(self):
        facts = self.facts("hero?req=imageprops,json&wid=7")
        self.assertEqual(facts["image.anchor"], "3,4")
        self.assertEqual(facts["image.modifier"], "wid=100")
        self.assertEqual((facts["image.width"], facts["image.height"]), ("6000", "4000"))
        self.assertEqual(facts["image.pixTyp"], "RGB")

    def test_props_are_of_the_reply(self):
        facts = self.facts("landscape?req=props,json&wid=300&hei=200&fmt=png-alpha&bgc=102030")
        self.assertEqual((facts["image.width"], facts["image.height"]), ("300", "200"))
        self.assertEqual((facts["image.type"], facts["image.mask"]), ("image/png", "1"))
        self.assertEqual(self.facts("landscape?req=props,json&wid=9&hei=9&bgc=102030")["image.bgc"], "102030")
        self.assertRegex(facts["image.version"], r"^[A-Za-z0-9_-]+$")
        # docs/decisions.md, P29: full sizes are asked for beyond MaxPix
        big = self.facts("hero?req=props,json&wid=5000")
        self.assertEqual(big["image.width"], "5000")

    def test_record_fields_are_localized(self):
        self.assertEqual(self.text("hero?req=userdata"), "k=plain\r\nz=1\r\nw=<w>\r\n")
        self.assertEqual(self.text("landscape?req=userdata"), "\r\n")
        self.assertEqual(self.facts("hero?req=userdata,json"), {"k": "plain", "z": "1", "w": "<w>"})
        self.assertEqual(self.text("hero?req=targets"),
                         "Target.1.rect=1,2,3,4\r\nTarget.1.label=a\r\n")
        self.assertEqual(self.text("hero?req=imageset"), "landscape;night,{0xff0000 Red}\r\n")
        self.assertEqual(self.text("nothing?req=imageset"), "\r\n")
        self.assertEqual(self.text("hero?req=imageset,json&id=i&handler=altset_123"),
                         '/*jsonp*/altset_123({"IMAGE_SET":"landscape;night,{0xff0000 Red}"},"i");')

    def test_map_of_a_record_and_of_a_composite(self):
        self.assertEqual(self.text("hero?req=map"),
                         '<AREA SHAPE="rect" COORDS="100,200,300,400" HREF="x">\r\n')
        self.assertEqual(self.text("hero?req=map&wid=600"),
                         '<AREA SHAPE="rect" COORDS="10,20,30,40" HREF="x">\r\n')
        both = self.text("hero?req=map&wid=600&layer=1&src=landscape&size=600,400&map=%3CAREA%20HREF=%22l%22%3E")
        self.assertEqual(both.count("<AREA"), 2)
        self.assertLess(both.index('"l"'), both.index('"x"'))
        self.assertEqual(self.text("landscape?req=map&wid=100"), "")

    def test_sets(self):
        tree = self.facts("hero?req=set,json")["set"]
        self.assertEqual((tree["pv"], tree["type"], tree["n"]), ("1.0", "img_set", "library/hero"))
        self.assertEqual(tree["item"][0]["i"], {"n": "library/landscape"})
        self.assertEqual(tree["item"][0]["s"], {"n": "library/night"})
        self.assertRegex(tree["item"][0]["dx"], r"^\d+$")
        single = self.facts("landscape?req=set,json")["set"]
        self.assertIsInstance(single["item"], dict)
        given = self.facts("landscape?req=set,json&imageSet={night,product}")["set"]
        self.assertEqual([i["i"]["n"] for i in given["item"]], ["library/night", "library/product"])
        self.assertIn('<i n="library/landscape"/>', self.text("hero?req=set"))

    def test_labels_of_sets_have_no_line_ends(self):
        given = self.facts("landscape?req=set,json&labelkey=k&imageSet={library/labelled}")["set"]
        self.assertEqual(given["item"]["l"], "plain")
        given = self.facts("landscape?req=set,json&labelkey=z&imageSet={library/labelled}")["set"]
        self.assertEqual(given["item"]["l"], "1")

    def test_braces_of_a_set_may_be_missing(self):
        with_braces = self.text("landscape?req=set,json&imageSet={night;product,{0xff0000%20Red}}")
        self.assertEqual(self.text("landscape?req=set,json&imageSet=night;product,{0xff0000%20Red}"), with_braces)
        self.assertEqual(self.text("landscape?imageSet=night;product,%7B0xff0000%20Red%7D&req=set,json"), with_braces)
        self.assertEqual(self.text("landscape?imageSet=%7Bnight%3Bproduct%2C%7b0xff0000+Red%7d%7D&req=set,json"), with_braces)
        self.assertIn('{"c":"0xff0000","l":"Red"}',
                      self.text("landscape?req=set,json&imageSet={night;%7B0xff0000%20Red%7D}"))
        item = self.facts("?req=set,json&imageSet={library/product%3AWide}")["set"]["item"]
        self.assertEqual(item["i"], {"n": "library/product:Wide"})
        self.assertAlmostEqual(int(item["dx"]) / int(item["dy"]), 16 / 9, delta=0.01)
        listed = self.facts("?imageset=library/night,library/product&req=set,json")["set"]
        self.assertEqual([i["i"]["n"] for i in listed["item"]], ["library/night", "library/product"])
        self.assertEqual(listed["n"], "library")
        sets = self.facts("?imageSet={night,product},{product,night}&req=set,json")["set"]
        self.assertEqual([len(i["set"]["item"]) for i in sets["item"]], [2, 2])
        self.assertIn("do not match", self.text("landscape?req=set&imageSet=night,{product", 403))
        self.assertIn("isValid=1", self.text("landscape?req=validate&imageSet=night,product"))

    def test_sets_of_images_name_their_smart_crops(self):
        """Read as Adobe's Core WCM Components do, whose expressions these are."""
        body = self.text("product?req=set,json")
        payload = re.fullmatch(r'(?:/\*jsonp\*/)?\s*([^()]+)\(([\s\S]+),\s*"[0-9]*"\);?', body)[2]
        relation = json.loads(payload)["set"]["relation"]
        self.assertEqual({int(float(r["userdata"]["SmartCropWidth"])): ":" + r["userdata"]["SmartCropDef"]
                          for r in relation}, {1600: ":Wide", 200: ":Small"})
        for r in relation:
            name = r["userdata"]["SmartCropDef"]
            self.assertEqual(r["n"], f"library/product:{name}")
            self.assertEqual(r["userdata"], self.facts(f"product:{name}?req=userdata,json"))
        by_hand = self.facts("landscape?req=set,json")["set"]["relation"][0]["userdata"]
        self.assertEqual(by_hand, self.facts("landscape:Wide?req=userdata,json"))
        xml = self.text("product?req=set")
        self.assertRegex(xml, r'<relation n="library/product:Wide"><userdata SmartCropDef="Wide" [^>]*/></relation>')
        self.assertNotIn("relation", self.text("hero?req=set,json"))        # a set of images
        many = self.server.image("cropped/product?req=set,json").body.decode()
        self.assertEqual(many.count('"SmartCropDef":'), 150)

    def test_sets_have_no_smart_crops_of_their_own(self):
        for url in ("product:Wide?req=set", "product:Wide?req=set,json", "product:Swatch?req=set", "hero:x?req=set"):
            self.assertIn(":", self.text(url, 403))
        self.assertIn("s7jsonError", self.text("product:Wide?req=set,json", 403))

    def test_handlers_are_names_of_javascript(self):
        for name in ("altset_123", "ng_jsonp_callback_0", "a.b", "$x", "%24x", "jQuery1_2"):
            self.assertTrue(self.text(f"hero?req=exists,json&handler={name}").startswith(
                "/*jsonp*/" + name.replace("%24", "$") + "({"))
        for name in ("9a", "a..b", "a.", ".a", "a(b", "a%3Bb", "a%0Ab", "a%2F*", "a%5B0%5D", "a%20b", "a-b", "%C3%A9"):
            body = self.text(f"hero?req=exists,json&handler={name}", 403)
            self.assertTrue(body.startswith('/*jsonp*/s7jsonError({"message":"handler: expected '), body)

    def test_swatches_say_that_they_are_swatches(self):
        facts = self.facts("product:Swatch?req=userdata,json")
        self.assertEqual((facts["SmartCropDef"], facts["SmartCropType"]), ("Swatch", "Swatch"))
        self.assertEqual(self.facts("product:Wide?req=userdata,json")["SmartCropType"], "smart")
        self.assertEqual(self.facts("landscape:Wide?req=userdata,json")["SmartCropType"], "manual")
        self.assertIn("SmartCropType=Swatch\r\n", self.text("product:Swatch?req=userdata"))

    def test_imageprops_say_what_is_embedded(self):
        plain, profiled = self.facts("bare?req=imageprops,json"), self.facts("profiled?req=imageprops,json")
        self.assertEqual((plain["image.embeddedIccProfile"], plain["image.iccProfile"]), ("0", ""))
        self.assertEqual(profiled["image.embeddedIccProfile"], "1")
        self.assertIn("sRGB", profiled["image.iccProfile"])
        self.assertIn("image.embeddedIccProfile=1\r\n", self.text("profiled?req=imageprops"))
        self.assertIn('name="embeddedIccProfile" value="0"', self.text("bare?req=imageprops,xml"))
        self.assertEqual((plain["image.embeddedPhotoshopPaths"], plain["image.photoshopPathNames"]), ("0", ""))
        paths = self.facts("paths?req=imageprops,json")
        self.assertEqual((paths["image.embeddedPhotoshopPaths"], paths["image.photoshopPathNames"]),
                         ("1", "outline,hole"))

    def test_props_name_the_profile_of_the_reply(self):
        self.assertEqual(self.facts("profiled?req=props,json&iccEmbed=1")["image.iccProfile"], "sRGB")
        self.assertEqual(self.facts("profiled?req=props,json&icc=AdobeRGB")["image.iccProfile"], "AdobeRGB")
        self.assertEqual(self.facts("profiled?req=props,json&fmt=jpeg,gray")["image.iccProfile"], "")

    def test_smart_crops_tell_their_rectangle(self):
        facts = self.facts("product:Wide?req=userdata,json")
        self.assertEqual(set(facts), {"SmartCropDef", "SmartCropType", "SmartCropWidth",
                                      "SmartCropHeight", "SmartCropRect", "SmartSwatchColor"})
        self.assertEqual(facts["SmartCropWidth"], "1600.0")
        x, y, w, h, tw, th = map(float, facts["SmartCropRect"].split(","))
        self.assertTrue(0 <= x and x + w <= 1.0001 and 0 <= y and y + h <= 1.0001)
        self.assertAlmostEqual(w * 6000 / (h * 4000), 16 / 9, delta=0.01)
        self.assertRegex(facts["SmartSwatchColor"], r"^0x[0-9A-F]{6}$")
        manual = self.facts("landscape:Wide?req=userdata,json")
        self.assertTrue(manual["SmartCropRect"].startswith("0.1,0.2,0.5,0.5,"), manual)

    def test_translations(self):
        self.assertIn("xlate.translatedIds=hero,hero_F\r\n", self.text("hero?req=xlate"))

    def test_adaptive_video(self):
        apple = self.get("film?req=mbrSet&fmt=m3u8")
        self.assertEqual(apple.type, "application/x-mpegURL")
        lines = apple.body.decode().splitlines()
        self.assertEqual(lines, ["#EXTM3U",
                                 "#EXT-X-STREAM-INF:PROGRAM-ID=1,BANDWIDTH=464000,RESOLUTION=320x240",
                                 "low.mp4.m3u8", "#EXT-X-STREAM-INF:PROGRAM-ID=1,BANDWIDTH=1000000",
                                 "high.mp4.m3u8"])
        flash = self.text("film?req=mbrSet&fmt=f4m")
        self.assertIn('<media url="f.f4v" bitrate="700"/>', flash)
        self.assertNotIn("mp4", flash)

    def test_validate_and_resolve(self):
        self.assertIn("request.isValid=1", self.text("nothing?req=validate&wid=20&layer=1&src=none"))
        self.assertIn("wid", self.text("nothing?req=validate&wid=x", 403))
        self.assertRegex(self.text("hero?req=resolve&hei=20"), r"\Asmartimg/\d+\.\d+&co=library")
        self.assertIn("no-store", self.get("hero?req=resolve").headers["cache-control"])

    def test_what_is_switched_off_says_so(self):
        for kind in ("saveToFile", "loadcache"):
            self.assertIn("switched off", self.text(f"hero?req={kind}", 403))

    def test_xmp(self):
        reply = self.get("landscape?req=xmp")
        self.assertEqual(reply.type.split(";")[0], "text/xml")

    def test_identity(self):
        reply = self.server.request("/is/image")
        self.assertEqual(reply.status, 200)
        self.assertIn(b"copyright=smartimg", reply.body)
        self.assertTrue(re.match(rb"#S7Z OK\r\n", reply.body))
