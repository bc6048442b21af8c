#!/usr/bin/env python3
"""Who is at the other end: trusted proxies and edges, X-Forwarded-For, the PROXY protocol, and whose line is judged.

    python3 tests/edge/test_proxies.py [-v] [ProxyTest.test_name]

Clients have addresses of their own on the loopback, 127.0.0.x. SMARTIMG_BUILD names the build folder (build),
SMARTIMG_NGINX the nginx to test with.
"""

import itertools
import os
import re
import shutil
import ssl
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from edge import Edge

PROXY, OTHER_PROXY, EDGE, BOTH, CLIENT = (f"127.0.0.{n}" for n in (2, 3, 4, 5, 9))
VISITOR = "192.0.2.7"
CHROME = "image/avif,image/webp,*/*;q=0.8"

# The pictures are large enough to judge a connection by one of them.
BODY = b"x" * 60_000
JUDGED = [f'smartimg_connections_judged_total{{class="{c}"}}' for c in ("excellent", "good", "poor")]


class Tests(unittest.TestCase):
    @classmethod
    def start(cls, **how):
        cls.edge = Edge(companies={
            "near": f"ClientAddressFilter = {VISITOR}\n",
            "renew": f"CacheCommandAddresses = {VISITOR}\n",
            "smart": "Bfc = true\n",
        }, **how)

    @classmethod
    def tearDownClass(cls):
        log = cls.edge.error_log()
        cls.edge.stop()
        for bad in ("exited on signal", "[alert]", "[emerg]"):
            if bad in log:
                raise AssertionError("nginx complained:\n" + log)

    numbers = itertools.count()  # so that no address comes twice

    def get(self, url, source=CLIENT, forwarded=None, **headers):
        if forwarded is not None:
            headers["X_Forwarded_For"] = forwarded
        return self.edge.get(url, source=source, **headers)

    def logged_address(self, url):
        """Whom the log names for the last request of an address."""
        return self.edge.logged(url).split()[0]

    def line_after(self, url, connection, **headers):
        """What the log says of a connection's line after some readings of it, which are 50 ms apart at least."""
        for _ in range(6):
            address = f"{url}?n={next(self.numbers)}"
            connection.request("GET", address, headers=headers)
            reply = connection.getresponse()
            self.assertEqual((reply.status, len(reply.read())), (200, len(BODY)))
            time.sleep(0.06)
        return re.search(r" line=(\w+) ", self.edge.logged(f"{address} "))[1]


class ProxyTest(Tests):
    @classmethod
    def setUpClass(cls):
        cls.start(workers=1, trusted_proxies=f"{PROXY} {OTHER_PROXY}/32 {BOTH}", trusted_edges=f"{EDGE} {BOTH}",
                  misses_per_client=2)

    def test_address_in_the_log(self):
        url = self.edge.image("log")
        self.get(url + "?a", PROXY, VISITOR)
        self.assertEqual(self.logged_address(url + "?a"), VISITOR)
        self.get(url + "?b", PROXY)
        self.assertEqual(self.logged_address(url + "?b"), PROXY)
        self.get(url + "?c", PROXY, "nonsense")
        self.assertEqual(self.logged_address(url + "?c"), PROXY)

    def test_nobody_else_may_tell_an_address(self):
        url = self.edge.image("spoof")
        for number, source in enumerate((CLIENT, EDGE)):  # a trusted edge tells classes, no addresses
            self.get(f"{url}?{number}", source, VISITOR)
            self.assertEqual(self.logged_address(f"{url}?{number}"), source)
        near = self.edge.image("spoof-near", company="near")
        self.assertEqual(self.get(near, CLIENT, VISITOR).status, 403)
        renew = self.edge.image("spoof-renew", company="renew")
        self.get(renew, CLIENT)
        self.assertEqual(self.get(renew + "?cache=update", CLIENT, VISITOR)["X-Cache"], "hit")

    def test_what_a_visitor_sends_does_not_count(self):
        """Each proxy adds the address of whom it serves; what stands before the first of them is the visitor's."""
        url = self.edge.image("chain")
        self.get(url + "?a", PROXY, f"198.51.100.1, {VISITOR}")
        self.assertEqual(self.logged_address(url + "?a"), VISITOR)
        self.get(url + "?b", PROXY, f"198.51.100.1, {VISITOR}, {OTHER_PROXY}")
        self.assertEqual(self.logged_address(url + "?b"), VISITOR)

    def test_address_filters(self):
        near = self.edge.image("near", company="near")
        self.assertEqual(self.get(near, PROXY, VISITOR).status, 200)
        self.assertEqual(self.get(near, PROXY, "198.51.100.1").status, 403)
        self.assertEqual(self.get(near, PROXY, f"{VISITOR}, 198.51.100.1").status, 403)
        renew = self.edge.image("renew", company="renew")
        self.get(renew)
        self.assertEqual(self.get(renew + "?cache=update", PROXY, VISITOR)["X-Cache"], "bypass")
        self.assertEqual(self.get(renew + "?cache=update", PROXY, "198.51.100.1")["X-Cache"], "hit")

    def test_misses_count_for_visitors(self):
        """Ten seconds' worth at once, two a second."""
        url = self.edge.image("misses")

        def refused(visitor):
            return [self.get(f"{url}?wid={n + 1}&{visitor}&x=1", PROXY, visitor).status for n in range(60)].count(503)
        # time passes meanwhile, and gives some back
        self.assertGreater(refused("203.0.113.1"), 0)
        other = self.get(f"{url}?wid=1001", PROXY, "203.0.113.2")
        self.assertEqual(other.status, 200)

    def test_edges_are_told_by_their_own_address(self):
        url = self.edge.image("edges", company="smart")
        told = {"X_Smartimg_Class": "webp", "Accept": CHROME}
        for source, forwarded in ((EDGE, None), (EDGE, VISITOR), (BOTH, VISITOR)):
            reply = self.get(url, source, forwarded, **told)
            self.assertEqual(reply["Vary"], "X-Smartimg-Class", (source, forwarded))
        # a visitor behind a proxy who says that it is one
        for source in (PROXY, CLIENT):
            for forwarded in (EDGE, f"{EDGE}, {EDGE}", None):
                reply = self.get(url, source, forwarded, **told)
                self.assertEqual(reply["Vary"], "Accept", (source, forwarded))

    def test_edge_on_a_connection_of_many_visitors(self):
        """Also when the first request was somebody else's."""
        url = self.edge.image("edge-visitors", company="smart")
        c = self.edge.connect(source=BOTH)
        for visitor in (VISITOR, EDGE, "198.51.100.1"):
            c.request("GET", url, headers={"X-Forwarded-For": visitor, "X-Smartimg-Class": "webp", "Accept": CHROME})
            reply = c.getresponse()
            reply.read()
            self.assertEqual(reply.headers["Vary"], "X-Smartimg-Class")
        c.close()

    def test_only_a_visitors_own_line_is_judged(self):
        url = self.edge.image("line", body=BODY)
        before = self.edge.metrics()
        for source in (PROXY, EDGE, BOTH):
            for headers in ({}, {"X-Forwarded-For": VISITOR}):
                connection = self.edge.connect(source=source)
                self.assertEqual(self.line_after(url, connection, **headers), "unknown", (source, headers))
                connection.close()
        self.assertEqual([self.edge.metrics()[c] for c in JUDGED], [before[c] for c in JUDGED])
        connection = self.edge.connect(source=CLIENT)
        self.assertEqual(self.line_after(url, connection), "excellent")
        connection.close()
        self.assertEqual(self.edge.metrics()[JUDGED[0]], before[JUDGED[0]] + 1)
        # another one of the same client begins with that
        self.get(url + "?n=again", CLIENT)
        self.assertIn(" line=excellent ", self.edge.logged("n=again"))
        self.get(url + "?n=other", "127.0.0.10")
        self.assertIn(" line=unknown ", self.edge.logged("n=other"))


class LimitsTest(Tests):
    """The directive counts: here nothing is enough to judge by."""

    @classmethod
    def setUpClass(cls):
        cls.start(workers=1, network_line="bytes=100000000 readings=1")

    def test_limits(self):
        url = self.edge.image("limits", body=BODY)
        connection = self.edge.connect(source=CLIENT)
        self.assertEqual(self.line_after(url, connection), "unknown")
        connection.close()
        self.assertEqual([self.edge.metrics()[c] for c in JUDGED], [0, 0, 0])


class ProxyProtocolTest(Tests):
    @classmethod
    def setUpClass(cls):
        cls.start(workers=1, trusted_proxies=f"{PROXY} {OTHER_PROXY}", proxy_protocol=True, tls=True)

    GREETING = f"PROXY TCP4 {VISITOR} 127.0.0.1 40000 80\r\n".encode()
    BINARY = (b"\r\n\r\n\0\r\nQUIT\n" + b"\x21\x11\0\x0c" + bytes(map(int, VISITOR.split("."))) + bytes((127, 0, 0, 1))
              + b"\x9c\x40\0\x50")

    def ask(self, url, source, greeting, **headers):
        connection = self.edge.connect(source=source, greeting=greeting)
        try:
            connection.request("GET", url, headers=headers)
            reply = connection.getresponse()
            reply.read()
            return reply
        finally:
            connection.close()

    def test_address_of_a_trusted_proxy(self):
        url = self.edge.image("proxy")
        for number, greeting in enumerate((self.GREETING, self.BINARY)):
            self.assertEqual(self.ask(f"{url}?{number}", PROXY, greeting).status, 200)
            self.assertEqual(self.logged_address(f"{url}?{number}"), VISITOR)
        near = self.edge.image("proxy-near", company="near")
        self.assertEqual(self.ask(near, PROXY, self.GREETING).status, 200)
        self.assertEqual(self.ask(near, CLIENT, self.GREETING).status, 403)

    def test_nobody_else_may_tell_an_address(self):
        url = self.edge.image("proxy-spoof")
        self.ask(url + "?a", CLIENT, self.GREETING)
        self.assertEqual(self.logged_address(url + "?a"), CLIENT)
        self.ask(url + "?b", PROXY, self.GREETING, **{"X-Forwarded-For": "198.51.100.1"})
        self.assertEqual(self.logged_address(url + "?b"), VISITOR)

    def test_connections_without_it(self):
        url = self.edge.image("proxy-none")
        for greeting in (b"\r\n", b"PROXY\r\n"):
            with self.assertRaises(OSError):
                self.ask(url, PROXY, greeting)

    def test_no_line_is_judged(self):
        url = self.edge.image("proxy-line", body=BODY)
        for source in (PROXY, CLIENT):
            connection = self.edge.connect(source=source, greeting=self.GREETING)
            self.assertEqual(self.line_after(url, connection), "unknown")
            connection.close()

    def test_tls(self):
        url = self.edge.image("proxy-tls")
        trust = ssl.create_default_context()
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
        connection = self.edge.connect(port=self.edge.tls_port, source=PROXY, greeting=self.GREETING)
        connection.connect()
        connection.sock = trust.wrap_socket(connection.sock)
        connection.request("GET", url)
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()
        self.assertEqual(self.logged_address(url), VISITOR)


class Http2Test(Tests):
    """Streams have connections of their own; the line is that of the one below."""

    @classmethod
    def setUpClass(cls):
        cls.start(workers=1, tls=True, trusted_proxies=PROXY)

    @unittest.skipUnless("HTTP2" in subprocess.run(["curl", "-V"], capture_output=True, text=True).stdout,
                         "curl has no HTTP/2")
    def test_streams(self):
        url = self.edge.image("streams", body=BODY)
        for source, expected in ((PROXY, "unknown"), (CLIENT, "excellent")):
            urls = [f"https://127.0.0.1:{self.edge.tls_port}{url}?n={source}-{n}" for n in range(60)]
            subprocess.run([shutil.which("curl"), "-sk", "--http2", "--interface", source, "--rate", "600/m", "-o",
                            "/dev/null", *[w for u in urls for w in (u, "-o", "/dev/null")][:-2]], check=True)
            last = self.edge.logged(f"n={source}-59 ")
            self.assertIn("HTTP/2.0", last)
            self.assertIn(f" line={expected} ", last)


if __name__ == "__main__":
    unittest.main(verbosity=2)
