#!/usr/bin/env python3
"""Which class is read from real TCP connections over slow lines.

    tests/network/test_network.py [-v] [NetworkTest.test_name]

SMARTIMG_BUILD names the build folder (build). Needs root, ip and /dev/net/tun.
"""

import collections
import concurrent.futures
import functools
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import line as lines  # noqa: E402
from line import CLIENT, PROFILES, Line, Profile, Server, wait_until  # noqa: E402

# Small and large ones, as a page has; JPEG, so that they are the same whatever is known of the line.
PATHS = [f"/is/image/demo/{name}?wid={width}&fmt=jpg&qlt=80&bfc=off"
         for width in (250, 450) for name in ("fabric", "landscape", "night", "pebbles")]
FAST, GOOD, POOR = PROFILES
LONG = Profile("20 Mbit/s, 150 ms", 20000, 150, 0)
CLASSES = ["unknown", "excellent", "good", "poor"]

Seen = collections.namedtuple("Seen", "classes judged")  # by request, in order; and by the metrics


def load(line, server, times=1, length=1, **how):
    """Loads the page, which is so many times as long, and returns what the log says of the line in each request, in the
    order of their ends."""
    def requests():
        return [text for text in server.log.read_text().splitlines() if text.startswith(CLIENT)] \
            if server.log.exists() else []
    before = len(requests())
    for _ in range(times):
        page = line.load(PATHS * length, **how)
        assert {p["status"] for p in page["pictures"]} == {200}, page
    wait_until(lambda: len(requests()) == before + times * length * len(PATHS), "the log")
    return [re.search(r" line=(\w+) ", text)[1] for text in requests()[before:]]


def judged(server):
    metrics = server.metrics()
    return {c: metrics[f'smartimg_connections_judged_total{{class="{c}"}}'] for c in CLASSES[1:]}


def in_time(scene):
    """The scene again, if the machine was late with more than a twentieth of the packets; at the third time it is too busy
    for lines."""
    @functools.wraps(scene)
    def tried(*arguments, **how):
        for _ in range(3):
            on = []
            seen = scene(on, *arguments, **how)
            if max(line.late for line in on) <= 0.05:
                return seen
        raise unittest.SkipTest(f"this machine is late with {max(line.late for line in on):.0%} of the packets")
    return tried


@in_time
def see(on, profile, congestion="cubic", options=(), **how):
    with Line(profile, congestion) as line, Server(line, *options) as server:
        on.append(line)
        return Seen(load(line, server, **how), judged(server))


@in_time
def see_change(on):
    """One connection a page, and the line changes between pages."""
    with Line(FAST, "cubic") as line, Server(line) as server:
        on.append(line)
        pages = []
        for profile in (FAST, POOR, FAST):
            line.become(profile)
            pages.append(load(line, server, connections=1, times=2))
        return pages


@in_time
def see_memory_end(on):
    with Line(POOR, "cubic") as line, Server(line, "--network-memory-seconds", "0") as server:
        on.append(line)
        return [load(line, server, connections=1) for _ in range(2)]


# What is seen, before the first test and at the same time: it takes long, and little of the machine.
SCENES = {
    **{(p.name, c): functools.partial(see, p, c, connections=1, length=3)
       for p in PROFILES for c in ("cubic", "bbr") if c in lines.congestions()},
    "long": functools.partial(see, LONG, connections=1),
    "shared fast": functools.partial(see, FAST, times=3),
    "shared good": functools.partial(see, GOOD, times=2),
    "proxy": functools.partial(see, GOOD, options=("--trusted-proxies", CLIENT), connections=1),
    "edge": functools.partial(see, GOOD, options=("--trusted-edges", CLIENT), connections=1),
    "change": see_change,
    "memory": see_memory_end,
}


@unittest.skipIf(lines.missing(), lines.missing())
class NetworkTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            cls.scenes = {name: pool.submit(scene) for name, scene in SCENES.items()}

    def seen(self, *name):
        return self.scenes[name if len(name) > 1 else name[0]].result()

    def check(self, profile, expected, *also):
        for name, congestion in [k for k in SCENES if k[0] == profile.name]:
            with self.subTest(congestion=congestion):
                classes, counts = self.seen(name, congestion)
                self.assertEqual(classes[0], "unknown", "nothing was sent before")
                self.assertEqual(classes[-1], expected, classes)
                self.assertLessEqual(set(classes), {"unknown", expected, *also}, classes)
                self.assertEqual(classes, sorted(classes, key=CLASSES.index), "to and fro")
                self.assertEqual(counts[expected], 1)

    def test_excellent(self):
        self.check(FAST, "excellent")

    def test_good(self):
        self.check(GOOD, "good")

    def test_poor(self):
        """At least good at first: poor has to be clear."""
        self.check(POOR, "poor", "good")

    def test_fast_line_of_long_round_trips(self):
        """Slow for the first seconds of a connection, for want of time and not of line."""
        self.assertLessEqual(set(self.seen("long").classes), {"unknown", "excellent"})

    def test_shared_line(self):
        """Six connections at once have a sixth each; their line is no worse for it."""
        self.assertLessEqual(set(self.seen("shared fast").classes), {"unknown", "excellent"})
        self.assertLessEqual(set(self.seen("shared good").classes), {"unknown", "good"})

    def test_line_that_changes(self):
        """A connection notices, and the next one of the client begins with what was found."""
        fast, poor, again = self.seen("change")
        self.assertEqual((fast[0], fast[-1]), ("unknown", "excellent"))
        self.assertEqual((poor[0], poor[-1]), ("excellent", "poor"), poor)
        self.assertEqual((again[0], again[-1]), ("poor", "excellent"), again)

    def test_memory_ends(self):
        first, second = self.seen("memory")
        self.assertEqual((first[-1], second[0]), ("poor", "unknown"))

    def test_connection_of_a_proxy_is_not_judged(self):
        for name in ("proxy", "edge"):
            self.assertEqual(set(self.seen(name).classes), {"unknown"}, name)
            self.assertEqual(set(self.seen(name).judged.values()), {0}, name)


if __name__ == "__main__":
    unittest.main(verbosity=2)
