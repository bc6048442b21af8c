#!/usr/bin/env python3
"""The JSON log, ids of requests and traces: nginx with the module, in front of a renderer made of paper.

    python3 tests/edge/test_log.py [-v] [LogTest.test_name]
"""

import contextlib
import datetime
import hashlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from edge import PATIENCE, TOP, Edge, wait_until
from server import QuietHandler, start_origin

STAGES = {"queue_us": 11, "source_us": 22, "render_us": 33, "encode_us": 44, "score_us": 55}
HEX = r"[0-9a-f]{%d}"
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def told(stages=STAGES, tier="fast", saved=1000, more=""):
    """Lines of a renderer's reply that the log is made from."""
    text = ";".join(f"{k[:-3]}={v}" for k, v in stages.items())
    return (f"X-Smartimg-Stages: {text}\r\nX-Smart-Imaging: format=webp; saved={saved}; score=81.23; target=80.50; "
            f"effort={tier}\r\n" + more)


class Log:
    """The lines of a server's log, by the order in which they were written."""

    def __init__(self, edge):
        self.edge = edge

    def lines(self):
        try:
            with open(os.path.join(self.edge.folder, "run/access.log"), "rb") as f:
                whole = f.read().rpartition(b"\n")[0]
        except OSError:
            return []
        return [json.loads(line.decode("utf-8", "strict")) for line in whole.split(b"\n") if line]

    def wait(self, n=1, **wanted):
        """The n first lines that have these values, once there are so many."""
        def found():
            lines = [x for x in self.lines() if all(x.get(k) == v for k, v in wanted.items())]
            return lines[:n] if len(lines) >= n else None
        return wait_until(found, lambda: f"{n} lines with {wanted}: {self.lines()}")


class LogTest(unittest.TestCase):
    OPTIONS = {}

    @classmethod
    def setUpClass(cls):
        cls.edge = Edge(workers=2, log_format="smartimg_json", tls=True, companies={"smart": "Bfc = true\n"},
                        **cls.OPTIONS)
        cls.log = Log(cls.edge)

    @classmethod
    def tearDownClass(cls):
        error_log = cls.edge.error_log()
        cls.edge.stop()
        for bad in ("exited on signal", "[alert]", "[emerg]"):
            if bad in error_log:
                raise AssertionError("nginx complained:\n" + error_log)

    def send(self, data):
        """Bytes, as they are: the whole reply."""
        with socket.create_connection(("127.0.0.1", self.edge.port), PATIENCE) as s:
            s.sendall(data)
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_WR)
            reply = b""
            with contextlib.suppress(OSError):
                while piece := s.recv(65536):
                    reply += piece
            return reply


class FieldTest(LogTest):
    def test_a_miss(self):
        """Every field of a request that a renderer answered."""
        url = self.edge.image("miss", "smart", headers=told(more="X-Smartimg-Load: quick\r\n").replace(
            "effort=fast", "effort=quick; load=quick"))
        before = time.time()
        reply = self.edge.get(url + "?wid=90&id=a%20b", User_Agent="Agent/1.0 (x)", Referer="https://shop.example/p?1",
                              Accept="image/avif,image/webp")
        line, = self.log.wait(id=reply["X-Request-ID"])
        self.assertEqual(list(line), [f for f in fields_of_the_source() if f in line])
        at = datetime.datetime.strptime(line.pop("time"), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
        self.assertTrue(before - 1 <= at.timestamp() <= time.time() + 1, at)
        self.assertEqual(line.pop("trace_id"), line["id"])
        self.assertRegex(line.pop("id"), HEX % 32)
        self.assertRegex(line.pop("span_id"), HEX % 16)
        self.assertGreaterEqual(line.pop("took_ms"), 0)
        parameters = self.edge.renderer.parameters("miss")[0]
        self.assertEqual(line.pop("recipe"), parameters["SMARTIMG_RECIPE"])
        self.assertEqual(line.pop("recipe_hash"), hashlib.md5(parameters["SMARTIMG_RECIPE"].encode()).hexdigest())
        self.assertEqual(line.pop("class"), "avif+webp")
        self.assertEqual(line, {
            "kind": "request", "client": "127.0.0.1", "method": "GET", "scheme": "http", "host": "127.0.0.1",
            "uri": url + "?wid=90&id=a%20b", "protocol": "HTTP/1.1", "status": 200, "bytes": len(reply.body),
            "cache": "miss", "type": "image/webp", "line": line["line"], "tier": "quick", "saved": 1000,
            "target": 80.5, "score": 81.23, "load": "quick", "user_agent": "Agent/1.0 (x)",
            "referer": "https://shop.example/p?1", **STAGES})

    def test_hits(self):
        """From the disk and from memory: all but the times of a renderer, and what was rendered."""
        url = self.edge.image("hit", "smart", headers=told())
        replies = [self.edge.get(url) for _ in range(8)]  # two workers, and the third hit of one is from memory
        lines = [self.log.wait(id=r["X-Request-ID"])[0] for r in replies]
        self.assertEqual(len({r["X-Request-ID"] for r in replies}), 8)
        self.assertGreater(self.edge.metrics()["smartimg_memory_hits_total"], 0)
        self.assertEqual([x["cache"] for x in lines], ["miss"] + ["hit"] * 7)
        unlike = {"time", "id", "trace_id", "span_id", "took_ms", "cache"}
        for line in lines[1:]:
            self.assertEqual(set(lines[0]) - set(line), {"recipe", *STAGES})
            self.assertEqual({k: v for k, v in lines[0].items() if k in line and k not in unlike},
                             {k: v for k, v in line.items() if k not in unlike})

    def test_the_hash_is_the_name_of_the_file(self):
        url = self.edge.image("filed", "smart", headers=told())
        layers = "&".join(f"layer={i}&size=10,10&color={i},0,0" for i in range(1, 40))
        for query, its_own in (("", True), ("?" + layers, False)):  # a recipe that is its own key, and a digest
            line, = self.log.wait(id=self.edge.get(url + query)["X-Request-ID"])
            name = line["recipe_hash"]
            self.assertEqual(hashlib.md5(line["recipe"].encode()).hexdigest() == name, its_own)
            path = os.path.join(self.edge.folder, "cache/images", name[-1], name[-3:-1], name)
            wait_until(lambda: os.path.exists(path), path)

    def test_other_requests(self):
        url = self.edge.image("other", "smart", headers=told())
        full = self.edge.get(url)
        cases = {
            "304": (self.edge.get(url, If_None_Match=full["ETag"]), {"status": 304, "bytes": 0, "cache": "hit"}),
            "head": (self.edge.get(url, method="HEAD"), {"method": "HEAD", "status": 200, "bytes": 0, "saved": 1000}),
            "range": (self.edge.get(url, Range="bytes=0-1"), {"status": 206, "bytes": 2}),
            "post": (self.edge.get(url, method="POST", body=b"x"), {"method": "POST", "status": 405}),
            "gone": (self.edge.get("/is/image/smart/nothing"),
                     {"error": 'image not found: image "nothing" not found', "cache": None, "recipe_hash": None,
                      "recipe": None}),
            "none": (self.edge.get("/nowhere"), {"status": 404, "class": None, "uri": "/nowhere"}),
            "props": (self.edge.get(url + "?req=exists"), {"status": 200, "cache": None}),
        }
        for name, (reply, wanted) in cases.items():
            with self.subTest(name):
                line, = self.log.wait(id=reply["X-Request-ID"])
                self.assertEqual(line["status"], reply.status)
                self.assertEqual({k: line.get(k) for k in wanted}, wanted)
                self.assertFalse(set(line) & set(STAGES))

    def test_an_error_of_a_renderer(self):
        url = self.edge.image("failed", "smart", status=403, headers=told({"queue_us": 7, "render_us": 9}).split("\n")[0]
                              + "\n")
        line, = self.log.wait(id=self.edge.get(url)["X-Request-ID"])
        self.assertEqual((line["status"], line["queue_us"], line["render_us"], line["encode_us"]), (403, 7, 9, 0))
        self.assertNotIn("saved", line)

    def test_no_renderer(self):
        """The error page that the request was led to has its id, and says so in its line."""
        url = self.edge.image("dead", "smart", deaths=9)
        reply = self.edge.get(url)
        line, = self.log.wait(id=reply["X-Request-ID"])
        self.assertEqual((reply.status, line["status"], line["uri"]), (503, 503, url))
        self.assertEqual({p["SMARTIMG_ID"] for p in self.edge.renderer.parameters("dead")}, {line["id"]})

    def test_https(self):
        import http.client
        import ssl
        url = self.edge.image("secret", "smart", headers=told())
        context = ssl._create_unverified_context()
        connection = http.client.HTTPSConnection("127.0.0.1", self.edge.tls_port, context=context, timeout=PATIENCE)
        connection.request("GET", url)
        reply = connection.getresponse()
        reply.read()
        connection.close()
        self.assertEqual(self.log.wait(id=reply.headers["X-Request-ID"])[0]["scheme"], "https")

    def test_numbers_that_are_none(self):
        """What a company's rules, or an odd renderer, put into a receipt is no way out of the line."""
        for i, (value, saved) in enumerate((("-12", -12), ("0", 0), ("", None), ("1e5", None), ("--1", None), ("1.", None),
                                            (".5", None), ("1.2.3", None), ("1}", None), ("9" * 40, None), ("-", None))):
            url = self.edge.image(f"receipt-{i}", "smart", headers=told(saved=value))
            line, = self.log.wait(id=self.edge.get(url)["X-Request-ID"])
            self.assertEqual((value, line.get("saved"), line["score"]), (value, saved, 81.23))
        url = self.edge.image("receipt", "smart", headers='X-Smart-Imaging: ;;effort=a"b\\;=;x;saved;saved=5\r\n')
        line, = self.log.wait(id=self.edge.get(url)["X-Request-ID"])
        self.assertEqual((line["tier"], line["saved"]), ('a"b\\', 5))


class HostileTest(LogTest):
    def test_any_bytes(self):
        """JSON comes of whatever is sent, one line a request, and what is UTF-8 is as it was sent."""
        url = self.edge.image("bytes", "smart", headers=told()).encode()
        texts = [b'"', b"\\", b'","status":1,"x":"', b"\\u0022", b"\xc3\xa9\xe2\x82\xac", b"\xe9", b"\xc3", b"\xf0\x9f\x98",
                 b"\xed\xa0\x80", b"\xff\xfe", b"\xe2\x80\xa8\xc2\x85", b"\x1b[31m", b"\x01\x7f", b"</script>", b"'", b"%00%22"]
        for i, text in enumerate(texts):
            self.send(b"GET " + url + b"?id=%d HTTP/1.1\r\nHost: x\r\nConnection: close\r\nUser-Agent: %s\r\nReferer: a%sb"
                      b"\r\nX-Request-ID: %s\r\ntraceparent: %s\r\n\r\n" % (i, text, text, text, text))
            line, = self.log.wait(uri=f"/is/image/smart/bytes?id={i}")
            try:
                wanted = text.decode()
            except UnicodeDecodeError:
                wanted = text.decode("latin-1")
            if b"\0" not in text:
                self.assertEqual((line["user_agent"], line["referer"]), (wanted, f"a{wanted}b"))
            self.assertRegex(line["id"], HEX % 32)
            self.assertNotIn("parent_id", line)

    def test_noise(self):
        """Random bytes everywhere; each request has a line, and each line is JSON."""
        noise = random.Random(5)

        def piece(longest, without=b"\r\n"):
            return bytes(b for b in noise.randbytes(noise.randrange(longest)) if b not in without)
        url = self.edge.image("noise", "smart", headers=told()).encode()
        for i in range(150):
            self.send(b"GET " + url + b"?" + piece(40, b"\r\n \0#") + b"&mark=%d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                      % i + b"User-Agent: " + piece(80) + b"\r\nReferer: " + piece(80) + b"\r\nAccept: " + piece(60)
                      + b"\r\ntraceparent: " + piece(60) + b"\r\n" + piece(20, b"\r\n:") + b": " + piece(20) + b"\r\n\r\n")
        for i in range(50):
            self.send(piece(300, b"") + b"\r\n\r\n")
        self.edge.get("/the-end")
        self.log.wait(uri="/the-end")
        lines = self.log.lines()
        self.assertGreaterEqual(sum("mark=" in x.get("uri", x.get("request", "")) for x in lines), 100)
        self.assertTrue(any("request" in x for x in lines))
        known = set(fields_of_the_source())
        self.assertEqual([set(x) - known for x in lines if set(x) - known], [])

    def test_long_texts_are_cut(self):
        """Between characters."""
        url = self.edge.image("long", "smart", headers=told())
        agent = ("x" + "\u20ac" * 2000).encode()
        self.send(b"GET " + url.encode() + b"?" + b"q" * 6000 + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\nUser-Agent: "
                  + agent + b"\r\nReferer: " + b"r" * 7000 + b"\r\n\r\n")
        line, = self.log.wait(user_agent="x" + "\u20ac" * 682)
        self.assertEqual(line["referer"], "r" * 4096)
        self.assertEqual(len(line["uri"]), len(url) + 6001)

    def test_lines_that_are_no_requests(self):
        for data, text in ((b"\x16\x03\x01\x02\x00\x01\xfc\x03\x03", "\x16\x03\x01\x02"), (b"NONSENSE\r\n\r\n", "NONSENSE")):
            self.send(data)
            line = wait_until(lambda: [x for x in self.log.lines() if x.get("request", "").startswith(text)],
                              f"a line of {text!r}: {self.log.lines()}")[0]
            self.assertEqual(line["status"], 400)


class OwnTest(LogTest):
    """Refreshes and refinements, which no client has."""

    OPTIONS = {"refine_share": 50}

    def test_a_refresh(self):
        url = self.edge.image("stale", "smart", expires=1, body=lambda n: b"answer %d" % n, headers=told())
        self.edge.get(url)
        sender = f"00-{TRACE}-{SPAN}-01"

        def stale():
            reply = self.edge.get(url, traceparent=sender)
            return reply["X-Cache"] == "refresh" and reply
        reply = wait_until(stale, "a stale hit")
        hit, = self.log.wait(id=reply["X-Request-ID"])
        self.assertFalse(set(hit) & {"recipe", *STAGES}, hit)
        line, = self.log.wait(kind="refresh", parent_id=hit["span_id"])
        self.assertEqual({k: line[k] for k in STAGES}, STAGES)
        self.assertEqual((line["trace_id"], line["sampled"], line["status"], line["bytes"], line["saved"], line["uri"]),
                         (TRACE, True, 200, len(b"answer 2"), 1000, url))
        self.assertEqual(line["recipe_hash"], hit["recipe_hash"])
        self.assertNotIn("client", line)
        self.assertNotIn(line["id"], (hit["id"], TRACE))
        parameters = self.edge.renderer.parameters("stale")[1]
        self.assertEqual((parameters["SMARTIMG_ID"], parameters["SMARTIMG_TRACE"]),
                         (line["id"], f"00-{TRACE}-{line['span_id']}-01"))

    def test_a_refresh_tells_of_its_own_answer(self):
        """Not of the stale one that it was begun for."""
        url = self.edge.image("renewed", "smart", expires=1, headers=told())
        self.edge.get(url)
        self.edge.renderer.behaviour["renewed"] = {"headers": told({k: 2 * v for k, v in STAGES.items()}, "quick", 77)}
        wait_until(lambda: self.edge.get(url)["X-Cache"] == "refresh", "a stale hit")
        line, = self.log.wait(kind="refresh", uri=url)
        self.assertEqual((line["tier"], line["saved"], line["queue_us"]), ("quick", 77, 22))

    def test_refinements(self):
        def answer(size, tier, saved, factor, first=True):
            mark = f"X-Smartimg-First-Answer: {tier}\r\n" if first else ""
            return {"body": b"x" * size,
                    "headers": told({k: factor * v for k, v in STAGES.items()}, tier, saved, mark)}
        url = self.edge.image("refined", "smart", **answer(1000, "fast", 10, 1),
                              tiers={"better": answer(800, "better", 210, 2), "best": answer(900, "best", 110, 3, False)})
        first = self.edge.get(url)
        asked, = self.log.wait(id=first["X-Request-ID"])
        lines = {x["tier"]: x for x in self.log.wait(2, kind="refinement", recipe_hash=asked["recipe_hash"])}
        self.assertEqual({k: (x["outcome"], x["bytes"], x["saved"], x["queue_us"], x["score_us"], x["status"])
                          for k, x in lines.items()},
                         {"better": ("improved", 800, 210, 22, 110, 200), "best": ("kept", 900, 110, 33, 165, 200)})
        for line in lines.values():
            self.assertFalse(set(line) & {"client", "uri", "parent_id", "cache"}, line)
            self.assertEqual(line["recipe"], asked["recipe"])
        self.assertEqual([p["SMARTIMG_ID"] for p in self.edge.renderer.parameters("refined")],
                         [asked["id"], lines["better"]["id"], lines["best"]["id"]])

    def test_deferred_and_failed(self):
        url = self.edge.image("deferred", "smart", **{"body": b"x" * 1000, "headers": told(
            more="X-Smartimg-First-Answer: fast\r\n"), "tiers": {"better": {"status": 304, "body": b""}}})
        asked, = self.log.wait(id=self.edge.get(url)["X-Request-ID"])
        self.log.wait(kind="refinement", recipe_hash=asked["recipe_hash"], outcome="deferred")
        self.edge.renderer.behaviour["deferred"]["tiers"] = {"better": {"status": 403, "body": b"no"}}
        self.log.wait(kind="refinement", recipe_hash=asked["recipe_hash"], outcome="failed", status=403)

    def test_they_are_not_counted(self):
        """Nothing but the log knows of their lines."""
        before = self.edge.metrics()
        url = self.edge.image("counted", "smart", expires=1, headers=told())
        self.edge.get(url)
        wait_until(lambda: self.edge.get(url)["X-Cache"] == "refresh", "a stale hit")
        self.log.wait(kind="refresh", uri=url)
        n = len([x for x in self.log.lines() if x.get("uri") == url and x["kind"] == "request"])
        wait_until(lambda: self.edge.metrics()["smartimg_requests_total"] - before["smartimg_requests_total"] == n,
                   f"{n} requests")


class TextTest(unittest.TestCase):
    """The other format: an id, and nothing of requests without a client."""

    def test_the_id_and_no_refresh(self):
        edge = Edge(companies={"smart": "Bfc = true\n"})
        try:
            url = edge.image("text", "smart", expires=1, headers=told())
            reply = edge.get(url)
            self.assertIn(f" id={reply['X-Request-ID']} recipe=\"smartimg/", edge.logged(url))
            wait_until(lambda: edge.get(url)["X-Cache"] == "refresh", "a stale hit")
            edge.wait_for_renders("text", 2)
            edge.wait_for_end()
            edge.get("/the-end")
            edge.logged("/the-end")
            with open(os.path.join(edge.folder, "run/access.log")) as f:
                self.assertEqual({line.split()[0] for line in f}, {"127.0.0.1"})
        finally:
            edge.stop()


class NameTest(LogTest):
    """Ids and traces that clients tell."""

    def test_ids_of_clients_do_not_count(self):
        url = self.edge.image("told", "smart", headers=told())
        self.assertRegex(self.edge.get(url, X_Request_ID="theirs")["X-Request-ID"], HEX % 32)

    def test_traces(self):
        url = self.edge.image("traced", "smart", headers=told())
        good = {f"00-{TRACE}-{SPAN}-01": True, f"00-{TRACE}-{SPAN}-00": False, f"42-{TRACE}-{SPAN}-03-more": True}
        bad = [f"00-{TRACE}-{SPAN}-01-more", f"ff-{TRACE}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01",
               f"00-{TRACE}-{'0' * 16}-01", f"00-{TRACE.upper()}-{SPAN}-01", "", "-", f"00-{TRACE}-{SPAN}"]
        for i, value in enumerate([*good, *bad]):
            with self.subTest(value):
                reply = self.edge.get(f"{url}?wid={i + 1}", traceparent=value)
                line, = self.log.wait(id=reply["X-Request-ID"])
                passed_on = self.edge.renderer.parameters("traced")[i].get("SMARTIMG_TRACE")
                if value in good:
                    self.assertEqual((line["trace_id"], line["parent_id"], line["sampled"]), (TRACE, SPAN, good[value]))
                    self.assertEqual(passed_on, f"00-{TRACE}-{line['span_id']}-0{int(good[value])}")
                else:
                    self.assertEqual((line["trace_id"], passed_on), (line["id"], None))
                    self.assertFalse({"parent_id", "sampled"} & set(line))
                self.assertRegex(line["span_id"], HEX % 16)
                self.assertNotIn(line["span_id"], (SPAN, "0" * 16))

    def test_two_traces_are_none(self):
        url = self.edge.image("twice", "smart", headers=told())
        header = f"traceparent: 00-{TRACE}-{SPAN}-01\r\n"
        self.send(f"GET {url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}{header}\r\n".encode())
        line, = self.log.wait(uri=url)
        self.assertEqual(line["trace_id"], line["id"])

    def test_who_waits_has_an_id_of_its_own(self):
        hold = threading.Event()
        url = self.edge.image("waited", "smart", headers=told(), hold=hold)

        def release():
            self.edge.wait_for_renders("waited")
            self.edge.wait_for_waiters(3)
            hold.set()
        replies = [r for r, _ in self.edge.together(4, url, release)]
        lines = [self.log.wait(id=r["X-Request-ID"])[0] for r in replies]
        self.assertEqual(len({x["id"] for x in lines}), 4)
        rendered, = [x for x in lines if "render_us" in x]
        self.assertEqual(self.edge.renderer.parameters("waited")[0]["SMARTIMG_ID"], rendered["id"])


class ProxyTest(LogTest):
    """What trusted proxies tell of the client and its request."""

    OPTIONS = {"trusted_proxies": "127.0.0.1"}

    def test_their_ids_count(self):
        url = self.edge.image("named", "smart", headers=told())
        for name in ("f47ac10b-58cc-4372-a567-0e02b2c3d479", "1-67891233:abc/d+e=@x_y.z", "x" * 128):
            with self.subTest(name):
                reply = self.edge.get(url, X_Request_ID=name, X_Forwarded_For="198.51.100.7")
                self.assertEqual(reply["X-Request-ID"], name)
                line, = self.log.wait(id=name)
                self.assertEqual(line["client"], "198.51.100.7")
                self.assertRegex(line["trace_id"], HEX % 32)
        self.assertEqual(self.edge.renderer.parameters("named")[0]["SMARTIMG_ID"], "f47ac10b-58cc-4372-a567-0e02b2c3d479")

    def test_what_is_no_id_does_not(self):
        url = self.edge.image("unnamed", "smart", headers=told())
        for name in ("", "a b", 'a"b', "a\\b", "a;b", "\xe9", "x" * 129, "a\tb", "<b>"):
            self.assertRegex(self.edge.get(url, X_Request_ID=name.encode("latin-1"))["X-Request-ID"], "^" + HEX % 32 + "$")

    def test_proxies_that_are_not_trusted(self):
        url = self.edge.image("stranger", "smart", headers=told())
        reply = self.edge.get(url, source="127.0.0.9", X_Request_ID="theirs", X_Forwarded_For="198.51.100.7")
        line, = self.log.wait(id=reply["X-Request-ID"])
        self.assertEqual((line["client"], line["id"] == "theirs"), ("127.0.0.9", False))


class SpansTest(LogTest):
    """What docs/operation.md has operators do for spans."""

    def setUp(self):
        self.spans, lock = [], threading.Lock()
        test = self

        class Collector(QuietHandler):
            def do_POST(self):
                sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    test.spans += [(self.path, self.headers["Content-Type"], s) for r in sent["resourceSpans"]
                                   for scope in r["scopeSpans"] for s in scope["spans"]]
                self.answer(b"{}", Content_Type="application/json")
        self.collector = start_origin(Collector)
        with open(os.path.join(TOP, "docs/operation.md")) as f:
            command = re.search(r"```sh[^\n]*\n(tail -n 0 -F .*?)\n```", f.read(), re.S).group(1)
        command = command.replace("localhost:4318", f"127.0.0.1:{self.collector.server_port}")
        command = command.replace("otlp-spans.jq", os.path.join(TOP, "conf/otlp-spans.jq"))
        path = os.path.join(self.edge.folder, "run/access.log")
        command = command.replace("access.log", path).replace("tail -n 0", "tail -n +1")  # all there is
        self.shell = subprocess.Popen(["bash", "-c", command], start_new_session=True, stdout=subprocess.DEVNULL)

    def tearDown(self):
        os.killpg(self.shell.pid, signal.SIGKILL)
        self.shell.wait()
        self.collector.shutdown()
        self.collector.server_close()

    def of_trace(self, trace, n):
        return wait_until(lambda: (lambda found: found if len(found) >= n else None)(
            [s for _, _, s in self.spans if s["traceId"] == trace]), lambda: f"{n} spans of {trace}: {self.spans}")

    def test_spans(self):
        url = self.edge.image("spans", "smart", headers=told())
        miss = self.edge.get(url, User_Agent='a"b\xe9')
        hit = self.edge.get(url)
        traced = self.edge.get(url, traceparent=f"00-{TRACE}-{SPAN}-01")
        self.assertEqual([r["X-Cache"] for r in (miss, hit, traced)], ["miss", "hit", "hit"])
        line, = self.log.wait(id=miss["X-Request-ID"])
        whole, *stages = self.of_trace(line["trace_id"], 6)
        self.assertEqual({(p, t) for p, t, _ in self.spans}, {("/v1/traces", "application/json")})
        self.assertEqual((whole["spanId"], whole["kind"], whole.get("parentSpanId")), (line["span_id"], 2, None))
        told_of = {a["key"]: next(iter(a["value"].values())) for a in whole["attributes"]}
        self.assertEqual((told_of["smartimg.id"], told_of["http.response.status_code"], told_of["smartimg.saved"],
                          told_of["user_agent.original"], told_of["smartimg.cache"]),
                         (line["id"], "200", 1000, 'a"b\xe9', "miss"))
        start, end = int(whole["startTimeUnixNano"]), int(whole["endTimeUnixNano"])
        self.assertEqual(end - start, line["took_ms"] * 1_000_000)
        written = datetime.datetime.fromisoformat(line["time"].replace("Z", "+00:00")).timestamp()
        self.assertEqual(end // 1_000_000, round(written * 1000))
        at = start
        for stage, (name, us) in zip(stages, STAGES.items(), strict=True):
            self.assertEqual((stage["name"] + "_us", stage["parentSpanId"]), (name, line["span_id"]))
            self.assertEqual(int(stage["startTimeUnixNano"]), at)
            at += us * 1000
            self.assertEqual(int(stage["endTimeUnixNano"]), at)
        self.assertEqual(len({s["spanId"] for s in (whole, *stages)}), 6)
        for span in (whole, *stages):
            self.assertRegex(span["spanId"], "^" + HEX % 16 + "$")
        kept, = self.of_trace(TRACE, 1)
        self.assertEqual(kept["parentSpanId"], SPAN)
        last, = self.log.wait(id=hit["X-Request-ID"])
        self.assertFalse([s for _, _, s in self.spans if s["traceId"] == last["trace_id"]])

    def test_the_page_s_other_commands(self):
        """They are jq's, and find the requests that they say."""
        url = self.edge.image("asked", "smart", headers=told())
        reply = self.edge.get(url)
        self.log.wait(id=reply["X-Request-ID"])
        path = os.path.join(self.edge.folder, "run/access.log")
        with open(os.path.join(TOP, "docs/operation.md")) as f:
            slow, caches = re.findall(r"^jq .*access\.log.*$", f.read(), re.M)
        slow = slow.replace("access.log", path).replace("> 500", ">= 0")
        out = subprocess.run(["bash", "-c", slow], check=True, capture_output=True, text=True).stdout
        found, = [x for x in map(json.loads, out.splitlines()) if x["id"] == reply["X-Request-ID"]]
        self.assertEqual({k: found[k] for k in STAGES}, STAGES)
        out = subprocess.run(["bash", "-c", caches.replace("access.log", path)], check=True, capture_output=True,
                             text=True).stdout
        self.assertIn("miss", out)


def rows_of_the_source():
    """Names and what they are, in their order, from the two tables that lines are made from."""
    def rows(path, pattern):
        with open(os.path.join(TOP, path)) as f:
            text = re.sub(r"\s*\\\n\s*", " ", f.read())  # rows that go on in the next line
        return [(n, "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', help))) for n, help in re.findall(pattern, text)]
    return (rows("src/edge/ngx_http_smartimg_log.h", r' X\("(\w+)",[^"]*((?: ?"[^"]*")+)\)')
            + [(n + "_us", "microseconds of " + h)
               for n, h in rows("src/picture/stages.h", r' X\([A-Z]+, "(\w+)",[^"]*("[^"]*")\)')])


def fields_of_the_source():
    return [name for name, _ in rows_of_the_source()]


class PageTest(unittest.TestCase):
    def test_the_page_has_every_field(self):
        wanted = "| field | |\n|---|---|\n" + "".join(f"| `{n}` | {h} |\n" for n, h in rows_of_the_source())
        self.assertGreater(len(fields_of_the_source()), 35)
        with open(os.path.join(TOP, "docs/operation.md")) as f:
            table = re.search(r"\| field \|.*?\n\n", f.read(), re.S).group(0)
        self.assertEqual(table, wanted + "\n")


if __name__ == "__main__":
    unittest.main(verbosity=2)
