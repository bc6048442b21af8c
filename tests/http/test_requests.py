"""Every req= type in every encoding (docs/protocol.md, Facts), with its Content-Type, lifetime and exact bytes."""

import json
import re
import unittest
import xml.etree.ElementTree as ElementTree

import picture
import samples

COMPANY = """RootPath = sheets
Bfc = false
DefaultPix = 0,0
MaxPix = 1000,1000
Expiration = 3
NonImgExpiration = 0.25
PublishInfo = spring
LocaleMap = fr,_F,|de,_D,|,_E,
LocaleStrMap = fr,FRA,|,
DefaultThumbPix = 64,64
ThumbType = 2
ThumbBkgColor = 00FF00
JpegQuality = 85,1
[object shoe]
Path = small
Anchor = 10,20
Resolution = 144
Modifier = wid=200
Expiration = 7
ImageSet = small;{0xff0000 red},wide;label
UserData = colour=red^loc=FRA^rouge??size=9??plain
Targets = Target.1.rect=1,2,30,40??Target.1.label=toe
Map = <AREA SHAPE="rect" COORDS="0,0,100,100" HREF="a.html">
TimeStamp = 1400000000000
[object cropped]
Path = small
ThumbType = 1
[object texture]
Path = small
ThumbType = 3
ThumbRes = 18
[object greeting]
Path = label
[object greeting_F]
Path = blue
[object greeting_D]
Path = small
[object spin]
AssetType = SPINSET
ImageSet = small,wide
[object media]
ImageSet = {small,wide};small;,label;;
[object stream]
ImageSet = clip,clip2,small
[static clip]
Path = clip.mp4
VideoBitRate = 1000
AudioBitRate = 100
[static clip2]
Path = clip2.mp4
VideoBitRate = 500
"""

ENCODINGS = {"": "text/plain", ",text": "text/plain", ",javascript": "text/javascript", ",xml": "text/xml",
             ",json": "text/javascript"}


class Requests(samples.Samples):
    @classmethod
    def prepare(cls, root, companies):
        super().prepare(root, companies)
        (companies / "asked.ini").write_text(COMPANY)

    def lifetime(self, reply):
        return int(re.search(r"max-age=(\d+)", reply.headers["cache-control"]).group(1))

    def properties(self, url):
        """The lines of a text property reply as a dict; checks its head."""
        reply = self.get(url)
        lines = reply.body.decode().split("\r\n") if b"\r\n" in reply.body else reply.body.decode().split("\n")
        self.assertEqual(lines[0], "#S7Z OK")
        self.assertRegex(lines[1], r"^#(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d [A-Z]+ \d{4}$")
        return dict(line.split("=", 1) for line in lines[2:] if line)

    def jsonp(self, reply, handler="s7jsonResponse", ident=""):
        body = reply.body.decode()
        head, tail = f"/*jsonp*/{handler}(", f',"{ident}");'
        self.assertTrue(body.startswith(head) and body.endswith(tail), body)
        return json.loads(body[len(head):-len(tail)])

    # ---- one property in every encoding, byte for byte ----

    def test_encodings_byte_by_byte(self):
        rows = {
            "asked/shoe?req=exists,json": b'/*jsonp*/s7jsonResponse({"catalogRecord.exists":"1"},"");',
            "asked/shoe?req=exists,json&id=a-1": b'/*jsonp*/s7jsonResponse({"catalogRecord.exists":"1"},"a-1");',
            "asked/shoe?req=exists,json,UTF-8&id=7": b'/*jsonp*/s7jsonResponse({"catalogRecord.exists":"1"},"7");',
            "asked/none?req=exists,json&handler=mine": b'/*jsonp*/mine({"catalogRecord.exists":"0"},"");',
            "asked/shoe?REQ=Exists,JSON": b'/*jsonp*/s7jsonResponse({"catalogRecord.exists":"1"},"");',
            "asked/shoe?req=exists,javascript": b"catalogRecord.exists='1';\r\n",
        }
        for url, body in rows.items():
            with self.subTest(url):
                reply = self.get(url)
                self.assertEqual(reply.body, body)
                self.assertEqual(reply.type.split(";")[0], "text/javascript")

    def test_ids_cannot_leave_their_string(self):
        for ident in ("%22);alert(1);//", "a%0ab", "%3C/script%3E", "\\", "%e2%80%a8", "%ff"):
            body = self.get(f"asked/shoe?req=exists,json&id={ident}").body.decode()
            match = re.fullmatch(r'/\*jsonp\*/s7jsonResponse\(\{"catalogRecord.exists":"1"\},("(?:[^"\\]|\\.)*")\);', body)
            self.assertTrue(match, body)
            json.loads(match.group(1))
            self.assertFalse(set(match.group(1)) & set("<>\n\u2028"), body)
        self.assertTrue(self.get("asked/shoe?req=exists,json&id=%c3%a9").body.endswith('"é");'.encode()))
        self.assertTrue(self.get("asked/shoe?req=exists,json&id=%e9").body.endswith(b'"\\u00e9");'))
        ElementTree.fromstring(self.get("asked/shoe?req=props,xml&wid=a%ff%01", 403).body)
        self.get("asked/shoe?req=exists,json&handler=a(b", 403)
        self.get("asked/shoe?req=exists,json&handler=a..b", 403)

    def test_types_of_encodings(self):
        for kind in ("exists", "props", "imageprops", "catalogprops", "validate", "xlate"):
            for encoding, mime in ENCODINGS.items():
                with self.subTest(kind + encoding):
                    reply = self.get(f"asked/shoe?req={kind}{encoding}")
                    self.assertEqual(reply.type.split(";")[0], mime)
                    self.assertNotIn("x-adobe-smart-imaging", reply.headers)
                    if mime == "text/xml":
                        self.assertTrue(reply.body.startswith(b'<?xml version="1.0" encoding="UTF-8" ?>'), reply.body)
                        tree = ElementTree.fromstring(reply.body)
                        self.assertEqual((tree.tag, tree.get("name")), ("prop-group", None))
                        group = tree.find("prop-group")
                        self.assertTrue(group.get("name") and group.find("property").get("name"))

    def test_xml_encodings(self):
        for name, codec in {"UTF-8": "utf-8", "UTF-16": "utf-16", "UTF-16LE": "utf-16-le", "UTF-16BE": "utf-16-be",
                            "ISO-8859-1": "latin-1"}.items():
            body = self.get(f"asked/shoe?req=userdata,xml,{name}").body
            self.assertIn('value="9"', body.decode(codec), name)
        self.get("asked/shoe?req=userdata,xml,EBCDIC", 403)
        self.get("asked/shoe?req=userdata,html", 403)
        self.get("asked/shoe?req=nonsense", 403)

    def test_errors_in_the_encoding_asked_for(self):
        reply = self.get("asked/none?req=props,json&id=5&handler=mine", 403)
        found = self.jsonp(reply, "s7jsonError", "5")
        self.assertEqual(sorted(found), ["message", "title"])
        reply = self.get("asked/none?req=props,xml", 403)
        ElementTree.fromstring(reply.body)
        self.assertTrue(self.get("asked/none?req=props", 403).type.startswith("text/plain"))
        for url in ("asked/none?req=props,json", "asked/none?req=props,xml"):
            self.assertIn("no-store", self.get(url, 403).headers["cache-control"])

    # ---- types ----

    def test_lifetimes(self):
        hours = {"img": 7, "tmb": 7, "mask": 7, "tile": 7, "props": .25, "imageprops": .25, "catalogprops": .25,
                 "exists": .25, "imageset": .25, "set,json": .25, "targets": 7, "userdata": 7, "map": 7, "xmp": 7,
                 "xlate": 7}
        for kind, hour in hours.items():
            with self.subTest(kind):
                self.assertEqual(self.lifetime(self.get(f"asked/shoe?req={kind}")), int(hour * 3600))
        self.assertEqual(self.lifetime(self.get("asked/small?wid=9")), 3 * 3600)
        for kind in ("validate", "resolve", "message&message=hello"):
            with self.subTest(kind):
                self.assertIn("no-store", self.get(f"asked/shoe?req={kind}").headers["cache-control"])

    def test_props(self):
        found = self.properties("asked/shoe?req=props&fmt=png&bgc=ff8000&printRes=150")
        want = {"image.width": "200", "image.height": "150", "image.bgc": "ff8000", "image.type": "image/png",
                "image.mask": "0", "image.pixTyp": "RGB", "image.iccEmbed": "0", "image.printRes": "150",
                "image.pathEmbed": "0", "image.xmpEmbed": "0"}
        self.assertEqual({k: found[k].lower() if k == "image.bgc" else found[k] for k in want}, want)
        self.assertRegex(found["image.version"], r"^[A-Za-z0-9_-]+$")
        self.assertRegex(found["metadata.version"], r"^[A-Za-z0-9_-]+$")
        self.assertTrue({"image.quality", "image.length", "image.iccProfile"} <= set(found))
        self.assertEqual(self.properties("asked/shoe?req=props&fmt=jpeg,gray")["image.pixTyp"], "BW")
        self.assertEqual(self.properties("asked/shoe?req=props&fmt=png-alpha")["image.mask"], "1")

    def test_props_know_composites_and_huge_replies(self):
        found = self.properties("asked/grid?req=props&scl=1")
        self.assertEqual((found["image.width"], found["image.height"]), ("2000", "1500"))     # above MaxPix: docs/decisions.md, P29
        found = self.properties("asked/small?req=props&scl=1&extend=10,0,0,0&layer=1&src=blue")
        self.assertEqual((found["image.width"], found["image.height"]), ("410", "300"))
        facts = self.jsonp(self.get("asked/small?req=props,json&wid=33&id=3"), ident="3")
        self.assertEqual(facts["image.width"], "33")
        self.assertTrue(all(isinstance(v, str) for v in facts.values()))

    def test_imageprops(self):
        found = self.properties("asked/shoe?req=imageprops&wid=7")
        want = {"image.width": "400", "image.height": "300", "image.anchor": "10,20", "image.mask": "0",
                "image.pixTyp": "RGB", "image.resolution": "144", "image.modifier": "wid=200",
                "image.postModifier": "", "image.expiration": "7", "image.thumbType": "2",
                "image.timeStamp": "1400000000000", "image.embeddedXmpData": "0", "image.photoshopPathNames": ""}
        self.assertEqual({k: found.get(k) for k in want}, want)
        self.assertEqual(self.properties("asked/ramp?req=imageprops")["image.mask"], "2")

    def test_catalogprops(self):
        found = self.properties("asked?req=catalogprops")
        want = {"catalog.maxPix": "1000,1000", "catalog.expiration": "3", "catalog.nonImgExpiration": "0.25",
                "catalog.publishInfo": "spring", "catalog.jpegQuality": "85,1", "catalog.defaultThumbPix": "64,64",
                "catalog.thumbType": "2"}
        self.assertEqual({k: found.get(k) for k in want}, want)
        names = ("bkgColor defaultExt defaultPix defaultThumbPix expiration defaultExpiration nonImgExpiration fileTime "
                 "jpegQuality maxPix printResolution publishInfo resMode resolution thumbBkgColor thumbHorizAlign "
                 "thumbRes thumbType thumbVertAlign watermark")
        self.assertEqual(set(found), {"catalog." + n for n in names.split()})
        self.assertIn("catalog.maxPix", self.properties("?req=catalogprops"))

    def test_exists(self):
        for name, there in {"asked/shoe": "1", "asked/small": "1", "asked/none": "0", "nobody/none": "0"}.items():
            self.assertEqual(self.properties(f"{name}?req=exists")["catalogRecord.exists"], there, name)

    def test_raw_fields(self):
        self.assertEqual(self.get("asked/shoe?req=imageset&wid=5").body, b"small;{0xff0000 red},wide;label\r\n")
        self.assertEqual(self.get("asked/small?req=imageset").body, b"\r\n")
        self.assertEqual(self.get("asked/shoe?req=targets").body,
                         b"Target.1.rect=1,2,30,40\r\nTarget.1.label=toe\r\n")
        self.assertEqual(self.get("asked/shoe?req=map").body.strip(),
                         b'<AREA SHAPE="rect" COORDS="0,0,100,100" HREF="a.html">')

    def test_userdata_is_localized(self):
        self.assertEqual(self.get("asked/shoe?req=userdata").body, b"colour=red\r\nsize=9\r\nplain\r\n")
        self.assertEqual(self.get("asked/shoe?req=userdata&locale=fr").body, b"colour=rouge\r\nsize=9\r\nplain\r\n")
        self.assertEqual(self.jsonp(self.get("asked/shoe?req=userdata,json")), {"colour": "red", "size": "9"})

    def test_locales_choose_records(self):
        for locale, size in {"fr": (800, 600), "FR": (800, 600), "de": (400, 300), "ja": (200, 100), "": (200, 100)}.items():
            reply = self.get(f"asked/greeting?scl=1&locale={locale}")
            self.assertEqual(picture.size(reply.body), size, locale)
        self.assertEqual(self.properties("asked/greeting?req=xlate")["xlate.translatedIds"],
                         "greeting,greeting_F,greeting_D")

    def test_maps_follow_the_geometry(self):
        text = self.get("asked/shoe?req=map&wid=100").body.decode()
        self.assertRegex(text, r'(?i)coords="0,0,25,25"')
        text = self.get("asked/small?req=map&wid=100&map=%3CAREA%20SHAPE=%22rect%22%20COORDS=%22200,100,300,200%22%20HREF=%22x%22%3E&fmt=png").body
        self.assertRegex(text.decode(), r'(?i)coords="50,25,75,50"')
        self.assertEqual(self.get("asked/small?req=map&wid=100").body.strip(), b"")
        self.assertTrue(self.get("asked/shoe?req=map").type.startswith("text/plain"))

    def test_xmp(self):
        reply = self.get("asked/small?req=xmp")
        self.assertEqual((reply.body, reply.type.split(";")[0]), (b"", "text/xml"))

    def test_validate_does_not_look_for_objects(self):
        self.assertEqual(self.properties("asked/none?req=validate&wid=100")["request.isValid"], "1")
        self.assertEqual(self.properties("asked/none?req=validate&wid=$x$")["request.isValid"], "1")
        self.get("asked/shoe?req=validate&fit=nonsense&wid=9", 403)

    def test_resolve_shows_the_final_request(self):
        reply = self.get("asked/shoe?req=resolve&$w=55&wid=$w$&op_blur=3")
        self.assertTrue(reply.type.startswith("text/plain"))
        text = reply.body.decode()
        self.assertIn("wid=55", text)
        self.assertNotIn("wid=200", text)
        self.assertIn("blur=3", text)
        self.assertNotIn(str(self.server.folder), text)

    def test_banner(self):
        self.assertIn(b"copyright=", self.get("").body)

    def test_message(self):
        self.assertEqual(self.get("asked/shoe?req=message&message=hello").body, b"")

    def test_save_to_file_is_off(self):
        self.get("asked/shoe?req=saveToFile&name=out.jpg", 403)
        self.assertFalse((self.server.root / "sheets/out.jpg").exists())

    def test_sets(self):
        doc = self.jsonp(self.get("asked/shoe?req=set,json&id=1"), ident="1")["set"]
        self.assertEqual((doc["n"], doc["type"], len(doc["item"])), ("asked/shoe", "img_set", 2))
        self.assertEqual(doc["item"][0]["i"]["n"], "asked/small")
        self.assertEqual((doc["item"][0]["dx"], doc["item"][0]["dy"]), ("400", "300"))
        self.assertEqual(doc["item"][1]["s"]["n"], "asked/label")
        self.assertTrue(doc["item"][0]["iv"])
        doc = self.jsonp(self.get("asked/small?req=set,json"))["set"]
        self.assertIsInstance(doc["item"], dict)            # a single item is no array
        xml = self.get("asked/shoe?req=set")
        self.assertEqual(xml.type.split(";")[0], "text/xml")
        self.assertEqual(len(ElementTree.fromstring(xml.body).findall("item")), 2)
        doc = self.jsonp(self.get("asked/shoe?req=set,json&imageSet={wide,small,label}"))["set"]
        self.assertEqual(len(doc["item"]), 3)
        doc = self.jsonp(self.get("asked/spin?req=set,json"))["set"]
        self.assertEqual((doc["type"], len(doc["item"])), ("spin", 2))
        self.get("asked/small:Square?req=set,json", 403)

    def test_manifests_of_streams(self):
        reply = self.get("asked/stream?req=mbrSet&fmt=m3u8")
        self.assertEqual(reply.body, b"#EXTM3U\n#EXT-X-STREAM-INF:PROGRAM-ID=1,BANDWIDTH=1100\nclip.mp4.m3u8\n"
                                     b"#EXT-X-STREAM-INF:PROGRAM-ID=1,BANDWIDTH=500\nclip2.mp4.m3u8\n")
        self.assertEqual(len(ElementTree.fromstring(self.get("asked/stream?req=mbrSet&fmt=f4m").body)), 2)
        self.assertEqual(self.lifetime(reply), 900)

    # ---- thumbnails ----

    def test_thumbnails(self):
        reply = self.get("asked/small?req=tmb&fmt=png")
        a = picture.pixels(reply.body)
        self.assertEqual(a.size, (64, 64))
        self.assertEqual(a.getpixel((32, 3)), (0, 255, 0))         # Fit: 64x48, rest ThumbBkgColor
        self.assertNotEqual(a.getpixel((32, 9)), (0, 255, 0))
        a = picture.pixels(self.get("asked/cropped?req=tmb&fmt=png").body)
        self.assertEqual(a.size, (64, 64))
        self.assertEqual(a.getpixel((32, 2))[2], samples.BLUE)
        u = samples.where(a.getpixel((0, 32)))[0]
        self.assertAlmostEqual(u, 10.5 / 85, delta=.02)            # 85x64, ten columns cut on each side
        a = picture.pixels(self.get("asked/texture?req=tmb&fmt=png&wid=50&hei=50").body)
        self.assertAlmostEqual(samples.where(a.getpixel((25, 25)))[0], .5, delta=.02)
        self.assertAlmostEqual(samples.where(a.getpixel((0, 25)))[0], .25, delta=.02)    # a quarter: 100x75
        a = picture.pixels(self.get("asked/small?req=tmb&fmt=png&wid=100&hei=40&bgc=ff0000&align=-1,0").body)
        self.assertEqual(a.size, (100, 40))
        self.assertEqual(a.getpixel((90, 20)), (255, 0, 0))
        self.assertNotEqual(a.getpixel((2, 20)), (255, 0, 0))
        self.get("asked/small?req=tmb&fit=crop", 403)

    def test_thumbnails_of_composites(self):
        a = picture.pixels(self.get("asked/small?req=tmb&fmt=png&wid=100&hei=100&layer=1&src=asked/label&sizeN=.5,.5").body)
        self.assertEqual(a.size, (100, 100))
        self.assertTrue(all(abs(p - q) < 4 for p, q in zip(a.getpixel((50, 50)), (200, 30, 60))))

    def test_tiles_are_images(self):
        reply = self.get("asked/grid?req=tile&rect=512,256,256,256&fmt=png&scl=2")
        self.assertEqual(picture.size(reply.body), (256, 256))
        self.assertEqual(reply.body, self.get("asked/grid?rect=512,256,256,256&fmt=png&scl=2").body)


if __name__ == "__main__":
    unittest.main()
