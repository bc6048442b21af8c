"""smartimg config check: a row for each kind of mistake, with the file and line that it is told of."""

import atexit
import datetime
import functools
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from server import PROJECT, run

# name, files of the folder, what is said: {at}: the folder, {images}: the root, {tls}: certificates. "+" at the
# beginning: a mistake, "-": a warning
ROWS = (
    ("nothing", {"smartimg.ini": "listen = 127.0.0.1:80\n", "companies/demo.ini": "Bfc = on\n"}, ()),
    ("an empty folder", {"readme.txt": ""}, ("- {at} has neither smartimg.ini nor a folder companies",)),

    # files that nobody reads
    ("a company beside the folder companies", {"companies/demo.ini": "", "other.ini": ""},
     ("- other.ini:1 nobody reads this file: settings are in smartimg.ini, companies in companies/NAME.ini",)),
    ("another name of the folder", {"companies/demo.ini": "", "company/acme.ini": ""}, ("- company/acme.ini:1 nobody reads",)),
    ("another ending", {"companies/demo.INI": "", "companies/.demo.ini": ""},
     ("- companies/.demo.ini:1 nobody reads", "- companies/demo.INI:1 nobody reads")),
    ("a data file that nobody names", {"companies/demo.ini": "CatalogFile = data/a.ini\n", "companies/data/b.ini": "",
                                       "companies/data/a.ini": "Id\tPath\nnight\tnight\n"},
     ("- companies/data/b.ini:1 nobody reads this file: no company names it",)),
    ("settings among companies", {"companies/smartimg.ini": "RootPath = demo\n"},
     ("- companies/smartimg.ini:1 this is a company called smartimg",)),

    # users
    ("no such user", {"smartimg.ini": "\nuser = no-such-user\n"}, ("+ smartimg.ini:2 user: there is no user no-such-user",)),
    ("root", {"smartimg.ini": "user = root\n"}, ("+ smartimg.ini:1 user: nginx does not run as root",)),

    # fleets
    ("renderers at no addresses", {"smartimg.ini": "renderers-at = 10.0.0.1, 10.0.0.2:4000\n"},
     ("+ smartimg.ini:1 renderers-at: takes up to 256 addresses ADDR:PORT",)),
    ("renderers without a key", {"smartimg.ini": "renderers-at = 10.0.0.1:4000\n"},
     ("+ smartimg.ini:1 renderers-at: wants seal-key, the one of the renderers",)),
    ("no address of Redis", {"smartimg.ini": "redis = http://10.0.0.1\nnode = a b\n"},
     ("+ smartimg.ini:1 redis: ", "+ smartimg.ini:2 node: takes up to 128 letters")),
    ("files of a fleet that are not there",
     {"smartimg.ini": "redis = redis://10.0.0.1\nredis-auth = {tls}/no.auth\nadmin-listen = 127.0.0.1:9100\n"
                      "purge-token = {tls}/no.token\npurge-hooks = {tls}/no.hook\n"},
     ("+ smartimg.ini:2 redis-auth: cannot read {tls}/no.auth: No such file or directory",
      "+ smartimg.ini:4 purge-token: cannot read {tls}/no.token: No such file or directory",
      "+ smartimg.ini:5 purge-hooks: ")),
    ("a token that is none, and nowhere to purge", {"smartimg.ini": "purge-token = {tls}/text\n"},
     ("+ smartimg.ini:1 purge-token: {tls}/text is to begin with a line of 16 to 512 bytes",
      "+ smartimg.ini:1 purge-token: PURGE over HTTP takes admin-listen")),
    ("a hook that is none", {"smartimg.ini": "purge-hooks = {tls}/text\n"}, ("+ smartimg.ini:1 purge-hooks: {tls}/text",)),

    # sources of originals
    ("keys and an authority that are not there",
     {"companies/shop.ini": "Sources = far\n[source far]\nBucket = b\nCredentials = file:{tls}/no.keys\nCaFile = {tls}/no.pem\n"},
     ('+ companies/shop.ini:3 source "far": CaFile cannot be opened: No such file or directory ({tls}/no.pem)',
      '+ companies/shop.ini:3 source "far": a file of keys cannot be opened: {tls}/no.keys')),
    ("others in their place",
     {"companies/default.ini": "\n[source far]\nBucket = b\nCredentials = file:{tls}/text\nCaFile = {tls}/text\n"},
     ('+ companies/default.ini:3 source "far": there are no keys where Credentials says: {tls}/text',
      '+ companies/default.ini:3 source "far": there is no certificate in PEM in CaFile ({tls}/text)')),
    ("an authority that is there", {"companies/shop.ini": "Sources = far\n[source far]\nBucket = b\nCaFile = {tls}/good.pem\n"}, ()),
    ("a relative one", {"companies/shop.ini": "Sources = far\n[source far]\nBucket = b\nCaFile = good.pem\n"},
     ('+ companies/shop.ini:3 source "far": CaFile is the path of a file from the root on',)),

    # certificates
    ("a good one", {"smartimg.ini": "tls-listen = 127.0.0.1:443\ntls-cert = {tls}/good.pem\ntls-key = {tls}/good.key\n"}, ()),
    ("that is not there", {"smartimg.ini": "tls-listen = 127.0.0.1:443\ntls-cert = {tls}/no.pem\ntls-key = {tls}/no.key\n"},
     ("+ smartimg.ini:2 tls-cert: cannot read {tls}/no.pem: No such file or directory",
      "+ smartimg.ini:3 tls-key: cannot read {tls}/no.key: No such file or directory")),
    ("that is none", {"smartimg.ini": "tls-listen = [::1]:443\ntls-cert = {tls}/text\ntls-key = {tls}/text\n"},
     ("+ smartimg.ini:2 tls-cert: there is no certificate in PEM in {tls}/text",
      "+ smartimg.ini:3 tls-key: there is no private key in PEM in {tls}/text")),
    ("that is a folder", {"smartimg.ini": "tls-listen = [::1]:443\ntls-cert = {tls}\ntls-key = {tls}/good.key\n"},
     ("+ smartimg.ini:2 tls-cert: {tls} is no file",)),
    ("another's key", {"smartimg.ini": "tls-listen = [::1]:443\ntls-cert = {tls}/good.pem\ntls-key = {tls}/old.key\n"},
     ("+ smartimg.ini:3 tls-key: the key in {tls}/old.key does not fit the first certificate of {tls}/good.pem",)),
    ("a key with a passphrase", {"smartimg.ini": "tls-listen = [::1]:443\ntls-cert = {tls}/good.pem\ntls-key = {tls}/secret.key\n"},
     ("+ smartimg.ini:3 tls-key: the key in {tls}/secret.key has a passphrase",)),
    ("expired", {"smartimg.ini": "tls-listen = [::1]:443\ntls-cert = {tls}/old.pem\ntls-key = {tls}/old.key\n"},
     (r"+ smartimg.ini:2 tls-cert: certificate 1 of it expired on 2001-02-03",)),
    ("not yet", {"smartimg.ini": "tls-listen = [::1]:443\ntls-cert = {tls}/young.pem\ntls-key = {tls}/young.key\n"},
     (r"+ smartimg.ini:2 tls-cert: certificate 1 of it does not count before 2",)),
    ("soon", {"smartimg.ini": "tls-listen = [::1]:443\ntls-cert = {tls}/soon.pem\ntls-key = {tls}/soon.key\n"},
     (r"- smartimg.ini:2 tls-cert: certificate 1 of it expires on 2",)),
    ("an old one further down the chain",
     {"smartimg.ini": "tls-listen = [::1]:443\ntls-cert = {tls}/chain.pem\ntls-key = {tls}/good.key\n"},
     (r"+ smartimg.ini:2 tls-cert: certificate 2 of it expired on 2001-02-03",)),
    ("without a key", {"smartimg.ini": "tls-listen = [::1]:443\ntls-cert = {tls}/good.pem\n"},
     ("+ smartimg.ini:2 tls-cert: tls-cert and tls-key go together",)),
    ("for nobody", {"smartimg.ini": "tls-cert = {tls}/good.pem\ntls-key = {tls}/good.key\n"},
     ("- smartimg.ini:1 tls-cert: nobody is served with it without tls-listen",)),

    # paths of settings
    ("no folder of images", {"smartimg.ini": "root = {at}/none\n"},
     ("+ smartimg.ini:1 root: folder {at}/none: No such file or directory",)),
    ("a file for a folder", {"smartimg.ini": "root = {at}/smartimg.ini\ncache = {at}/smartimg.ini\n"},
     ("+ smartimg.ini:1 root: {at}/smartimg.ini is no folder", "+ smartimg.ini:2 cache: {at}/smartimg.ini is no folder")),
    ("a cache below a file", {"smartimg.ini": "cache = {at}/smartimg.ini/cache\n"},
     ("+ smartimg.ini:1 cache: {at}/smartimg.ini/cache: Not a directory",)),
    ("a cache that is made", {"smartimg.ini": "cache = {at}/new/cache\n"}, ()),
    ("logs without a folder", {"smartimg.ini": "access-log = {at}/none/a.log\nerror-log = {at}\n"},
     ("+ smartimg.ini:1 access-log: folder {at}/none: No such file or directory", "+ smartimg.ini:2 error-log: {at} is a folder")),
    ("a short secret", {"smartimg.ini": "seal-key = {tls}/text\n"}, ("+ smartimg.ini:1 seal-key: {tls}/text has less than 32 bytes",)),

    # values of settings
    ("unknown", {"smartimg.ini": "listn = 127.0.0.1:80\n"}, ('+ smartimg.ini:1 there is no setting "listn"',)),
    ("in a section", {"smartimg.ini": "[server]\nlisten = 127.0.0.1:80\n"}, ('+ smartimg.ini:2 there is no setting "listen" in a section',)),
    ("no address", {"smartimg.ini": "listen = 80\nadmin-listen = 127.0.0.1:70000\ntls-listen = /run/x\n"},
     tuple(f'+ smartimg.ini:{n} {o}: "{v}" is no address with a port'
           for n, o, v in ((1, "listen", "80"), (2, "admin-listen", "127.0.0.1:70000"), (3, "tls-listen", "/run/x")))),
    ("no network", {"smartimg.ini": "trusted-proxies = 10.0.0.0/8, x\n"},
     ('+ smartimg.ini:1 trusted-proxies: "10.0.0.0/8, x" is no list of addresses or networks',)),
    ("no header", {"smartimg.ini": "dpr-header = a b\n"}, ('+ smartimg.ini:1 dpr-header: "a b" is no name of a header field',)),
    ("no limit of lines", {"smartimg.ini": "network-poor = 2\n"}, ('+ smartimg.ini:1 network-poor: "2" is not MBIT,MS',)),
    ("out of range", {"smartimg.ini": "workers = 1000\n"}, ('+ smartimg.ini:1 workers: "1000" is out of range: 1 to 256',)),
    ("neither on nor off", {"smartimg.ini": "playground = maybe\n"}, ('+ smartimg.ini:1 playground: "maybe" is neither on nor off',)),
    ("losses", {"smartimg.ini": "network-poor-loss = 5\n"}, ("+ smartimg.ini:1 network-poor-loss: network-poor-loss is less than",)),
    ("twice", {"smartimg.ini": "workers = 1\n\nworkers = 2\n"}, ("- smartimg.ini:3 workers: line 1, which sets it before, does not count",)),
    ("for the other command", {"smartimg.ini": "socket = /run/x\n"}, ("- smartimg.ini:1 socket: smartimg serve has no such option",)),

    # attributes
    ("an unknown attribute", {"companies/demo.ini": "Bfd = 1\n"}, ('+ companies/demo.ini:1 unknown attribute "Bfd"',)),
    ("a boolean that is none", {"companies/demo.ini": "\nBfc = sure\n"}, ('+ companies/demo.ini:2 Bfc: "sure" is neither on nor off',)),
    ("a number that is too large", {"companies/demo.ini": "JpegQuality = 101\n"}, ('+ companies/demo.ini:1 JpegQuality: "101" is not',)),
    ("no folder", {"companies/demo.ini": "Bfc = 1\nRootPath = none\n"}, ('- companies/demo.ini:2 RootPath: there is no folder "none"',)),
    ("no folder of that name", {"companies/acme.ini": "Bfc = 1\n[objects]\nx = y\n"},
     ('- companies/acme.ini:1 RootPath: there is no folder "acme"',)),
    ("no folder of static content", {"companies/demo.ini": "StaticContentRootPath = none\n[static x]\nPath = y\n"},
     ('- companies/demo.ini:1 StaticContentRootPath: there is no folder "none"',)),
    ("images that attributes name", {"companies/demo.ini": "DefaultImage = night\n\nErrorImage = gone\nWatermark = gone2\n"},
     ('- companies/demo.ini:3 ErrorImage: there is no file "gone"', '- companies/demo.ini:4 Watermark: there is no file "gone2"')),
    ("a profile that is not registered", {"companies/default.ini": "\nIccProfileRgb = House\n", "companies/demo.ini": ""},
     ('- companies/default.ini:2 IccProfileRgb: profile "House" is not registered',)),
    ("a lock without a key", {"companies/default.ini": "\n\nRequestLock = yes\n", "companies/demo.ini": ""},
     ("- companies/default.ini:3 RequestLock without RequestLockKey",)),
    ("hosts", {"companies/demo.ini": "\nForeignHosts = a.example, http://b\nAllowDirectUrls = 1\n"},
     ('- companies/demo.ini:2 ForeignHosts: "http://b" is no host',)),

    # data files
    *((f"no {attribute}", {"companies/demo.ini": f"Bfc = 1\n{attribute} = none.txt\n"}, ("+ companies/demo.ini:2 none.txt: No such file",))
      for attribute in ("CatalogFile", "SvgCatalogFile", "StaticContentCatalogFile", "MacroFile", "FontMapFile",
                        "IccProfileMapFile", "RuleSetFile")),
    ("a column that there is not", {"companies/demo.ini": "CatalogFile = a.txt\n", "companies/a.txt": "Id\tPaht\nx\tnight\n"},
     ('- companies/a.txt:1 unknown column "Paht"',)),
    ("a value in a data file", {"companies/demo.ini": "CatalogFile = a.txt\n",
                                "companies/a.txt": "Id\tPath\tThumbType\nx\tnight\t2\ny\tnight\t7\n"},
     ('+ companies/a.txt:3 ThumbType: "7" is not',)),
    ("a macro file", {"companies/demo.ini": "MacroFile = a.txt\n", "companies/a.txt": "Name\tDefinition\nx\twid=1\ny\twid=z\n"},
     ('+ companies/a.txt:3 preset "y": wid: expected int > 0, got "z"',)),

    # presets and records
    ("a value in a preset", {"companies/demo.ini": "[presets]\na = wid=100\nb = wid=100&fmt=jpgg\n"},
     ('+ companies/demo.ini:3 preset "b": fmt: ',)),
    ("told of the preset that has it", {"companies/demo.ini": "[presets]\na = qlt=x\nb = $a$&wid=1\n"},
     ('+ companies/demo.ini:2 preset "a": qlt: ',)),
    ("a command in a preset", {"companies/demo.ini": "[presets]\na = resmod=bicub\n"},
     ('- companies/demo.ini:2 preset "a": there is no command "resmod"; did you mean resMode?',)),
    ("variables, fits and layers", {"companies/demo.ini": "[presets]\na = wid=$w$&fit=constrain&$w=5\n"
                                    "b = layer=1&src=$object$&effect=-1&op_blur=4\nc = template=x&req=tmb\n"}, ()),
    ("an unknown preset", {"companies/demo.ini": "[presets]\na = $b$\n[objects]\nx = night?$c$\n"},
     ('+ companies/demo.ini:2 preset "a": $b$ is not defined', '- companies/demo.ini:4 Modifier of "x": there is no preset $c$')),
    ("a value in a Modifier", {"companies/demo.ini": "[objects]\nx = night?wid=10\ny = night?hei=-1\n"},
     ('+ companies/demo.ini:3 Modifier of "y": hei: ',)),
    ("a value in a PostModifier", {"companies/demo.ini": "[object x]\nPath = night\nPostModifier = op_usm=a\n"},
     ('+ companies/demo.ini:2 PostModifier of "x": op_usm: ',)),
    ("what means nothing in records", {"companies/demo.ini": "[objects]\nx = night?req=tmb\n"},
     ('- companies/demo.ini:2 Modifier of "x": req means nothing in a record',)),
    ("an unknown field", {"companies/demo.ini": "[object x]\nPaht = night\n"}, ('+ companies/demo.ini:2 unknown field "Paht"',)),
    ("a field's value", {"companies/demo.ini": "[object x]\nPath = night\nAnchor = 5\n"}, ("+ companies/demo.ini:3 Anchor: ",)),

    # files of records, fonts and profiles
    ("a record's file", {"companies/demo.ini": "[objects]\nx = night\ny = none\nz = none/night.jpg\nv = deep.er/x.tif\n"},
     tuple(f'- companies/demo.ini:{n} "{i}": there is no file "{f}"'
           for n, i, f in ((3, "y", "none"), (4, "z", "none/night.jpg"), (5, "v", "deep.er/x.tif")))),
    ("a mask's", {"companies/demo.ini": "[object x]\nPath = night\nMaskPath = none\n"}, ('- companies/demo.ini:2 "x": there is no file "none"',)),
    ("in a data file", {"companies/demo.ini": "CatalogFile = a.txt\n", "companies/a.txt": "Id\tPath\nx\tnight\n\ny\tnone\n"},
     ('- companies/a.txt:4 "y": there is no file "none"',)),
    ("static content's", {"companies/demo.ini": "StaticContentRootPath = demo\n[static x]\nPath = none.pdf\n"},
     ('- companies/demo.ini:3 "x": there is no file "none.pdf"',)),
    ("a font's", {"companies/demo.ini": "[fonts]\nLato = Lato.ttf\n"}, ('- companies/demo.ini:2 "Lato": there is no file "Lato.ttf"',)),
    ("a profile's", {"companies/demo.ini": "[profiles]\nsRGB = s.icc\n"}, ('- companies/demo.ini:2 "sRGB": there is no file "s.icc"',)),

    # everything at once, in order
    ("all", {"smartimg.ini": "workers = 0\nuser = no-such-user\n", "companies/demo.ini": "Bfc = sure\n[presets]\na = wid=b\n[objects]\nx = none\n"},
     ("+ companies/demo.ini:1 Bfc", '+ companies/demo.ini:3 preset "a"', '- companies/demo.ini:5 "x"',
      "+ smartimg.ini:1 workers", "+ smartimg.ini:2 user")),
)

WORDS = {True: ("1", "true", "True", "yes", "YES", "on", "On"), False: ("0", "false", "FALSE", "no", "No", "off", "OFF")}


def make_certificate(folder, name, *dates):
    """One of one's own, with its key; `dates`, if they are not today's: since when and until when."""
    request = folder / f"{name}.csr"
    subprocess.run(["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
                    "/CN=localhost", "-keyout", folder / f"{name}.key", "-out", request], check=True, capture_output=True)
    authority = folder / f"{name}-ca"
    authority.mkdir()
    (authority / "index").touch()
    (authority / "serial").write_text("01\n")
    (authority / "conf").write_text(f"[ca]\ndefault_ca = a\n[a]\ndir = {authority}\ndatabase = {authority}/index\n"
                                    f"serial = {authority}/serial\nnew_certs_dir = {authority}\ndefault_md = sha256\n"
                                    "policy = p\n[p]\ncommonName = supplied\n")
    since, until = (moment.strftime("%Y%m%d%H%M%SZ") for moment in dates)
    subprocess.run(["openssl", "ca", "-batch", "-config", authority / "conf", "-selfsign", "-keyfile", folder / f"{name}.key",
                    "-in", request, "-startdate", since, "-enddate", until, "-notext", "-out", folder / f"{name}.pem"],
                   check=True, capture_output=True)


@functools.cache
def prepared():
    """A folder with images and certificates, once for all tests of a process."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-check-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    (folder / "images/demo/deep.er").mkdir(parents=True)
    shutil.copy(PROJECT / "pictures/demo/night.jpg", folder / "images/demo/night.jpg")
    tls = folder / "tls"
    tls.mkdir()
    (tls / "text").write_text("no certificate\n")
    now, day = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(days=1)
    long_ago = datetime.datetime(2001, 2, 3, 4, 5, 6)
    for name, *dates in (("good", now - day, now + 400 * day), ("old", long_ago - day, long_ago),
                         ("young", now + 9 * day, now + 90 * day), ("soon", now - day, now + 9 * day)):
        make_certificate(tls, name, *dates)
    (tls / "chain.pem").write_text((tls / "good.pem").read_text() + (tls / "old.pem").read_text())
    subprocess.run(["openssl", "ec", "-in", tls / "good.key", "-aes128", "-passout", "pass:secret", "-out",
                    tls / "secret.key"], check=True, capture_output=True)
    return folder


class ConfigCheck(unittest.TestCase):
    def setUp(self):
        self.folder = prepared()
        self.images, self.tls = self.folder / "images", self.folder / "tls"

    def make(self, name, files):
        folder = self.folder / re.sub(r"\W", "-", name)
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(self.fill(text, folder))
        return folder

    def fill(self, text, folder):
        for name, value in (("at", folder), ("images", self.images), ("tls", self.tls)):
            text = text.replace("{%s}" % name, str(value))
        return text

    def check(self, folder, *options, **variables):
        """Exit status, and what is said of files and variables: ("+" or "-") FILE:LINE TEXT."""
        environment = {k: v for k, v in os.environ.items() if not k.startswith("SMARTIMG_")}
        done = run("config", "check", folder, *options, env={**environment, **variables})
        self.assertEqual(done.stderr, "")
        said = []
        for line in done.stdout.splitlines()[:-1]:
            if re.match(r"warning: lib\w+ \d", line):
                continue
            where, _, text = line.removeprefix(f"{folder}/").partition(": ")
            if where == "warning":
                where, text = text, "warning: "
            warned = text.startswith("warning: ")
            said.append(f"{'-' if warned else '+'} {where} {text.removeprefix('warning: ')}".rstrip())
        return done, said

    def test_each_kind_of_mistake(self):
        for name, files, expected in ROWS:
            with self.subTest(name):
                folder = self.make(name, files)
                options = [] if "root = " in files.get("smartimg.ini", "") else ["--root", self.images]
                done, said = self.check(folder, *options)
                expected = [self.fill(line, folder) for line in expected]
                self.assertEqual([line[:len(start)] for line, start in zip(said, expected)], expected, done.stdout)
                self.assertEqual(len(said), len(expected), done.stdout)
                mistakes = sum(line.startswith("+") for line in expected)
                self.assertEqual(done.returncode, 1 if mistakes else 0, done.stdout)
                self.assertEqual(done.stdout.splitlines()[-1], f"{mistakes} mistake{'s' if mistakes > 1 else ''}"
                                 if mistakes else f"{folder}: no mistakes")
                if not mistakes:
                    strict = self.check(folder, *options, "--strict")[0]
                    self.assertEqual(strict.returncode, 1 if expected else 0, strict.stdout)

    def test_booleans_are_the_words_people_write(self):
        """Of every boolean attribute and option."""
        page = run("config", "attributes").stdout.partition("\n## Settings of sources\n")[0]
        attributes = re.findall(r"(?m)^\| `(\w+)` \| bool \|", page)
        options = re.findall(r"(?m)^\| `([\w-]+)` \| (?:SWITCH|WORD) \|", run("config", "options").stdout)
        self.assertGreater(len(attributes), 12)
        self.assertGreaterEqual(len(options), 3)
        for words in WORDS.values():
            for word in words:
                folder = self.make(f"word {word}", {
                    "companies/default.ini": "".join(f"{name} = {word}\n" for name in attributes),
                    "smartimg.ini": "".join(f"{name} = {word}\n" for name in options)})
                done, said = self.check(folder)
                self.assertEqual(done.returncode, 0, done.stdout)
        for word in ("", "2", "y", "enabled"):
            folder = self.make(f"no word {word}", {"smartimg.ini": "".join(f"{name} = {word}\n" for name in options)})
            done, said = self.check(folder)
            self.assertEqual(said, [f'+ smartimg.ini:{n} {name}: "{word}" is neither on nor off'
                                    for n, name in enumerate(options, 1)])

    def test_the_environment_counts_more_than_the_file(self):
        folder = self.make("environment", {"smartimg.ini": "user = no-such-user\nworkers = 1\n", "companies/demo.ini": "[objects]\nx = none\n"})
        done, said = self.check(folder, SMARTIMG_USER="nor-this", SMARTIMG_WORKERS="x", SMARTIMG_ROOT=str(self.images),
                                SMARTIMG_WORKRES="1")
        self.assertEqual(said, [
            '+ SMARTIMG_USER there is no user nor-this', '+ SMARTIMG_WORKERS "x" is out of range: 1 to 256',
            '- SMARTIMG_WORKRES is no option; did you mean SMARTIMG_WORKERS?',
            '- companies/demo.ini:2 "x": there is no file "none"'])

    @unittest.skipUnless(os.geteuid() == 0, "only root can look as another user")
    def test_what_the_user_cannot_read(self):
        images = self.folder / "guarded"
        shutil.copytree(self.images, images)
        (images / "demo/night.jpg").chmod(0o600)
        (images / "demo/closed").mkdir(mode=0o700)
        shutil.copy(images / "demo/night.jpg", images / "demo/closed/night.jpg")
        files = {"smartimg.ini": f"user = nobody\nroot = {images}\n", "companies/demo.ini": "[objects]\nx = night\ny = closed/night\n"}
        said = self.check(self.make("guarded files", files))[1]
        self.assertEqual(said, ['- companies/demo.ini:2 "x": cannot read "night": Permission denied',
                                '- companies/demo.ini:3 "y": there is no file "closed/night": Permission denied'])
        self.assertEqual(self.check(self.make("guarded files", {**files, "smartimg.ini": f"root = {images}\n"}))[1], [])
        images.chmod(0o700)
        said = self.check(self.make("guarded folder", files))[1]
        self.assertEqual(said[-1:], [f"+ smartimg.ini:2 root: {images}, for user nobody cannot be read: Permission denied"])

    @unittest.skipUnless(os.geteuid() == 0, "only root can look as another user")
    def test_as_the_user_of_a_unit(self):
        folder = self.make("unit", {"smartimg.ini": "tls-listen = [::1]:443\ntls-cert = {tls}/good.pem\ntls-key = {tls}/good.key\n"
                                                    "cache = {at}/cache\naccess-log = {at}/a.log\n"})
        self.assertEqual(self.check(folder)[1], [])
        self.assertEqual(self.check(folder, "--as", "nobody")[1], [
            f"+ smartimg.ini:3 tls-key: cannot read {self.tls}/good.key: Permission denied",
            f"+ smartimg.ini:4 cache: folder {folder} cannot be written to: Permission denied",
            f"+ smartimg.ini:5 access-log: {folder}/a.log cannot be written to: Permission denied"])
        done = run("config", "check", folder, "--as", "no-such-user")
        self.assertEqual((done.returncode, done.stderr), (1, "smartimg: there is no user no-such-user\n"))

    def test_no_such_folder(self):
        done = run("config", "check", self.folder / "none")
        self.assertEqual(done.returncode, 1)
        self.assertIn("No such file", done.stderr)

    def test_many_records(self):
        """A wrong line in each of 100,000 records is told, in their order."""
        count = 100000
        folder = self.make("many", {"companies/demo.ini": "CatalogFile = all.txt\n", "companies/all.txt":
                                    "Id\tPath\tModifier\n" + "".join(f"r{i}\tf{i}\twid=x\n" for i in range(count))})
        done, said = self.check(folder, "--root", self.images)
        self.assertEqual(len(said), 2 * count)
        lines = [int(line.split()[1].partition(":")[2]) for line in said]
        self.assertEqual(lines, sorted(lines))
        self.assertEqual(done.stdout.splitlines()[-1], f"{count} mistakes")


if __name__ == "__main__":
    unittest.main()
