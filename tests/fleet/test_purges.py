#!/usr/bin/env python3
"""PURGE over HTTP, and the hooks for CDNs, run against stand-ins that write down what they are asked:
python3 tests/fleet/test_purges.py [WORD...]"""

import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from fleet import COMPANY, REDIS, Node, Originals, Redis, fleet, wait_until  # noqa: E402
from ports import free_port  # noqa: E402
from server import PROJECT, SMARTIMG, QuietHandler, start_origin  # noqa: E402
from waiting import PATIENCE  # noqa: E402

HOOKS = PROJECT / "conf/hooks"
TOKEN = "a token of some length"


class Fixture(unittest.TestCase):
    def setUp(self):
        folder = tempfile.mkdtemp(prefix="smartimg-purges-")
        os.chmod(folder, 0o755)
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.folder = pathlib.Path(folder)
        self.originals = Originals(self.folder / "root")
        self.originals.set("shoe", 1)
        self.token = self.folder / "token"
        self.token.write_text(TOKEN + "\n")
        self.token.chmod(0o600)

    def node(self, *options, redis=None):
        node = Node(self.originals, redis, *options)
        self.addCleanup(node.stop)
        return node


class OverHttp(Fixture):
    def ask(self, node, path, token=TOKEN, method="PURGE"):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        status, _, body = node.ask(path, method, node.admin_port, headers)
        return status, body.decode()

    def changed(self, node, version, path):
        """What PURGE of an address says, once the picture is another; that it is shown then."""
        self.originals.set("shoe", version)
        self.assertEqual(node.version("shoe"), version - 1)
        answer = self.ask(node, path)
        self.assertEqual(node.version("shoe"), version)
        return answer

    def test_one_server(self):
        node = self.node("--purge-token", str(self.token)).start()
        self.assertEqual(node.version("shoe"), 1)
        image = f"/is/image/{COMPANY}/shoe"
        self.assertEqual(self.changed(node, 2, image), (200, f"purged {COMPANY}/shoe\n"))
        self.assertEqual(self.changed(node, 3, f"{image}.png?wid=300"), (200, f"purged {COMPANY}/shoe.png\n"))
        self.assertEqual(self.changed(node, 4, f"/purge/object/{COMPANY}/sh%6fe"), (200, f"purged {COMPANY}/shoe\n"))
        self.assertEqual(self.changed(node, 5, f"/purge/company/{COMPANY}"), (200, f"purged all of company {COMPANY}\n"))
        self.assertEqual(self.changed(node, 6, "/purge/all"), (200, "purged everything\n"))
        self.assertEqual(self.ask(node, image, method="POST"), (200, f"purged {COMPANY}/shoe\n"))

    def test_who_may(self):
        node = self.node("--purge-token", str(self.token)).start()
        self.originals.set("shoe", 2)
        self.assertEqual(node.version("shoe"), 2)
        self.originals.set("shoe", 3)
        for token in (None, "", TOKEN[:-1], TOKEN + "x", "b" + TOKEN[1:]):
            status, text = self.ask(node, "/purge/all", token)
            self.assertEqual((status, text), (401, "the token is another\n"), token)
        status, _, _ = node.ask("/purge/all", "PURGE", node.admin_port, {"Authorization": f"Basic {TOKEN}"})
        self.assertEqual(status, 401)
        self.assertEqual(node.version("shoe"), 2)
        self.assertEqual(self.ask(node, "/purge/all", method="GET")[0], 405)
        self.assertEqual(self.ask(node, "/elsewhere")[0], 404)
        self.assertEqual(self.ask(node, "/purge/company/")[0], 400)
        self.assertEqual(self.ask(node, "/purge/object/%00")[0], 400)
        self.assertEqual(node.version("shoe"), 2)
        self.assertEqual(node.ask(f"/is/image/{COMPANY}/shoe", "PURGE")[0], 405)  # visitors may not
        self.assertEqual(node.ask("/metrics", port=node.admin_port)[0], 200)

    def test_without_a_token_there_is_nothing(self):
        node = self.node().start()
        self.assertEqual(self.ask(node, "/purge/all")[0], 405)

    def test_token_of_the_environment(self):
        node = self.node()
        os.environ["SMARTIMG_PURGE_SECRET"] = TOKEN
        try:
            node.start()
        finally:
            del os.environ["SMARTIMG_PURGE_SECRET"]
        self.assertEqual(self.ask(node, "/purge/all"), (200, "purged everything\n"))
        self.assertEqual(self.ask(node, "/purge/all", "another token of that length")[0], 401)
        for pid in node.descendants():
            self.assertNotIn(TOKEN.encode(), pathlib.Path(f"/proc/{pid}/environ").read_bytes())

    def test_token_is_too_short(self):
        self.token.write_text("short\n")
        done = subprocess.run([SMARTIMG, "serve", "--root", self.originals.root, "--cache", self.folder / "cache",
                               "--listen", f"127.0.0.1:{free_port()}", "--admin-listen",
                               f"127.0.0.1:{free_port()}", "--purge-token", self.token],
                              capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual(done.returncode, 1)
        self.assertIn("16 to 512 bytes", done.stderr)

    def test_service_dies(self):
        node = self.node("--purge-token", str(self.token)).start()
        first = node.child("smartimg-purge")
        os.kill(first, signal.SIGKILL)
        self.assertEqual(self.ask(node, "/purge/all"), (200, "purged everything\n"))
        self.assertNotEqual(node.child("smartimg-purge"), first)

    @unittest.skipUnless(REDIS, "there is no redis-server")
    def test_too_many_at_a_time(self):
        with Redis() as redis:
            nodes = [self.node("--purge-token", str(self.token), "--purge-wait", "100", redis=redis).start()
                     for _ in range(2)]
            nodes[1].crash()
            answers = []
            threads = [threading.Thread(target=lambda: answers.append(self.ask(nodes[0], "/purge/all"))) for _ in range(8)]
            for thread in threads:
                thread.start()
            wait_until(lambda: redis.call("XLEN", "smartimg:invalidations") == "8", "eight purges that wait")
            self.assertEqual(self.ask(nodes[0], "/purge/all"), (503, "too many purges at a time\n"))
            self.assertEqual(fleet(redis, "--forget", nodes[1].name).returncode, 0)
            for thread in threads:
                thread.join()
            self.assertEqual(answers, [(200, "purged everything on 1 nodes\n")] * 8)

    @unittest.skipUnless(REDIS, "there is no redis-server")
    def test_fleet(self):
        with Redis() as redis:
            nodes = [self.node("--purge-token", str(self.token), "--purge-wait", "60", redis=redis).start()
                     for _ in range(2)]
            self.assertEqual([n.version("shoe") for n in nodes], [1, 1])
            self.originals.set("shoe", 2)
            self.assertEqual(self.ask(nodes[0], f"/is/image/{COMPANY}/shoe"), (200, f"purged {COMPANY}/shoe on 2 nodes\n"))
            self.assertEqual([n.version("shoe") for n in nodes], [2, 2])
            nodes[1].crash()
            nodes[0].end()
            nodes[0].options += ["--purge-wait", "1"]
            nodes[0].start()
            status, text = self.ask(nodes[0], "/purge/all")
            self.assertEqual(status, 202)
            self.assertIn(f"1 of 2 nodes have not applied it yet, and will as soon as they can: {nodes[1].name}", text)
            redis.end()
            status, text = self.ask(nodes[0], "/purge/all")
            self.assertEqual(status, 503)
            self.assertIn("nothing was purged: ", text)


class Recorder(QuietHandler):
    """A CDN that writes down what it is asked. `refuse` is how many times it says no before that."""

    asked, refuse = [], 0

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        Recorder.asked.append((self.headers["Host"], self.path, dict(self.headers), body))
        status = 503 if len(Recorder.asked) <= Recorder.refuse else 200
        self.answer(b"no\n" if status == 503 else b"{}", status)


class Hooks(Fixture):
    """The hooks as they are, with a curl that finds the CDNs here."""

    def setUp(self):
        super().setUp()
        Recorder.asked, Recorder.refuse = [], 0
        certificate = self.folder / "cdn.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "2", "-subj", "/CN=cdn", "-keyout", certificate, "-out", self.folder / "cert.pem"],
                       check=True, capture_output=True)
        with open(certificate, "a") as out:
            out.write((self.folder / "cert.pem").read_text())
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        origin = start_origin(Recorder, tls)
        self.addCleanup(origin.server_close)
        self.addCleanup(origin.shutdown)
        (self.folder / ".curlrc").write_text(f'connect-to = "::127.0.0.1:{origin.server_port}"\ninsecure\n')
        self.cache = self.folder / "cache"
        self.cache.mkdir()
        (self.cache / "generations").touch()
        self.environment = {**os.environ, "CURL_HOME": str(self.folder)}

    def secret(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def purge(self, hooks, *what):
        return subprocess.run([SMARTIMG, "purge", *what, "--cache", self.cache, "--purge-hooks", hooks],
                              capture_output=True, text=True, timeout=PATIENCE, env=self.environment)

    def each(self, name):
        """[(host, path, headers, body)] of an object with a name that has to be encoded, a company, and all."""
        for what in (["acme/a shoe's.jpg"], ["--company", "acme"], ["--all"]):
            done = self.purge(HOOKS / f"{name}.hook", *what)
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(Recorder.asked), 3)
        return Recorder.asked

    def test_fastly(self):
        self.environment |= {"FASTLY_SERVICE": "S1", "FASTLY_HEADERS": self.secret("f", "Fastly-Key: secret")}
        asked = self.each("fastly")
        for host, path, headers, _ in asked:
            self.assertEqual((host, path, headers["Fastly-Key"]), ("api.fastly.com", "/service/S1/purge", "secret"))
        self.assertEqual([headers["Surrogate-Key"] for _, _, headers, _ in asked],
                         ["acme/a%20shoe%27s", "acme", "smartimg"])

    def test_cloudflare(self):
        self.environment |= {"CLOUDFLARE_ZONE": "Z1", "CLOUDFLARE_HOST": "img.example.com",
                             "CLOUDFLARE_HEADERS": self.secret("c", "Authorization: Bearer secret")}
        asked = self.each("cloudflare")
        for host, path, headers, _ in asked:
            self.assertEqual((host, path), ("api.cloudflare.com", "/client/v4/zones/Z1/purge_cache"))
            self.assertEqual((headers["Authorization"], headers["Content-Type"]), ("Bearer secret", "application/json"))
        at = "img.example.com/is/"
        self.assertEqual([json.loads(body)["prefixes"] for *_, body in asked],
                         [[at + "image/acme/a%20shoe%27s", at + "content/acme/a%20shoe%27s"],
                          [at + "image/acme/", at + "content/acme/"], [at]])

    def test_cloudfront(self):
        self.environment |= {"CLOUDFRONT_DISTRIBUTION": "D1", "CLOUDFRONT_CURL": self.secret("a", 'user = "KEY:secret"\n')}
        asked = self.each("cloudfront")
        for host, path, headers, _ in asked:
            self.assertEqual((host, path), ("cloudfront.amazonaws.com", "/2020-05-31/distribution/D1/invalidation"))
            self.assertRegex(headers["Authorization"], "^AWS4-HMAC-SHA256 Credential=KEY/[0-9]+/us-east-1/cloudfront/aws4_request")
        self.assertEqual([re.findall("<Path>(.*?)</Path>", body) for *_, body in asked],
                         [["/is/image/acme/a%20shoe%27s*", "/is/content/acme/a%20shoe%27s*"],
                          ["/is/image/acme/*", "/is/content/acme/*"], ["/is/*"]])
        references = {re.search("<CallerReference>(.*?)<", body)[1] for *_, body in asked}
        self.assertEqual(len(references), 3)

    def test_akamai(self):
        """Its own program signs; a stand-in writes down its words."""
        said = self.folder / "said"
        program = self.folder / "akamai"
        program.write_text(f'#!/bin/sh\nprintf "%s|" "$@" >>{said}\necho >>{said}\n')
        program.chmod(0o755)
        self.environment |= {"AKAMAI_CPCODE": "12345", "PATH": f"{self.folder}:{os.environ['PATH']}"}
        for what in (["acme/shoe"], ["--company", "acme"], ["--all"]):
            self.assertEqual(self.purge(HOOKS / "akamai.hook", *what).returncode, 0)
        self.assertEqual(said.read_text(), "purge|invalidate|--cpcode|12345|\n" * 3)

    def test_refused_at_first(self):
        Recorder.refuse = 2
        self.environment |= {"FASTLY_SERVICE": "S1", "FASTLY_HEADERS": self.secret("f", "Fastly-Key: secret")}
        done = self.purge(HOOKS / "fastly.hook", "acme/shoe")
        self.assertEqual((done.returncode, len(Recorder.asked)), (0, 3), done.stderr)

    def test_refused_for_good(self):
        Recorder.refuse = 100
        self.environment |= {"FASTLY_SERVICE": "S1", "FASTLY_HEADERS": self.secret("f", "Fastly-Key: secret")}
        done = self.purge(HOOKS / "fastly.hook", "acme/shoe")
        self.assertEqual((done.returncode, len(Recorder.asked)), (4, 3))
        self.assertIn("purged acme/shoe", done.stderr)
        self.assertIn("the hook for the CDN failed 3 times: curl ended with status 22: curl: (22)", done.stderr)
        self.assertNotIn("secret", done.stderr)

    def test_mistakes(self):
        hook = self.folder / "x.hook"
        for text, complaint in (("curl\n", "x.hook:1: a word before [object]"), ("[object]\ncurl\n", "no command in [all]"),
                                ("[all]\ncurl\n{objekt}\n", "x.hook:3: a name in braces that is none of")):
            hook.write_text(text)
            done = self.purge(hook, "acme/shoe")
            self.assertEqual(done.returncode, 1)
            self.assertIn(complaint, done.stderr)
        hook.write_text("[all]\necho\n{env:NOT_THERE}\n")
        done = self.purge(hook, "acme/shoe")
        self.assertEqual(done.returncode, 4)
        self.assertIn("wants the variable NOT_THERE", done.stderr)

    def test_no_shell(self):
        """What names hold is never a command."""
        hook = self.folder / "x.hook"
        hook.write_text(f"[all]\n/bin/sh\n-c\nprintf '%s\\n' \"$@\" >{self.folder}/said\nsh\n{{object}}\n$(false); `x`\n")
        self.assertEqual(self.purge(hook, "acme/$(touch x); `y`").returncode, 0)
        self.assertEqual((self.folder / "said").read_text(), "acme/%24%28touch%20x%29%3B%20%60y%60\n$(false); `x`\n")

    def test_service_runs_them_too(self):
        self.environment = None
        said = self.folder / "said"
        said.touch()
        said.chmod(0o666)
        hook = self.folder / "x.hook"
        hook.write_text(f"[object]\n/bin/sh\n-c\necho \"$1\" >>{said}\nsh\nobject {{object}}\n[all]\n/bin/sh\n-c\n"
                        f"echo \"$1\" >>{said}; exit 1\nsh\nall\n")
        node = self.node("--purge-token", str(self.token), "--purge-hooks", str(hook)).start()
        headers = {"Authorization": f"Bearer {TOKEN}"}
        self.assertEqual(node.ask("/is/image/acme/shoe", "PURGE", node.admin_port, headers)[0], 200)
        status, _, body = node.ask("/purge/all", "PURGE", node.admin_port, headers)
        self.assertEqual(status, 202)
        self.assertIn(b"purged everything\nthe hook for the CDN failed 3 times: /bin/sh ended with status 1", body)
        self.assertEqual(said.read_text(), "object acme/shoe\nall\nall\nall\n")


if __name__ == "__main__":
    unittest.main()
