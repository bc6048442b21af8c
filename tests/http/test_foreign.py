"""Foreign images: src=(url) and mask=(url), from a server on this machine that misbehaves as told."""

import atexit
import email.utils
import http.server
import io
import os
import signal
import socket
import subprocess
import threading
import time
import unittest

import PIL.Image

from server import SMARTIMG, QuietHandler, Server, start_origin
from waiting import PATIENCE, at_once, wait_until


def picture(color, size=(80, 60), mode="RGB"):
    out = io.BytesIO()
    PIL.Image.new(mode, size, color).save(out, "PNG")
    return out.getvalue()


class Origin(QuietHandler):
    """Answers by the first element of the path."""

    asked = []
    lock = threading.Lock()
    body = picture("red")
    active = most = 0

    def do_GET(self):
        kind = self.path.split("/")[1].split("?")[0]
        with self.lock:
            Origin.asked.append((self.path, dict(self.headers)))
            Origin.active += 1
            Origin.most = max(Origin.most, Origin.active)
        try:
            getattr(self, "do_" + kind, self.do_none)()
        except OSError:
            pass  # the fetcher hung up
        finally:
            with self.lock:
                Origin.active -= 1

    def do_none(self):
        self.answer(b"no such thing", 404)

    def do_plain(self):
        self.answer(self.body, ETag='"1"')

    def do_minute(self):
        self.answer(self.body, ETag='"1"', Cache_Control="max-age=60")

    def do_hour(self):
        self.answer(self.body, ETag='"1"', Cache_Control="max-age=3600")

    def do_second(self):
        self.answer(Origin.body, ETag='"1"', Cache_Control="max-age=2")

    def do_past(self):
        self.answer(self.body, Last_Modified=email.utils.formatdate(0, usegmt=True), Expires="0")

    def do_volatile(self):
        self.answer(self.body)

    def do_mask(self):
        mask = PIL.Image.new("L", (80, 60), 0)
        mask.paste(255, (0, 0, 40, 60))
        out = io.BytesIO()
        mask.save(out, "PNG")
        self.answer(out.getvalue(), ETag='"1"')

    def do_moved(self):
        self.answer(b"", 302, Location="/plain/x.png")

    def do_broken(self):
        self.answer(b"", 500)

    def do_lying(self):
        self.answer(b"<html>this is no picture</html>", Content_Type="image/png", ETag='"1"')

    def do_cut(self):
        self.answer(self.body[:40], Content_Length=str(len(self.body)), ETag='"1"')

    def do_huge(self):
        self.answer(b"x", Content_Length="300000000")

    def do_flood(self):
        self.send_response(200)
        self.end_headers()
        for _ in range(400):
            self.wfile.write(b"x" * 65536)

    def do_slow(self):
        """Never answers while somebody listens."""
        while self.connection.recv(1000):
            pass

    held = threading.Event()  # what `late` waits for

    def do_late(self):
        self.held.wait(PATIENCE)
        self.do_plain()


def red(reply, x=0.5):
    image = PIL.Image.open(io.BytesIO(reply.body)).convert("RGB")
    r, g, b = image.getpixel((int(image.width * x), image.height // 2))
    return r > 200 and g < 60 and b < 60


TIMEOUT = 2.0    # seconds for downloads that are to fail
AMPLE = 60.0     # and for all others: the longest there is


# Hosts that lead to this machine or another network of its own; a company may list them.
INSIDE = ["[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]",  # mapped
          "[::127.0.0.1]",                                                       # compatible
          "[64:ff9b::7f00:1]", "[64:ff9b::127.0.0.1]", "[64:ff9b::a00:1]",        # NAT64
          "[64:ff9b:1::7f00:1]", "[64:ff9b:1:ffff::808:808]",                     # of a network of one's own
          "[2002:7f00:1::1]", "[2002:7f00:0001::]", "[2002:a00:1::1]",             # 6to4
          "[2001:0:7f00:1::1]", "[::]", "[fe80::1]", "[fd00::1]", "[ff02::1]", "0.0.0.0", "127.0.0.2", "127.2", "127.000.000.002",
          "2130706434", "0x7f000002", "0177.0.0.2", "10.0.0.1", "169.254.169.254", "localhost", "ip6-localhost", "127.0.0.2."]


class Site:
    """The origin, and a server that may ask it: started when first wanted, for all tests here."""

    shared = None

    def __init__(self, timeout, renderers=3, transfers=2):
        self.origin = start_origin(Origin)
        self.port = self.origin.server_port
        self.edge = Server("--foreign-private", "127.0.0.1,[0::1]", "--foreign-timeout-ms", str(int(timeout * 1000)),
                           "--foreign-size", "1m", "--foreign-transfers", str(transfers),
                           "--renderers", str(renderers))
        companies = self.edge.config / "companies"
        (companies / "far.ini").write_text(
            f"RootPath = demo\nAllowDirectUrls = true\nForeignHosts = 127.0.0.1, localhost\n"
            f"RootUrl = http://127.0.0.1:{self.port}/\n")
        (companies / "near.ini").write_text("RootPath = demo\n")
        (companies / "ported.ini").write_text(
            f"RootPath = demo\nAllowDirectUrls = true\nForeignHosts = 127.0.0.1:{self.port}, [0:0::1]:{self.port}\n")
        (companies / "any.ini").write_text(
            f"RootPath = demo\nAllowDirectUrls = true\nForeignHosts = {', '.join(INSIDE)}, [::1]\n")
        self.edge.start()
        atexit.register(self.stop)

    def stop(self):
        self.edge.stop()
        self.origin.shutdown()
        self.origin.server_close()


class ForeignTest(unittest.TestCase):
    def setUp(self):
        Site.shared = Site.shared or Site(AMPLE)
        self.edge, self.port = Site.shared.edge, Site.shared.port
        Origin.asked.clear()
        Origin.held.clear()
        self.addCleanup(Origin.held.set)
        self.salt = f"?secret{time.monotonic_ns()}"

    def url(self, kind, host=None):
        return f"http://{host or f'127.0.0.1:{self.port}'}/{kind}/x.png{self.salt}"

    def ask(self, kind, more="&wid=40&fmt=png", **how):
        return self.edge.image(f"far?src={{{self.url(kind, **how)}}}{more}")

    @staticmethod
    def time_of(reply, name):
        return email.utils.parsedate_to_datetime(reply.headers[name]).timestamp()

    def assertRefused(self, reply, word, *statuses):
        self.assertIn(reply.status, statuses or (403,), reply)
        text = reply.body.decode()
        self.assertIn(word, text)
        self.assertNotIn("secret", text)
        self.assertEqual(reply.headers["cache-control"], "no-store")

    def test_source(self):
        for form in ("({})", "{{{}}}"):
            reply = self.edge.image(f"far?src={form.format(self.url('plain'))}&wid=40&fmt=png")
            self.assertEqual(reply.status, 200, reply)
            self.assertTrue(red(reply))
        self.assertEqual(PIL.Image.open(io.BytesIO(reply.body)).size, (40, 30))

    def test_relative_to_root_url(self):
        self.assertTrue(red(self.edge.image("far?src=(plain/x.png)&wid=40&fmt=png")))
        self.assertEqual(self.edge.image("near?src=(plain/x.png)&wid=40").status, 403)

    def test_mask(self):
        url = self.url("mask")
        reply = self.edge.image(f"far/night?mask=({url})&fmt=png-alpha&wid=80")
        self.assertEqual(reply.status, 200, reply)
        alpha = PIL.Image.open(io.BytesIO(reply.body)).getchannel("A")
        self.assertEqual(alpha.getpixel((alpha.width // 4, alpha.height // 2)), 255)
        self.assertEqual(alpha.getpixel((alpha.width * 3 // 4, alpha.height // 2)), 0)

    def test_two_layers_of_one_image_are_one_download(self):
        url = self.url("volatile")
        reply = self.edge.image(f"far/night?wid=200&layer=1&src=({url})&layer=2&src=({url})&pos=50,50&fmt=png")
        self.assertEqual(reply.status, 200, reply)
        self.assertEqual(len(Origin.asked), 1)
        self.assertTrue(red(reply))

    def test_the_request_is_plain(self):
        self.ask("plain")
        (path, headers), = Origin.asked
        self.assertEqual(path, f"/plain/x.png{self.salt}")
        self.assertEqual({name.lower() for name in headers} - {"host", "accept", "user-agent"}, set())

    def test_only_where_the_company_allows(self):
        self.assertEqual(self.edge.image(f"near?src=({self.url('plain')})&wid=40").status, 403)
        self.assertEqual(self.ask("plain", host="example.org").status, 403)
        self.assertEqual(Origin.asked, [])

    def test_private_addresses_only_by_the_name_that_is_listed(self):
        self.assertRefused(self.ask("plain", host=f"localhost:{self.port}"), "no public address")
        self.assertEqual(Origin.asked, [])

    def test_addresses_inside_of_others(self):
        """What is connected to counts, however it is written."""
        for host in INSIDE:
            reply = self.edge.image(f"any?src={{{self.url('plain', host=f'{host}:{self.port}')}}}&wid=40")
            self.assertEqual(reply.status, 403, (host, reply))
            self.assertRegex(reply.body.decode(), "no public address|resolve host|malformed", host)
        self.assertEqual(Origin.asked, [])

    def test_ports_of_the_list(self):
        self.assertTrue(red(self.edge.image(f"ported?src={{{self.url('plain')}}}&wid=40&fmt=png")))
        for host in "127.0.0.1", "127.0.0.1:80", f"127.0.0.1:{self.port}0", "[::1]", "[::1]:80":
            reply = self.edge.image(f"ported?src={{{self.url('plain', host=host)}}}&wid=40")
            self.assertIn(reply.status, (403,), (host, reply))
            self.assertNotIn("public", reply.body.decode())
        for host in (f"127.0.0.1:0{self.port}", f"127.0.0.1:+{self.port}", f"127.0.0.1:{self.port}@example.org", "127.0.0.1:",
                     "[127.0.0.1]", f"[::1:{self.port}", f"[::1]x:{self.port}", f"[::1%25lo]:{self.port}", f"[[::1]]:{self.port}", "[]"):
            Origin.asked.clear()
            reply = self.edge.image(f"ported?src={{{self.url('plain', host=host)}}}&wid=41")
            if reply.status == 200:  # a port with a zero before it is the same one
                self.assertEqual(len(Origin.asked), 1, host)
                self.assertIn(":0", host)
            else:
                self.assertEqual((reply.status, Origin.asked), (403, []), (host, reply))

    @unittest.skipUnless(socket.has_ipv6 and os.path.exists("/proc/net/if_inet6"), "no IPv6")
    def test_ipv6_in_brackets(self):
        origin = http.server.ThreadingHTTPServer.__new__(type("Six", (http.server.ThreadingHTTPServer,), {
            "address_family": socket.AF_INET6, "daemon_threads": True}))
        origin.__init__(("::1", 0), Origin)
        threading.Thread(target=origin.serve_forever, daemon=True).start()
        self.addCleanup(origin.server_close)
        self.addCleanup(origin.shutdown)
        for host in "[::1]", "[0:0:0:0:0:0:0:1]", "[0::0001]":
            url = self.url("plain", host=f"{host}:{origin.server_port}")
            self.assertTrue(red(self.edge.image(f"any?src={{{url}}}&wid=40&fmt=png")), host)

    def test_no_credentials(self):
        self.assertRefused(self.ask("plain", host=f"secret:secret@127.0.0.1:{self.port}"), "")
        self.assertEqual(Origin.asked, [])

    def test_certificates_are_verified(self):
        """The server's own is self-signed, so it does not believe itself."""
        url = f"https://127.0.0.1:{self.edge.tls_port}/is/image/demo/night"
        self.assertRefused(self.edge.image(f"far?src=({url})&wid=40"), "certificate")

    def test_kept_as_long_as_its_server_says(self):
        for kind, life in (("hour", 3600), ("plain", 36000)):
            with self.subTest(kind=kind):
                start = time.time()
                reply, again = self.ask(kind), self.ask(kind)
                self.assertEqual([reply.status, reply.headers["x-cache"], again.headers["x-cache"]], [200, "miss", "hit"])
                for r in (reply, again):
                    age = int(r.headers["cache-control"].removeprefix("public, max-age="))
                    self.assertLessEqual(age, life)
                    self.assertGreaterEqual(age, life - (time.time() - start) - 2)
                    self.assertLess(abs(self.time_of(r, "expires") - self.time_of(r, "date") - age), 3)
                    self.assertNotIn("x-smartimg-fresh-until", r.headers)
                    self.assertNotIn("last-modified", r.headers)
        self.assertEqual(len(Origin.asked), 2)

    def test_company_life_counts_where_it_is_shorter(self):
        (reply, later) = self.ask("minute"), self.edge.image("far/night?wid=40")
        self.assertNotIn("immutable", reply.headers["cache-control"])
        self.assertIn("last-modified", later.headers)

    def test_refreshed_when_its_life_is_over(self):
        self.ask("second")
        time.sleep(3.6)  # nginx counts in whole seconds
        self.assertEqual(self.ask("second").headers["x-cache"], "refresh")
        wait_until(lambda: len(Origin.asked) == 2, "a refresh")

    def test_never_kept_without_validator(self):
        for _ in range(2):
            reply = self.ask("volatile")
            self.assertEqual([reply.status, reply.headers["x-cache"], reply.headers["cache-control"]],
                             [200, "miss", "no-store"])
        self.assertEqual(len(Origin.asked), 2)

    def test_never_kept_when_already_expired(self):
        for _ in range(2):
            self.assertEqual(self.ask("past").headers["x-cache"], "miss")
        self.assertEqual(len(Origin.asked), 2)

    def test_errors_are_clear_and_not_kept(self):
        for kind, word in (("moved", "redirects"), ("none", "image not found"), ("broken", "status 500"),
                           ("lying", "source image unreadable"), ("cut", "source image unreadable"),
                           ("huge", "larger than"), ("flood", "larger than")):
            with self.subTest(kind=kind):
                Origin.asked.clear()
                self.assertRefused(self.ask(kind), word)
                self.assertRefused(self.ask(kind), word)
                self.assertGreaterEqual(len(Origin.asked), 2)
        self.assertTrue(red(self.ask("plain")))

    def test_slow_server(self):
        site = Site(TIMEOUT)
        try:
            self.edge, self.port = site.edge, site.port
            start = time.monotonic()
            self.assertRefused(self.ask("slow"), "in time", 503)  # the server would never end it
            self.assertGreaterEqual(time.monotonic() - start, TIMEOUT)
        finally:
            atexit.unregister(site.stop)
            site.stop()

    def test_no_default_image_for_foreign_ones(self):
        reply = self.edge.image(f"far?src=({self.url('none')})&defaultImage=night&wid=40")
        self.assertRefused(reply, "image not found")

    def test_number_of_transfers_is_limited(self):
        wait_until(lambda: Origin.active == 0, "the end of what other tests asked for")
        Origin.most = 0
        replies = []

        def one(i):
            replies.append(self.edge.image(f"far?src=({self.url('late')}{i})&wid=40&fmt=png"))

        def let_go():
            wait_until(lambda: Origin.active == 2, "two transfers")
            Origin.held.set()

        at_once(one, 3, let_go)
        self.assertEqual([r.status for r in replies], [200] * 3)
        self.assertEqual(Origin.most, 2)

    def test_slow_servers_leave_renderers_for_others(self):
        """However many foreign images are waited for, renderers stay for what is cheap."""
        threads = [threading.Thread(target=self.edge.image, args=(f"far?src=({self.url('late')}{i})&wid=40&fmt=png",))
                   for i in range(4)]
        for t in threads:
            t.start()
        wait_until(lambda: Origin.active == 2, "two transfers, which are all that the server makes at a time")
        for wid in range(41, 46):
            self.assertEqual(self.edge.image(f"far/night?wid={wid}").headers["x-cache"], "miss")
        self.assertEqual(len(Origin.asked), 2)  # nothing has come, or run out of time, that others wait behind
        Origin.held.set()
        for t in threads:
            t.join()

    def test_images_of_a_request_are_downloaded_together(self):
        """Its renderer waits for the slowest of them, not for one after the other."""
        layers = "".join(f"&layer={n}&src=({self.url('late')}{n})" for n in range(1, 4))
        again = f"&layer=4&src=({self.url('late')}1)"
        replies = []
        thread = threading.Thread(
            target=lambda: replies.append(self.edge.image(f"far/night?wid=200{layers}{again}&fmt=png")))
        thread.start()
        wait_until(lambda: Origin.active == 2, "two transfers, which are all that the server makes at a time")
        Origin.held.set()
        thread.join()
        self.assertEqual(replies[0].status, 200, replies)
        self.assertEqual(sorted(path[-1] for path, _ in Origin.asked), ["1", "2", "3"])

    def test_downloads_end_with_their_client(self):
        """A renderer that waits for a slow server is free once nobody waits for the image."""
        with socket.create_connection(("127.0.0.1", self.edge.port)) as client:
            url = f"/is/image/far?src=({self.url('slow')})&layer=1&src=({self.url('slow')}2)&wid=40"
            client.sendall(f"GET {url} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            wait_until(lambda: Origin.active == 2, "the transfers")
            start = time.monotonic()
        wait_until(lambda: Origin.active == 0, "their end")
        self.assertLess(time.monotonic() - start, AMPLE)  # by themselves they would have ended then
        self.assertEqual(self.ask("plain").status, 200)

    def test_fetcher_that_dies_is_replaced(self):
        self.assertEqual(self.ask("plain").status, 200)
        before = [pid for pid, name in self.edge.children().items() if name == "smartimg-fetch"]
        self.assertEqual(len(before), 1)
        os.kill(before[0], signal.SIGKILL)
        self.assertEqual(self.ask("minute").status, 200)
        after = [pid for pid, name in self.edge.children().items() if name == "smartimg-fetch"]
        self.assertEqual(len(after), 1)
        self.assertNotEqual(before, after)

    def test_fetcher_that_dies_in_the_middle(self):
        """The question is asked once more; a second death is a clear 503."""
        for deaths, status in ((1, 200), (2, 503)):
            with self.subTest(deaths):
                Origin.held.clear()
                self.addCleanup(Origin.held.set)
                got = []
                thread = threading.Thread(target=lambda d=deaths: got.append(self.ask("late", f"&opac={90 - d}")))
                asked = len(Origin.asked)
                thread.start()
                for n in range(deaths):
                    wait_until(lambda k=n: len(Origin.asked) == asked + k + 1, "a download")
                    for pid, name in self.edge.children().items():
                        if name == "smartimg-fetch":
                            os.kill(pid, signal.SIGKILL)
                if status == 200:
                    wait_until(lambda: len(Origin.asked) == asked + deaths + 1, "another download")
                    Origin.held.set()
                thread.join(PATIENCE)
                self.assertEqual(got[0].status, status, got)
                if status == 503:
                    self.assertIn(b"the fetcher of foreign images does not answer", got[0].body)
        Origin.held.set()
        self.assertEqual(self.ask("plain").status, 200)

    def test_renderers_have_no_part_in_it(self):
        """Only the fetcher ever has a socket of the network."""
        thread = threading.Thread(target=self.ask, args=("late",))
        thread.start()
        wait_until(lambda: Origin.active, "a transfer")
        try:
            found = subprocess.run(["ss", "-tnpH", f"dport = :{self.port}"], capture_output=True, text=True)
        except FileNotFoundError:
            self.skipTest("no ss")
        finally:
            Origin.held.set()
            thread.join()
        if found.returncode != 0:
            self.skipTest("no ss")
        self.assertIn("smartimg-fetch", found.stdout)
        self.assertNotIn("smartimg-render", found.stdout)

    def command(self, name, *more):
        return subprocess.run(
            [SMARTIMG, name, f"/is/image/far?src=({self.url('hour')})&wid=40&fmt=png", "--root", self.edge.root,
             "--config", self.edge.config, *more], capture_output=True, timeout=PATIENCE)

    def test_render_and_explain_fetch_by_themselves(self):
        out = self.command("render", "-i", "--foreign-private", "127.0.0.1")
        self.assertEqual(out.returncode, 0, out.stderr)
        head, body = out.stdout.split(b"\r\n\r\n", 1)
        self.assertEqual(PIL.Image.open(io.BytesIO(body)).size, (40, 30))
        age = int(head.split(b"max-age=")[1].split(b"\r")[0])
        self.assertTrue(0 < age <= 3600)
        self.assertNotIn(b"Fresh-Until", head)
        self.assertEqual(self.command("explain", "--foreign-private", "127.0.0.1").returncode, 0)
        out = self.command("render")
        self.assertEqual(out.returncode, 1)
        self.assertIn(b"no public address", out.stderr)


if __name__ == "__main__":
    unittest.main()
