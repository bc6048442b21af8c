#!/usr/bin/env python3
"""Four edges, four machines with renderers and a Redis, each in a network namespace, under purges while cables are pulled and
processes die: python3 tests/fleet/test_network.py; with --table it prints the table of docs/fleet.md.

Readers ask edges for pictures all the time and compare the version shown with that of the last purge that had been
acknowledged before they asked. Writers replace a picture, with same size and time, and purge it. Every other picture is in a
bucket at the switch; the others are in a folder that all machines see."""

import http.client
import os
import pathlib
import random
import shutil
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from fleet import COMPANY, Node, Originals, Redis, original, purge, version_of, wait_until  # noqa: E402
from network import ADMIN, BACK, FRONT, PORT, RENDER, STORE, Network, Renderer, missing  # noqa: E402
from origins import Origin, Thing  # noqa: E402
from waiting import PATIENCE  # noqa: E402

EDGES, RENDERERS, PICTURES, READERS = 4, 4, 12, 3
PURGES = 12  # of a phase
BUCKET = "bucket"  # a company, and where its originals are
KEY, SECRET, REGION = "AKIATESTTESTTEST", "secret", "eu-west-1"


class Phase:
    """What was counted in one: a row of the table."""

    def __init__(self, name):
        self.name = name
        self.requests = self.failed = self.stale = self.acknowledged = self.behind = self.refused = 0
        self.seconds = None  # until all edges had caught up, once what was broken was whole again

    def cells(self):
        behind = "–" if self.seconds is None else f"{self.seconds:.1f}"
        return [self.name, self.requests, self.failed, self.acknowledged, self.behind, self.refused, self.stale, behind]


COLUMNS = ["phase", "requests", "no image", "purges acknowledged", "behind", "refused", "stale after an acknowledged purge",
           "s behind at the end"]


class Fleet:
    """All of it. `with Fleet() as fleet` from within the switch's namespace on."""

    def __init__(self, network, folder):
        self.network = network
        self.originals = Originals(folder / "root")
        self.key = folder / "seal.key"
        self.key.write_bytes(os.urandom(32))
        self.conf = self.configure(folder / "conf")
        self.bucket = None  # once somebody is at the switch
        self.names = [f"{(COMPANY, BUCKET)[i % 2]}/p{i}" for i in range(PICTURES)]
        self.versions = dict.fromkeys(self.names, 1)  # that the original has
        self.floor = dict.fromkeys(self.names, 1)     # that was acknowledged everywhere
        self.lock = threading.Lock()
        self.phase, self.phases, self.wrong = None, [], []
        self.reading, self.times = False, 1
        self.started = []

    @staticmethod
    def configure(conf):
        (conf / "companies").mkdir(parents=True)
        (conf / "companies/default.ini").write_text("FolderCompanies = true\n")
        keys = conf / "s3.keys"
        keys.write_text(f"AccessKeyId = {KEY}\nSecretAccessKey = {SECRET}\n")
        keys.chmod(0o600)
        (conf / f"companies/{BUCKET}.ini").write_text(
            f"Sources = assets\nRootPath =\n[source assets]\nBucket = pictures\nRegion = {REGION}\nPathStyle = true\n"
            f"Endpoint = http://{BACK}.1:{STORE}\nPrivate = true\nExtensions = .png\nCredentials = file:{keys}\n")
        return str(conf)

    def put(self, name, version):
        company, picture = name.split("/")
        if company == BUCKET:
            self.bucket.things[f"pictures/{picture}.png"] = Thing(original(version), modified=10**9)
        else:
            self.originals.set(picture, version)

    def start(self):
        redis = self.network.machine("redis", 5)
        self.redis = Redis(host=f"{BACK}.5", port=6379, netns=redis)
        self.begin(self.redis)
        self.renderers = []
        for i in range(RENDERERS):
            space = self.network.machine(f"render{i}", 21 + i)
            self.renderers.append(Renderer(self.originals, self.key, f"{BACK}.{21 + i}", RENDER, space,
                                           options=["--config", self.conf]))
            self.begin(self.renderers[-1])
        at = ",".join(r.address for r in self.renderers)
        self.edges = []
        for i in range(EDGES):
            space = self.network.machine(f"edge{i}", 11 + i)
            edge = Node(self.originals, self.redis, "--config", self.conf, "--renderers-at", at, "--seal-key",
                        str(self.key), "--renderers", str(RENDERERS), name=f"edge{i}", host=f"{FRONT}.{11 + i}", netns=space)
            edge.port, edge.admin_port = PORT, ADMIN
            self.edges.append(edge)
            self.begin(edge)
        self.network.enter()
        self.bucket = Origin({KEY: SECRET}, REGION, address=(f"{BACK}.1", STORE))
        for name in self.names:
            self.put(name, 1)

    def begin(self, part):
        self.started.append(part)
        part.start()

    def stop(self):
        self.reading = False
        for part in reversed(self.started):
            part.stop()
        if self.bucket:
            self.bucket.__exit__()

    # ---- readers ----

    def read(self, edge, name, connection):
        """(status, version or None) of a picture, on a connection that is kept."""
        connection.request("GET", f"/is/image/{name}?fmt=png&wid={random.choice((16, 8))}")
        reply = connection.getresponse()
        body = reply.read()
        return reply.status, version_of(body) if reply.status == 200 else None

    def reader(self, number):
        dice, connections = random.Random(number), {}
        while self.reading:
            edge, name = dice.choice(self.edges), dice.choice(self.names)
            with self.lock:
                phase, floor = self.phase, self.floor[name]
            connection = connections.get(edge) or http.client.HTTPConnection(edge.host, PORT, timeout=15)
            connections[edge] = connection
            try:
                status, version = self.read(edge, name, connection)
            except (OSError, http.client.HTTPException):
                connection.close()
                del connections[edge]
                status, version = 0, None
            with self.lock:
                phase.requests += 1
                phase.failed += status != 200
                if version is not None and version < floor:
                    phase.stale += 1
                    self.wrong.append((phase.name, edge.name, name, version, floor))
            time.sleep(0.002)
        for connection in connections.values():
            connection.close()

    def read_always(self):
        self.reading = True
        self.threads = [threading.Thread(target=self.reader, args=(i,)) for i in range(READERS)]
        self.enter_phase("as it should be")
        for thread in self.threads:
            thread.start()

    def end_reading(self):
        self.reading = False
        for thread in self.threads:
            thread.join()

    # ---- phases ----

    def enter_phase(self, name):
        with self.lock:
            self.phase = Phase(name)
            self.phases.append(self.phase)

    def replace_and_purge(self, wait, dice=random):
        """Returns the exit status of the purge."""
        name = dice.choice(self.names)
        version = self.versions[name] = self.versions[name] + 1
        self.put(name, version)
        status = purge(self.redis, name, wait=wait).returncode
        with self.lock:
            self.phase.acknowledged += status == 0
            self.phase.behind += status == 4
            self.phase.refused += status == 1
            if status == 0:
                self.floor[name] = version
        return status

    def purges(self, count=PURGES, wait=30):
        return [self.replace_and_purge(wait) for _ in range(count * self.times)]

    def shown(self, edge, name):
        connection = http.client.HTTPConnection(edge.host, PORT, timeout=PATIENCE)
        try:
            return self.read(edge, name, connection)[1]
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def all_is_new(self, lost=()):
        """Whether every edge shows the last version of each picture but of those whose purge was refused."""
        return all(self.shown(edge, name) == self.versions[name]
                   for edge in self.edges for name in self.names if name not in lost)

    def old(self):
        """What is not new, in words."""
        return "all edges to show what was purged: " + "; ".join(
            f"{edge.name} shows {shown} of {name}, whose version is {self.versions[name]}"
            for edge in self.edges for name in self.names if (shown := self.shown(edge, name)) != self.versions[name])

    def mend(self, how):
        """Ends what is broken; how long it takes from then on until every edge has applied every purge."""
        how()
        start = time.monotonic()

        def caught_up():
            try:
                return all(0 <= edge.metric("smartimg_invalidations_lag_seconds") < 2
                           and edge.metric("smartimg_invalidations_connected") == 1 for edge in self.edges)
            except OSError:
                return False
        wait_until(caught_up, "all edges to catch up")
        self.phase.seconds = time.monotonic() - start

    def purge_again(self):
        """What was refused was not purged, which its writer was told: it does it again."""
        for name in self.names:
            assert purge(self.redis, name).returncode == 0


@unittest.skipIf(missing(), missing())
class Proof(unittest.TestCase):
    table = False

    def setUp(self):
        folder = tempfile.mkdtemp(prefix="smartimg-network-")
        os.chmod(folder, 0o755)
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        network = Network()
        network.__enter__()
        self.addCleanup(network.__exit__)
        self.network, self.fleet = network, Fleet(network, pathlib.Path(folder))
        self.addCleanup(self.fleet.stop)
        # (a thread of its own has entered the switch, and those that it starts)
        self.fleet.start()

    def test_all(self):
        fleet, network = self.fleet, self.network
        fleet.times = 4 if self.table else 1
        fleet.read_always()
        self.assertEqual(set(fleet.purges()), {0})

        fleet.enter_phase("an edge is cut off from Redis and renderers")
        network.cable("edge1", "back", False)
        self.assertEqual(set(fleet.purges(6, wait=1)), {4})
        fleet.mend(lambda: network.cable("edge1", "back", True))
        wait_until(fleet.all_is_new, fleet.old)
        self.assertEqual(set(fleet.purges(4)), {0})

        fleet.enter_phase("Redis is cut off")
        network.cable("redis", "back", False)
        self.assertEqual(set(fleet.purges(2, wait=1)), {1})
        fleet.mend(lambda: network.cable("redis", "back", True))
        fleet.purge_again()
        wait_until(fleet.all_is_new, fleet.old)

        fleet.enter_phase("Redis dies, and comes back with its data")
        fleet.redis.end(9)
        self.assertEqual(set(fleet.purges(2, wait=1)), {1})
        fleet.mend(fleet.redis.start)
        self.assertEqual(set(fleet.purges(4)), {0})
        fleet.purge_again()
        wait_until(fleet.all_is_new, fleet.old)

        fleet.enter_phase("an edge is cut off, and Redis loses its data meanwhile")
        network.cable("edge2", "back", False)
        self.assertEqual(set(fleet.purges(4, wait=1)), {4})
        fleet.redis.end(9)
        fleet.redis.lose()
        fleet.redis.start()
        network.cable("edge2", "back", True)
        fleet.mend(lambda: None)
        wait_until(fleet.all_is_new, fleet.old)
        self.assertEqual(set(fleet.purges(4)), {0})

        fleet.enter_phase("an edge loses its power, and comes back")
        fleet.edges[3].crash()
        self.assertEqual(set(fleet.purges(4, wait=1)), {4})
        fleet.mend(fleet.edges[3].start)
        wait_until(fleet.all_is_new, fleet.old)

        fleet.enter_phase("an edge is stopped, and started again")
        fleet.edges[0].end()
        self.assertEqual(set(fleet.purges(4)), {0})
        fleet.mend(fleet.edges[0].start)
        wait_until(fleet.all_is_new, fleet.old)

        fleet.enter_phase("a machine with renderers is lost")
        network.cable("render2", "back", False)
        self.assertEqual(set(fleet.purges(6)), {0})
        network.cable("render2", "back", True)
        wait_until(fleet.all_is_new, fleet.old)

        fleet.enter_phase("as it should be, again")
        self.assertEqual(set(fleet.purges(6)), {0})
        wait_until(fleet.all_is_new, fleet.old)
        fleet.end_reading()
        if self.table:
            print("| " + " | ".join(COLUMNS) + " |\n|" + "---|" * len(COLUMNS))
            for phase in fleet.phases:
                print("| " + " | ".join(map(str, phase.cells())) + " |")
        self.assertEqual(fleet.wrong, [])
        self.assertGreater(fleet.phases[0].requests, 0)


if __name__ == "__main__":
    if "--table" in sys.argv:
        sys.argv.remove("--table")
        Proof.table = True
    unittest.main()
