"""Pixel ratios of real browsers: client hints reach a server of another origin if the page hands them on as
docs/density.md says, whose snippets the pages of these tests have."""

import pathlib
import re
import unittest

from test_browser import CHROMIUM, browse, visit
from waiting import wait_until

DOC = pathlib.Path(__file__).resolve().parents[2] / "docs/density.md"
ORIGIN = "https://images.example.com"


def snippet(language, origin):
    """The one of the page that is marked with this language, for images of `origin`."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", DOC.read_text(), re.M | re.S)
    assert ORIGIN in found
    return found.replace(ORIGIN, origin)


def headers_of(text):
    """As the keyword arguments that visit() takes."""
    pairs = (line.split(": ", 1) for line in text.strip().split("\n"))
    return {name.replace("-", "_"): value for name, value in pairs}


@unittest.skipUnless(CHROMIUM, "no chromium on this machine")
class Density(unittest.TestCase):
    server = None

    @classmethod
    def prepare(cls, root, companies):
        text = "Bfc = true\nDpr = true\nRootPath = demo\n"
        (companies / "hinted.ini").write_text(text)
        (companies / "hinted-critical.ini").write_text(text + "CriticalCh = true\n")
        (companies / "hinted-width.ini").write_text(text + "WidthHints = true\n")

    def look(self, name, **how):
        """Width of an image of 80 CSS pixels that the page shows, and the class that the log has of it."""
        self.origin = f"http://127.0.0.1:{self.server.port}"
        path = f"/is/image/hinted/product?wid=80&id={name}"
        width, _ = visit([self.origin + path], **how)[self.origin + path]
        log = self.server.access_log
        wait_until(lambda: f'"GET {path} ' in log.read_text(), "the line of the log")
        line = next(line for line in log.read_text().splitlines() if f'"GET {path} ' in line)
        return width, re.search(r" class=(\S+) ", line).group(1)

    def test_hints_are_handed_on_by_headers(self):
        origin = f"http://127.0.0.1:{self.server.port}"
        for scale, width, ratio in (2, 160, ";dpr=2"), (1.5, 120, ";dpr=1.5"), (1, 80, ""):
            got, told = self.look(f"headers-{scale}", headers=headers_of(snippet("http", origin)), scale=scale)
            self.assertEqual(got, width)
            self.assertRegex(told, r"^avif\+(jxl\+)?webp" + re.escape(ratio) + "$")

    def test_hints_are_handed_on_by_the_source(self):
        origin = f"http://127.0.0.1:{self.server.port}"
        got, told = self.look("source", source=snippet("html", origin), scale=3)
        self.assertEqual((got, told.split(";")[1:]), (240, ["dpr=3"]))

    def test_width_of_the_viewport(self):
        """With WidthHints nothing wider than the viewport is sent at ratio 2, which is ratio 1 of this picture."""
        origin = f"http://127.0.0.1:{self.server.port}"
        headers = {"Accept_CH": "Sec-CH-DPR, Sec-CH-Viewport-Width",
                   "Permissions_Policy": f'ch-dpr=(self "{origin}"), ch-viewport-width=(self "{origin}")'}
        url = origin + "/is/image/hinted-width/product?wid=1700&fmt=webp"
        self.assertEqual(visit([url], headers=headers, scale=2)[url][0], 1700)
        headers = headers_of(snippet("http", origin))
        self.assertEqual(visit([url + "&id=2"], headers=headers, scale=2)[url + "&id=2"][0], 3400)

    def test_an_image_opened_by_itself(self):
        """It is asked for again, with hints, only where they are critical."""
        log = self.server.access_log

        def classes(path):
            return re.findall(f'"GET {re.escape(path)} .* class=(\\S+) ', log.read_text())

        path = "/is/image/hinted-critical/product?wid=80&id=alone"
        with browse(f"http://127.0.0.1:{self.server.port}{path}", 2):
            wait_until(lambda: any("dpr=2" in told for told in classes(path)), "a request with hints")
        self.assertEqual(["dpr=2" in told for told in classes(path)], [False, True])
        path = "/is/image/hinted/product?wid=80&id=alone"
        with browse(f"http://127.0.0.1:{self.server.port}{path}", 2):
            wait_until(lambda: classes(path), "a request")
        self.assertEqual(["dpr=2" in told for told in classes(path)], [False])

    def test_without_the_page_there_are_none(self):
        got, told = self.look("none", scale=2)
        self.assertEqual((got, told.split(";")[1:]), (80, []))
        got, told = self.look("self", scale=2, headers={"Accept_CH": "Sec-CH-DPR"})  # for the page's origin alone
        self.assertEqual((got, told.split(";")[1:]), (80, []))
        got, told = self.look("foreign", scale=2, source=snippet("html", "https://elsewhere.example"))
        self.assertEqual((got, told.split(";")[1:]), (80, []))


if __name__ == "__main__":
    unittest.main()
