"""Companies with a lock or an address filter: who is not admitted there gets at their pictures by no address."""

import atexit
import functools
import hmac
import re
import shutil
import struct
import unittest

from server import Server

KEY = "0123456789abcdef"
OTHER_KEY = "fedcba9876543210"
CARD = "[object card]\nModifier = layer=0&color=ff0000&size=60,60\n"
COMPANIES = {
    # folders that are not named like the company, one of them below another company's
    "vault": f"RootPath = clients/safe\nRequestLock = true\nRequestLockKey = {KEY}\n{CARD}"
             "[object mark]\nPath = secret\n",
    "walled": f"RootPath = inner\nClientAddressFilter = 192.0.2.0/24\n{CARD}",
    # only one picture a time, by rules
    "ruled": f"RootPath = ruly\nRuleSetFile = ruled.xml\n{CARD}",
    "twin": f"RootPath = demo\nRequestLock = true\nRequestLockKey = {KEY}\n",
    "other": f"RootPath = demo\nRequestLock = true\nRequestLockKey = {OTHER_KEY}\n",
    "near": "RootPath = inner\nClientAddressFilter = 127.0.0.1\n",
    "full": f"FullMatch = true\nRequestLock = true\nRequestLockKey = {KEY}\n",
    "lent": f"RootPath = lent-files\nRequestLock = true\nRequestLockKey = {KEY}\nClientAddressFilter = 192.0.2.0/24\n"
            f"AllowNested = true\n{CARD}",
    "open": "RootPath = demo\nMaxPix = 0,0\n",
    "above": "RootPath = clients\n[objects]\nborrowed = safe/secret.jpg\n[object masked]\nPath = plain.jpg\n"
             "MaskPath = safe/secret.jpg\n",
    "files": "StaticContentRootPath = clients\nRootPath = demo\n",
    "marked": "RootPath = demo\nWatermark = vault/mark\n",
    "fallback": "RootPath = demo\nDefaultImage = vault/secret\n",
    "fallback1": "RootPath = demo\nDefaultImage = vault/secret\nDefaultImageMode = 1\n",
    "sorry": "RootPath = demo\nErrorImage = vault/secret\n",
    "bent": "RootPath = demo\nRuleSetFile = bent.xml\n",
}
RULES = {
    "ruled.xml": '<?xml version="1.0"?><ruleset><rule OnMatch="continue"><expression>secret</expression>'
                 "<addressfilter>192.0.2.1</addressfilter></rule></ruleset>",
    "bent.xml": '<?xml version="1.0"?><ruleset><rule OnMatch="continue"><expression>^bent/alias</expression>'
                "<substitution>walled/secret</substitution></rule></ruleset>",
}
FOLDERS = {"vault": "clients/safe", "walled": "inner", "ruled": "ruly", "full": "full", "lent": "lent-files"}


def sign(path, query="", key=KEY):
    mac = hmac.new(key.encode(), f"/is/image/{path}?{query}".encode(), "sha256").hexdigest()[:32]
    return f"{path}?{query}&{mac}"


def profile():
    """The head of a colour profile of RGB, which is all that is looked at before it is used."""
    head = bytearray(128)
    head[0:4] = struct.pack(">I", 128)
    head[12:24] = b"mntrRGB XYZ "
    head[36:40] = b"acsp"
    return bytes(head)


@functools.cache
def guarded():
    """The server of these tests, started when first wanted."""
    server = Server("--renderers", "2")
    companies = server.config / "companies"
    for name, text in COMPANIES.items():
        (companies / f"{name}.ini").write_text(text)
    for name, text in RULES.items():
        (companies / name).write_text(text)
    for folder in FOLDERS.values():
        (server.root / folder).mkdir(parents=True)
        shutil.copy(server.root / "demo/night.jpg", server.root / folder / "secret.jpg")
        (server.root / folder / "house.icc").write_bytes(profile())
    shutil.copy(server.root / "demo/night.jpg", server.root / "clients/plain.jpg")
    atexit.register(server.stop)
    return server.start()


class Protected(unittest.TestCase):
    @property
    def guarded(self):
        return guarded()

    def status(self, url, **headers):
        path = url if url.startswith("/is/") else "/is/image/" + url
        return self.guarded.request(path, headers).status

    def closed(self, *urls):
        for url in urls:
            with self.subTest(url):
                self.assertEqual(self.status(url), 403)

    def open(self, *urls):
        for url in urls:
            with self.subTest(url):
                self.assertEqual(self.status(url), 200)

    def test_directly(self):
        self.closed("vault/secret", "vault/secret?wid=50", "walled/secret", "ruled/secret", "full/secret", "lent/secret")
        self.open(sign("vault/secret"), sign("vault/secret", "wid=51"), sign("vault/card"), "near/secret?wid=50")

    def test_references(self):
        for name in "vault", "walled", "ruled", "full":
            self.closed(*(f"{main}?{command}" for main in ("open/night", "open", "", "open/product")
                          for command in (f"layer=1&src={name}/secret&wid=60", f"src={name}/secret&wid=60",
                                          f"layer=0&src={name}%2Fsecret&wid=61", f"layer=0&src={name}/secret.jpg&wid=60")),
                        f"open/night?mask={name}/secret&wid=60", f"?src=/{name}/secret&wid=60",
                        f"open/night?layer=1&src=/{name}/secret&wid=60", f"?layer=0&size=50,50&color=red&mask={name}/secret",
                        f"open/night?$v={name}/secret&layer=1&src=$v$&wid=60")

    def test_nested_requests(self):
        for name in "vault", "walled", "ruled", "full":
            self.closed(f"open/night?layer=1&src=is({name}/secret)&wid=60", f"?src=is({name}/secret)&wid=60",
                        f"open/night?mask=is%7B{name}/secret?wid=50%7D&wid=60",
                        f"open/night?layer=1&src=is(open/night?src={name}/secret)&wid=60",
                        f"open/night?layer=1&src=is(open/night?layer=1&src=is({name}/secret))&wid=60",
                        f"open/night?$n=is({name}/secret)&layer=1&src=$n$&wid=60",
                        f"open/night?layer=1&src=is%7B{name}%2Fsecret%3Fwid%3D5%7D&wid=60")

    def test_templates(self):
        for name in "vault", "walled", "ruled":
            self.closed(f"open/night?template={name}/card", f"?template={name}/card",
                        f"open/night?layer=1&src=is(open/night?template={name}/card)&wid=60")

    def test_default_images(self):
        for name in "vault", "walled", "ruled", "full":
            self.closed(f"open/gone?defaultImage={name}/secret&wid=60", f"gone?defaultImage={name}/secret&wid=60",
                        f"fallback1/night?layer=1&src=gone&defaultImage={name}/secret&wid=60")
        self.closed("fallback/gone?wid=60", "fallback1/gone?wid=60", "sorry/gone?wid=60", "marked/night?wid=60")

    def test_raw_folders(self):
        for name in "vault", "walled", "ruled", "full":
            folder = FOLDERS[name]
            self.closed(f"{folder}/secret?wid=60", f"open/night?layer=1&src={folder}/secret&wid=60",
                        f"?src={folder}/secret&wid=60", f"?src=/{folder}/secret&wid=60",
                        f"open/night?layer=1&src=is({folder}/secret)&wid=60", f"open/gone?defaultImage={folder}/secret&wid=60",
                        f"open/night?mask={folder}/secret&wid=60", f"{folder}/secret?req=exists", f"{folder}/secret?req=props",
                        f"{folder}/gone?req=exists", f"{folder}//secret.jpg?wid=60")

    def test_overlapping_folders(self):
        self.open("above/plain?wid=60", "open/night?layer=1&src=above/plain&wid=60")
        self.closed("above/safe/secret?wid=60", "open/night?layer=1&src=above/safe/secret&wid=60",
                    "above/borrowed?wid=60", "above/masked?wid=60", "above/plain?layer=1&src=borrowed&wid=60",
                    "above/safe/secret?req=exists", "above/safe/gone?req=exists")

    def test_static_content(self):
        self.assertEqual(self.status("/is/content/files/plain.jpg"), 200)
        self.closed("/is/content/files/safe/secret.jpg", "/is/content/files/safe/secret.jpg?req=exists",
                    "/is/content/files/safe/gone.jpg?req=exists", "/is/content/files/safe/secret.jpg?req=props")

    def test_profiles(self):
        """Their bytes would be in the reply (iccEmbed)."""
        for folder in FOLDERS["vault"], FOLDERS["walled"]:
            self.closed(f"?layer=0&color=ff0000&size=9,9&icc={folder}/house.icc",
                        f"above/plain?wid=9&icc={folder.replace('clients/', '')}/house.icc")

    def test_sets(self):
        for name in "vault", "walled", "ruled", "full":
            self.closed(f"open/night?req=set&imageSet=%7B{name}/secret%7D", f"?req=set&imageSet=%7B{name}/secret%7D")
            reply = self.guarded.image(f"open/night?req=set&imageSet=%7Bnight;{name}/secret%7D")
            self.assertNotRegex(reply.body.decode(), name + "/secret.*d[xy]=")
        self.closed(f"open/night?req=set&imageSet=%7B{FOLDERS['vault']}/secret%7D",
                    f"open/night?req=set&imageSet=%7Babove/safe/secret%7D")

    def test_rules_that_lead_elsewhere(self):
        self.closed("bent/alias", "open/night?layer=1&src=is(bent/alias)&wid=60")

    def test_who_is_admitted(self):
        """The request's own company, those with the same key, and filters that the client passes."""
        self.open(sign("vault/secret", "layer=1&src=secret&wid=60"), sign("vault/secret", "layer=1&src=vault/secret&wid=60"),
                  sign("vault/secret", "layer=1&src=is(vault/card)&wid=60"), sign("vault/secret", "template=card"),
                  sign("vault/secret", "mask=secret&wid=60"), sign("vault/gone", "defaultImage=secret&wid=60"),
                  sign("vault/secret", "layer=1&src=open/night&wid=60"), sign("twin/night", "layer=1&src=vault/secret&wid=60"))
        self.closed(sign("other/night", "layer=1&src=vault/secret&wid=60", OTHER_KEY),
                    sign("vault/secret", "layer=1&src=walled/secret&wid=60"))
        reply = self.guarded.image("open/night?layer=1&src=near/secret&wid=60")
        self.assertEqual(reply.status, 200)
        self.assertRegex(reply.headers["cache-control"], "^private")

    def test_allow_nested(self):
        self.closed("lent/secret?wid=60", "lent-files/secret?wid=60", "open/night?layer=1&src=lent-files/secret&wid=60")
        self.open("open/night?layer=1&src=lent/secret&wid=60", "open/night?mask=lent/secret&wid=60",
                  "open/night?layer=1&src=is(lent/secret)&wid=60", "open/night?template=lent/card",
                  "open/gone?defaultImage=lent/secret&wid=60")

    def test_what_is_refused_says_nothing(self):
        """Neither whether there is such a picture, nor whose it is."""
        texts = {self.guarded.image(f"open/night?layer=1&src=vault/{name}&wid=60").body for name in ("secret", "gone", "card")}
        self.assertEqual(len(texts), 1, texts)
        self.assertTrue(re.fullmatch(rb"[^\n]*\n", texts.pop()))


if __name__ == "__main__":
    unittest.main()
