#!/usr/bin/env python3
"""The metrics: their table and page, what requests and renderers come to in them, a Prometheus that asks for them,
alert rules and dashboard."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import unittest

from metrics import PROJECT, RULES, Prometheus, families, page, processes, rows, total
from fleet import Redis
from server import CHROME, SANITIZED, Server, run
from waiting import wait_until

DASHBOARD = PROJECT / "conf/grafana/smartimg.json"
TESTS = PROJECT / "tests/metrics/alerts_test.yml"
PROCESSES = pathlib.Path("/proc")
ENDS = "smartimg_renderer_ends_total"
OF_HISTOGRAMS = ("_bucket", "_sum", "_count")


def dashboard_queries():
    return [target["expr"] for panel in json.loads(DASHBOARD.read_text())["panels"] for target in panel.get("targets", [])]


def rule_queries():
    """(name, expression) of the alert rules, as Prometheus reads them: a line, or those below that are indented."""
    text = RULES.read_text()
    return [(name, " ".join(expr.split()))
            for name, expr in re.findall(r"(?m)- alert: (\w+)\n +expr: (?:>-\n)?((?:.*)(?:\n {10,}.*)*)$", text)]


def mistakes(query, known):
    """What a query names that the table has not: families, labels, values of labels."""
    wrong = []
    for name, matchers in re.findall(r"\b(smartimg_\w+)(?:\{([^}]*)\})?", query):
        base = re.sub("(?:" + "|".join(OF_HISTOGRAMS) + ")$", "", name)
        name = base if base in known and known[base][0] == "histogram" else name
        if name not in known:
            wrong.append(name)
            continue
        labels = {**known[name][1], "instance": None, "job": None}
        for label, value in re.findall(r'(\w+)[=!]~?"([^"]*)"', matchers):
            if label not in labels:
                wrong.append(f"{name}: {label}")
            elif labels[label] is not None:
                wrong += [f"{name}: {label}={v}" for v in value.split("|") if v not in labels[label]]
        for grouped in re.findall(r"by \(([^)]*)\)", query):
            every = {label for other in re.findall(r"smartimg_\w+", query) for label in
                     known.get(other, known.get(re.sub("_(bucket|sum|count)$", "", other), (0, {})))[1]}
            wrong += [f"by {g}" for g in re.split(r",\s*", grouped) if g not in every | {"instance", "le"}]
    return wrong


class Files(unittest.TestCase):
    """Of docs and conf, against the table."""

    def test_page_is_current(self):
        self.assertEqual(run("config", "metrics").stdout, (PROJECT / "docs/metrics.md").read_text(),
                         "smartimg config metrics > docs/metrics.md")

    def test_dashboard_is_current(self):
        done = subprocess.run([sys.executable, PROJECT / "tools/grafana-dashboard", "--check"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_dashboard_names_what_there_is(self):
        known, queries = families(), dashboard_queries()
        self.assertGreater(len(queries), 30)
        self.assertEqual([(q, m) for q in queries for m in mistakes(q, known)], [])

    def test_rules_name_what_there_is(self):
        known, rules = families(), rule_queries()
        self.assertEqual(len(rules), RULES.read_text().count("- alert:"))
        self.assertEqual([(name, m) for name, q in rules for m in mistakes(q, known)], [])

    def test_mistakes_are_found(self):
        known = families()
        for query, wrong in (("rate(smartimg_nothing_total[1m])", "smartimg_nothing_total"),
                             ('smartimg_cache_total{result="hit|mist"}', "smartimg_cache_total: result=mist"),
                             ('smartimg_cache_total{kind="x"}', "smartimg_cache_total: kind"),
                             ("sum by (kind) (smartimg_cache_total)", "by kind"),
                             ("smartimg_cache_total_bucket", "smartimg_cache_total_bucket")):
            self.assertEqual(mistakes(query, known), [wrong])

    def test_rules(self):
        for words in (["check", "config", PROJECT / "conf/prometheus/prometheus.yml"], ["check", "rules", RULES],
                      ["test", "rules", TESTS]):
            done = subprocess.run(["promtool", *words], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_every_rule_is_tested_both_ways(self):
        text = TESTS.read_text()
        for name, _ in rule_queries():
            self.assertRegex(text, rf"- alertname: {name}\n +eval_time: \w+\n +exp_alerts:")
            self.assertRegex(text, rf"\{{alertname: {name}, eval_time: \w+\}}")


class Counted(unittest.TestCase):
    """What requests come to, on a server of their own."""

    @classmethod
    def setUpClass(cls):
        cls.redis = Redis().start()  # it is a node of a fleet, which has all families
        cls.addClassCleanup(cls.redis.stop)
        cls.server = Server("--renderers", "2", "--redis", cls.redis.url).start()
        cls.addClassCleanup(cls.server.stop)
        cls.choices, cls.saved = [], 0
        for url, accept in (("smart/product?wid=300", CHROME), ("smart/product?wid=310", "image/webp,*/*"),
                            ("smart/product?wid=320", "*/*")):
            replies = [cls.server.image(url, accept) for _ in range(3)]
            cls.choices.append(replies[0].type.removeprefix("image/"))  # which may be another on a busy machine
            cls.saved += sum(max(r.savings, 0) for r in replies)
        cls.server.image("demo/product?wid=90", "*/*")
        cls.server.image("odd/nothing", "*/*")
        cls.text = page(cls.server)

    def test_promtool_has_no_complaints(self):
        done = subprocess.run(["promtool", "check", "metrics"], input=self.text, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_families_are_those_of_the_table(self):
        told = dict(re.findall(r"(?m)^# TYPE (\w+) (\w+)$", self.text))
        self.assertEqual(told, {name: kind for name, (kind, _) in families().items()})
        self.assertEqual(len(re.findall(r"(?m)^# HELP \w+ \w", self.text)), len(told))

    def test_labels_are_those_of_the_table(self):
        known = families()
        for name, labels, _ in rows(self.text):
            base = name if name in known else re.sub("(?:" + "|".join(OF_HISTOGRAMS) + ")$", "", name)
            allowed = known[base][1]
            self.assertEqual(set(labels) - {"le"}, set(allowed), name)
            for label, value in labels.items():
                self.assertTrue(label == "le" or allowed[label] is None or value in allowed[label], (name, labels))

    def test_requests(self):
        name = "smartimg_requests_total"
        self.assertEqual(total(self.text, name, company="smart", **{"class": "avif+webp"}, format=self.choices[0], status="200"), 3)
        self.assertEqual(total(self.text, name, company="smart", **{"class": "webp"}, status="200"), 3)
        self.assertEqual(total(self.text, name, company="smart", **{"class": "plain"}, format="jpeg"), 3)
        self.assertEqual(total(self.text, name, company="demo", format="jpeg", status="200"), 1)
        self.assertEqual(total(self.text, name, company="other", format="none"), 1)  # odd has no file of its own
        self.assertEqual(total(self.text, name), 11)

    def test_bytes(self):
        self.assertGreater(self.saved, 0)
        self.assertEqual(total(self.text, "smartimg_saved_bytes_total", company="smart"), self.saved)
        self.assertEqual(total(self.text, "smartimg_saved_bytes_total", company="demo"), 0)
        for company in ("smart", "demo", "other"):
            self.assertGreater(total(self.text, "smartimg_sent_bytes_total", company=company), 200)

    def test_answers(self):
        for made in set(self.choices):
            self.assertEqual(total(self.text, "smartimg_answers_total", format=made), self.choices.count(made))
        for name in ("smartimg_answer_encodings", "smartimg_target_score", "smartimg_reached_score"):
            self.assertEqual(total(self.text, name + "_count"), len(self.choices), name)
        self.assertGreater(total(self.text, "smartimg_answer_encodings_sum"), len(self.choices) - 1)
        self.assertGreater(total(self.text, "smartimg_target_score_sum") / len(self.choices), 50)

    def test_times(self):
        self.assertEqual(total(self.text, "smartimg_request_seconds_count", result="hit"), 6)
        self.assertEqual(total(self.text, "smartimg_request_seconds_count", result="miss"), 4)
        self.assertEqual(total(self.text, "smartimg_request_seconds_count", result="none"), 1)
        self.assertEqual(total(self.text, "smartimg_render_seconds_count"), 4)
        for stage in families()["smartimg_stage_seconds"][1]["stage"]:
            self.assertEqual(total(self.text, "smartimg_stage_seconds_count", stage=stage), 4, stage)
        for stage in ("render", "encode", "score"):
            self.assertGreater(total(self.text, "smartimg_stage_seconds_sum", stage=stage), 0, stage)

    def test_histograms_add_up(self):
        series = {}
        for name, labels, number in rows(self.text):
            if name.endswith("_bucket"):
                bound = float(labels.pop("le").replace("+Inf", "inf"))
                series.setdefault((name, *sorted(labels.items())), []).append((bound, number))
        self.assertGreater(len(series), 10)
        for (name, *labels), buckets in series.items():
            self.assertEqual(buckets, sorted(buckets), name)
            self.assertEqual([n for _, n in buckets], sorted(n for _, n in buckets), name)
            self.assertEqual(buckets[-1], (float("inf"), total(self.text, name[:-6] + "count", **dict(labels))), name)

    def test_the_moment(self):
        self.assertGreater(total(self.text, "smartimg_cache_bytes"), 0)
        self.assertEqual(total(self.text, "smartimg_cache_limit_bytes"), 10 << 30)
        self.assertEqual(total(self.text, "smartimg_lane_total", lane="cheap"), 4)
        self.assertEqual(total(self.text, "smartimg_lane_requests"), 0)
        self.assertEqual([total(self.text, f"smartimg_renderers_{n}") for n in ("wanted", "up")], [2, 2])
        version = re.search(r"(\d[\w.]*)", run("--version").stdout).group(1)
        self.assertEqual(total(self.text, "smartimg_build_info", version=version), 1)

    def test_company_that_comes_with_a_reload(self):
        name = "new-1.x"
        (self.server.config / f"companies/{name}.ini").write_text("RootPath = demo\n")
        self.server.process.send_signal(signal.SIGHUP)

        def counted():
            self.server.image(f"{name}/product?wid=30", "*/*")
            text = page(self.server)
            return total(text, "smartimg_requests_total", company=name) > 0 and text
        text = wait_until(counted, "requests for a new company")
        self.assertEqual(total(text, "smartimg_requests_total", company="smart"), 9)  # which a reload keeps
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))


@unittest.skipIf(SANITIZED, "a sanitizer has its own report of crashes")
class Ends(unittest.TestCase):
    """How renderers end."""

    def setUp(self):
        self.server = Server("--renderers", "2").start()
        self.addCleanup(self.server.stop)

    def end_one(self, reason, how):
        before = total(page(self.server), ENDS, reason=reason)
        how(wait_until(lambda: processes(self.server, "smartimg-render"), "a renderer")[0])
        wait_until(lambda: total(page(self.server), ENDS, reason=reason) == before + 1, f"an end by {reason}")
        wait_until(lambda: total(page(self.server), "smartimg_renderers_up") == 2, "another renderer")
        wait_until(lambda: self.server.image("demo/product?wid=20").status == 200, "an answer")

    def test_reasons(self):
        for number, reason in ((signal.SIGKILL, "signal"), (signal.SIGSEGV, "crash"), (signal.SIGABRT, "crash"),
                               (signal.SIGSYS, "seccomp"), (signal.SIGALRM, "wall"), (signal.SIGXCPU, "cpu"),
                               (signal.SIGTERM, "orderly")):
            with self.subTest(signal=number):
                self.end_one(reason, lambda pid: os.kill(pid, number))

    @unittest.skipIf(os.geteuid() != 0, "only root may set the limits of others")
    def test_memory(self):
        """A library that gets no memory aborts."""
        def limit(pid):
            """As its own user: root may do so with a capability that containers lack."""
            status = (PROCESSES / f"{pid}/status").read_text()
            uid, gid = (int(re.search(rf"^{name}:\s+(\d+)", status, re.M)[1]) for name in ("Uid", "Gid"))
            return subprocess.run(["prlimit", f"--pid={pid}", f"--as={1 << 20}:{1 << 20}"], user=uid, group=gid,
                                  extra_groups=[], capture_output=True).returncode == 0  # it may just become another

        def run_out(pid):
            wait_until(lambda: limit(pid), "a renderer that can be limited")
            os.kill(pid, signal.SIGABRT)
        self.end_one("memory", run_out)
        self.assertIn("having run out of memory", self.server.log.read_text())

    @unittest.skipIf(os.geteuid() != 0, "only root may look into renderers")
    def test_who_has_what_the_pool_tells(self):
        """It writes, nginx reads, and renderers have no way to it."""
        def mapped(name):
            return {tuple(line.split()[1] for line in (PROCESSES / f"{pid}/maps").read_text().splitlines()
                          if "/pool.status" in line) for pid in processes(self.server, name)}
        self.assertEqual(mapped("smartimg-pool"), {("rw-s",)})
        self.assertEqual(mapped("nginx"), {("r--s",)})
        self.assertEqual(mapped("smartimg-render"), {()})

    def test_pool_that_dies(self):
        """Its counters go on."""
        self.end_one("signal", lambda pid: os.kill(pid, signal.SIGKILL))
        pool, = processes(self.server, "smartimg-pool")
        renderers = set(processes(self.server, "smartimg-render"))
        os.kill(pool, signal.SIGKILL)
        wait_until(lambda: total(page(self.server), "smartimg_pool_starts_total") == 2, "another pool")
        wait_until(lambda: not renderers & self.server.children().keys(), "the end of the old renderers")
        self.assertEqual(total(page(self.server), ENDS, reason="signal"), 1)
        self.end_one("signal", lambda pid: os.kill(pid, signal.SIGKILL))

    def test_pool_that_stands_still(self):
        """The page is there nevertheless, and tells."""
        pool, = processes(self.server, "smartimg-pool")
        os.kill(pool, signal.SIGSTOP)
        self.addCleanup(os.kill, pool, signal.SIGCONT)
        wait_until(lambda: total(page(self.server), "smartimg_pool_seen_seconds") > 2, "a pool that was not seen")


class Scraped(unittest.TestCase):
    """By a real Prometheus."""

    def test_dashboard_and_an_alert(self):
        with Redis() as redis, Server("--renderers", "2", "--refine-share", "50", "--redis", redis.url) as server:
            server.image("smart/product?wid=101", CHROME)
            with Prometheus(server) as prometheus:
                for _ in range(3):
                    server.image("smart/product?wid=101", CHROME)
                scrapes = prometheus.scrapes()
                wait_until(lambda: prometheus.scrapes() >= scrapes + 3, "more scrapes")
                for query in dashboard_queries():
                    with self.subTest(query=query):
                        asked = query.replace("$instance", ".*").replace("$__rate_interval", "1m")
                        self.assertTrue(prometheus.query(asked), "nothing comes of it")
                self.assertEqual(prometheus.firing(), set())

                os.kill(processes(server, "smartimg-render")[0], signal.SIGKILL)
                wait_until(lambda: prometheus.firing() == {("SmartimgRendererDied", "signal")}, "the alert")
                groups = prometheus.api("rules")["groups"]
                self.assertEqual({r["health"] for g in groups for r in g["rules"]}, {"ok"})


if __name__ == "__main__":
    unittest.main()
