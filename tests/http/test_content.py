"""Static content below /is/content/ (docs/attributes.md, StaticContentRootPath)."""

import json
import unittest

FILES = {
    "guide.pdf": b"%PDF-1.4 a guide\n" * 1000,
    "captions.vtt": 'WEBVTT\n\n00:00.000 --> 00:01.000\n<b>"Größe"</b>\n'.encode(),
    "style.css": b"a { color: red }\n",
}

RULES = """<?xml version="1.0" encoding="UTF-8"?>
<ruleset>
  <rule Name="alias" OnMatch="continue" RequestType="static">
    <expression>^papers/old/</expression><substitution>papers/</substitution>
    <header Name="X-Robots-Tag">noindex</header>
  </rule>
  <rule Name="closed" OnMatch="error" RequestType="static"><expression>secret</expression></rule>
  <rule Name="images" OnMatch="error" RequestType="is"><expression>style</expression></rule>
</ruleset>
"""

COMPANY = """StaticContentRootPath = documents
RuleSetFile = papers.xml
LocaleMap = fr,_F,|,
Expiration = 2
NonImgExpiration = 0.5
[static manual]
Path = guide.pdf
UserType = brochure
UserData = language=en??pages=12
Expiration = 5
[static manual_F]
Path = style.css
[static untyped]
Path = style.css
"""


class Content(unittest.TestCase):
    server = None

    @classmethod
    def prepare(cls, root, companies):
        folder = root / "documents"
        folder.mkdir()
        for name, data in FILES.items():
            (folder / name).write_bytes(data)
        (folder / "secret.txt").write_bytes(b"not for everyone")
        (companies / "papers.ini").write_text(COMPANY)
        (companies / "papers.xml").write_text(RULES)
        (companies / "walled.ini").write_text(
            "StaticContentRootPath = documents\nClientAddressFilter = 192.0.2.0/24\nErrorDetail = 0\n")

    def get(self, path, status=200, **headers):
        reply = self.server.request("/is/content/" + path, headers)
        self.assertEqual(reply.status, status, (path, reply.body[:200]))
        return reply

    def test_a_file_is_sent_as_it_is(self):
        for name, kind in {"guide.pdf": "application/pdf", "captions.vtt": "text/vtt; charset=utf-8",
                           "style.css": "text/css; charset=utf-8"}.items():
            reply = self.get("papers/" + name)
            self.assertEqual(reply.body, FILES[name])
            self.assertEqual(reply.type, kind)
            self.assertIn("last-modified", reply.headers)
            self.assertEqual(reply.headers["x-content-type-options"], "nosniff")

    def test_ranges_and_conditions(self):
        reply = self.get("papers/guide.pdf", 206, Range="bytes=5-8")
        self.assertEqual(reply.body, FILES["guide.pdf"][5:9])
        first = self.get("papers/guide.pdf")
        self.assertEqual(
            self.get("papers/guide.pdf", 304, **{"If-None-Match": first.headers["etag"]}).body, b"")
        self.get("papers/guide.pdf", 304, **{"If-Modified-Since": first.headers["last-modified"]})

    def test_records_have_a_path_and_a_life_of_their_own(self):
        reply = self.get("papers/manual")
        self.assertEqual(reply.body, FILES["guide.pdf"])
        self.assertIn("max-age=18000", reply.headers["cache-control"])
        self.assertIn("max-age=7200", self.get("papers/style.css").headers["cache-control"])
        self.assertIn("no-store", self.get("papers/manual?cache=off").headers["cache-control"])

    def test_rules_and_address_filters_guard_static_content(self):
        reply = self.get("papers/old/style.css")
        self.assertEqual(reply.body, FILES["style.css"])
        self.assertEqual(reply.headers["x-robots-tag"], "noindex")
        self.assertNotIn("x-robots-tag", self.get("papers/style.css").headers)
        self.get("papers/secret.txt", 403)
        refused = self.get("walled/style.css", 403)
        self.assertNotIn(b":", refused.body)  # ErrorDetail = 0: the title alone

    def test_records_are_translated(self):
        self.assertEqual(self.get("papers/manual?locale=fr").body, FILES["style.css"])
        self.assertEqual(self.get("papers/manual?locale=de").body, FILES["guide.pdf"])

    def test_type_must_be_the_records(self):
        self.get("papers/manual?type=brochure")
        self.get("papers/manual?type=")
        self.get("papers/manual?type=Brochure", 403)
        self.get("papers/untyped?type=anything")
        self.get("papers/style.css?type=anything")

    def test_user_data(self):
        reply = self.get("papers/manual?req=userdata")
        self.assertEqual(reply.body, b"language=en\r\npages=12\r\n")
        self.assertEqual(self.get("papers/style.css?req=userdata").body, b"\r\n")
        self.assertEqual(self.get("papers/manual?req=userdata,json&id=9").body,
                         b'/*jsonp*/s7jsonResponse({"language":"en","pages":"12"},"9");')

    def test_properties(self):
        body = self.get("papers/manual?req=props,json&handler=f").body.decode()
        self.assertTrue(body.startswith("/*jsonp*/f({") and body.endswith('},"");'))
        facts = json.loads(body[len("/*jsonp*/f("):-len(',"");')])
        self.assertEqual(facts["static.length"], str(len(FILES["guide.pdf"])))
        self.assertEqual(facts["static.userType"], "brochure")
        self.assertEqual(facts["static.expiration"], "5")
        exists = {"manual": b"1", "style.css": b"1", "nothing": b"0"}
        for name, there in exists.items():
            reply = self.get(f"papers/{name}?req=exists")
            self.assertIn(b"catalogRecord.exists=" + there, reply.body)

    def test_texts_are_wrapped_for_scripts(self):
        reply = self.get("papers/captions.vtt?handler=caption&id=3")
        self.assertTrue(reply.type.startswith("text/javascript"))
        body = reply.body.decode()
        self.assertTrue(body.startswith('/*jsonp*/caption("') and body.endswith('","3");'), body)
        self.assertEqual(json.loads(body[len("/*jsonp*/caption("):-len(',"3");')]),
                         FILES["captions.vtt"].decode())
        self.assertNotIn("<", body)
        self.assertEqual(self.get("papers/guide.pdf?handler=f").body, FILES["guide.pdf"])

    def test_nothing_beyond_the_folder(self):
        for path in ("papers/../demo/product.jpg", "papers/..%2fdemo/product.jpg",
                     "papers/%2e%2e/demo/product.jpg", "papers/", "papers", "", "papers//", "papers//..//guide.pdf",
                     "papers/nothing.pdf", "demo/product.jpg"):
            reply = self.server.request("/is/content/" + path)
            self.assertEqual(reply.status, 403, (path, reply.body[:100]))
        self.assertEqual(self.get("papers//guide.pdf/").body, self.get("papers/guide.pdf").body)
        self.get("papers/manual?req=nonsense", 403)
        self.get("papers/manual?cache=maybe", 403)
        self.get("papers/manual?req=exists,json&handler=a(b", 403)
        self.assertTrue(self.get("papers/manual?req=exists,json&handler=my.call_2").body.startswith(
            b"/*jsonp*/my.call_2({"))
