#!/usr/bin/env python3
"""The edge: nginx with the module, in front of a renderer made of paper.

    python3 tests/edge/test_edge.py [-v] [EdgeTest.test_name]

SMARTIMG_BUILD names the build folder (build), SMARTIMG_NGINX the nginx to test with.
"""

import contextlib
import email.utils
import hmac
import http.client
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import edge
from edge import PATIENCE, Edge, at_once, wait_until

CHROME = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
IPHONE = ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
          "Version/17.5 Mobile/15E148 Safari/604.1")
SAFARI = ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
          "Version/13.1.3 Safari/605.1.15")


def http_time(text):
    return email.utils.parsedate_to_datetime(text).timestamp()


class EdgeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.edge = Edge(workers=3, companies={
            "smart": "Bfc = true\n",
            "dense": "Bfc = true\nDpr = true\n",
            "device": "Bfc = true\nDpr = true\nDprHeader = akamai\n",
            "told": "Dpr = true\nDprHeader = X-Density\n",
            "wide": "Dpr = true\nWidthHints = true\nCriticalCh = true\n",
            "forever": "Expiration = -1\n",
            "never": "Expiration = 0\n",
            "eternal": "Bfc = true\nExpiration = -1\n",
            "strict": "CacheCommandAddresses =\n",
            "remote": "CacheCommandAddresses = 192.0.2.0/24\n",
            "near": "ClientAddressFilter = 127.0.0.1\n",
        })

    @classmethod
    def tearDownClass(cls):
        log = cls.edge.error_log()
        cls.edge.stop()
        for bad in ("exited on signal", "[alert]", "[emerg]"):
            if bad in log:
                raise AssertionError("nginx complained:\n" + log)

    def get(self, *args, **kwargs):
        return self.edge.get(*args, **kwargs)

    def crowd(self, n, url, name):
        """n requests at once of which all but one wait for that one's render."""
        hold = self.edge.renderer.behaviour[name]["hold"]

        def release():
            self.edge.wait_for_renders(name)
            self.edge.wait_for_waiters(n - 1)
            hold.set()
        return self.edge.together(n, url, release)

    # ---- cache and coalescing ----

    def test_miss_then_hit(self):
        url = self.edge.image("plain")
        first, second = self.get(url), self.get(url)
        self.assertEqual([first.status, first["X-Cache"], second["X-Cache"]], [200, "miss", "hit"])
        self.assertEqual(first.body, b"image plain")
        self.assertEqual(second.body, first.body)
        self.assertEqual(second["Content-Type"], "image/webp")
        self.assertEqual(second["X-Adobe-Smart-Imaging"], "1000")
        self.assertEqual(self.edge.renderer.count("plain"), 1)
        parameters = self.edge.renderer.parameters("plain")[0]
        self.assertEqual(parameters["SCGI"], "1")
        self.assertEqual(parameters["SMARTIMG_RENDER"], "1")
        self.assertEqual(parameters["SMARTIMG_TIER"], "")
        seal = hmac.new(b"k" * 32, parameters["SMARTIMG_RECIPE"].encode(), "sha256").hexdigest()
        self.assertEqual(parameters["SMARTIMG_SEAL"], seal)
        self.assertNotIn("HTTP_USER_AGENT", parameters)

    def test_order_of_commands_does_not_matter(self):
        url = self.edge.image("order")
        self.get(url + "?wid=100&fmt=png")
        self.assertEqual(self.get(url + "?fmt=png&wid=100")["X-Cache"], "hit")

    def test_identical_misses_render_once(self):
        url = self.edge.image("crowd", hold=threading.Event(), body=b"x" * 50_000)
        replies = self.crowd(50, url, "crowd")
        end = self.edge.renderer.end("crowd")
        self.assertEqual(self.edge.renderer.count("crowd"), 1)
        self.assertEqual({(r.status, r.body) for r, _ in replies}, {(200, b"x" * 50_000)})
        self.assertEqual(sorted(r["X-Cache"] for r, _ in replies), ["hit"] * 49 + ["miss"])
        late = max(t for _, t in replies) - end
        print(f"[last of 50 after {late * 1000:.1f} ms] ", end="", file=sys.stderr)

    def test_release_is_prompt(self):
        """nginx itself would look after waiters every 500 ms; here they are looked after every few. How long
        a plain hit takes just then tells how busy the machine is."""
        delays, hits = [], []
        for i in range(20):
            name = f"prompt-{i}"
            url = self.edge.image(name, hold=threading.Event())
            replies = self.crowd(4, url, name)
            end = self.edge.renderer.end(name)
            delays += [t - end for r, t in replies if r["X-Cache"] == "hit"]
            self.assertEqual(self.edge.renderer.count(name), 1)
            start = time.monotonic()
            hits += [t - start for _, t in self.edge.together(4, url)]
        delays.sort(), hits.sort()
        median, hit = delays[len(delays) // 2], hits[len(hits) // 2]
        print(f"[median {median * 1000:.1f} ms, of hits {hit * 1000:.1f} ms] ", end="", file=sys.stderr)
        self.assertLess(median, 0.02 + 20 * hit)

    def test_slow_first_client_holds_nobody_up(self):
        size = 30_000_000
        url = self.edge.image("slow", body=b"s" * size)
        with socket.socket() as first:
            first.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            first.connect(("127.0.0.1", self.edge.port))
            first.sendall(f"GET {url} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            self.edge.wait_for_renders("slow")
            reply = self.get(url)  # while the first has not read a byte
            self.assertEqual((len(reply.body), reply["X-Cache"]), (size, "hit"))
        self.assertEqual(self.edge.renderer.count("slow"), 1)

    # ---- clients that leave ----

    def send(self, url):
        s = socket.create_connection(("127.0.0.1", self.edge.port))
        s.settimeout(PATIENCE)
        s.sendall(f"GET {url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return s

    def cancelled(self):
        metrics = self.edge.metrics()
        return [metrics['smartimg_cancelled_total{stage="%s"}' % s] for s in ("render", "wait")]

    def assertCancelled(self, before, renders, waits):
        wait_until(lambda: self.cancelled() == [before[0] + renders, before[1] + waits],
                   f"{renders} renders and {waits} that wait to be cancelled")

    def test_nobody_waits_for_nobody(self):
        before = self.cancelled()
        for query in "", "?cache=off", "?cache=update":
            url = self.edge.image("nobody", hold=threading.Event())
            client = self.send(url + query)
            self.edge.wait_for_renders("nobody", self.edge.renderer.closed.count("nobody") + 1)
            client.close()
            self.edge.renderer.wait_for_closed("nobody", self.edge.renderer.count("nobody"))
        self.assertCancelled(before, 3, 0)
        self.edge.wait_for_end()
        self.edge.renderer.behaviour["nobody"]["hold"].set()
        self.assertEqual(self.get(url)["X-Cache"], "miss")

    def test_client_that_closes_at_once(self):
        before = self.cancelled()
        url = self.edge.image("at-once", hold=threading.Event())
        for i in range(20):
            self.send(url + f"?wid={i + 1}").close()
        self.assertCancelled(before, 20, 0)
        self.edge.renderer.wait_for_closed("at-once", 20)

    def test_render_goes_on_for_who_waits(self):
        """As long as one is left of those who want it."""
        before = self.cancelled()
        hold = threading.Event()
        url = self.edge.image("abort", hold=hold)
        first = self.send(url)
        self.edge.wait_for_renders("abort")
        clients = [self.send(url) for _ in range(9)]
        self.edge.wait_for_waiters(9)
        first.close()
        for client in clients[:-1]:
            client.close()
        self.edge.wait_for_waiters(1)
        self.assertCancelled(before, 0, 8)
        hold.set()
        with clients[-1] as last:
            self.assertIn(b"X-Cache: hit", last.makefile("rb").read())
        self.assertEqual((self.edge.renderer.count("abort"), self.edge.renderer.closed.count("abort")), (1, 0))
        self.edge.wait_for_end()

    def test_render_ends_when_the_last_one_leaves(self):
        before = self.cancelled()
        url = self.edge.image("deserted", hold=threading.Event())
        first = self.send(url)
        self.edge.wait_for_renders("deserted")
        clients = [self.send(url) for _ in range(5)]
        self.edge.wait_for_waiters(5)
        for client in (first, *clients):
            client.close()
        self.edge.renderer.wait_for_closed("deserted")
        self.assertCancelled(before, 1, 5)
        self.assertEqual(self.edge.renderer.count("deserted"), 1)
        self.edge.wait_for_end()
        self.edge.renderer.behaviour["deserted"]["hold"].set()
        self.assertEqual(self.get(url)["X-Cache"], "miss")

    def test_refresh_goes_on_without_its_client(self):
        url = self.edge.image("outlived", expires=1, body=lambda n: b"answer %d" % n)
        self.get(url)
        hold = threading.Event()
        self.edge.renderer.behaviour["outlived"].update(expires=1000, hold=hold)
        time.sleep(self.STALE)
        self.assertEqual(self.get(url)["X-Cache"], "refresh")  # whose connection is closed by now
        self.edge.wait_for_renders("outlived", 2)
        hold.set()
        wait_until(lambda: self.get(url).body == b"answer 2", "the refreshed answer")
        self.assertEqual(self.edge.renderer.closed.count("outlived"), 0)

    def test_error_is_shared_by_who_waits_for_it(self):
        url = self.edge.image("broken", hold=threading.Event(), status=403, body=b"source image unreadable: bad\n")
        replies = self.crowd(30, url, "broken")
        self.assertEqual({(r.status, r.body) for r, _ in replies},
                         {(403, b"source image unreadable: bad\n")})
        self.assertEqual(self.edge.renderer.count("broken"), 1)
        self.assertEqual(self.get(url).status, 403)
        self.assertEqual(self.edge.renderer.count("broken"), 2)  # but never by who comes later
        self.edge.renderer.behaviour["broken"] = {}
        self.assertEqual(self.get(url).status, 200)

    STALE = 2.1  # seconds after which a reply of expires=1 is surely stale; nginx counts in whole ones

    def test_refresh_in_background(self):
        url = self.edge.image("first", expires=1, body=lambda n: b"answer %d" % n)
        self.assertEqual(self.get(url)["X-Cache"], "miss")
        hold = threading.Event()
        self.edge.renderer.behaviour["first"].update(expires=1000, hold=hold)
        time.sleep(self.STALE)
        before = self.edge.metrics()['smartimg_renders_total{kind="refinement"}']
        stale = [self.get(url) for _ in range(5)]  # while the better one is held back
        self.assertEqual({(r["X-Cache"], r.body) for r in stale}, {("refresh", b"answer 1")})
        hold.set()
        better = wait_until(lambda: (r := self.get(url))["X-Cache"] == "hit" and r, "the better answer")
        self.assertEqual(better.body, b"answer 2")
        self.assertEqual(self.edge.renderer.tiers("first"), ["", ""])

    def exchange(self, connection, url, method="GET"):
        """A request on an open connection, and its whole reply."""
        connection.request(method, url)
        response = connection.getresponse()
        return edge.Reply(response.status, response.headers, response.read())

    def stale(self, name, **behaviour):
        """The address of a stale reply whose refresh is held back, and what lets it go."""
        url = self.edge.image(name, expires=1, **behaviour)
        self.get(url)
        hold = threading.Event()
        self.addCleanup(hold.set)
        self.edge.renderer.behaviour[name].update(expires=1000, hold=hold)
        time.sleep(self.STALE)
        return url, hold

    def test_stale_hit_is_a_hit_like_any(self):
        """It is sent whole, and its connection goes on, while the renderer is at work."""
        body = lambda n: b"%06d" % n * 100_000
        url, hold = self.stale("held", body=body)
        other = self.edge.image("other-held")
        connection = http.client.HTTPConnection("127.0.0.1", self.edge.port, timeout=PATIENCE)
        self.addCleanup(connection.close)
        for method in "GET", "HEAD", "GET":
            reply = self.exchange(connection, url, method)
            self.assertEqual((reply["X-Cache"], reply["Connection"]), ("refresh", "keep-alive"))
            self.assertEqual(reply.body, body(1) if method == "GET" else b"")
            port = connection.sock.getsockname()[1]
            self.edge.wait_for_renders("held", 2)
        self.assertEqual(self.exchange(connection, other).body, b"image other-held")
        self.assertEqual(self.exchange(connection, other)["X-Cache"], "hit")
        self.assertEqual(connection.sock.getsockname()[1], port)  # still the first one
        hold.set()
        better = wait_until(lambda: (r := self.exchange(connection, url))["X-Cache"] == "hit" and r,
                            "the better answer")
        self.assertEqual(better.body, body(2))
        self.assertEqual(self.edge.renderer.count("held"), 2)

    def test_refresh_outlives_its_client(self):
        url, hold = self.stale("left", body=lambda n: b"answer %d" % n)
        with socket.create_connection(("127.0.0.1", self.edge.port)) as s:
            s.sendall(f"GET {url} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            self.edge.wait_for_renders("left", 2)
        hold.set()
        wait_until(lambda: self.get(url)["X-Cache"] == "hit", "the better answer")
        self.assertEqual(self.get(url).body, b"answer 2")
        self.edge.wait_for_end()

    def test_refresh_that_fails_is_tried_again(self):
        url, hold = self.stale("fails", body=lambda n: b"answer %d" % n)
        hold.set()
        for behaviour in {"deaths": 1000}, {"status": 503}, {"cut": 3}, {"length": False}:
            self.edge.renderer.behaviour["fails"].update(deaths=0, status=200, cut=None, length=True)
            self.edge.renderer.behaviour["fails"].update(behaviour)
            count = self.edge.renderer.count("fails")
            reply = self.get(url)
            self.assertEqual((reply["X-Cache"], reply.body), ("refresh", b"answer 1"), behaviour)
            self.edge.wait_for_renders("fails", count + 1)
            self.edge.wait_for_end()
        self.edge.renderer.behaviour["fails"].update(deaths=0, status=200, cut=None, length=True)
        reply = wait_until(lambda: (r := self.get(url))["X-Cache"] == "hit" and r, "the better answer")
        self.assertEqual(reply.body, b"answer %d" % self.edge.renderer.count("fails"))

    def test_cache_update(self):
        url = self.edge.image("update", body=lambda n: b"answer %d" % n)
        self.get(url)
        reply = self.get(url + "?cache=update")
        self.assertEqual((reply["X-Cache"], reply.body), ("bypass", b"answer 2"))
        reply = self.get(url)
        self.assertEqual((reply["X-Cache"], reply.body), ("hit", b"answer 2"))

    def test_cache_off(self):
        url = self.edge.image("off", body=lambda n: b"answer %d" % n)
        self.get(url)
        reply = self.get(url + "?cache=off")
        self.assertEqual((reply["X-Cache"], reply.body), ("bypass", b"answer 2"))
        self.assertEqual((reply["Cache-Control"], reply["Expires"]), ("no-store", None))
        reply = self.get(url)
        self.assertEqual((reply["X-Cache"], reply.body), ("hit", b"answer 1"))
        self.assertEqual(self.get(url + "?cache=off,on")["Cache-Control"], "no-store")

    def test_cache_commands_of_others_are_ignored(self):
        def ignored():
            return self.edge.metrics()["smartimg_cache_commands_ignored_total"]
        for company in "strict", "remote":
            name = "ignored-" + company
            url = self.edge.image(name, company=company, body=lambda n: b"answer %d" % n)
            before = ignored()
            self.get(url)
            for query in "?cache=off", "?cache=update", "?cache=on,off":
                reply = self.get(url + query)
                self.assertEqual((reply["X-Cache"], reply.body), ("hit", b"answer 1"), query)
                self.assertEqual(reply["Cache-Control"] == "no-store", query == "?cache=off", query)
            wait_until(lambda: ignored() == before + 3, "the count of ignored commands")
            self.assertEqual(self.edge.renderer.count(name), 1)

    def test_misses_of_one_client_are_limited(self):
        """A bucket holds ten seconds' worth; hits and refreshes take nothing from it, and other clients have theirs."""
        edge = Edge(misses_per_client=1)
        try:
            def limited():
                return edge.metrics()["smartimg_client_limited_total"]

            def get_from_elsewhere(url):
                with socket.create_connection(("127.0.0.1", edge.port), source_address=("127.0.0.2", 0)) as s:
                    s.settimeout(PATIENCE)
                    s.sendall(f"GET {url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                    return s.makefile("rb").read().split(b"\r\n")[0]
            start = time.monotonic()
            urls = []
            while True:
                urls.append(edge.image(f"new-{len(urls)}", body=b"x"))
                reply = edge.get(urls[-1])
                if reply.status != 200:
                    break
            self.assertEqual(reply.status, 503)
            self.assertEqual(reply.body, b"too many new pictures at a time are asked for from this address\n")
            self.assertEqual((reply["Retry-After"], reply["Cache-Control"]), ("1", "no-store"))
            self.assertGreater(len(urls), 10)
            self.assertLessEqual(len(urls), 10 + (time.monotonic() - start) + 2)
            self.assertEqual(limited(), 1)
            for _ in range(50):
                self.assertEqual(edge.get(urls[0])["X-Cache"], "hit")
            self.assertEqual(get_from_elsewhere(urls[-1]), b"HTTP/1.1 200 OK")
            self.assertEqual(limited(), 1)
        finally:
            edge.stop()

    def test_every_kind_of_miss_counts(self):
        """Each kind from an address of its own, one after the other until it is refused."""
        edge = Edge(misses_per_client=1, tls=True, companies={
            "far": "AllowDirectUrls = true\nForeignHosts = example.org\nCacheCommandAddresses = 127.0.0.0/8\n"})
        self.addCleanup(edge.stop)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        kinds = {"cheap": "GET ?wid=50", "dear": "GET ?wid=4000&hei=3000", "foreign": "GET ?layer=1&src=(http://example.org/{}.png)",
                 "anew": "GET ?cache=off", "update": "GET ?cache=update", "head": "HEAD ?wid=51", "range": "GET ?wid=52",
                 "facts": "GET ?req=props", "original": "GET ?req=imageprops", "nested": "GET ?layer=1&src=is(far/{}?wid=9)",
                 "tls": "GET ?wid=53", "same": "GET ?cache=off&wid=54"}
        for n, (kind, how) in enumerate(kinds.items()):
            method, query = how.split()
            start, served = time.monotonic(), 0
            for i in range(1000):
                name = kind if kind == "same" else f"{kind}-{i}"
                url = edge.image(name, "far", body=b"x" * 100) + query.format(name)
                port = edge.tls_port if kind == "tls" else edge.port
                with socket.create_connection(("127.0.0.1", port), source_address=(f"127.0.1.{n + 1}", 0)) as plain:
                    more = "Range: bytes=1-5\r\n" if kind == "range" else ""
                    with context.wrap_socket(plain) if kind == "tls" else contextlib.nullcontext(plain) as s:
                        s.settimeout(PATIENCE)
                        s.sendall(f"{method} {url} HTTP/1.1\r\nHost: x\r\n{more}Connection: close\r\n\r\n".encode())
                        status = int(s.makefile("rb").read().split(b" ")[1])
                if status == 503:
                    break
                self.assertEqual(status, 206 if kind == "range" else 200, kind)
                served += 1
            self.assertEqual(status, 503, kind)
            self.assertGreaterEqual(served, 10, kind)
            self.assertLessEqual(served, 10 + (time.monotonic() - start) + 2, kind)
        self.assertEqual(edge.metrics()["smartimg_client_limited_total"], len(kinds))

    def test_refinements_count_for_no_client(self):
        edge = Edge(misses_per_client=1)
        try:
            hold = threading.Event()
            url = edge.image("first", body=lambda n: b"answer %d" % n, expires=1)
            self.assertEqual(edge.get(url).status, 200)
            time.sleep(self.STALE)
            for i in range(1000):  # until the bucket is empty
                if edge.get(edge.image(f"other-{i}")).status == 503:
                    break
            self.assertEqual(edge.get(url)["X-Cache"], "refresh")
            edge.wait_for_renders("first", 2)
            wait_until(lambda: edge.get(url).body != b"answer 1", "the refreshed answer")
        finally:
            edge.stop()

    def test_limited_client_may_wait_for_others(self):
        """It needs no renderer for what another client has rendered already."""
        edge = Edge(misses_per_client=1)
        try:
            with socket.socket() as away:  # another client, which renders first
                url = edge.image("shared", hold=threading.Event())
                away.bind(("127.0.0.2", 0))
                away.connect(("127.0.0.1", edge.port))
                away.settimeout(PATIENCE)
                for i in range(1000):
                    if edge.get(edge.image(f"used-{i}")).status == 503:
                        break
                away.sendall(f"GET {url} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
                edge.wait_for_renders("shared")
                replies = edge.together(1, url, lambda: (edge.wait_for_waiters(1),
                                                         edge.renderer.behaviour["shared"]["hold"].set()))
                self.assertEqual(replies[0][0].status, 200)  # a hit in the end, which costs no token
        finally:
            edge.stop()

    def test_bypass_does_not_wait(self):
        hold = threading.Event()
        url = self.edge.image("hurry", hold=hold)

        def release():
            self.edge.wait_for_renders("hurry", 5)
            hold.set()
        replies = self.edge.together(5, url + "?cache=off", release)
        self.assertEqual({r["X-Cache"] for r, _ in replies}, {"bypass"})
        self.assertEqual(self.edge.renderer.count("hurry"), 5)

    def test_replaced_original(self):
        url = self.edge.image("replaced", body=lambda n: b"answer %d" % n)
        self.get(url)
        with open(os.path.join(self.edge.folder, "images/demo/replaced.jpg"), "ab") as f:
            f.write(b"!")
        reply = self.get(url)
        self.assertEqual((reply["X-Cache"], reply.body), ("miss", b"answer 2"))

    @unittest.skipUnless(os.access(edge.SMARTIMG, os.X_OK), "the program is not built")
    def test_purge(self):
        url = self.edge.image("purged", body=lambda n: b"answer %d" % n)
        other = self.edge.image("kept")
        for query in ("", "?wid=10"):
            self.get(url + query)
        self.get(other)
        cache = os.path.join(self.edge.folder, "cache")
        subprocess.run([edge.SMARTIMG, "purge", "--cache", cache, "demo/purged"], check=True,
                       stdout=subprocess.DEVNULL)
        self.assertEqual([self.get(url + q)["X-Cache"] for q in ("", "?wid=10")], ["miss", "miss"])
        self.assertEqual(self.get(other)["X-Cache"], "hit")
        subprocess.run([edge.SMARTIMG, "purge", "--cache", cache, "--all"], check=True,
                       stdout=subprocess.DEVNULL)
        self.assertEqual(self.get(other)["X-Cache"], "miss")

    def test_storm(self):
        """Everything at once, from clients that often leave early: nothing may be left behind."""
        urls = [
            self.edge.image("storm-a", delay=0.02),
            self.edge.image("storm-b", delay=0.01, expires=1, body=b"b" * 300_000),
            self.edge.image("storm-c", delay=0.03, status=403, body=b"no\n"),
            self.edge.image("storm-d", delay=0.01, deaths=50),
            "/is/image/demo/storm-none",
        ]
        queries = ["", "?wid=1", "?wid=2&cache=off", "?cache=update", "?wid=x", "?wid=3&fmt=png"]
        end = time.monotonic() + float(os.environ.get("SMARTIMG_STORM", "3"))
        failures = []

        def client(seed):
            dice = random.Random(seed)
            while time.monotonic() < end:
                url = dice.choice(urls) + dice.choice(queries) + f"&x={dice.randrange(40)}"
                method = dice.choice(["GET", "GET", "GET", "HEAD", "POST"])
                try:
                    with socket.create_connection(("127.0.0.1", self.edge.port)) as s:
                        s.settimeout(PATIENCE)
                        s.sendall(f"{method} {url} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
                        if dice.random() < 0.4:
                            time.sleep(dice.random() * 0.04)
                        elif b" " not in s.recv(1000):
                            failures.append(url)
                        if dice.random() < 0.1:  # purges and replaced files come at any time
                            os.utime(os.path.join(self.edge.folder, "images/demo/storm-a.jpg"))
                except OSError as error:
                    failures.append((url, error))

        at_once(client, 16)
        self.assertEqual(failures, [])
        self.edge.wait_for_end()
        self.assertEqual(self.get(urls[0]).status, 200)

    # ---- headers ----

    def test_vary(self):
        plain, smart = self.edge.image("plain-vary"), self.edge.image("smart-vary", "smart")
        self.assertIsNone(self.get(plain)["Vary"])
        self.assertEqual(self.get(smart, Accept=CHROME)["Vary"], "Accept")
        self.assertEqual(self.get(smart, Accept=CHROME)["Vary"], "Accept")  # of a hit
        self.assertEqual(self.get(smart, Accept="*/*", User_Agent=SAFARI)["Vary"], "Accept, User-Agent")
        self.assertIsNone(self.get(smart, Accept=CHROME)["Accept-CH"])

    def test_vary_is_short_and_never_missing(self):
        """On every reply of an address, whatever it is and whoever asks; User-Agent only where it was read."""
        url = self.edge.image("short-vary", "smart")
        tag = self.get(url)["ETag"]
        rows = (("image/avif,*/*", "Accept"), ("image/webp", "Accept"), ("image/jxl,*/*;q=0.5", "Accept"),
                ("image/avif;q=0,image/webp;q=0,image/png", "Accept"),  # nothing that a User-Agent could add
                ("*/*", "Accept, User-Agent"), ("image/*", "Accept, User-Agent"), (None, "Accept, User-Agent"))
        for accept, vary in rows:
            headers = {} if accept is None else {"Accept": accept}
            for agent in {}, {"User_Agent": SAFARI}:
                for more in {}, {"If_None_Match": tag}, {"Range": "bytes=0-3"}:
                    reply = self.get(url, **headers, **agent, **more)
                    self.assertEqual(reply["Vary"], vary, (accept, agent, more))
                self.assertEqual(self.get(url, "HEAD", **headers, **agent)["Vary"], vary)

    def test_classes_share_the_cache(self):
        url = self.edge.image("class", "smart")
        self.get(url, Accept="image/avif,image/webp,*/*;q=0.1")
        self.assertEqual(self.get(url, Accept="image/webp,image/avif,image/*")["X-Cache"], "hit")
        self.assertEqual(self.get(url, Accept="image/webp,image/*")["X-Cache"], "miss")

    def test_accept_in_several_fields(self):
        url = self.edge.image("fields", "smart")
        self.get(url, Accept="image/avif, image/webp")
        with socket.create_connection(("127.0.0.1", self.edge.port)) as s:
            s.sendall(f"GET {url} HTTP/1.1\r\nHost: x\r\nAccept: image/avif\r\nAccept: image/webp\r\n"
                      "Connection: close\r\n\r\n".encode())
            self.assertIn(b"X-Cache: hit", s.makefile("rb").read())

    def test_long_accept(self):
        url = self.edge.image("long", "smart")
        reply = self.get(url, Accept="image/avif," + "x/y," * 2000, User_Agent="a" * 8000)
        self.assertEqual(reply.status, 200)

    def test_client_hints(self):
        url = self.edge.image("hints", "dense")
        reply = self.get(url + "?wid=10", Accept=CHROME, Sec_CH_DPR="2")
        self.assertEqual(reply["Accept-CH"], "Sec-CH-DPR, DPR")
        self.assertEqual(reply["Vary"], "Accept, Sec-CH-DPR, DPR")
        self.assertEqual(self.get(url + "?wid=10", Accept=CHROME, DPR="2")["X-Cache"], "hit")
        self.assertEqual(self.get(url + "?wid=10", Accept=CHROME, DPR="1")["X-Cache"], "miss")

    def test_detected_ratios_share_steps(self):
        url = self.edge.image("steps", "dense") + "?wid=10"
        got = [(told, self.get(url, Accept=CHROME, Sec_CH_DPR=told)["X-Cache"])
               for told in ("1", "0.9", "1.1", "2", "1.75", "2.2", "2.625", "2.5", "3", "2.75", "3.5", "4", "16")]
        self.assertEqual([told for told, cache in got if cache == "miss"], ["1", "2", "2.625", "3", "3.5"])

    def test_iphones(self):
        """By their User-Agent, which Vary names; not of Chromium, which runs on none."""
        url = self.edge.image("iphone", "dense") + "?wid=10"
        safari, vary = "image/webp,image/avif,image/png,*/*;q=0.5", "Accept, User-Agent, Sec-CH-DPR, DPR"
        reply = self.get(url, Accept=safari, User_Agent=IPHONE)
        self.assertEqual((reply["X-Cache"], reply["Vary"]), ("miss", vary))
        reply = self.get(url, Accept=safari, User_Agent="Firefox")
        self.assertEqual((reply["X-Cache"], reply["Vary"]), ("miss", vary))
        reply = self.get(url, Accept=safari, DPR="2")
        self.assertEqual((reply["X-Cache"], reply["Vary"]), ("hit", "Accept, Sec-CH-DPR, DPR"))
        reply = self.get(url, Accept=CHROME, User_Agent="Chrome")
        self.assertEqual((reply["X-Cache"], reply["Vary"]), ("hit", "Accept, Sec-CH-DPR, DPR"))

    def test_ratio_told_by_an_edge(self):
        """In a header that the company names, which Vary names, too, unless a hint came first."""
        phone = "is_mobile=true;brand_name=%s;resolution_width=1080;max_image_width=360"
        name = "X-Akamai-Device-Characteristics"
        url = self.edge.image("device", "device") + "?wid=10"
        for brand, cache in ("Google", "miss"), ("Nokia", "hit"):
            reply = self.get(url, Accept=CHROME, X_Akamai_Device_Characteristics=phone % brand)
            self.assertEqual((reply["X-Cache"], reply["Vary"]), (cache, "Accept, Sec-CH-DPR, DPR, " + name))
        reply = self.get(url, Accept=CHROME, X_Akamai_Device_Characteristics=phone % "x", DPR="3")
        self.assertEqual((reply["X-Cache"], reply["Vary"]), ("hit", "Accept, Sec-CH-DPR, DPR"))
        reply = self.get(url, Accept=CHROME, X_Akamai_Device_Characteristics="brand_name=x")
        self.assertEqual((reply["X-Cache"], reply["Vary"]), ("miss", "Accept, Sec-CH-DPR, DPR, " + name))
        url = self.edge.image("told", "told") + "?wid=10"
        for i in range(3):  # whatever was remembered of the request before
            for told, recipe in ("3", "3"), ("1", "1"), ("2.1", "2"), ("much", "1"):
                reply = self.get(url, X_Density=told, User_Agent="curl/8")
                self.assertEqual(reply["Vary"], "Accept, User-Agent, Sec-CH-DPR, DPR, X-Density" if told == "much"
                                 else "Sec-CH-DPR, DPR, X-Density")
                self.assertEqual(reply["X-Cache"], "miss" if i == 0 and told != "much" else "hit", told)
        self.assertIsNone(self.get(url + "&dpr=off", X_Density="3")["Vary"])

    def test_ratio_told_in_the_servers_header(self):
        edge = Edge(workers=1, companies={"dense": "Dpr = true\n", "own": "Dpr = true\nDprHeader = X-Own\n"},
                    dpr_header="X-Density")
        self.addCleanup(edge.stop)
        url = edge.image("server", "dense") + "?wid=10"
        self.assertEqual(edge.get(url, X_Density="2")["X-Cache"], "miss")
        self.assertEqual(edge.get(url, DPR="2")["X-Cache"], "hit")
        self.assertEqual(edge.get(url, X_Density="3")["Vary"], "Sec-CH-DPR, DPR, X-Density")
        url = edge.image("server", "own") + "?wid=10"
        self.assertEqual(edge.get(url, X_Density="3", X_Own="2")["Vary"], "Sec-CH-DPR, DPR, X-Own")
        self.assertEqual(edge.get(url, DPR="2")["X-Cache"], "hit")

    def test_width_hints(self):
        """No more than the step that is enough, and never less than ratio 1."""
        url = self.edge.image("wide", "wide") + "?wid=400"
        widths = "Sec-CH-Width, Width, Sec-CH-Viewport-Width, Viewport-Width"
        reply = self.get(url, DPR="3")
        self.assertEqual(reply["Vary"], "Sec-CH-DPR, DPR, " + widths)
        self.assertEqual(reply["Accept-CH"], "Sec-CH-DPR, DPR, " + widths)
        self.assertEqual(reply["Critical-CH"], reply["Accept-CH"])
        for width, viewport, cache in (("1200", None, "hit"), ("600", None, "miss"), ("501", "2000", "hit"),
                                       ("10", None, "miss"), ("400", None, "hit"), (None, "134", "miss"),
                                       (None, "2000", "hit"), ("wide", "2000", "hit")):
            headers = ({"Sec_CH_Width": width} if width else {}) | ({"Viewport_Width": viewport} if viewport else {})
            self.assertEqual(self.get(url, DPR="3", **headers)["X-Cache"], cache, headers)
        self.assertEqual(self.get(url, DPR="1", Width="10")["Vary"], "Sec-CH-DPR, DPR")  # nothing to lower
        self.assertIsNone(self.get(url + "&dpr=on,3", Width="10")["Vary"])  # as asked for
        self.assertEqual(self.get(self.edge.image("high", "wide") + "?hei=10", DPR="3", Width="10")["Vary"],
                         "Sec-CH-DPR, DPR")  # how wide it is shows in the original only

    def test_lifetime(self):
        url = self.edge.image("life")
        for _ in "miss", "hit":
            start = int(time.time())
            reply = self.get(url)
            self.assertEqual(reply["Cache-Control"], "public, max-age=36000")
            self.assertTrue(start - 1 <= http_time(reply["Expires"]) - 36000 <= time.time())
            self.assertEqual(http_time(reply["Last-Modified"]), 1_600_000_000)
            self.assertEqual(reply["ETag"], '"life-1"')
            self.assertEqual(reply["CDN-Cache-Control"], "max-age=36000")
        start = int(time.time())
        reply = self.get(self.edge.image("now", "never"))
        self.assertEqual(reply["Cache-Control"], "no-cache")
        self.assertTrue(start - 1 <= http_time(reply["Expires"]) <= time.time())
        self.assertIsNone(reply["CDN-Cache-Control"])

    FIRST = "X-Smartimg-First-Answer: 1\r\n"  # what a renderer says of one
    SHORT = ("public, max-age=36000, s-maxage=60, stale-while-revalidate=36000",
             "max-age=60, stale-while-revalidate=36000")
    LONG = ("public, max-age=36000", "max-age=36000")

    def told(self, reply):
        """What caches are told, which a first answer and a refined one differ in."""
        self.assertIsNone(reply["X-Smartimg-First-Answer"])
        return (reply["Cache-Control"], reply["CDN-Cache-Control"])

    def test_lifetime_tells_a_first_answer(self):
        """Miss, hit, stale hit and 304 of the first answer, and the same of the refined one."""
        url = self.edge.image("tier", "smart", expires=1, headers=self.FIRST)
        self.assertEqual(self.told(self.get(url, Accept=CHROME)), self.SHORT)
        hold = threading.Event()
        self.addCleanup(hold.set)
        self.edge.renderer.behaviour["tier"].update(expires=1000, headers="", hold=hold)
        time.sleep(self.STALE)
        for method in "GET", "HEAD":
            reply = self.get(url, method, Accept=CHROME)
            self.assertEqual((reply["X-Cache"], reply["ETag"]), ("refresh", '"tier-1"'))
            self.assertEqual(self.told(reply), self.SHORT)
            self.assertIsNone(reply["Last-Modified"])  # the refined answer would have the same
        reply = self.get(url, Accept=CHROME, If_None_Match='"tier-1"')
        self.assertEqual((reply.status, reply["ETag"], reply["Vary"]), (304, '"tier-1"', "Accept"))
        self.assertEqual(self.told(reply), self.SHORT)
        since = email.utils.formatdate(1_700_000_000, usegmt=True)
        self.assertEqual(self.get(url, Accept=CHROME, If_Modified_Since=since).status, 200)
        hold.set()
        reply = wait_until(lambda: (r := self.get(url, Accept=CHROME))["X-Cache"] == "hit" and r, "the refined one")
        self.assertEqual((self.told(reply), reply["ETag"]), (self.LONG, '"tier-2"'))
        self.assertIsNotNone(reply["Last-Modified"])
        reply = self.get(url, Accept=CHROME, If_None_Match='"tier-2"')
        self.assertEqual((reply.status, self.told(reply)), (304, self.LONG))
        reply = self.get(url, Accept=CHROME, If_None_Match='"tier-1"')
        self.assertEqual((reply.status, self.told(reply), reply["ETag"]), (200, self.LONG, '"tier-2"'))

    def test_first_answers_that_nobody_may_keep(self):
        url = self.edge.image("tier-off", "smart", headers=self.FIRST)
        self.assertEqual(self.told(self.get(url + "?cache=off")), ("no-store", None))
        self.assertEqual(self.told(self.get(url + "?cache=on,off")), self.LONG)  # there will be no better one
        self.assertEqual(self.told(self.get(url + "?cache=update")), self.SHORT)
        url = self.edge.image("tier-never", "never", headers=self.FIRST)
        self.assertEqual(self.told(self.get(url)), ("no-cache", None))
        url = self.edge.image("tier-broken", "smart", headers=self.FIRST, status=503)
        self.assertEqual(self.told(self.get(url)), ("no-store", None))
        until = int(time.time()) + 1000
        url = self.edge.image("tier-foreign", "smart", headers=self.FIRST + f"X-Smartimg-Fresh-Until: {until}\r\n")
        control, cdn = self.told(self.get(url))
        seconds = int(control.removeprefix("public, max-age=").split(",")[0])
        self.assertTrue(0 < seconds <= 1000)
        self.assertEqual(cdn, f"max-age=60, stale-while-revalidate={seconds - 60}")

    def test_first_answer_of_what_never_expires(self):
        url = self.edge.image("tier-eternal", "eternal", expires=1, headers=self.FIRST)
        reply = self.get(url, Accept=CHROME)
        self.assertEqual(reply["Cache-Control"],
                         "public, max-age=31536000, s-maxage=60, stale-while-revalidate=31536000")
        self.edge.renderer.behaviour["tier-eternal"].update(expires=1000, headers="")
        time.sleep(self.STALE)
        wait_until(lambda: self.get(url, Accept=CHROME)["X-Cache"] == "hit", "the refined one")
        reply = self.get(url, Accept=CHROME, If_None_Match='"tier-eternal-1"')  # must not be confirmed for a year
        self.assertEqual((reply.status, reply["Cache-Control"]), (200, "public, max-age=31536000, immutable"))
        self.assertEqual(self.get(url, Accept=CHROME, If_None_Match='"tier-eternal-2"').status, 304)

    def test_reply_by_address_is_for_its_client(self):
        url = self.edge.image("address", "near", headers=self.FIRST)
        self.assertEqual(self.told(self.get(url)), ("private, max-age=36000", None))

    def test_never_expires(self):
        url = self.edge.image("eternal", "forever")
        reply = self.get(url)
        self.assertEqual(reply["Cache-Control"], "public, max-age=31536000, immutable")
        reply = self.get(url, If_None_Match='"some other"')
        self.assertEqual((reply.status, reply["ETag"], reply.body), (304, '"eternal-1"', b""))

    def test_renderer_does_not_rule_the_edge(self):
        secret = os.path.join(self.edge.folder, "run/nginx.conf")
        url = self.edge.image("rule", headers=f"X-Accel-Redirect: {secret}\r\nCache-Control: private\r\n"
                              "Vary: Cookie\r\nSet-Cookie: a=b\r\nExpires: 0\r\n")
        reply = self.get(url)
        self.assertEqual((reply.status, reply.body), (200, b"image rule"))
        self.assertEqual(reply.headers.get_all("Cache-Control"), ["public, max-age=36000"])
        self.assertIsNone(reply["Vary"])
        self.assertIsNone(reply["Set-Cookie"])
        self.assertEqual(self.get(url)["X-Cache"], "hit")

    def test_conditional(self):
        url = self.edge.image("cond", "smart")
        for cache in "miss", "hit":
            reply = self.get(url, Accept=CHROME, If_None_Match='"cond-1"')
            self.assertEqual((reply.status, reply.body, reply["X-Cache"]), (304, b"", cache))
            self.assertEqual(reply["ETag"], '"cond-1"')
            self.assertEqual(reply["Vary"], "Accept")
            self.assertEqual(reply["Cache-Control"], "public, max-age=36000")
            self.assertIsNotNone(reply["Expires"])
        self.assertEqual(self.get(url, Accept=CHROME, If_None_Match='"a", W/"cond-1"').status, 304)
        self.assertEqual(self.get(url, Accept=CHROME, If_None_Match='"other"').status, 200)
        since = email.utils.formatdate(1_600_000_000, usegmt=True)
        self.assertEqual(self.get(url, Accept=CHROME, If_Modified_Since=since).status, 304)
        since = email.utils.formatdate(1_700_000_000, usegmt=True)
        self.assertEqual(self.get(url, Accept=CHROME, If_Modified_Since=since).status, 304)
        since = email.utils.formatdate(1_500_000_000, usegmt=True)
        self.assertEqual(self.get(url, Accept=CHROME, If_Modified_Since=since).status, 200)
        self.assertEqual(self.edge.renderer.count("cond"), 1)

    def test_ranges(self):
        url = self.edge.image("range", body=bytes(range(256)))
        for cache in "miss", "hit":
            reply = self.get(url, Range="bytes=10-19")
            self.assertEqual((reply.status, reply.body, reply["X-Cache"]), (206, bytes(range(10, 20)), cache))
            self.assertEqual(reply["Content-Range"], "bytes 10-19/256")
        self.assertEqual(self.get(url, Range="bytes=-6").body, bytes(range(250, 256)))
        self.assertEqual(self.get(url, Range="bytes=300-").status, 416)
        self.assertEqual(self.get(url, Range="bytes=0-9", If_Range='"range-1"').status, 206)
        self.assertEqual(self.get(url, Range="bytes=0-9", If_Range='"other"').status, 200)
        self.assertEqual(self.edge.renderer.count("range"), 1)

    def test_head(self):
        url = self.edge.image("head")
        for cache in "miss", "hit":
            reply = self.get(url, "HEAD")
            self.assertEqual((reply.status, reply.body, reply["X-Cache"]), (200, b"", cache))
            self.assertEqual(reply["Content-Length"], str(len(b"image head")))
        self.assertEqual(self.get(url).body, b"image head")
        self.assertEqual(self.edge.renderer.count("head"), 1)

    # ---- errors ----

    def assert_error(self, reply, status):
        self.assertEqual(reply.status, status)
        self.assertEqual(reply["Content-Type"], "text/plain; charset=utf-8")
        self.assertEqual(reply.headers.get_all("Cache-Control"), ["no-store"])
        for name in "X-Adobe-Smart-Imaging", "ETag", "Expires", "Last-Modified":
            self.assertIsNone(reply[name])
        self.assertEqual(reply.body.count(b"\n"), 1)
        self.assertTrue(reply.body.endswith(b"\n"))

    def test_methods(self):
        url = self.edge.image("method")
        for method in "POST", "PUT", "DELETE":
            reply = self.get(url, method, body=b"a=b")
            self.assert_error(reply, 405)
            self.assertEqual(reply["Allow"], "GET, HEAD, OPTIONS")
        reply = self.get(url, "OPTIONS")
        self.assertEqual((reply.status, reply.body, reply["Allow"]), (204, b"", "GET, HEAD, OPTIONS"))
        self.assertEqual(self.edge.renderer.count("method"), 0)

    def test_unknown_object(self):
        self.assert_error(self.get("/is/image/demo/nothing"), 403)
        reply = self.get("/is/image/demo/nothing", "HEAD")
        self.assertEqual((reply.status, reply.body), (403, b""))
        self.assertGreater(int(reply["Content-Length"]), 0)

    def test_bad_value(self):
        self.assert_error(self.get(self.edge.image("value") + "?wid=ten"), 403)

    def test_unknown_address(self):
        for path in "/", "/is/", "/is/imagery/demo/x", "/etc/passwd", "/is/x.jpg", "/x.html":
            self.assert_error(self.get(path), 404)

    def test_path_tricks(self):
        self.edge.image("trick")
        for path in ("/is/image/../../etc/passwd", "/is/image/demo/../../../etc/passwd",
                     "/is/image/demo/%2e%2e/demo/trick", "/is/image/demo/..%2ftrick", "/is/image/demo%2ftrick",
                     "/is/image/demo/trick%00.jpg", "/is/image/demo//../trick", "/is/image/demo/./trick",
                     "/is/%69mage/demo/trick", "/is/image/demo/%2fetc%2fpasswd"):
            self.assertIn(self.get(path).status, (400, 403, 404), path)
        self.assertEqual(self.edge.renderer.count("trick"), 0)

    def test_slashes_that_add_nothing(self):
        url = self.edge.image("slashes")
        for path in (url, "/" + url, url.replace("demo/", "demo//"), url + "/", url.replace("/is/", "//is///")):
            self.assertEqual(self.get(path + "?wid=7").status, 200, path)
        self.assertEqual(self.edge.renderer.count("slashes"), 1)

    def test_malformed_requests(self):
        for text in b"GET\r\n\r\n", b"\x00\x01\x02\r\n\r\n", b"GET /is/image/demo/x HTTP/9.9\r\n\r\n", \
                b"GET /is/image/demo/x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n":
            with socket.create_connection(("127.0.0.1", self.edge.port)) as s:
                s.settimeout(PATIENCE)
                s.sendall(text)
                self.assertRegex(s.recv(4096), rb" (400|505) ")

    def test_absolute_form(self):
        url = self.edge.image("absolute")
        with socket.create_connection(("127.0.0.1", self.edge.port)) as s:
            s.sendall(f"GET http://x{url}?wid=9 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            self.assertIn(b" 200 OK", s.makefile("rb").read())
        self.assertEqual(self.get(url + "?wid=9")["X-Cache"], "hit")

    def test_renderer_error_is_not_cached(self):
        url = self.edge.image("error", status=403, body=b"no\n", expires=1000)
        for n in 1, 2:
            self.assert_error(self.get(url), 403)
            self.assertEqual(self.edge.renderer.count("error"), n)

    def test_renderer_dies_once(self):
        url = self.edge.image("dies", deaths=1)
        reply = self.get(url)
        self.assertEqual((reply.status, reply.body), (200, b"image dies"))
        self.assertEqual(self.edge.renderer.count("dies"), 2)

    def test_renderer_keeps_dying(self):
        url = self.edge.image("dead", deaths=100, hold=threading.Event())
        for reply, _ in self.crowd(20, url, "dead"):
            self.assert_error(reply, 503)
        self.assertLess(self.edge.renderer.count("dead"), 20)  # 2, and those that looked in between

    def test_who_waits_is_told_when_to_come_again(self):
        url = self.edge.image("later", status=503, body=b"no\n", headers="Retry-After: 7\r\n", hold=threading.Event())
        for reply, _ in self.crowd(5, url, "later"):
            self.assert_error(reply, 503)
            self.assertEqual(reply.headers.get_all("Retry-After"), ["7"])
        self.assertEqual(self.edge.renderer.count("later"), 1)
        self.edge.renderer.behaviour["later"] = {}
        self.assertEqual(self.get(url).status, 200)  # a refusal is not remembered

    LATE = dict(status=503, body=b"took too long\n", headers="X-Smartimg-Out-Of-Time: 1\r\nRetry-After: 30\r\n")

    def assert_remembered(self, name, renders, query=""):
        """The address gets 503 at once, and is good again for other sizes."""
        before = self.edge.metrics()["smartimg_remembered_total"]
        self.edge.renderer.behaviour[name] = {}
        for n in range(1, 4):
            reply = self.get(f"/is/image/demo/{name}{query}")
            self.assert_error(reply, 503)
            self.assertIn(b"took too long", reply.body)
            self.assertTrue(1 <= int(reply["Retry-After"]) <= 30)
            self.assertEqual(self.edge.metrics()["smartimg_remembered_total"], before + n)
        self.assertEqual(self.edge.renderer.count(name), renders)
        self.assertEqual(self.get(f"/is/image/demo/{name}?wid=77").status, 200)

    def test_what_ran_out_of_time_is_not_tried_again_at_once(self):
        url = self.edge.image("overdue", hold=threading.Event(), **self.LATE)
        for reply, _ in self.crowd(3, url, "overdue"):
            self.assert_error(reply, 503)
            self.assertEqual((reply["Retry-After"], reply["X-Smartimg-Out-Of-Time"]), ("30", None))
        self.assert_remembered("overdue", 1)

    def test_uncached_requests_are_remembered_too(self):
        url = self.edge.image("overdue-uncached", **self.LATE)
        self.assertEqual(self.get(url + "?cache=off").status, 503)
        self.assert_remembered("overdue-uncached", 1, "?cache=off")

    def test_what_killed_renderers_is_not_tried_again_at_once(self):
        reply = self.get(self.edge.image("deadly", deaths=2))
        self.assert_error(reply, 503)
        self.assertEqual((reply.body, reply["Retry-After"]), (b"no renderer answered\n", "30"))
        self.assert_remembered("deadly", 2)

    def test_other_errors_are_tried_again(self):
        for status in 500, 503:
            url = self.edge.image(f"failed-{status}", status=status)
            self.assertEqual(self.get(url).status, status)
            self.edge.renderer.behaviour[f"failed-{status}"] = {}
            self.assertEqual(self.get(url).status, 200)

    def test_cached_replies_are_sent_whatever_failed(self):
        url = self.edge.image("kept")
        self.assertEqual(self.get(url)["X-Cache"], "miss")
        self.edge.renderer.behaviour["kept"].update(self.LATE)
        self.assertEqual(self.get(url + "?cache=update").status, 503)
        self.assertEqual(self.get(url)["X-Cache"], "hit")

    def test_only_the_latest_failures_are_remembered(self):
        urls = [self.edge.image(f"flood-{i}", **self.LATE) for i in range(129)]
        for url in urls:
            self.assertEqual(self.get(url).status, 503)
        for i in 0, 1:
            self.edge.renderer.behaviour[f"flood-{i}"] = {}
        self.assertEqual([self.get(url).status for url in urls[:2]], [200, 503])

    def test_reply_cut_short_is_not_cached(self):
        url = self.edge.image("cut", body=b"c" * 100_000, cut=50_000)
        with self.assertRaises(Exception):
            self.get(url)
        self.edge.renderer.behaviour["cut"].pop("cut")
        self.assertEqual((self.get(url)["X-Cache"], len(self.get(url).body)), ("miss", 100_000))

    def test_reply_without_length_is_not_cached(self):
        url = self.edge.image("lengthless", length=False)
        self.assertEqual([self.get(url)["X-Cache"] for _ in range(2)], ["miss", "miss"])

    # ---- the rest of the server ----

    def test_health(self):
        reply = self.get("/healthz")
        self.assertEqual((reply.status, reply.body), (200, b"ok\n"))

    def test_metrics(self):
        url = self.edge.image("metrics")
        before = self.edge.metrics()
        for path in (url, url, url, url + "?wid=x"):
            self.get(path)
        after = self.edge.metrics()
        grown = {k: after[k] - before[k] for k in after}
        self.assertEqual(grown["smartimg_requests_total"], 4)
        self.assertEqual(grown['smartimg_cache_total{result="hit"}'], 2)
        self.assertEqual(grown['smartimg_cache_total{result="miss"}'], 1)
        self.assertEqual(grown['smartimg_renders_total{kind="first"}'], 1)
        self.assertEqual(grown['smartimg_errors_total{class="4xx"}'], 1)
        self.assertEqual(grown["smartimg_saved_bytes_total"], 3000)
        self.assertGreater(grown["smartimg_sent_bytes_total"], 600)
        self.assertEqual(after["smartimg_requests_active"], 0)
        self.assertEqual(self.get("/metrics").status, 404)  # not for everyone

    def test_access_log(self):
        url = self.edge.image("logged")
        self.get(url)
        self.get(url)

        def logged():
            with open(os.path.join(self.edge.folder, "run/access.log")) as f:
                return [line for line in f if "/logged " in line and line.endswith("\n")]
        wait_until(lambda: len(logged()) == 2, "two lines of the log")
        lines = logged()
        lines.sort(key=lambda line: "cache=hit" in line)  # workers write when they like
        self.assertEqual([("cache=miss" in l, "cache=hit" in l) for l in lines], [(True, False), (False, True)])
        self.assertIn('class=plain', lines[0])
        self.assertRegex(lines[0], r'recipe="smartimg/\d+\.\d+&co=demo')


class LifetimeOptionsTest(unittest.TestCase):
    def told(self, header):
        server = Edge(workers=1, companies={"smart": "Bfc = true\n"}, first_answer_seconds=7, cdn_cache_control=header)
        self.addCleanup(server.stop)
        reply = server.get(server.image("tier", "smart", headers=EdgeTest.FIRST))
        return {k.lower(): v for k, v in reply.headers.items() if k.lower().endswith("-control")}

    def test_header_of_an_older_kind(self):
        self.assertEqual(self.told("Surrogate-Control"), {
            "cache-control": "public, max-age=36000, s-maxage=7, stale-while-revalidate=36000",
            "surrogate-control": "max-age=7, stale-while-revalidate=36000"})

    def test_no_header(self):
        self.assertEqual(list(self.told("off")), ["cache-control"])


class TrustedEdgeTest(unittest.TestCase):
    """The class that a CDN in front tells for its client."""

    @classmethod
    def setUpClass(cls):
        companies = {"smart": "Bfc = true\n", "dense": "Bfc = true\nDpr = true\n", "asis": "Bfc = false\n"}
        cls.edge = Edge(workers=1, companies=companies, trusted_edges="10.1.0.0/16 127.0.0.1 ::1")
        cls.open = Edge(workers=1, companies=companies)
        cls.other = Edge(workers=1, companies=companies, trusted_edges="127.0.0.2 10.0.0.0/8")

    @classmethod
    def tearDownClass(cls):
        for edge in cls.edge, cls.open, cls.other:
            edge.stop()

    def get(self, url, edge_class=None, edge=None, **headers):
        if edge_class is not None:
            headers["X_Smartimg_Class"] = edge_class
        return (edge or self.edge).get(url, **headers)

    def test_class_replaces_raw_headers(self):
        """However different Accept, User-Agent and hints are: one class, one reply, one Vary."""
        url = self.edge.image("class", "dense")
        got = []
        for accept in CHROME, "image/webp", "*/*", None:
            for agent in SAFARI, "curl/8":
                headers = {"User_Agent": agent, "DPR": "3"} | ({"Accept": accept} if accept else {})
                reply = self.get(url + "?wid=10", "avif+webp;dpr=2", **headers)
                self.assertEqual(reply["Vary"], "X-Smartimg-Class")
                self.assertEqual(reply["Accept-CH"], "Sec-CH-DPR, DPR")  # which the edge needs all the same
                got.append(reply["X-Cache"])
        self.assertEqual(got, ["miss"] + ["hit"] * 7)
        reply = self.get(url + "?wid=10", Accept="image/avif,image/webp", DPR="2")  # the same class told by itself
        self.assertEqual((reply["X-Cache"], reply["Vary"]), ("hit", "Accept, Sec-CH-DPR, DPR, X-Smartimg-Class"))

    def test_each_class_has_its_reply(self):
        url = self.edge.image("classes", "smart")
        for text, cache in (("avif+webp", "miss"), ("webp", "miss"), ("plain", "miss"), ("jp2", "miss"), ("", "hit"),
                            ("who knows", "hit"), ("WEBP + AVIF + heic", "hit"), ("avif+webp;dpr=2", "hit")):
            reply = self.get(url, text, Accept=CHROME)
            self.assertEqual((reply["X-Cache"], reply["Vary"]), (cache, "X-Smartimg-Class"), text)

    def test_vary_of_an_edge_that_tells_no_class(self):
        url = self.edge.image("silent", "smart")
        self.assertEqual(self.get(url, Accept=CHROME)["Vary"], "Accept, X-Smartimg-Class")
        self.assertEqual(self.get(url, Accept="*/*")["Vary"], "Accept, User-Agent, X-Smartimg-Class")
        tag = self.get(url, "plain")["ETag"]
        reply = self.get(url, "plain", If_None_Match=tag)
        self.assertEqual((reply.status, reply["Vary"]), (304, "X-Smartimg-Class"))

    def test_no_vary_where_nothing_differs(self):
        self.assertIsNone(self.get(self.edge.image("asis", "asis"), "avif")["Vary"])

    def test_class_of_strangers_is_ignored(self):
        for edge in self.open, self.other:
            url = edge.image("stranger", "smart")
            self.assertEqual(self.get(url, edge=edge, Accept=CHROME)["X-Cache"], "miss")
            for text in "plain", "jp2", "":
                reply = self.get(url, text, edge=edge, Accept=CHROME)
                self.assertEqual((reply["X-Cache"], reply["Vary"]), ("hit", "Accept"), text)

    def test_class_of_strangers_is_taken_off(self):
        """What nginx's configuration sees of it."""
        for trusted, seen in ("", None), ("127.0.0.1", "avif"):
            edge = Edge(workers=1, companies={"smart": "Bfc = true\n"}, trusted_edges=trusted,
                        image_lines="add_header X-Seen $http_x_smartimg_class;")
            self.addCleanup(edge.stop)
            self.assertEqual(self.get(edge.image("off", "smart"), "avif", edge=edge)["X-Seen"], seen)

    def test_bad_network(self):
        with self.assertRaisesRegex(RuntimeError, "invalid network"):
            Edge(trusted_edges="10.0.0.0/99")


class ConfigurationTest(unittest.TestCase):
    def setUp(self):
        self.edge = Edge(workers=1, companies={"demo": "Expiration = 1\n"})

    def tearDown(self):
        self.edge.stop()

    def lifetime(self, url):
        return self.edge.get(url)["Cache-Control"]

    def test_reload(self):
        url = self.edge.image("reload")
        self.assertEqual(self.lifetime(url), "public, max-age=3600")

        self.edge.write_company("demo", "Expiration = 2\n")
        self.edge.nginx.send_signal(signal.SIGHUP)
        deadline, in_a_row = time.monotonic() + PATIENCE, 0
        while in_a_row < 5 and time.monotonic() < deadline:  # old workers still take a few
            in_a_row = in_a_row + 1 if self.lifetime(url) == "public, max-age=7200" else 0
            time.sleep(0.05)
        self.assertEqual(in_a_row, 5)
        self.assertEqual(self.edge.get(url)["X-Cache"], "hit")

        self.edge.write_company("demo", "# a comment\nExpiration = soon\n")
        test = subprocess.run(self.edge.command("-t"), capture_output=True, text=True)
        self.assertNotEqual(test.returncode, 0)
        self.assertRegex(test.stderr, r"demo\.ini:2: ")
        self.edge.nginx.send_signal(signal.SIGHUP)
        wait_until(lambda: "demo.ini:2: " in self.edge.error_log(), "a complaint")
        self.assertEqual(self.lifetime(url), "public, max-age=7200")

    def test_dead_pool(self):
        url, cached = self.edge.image("pool"), self.edge.image("cached")
        self.edge.get(cached)
        self.edge.renderer.close()
        reply = self.edge.get(url)
        self.assertEqual((reply.status, reply.body), (503, b"no renderer answered\n"))
        self.assertEqual((reply["Cache-Control"], reply["Content-Type"]),
                         ("no-store", "text/plain; charset=utf-8"))
        self.assertEqual(self.edge.get(cached)["X-Cache"], "hit")
        self.edge.renderer.open()
        self.assertEqual(self.edge.get(url).status, 200)

    def test_killed_worker_blocks_nobody_for_ever(self):
        """A worker that dies leaves the cache's lock behind; requests of others still get through."""
        hold = threading.Event()
        url = self.edge.image("killed", hold=hold)
        with socket.create_connection(("127.0.0.1", self.edge.port)) as s:
            s.sendall(f"GET {url} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            self.edge.wait_for_renders("killed")
            os.kill(self.edge.workers()[0], signal.SIGKILL)
        hold.set()
        self.assertEqual(self.edge.get(self.edge.image("other")).status, 200)
        self.edge.wait_for_end()


@unittest.skipUnless(shutil.which("curl") and shutil.which("openssl"), "needs curl and openssl")
class QueueTest(unittest.TestCase):
    """A server of its own, as what renders take is remembered."""

    def setUp(self):
        self.edge = Edge(workers=2)

    def tearDown(self):
        self.edge.stop()

    def test_full_queue(self):
        """10 s are two requests that wait for 4 s each, and a third; a fourth would wait for 12."""
        four = dict(headers="X-Smartimg-Service: 4000000\r\n")
        taught = self.edge.get(self.edge.image("taught", **four))
        self.assertEqual((taught.status, taught["X-Smartimg-Service"]), (200, None))
        hold, replies = threading.Event(), []
        urls = [self.edge.image(f"queued-{i}", hold=hold, **four) for i in range(3)]
        threads = [threading.Thread(target=lambda u=u: replies.append(self.edge.get(u))) for u in urls]
        for i, t in enumerate(threads):
            t.start()
            self.edge.wait_for_renders(f"queued-{i}")
        self.assertEqual(self.edge.metrics()["smartimg_requests_rendering"], 3)
        full = self.edge.image("full")
        refused = self.edge.get(full)
        self.assertEqual((refused.status, refused["Retry-After"]), (503, "1"))
        self.assertEqual(refused.body, b"too many requests wait for a renderer\n")
        self.assertEqual(refused["Cache-Control"], "no-store")
        self.assertEqual(self.edge.renderer.count("full"), 0)
        self.assertEqual(self.edge.metrics()["smartimg_queue_full_total"], 1)
        self.assertEqual(self.edge.get(self.edge.image("taught"))["X-Cache"], "hit")
        hold.set()
        for t in threads:
            t.join()
        self.assertEqual([r.status for r in replies], [200] * 3)
        wait_until(lambda: self.edge.metrics()["smartimg_requests_rendering"] == 0, "the end of renders")
        self.assertEqual(self.edge.get(full).status, 200)

    def test_queue_counts_on_quicker_answers(self):
        """As above, but a second alone when many wait: 5 s for one and a quarter at 4 s each, and five more.
        An eighth would wait for 10.75 s."""
        four = dict(headers="X-Smartimg-Service: 4000000 1000000\r\n")
        self.edge.get(self.edge.image("taught", **four))
        hold, replies = threading.Event(), []
        urls = [self.edge.image(f"queued-{i}", hold=hold, **four) for i in range(7)]
        threads = [threading.Thread(target=lambda u=u: replies.append(self.edge.get(u))) for u in urls]
        for i, t in enumerate(threads):
            t.start()
            self.edge.wait_for_renders(f"queued-{i}")
        self.assertEqual(self.edge.get(self.edge.image("full")).status, 503)
        hold.set()
        for t in threads:
            t.join()
        self.assertEqual([r.status for r in replies], [200] * 7)

    def test_steps_taken_for_others_are_counted(self):
        """One after the other, and none for clients to see; what the cache has is not counted again."""
        def steps():
            metrics = self.edge.metrics()
            return [metrics['smartimg_load_total{step="%s"}' % s]
                    for s in ("refinement", "quick", "quick-format", "requested")] + [metrics["smartimg_queue_full_total"]]
        for i, (step, status) in enumerate((("refinement", 200), ("quick", 200), ("quick-format", 200),
                                            ("requested", 200), ("refused", 503), ("", 200), ("other", 200))):
            before = steps()
            url = self.edge.image("step-%d" % i, status=status, headers="X-Smartimg-Load: %s\r\n" % step)
            replies = [self.edge.get(url) for _ in range(2 if status == 200 else 1)]
            self.assertEqual({(r.status, r["X-Smartimg-Load"]) for r in replies}, {(status, None)})
            self.assertEqual(steps(), [n + (k == i) for k, n in enumerate(before)])

    def test_stages_are_for_nobody_to_see(self):
        url = self.edge.image("staged", headers="X-Smartimg-Stages: queue=1;source=2;render=3;encode=4;score=5\r\n")
        for cache in ("miss", "hit", "hit", "hit"):
            reply = self.edge.get(url)
            self.assertEqual((reply.status, reply["X-Cache"], reply["X-Smartimg-Stages"]), (200, cache, None))

    def test_failures_are_forgotten(self):
        url = self.edge.image("forgotten", status=503, headers="X-Smartimg-Out-Of-Time: 1\r\n")
        self.assertEqual(self.edge.get(url).status, 503)
        self.edge.renderer.behaviour["forgotten"] = {}
        wait_until(lambda: self.edge.get(url).status == 200, "another try")  # after half a minute
        self.assertEqual(self.edge.renderer.count("forgotten"), 2)

    def test_lanes(self):
        """Cheap, dear, and refined: the same address has the same key in each."""
        def lanes(name):
            return [(p["lane"], p["SMARTIMG_TIER"]) for p in self.edge.renderer.parameters(name)]
        small = self.edge.image("small", expires=1, body=lambda n: b"answer %d" % n)
        self.edge.get(small + "?wid=500")
        self.edge.get(self.edge.image("large") + "?wid=4000&hei=3000")
        self.assertEqual((lanes("small"), lanes("large")), ([("", "")], [("-dear", "")]))
        wait_until(lambda: self.edge.get(small + "?wid=500")["X-Cache"] == "refresh", "a stale hit")
        wait_until(lambda: self.edge.get(small + "?wid=500").body != b"answer 1", "the refined answer")
        self.assertEqual(lanes("small")[1], ("-refine", ""))

    def test_foreign_images_have_a_lane(self):
        edge = Edge(companies={"far": "AllowDirectUrls = true\nForeignHosts = example.org\n"})
        self.addCleanup(edge.stop)
        for name, query, lane in (("abroad", "?layer=1&src=(http://example.org/a.png)", "-foreign"),
                                  ("home", "?layer=1&src=far/home", "")):
            reply = edge.get(edge.image(name, "far") + query)
            self.assertEqual((reply.status, edge.renderer.parameters(name)[0]["lane"]), (200, lane), reply.body)

    def test_dear_requests_wait_by_themselves(self):
        """A queue of dear ones refuses others like them, but no cheap ones."""
        nine = dict(headers="X-Smartimg-Service: 9000000\r\n")
        size = "?wid=4000&hei=3000"
        self.edge.get(self.edge.image("taught-dear", **nine) + size)
        hold, replies = threading.Event(), []
        urls = [self.edge.image(f"dear-{i}", hold=hold, **nine) + size for i in range(2)]
        threads = [threading.Thread(target=lambda u=u: replies.append(self.edge.get(u))) for u in urls]
        for i, t in enumerate(threads):
            t.start()
            self.edge.wait_for_renders(f"dear-{i}")
        metrics = self.edge.metrics()
        self.assertEqual((metrics["smartimg_requests_rendering"], metrics["smartimg_requests_rendering_dear"]), (2, 2))
        self.assertEqual(self.edge.get(self.edge.image("dear-full") + size).status, 503)
        self.assertEqual(self.edge.get(self.edge.image("cheap")).status, 200)
        hold.set()
        for t in threads:
            t.join()
        self.assertEqual([r.status for r in replies], [200] * 2)
        wait_until(lambda: self.edge.metrics()["smartimg_requests_rendering_dear"] == 0, "the end of renders")

    def test_enqueue_time_travels(self):
        before = time.monotonic_ns()
        self.edge.get(self.edge.image("when"))
        at, = (int(p["SMARTIMG_QUEUED_AT"]) for p in self.edge.renderer.parameters("when"))
        self.assertTrue(before <= at <= time.monotonic_ns())


class MemoryTest(unittest.TestCase):
    """Replies that are asked for again within a plan's life come from memory, and are like all others."""

    SMALL, LARGE = b"small body", bytes(range(256)) * 400

    def setUp(self):
        self.edge = Edge(workers=1, companies={"smart": "Bfc = true\n"})

    def tearDown(self):
        self.edge.stop()

    def hits(self):
        return self.edge.metrics()["smartimg_memory_hits_total"]

    def from_memory(self, url, method="GET", **headers):
        """The reply to a request that memory answered; plans live for a second, so it may take another try."""
        found = []

        def attempt():
            for _ in range(3):
                self.edge.get(url, Accept=CHROME)
            before = self.hits()
            found[:] = [self.edge.get(url, method, Accept=CHROME, **headers)]
            return self.hits() > before
        wait_until(attempt, "a reply from memory")
        return found[0]

    def test_like_any_hit(self):
        for name, body in ("small", self.SMALL), ("large", self.LARGE):
            with self.subTest(name):
                url = self.edge.image(name, "smart", body=body, headers="X-Adobe-Smart-Imaging: 7\r\nServer-Timing: render;dur=1\r\n")
                self.edge.get(url, Accept=CHROME)
                usual, kept = self.edge.get(url, Accept=CHROME), self.from_memory(url)
                changing = ("Date", "Expires", "Connection", "X-Request-ID")
                self.assertEqual({k: v for k, v in usual.headers.items() if k not in changing},
                                 {k: v for k, v in kept.headers.items() if k not in changing})
                self.assertEqual((usual["X-Cache"], kept.body, kept["Server-Timing"]), ("hit", body, None))
                part = self.from_memory(url, Range="bytes=3-6")
                self.assertEqual((part.status, part.body, part["Content-Range"]), (206, body[3:7], f"bytes 3-6/{len(body)}"))
                head = self.from_memory(url, "HEAD")
                self.assertEqual((head.status, head.body, head["Content-Length"]), (200, b"", str(len(body))))
                same = self.from_memory(url, If_None_Match=usual["ETag"])
                self.assertEqual((same.status, same.body, same["ETag"], same["X-Cache"]), (304, b"", usual["ETag"], "hit"))
                self.assertEqual(self.edge.renderer.count(name), 1)

    def test_purge_counts_at_once(self):
        url = self.edge.image("purged", "smart", body=lambda n: b"answer %d" % n)
        for n in range(1, 6):
            self.assertEqual(self.from_memory(url).body, b"answer %d" % n)
            subprocess.run([edge.SMARTIMG, "purge", "--cache", os.path.join(self.edge.folder, "cache"), "smart/purged"],
                           check=True, stdout=subprocess.DEVNULL)
            reply = self.edge.get(url, Accept=CHROME)
            self.assertEqual((reply.body, reply["X-Cache"]), (b"answer %d" % (n + 1), "miss"))

    def test_better_answer_takes_its_place(self):
        url = self.edge.image("again", "smart", expires=1, body=lambda n: b"answer %d" % n)
        self.edge.get(url, Accept=CHROME)
        self.edge.renderer.behaviour["again"].update(expires=1000)
        wait_until(lambda: self.edge.get(url, Accept=CHROME).body == b"answer 2", "the better answer")
        self.assertEqual(self.from_memory(url).body, b"answer 2")

    def test_large_bodies_of_many(self):
        """More kept files than plans: none is left open, and each reply is its own."""
        urls = [self.edge.image(f"many-{i}", "smart", body=b"%d" % i + self.LARGE) for i in range(40)]
        for _ in range(4):
            for i, url in enumerate(urls):
                self.assertEqual(self.edge.get(url, Accept=CHROME).body, b"%d" % i + self.LARGE)


class SeriesTest(unittest.TestCase):
    def test_as_many_as_anybody_asks_for(self):
        """Labels of requests are bounded, and their sums are right all the same."""
        companies = [f"company-{i:03}" for i in range(300)]
        edge = Edge(workers=2, companies={c: "" for c in companies})
        self.addCleanup(edge.stop)
        formats = ("avif", "jxl", "webp", "jp2", "jxr")
        classes = [",".join(f"image/{f}" for i, f in enumerate(formats) if n >> i & 1) + ",*/*" for n in range(1, 22)]
        connection = edge.connect()
        for company in companies:
            for accept in classes:
                connection.request("GET", f"/is/image/{company}/nothing", headers={"Accept": accept})
                self.assertEqual(connection.getresponse().read()[:15], b"image not found")
        connection.close()
        metrics = edge.metrics()
        self.assertEqual(metrics["smartimg_requests_total"], len(companies) * len(classes))
        series = [row for row in metrics if row.startswith("smartimg_requests_total{")]
        self.assertGreater(len(series), 2500)
        self.assertLess(len(series), 3072)
        rest = metrics['smartimg_requests_total{company="other",class="other",format="other",status="other"}']
        self.assertGreater(rest, len(companies) * len(classes) - 3072)
        self.assertEqual(len({row for row in metrics if row.startswith("smartimg_sent_bytes_total{")}), 256)
        self.assertGreater(metrics['smartimg_sent_bytes_total{company="company-007"}'], 0)
        self.assertGreater(metrics['smartimg_sent_bytes_total{company="other"}'], 0)


class TlsTest(unittest.TestCase):
    def setUp(self):
        self.edge = Edge(workers=2, companies={"smart": "Bfc = true\n"}, tls=True)

    def tearDown(self):
        self.edge.stop()

    def curl(self, *urls):
        base = f"https://127.0.0.1:{self.edge.tls_port}"
        # output of all bodies goes to /dev/null, one line of facts for each
        command = ["curl", "-sk", "--http2", "--parallel", "--parallel-immediate", "-H", "Accept: " + CHROME,
                   "-w", "%{http_version} %{http_code} %{size_download} %header{x-cache} %header{vary}\\n"]
        for url in urls:
            command += ["-o", "/dev/null", base + url]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True).stdout.splitlines()

    def test_http2(self):
        url = self.edge.image("h2", "smart", body=b"i" * 200_000)
        self.assertEqual(self.curl(url), ["2 200 200000 miss Accept"])
        self.assertEqual(self.curl(url), ["2 200 200000 hit Accept"])

    def test_nobody_waits_for_nobody(self):
        """Over TLS and HTTP/2: one stream renders, one waits, and their connection ends."""
        url = self.edge.image("nobody", "smart", hold=threading.Event())
        base = f"https://127.0.0.1:{self.edge.tls_port}{url}"
        for version, streams in ("--http2", 2), ("--http1.1", 1):
            client = subprocess.Popen(["curl", "-sk", version, "--parallel", *[base] * streams],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            before = self.edge.renderer.closed.count("nobody")
            self.edge.wait_for_renders("nobody", before + 1)
            self.edge.wait_for_waiters(streams - 1)
            client.kill()
            client.wait()
            self.edge.renderer.wait_for_closed("nobody", before + 1)
            self.edge.wait_for_end()
        metrics = self.edge.metrics()
        self.assertEqual([metrics['smartimg_cancelled_total{stage="%s"}' % s] for s in ("render", "wait")], [2, 1])

    def test_streams_share_a_render(self):
        hold, lines = threading.Event(), []
        url = self.edge.image("streams", "smart", hold=hold)
        thread = threading.Thread(target=lambda: lines.extend(self.curl(*[url] * 8)))
        thread.start()
        self.edge.wait_for_renders("streams")
        self.edge.wait_for_waiters(7)
        hold.set()
        thread.join()
        self.assertEqual(sorted(lines), ["2 200 13 hit Accept"] * 7 + ["2 200 13 miss Accept"])
        self.assertEqual(self.edge.renderer.count("streams"), 1)

    def test_refresh(self):
        url = self.edge.image("again", "smart", expires=1, body=lambda n: b"x" * n)
        self.curl(url)
        hold = threading.Event()
        self.edge.renderer.behaviour["again"].update(hold=hold, expires=1000)
        time.sleep(EdgeTest.STALE)
        self.assertEqual(self.curl(url), ["2 200 1 refresh Accept"])
        http1 = subprocess.run(["curl", "-sk", "--http1.1", "-H", "Accept: " + CHROME, "-o", "/dev/null", "-o", "/dev/null",
                                "-w", "%{http_code} %{num_connects} %header{x-cache}\\n",
                                *[f"https://127.0.0.1:{self.edge.tls_port}{url}"] * 2],
                               capture_output=True, text=True, timeout=PATIENCE, check=True).stdout.splitlines()
        self.assertEqual(http1, ["200 1 refresh", "200 0 refresh"])
        hold.set()
        wait_until(lambda: self.curl(url) == ["2 200 2 hit Accept"], "the better answer")


if __name__ == "__main__":
    unittest.main(verbosity=2)
