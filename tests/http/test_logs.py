"""The JSON log of a whole server, with renderers of flesh: what their times are, of refreshes and refinements too; the id of
a request in what the pool says; the trace of a request at the servers of its foreign images."""

import atexit
import json
import os
import re
import signal
import socket
import time
import unittest

from server import CHROME, QuietHandler, Server, free_port, run, start_origin
from test_foreign import picture
from test_pool import AMPLE, Pool, netstring
from waiting import PATIENCE, wait_until

STAGES = ["queue_us", "source_us", "render_us", "encode_us", "score_us"]
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Origin(QuietHandler):
    """Serves pictures a fifth of a second late, good for two seconds, and remembers what was asked."""

    LATE = 0.2
    asked = []

    def do_GET(self):
        Origin.asked.append((self.path, self.headers.get_all("traceparent"), self.headers.get_all("X-Request-ID")))
        time.sleep(self.LATE)
        self.answer(picture("red"), ETag='"1"', Cache_Control="max-age=2")

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(picture("red"))))
        self.send_header("ETag", '"1"')
        self.end_headers()


class JsonServer:
    """One for all tests here."""

    shared = None

    def __init__(self):
        self.origin = start_origin(Origin)
        self.server = Server("--log-format", "json", "--refine-share", "50", "--renderers", "2",
                             "--trusted-proxies", "127.0.0.1")
        (self.server.config / "companies/far.ini").write_text(
            "RootPath = demo\nAllowDirectUrls = true\nForeignHosts = 127.0.0.1\n")
        (self.server.config / "companies/timed.ini").write_text(
            f"Sources = late\n[source late]\nUrl = http://127.0.0.1:{self.origin.server_port}\nPrivate = true\n")
        self.server.start()
        atexit.register(self.stop)

    def stop(self):
        self.server.stop()
        self.origin.shutdown()
        self.origin.server_close()


class LogTest(unittest.TestCase):
    def setUp(self):
        JsonServer.shared = JsonServer.shared or JsonServer()
        self.server = JsonServer.shared.server
        self.at = f"http://127.0.0.1:{JsonServer.shared.origin.server_port}"
        Origin.asked.clear()

    def lines(self, **wanted):
        text = self.server.access_log.read_bytes().rpartition(b"\n")[0]
        lines = [json.loads(line.decode("utf-8", "strict")) for line in text.splitlines()]
        return [x for x in lines if all(x.get(k) == v for k, v in wanted.items())]

    def line(self, **wanted):
        return wait_until(lambda: self.lines(**wanted), lambda: f"a line with {wanted}: {self.lines()}")[0]

    def assertStages(self, line):
        """All stages, and none longer than the whole; its milliseconds are those of nginx's clock, which rounds both
        ends down."""
        self.assertEqual([k for k in line if k.endswith("_us")], STAGES)
        self.assertTrue(0 < line["render_us"] and 0 < line["encode_us"], line)
        self.assertLessEqual(sum(line[s] for s in STAGES), (line["took_ms"] + 2) * 1000)

    def test_a_miss_and_a_hit(self):
        url = "smart/night?wid=150&fmt=jpg"
        miss = self.server.image(url, CHROME, "Agent/1", Referer="https://shop.example/", X_Forwarded_For="198.51.100.7")
        line = self.line(id=miss.headers["x-request-id"])
        self.assertStages(line)
        receipt = dict(p.split("=") for p in miss.headers["x-smart-imaging"].split("; "))
        self.assertEqual({k: line[k] for k in ("tier", "saved", "target", "score")},
                         {"tier": receipt["effort"], "saved": int(receipt["saved"]), "target": float(receipt["target"]),
                          "score": float(receipt["score"])})
        self.assertEqual((line["client"], line["user_agent"], line["referer"], line["cache"], line["bytes"], line["type"]),
                         ("198.51.100.7", "Agent/1", "https://shop.example/", "miss", len(miss.body), miss.type))
        self.assertGreater(line["score_us"], 0)
        hit = self.server.image(url, CHROME)
        again = self.line(id=hit.headers["x-request-id"])
        self.assertEqual((again["cache"], again["recipe_hash"], again["saved"]),
                         ("hit", line["recipe_hash"], hit.savings))
        self.assertFalse([k for k in again if k.endswith("_us")])
        self.assertIsNone(hit.headers.get("x-smartimg-stages"))

    def test_an_original_that_comes_from_an_origin(self):
        """What it was waited for is not taken for a wait in the queue."""
        line = self.line(id=self.server.image("timed/red.png?wid=40&fmt=png").headers["x-request-id"])
        self.assertStages(line)
        self.assertGreaterEqual(line["source_us"], Origin.LATE * 1e6)
        self.assertLess(line["queue_us"] + line["render_us"] + line["encode_us"],
                        (line["took_ms"] + 2) * 1000 - Origin.LATE * 1e6)

    def test_a_refinement(self):
        first = self.line(id=self.server.image("smart/pebbles?wid=140&fmt=jpg", CHROME).headers["x-request-id"])
        for tier in ("better", "best"):
            line = self.line(kind="refinement", recipe_hash=first["recipe_hash"], tier=tier)
            self.assertStages(line)
            self.assertIn(line["outcome"], ("improved", "kept"))
            self.assertGreater(line["score_us"], 0)
            self.assertNotEqual(line["id"], first["id"])
            self.assertEqual(line["recipe"], first["recipe"])

    def test_a_refresh_and_the_trace_of_its_download(self):
        """What it waited for the picture's server is in its own line, and not in that of the hit that began it."""
        sender = f"00-{TRACE}-{SPAN}-01"
        url = f"far?src=({self.at}/fresh.png)&wid=40&fmt=png"
        miss = self.line(id=self.server.image(url, traceparent=sender).headers["x-request-id"])
        self.assertStages(miss)
        self.assertGreaterEqual(miss["source_us"], Origin.LATE * 1e6)
        self.assertLess(miss["queue_us"] + miss["render_us"] + miss["encode_us"], (miss["took_ms"] + 2) * 1000
                        - Origin.LATE * 1e6)
        stale = wait_until(lambda: (lambda r: r if r.headers["x-cache"] == "refresh" else None)(
            self.server.image(url, traceparent=sender)), "a stale hit")
        hit = self.line(id=stale.headers["x-request-id"])
        self.assertFalse([k for k in hit if k.endswith("_us")])
        line = self.line(kind="refresh", parent_id=hit["span_id"])
        self.assertStages(line)
        self.assertGreaterEqual(line["source_us"], Origin.LATE * 1e6)
        self.assertEqual((line["trace_id"], line["sampled"], line["recipe_hash"]), (TRACE, True, miss["recipe_hash"]))
        for x in (miss, line):  # a refinement may have asked between them
            self.assertIn(("/fresh.png", [f"00-{TRACE}-{x['span_id']}-01"], None), Origin.asked)

    def test_no_trace_is_passed_on_where_none_came(self):
        for i, value in enumerate((None, f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{SPAN}-01\u00e9")):
            send = {"traceparent": value} if value else {}
            self.assertEqual(self.server.image(f"far?src=({self.at}/none-{i}.png)&wid=40&fmt=png", **send).status, 200)
        self.assertEqual([t for _, t, _ in Origin.asked], [None] * 3)


class PoolLogTest(unittest.TestCase):
    """What the pool says of a renderer that died names the request, and what came in its place does not get there."""

    def question(self, recipe, name):
        return netstring([("SMARTIMG_RECIPE", recipe), ("SMARTIMG_ID", name)])

    def kill_at_work(self, name):
        with Pool("--workers", "1", *AMPLE) as pool:
            recipe = pool.recipe("demo/night?wid=60")
            worker = pool.hold_worker()
            with pool.connect() as connection:
                connection.sendall(self.question(recipe, name))
                pool.wait_until_held(worker)
                os.kill(worker, signal.SIGKILL)
                pool.hand_out_originals()
                pool.wait_for_workers(1, gone=[worker])
            return pool.log.read_text(), recipe

    def test_killed(self):
        log, recipe = self.kill_at_work("f47ac10b-58cc-4372")
        self.assertRegex(log, r"worker \d+ .* of request f47ac10b-58cc-4372 on " + re.escape(recipe))

    def test_no_id(self):
        for name in ("", "two words", "line\nof its own", "x" * 129):
            log, recipe = self.kill_at_work(name)
            self.assertNotIn("of request", log)
            self.assertRegex(log, r"worker \d+ .* on " + re.escape(recipe))

    def test_out_of_time(self):
        with Pool("--workers", "1", "--wall-ms", "100") as pool:
            recipe = pool.recipe("demo/night?wid=60")
            worker = pool.hold_worker()
            self.assertEqual(pool.send(self.question(recipe, "slow"))[0], 503)
            pool.hand_out_originals()
            pool.wait_for_workers(1, gone=[worker])
            self.assertRegex(pool.log.read_text(), r"ran out of time of request slow on smartimg/")

    def test_the_next_request_is_another(self):
        """One that does not tell its id does not get that of the one before."""
        with Pool("--workers", "1", *AMPLE) as pool:
            recipe = pool.recipe("demo/night?wid=60")
            self.assertEqual(pool.send(self.question(recipe, "first"))[0], 200)
            worker = pool.hold_worker()
            with pool.connect() as connection:
                connection.sendall(pool.question(recipe))
                pool.wait_until_held(worker)
                os.kill(worker, signal.SIGKILL)
                pool.hand_out_originals()
                pool.wait_for_workers(1, gone=[worker])
            self.assertNotIn("first", pool.log.read_text())

    def test_traces_of_renderers_that_download_themselves(self):
        """On TCP there is no lane of downloads; and what is no traceparent never gets into a request."""
        origin = start_origin(Origin)
        try:
            with Pool("--foreign-private", "127.0.0.1", "--workers", "1", *AMPLE, tcp=True) as pool:
                (pool.folder / "conf/companies").mkdir(parents=True)
                (pool.folder / "conf/companies/demo.ini").write_text("AllowDirectUrls = true\nForeignHosts = 127.0.0.1\n")
                good = f"00-{TRACE}-{SPAN}-01"
                for i, value in enumerate((good, f"{good}\r\nX-Evil: 1", "x", "")):
                    Origin.asked.clear()
                    url = f"http://127.0.0.1:{origin.server_port}/tcp-{i}.png"
                    recipe = pool.recipe(f"demo?src=({url})&wid=40&fmt=png", config=str(pool.folder / "conf"))
                    reply = pool.send(pool.question(recipe, "", ("SMARTIMG_TRACE", value)))
                    self.assertEqual(reply[0], 200, reply)
                    self.assertEqual([t for _, t, _ in Origin.asked], [[good] if value == good else None])
                    stages = dict(s.split("=") for s in reply[1]["X-Smartimg-Stages"].split(";"))
                    self.assertGreaterEqual(int(stages["source"]), Origin.LATE * 1e6)
        finally:
            origin.shutdown()
            origin.server_close()


class OptionTest(unittest.TestCase):
    def test_formats(self):
        done = run("serve", "--listen", f"127.0.0.1:{free_port()}", "--log-format", "xml")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("is neither text nor json", done.stderr)

    def test_of_the_file(self):
        server = Server()
        (server.config / "smartimg.ini").write_text("log-format = json\n")
        with server:
            with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as s:
                s.sendall(b"GET /is/image/demo/night?wid=20 HTTP/1.0\r\nUser-Agent: \xff\"\r\n\r\n")
                self.assertIn(b" 200 ", s.makefile("rb").readline())
            text = wait_until(server.access_log.read_text, "a line")
            self.assertEqual(json.loads(text)["user_agent"], "\u00ff\"")


if __name__ == "__main__":
    unittest.main()
