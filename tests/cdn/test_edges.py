#!/usr/bin/env python3
"""What `smartimg edge-config` prints, at work: Varnish and nginx with every row of tests/data/edge_vectors.tsv, the
JavaScript of CloudFront, Cloudflare and Akamai in Node, Fastly's VCL as far as Varnish can run it, and the structure of
what is JSON.

    /usr/bin/python3 tests/cdn/test_edges.py [TEST...]

Needs the packages of tools/setup --test. SMARTIMG_BUILD names the build folder, ./build if unset."""

import codecs
import http.server
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from front import PATIENCE, PROJECT, wait_until  # noqa: E402
from varnish import VARNISHD, Varnish  # noqa: E402

import server  # noqa: E402  (of tests/http)
from nginx import Nginx  # noqa: E402

ALL = ("--network", "--ratios", "1,1.25,1.5,2,2.5,3,4")  # what the vectors are for
NAMES = ("Accept", "User-Agent", "Sec-CH-DPR", "DPR", "Save-Data", "ECT", "Downlink", "RTT")
CHROME = {"Accept": "image/avif,image/webp,image/apng,image/*,*/*;q=0.8", "User-Agent": "Mozilla/5.0 Chrome/126.0.0.0"}
OLD = {"Accept": "image/webp,image/apng,image/*,*/*;q=0.8", "User-Agent": "Mozilla/5.0 Chrome/84.0.0.0"}


def edge_config(*arguments):
    run = subprocess.run([server.SMARTIMG, "edge-config", *arguments], capture_output=True, text=True, check=True)
    return run.stdout


def vectors():
    """(name, class or None where edges leave it to smartimg, headers) of each row."""
    for line in (PROJECT / "tests/data/edge_vectors.tsv").read_text().split("\n"):
        if line and not line.startswith("#"):
            name, told, left, *values = line.split("\t")
            headers = {n: codecs.decode(v, "unicode_escape") for n, v in zip(NAMES, values) if v != "-"}
            yield name, None if left == "left" else told, headers


class Backend(http.server.BaseHTTPRequestHandler):
    """Answers with the class that it was told, - for none; `replies` has other replies, by path."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    replies = {}

    def do_GET(self):
        told = self.headers["X-Smartimg-Class"]
        status, headers, body = self.replies.get(self.path.partition("?")[0], lambda request: (
            200, {"Cache-Control": "no-store", "Vary": "X-Smartimg-Class"}, ("-" if told is None else told).encode()))(self)
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


class BackendTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.backend = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Backend)
        cls.backend.daemon_threads = True
        thread = threading.Thread(target=cls.backend.serve_forever)
        thread.start()
        cls.addClassCleanup(thread.join)
        cls.addClassCleanup(cls.backend.server_close)
        cls.addClassCleanup(cls.backend.shutdown)

    def check_vectors(self, ask, spelling="-"):
        """`ask(headers)` gives the class that the edge told; `spelling` is what it tells where it leaves it."""
        count = left = 0
        for name, expected, headers in vectors():
            with self.subTest(name):
                self.assertEqual(ask(headers), spelling if expected is None else expected)
            count, left = count + 1, left + (expected is None)
        self.assertGreater(count, 250)
        self.assertGreater(left, 3)


class VarnishTest(BackendTest):
    def test_shipped_vcl_is_what_is_printed(self):
        self.assertEqual((PROJECT / "conf/varnish.vcl").read_text(), edge_config("varnish"))

    def test_vectors(self):
        text = edge_config("varnish", *ALL)
        with Varnish(self.backend.server_port, text) as varnish:
            self.check_vectors(lambda headers: varnish.request("/is/class", headers).body.decode())
            reply = varnish.request("/is/class", CHROME)
            self.assertEqual(reply.headers["vary"], "Accept, Save-Data, ECT, Downlink, RTT")

    def test_fewer_rules_compile(self):
        for options in (["--ratios", "1"], ["--ratios", "1,3", "--origin", "[::1]:81"]):
            with self.subTest(options), tempfile.NamedTemporaryFile("w", suffix=".vcl") as file:
                file.write(edge_config("varnish", *options))
                file.flush()
                run = subprocess.run([VARNISHD, "-j", "none", "-C", "-f", file.name], capture_output=True, text=True)
                self.assertEqual(run.returncode, 0, run.stderr[-2000:])


class FastlyTest(BackendTest):
    """Fastly's dialect differs from Varnish's in what is taken back here; its states and objects are looked at only."""

    def test_vectors_with_the_rules_alone(self):
        text = edge_config("fastly", *ALL)
        rules = text[text.index("sub smartimg_class"):text.index("sub vcl_recv")]
        rules = rules.replace('std.collect(req.http.Accept, ",")', "std.collect(req.http.Accept)")
        rules = re.sub(r'(= req\.http\.X-Smartimg-Class) "', r'\1 + "', rules)
        vcl = f'''vcl 4.1;
import std;
backend smartimg {{
    .host = "127.0.0.1";
    .port = "8080";
}}
{rules}
sub vcl_recv {{
    call smartimg_class;
}}
'''
        with Varnish(self.backend.server_port, vcl) as varnish:
            self.check_vectors(lambda headers: varnish.request("/is/class", headers).body.decode())

    def test_states(self):
        text = edge_config("fastly")
        for state in ("recv", "hash", "hit", "miss", "pass", "fetch", "error", "deliver", "log"):
            self.assertRegex(text, rf"(?ms)^sub vcl_{state} \{{\n((?!^\}}).)*^#FASTLY {state}$")
        self.assertEqual(text.count("{"), text.count("}"))


class NginxTest(BackendTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.nginx = cls.enterClassContext(Nginx(cls.backend.server_port))

    def test_vectors(self):
        with Nginx(self.backend.server_port, *ALL) as nginx:
            self.check_vectors(lambda headers: nginx.request("/is/class", headers).body.decode())
            self.assertEqual(nginx.request("/is/class", CHROME).headers["vary"], "Accept, Save-Data, ECT, Downlink, RTT")

    def test_clients_tell_no_class(self):
        reply = self.nginx.request("/is/class", OLD | {"X-Smartimg-Class": "avif"})
        self.assertEqual((reply.body, reply.headers["vary"]), (b"webp", "Accept"))
        # nor where smartimg decides
        self.assertEqual(self.nginx.request("/is/class", {"Accept": "image/webp;q=0", "X-Smartimg-Class": "avif"}).body, b"-")

    def test_variants(self):
        """A reply for each class, whoever asks; and of Accept headers that are left to smartimg one for each."""
        asked = []
        Backend.replies["/is/variants"] = lambda request: asked.append(0) or (
            200, {"Cache-Control": "max-age=100", "Vary": "X-Smartimg-Class"},
            (request.headers["X-Smartimg-Class"] or request.headers["Accept"]).encode())
        bodies = lambda *clients: [self.nginx.request("/is/variants", c).body.decode() for c in clients]  # noqa: E731
        firefox = {"Accept": "image/avif,image/webp,*/*", "User-Agent": "Firefox"}
        refusing = [{"Accept": "image/webp;q=0"}, {"Accept": "image/avif;q=0"}]
        for _ in range(2):
            self.assertEqual(bodies(CHROME, OLD, firefox, *refusing),
                             ["avif+webp", "webp", "avif+webp", "image/webp;q=0", "image/avif;q=0"])
        self.assertEqual(len(asked), 4)
        self.assertTrue(self.nginx.request("/is/variants", firefox | {"X-Smartimg-Class": "x"}).hit)
        self.assertFalse(self.nginx.request("/is/variants?wid=1", firefox).hit)

    def test_vary_of_client_hints(self):
        Backend.replies["/is/hints"] = lambda request: (
            200, {"Cache-Control": "max-age=100", "Vary": "X-Smartimg-Class", "Accept-CH": "Sec-CH-DPR, DPR"}, b"")
        Backend.replies["/is/none"] = lambda request: (200, {"Cache-Control": "max-age=100"}, b"")
        for _ in range(2):  # of the backend, and of the cache
            self.assertEqual(self.nginx.request("/is/hints", OLD).headers["vary"], "Accept, User-Agent, Sec-CH-DPR, DPR")
            self.assertNotIn("vary", self.nginx.request("/is/none", OLD).headers)
        plain = self.nginx.request("/is/class", {"Accept": "*/*"})
        self.assertEqual((plain.body, plain.headers["vary"]), (b"plain", "Accept, User-Agent"))

    def test_lifetimes_and_errors(self):
        """s-maxage goes first; what is stale is served while nginx asks again, and outlives errors."""
        asked, status = [], [200]

        def reply(request):
            asked.append(request.headers["If-None-Match"])
            return status[0], {"Cache-Control": "max-age=1000, s-maxage=1, stale-while-revalidate=1000",
                               "ETag": f'"{len(asked)}"'}, str(len(asked)).encode()
        Backend.replies["/is/stale"] = reply
        get = lambda: self.nginx.request("/is/stale", OLD)  # noqa: E731
        self.assertEqual(get().body, b"1")
        self.assertEqual(get().body, b"1")
        status[0] = 503
        time.sleep(2.1)  # longer than it is fresh, in nginx's whole seconds
        self.assertEqual((get().status, get().body), (200, b"1"))
        wait_until(lambda: len(asked) >= 2, "nginx to ask again")
        self.assertEqual(asked[:2], [None, '"1"'])
        status[0] = 200
        wait_until(lambda: int(get().body) > 1, "the new reply")

    def test_purges(self):
        """By object, in all classes, and by company."""
        Backend.replies |= {f"/is/image/acme/{n}": lambda request: (
            200, {"Cache-Control": "max-age=1000", "Vary": "X-Smartimg-Class"}, b"x") for n in ("shoe", "shoebox", "shoe.jpg")}
        urls = [f"/is/image/acme/{n}" for n in ("shoe", "shoe?wid=3", "shoe.jpg", "shoebox")]
        ask = lambda: [self.nginx.request(u, c).hit for u in urls for c in (CHROME, OLD)]  # noqa: E731
        ask()
        self.assertEqual(ask(), [True] * 8)
        purged = pathlib.Path(f"{self.nginx.cache}.purged-1")
        for line, gone in ((r"~^/is/image/acme/shoe([.:?]|$) 1;", 6), (r"~^/is/image/acme/ 2;", 8)):
            purged.write_text(line + "\n" + (purged.read_text() if purged.exists() else ""))
            self.nginx.reload()
            hits = ask()
            self.assertEqual(sum(not h for h in hits), gone, (line, hits))
            self.assertEqual(ask(), [True] * 8)


class JavaScriptTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-edges-"))
        cls.addClassCleanup(shutil.rmtree, folder)
        for edge in ("cloudfront", "cloudflare", "akamai"):
            edge_config(edge, *ALL, "--into", folder / edge)
        cls.rows = list(vectors())
        run = subprocess.run(["node", pathlib.Path(__file__).parent / "run-edges.mjs", folder], text=True,
                             input=json.dumps([headers for _, _, headers in cls.rows]), capture_output=True, timeout=PATIENCE)
        assert run.returncode == 0, run.stderr
        cls.told = json.loads(run.stdout)

    def check(self, told):
        self.assertEqual(len(told), len(self.rows))
        for (name, expected, _), text in zip(self.rows, told):
            with self.subTest(name):  # what others leave to smartimg is plain, which is right for everybody
                plain = "plain" + (expected or "")[:0]
                self.assertEqual(text.partition(";")[0] if expected is None else text, expected or plain)

    def test_cloudfront(self):
        self.check(self.told["cloudfront"])
        self.assertEqual(self.told["cloudfrontVary"], [
            "Accept, User-Agent, Save-Data, ECT, Downlink, RTT",
            "Accept, User-Agent, Sec-CH-DPR, DPR, Save-Data, ECT, Downlink, RTT", "Origin", None])

    def test_cloudflare(self):
        self.check(self.told["cloudflare"]["told"])
        self.assertEqual(self.told["cloudflare"]["vary"], ["Accept, User-Agent, Save-Data, ECT, Downlink, RTT"])
        self.assertEqual(self.told["cloudflare"]["cookies"], 0)
        self.assertEqual(self.told["cloudflare"]["options"]["vary"], {
            "default": {"action": "bypass"}, "headers": {"x-smartimg-class": {"action": "passthrough"}}})

    def test_akamai(self):
        self.check(self.told["akamai"]["told"])
        self.assertEqual(self.told["akamai"]["keys"], self.told["akamai"]["told"])


class JsonTest(unittest.TestCase):
    """The structure that the vendors document."""

    def test_cloudfront_policies(self):
        policy = json.loads(edge_config("cloudfront", "cache-policy.json"))
        key = policy["ParametersInCacheKeyAndForwardedToOrigin"]
        self.assertEqual(key["HeadersConfig"]["Headers"]["Items"], ["X-Smartimg-Class"])
        self.assertEqual(key["HeadersConfig"]["Headers"]["Quantity"], 1)
        self.assertEqual(key["QueryStringsConfig"], {"QueryStringBehavior": "all"})
        self.assertEqual((key["EnableAcceptEncodingGzip"], key["EnableAcceptEncodingBrotli"]), (False, False))
        self.assertLessEqual(policy["MinTTL"], policy["DefaultTTL"])
        self.assertLessEqual(policy["DefaultTTL"], policy["MaxTTL"])
        policy = json.loads(edge_config("cloudfront", "origin-request-policy.json"))
        self.assertEqual(set(policy), {"Name", "Comment", "HeadersConfig", "CookiesConfig", "QueryStringsConfig"})

    def test_cloudfront_functions_fit(self):
        for name in ("viewer-request.js", "viewer-response.js"):  # 10 KB is CloudFront's limit
            self.assertLess(len(edge_config("cloudfront", name, *ALL)), 10 * 1024)

    def test_cloudflare_rule(self):
        (rule,) = json.loads(edge_config("cloudflare", "cache-rule.json"))["rules"]
        self.assertEqual((rule["action"], rule["expression"]), ("set_cache_settings", 'starts_with(http.request.uri.path, "/is/")'))
        vary = rule["action_parameters"]["vary"]
        self.assertEqual(vary["default"], {"action": "bypass"})
        types = vary["headers"]["accept"]["media_types"]
        self.assertLessEqual(len(types), 10)  # Cloudflare's limit
        self.assertEqual(set(types), {"image/avif", "image/jxl", "image/webp", "image/jp2", "image/jxr", "image/vnd.ms-photo"})

    def test_akamai_rules(self):
        rules = json.loads(edge_config("akamai", "rules.json"))["rules"]
        self.assertTrue(rules["variables"][0]["name"].startswith("PMUSER_"))
        (child,) = rules["children"]
        behaviors = {}
        for behavior in child["behaviors"]:
            behaviors.setdefault(behavior["name"], []).append(behavior["options"])
        self.assertEqual(behaviors["removeVary"], [{"enabled": True}])
        self.assertIn({"rule": "INCLUDE_VARIABLE", "variableName": rules["variables"][0]["name"]}, behaviors["cacheId"])
        self.assertIn({"rule": "INCLUDE_ALL_QUERY_PARAMS"}, behaviors["cacheId"])
        (told,) = behaviors["modifyOutgoingRequestHeader"]
        self.assertEqual((told["action"], told["customHeaderName"]), ("MODIFY", "X-Smartimg-Class"))
        self.assertEqual(told["newHeaderValue"], "{{user.%s}}" % rules["variables"][0]["name"])
        json.loads(edge_config("akamai", "bundle.json"))


class VectorsTest(unittest.TestCase):
    def test_file_is_what_its_program_writes(self):
        with tempfile.TemporaryDirectory() as folder:
            made = pathlib.Path(folder, "made.tsv")
            subprocess.run([sys.executable, PROJECT / "tests/data/make-edge-vectors", made], check=True)
            self.assertEqual(made.read_text(), (PROJECT / "tests/data/edge_vectors.tsv").read_text())


class CommandTest(unittest.TestCase):
    def fails(self, *arguments):
        run = subprocess.run([server.SMARTIMG, "edge-config", *arguments], capture_output=True, text=True)
        self.assertEqual((run.returncode, run.stdout), (2, ""))
        return run.stderr

    def test_mistakes(self):
        self.assertIn("cloudfront\n", self.fails("squid"))
        self.assertIn("has no file x", self.fails("akamai", "x"))
        for ratios in ("2", "1,1", "1,3,2", "1,x", "1,17", "", "1,2,3,4,5,6,7,8,9"):
            self.assertIn("no list of ratios", self.fails("varnish", "--ratios", ratios))
        for origin in ("host", "host:0", ":80", 'h"x:80', "h:99999", "h;x:80", "h x:80"):
            self.assertIn("no HOST:PORT", self.fails("varnish", "--origin", origin))

    def test_several_files(self):
        text = edge_config("cloudfront")
        self.assertEqual(len(re.findall(r"(?m)^==> \S+: .* <==$", text)), 4)
        with tempfile.TemporaryDirectory() as folder:
            edge_config("cloudfront", "--into", folder + "/new")
            names = sorted(p.name for p in pathlib.Path(folder, "new").iterdir())
            self.assertEqual(names, ["cache-policy.json", "origin-request-policy.json", "viewer-request.js", "viewer-response.js"])


if __name__ == "__main__":
    warnings.simplefilter("error", ResourceWarning)
    unittest.main(verbosity=2)
