#!/usr/bin/env python3
"""Purges of a fleet through a real Redis: python3 tests/fleet/test_fleet.py [WORD...]"""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from fleet import COMPANY, REDIS, Node, Originals, Redis, fleet, purge, run, wait_until  # noqa: E402


@unittest.skipUnless(REDIS, "there is no redis-server")
class Purges(unittest.TestCase):
    """Two nodes, and what happens to Redis."""

    def setUp(self):
        folder = tempfile.mkdtemp(prefix="smartimg-fleet-")
        os.chmod(folder, 0o755)
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        self.originals = Originals(pathlib.Path(folder) / "root")
        self.originals.set("shoe", 1)
        self.originals.set("hat", 1)
        self.redis = Redis().start()
        self.addCleanup(self.redis.stop)

    def node(self, *options, **how):
        node = Node(self.originals, self.redis, *options, **how)
        self.addCleanup(node.stop)
        return node

    def both(self):
        nodes = [self.node(name=f"node-{i}").start() for i in range(2)]
        for node in nodes:
            self.assertEqual(node.version("shoe"), 1)
        return nodes

    def assert_shown(self, nodes, version, name="shoe"):
        self.assertEqual([node.version(name) for node in nodes], [version] * len(nodes))

    @unittest.skipUnless(os.geteuid() == 0, "another user's process needs root")
    def test_cache_folder_that_root_alone_gets_to(self):
        """nginx's workers, who have another user's rights, get to it if nobody named that user; so does who purges."""
        token = self.node().folder / "token"
        token.write_text("a token for PURGE")
        node = self.node("--purge-token", str(token))
        node.folder.chmod(0o700)
        node.start()
        self.assertEqual(node.version("shoe"), 1)
        self.originals.set("shoe", 2)
        self.assertEqual(purge(self.redis, f"{COMPANY}/shoe").returncode, 0)
        self.assert_shown([node], 2)
        self.originals.set("shoe", 3)
        status, _, body = node.ask(f"/is/image/{COMPANY}/shoe", "PURGE", node.admin_port,
                                   {"Authorization": "Bearer a token for PURGE"})
        self.assertEqual(status, 200, body)
        self.assert_shown([node], 3)
        for name in ("smartimg-purges", "smartimg-purge"):
            status = pathlib.Path(f"/proc/{node.child(name)}/status").read_text()
            self.assertRegex(status, r"CapPrm:\t0+4\nCapEff:\t0+4\n", name)  # CAP_DAC_READ_SEARCH
        named = self.node("--user", "www-data")
        named.folder.chmod(0o700)
        with self.assertRaisesRegex(RuntimeError, "generations: Permission denied"):
            named.start()
        self.assertEqual(named.process.wait(), 1)

    def test_purge_is_acknowledged_by_both(self):
        nodes = self.both()
        self.originals.set("shoe", 2)
        self.originals.set("hat", 2)
        self.assert_shown(nodes, 1)  # nothing tells that the picture is another
        done = purge(self.redis, f"{COMPANY}/shoe")
        self.assertEqual((done.returncode, done.stdout), (0, f"purged {COMPANY}/shoe on 2 nodes\n"), done.stderr)
        self.assert_shown(nodes, 2)
        self.originals.set("shoe", 3)
        done = purge(self.redis, "--company", COMPANY)
        self.assertEqual((done.returncode, done.stdout), (0, f"purged all of company {COMPANY} on 2 nodes\n"))
        self.assert_shown(nodes, 3)
        self.originals.set("shoe", 4)
        self.assertEqual(purge(self.redis, "--all").returncode, 0)
        self.assert_shown(nodes, 4)
        listed = fleet(self.redis)
        self.assertEqual(listed.returncode, 0)
        self.assertRegex(listed.stdout, r"(?s)^node-0: up to date, .*node-1: up to date, .*2 nodes\n$")
        for node in nodes:
            self.assertEqual(node.metric("smartimg_invalidations_connected"), 1)
            self.assertEqual(node.metric("smartimg_invalidations_all_total"), 1)  # once, as it was new

    def test_redis_restarts_with_its_data(self):
        nodes = self.both()
        self.redis.end(signal.SIGKILL)
        wait_until(lambda: all(node.metric("smartimg_invalidations_connected") == 0 for node in nodes), "both to notice")
        self.assert_shown(nodes, 1)
        self.originals.set("shoe", 2)
        done = purge(self.redis, f"{COMPANY}/shoe", wait=0)
        self.assertEqual(done.returncode, 1)
        self.assertIn("nothing was purged", done.stderr)
        self.redis.start()
        done = purge(self.redis, f"{COMPANY}/shoe")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_shown(nodes, 2)
        for node in nodes:
            self.assertEqual(node.metric("smartimg_invalidations_all_total"), 1)  # nothing was lost

    def test_redis_restarts_without_its_data(self):
        nodes = self.both()
        self.originals.set("shoe", 2)
        self.redis.end(signal.SIGKILL)
        self.redis.lose()
        self.redis.start()
        wait_until(lambda: all(node.metric("smartimg_invalidations_all_total") == 2 for node in nodes),
                   "both to purge everything")
        self.assert_shown(nodes, 2)
        self.originals.set("shoe", 3)
        done = purge(self.redis, f"{COMPANY}/shoe", nodes=2)
        self.assertEqual((done.returncode, done.stdout), (0, f"purged {COMPANY}/shoe on 2 nodes\n"), done.stderr)
        self.assert_shown(nodes, 3)

    def test_redis_comes_back_with_older_data(self):
        """A node that had not seen what was lost learns of it from one that had."""
        nodes = self.both()
        self.assertEqual(purge(self.redis, f"{COMPANY}/hat").returncode, 0)
        older = self.redis.folder + "-older"
        shutil.copytree(self.redis.folder, older)
        self.addCleanup(shutil.rmtree, older, ignore_errors=True)
        behind, ahead = nodes
        os.kill(behind.child("smartimg-purges"), signal.SIGSTOP)
        self.originals.set("shoe", 2)
        done = purge(self.redis, f"{COMPANY}/shoe", wait=2)
        self.assertEqual(done.returncode, 4)
        self.assertIn("1 of 2 nodes have not applied it yet, and will as soon as they can: node-0", done.stderr)
        self.assert_shown([ahead], 2)
        self.assert_shown([behind], 1)
        self.redis.end(signal.SIGKILL)
        shutil.rmtree(self.redis.folder)
        shutil.copytree(older, self.redis.folder)
        self.redis.start()
        wait_until(lambda: ahead.metric("smartimg_invalidations_all_total") == 2, "the one that was ahead to notice")
        os.kill(behind.child("smartimg-purges"), signal.SIGCONT)
        wait_until(lambda: behind.metric("smartimg_invalidations_all_total") == 2, "the other one to notice")
        self.assert_shown(nodes, 2)

    def test_redis_is_lost_while_a_purge_waits(self):
        """The purge is added once more, or it would be taken for one that all have applied."""
        nodes = self.both()
        for node in nodes:
            os.kill(node.child("smartimg-purges"), signal.SIGSTOP)
        self.originals.set("shoe", 2)
        done = []
        thread = threading.Thread(target=lambda: done.append(purge(self.redis, f"{COMPANY}/shoe")))
        thread.start()
        wait_until(lambda: self.redis.call("XLEN", "smartimg:invalidations") == "1", "the purge to be added")
        self.redis.call("FLUSHALL")
        for node in nodes:
            os.kill(node.child("smartimg-purges"), signal.SIGCONT)
        thread.join()
        self.assertEqual(done[0].returncode, 0, done[0].stderr)
        self.assert_shown(nodes, 2)
        self.assertGreaterEqual(int(self.redis.call("XLEN", "smartimg:invalidations")), 1)

    def test_stream_was_trimmed_behind_a_node(self):
        nodes = self.both()
        os.kill(nodes[0].child("smartimg-purges"), signal.SIGSTOP)
        self.originals.set("shoe", 2)
        for name in ("shoe", "other", "another"):
            self.assertEqual(purge(self.redis, f"{COMPANY}/{name}", wait=0).returncode, 4)
        self.redis.call("XTRIM", "smartimg:invalidations", "MAXLEN", "1")
        os.kill(nodes[0].child("smartimg-purges"), signal.SIGCONT)
        wait_until(lambda: nodes[0].metric("smartimg_invalidations_all_total") == 2, "the node to purge everything")
        self.assertTrue(nodes[0].says("removed from the stream before they were seen"))
        self.assert_shown(nodes, 2)

    def test_node_dies_and_comes_back(self):
        nodes = self.both()
        nodes[0].crash()
        wait_until(lambda: nodes[0].ask_fails(), "the node to be gone")
        self.originals.set("shoe", 2)
        done = purge(self.redis, f"{COMPANY}/shoe", wait=1)
        self.assertEqual(done.returncode, 4)
        self.assertIn("node-0", done.stderr)
        nodes[0].start()
        self.assert_shown(nodes, 2)  # it has caught up before it answers
        self.assertEqual(nodes[0].metric("smartimg_invalidations_all_total"), 0)

    def test_invalidations_process_dies(self):
        nodes = self.both()
        os.kill(nodes[0].child("smartimg-purges"), signal.SIGKILL)
        self.originals.set("shoe", 2)
        self.assertEqual(purge(self.redis, f"{COMPANY}/shoe").returncode, 0)
        self.assert_shown(nodes, 2)
        self.assertTrue(nodes[0].says("the invalidations process was killed"))

    def test_node_leaves_and_comes_back(self):
        nodes = self.both()
        self.assertEqual(nodes[0].end(), 0)
        self.assertRegex(fleet(self.redis).stdout, "(?s)^node-1: .*1 nodes\n$")
        self.originals.set("shoe", 2)
        self.assertEqual(purge(self.redis, f"{COMPANY}/shoe").returncode, 0)
        nodes[0].start()
        self.assert_shown(nodes, 2)
        self.assertEqual(nodes[0].metric("smartimg_invalidations_all_total"), 0)  # it has replayed what it missed

    def test_nothing_is_served_before_it_has_caught_up(self):
        nodes = self.both()
        self.assertEqual(nodes[0].end(), 0)
        self.originals.set("shoe", 2)
        self.assertEqual(purge(self.redis, f"{COMPANY}/shoe").returncode, 0)
        self.redis.process.send_signal(signal.SIGSTOP)
        nodes[0].launch()
        wait_until(lambda: nodes[0].says("the connection to Redis failed"), "a first try in vain")
        self.assertTrue(nodes[0].ask_fails())
        self.redis.process.send_signal(signal.SIGCONT)
        wait_until(lambda: not nodes[0].ask_fails(), "the node to serve")
        self.assert_shown(nodes, 2)

    def test_node_that_left_starts_without_redis(self):
        """Nobody waited for it, so it trusts nothing that it has."""
        nodes = self.both()
        self.assertEqual(nodes[0].end(), 0)
        self.originals.set("shoe", 2)
        self.assertEqual(purge(self.redis, f"{COMPANY}/shoe").returncode, 0)
        self.redis.end()
        nodes[0].start()
        self.assert_shown(nodes, 2)
        self.assertTrue(nodes[0].says("serving without Redis, with an empty cache"))

    def test_node_is_forgotten(self):
        nodes = self.both()
        os.kill(nodes[0].child("smartimg-purges"), signal.SIGSTOP)
        self.assertEqual(purge(self.redis, f"{COMPANY}/shoe", wait=0).returncode, 4)
        self.assertEqual(fleet(self.redis).returncode, 1)
        self.assertEqual(fleet(self.redis, "--forget", "node-0").returncode, 0)
        self.assertEqual(fleet(self.redis, "--forget", "node-0").returncode, 1)
        self.assertEqual(purge(self.redis, f"{COMPANY}/shoe").returncode, 0)
        os.kill(nodes[0].child("smartimg-purges"), signal.SIGCONT)
        wait_until(lambda: "2 nodes" in fleet(self.redis).stdout, "the node to be known again")

    def test_nobody_follows(self):
        done = purge(self.redis, f"{COMPANY}/shoe", wait=5)
        self.assertEqual(done.returncode, 4)
        self.assertIn("0 nodes have applied it, of at least 1", done.stderr)

    def test_password(self):
        self.redis.end()
        self.redis.options = ("--requirepass", "not for everybody")
        self.redis.call = lambda *words: subprocess.run(
            ["redis-cli", "-h", self.redis.host, "-p", str(self.redis.port), "--no-auth-warning", "-a",
             "not for everybody", *words], capture_output=True, text=True).stdout.strip()
        self.redis.start()
        done = purge(self.redis, "--all", wait=0)
        self.assertEqual(done.returncode, 1)
        self.assertIn("NOAUTH", done.stderr)
        secret = pathlib.Path(self.redis.folder) / "auth"
        secret.write_text("not for everybody\n")
        secret.chmod(0o600)
        node = self.node("--redis-auth", str(secret)).start()
        self.assertEqual(node.metric("smartimg_invalidations_connected"), 1)
        how = ["--redis", self.redis.url, "--redis-auth", str(secret)]
        self.assertEqual(run("purge", "--all", *how).returncode, 0)
        secret.write_text("wrong\n")
        done = run("purge", "--all", *how, "--wait", "0")
        self.assertEqual(done.returncode, 1)
        self.assertIn("WRONGPASS", done.stderr)
        done = run("purge", "--all", "--redis", "redis://:se%cret@/x", "--wait", "0")
        self.assertEqual(done.returncode, 1)
        self.assertNotIn("se%cret", done.stderr)


if __name__ == "__main__":
    unittest.main()
