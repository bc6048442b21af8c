#!/usr/bin/env python3
"""Refinement that starts by itself: nginx with the module, in front of a renderer made of paper.

    python3 tests/edge/test_refine.py [-v] [RefineTest.test_name]
"""

import os
import re
import signal
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from edge import Edge, wait_until

COMPANIES = {"smart": "Bfc = true\n"}
CHROME = "image/avif,image/webp,*/*"
SHORT = "public, max-age=36000, s-maxage=60, stale-while-revalidate=36000"
LONG = "public, max-age=36000"


def mark(tier):
    return f"X-Smartimg-First-Answer: {tier}\r\n"


def answer(size, tier=None, letter=b"x"):
    return {"body": letter * size, "headers": mark(tier) if tier else ""}


class RefineTest(unittest.TestCase):
    WORKERS, OPTIONS = 2, {}

    def setUp(self):
        self.edge = Edge(workers=self.WORKERS, companies=COMPANIES,
                         **{"refine_share": 50, **self.OPTIONS})
        self.holds = []
        self.asked = 0

    def tearDown(self):
        for hold in self.holds:
            hold.set()
        log = self.edge.error_log()
        self.edge.stop()
        bad = [line for line in log.splitlines() if re.search(r"\[(alert|emerg)\]", line)
               and "exited on signal 9" not in line]
        self.assertEqual(bad, [])

    def hold(self):
        self.holds.append(threading.Event())
        return self.holds[-1]

    def image(self, name, first=1000, better=800, best=700, **more):
        """An image and its answers of these sizes."""
        behaviour = {**answer(first, "fast"), "tiers": {"better": answer(better, "better", b"y"),
                                                        "best": answer(best, None, b"z")}}
        behaviour.update(more)
        return self.edge.image(name, "smart", **behaviour)

    def get(self, url, **headers):
        self.asked += 1
        return self.edge.get(url, Accept=CHROME, **headers)

    def result(self, name):
        return self.edge.metrics()[f'smartimg_refinements_total{{result="{name}"}}']

    def waiting(self):
        return self.edge.metrics()["smartimg_refinements_waiting"]

    def wait_for_tiers(self, name, *tiers):
        wait_until(lambda: len(self.edge.renderer.tiers(name)) >= len(tiers), f"{len(tiers)} renders of {name}")
        self.assertEqual(self.edge.renderer.tiers(name), list(tiers))

    def wait_for_entries(self, n):
        """Answers are entered when their requests end, a moment after their clients have them."""
        wait_until(lambda: self.waiting() == n, f"{n} entries")

    def wait_until_settled(self):
        wait_until(lambda: self.waiting() == 0, "the end of refinements")
        self.edge.wait_for_end()

    def assertHit(self, url, size, control):
        """What the cache has now, which a reply from memory may hide for a second."""
        def look():
            reply = self.get(url)
            return (reply["X-Cache"], len(reply.body), reply["Cache-Control"]) == ("hit", size, control) and reply
        return wait_until(look, f"{size} bytes, {control}")

    def test_better_and_then_best_without_a_second_request(self):
        url = self.image("alone")
        first = self.get(url)
        self.assertEqual((first["X-Cache"], len(first.body), first["Cache-Control"]), ("miss", 1000, SHORT))
        self.wait_for_tiers("alone", "", "better", "best")
        self.wait_until_settled()
        best = self.assertHit(url, 700, LONG)
        self.assertEqual((best.body[:1], best["ETag"]), (b"z", '"alone-3"'))
        self.assertIsNone(best["X-Smartimg-First-Answer"])
        metrics = self.edge.metrics()
        self.assertEqual(self.result("improved"), 2)
        self.assertEqual(metrics["smartimg_refinement_saved_bytes_total"], 300)
        self.assertEqual(metrics['smartimg_renders_total{kind="refinement"}'], 2)
        self.assertEqual(metrics['smartimg_renders_total{kind="first"}'], 1)
        self.assertEqual(metrics["smartimg_requests_total"], self.asked)  # ours are not counted
        self.assertEqual(self.edge.renderer.count("alone"), 3)

    def test_answers_in_between_are_told_as_first_ones(self):
        hold = self.hold()
        url = self.image("between")
        self.edge.renderer.behaviour["between"]["tiers"]["best"]["hold"] = hold
        self.get(url)
        self.wait_for_tiers("between", "", "better", "best")
        better = self.assertHit(url, 800, SHORT)
        again = self.get(url, If_None_Match=better["ETag"])
        self.assertEqual((again.status, again["Cache-Control"]), (304, SHORT))
        hold.set()
        self.wait_until_settled()
        self.assertHit(url, 700, LONG)
        wait_until(lambda: (r := self.get(url, If_None_Match=better["ETag"])).status == 200 and r["Cache-Control"] == LONG,
                   "the end of the old answer")

    def test_old_copies_in_memory_change_nothing(self):
        """They are sent for up to a second after the cache has got a better answer, which is not refined for that."""
        hold = self.hold()
        url = self.image("copied")
        self.edge.renderer.behaviour["copied"]["tiers"]["best"]["hold"] = hold
        self.get(url)
        self.wait_for_tiers("copied", "", "better", "best")

        def from_memory():
            before = self.edge.metrics()["smartimg_memory_hits_total"]
            return len(self.get(url).body) == 800 and self.edge.metrics()["smartimg_memory_hits_total"] > before
        wait_until(from_memory, "a copy in memory")
        hold.set()
        wait_until(lambda: len(self.get(url).body) == 700, "the best answer")
        self.assertHit(url, 700, LONG)
        time.sleep(1)  # in which there are four looks for work
        self.assertEqual(self.edge.renderer.tiers("copied"), ["", "better", "best"])
        self.assertEqual(self.waiting(), 0)

    def test_same_plan_and_recipe(self):
        url = self.image("same")
        self.get(url)
        self.wait_for_tiers("same", "", "better", "best")
        recipes = [p["SMARTIMG_RECIPE"] for p in self.edge.renderer.parameters("same")]
        self.assertEqual(len(set(recipes)), 1)
        self.assertEqual(len({p["SMARTIMG_HEAD_AT"] for p in self.edge.renderer.parameters("same")}), 1)

    def test_larger_answers_are_not_taken(self):
        """What is there is final then, and says so, also to an nginx that has just been started."""
        url = self.image("larger", better=1001, best=5000)
        self.get(url)
        self.wait_for_tiers("larger", "", "better", "best")
        self.wait_until_settled()
        reply = self.assertHit(url, 1000, LONG)
        self.assertEqual((reply.body[:1], reply["ETag"]), (b"x", '"larger-1"'))
        self.assertIsNotNone(reply["Last-Modified"])
        self.assertEqual((self.result("kept"), self.result("improved")), (2, 0))
        self.restart()
        self.assertHit(url, 1000, LONG)
        self.assertEqual(self.waiting(), 0)
        self.assertEqual(self.edge.renderer.count("larger"), 3)

    def test_best_that_is_larger_than_better(self):
        url = self.image("bettered", best=900)
        self.get(url)
        self.wait_for_tiers("bettered", "", "better", "best")
        self.wait_until_settled()
        self.assertEqual(self.assertHit(url, 800, LONG).body[:1], b"y")

    def test_answers_of_the_same_size_are_taken(self):
        """They say which tier they are."""
        url = self.image("equal", better=1000, best=1000)
        self.get(url)
        self.wait_for_tiers("equal", "", "better", "best")
        self.wait_until_settled()
        self.assertEqual(self.assertHit(url, 1000, LONG).body[:1], b"z")
        self.assertEqual((self.result("kept"), self.result("improved")), (2, 0))

    def test_torn_answers_are_not_taken(self):
        url = self.image("torn")
        told = self.edge.renderer.behaviour["torn"]["tiers"]["better"]
        for fault in {"cut": 10}, {"length": False}, {"status": 500}, {"deaths": 100}:
            with self.subTest(fault):
                count = self.result("failed")
                name = "torn-" + "-".join(fault)
                url = self.image(name, tiers={"better": {**told, **fault}, "best": answer(700)})
                self.get(url)
                wait_until(lambda: self.result("failed") > count, "a refinement that fails")
                self.assertHit(url, 1000, SHORT)
                self.edge.renderer.behaviour[name]["tiers"]["better"] = told
                self.wait_until_settled()
                self.assertHit(url, 700, LONG)

    def test_hopeless_ones_are_not_tried_again(self):
        url = self.image("hopeless", tiers={"better": {"status": 404}})
        self.get(url)
        wait_until(lambda: self.result("failed") == 1, "a refinement that fails")
        self.wait_until_settled()
        self.get(url)
        other = self.image("hopeful")
        self.get(other)
        self.wait_for_tiers("hopeful", "", "better", "best")
        self.assertEqual(self.edge.renderer.tiers("hopeless"), ["", "better"])

    def test_not_now(self):
        """304: what is there stays, and the entry comes to its turn again."""
        late = {"status": 503, "headers": "Retry-After: 1\r\n"}
        for i, told in enumerate(({"status": 304, "body": b""}, late)):
            name = f"not-now-{i}"
            url = self.image(name, tiers={"better": told})
            self.get(url)
            wait_until(lambda: self.result("deferred") > i, "a refinement that is put off")
            self.assertHit(url, 1000, SHORT)
            self.assertEqual(self.waiting(), 1)
            self.edge.renderer.behaviour[name]["tiers"] = {"better": answer(600)}
            self.wait_until_settled()
            self.assertHit(url, 600, LONG)
        self.assertEqual(self.result("failed"), 0)

    def busy(self, name="busy"):
        """A refinement that is held, so that all others have to wait."""
        hold = self.hold()
        self.get(self.image(name, tiers={"better": {**answer(10), "hold": hold}}))
        self.wait_for_tiers(name, "", "better")
        return hold

    def order(self):
        return [r[0] for r in self.edge.renderer.requests if r[1]["SMARTIMG_TIER"]]

    def test_most_bytes_first(self):
        hold = self.busy()
        names = {"small": 1000, "large": 4000, "popular": 1500, "conditional": 1200}
        urls = {n: self.image(n, size, tiers={"better": answer(5)}) for n, size in names.items()}
        etags = {n: self.get(url)["ETag"] for n, url in urls.items()}
        for _ in range(7):
            self.get(urls["popular"])
            reply = self.get(urls["conditional"], If_None_Match=etags["conditional"])
            self.assertEqual(reply.status, 304)
        hold.set()
        self.wait_until_settled()
        self.assertEqual(self.order()[1:], ["popular", "conditional", "large", "small"])

    def test_cheap_steps_of_many_before_dear_ones_of_few(self):
        hold = self.busy()
        for name in ["popular"] * 3 + ["rare-1", "rare-2"]:
            self.get(self.image(name))
        self.wait_for_entries(4)
        hold.set()
        self.wait_until_settled()
        order = [(r[0].split("-")[0], r[1]["SMARTIMG_TIER"]) for r in self.edge.renderer.requests
                 if r[0] != "busy" and r[1]["SMARTIMG_TIER"]]
        self.assertEqual(order, [("popular", "better"), ("rare", "better"), ("rare", "better"),
                                 ("popular", "best"), ("rare", "best"), ("rare", "best")])

    def test_none_while_first_answers_are_waited_for(self):
        """Two renderers, of which one may refine: not while both have first answers."""
        hold = self.hold()
        urls = [self.image(f"first-{i}", hold=hold, headers="") for i in range(2)]
        threads = [threading.Thread(target=self.get, args=(u,)) for u in urls]
        cached = self.image("cached", tiers={"better": answer(5)})
        guard = self.busy()
        self.get(cached)
        self.wait_for_entries(2)
        for i, t in enumerate(threads):
            t.start()
            self.edge.wait_for_renders(f"first-{i}")
        guard.set()
        self.wait_for_entries(1)
        time.sleep(1)  # in which there are four looks for work
        self.assertEqual(self.edge.renderer.tiers("cached"), [""])
        hold.set()
        for t in threads:
            t.join()
        self.wait_until_settled()
        self.assertEqual(self.edge.renderer.tiers("cached"), ["", "better"])

    def test_one_at_a_time(self):
        """Two workers of nginx, and hits at both: still one renderer of two."""
        hold = self.busy()
        urls = [self.image(f"many-{i}") for i in range(6)]
        for url in urls:
            self.edge.together(8, url, Accept=CHROME)
        self.assertEqual(len(self.order()), 1)
        hold.set()
        self.wait_until_settled()
        for i in range(6):
            self.assertEqual(self.edge.renderer.tiers(f"many-{i}"), ["", "better", "best"])

    def restart(self):
        self.edge.nginx.send_signal(signal.SIGTERM)
        self.edge.nginx.wait()
        self.edge.start()

    def test_restart(self):
        """A hit enters a first answer again."""
        hold = self.busy()
        url = self.image("restarted")
        self.get(url)
        self.wait_for_entries(2)
        self.restart()
        self.assertEqual(self.waiting(), 0)
        hold.set()
        self.assertHit(url, 1000, SHORT)
        self.wait_for_tiers("restarted", "", "better", "best")
        self.wait_until_settled()
        self.assertHit(url, 700, LONG)

    def test_reload(self):
        """Neither what runs nor what waits is lost, though no request comes any more."""
        hold = self.busy()
        url = self.image("reloaded")
        self.get(url)
        self.wait_for_entries(2)
        before = set(self.edge.workers())
        self.edge.nginx.send_signal(signal.SIGHUP)
        wait_until(lambda: len(set(self.edge.workers()) - before) == self.WORKERS, "new workers")
        hold.set()
        self.wait_for_tiers("reloaded", "", "better", "best")
        self.wait_until_settled()
        self.assertEqual(self.edge.renderer.tiers("busy"), ["", "better"])
        self.assertHit(url, 700, LONG)

    def test_worker_that_dies(self):
        """The one that replaces it begins its refinement anew, and goes on with the others."""
        hold = self.busy()
        self.get(self.image("survivor"))
        self.wait_for_entries(2)
        for pid in self.edge.workers():
            os.kill(pid, signal.SIGKILL)
        hold.set()
        self.wait_for_tiers("survivor", "", "better", "best")
        self.wait_until_settled()
        self.assertEqual(self.edge.renderer.tiers("busy"), ["", "better", "better"])

    def test_purge(self):
        """What was entered before it is refined in vain; what comes after has a key of its own."""
        hold = self.busy()
        url = self.image("purged")
        self.get(url)
        self.edge.purge("smart/purged")
        self.assertEqual(self.get(url)["X-Cache"], "miss")
        self.wait_for_entries(3)
        hold.set()
        self.wait_until_settled()
        self.assertHit(url, 700, LONG)

    def test_uncached_answers_are_not_refined(self):
        url = self.image("uncached")
        self.get(url + "?cache=off")
        self.get(self.image("soon", headers=mark("fast") + "X-Smartimg-Fresh-Until: %d\r\n" % (time.time() + 5)))
        self.get(self.image("final", headers=""))
        self.get(self.image("unkept", expires=0))
        self.edge.wait_for_end()
        self.assertEqual(self.waiting(), 0)
        self.assertEqual(self.order(), [])

    def test_client_that_leaves(self):
        url = self.image("head")
        self.edge.get(url, "HEAD", Accept=CHROME)
        self.wait_for_tiers("head", "", "better", "best")
        self.wait_until_settled()
        self.assertHit(url, 700, LONG)


class SmallTableTest(RefineTest):
    """Everything above with one worker, and a table that is soon full."""

    WORKERS, OPTIONS = 1, {"zone": "800k"}

    def test_full_table(self):
        hold = self.busy()
        urls = [self.image(f"least-{i}", 100 + i, tiers={"better": answer(1)}) for i in range(300)]
        dear = self.image("dear", 10000, tiers={"better": answer(1)})
        self.get(dear)
        for url in urls + urls[-1:]:
            self.get(url)
        waiting = self.waiting()
        self.assertLess(waiting, 250)
        hold.set()
        self.wait_until_settled()
        order = self.order()[1:]
        self.assertEqual(order, ["dear"] + [f"least-{i}" for i in range(299, 299 - len(order) + 1, -1)])
        self.assertEqual(len(order), waiting - 1)
        self.assertHit(urls[0], 100, SHORT)


class ShareTest(unittest.TestCase):
    def test_none(self):
        edge = Edge(workers=1, companies=COMPANIES, refine_share=0)
        self.addCleanup(edge.stop)
        url = edge.image("never", "smart", **answer(1000, "fast"))
        for _ in range(2):
            self.assertEqual(edge.get(url)["Cache-Control"], SHORT)
        time.sleep(1)
        self.assertEqual(edge.renderer.tiers("never"), [""])

    def test_first_answers_come_first(self):
        """None begins while first answers were asked for lately, which the shipped configuration calls a second."""
        edge = Edge(workers=1, companies=COMPANIES, refine_share=50, refine_quiet="3600s")
        self.addCleanup(edge.stop)
        edge.get(edge.image("busy", "smart", **answer(1000, "fast")), Accept=CHROME)
        time.sleep(1)  # in which there are four looks for work
        self.assertEqual(edge.renderer.tiers("busy"), [""])
        self.assertEqual(edge.metrics()["smartimg_refinements_waiting"], 1)

    def test_what_fails_is_tried_three_times(self):
        edge = Edge(workers=1, companies=COMPANIES, refine_share=50)
        self.addCleanup(edge.stop)
        url = edge.image("fails", "smart", **answer(1000, "fast"), tiers={"better": {"status": 500}})
        edge.get(url)
        failed = 'smartimg_refinements_total{result="failed"}'
        wait_until(lambda: edge.metrics()[failed] == 3, "three failures")
        edge.get(url)
        wait_until(lambda: edge.metrics()["smartimg_refinements_waiting"] == 0, "the end of it")
        ends = [r[2] for r in edge.renderer.requests]
        self.assertEqual(edge.renderer.tiers("fails"), ["", "better", "better", "better"])
        self.assertGreater(ends[2] - ends[1], 1.5)
        self.assertGreater(ends[3] - ends[2], 6)

    def test_search_that_was_cut_short(self):
        """What it found is taken, but the same tier is not asked for again at once."""
        edge = Edge(workers=1, companies=COMPANIES, refine_share=50)
        self.addCleanup(edge.stop)
        url = edge.image("cut-short", "smart", **answer(1000, "fast"), tiers={"better": answer(900, "fast")})
        edge.get(url)
        wait_until(lambda: len(edge.get(url).body) == 900, "the new answer")
        self.assertEqual(edge.get(url)["Cache-Control"], SHORT)
        time.sleep(3)
        self.assertEqual(edge.renderer.tiers("cut-short"), ["", "better"])
        self.assertEqual(edge.metrics()["smartimg_refinements_waiting"], 1)

    def test_share_of_time(self):
        """One renderer's hundredth: who has refined for half a second leaves a gap of most of a minute."""
        edge = Edge(workers=1, companies=COMPANIES, renderers=1, refine_share=1)
        self.addCleanup(edge.stop)
        for name in "one", "two":
            edge.get(edge.image(name, "smart", **answer(1000, "fast"), tiers={"better": {**answer(5), "delay": 0.5}}))
        improved = 'smartimg_refinements_total{result="improved"}'
        wait_until(lambda: edge.metrics()[improved] == 1, "the end of one")
        wait_until(lambda: edge.metrics()["smartimg_refinements_waiting"] == 1, "the other's entry")
        time.sleep(1)
        self.assertEqual(len([r for r in edge.renderer.requests if r[1]["SMARTIMG_TIER"]]), 1)

    def test_half_of_many(self):
        edge = Edge(workers=1, companies=COMPANIES, renderers=8, refine_share=100)
        self.addCleanup(edge.stop)
        hold = threading.Event()
        self.addCleanup(hold.set)
        for i in range(10):
            edge.get(edge.image(f"held-{i}", "smart", **answer(1000, "fast"),
                                tiers={"better": {**answer(5), "hold": hold}}))
        held = lambda: sum(r[1]["SMARTIMG_TIER"] == "better" for r in edge.renderer.requests)
        wait_until(lambda: held() == 4, "four refinements")
        time.sleep(1)
        self.assertEqual(held(), 4)


if __name__ == "__main__":
    unittest.main()
