"""Requests wait for foreign images in a process of their own, with no renderer in hand: a server with a single one, and an
origin that keeps downloads open for as long as a test likes."""

import atexit
import os
import select
import signal
import socket
import time
import unittest

import test_foreign
from test_foreign import AMPLE, Origin, red
from waiting import PATIENCE, gone, wait_until

WAITING = 256  # SI_DOWNLOADS_MAX


class DownloadsTest(unittest.TestCase):
    site = None  # started when first wanted, for all tests here

    def setUp(self):
        DownloadsTest.site = self.site or test_foreign.Site(AMPLE, renderers=1, transfers=16)
        self.edge, self.port = self.site.edge, self.site.port
        Origin.asked.clear()
        Origin.held.clear()
        self.salt = f"?{time.monotonic_ns()}"
        self.addCleanup(wait_until, lambda: Origin.active == 0, "the end of all downloads")
        self.addCleanup(Origin.held.set)

    def url(self, kind, more=""):
        return f"http://127.0.0.1:{self.port}/{kind}/x.png{self.salt}{more}"

    def ask(self, kind, more=""):
        return self.edge.image(f"far?src=({self.url(kind, more)})&wid=40&fmt=png")

    def send(self, query):
        """A request of a client of its own, whose connection this gives."""
        client = socket.create_connection(("127.0.0.1", self.edge.port), timeout=PATIENCE)
        self.addCleanup(client.close)
        client.sendall(f"GET /is/image/{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        return client

    def hold(self, count, kind="slow"):
        """So many requests that wait for a download each."""
        clients = [self.send(f"far?src=({self.url(kind, f'-{i}')})&wid=40&fmt=png") for i in range(count)]
        wait_until(lambda: Origin.active == count, "their downloads")
        return clients

    def processes(self, name):
        return [pid for pid, its in self.edge.children().items() if its == name]

    @staticmethod
    def answer(client):
        with client, client.makefile("rb") as reply:
            return int(reply.readline().split()[1]), reply.read()

    def test_slow_servers_hold_no_renderer(self):
        clients = self.hold(5)
        for query in "demo/night?wid=51", "demo/night?wid=3000&fmt=jpg&bfc=off", f"far?src=({self.url('plain')})&wid=40":
            reply = self.edge.image(query)
            self.assertEqual((reply.status, reply.headers["x-cache"]), (200, "miss"), query)
        self.assertEqual(Origin.active, 5)
        self.assertEqual(len(self.processes("smartimg-render")), 1)
        for client in clients:
            client.close()

    def test_answers_come_when_their_images_do(self):
        clients = self.hold(5, "late")
        self.assertEqual(self.edge.image("demo/night?wid=52").status, 200)
        Origin.held.set()
        for client in clients:
            status, reply = self.answer(client)
            self.assertEqual(status, 200)
            self.assertIn(b"\x89PNG", reply)
        self.assertEqual(len(Origin.asked), 5)  # no renderer asks again

    def test_time_in_downloads_is_no_queue(self):
        """Who waited for a download has not waited for a renderer, and is answered as on an idle machine."""
        client = self.send(f"far?src=({self.url('late')})&wid=120&bfc=on&fmt=jpg")
        wait_until(lambda: Origin.active == 1, "the download")
        time.sleep(1.2)  # from a second on, an answer that waits is made quicker
        Origin.held.set()
        status, reply = self.answer(client)
        self.assertEqual(status, 200)
        self.assertNotIn(b"load=", reply)

    def test_who_leaves_ends_its_download_alone(self):
        clients = self.hold(3)
        clients[1].close()
        wait_until(lambda: Origin.active == 2, "the end of one")
        for client in clients[0], clients[2]:
            client.close()

    def test_first_failure_answers_at_once(self):
        """In the order in which the answer looks at its images; others are not waited for."""
        slow, none = self.url("slow"), self.url("none")
        reply = self.edge.image(f"far?src=({none})&layer=1&src=({slow})&wid=40&fmt=png")
        self.assertEqual((reply.status, reply.body), (403, self.ask("none").body))
        reply = self.edge.image(f"far?src=({self.url('plain')})&layer=1&src=({self.url('broken')})&layer=2&src=({none})"
                                f"&wid=40&fmt=png")
        self.assertEqual(reply.status, 403)
        self.assertIn(b"status 500", reply.body)

    def test_process_that_dies_is_replaced(self):
        client, = self.hold(1)
        self.assertEqual(self.ask("plain").status, 200)
        before, = self.processes("smartimg-downld")
        os.kill(before, signal.SIGKILL)
        # the edge asks once more
        second, = wait_until(lambda: [p for p in self.processes("smartimg-downld") if p != before], "another process")
        wait_until(lambda: len([1 for path, _ in Origin.asked if path.startswith("/slow")]) == 2, "another download")
        os.kill(second, signal.SIGKILL)
        status, reply = self.answer(client)
        self.assertEqual(status, 503)
        self.assertIn(b"\r\n\r\n", reply)
        self.assertTrue(red(self.ask("minute")))
        self.assertTrue(gone(before) and gone(second))

    def test_orderly_stop(self):
        """Workers stay until all that wait for downloads have been answered."""
        site = test_foreign.Site(AMPLE, renderers=1, transfers=16)
        try:
            self.edge, self.port = site.edge, site.port
            clients = self.hold(2, "late")
            pool, = self.processes("smartimg-pool")
            os.kill(pool, signal.SIGTERM)
            wait_until(lambda: not os.path.exists(site.edge.folder / "render.sock-foreign"), "the pool to take note")
            Origin.held.set()
            self.assertEqual([self.answer(c)[0] for c in clients], [200, 200])
        finally:
            atexit.unregister(site.stop)
            site.stop()

    def test_one_too_many(self):
        clients = [self.send(f"far?src=({self.url('slow', f'-{i}')})&wid=40&fmt=png") for i in range(WAITING + 1)]
        wait_until(lambda: Origin.active == 16, "as many downloads as there may be")
        refused = wait_until(lambda: select.select(clients, [], [], 0)[0], "a reply")
        self.assertEqual(len(refused), 1)
        status, reply = self.answer(refused[0])
        self.assertEqual(status, 503)
        self.assertIn(b"Retry-After: 1\r\n", reply)
        self.assertIn(b"too many requests wait for foreign images", reply)
        self.assertEqual(self.edge.image("demo/night?wid=53").status, 200)
        for client in clients:
            client.close()
        wait_until(lambda: Origin.active == 0, "the end of all downloads")
        self.assertTrue(red(self.ask("plain")))  # there is room again


if __name__ == "__main__":
    unittest.main()
