"""What a server tells at /metrics, what the table says that it tells, and a Prometheus that asks for it."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.parse

PROJECT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT / "tests/http"), str(PROJECT / "tests/fleet")]
from server import CHROME, Server, run  # noqa: E402
from ports import free_port  # noqa: E402
from waiting import PATIENCE, wait_until  # noqa: E402

RULES = PROJECT / "conf/prometheus/alerts.yml"


def page(server):
    """The text of /metrics."""
    connection = http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=PATIENCE)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def rows(text):
    """[(name, {label: value}, number)] of a page, in its order."""
    found = []
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels, number = re.fullmatch(r"(\w+)(?:\{(.*)\})? (-?[\d.]+)", line).groups()
        found.append((name, dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels or "")), float(number)))
    return found


def total(text, name, **labels):
    """What the rows of that name come to that have these labels."""
    return sum(n for row, has, n in rows(text) if row == name and labels.items() <= has.items())


def processes(server, name):
    """Process ids of the server's processes of that name."""
    return [pid for pid, has in server.children().items() if has == name]


def families():
    """{name: (type, {label: values, or None where they are not fixed})}, as the page of the docs has them."""
    text = run("config", "metrics").stdout
    found = {}
    for name, kind, cell in re.findall(r"(?m)^\| `(smartimg_\w+)` \| (\w+) \| ([^|]*) \|", text):
        labels = re.findall(r"`(\w+)`", cell)
        values = cell.split(": ", 1)[1].split(", ") if ": " in cell else None
        found[name] = (kind, {label: values for label in labels})
    return found


class Prometheus:
    """A Prometheus with the rules of conf/prometheus, which asks `server` once a second. Use as a context manager."""

    def __init__(self, server):
        self.server, self.port = server, free_port()

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-prometheus-"))
        shutil.copy(RULES, self.folder)
        (self.folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
            f"rule_files: [{RULES.name}]\n"
            "scrape_configs:\n- job_name: smartimg\n  static_configs:\n"
            f"  - targets: ['127.0.0.1:{self.server.admin_port}']\n")
        with open(self.folder / "log", "w") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={self.folder}/prometheus.yml", f"--storage.tsdb.path={self.folder}/data",
                 f"--web.listen-address=127.0.0.1:{self.port}"], stdout=log, stderr=log, cwd=self.folder)
        try:
            wait_until(lambda: self.scrapes() >= 3, lambda: "scrapes:\n" + (self.folder / "log").read_text())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error):
        self.process.terminate()
        self.process.wait(PATIENCE)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def api(self, path, **query):
        """The data of a reply; an error is one of the test."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", f"/api/v1/{path}?{urllib.parse.urlencode(query)}")
            reply = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        if reply["status"] != "success":
            raise AssertionError(f"{query}: {reply['error']}")
        return reply["data"]

    def query(self, text):
        """[(labels, value)] now."""
        return [(r["metric"], float(r["value"][1])) for r in self.api("query", query=text)["result"]]

    def scrapes(self):
        """How many have succeeded."""
        try:
            found = self.query("count_over_time(smartimg_build_info[1h])")
        except (OSError, ValueError):
            return 0
        return found[0][1] if found else 0

    def firing(self):
        """{(name of an alert, its reason, or None)} of those that fire."""
        return {(a["labels"]["alertname"], a["labels"].get("reason")) for a in self.api("alerts")["alerts"]
                if a["state"] == "firing"}


class Alerts:
    """A Prometheus whose page has one alert that fires, as a renderer of its server was killed. Use as a context manager."""

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(Server("--renderers", "2"))
            prometheus = stack.enter_context(Prometheus(server))
            server.image("smart/product?wid=300", CHROME)
            os.kill(processes(server, "smartimg-render")[0], signal.SIGKILL)
            wait_until(prometheus.firing, "an alert")
            self.url = prometheus.url + "/classic/alerts"  # Debian's package has no other pages
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        self.stack.close()
