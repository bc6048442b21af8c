"""What 500 clients make of one URL: browsers as tests/data/clients.tsv has them, at the pixel ratios that screens and zoom
have, with hints of the network that must not matter. However different their headers are, a few derivatives serve them."""

import collections
import re
import unittest

from server import PROJECT
from waiting import wait_until

CLIENTS = PROJECT / "tests/data/clients.tsv"
BROWSERS = ("# Chrome and its relatives", "# Firefox", "# Safari on macOS", "# iOS and iPadOS", "# Internet Explorer", "# Robots")
RATIOS = ("0.8", "0.9", "1", "1.1", "1.25", "1.3333334", "1.5", "1.75", "2", "2.2", "2.5", "2.625", "2.75", "3", "3.5", "4")
NETWORK = ({}, {"Save-Data": "on"}, {"Downlink": "0.4", "RTT": "1200", "ECT": "2g"}, {"ECT": "4g", "Downlink": "10"},
           {"RTT": "50"}, {"Sec-CH-Viewport-Width": "360"}, {"Sec-CH-Width": "900"})
ALL = 500

# What the browsers among them are converted to: ladders of recipes.
FORMATS = ("", "avif", "avif,webp", "avif,jxl,webp", "webp", "jp2", "jxr")


def browsers():
    """(name, Accept, User-Agent) of the rows that are browsers and programs rather than riddles of grammar; absent = None."""
    section = ""
    for line in CLIENTS.read_bytes().decode("latin-1").splitlines():
        if line.startswith("# ") and line != "#":
            section = line
        elif line and line[0] != "#" and section.startswith(BROWSERS):
            name, accept, agent = line.split("\t")[:3]
            if "\\" not in accept + agent:
                yield name, *(None if text == "-" else text for text in (accept, agent))


def sends_hints(accept, agent):
    """Chromium since 46, which Edge is since 79; not when it poses as another."""
    version = re.search(r" Chrome/(\d+)", agent or "")
    return version and int(version.group(1)) >= 46 and "Edge/" not in agent and "bot" not in agent.lower()


def clients(network=NETWORK):
    """ALL dictionaries of headers: each browser as it is, then Chromium's at the ratios by turns, all with hints of the network."""
    rows = [(accept, agent, None) for _, accept, agent in browsers()]
    hinted = [(accept, agent) for _, accept, agent in browsers() if sends_hints(accept, agent)]
    rows += [(accept, agent, ratio) for accept, agent in hinted for ratio in RATIOS]
    for i, (accept, agent, ratio) in enumerate(rows[:ALL]):
        headers = {"Accept": accept, "User-Agent": agent, "DPR" if i % 3 == 0 else "Sec-CH-DPR": ratio}
        yield {name: value for name, value in (headers | network[i % len(network)]).items() if value is not None}


class Clients(unittest.TestCase):
    server = None
    asked = collections.Counter()

    @classmethod
    def prepare(cls, root, companies):
        text = "Bfc = true\nRootPath = demo\n"
        (companies / "any.ini").write_text(text)
        (companies / "any-ratio.ini").write_text(text + "Dpr = true\n")
        (companies / "two-ratios.ini").write_text(text + "Dpr = true\nDprSteps = 1,2\n")

    def ask(self, company, **changes):
        """Asks as all of them do. How many renders that took, and the (formats, ratio) of those that came."""
        path = f"/is/image/{company}/fabric?wid=60&hei=40&fit=crop&qlt=60"
        self.asked[path] += ALL
        misses = 0
        for headers in clients(**changes):
            reply = self.server.request(path, headers)
            self.assertEqual(reply.status, 200, reply)
            misses += reply.headers["x-cache"] == "miss"
        log = self.server.access_log
        wait_until(lambda: log.read_text().count(path) >= self.asked[path], "all lines of the log")
        recipes = re.findall(r'GET ' + re.escape(path) + r' .* recipe=".*&dpr=([\d.]+).*&ladder=([\w,]*)', log.read_text())
        return misses, {(formats, float(ratio)) for ratio, formats in recipes}

    def assert_few(self, company, ratios_of):
        """All of them are served by one derivative for each of these sets of formats and ratios, and hints of the network
        and of widths do not matter."""
        want = {(formats, ratio) for formats, ratios in ratios_of.items() for ratio in ratios}
        misses, got = self.ask(company)
        self.assertEqual(got, want)
        self.assertEqual(misses, len(want))
        self.assertEqual(self.ask(company, network=({},)), (0, want))
        return misses

    def test_they_are_500_and_differ(self):
        rows = [tuple(sorted(headers.items())) for headers in clients()]
        self.assertEqual((len(rows), len(set(rows))), (ALL, ALL))
        self.assertGreater(len({headers["User-Agent"] for headers in clients() if "User-Agent" in headers}), 100)
        told = [headers.get("DPR", headers.get("Sec-CH-DPR")) for headers in clients()]
        self.assertGreater(sum(ratio is not None for ratio in told), ALL // 2)

    def test_formats_alone(self):
        """Without the company's switch, ratios are not looked at."""
        self.assertLessEqual(self.assert_few("any", dict.fromkeys(FORMATS, (1,))), 12)

    def test_two_ratios(self):
        """Whoever they are, 12 derivatives: the formats of `curl -H "Accept: image/avif"` and of Internet Explorer have no
        other ratio than 1, as neither tells one."""
        both = dict.fromkeys(FORMATS, (1, 2)) | {"avif": (1,), "jxr": (1,)}
        self.assertLessEqual(self.assert_few("two-ratios", both), 12)

    def test_all_ratios(self):
        """The seven steps, of Chromium's browsers; the others are known to have 1 or 2."""
        steps = (1, 1.25, 1.5, 2, 2.5, 3, 4)
        hinted = dict.fromkeys(("", "webp", "avif,webp", "avif,jxl,webp"), steps)
        self.assert_few("any-ratio", hinted | {"jp2": (1, 2), "avif": (1,), "jxr": (1,)})


if __name__ == "__main__":
    unittest.main()
