#!/usr/bin/env python3
"""smartimg verify-cdn against a Varnish and an nginx that are right, and ones that are wrong in each way.

    /usr/bin/python3 tests/cdn/test_verify.py [TEST...]

Needs the packages of tools/setup --test. SMARTIMG_BUILD names the build folder, ./build if unset."""

import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest
import warnings

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from front import PATIENCE, PROJECT, free_port  # noqa: E402
from varnish import Varnish  # noqa: E402

import server  # noqa: E402  (of tests/http)
from nginx import Nginx  # noqa: E402
from server import SMARTIMG, Server  # noqa: E402

IMAGE = "/is/image/smart/product?wid=120"
DENSE = "/is/image/dense/product?wid=120"  # of a company that uses the pixel ratio

# What a Varnish does for the host NAME.localhost after what conf/varnish.vcl does, by subroutine, and what verify-cdn
# has to find. With the third, smartimg itself is told to it.
WRONG = {
    "mixed": ({"vcl_backend_response": "unset beresp.http.Vary;"}, {"variant-mixing"}),
    "unadapted": ({"vcl_recv": 'set req.http.X-Smartimg-Class = "plain";'}, {"not-adapted"}, "origin"),
    "uncached": ({"vcl_recv": "return (pass);"}, {"not-cached"}),
    "unsigned": ({"vcl_deliver": "unset resp.http.Age; unset resp.http.X-Varnish; unset resp.http.X-Cache;"},
                 {"no-sign-of-a-cache"}),
    "by-agent": ({"vcl_hash": "hash_data(req.http.User-Agent);"}, {"fragmented"}),
    "by-accept": ({"vcl_hash": "hash_data(req.http.Accept);"}, {"fragmented"}),
    "no-vary": ({"vcl_deliver": "unset resp.http.Vary;"}, {"vary-lost"}),
    "class-vary": ({"vcl_deliver": 'set resp.http.Vary = "X-Smartimg-Class";'}, {"vary-of-class"}),
    "wide-vary": ({"vcl_deliver": 'set resp.http.Vary = resp.http.Vary + ", Cookie";'}, {"vary-too-wide"}),
    "no-etag": ({"vcl_deliver": "unset resp.http.ETag;"}, {"etag-lost"}),
    "weak-etag": ({"vcl_deliver": 'set resp.http.ETag = "W/" + resp.http.ETag;'}, {"etag-weak"}),
    "unconditional": ({"vcl_recv": "unset req.http.If-None-Match;"}, {"if-none-match-ignored"}),
    "renamed": ({"vcl_deliver": 'set resp.http.Content-Type = "image/webp";'}, {"image-changed"}),
    "receipt": ({"vcl_deliver": 'set resp.http.X-Smart-Imaging = "format=jxl; saved=1";'}, {"image-changed"}),
    "gzipped": ({"vcl_backend_response": "set beresp.do_gzip = true;"}, {"content-encoding", "etag-weak"}),
    "unkept": ({"vcl_deliver": 'set resp.http.Cache-Control = "no-store";'}, {"not-to-be-kept"}),
    "longer": ({"vcl_deliver": 'set resp.http.Cache-Control = "public, max-age=99";'}, {"lifetime-changed"}, "origin"),
    "no-query": ({"vcl_hash": r'hash_data(req.http.host); hash_data(regsub(req.url, "\?.*", "")); return (lookup);'},
                 {"query-ignored"}),
    "sorted": ({"vcl_recv": "set req.url = std.querysort(req.url);"}, {"query-sorted"}),
    "no-head": ({"vcl_recv": 'if (req.method == "HEAD") { return (synth(405)); }'}, {"head"}),
    "no-range": ({"vcl_recv": "if (req.http.Range) { return (synth(416)); }"}, {"range"}),
    "no-ratio": ({"vcl_recv": 'set req.http.X-Smartimg-Class = regsub(req.http.X-Smartimg-Class, ";dpr=.*", "");'},
                 {"ratio-ignored"}, "origin"),
    "no-hints": ({"vcl_deliver": "unset resp.http.Accept-CH;"}, {"header-lost"}, "origin"),
    "cookie": ({"vcl_deliver": 'set resp.http.Set-Cookie = "a=b";'}, {"cookie"}),
}
# what comes along with what is wrong
ALONG = {"unadapted": {"not-converted", "vary-lost"}, "mixed": {"query-ignored", "vary-lost"}, "no-query": {"variant-mixing"},
         "gzipped": {"if-none-match-ignored", "range"}}


class FirstAnswers(server.QuietHandler):
    """A server whose answers are first ones forever."""

    def do_GET(self):
        if self.headers["If-None-Match"] == '"1"':
            self.send_response(304)
            self.send_header("Cache-Control", self.lifetime)
            self.end_headers()
        else:
            self.answer(b"\xff\xd8\xff\xe0 no more than this", Content_Type="image/jpeg", ETag='"1"', Cache_Control=self.lifetime)

    lifetime = "public, max-age=1000, s-maxage=1, stale-while-revalidate=1000"
    do_HEAD = do_GET


def wrong_vcl(first_answers):
    """conf/varnish.vcl, and for each host what is wrong with it; VCL runs subroutines of one name one after the other."""
    text = (PROJECT / "conf/varnish.vcl").read_text()
    for host, (parts, *_) in WRONG.items():
        for name, code in parts.items():
            request = "bereq" if name == "vcl_backend_response" else "req"
            text += f'sub {name} {{\n    if ({request}.http.Host ~ "^{host}\\.") {{\n        {code}\n    }}\n}}\n'
    text += f'''
backend first_answers {{
    .host = "127.0.0.1";
    .port = "{first_answers}";
}}
sub vcl_recv {{
    if (req.http.Host ~ "^(forever|obeying)\\.") {{
        set req.backend_hint = first_answers;
    }}
}}
sub vcl_backend_response {{
    if (bereq.http.Host ~ "^forever\\.") {{
        set beresp.ttl = 1h;
    }}
}}
'''
    # addresses that nothing may be added to
    text += 'sub vcl_recv {\n    if (req.http.Host ~ "^locked\\." && req.url ~ "smartimg-verify") {\n        return (synth(403));\n    }\n}\n'
    # what a class from outside takes
    text = text.replace("        call smartimg_class;\n", '''        if (req.http.Host !~ "^believing\\." || !req.http.X-Smartimg-Class) {
            call smartimg_class;
        }
''')
    return text


def verify(url, *options):
    """Exit status and what was printed, as JSON."""
    run = subprocess.run([SMARTIMG, "verify-cdn", url, "--json", *options], capture_output=True, text=True, timeout=PATIENCE)
    assert run.returncode in (0, 1), run.stderr
    told = json.loads(run.stdout)
    assert told["ok"] == (run.returncode == 0)
    return told


def faults(told):
    return {f["fault"] for f in told["findings"]}


def setUpModule():
    global empty
    empty = tempfile.mkdtemp(prefix="smartimg-verify-")
    os.chmod(empty, 0o755)
    os.environ["SMARTIMG_DRAWN"] = empty  # no odd pictures, no corpus: they take long to copy
    server.SHARED = None
    server.COMPANIES |= {"dense": "Bfc = true\nDpr = true\nRootPath = demo\n"}


def tearDownModule():
    shutil.rmtree(empty)


class VerifyTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(Server("--trusted-edges", "127.0.0.1"))
        first_answers = server.start_origin(FirstAnswers)
        cls.addClassCleanup(first_answers.server_close)
        cls.addClassCleanup(first_answers.shutdown)
        cls.varnish = cls.enterClassContext(Varnish(cls.server.port, wrong_vcl(first_answers.server_port)))
        cls.origin = f"http://127.0.0.1:{cls.server.port}"

    def verify(self, host, image=IMAGE, *options):
        return verify(f"http://{host}:{self.varnish.port}{image}", *options)

    def test_nothing_is_wrong_with_the_shipped_vcl(self):
        for options in ((), ("--origin", self.origin), ("--as-is",)):
            told = self.verify("127.0.0.1", IMAGE, *options)
            self.assertEqual(told["findings"], [], options)
            self.assertGreater(told["requests"], 25)
        types = {c["name"]: c["type"] for c in told["clients"]}
        self.assertEqual(types["Chrome 126"], "image/avif")
        self.assertEqual(types["curl"], "image/jpeg")
        self.assertEqual({c["second"] for c in told["clients"]}, {"hit"})
        told = self.verify("127.0.0.1", DENSE, "--origin", self.origin)
        self.assertEqual(told["findings"], [])
        self.assertEqual(told["clients"][0]["vary"], "Accept, User-Agent, Sec-CH-DPR, DPR")

    def test_what_is_wrong_is_found_and_named(self):
        def one(host):
            image = DENSE if host in ("no-hints", "no-ratio") else IMAGE
            origin = ("--origin", self.origin) if "origin" in WRONG[host] else ()
            return host, self.verify(host + ".localhost", image, *origin)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for host, told in pool.map(one, WRONG):
                with self.subTest(host):
                    found, expected = faults(told), WRONG[host][1]
                    self.assertLessEqual(expected, found, told["findings"])
                    self.assertLessEqual(found, expected | ALONG.get(host, set()), told["findings"])

    def test_class_from_outside(self):
        told = self.verify("believing.localhost")
        self.assertEqual(faults(told), {"class-from-outside"})
        self.assertRegex(told["findings"][0]["text"], "^curl gets avif as soon as it sends X-Smartimg-Class: avif")

    def test_sentences(self):
        run = subprocess.run([SMARTIMG, "verify-cdn", f"http://mixed.localhost:{self.varnish.port}{IMAGE}"],
                             capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(run.returncode, 1)
        self.assertRegex(run.stdout, r"(?m)^Internet Explorer 11 +jxr +image/avif +\d+ +hit +hit")
        self.assertRegex(run.stdout, r"(?m)^variant-mixing:\n  Safari 13 gets avif, and shows nothing but JPEG, PNG, GIF and jp2\.$")
        self.assertEqual(run.stdout.count("→ The edge keeps one copy"), 1)
        run = subprocess.run([SMARTIMG, "verify-cdn", f"http://127.0.0.1:{self.varnish.port}{IMAGE}"],
                             capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(run.returncode, 0)
        self.assertRegex(run.stdout, r"\nNothing is wrong, by \d+ requests\.\n$")

    def test_nobody_answers(self):
        told = self.verify("127.0.0.1", "/is/image/smart/none-such")
        self.assertEqual(faults(told), {"no-answer"})
        self.assertRegex(told["findings"][0]["text"], "Chrome 126 gets status 40[34]")
        told = verify(f"http://127.0.0.1:{free_port()}{IMAGE}")
        self.assertEqual(faults(told), {"no-answer"})

    def test_first_answers_that_stay(self):
        self.assertIn("lifetime-ignored", faults(self.verify("forever.localhost")))
        self.assertNotIn("lifetime-ignored", faults(self.verify("obeying.localhost")))

    def test_nothing_may_be_added(self):
        told = self.verify("locked.localhost")
        self.assertEqual(told["findings"], [])
        self.assertNotIn("smartimg-verify", told["url"])

    def test_nothing_converts(self):
        self.assertIn("not-converted", faults(self.verify("127.0.0.1", "/is/image/quiet/product?wid=120")))

    def test_wrong_usage(self):
        for arguments in (["ftp://x/"], ["x"], ["http://x/ y"], ["http://x/y", "--origin", "x"], []):
            run = subprocess.run([SMARTIMG, "verify-cdn", *arguments], capture_output=True, text=True)
            self.assertEqual((run.returncode, run.stdout), (2, ""), arguments)

    def test_nginx(self):
        """What edge-config prints is right; what everybody writes first is not."""
        with Nginx(self.server.port) as nginx:
            told = verify(f"http://127.0.0.1:{nginx.port}{IMAGE}", "--origin", self.origin)
            self.assertEqual(told["findings"], [])
        def naive(key):
            return lambda nginx: f'''
                proxy_cache_path {nginx.folder}/cache keys_zone=n:1m;
                server {{
                    listen 127.0.0.1:{nginx.port};
                    location / {{
                        proxy_pass {self.origin};
                        proxy_cache n;
                        proxy_cache_key "{key}";
                        proxy_ignore_headers Vary;
                        add_header X-Cache-Status $upstream_cache_status;
                    }}
                }}'''
        for key, expected in (("$request_uri", {"variant-mixing"}),
                              ("$request_uri $http_accept $http_user_agent",
                               {"class-from-outside", "poisoned", "fragmented", "vary-of-class"})):
            with Nginx(self.server.port, body=naive(key)) as nginx:
                self.assertLessEqual(expected, faults(verify(f"http://127.0.0.1:{nginx.port}{IMAGE}")))


if __name__ == "__main__":
    warnings.simplefilter("error", ResourceWarning)
    unittest.main(verbosity=2)
