"""HTTP as nginx and the module serve it: caching, conditions, ranges, coalescing, recovery."""

import http.client
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import unittest

import picture
from server import CHROME, IPHONE, SANITIZED, SMARTIMG, Server, free_port, run
from waiting import IDLE_SOCKETS, PATIENCE, at_once, fields, sockets, wait_until


class Serving(unittest.TestCase):
    server = None

    def get(self, url, accept=CHROME, **headers):
        reply = self.server.image(url, accept, **headers)
        self.assertEqual(reply.status, 200, reply)
        return reply

    def test_hit_and_miss(self):
        url = "smart/night?wid=133"
        self.assertEqual(self.get(url).headers["x-cache"], "miss")
        self.assertEqual(self.get(url).headers["x-cache"], "hit")
        self.assertEqual(self.get("smart/night?wid=133.0&ts=1").headers["x-cache"], "hit")

    def test_headers_of_a_reply(self):
        reply = self.get("smart/landscape?wid=334")
        self.assertEqual(reply.headers["vary"], "Accept")
        self.assertIn("max-age=36000", reply.headers["cache-control"])
        self.assertIn("expires", reply.headers)
        self.assertRegex(reply.headers["etag"], r'^"[0-9a-f]{32}"$')
        self.assertRegex(reply.headers["x-smart-imaging"],
                         r"^format=avif; saved=\d+; score=[\d.]+; target=[\d.]+; effort=\w+(; load=[\w-]+)?$")
        self.assertIn("render;dur=", reply.headers["server-timing"])
        self.assertNotIn("x-accel-expires", reply.headers)

    def test_bodies_are_aligned_in_the_cache(self):
        """sendfile() from the middle of a page costs a quarter of the speed of hits."""
        reply = self.get("smart/night?wid=141&fmt=png&bfc=off")
        self.assertNotIn("x-padding", reply.headers)
        files = [f for f in self.server.cache.rglob("*") if f.is_file() and len(f.name) == 32]
        whole = [f.read_bytes() for f in files]
        self.assertIn(reply.body, [data[4096:] for data in whole])

    def test_variants_have_their_own_etag(self):
        """A tag for each body; a client of WebP may be sent the JPEG that others get."""
        replies = [self.get("smart/landscape?wid=335", a) for a in (CHROME, "image/webp", "*/*")]
        pairs = {(r.body, r.headers["etag"]) for r in replies}
        self.assertGreaterEqual(len(pairs), 2)
        for column in (0, 1):
            self.assertEqual(len({p[column] for p in pairs}), len(pairs))

    def test_conditional_requests(self):
        for url, vary, names in (("smart/night?wid=136", "Accept", ("etag",)),  # a first answer has no date
                                 ("smart/night?wid=136&bfc=off", None, ("etag", "last-modified"))):
            reply = self.get(url)
            for name in names:
                condition = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}[name]
                again = self.server.request("/is/image/" + url,
                                            {"Accept": CHROME, condition: reply.headers[name]})
                self.assertEqual((again.status, again.body), (304, b""))
                self.assertEqual(again.headers["etag"], reply.headers["etag"])
                self.assertEqual(again.headers.get("vary"), vary)
        other = self.server.request("/is/image/smart/night?wid=136",
                                    {"Accept": "*/*", "If-None-Match": self.get("smart/night?wid=136").headers["etag"]})
        self.assertEqual(other.status, 200)

    def test_caches_are_told_of_a_first_answer(self):
        """A short life for shared caches until the best answer is there, which nobody has to ask for; the same
        in each 304."""
        url = "smart/night?wid=134&hei=77&fit=crop"
        short = ("public, max-age=36000, s-maxage=60, stale-while-revalidate=36000",
                 "max-age=60, stale-while-revalidate=36000")
        long = ("public, max-age=36000", "max-age=36000")

        def told(reply):
            return reply.headers["cache-control"], reply.headers["cdn-cache-control"]

        with Server("--refine-share", "100") as server:
            def settled():
                metrics = self.server_metrics(server)
                return (re.search(r'refinements_total\{result="(improved|kept)"\} [1-9]', metrics)
                        and "\nsmartimg_refinements_waiting 0\n" in metrics)

            first = server.image(url, CHROME)
            self.assertEqual((first.status, told(first)), (200, short))
            self.assertRegex(first.headers["x-smart-imaging"], "; effort=(fast|quick; load=quick)$")
            self.assertNotIn("last-modified", first.headers)
            wait_until(settled, "the end of refinements")
            refined = server.image(url, CHROME)
            self.assertEqual((refined.headers["x-cache"], told(refined)), ("hit", long))
            self.assertIn("last-modified", refined.headers)
            self.assertLessEqual(len(refined.body), len(first.body))
            for reply in first, refined:
                self.assertFalse([n for n in reply.headers if n.startswith("x-smartimg")])
                again = server.request("/is/image/" + url,
                                       {"Accept": CHROME, "If-None-Match": reply.headers["etag"]})
                self.assertEqual(again.status, 304 if reply.body == refined.body else 200)
                self.assertEqual(told(again), long)
            self.assertEqual(told(server.image("smart/night?wid=134&bfc=off", CHROME)), long)

    def test_options_for_shared_caches(self):
        with Server("--first-answer-seconds", "5", "--cdn-cache-control", "Surrogate-Control") as server:
            reply = server.image("smart/night?wid=90", CHROME)
            self.assertEqual(reply.headers["surrogate-control"], "max-age=5, stale-while-revalidate=36000")
            self.assertIn("s-maxage=5,", reply.headers["cache-control"])
            self.assertNotIn("cdn-cache-control", reply.headers)
        for bad in "", "two words", "a:b", "a;":
            done = run("serve", "--listen", f"127.0.0.1:{free_port()}", "--cdn-cache-control", bad)
            self.assertEqual(done.returncode, 2, bad)
            self.assertIn("cdn-cache-control", done.stderr)

    def test_trusted_edges(self):
        url, jpeg_xl = "smart/night?wid=91", {"X-Smartimg-Class": "jxl"}
        with Server("--trusted-edges", " 10.0.0.0/8 ,127.0.0.1,2001:db8::/32") as server:
            reply = server.image(url, "image/webp", **jpeg_xl)
            self.assertEqual((reply.type, reply.headers["vary"]), ("image/jxl", "X-Smartimg-Class"))
        reply = self.server.image(url, "image/webp", **jpeg_xl)
        self.assertEqual((reply.type, reply.headers["vary"]), ("image/webp", "Accept"))
        for bad in "10.0.0.0/33", "cdn.example", "127.0.0.1 ::1", "127.0.0.1;", ",":
            run = subprocess.run([SMARTIMG, "serve", "--listen", f"127.0.0.1:{free_port()}",
                                  "--trusted-edges", bad], capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(run.returncode, 2, bad)
            self.assertIn("trusted-edges", run.stderr)

    def test_header_of_an_edge_that_tells_the_ratio(self):
        url, width = "dense/night?wid=50", lambda reply: picture.size(reply.body)[0]
        phone = {"X-Akamai-Device-Characteristics": "is_mobile=true;resolution_width=1170;max_image_width=390"}
        with Server("--dpr-header", "akamai") as server:
            reply = server.image(url, "image/webp", **phone)
            self.assertEqual((width(reply), reply.headers["vary"]),
                             (150, "Accept, Sec-CH-DPR, DPR, X-Akamai-Device-Characteristics"))
        self.assertEqual(width(self.server.image(url, "image/webp", **phone)), 50)
        for bad in "", "X Density", "X-Density:", "X-Density;", "x" * 65:
            run = subprocess.run([SMARTIMG, "serve", "--listen", f"127.0.0.1:{free_port()}", "--dpr-header", bad],
                                 capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(run.returncode, 2, bad)
            self.assertIn("dpr-header", run.stderr)

    def test_explain_tells_the_ratio(self):
        for url, options, ratio in (("dense/night?wid=60", ["DPR: 2.6"], "ratio    2.5 (client hint)"),
                                    ("dense/night?wid=60", ["User-Agent: " + IPHONE], "ratio    2 (User-Agent)"),
                                    ("dense/night?wid=60", ["X-Smartimg-Class: webp;dpr=3"],
                                     "ratio    3 (class told by a trusted edge)"),
                                    ("dense/night?wid=60", ["X-Density: 1.5"], "ratio    1.5 (header of an edge)"),
                                    ("dense/night?wid=60", [], "ratio    1 (nobody told)"),
                                    ("dense/night?wid=60&dpr=on,2", ["DPR: 3"], None),
                                    ("smart/night?wid=60", ["DPR: 3"], None)):
            run = subprocess.run([SMARTIMG, "explain", "/is/image/" + url, "--fast", "--root", self.server.root, "--config",
                                  self.server.config, "--dpr-header", "X-Density",
                                  *(w for h in options for w in ("--header", h))], capture_output=True, text=True)
            told = [line for line in run.stdout.split("\n") if line.startswith("ratio ")]
            self.assertEqual(told, [ratio] if ratio else [], (url, options, run.stderr))
    def test_trusted_proxies(self):
        """What tests/edge/test_proxies.py has of nginx holds for the server that is started with these options."""
        def logged(server):
            return wait_until(lambda: server.access_log.read_text(), "the log").split()[0]
        visitor, url = "198.51.100.7", "/is/image/demo/night?wid=20"
        with Server("--trusted-proxies", " 10.0.0.0/8 ,127.0.0.1,2001:db8::/32") as server:
            server.request(url, {"X-Forwarded-For": visitor})
            self.assertEqual(logged(server), visitor)
        with Server("--trusted-proxies", "127.0.0.1", "--proxy-protocol", "on") as server:
            with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as s:
                s.sendall(f"PROXY TCP4 {visitor} 127.0.0.1 1 2\r\nGET {url} HTTP/1.0\r\n\r\n".encode())
                self.assertIn(b" 200 ", s.makefile("rb").readline())
            line = wait_until(lambda: [line for line in server.access_log.read_text().splitlines()
                                       if "night" in line], "the log")[0]
            self.assertEqual(line.split()[0], visitor)
        for option, bad, said in (("--trusted-proxies", "10.0.0.0/33", "trusted-proxies"),
                                  ("--proxy-protocol", "maybe", "on nor off"),
                                  ("--network-poor-loss", "5", "network-poor-loss")):
            done = run("serve", "--listen", f"127.0.0.1:{free_port()}", option, bad)
            self.assertNotEqual(done.returncode, 0, bad)
            self.assertIn(said, done.stderr)

    def test_render_believes_a_class(self):
        run = subprocess.run([SMARTIMG, "render", "/is/image/smart/night?wid=60", "--fast", "-i", "--header",
                              "X-Smartimg-Class: webp", "--root", self.server.root, "--config", self.server.config],
                             capture_output=True)
        head = run.stdout.partition(b"\r\n\r\n")[0]
        self.assertIn(b"Content-Type: image/webp", head)
        self.assertIn(b"Vary: X-Smartimg-Class", head)
        for headers, told in ((["X-Smartimg-Class: WebP + avif; dpr=2.0"], "avif+webp;dpr=2"),
                              (["Accept: image/webp", "DPR: 1.5"], "webp;dpr=1.5")):
            run = subprocess.run([SMARTIMG, "explain", "/is/image/smart/night?wid=60", "--fast", "--root", self.server.root,
                                  "--config", self.server.config, *(w for h in headers for w in ("--header", h))],
                                 capture_output=True, text=True)
            self.assertEqual(run.stdout.partition("\n")[0], "client   " + told)

    def test_render_tells_what_the_server_would(self):
        config = ["--root", self.server.root, "--config", self.server.config]
        for fast, life in (["--fast"], "CDN-Cache-Control: max-age=60, stale-"), ([], "CDN-Cache-Control: max-age=36000"):
            done = subprocess.run([SMARTIMG, "render", "/is/image/smart/night?wid=60", "--accept", "image/avif", "-i",
                                   *fast, *config], capture_output=True)
            self.assertIn(life.encode(), done.stdout.partition(b"\r\n\r\n")[0])

    def test_ranges_on_hit_and_miss(self):
        whole = self.get("smart/night?wid=137").body
        for url in ("smart/night?wid=137", "smart/night?wid=137&cache=update"):
            reply = self.server.request("/is/image/" + url, {"Accept": CHROME, "Range": "bytes=10-29"})
            self.assertEqual(reply.status, 206)
            self.assertEqual(reply.body, whole[10:30])

    def test_head(self):
        head = self.server.request("/is/image/smart/night?wid=138", {"Accept": CHROME}, method="HEAD")
        self.assertEqual((head.status, head.body), (200, b""))
        reply = self.get("smart/night?wid=138")
        self.assertEqual(reply.headers["x-cache"], "hit")
        self.assertEqual(head.headers["etag"], reply.headers["etag"])

    def test_other_methods(self):
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            reply = self.server.request("/is/image/smart/night", method=method)
            self.assertEqual(reply.status, 405, method)

    def test_identical_misses_render_once(self):
        def renders():
            text = self.server_metrics()
            return sum(int(float(v)) for v in re.findall(r"^smartimg_cache_total\{[^}]*miss[^}]*\} (\S+)", text, re.M))
        replies = []
        at_once(lambda _: replies.append(self.get("smart/landscape?wid=600&hei=401&fit=crop")), 24)
        self.assertEqual(len({r.body for r in replies}), 1)
        self.assertEqual([r.headers["x-cache"] for r in replies].count("miss"), 1)

    def test_cache_off(self):
        for _ in range(2):
            reply = self.get("smart/night?wid=139&cache=off")
            self.assertNotEqual(reply.headers["x-cache"], "hit")
            self.assertRegex(reply.headers["cache-control"], "no-store|no-cache")

    def test_replaced_file_is_served_new(self):
        path = self.server.root / "demo/swap.jpg"
        shutil.copy(self.server.root / "demo/night.jpg", path)
        first = self.get("smart/swap?wid=80&hei=80")
        shutil.copy(self.server.root / "demo/product.jpg", path)
        self.assertNotEqual(self.get("smart/swap?wid=80&hei=80").body, first.body)
        os.unlink(path)
        self.assertEqual(self.server.image("smart/swap?wid=80&hei=80", CHROME).status, 403)

    def test_health_metrics_and_unknown_addresses(self):
        self.assertEqual(self.server.request("/healthz").status, 200)
        self.assertEqual(self.server.request("/nothing/here").status, 404)
        self.assertIn("smartimg_", self.server_metrics())

    def server_metrics(self, server=None):
        import http.client
        connection = http.client.HTTPConnection("127.0.0.1", (server or self.server).admin_port, timeout=PATIENCE)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        return text

    def test_renderer_killed_mid_request(self):
        """The client still gets its image, and the pool is whole again."""
        def workers():
            below = self.server.children()
            parents = [p for p, name in below.items() if name.startswith("smartimg")]
            return {p for p in parents if self.has_parent_in(p, parents)}
        before = workers()
        self.assertTrue(before)
        idle = {pid: sockets(pid) for pid in before}
        pool, = {int(fields(pid)[1]) for pid in before}
        done = []
        url = "smart/landscape?wid=1100&fmt=jpg&qlt=91&id=kill"
        thread = threading.Thread(target=lambda: done.append(self.server.image(url, CHROME)))
        os.kill(pool, signal.SIGSTOP)  # which opens the originals: none is answered without it
        try:
            thread.start()
            killed = wait_until(lambda: next((p for p in before if sockets(p) > idle[p]), 0), "a renderer at work")
            os.kill(killed, signal.SIGKILL)
        finally:
            os.kill(pool, signal.SIGCONT)
        wait_until(lambda: len(workers() - {killed}) == len(before), "another renderer")
        thread.join()
        self.assertEqual(done[0].status, 200, done[0])

    @staticmethod
    def has_parent_in(pid, parents):
        try:
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        except OSError:  # gone in the meantime
            return False
        return int(stat.rsplit(")", 1)[1].split()[1]) in parents


class Supervision(unittest.TestCase):
    """Servers of their own: start, stop, death of parts."""

    def test_busy_port_and_unwritable_cache(self):
        with Server() as server:
            other = subprocess.run(
                [SMARTIMG, "serve", "--root", server.root, "--listen", f"127.0.0.1:{server.port}",
                 "--cache", server.folder / "other"], capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(other.returncode, 1)
            self.assertIn(str(server.port), other.stderr)
            file = server.folder / "file"
            file.write_text("")
            other = subprocess.run(
                [SMARTIMG, "serve", "--root", server.root, "--listen", f"127.0.0.1:{free_port()}",
                 "--cache", file / "below"], capture_output=True, text=True, timeout=PATIENCE)
            self.assertEqual(other.returncode, 1)
            self.assertIn("cache", other.stderr)

    def test_death_of_nginx_and_pool_and_clean_stop(self):
        server = Server().start()
        try:
            for name in ("nginx", "smartimg"):
                children = server.children()
                direct = [p for p, n in children.items() if n.startswith(name)]
                os.kill(min(direct), signal.SIGKILL)

                def served():
                    try:
                        return server.image(f"smart/night?wid=50&qlt={len(name)}&cache=update", CHROME).status == 200
                    except (OSError, http.client.HTTPException):  # those that were at it died in the middle
                        return False
                wait_until(served, f"a reply without the first {name}")
            below = server.children()
        finally:
            code = server.stop()
        self.assertEqual(code, 0)
        left = [p for p in below if pathlib.Path(f"/proc/{p}").exists()]
        self.assertEqual(left, [])

    @unittest.skipIf(SANITIZED, "sanitizers keep what is freed")
    def test_idle_renderers_give_memory_back(self):
        """What such a picture leaves of freed memory is 8 MB."""
        with Server("--renderers", "1") as server:
            def anonymous():
                worker, = (p for p, n in server.children().items() if n == "smartimg-render")
                return int(re.search(r"RssAnon:\s+(\d+)", pathlib.Path(f"/proc/{worker}/status").read_text())[1])
            reply = server.image("demo/landscape?wid=1000&fmt=jpeg&layer=1&src=demo/night&wid=900&op_blur=5")
            self.assertEqual(reply.status, 200, reply)
            wait_until(lambda: anonymous() < 9000, lambda: f"9000 KB or less, not {anonymous()}")

    def test_aborted_misses_are_not_rendered(self):
        """The renderer that has one of them in hand gets no original until all have gone."""
        with Server("--renderers", "1") as server:
            def metric(name):
                found = re.search(rf"^{re.escape(name)} (\d+)$", Serving.server_metrics(self), re.M)
                return int(found.group(1))
            self.server = server
            self.assertEqual(server.image("smart/night?wid=50", CHROME).status, 200)
            pool, = {p for p, n in server.children().items() if n == "smartimg-pool"}
            worker, = {p for p, n in server.children().items() if n == "smartimg-render"}
            cancelled = 'smartimg_cancelled_total{stage="render"}'
            wait_until(lambda: sockets(worker) == IDLE_SOCKETS, "an idle renderer")
            os.kill(pool, signal.SIGSTOP)
            try:
                for i in range(16):
                    with socket.create_connection(("127.0.0.1", server.port)) as client:
                        client.sendall(f"GET /is/image/smart/landscape?wid={2000 + i} HTTP/1.1\r\nHost: x\r\n"
                                       f"Accept: {CHROME}\r\n\r\n".encode())
                        wait_until(lambda: metric('smartimg_renders_total{kind="first"}') == 2 + i, "a miss")
                        wait_until(lambda: sockets(worker) > IDLE_SOCKETS, "a renderer at work")
                wait_until(lambda: metric(cancelled) == 16, "16 requests to be cancelled")
            finally:
                os.kill(pool, signal.SIGCONT)
            self.assertEqual(server.image("smart/night?wid=51", CHROME).status, 200)
            wait_until(lambda: sum(map(int, re.findall(r"requests dropped.*: (\d+)", server.log.read_text()))) == 16,
                       server.log.read_text)

    def test_bad_configuration_says_where(self):
        server = Server()
        try:
            (server.config / "companies/smart.ini").write_text("Bfc = true\nMaxPix = big\n")
            result = run("config", "check", server.config)
            self.assertEqual(result.returncode, 1)
            self.assertIn("smart.ini:2", result.stdout + result.stderr)
            with self.assertRaises(RuntimeError) as failure:
                server.start()
            self.assertIn("smart.ini:2", str(failure.exception))
        finally:
            server.stop()


if __name__ == "__main__":
    unittest.main()
