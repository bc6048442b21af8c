#!/usr/bin/env python3
"""The playground in Chromium, Firefox and WebKitGTK.

    /usr/bin/python3 tests/playground/test_playground.py [TEST...]

Needs the packages of tools/setup --test, and a build (SMARTIMG_BUILD)."""

import json
import pathlib
import shlex
import subprocess
import sys
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from pages import PROJECT, Playground, Report, set_scheme, settle, show, wait_until  # noqa: E402
from browsers import start  # noqa: E402

FOLDER = PROJECT / "web/playground"
LARGEST = 100_000  # bytes of the page without pictures
TAB, LEFT, RIGHT, HOME, END = "\ue004", "\ue012", "\ue014", "\ue011", "\ue010"
PRODUCT = "/is/image/demo/product?wid=400&qlt=85"

# Notes what goes wrong on a page, from before its first line runs.
WITNESS = """window.wrong = [];
addEventListener('securitypolicyviolation', e => wrong.push(`policy: ${e.violatedDirective} ${e.blockedURI}`));
addEventListener('error', e => wrong.push(`error: ${e.message ?? e.target?.src ?? e}`), true);
addEventListener('unhandledrejection', e => wrong.push(`rejection: ${e.reason}`));
for (const name of ['error', 'warn']) console[name] = (...what) => wrong.push(`${name}: ${what.join(' ')}`);"""

SET = """(() => { const c = document.querySelector(args[0]); c.value = args[1];
    c.dispatchEvent(new Event('input', {bubbles: true})); c.dispatchEvent(new Event('change', {bubbles: true})); })()"""
ADDRESS = "document.getElementById('address').value"
NUMBERS = "['saving', 'requested-bytes', 'sent-bytes', 'score', 'target', 'time'].map(i => " \
          "document.getElementById(i).textContent)"
EXPLAINS = "performance.getEntriesByType('resource').filter(e => e.name.includes('/explain?')).length"


def text(browser, name):
    return browser.eval("document.getElementById(args[0]).textContent", name)


def control(command):
    return f'[data-command="{command}"]'


def change(browser, selector, value):
    browser.eval(SET, selector, value)


def choose(browser, name, value):
    browser.eval("document.querySelector(`input[name=${args[0]}][value=\"${args[1]}\"]`).click()", name, value)


class Shared(unittest.TestCase):
    """One server for all tests of this process."""

    @classmethod
    def setUpClass(cls):
        if not hasattr(Shared, "playground"):
            Shared.playground = Playground().__enter__()
            unittest.addModuleCleanup(lambda: Shared.playground.__exit__())
        cls.url = Shared.playground.url


class OneBrowser:
    """What every browser does."""

    name = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.browser = start(cls.name, width=1280, height=900)
        cls.addClassCleanup(cls.browser.close)

    def show(self, fragment=f"#url={PRODUCT.replace('&', '%26')}"):
        show(self.browser, self.url, fragment)
        self.assertEqual(text(self.browser, "problem"), "")

    def pictures(self):
        """[width, height] of both pictures, as this browser decoded them."""
        return self.browser.eval("['requested', 'sent'].map(i => document.getElementById(i))"
                                 ".map(i => [i.naturalWidth, i.naturalHeight])")

    def test_first_view_compares_without_a_click(self):
        self.show("")
        self.assertEqual(self.pictures(), [[800, 533]] * 2)
        self.assertEqual(self.browser.eval(ADDRESS), "/is/image/demo/product?wid=800&qlt=85")
        saving, requested, sent, score, target, _ = self.browser.eval(NUMBERS)
        self.assertGreater(int(saving.removesuffix(" %")), 30)
        self.assertGreater(float(requested.split()[0]), float(sent.split()[0]))
        self.assertGreaterEqual(float(score), float(target) - 0.5)
        # the numbers are those of the files that came
        sizes = self.browser.eval("""['requested', 'sent'].map(which => performance.getEntriesByType('resource')
            .filter(e => e.name.includes(`which=${which}`)).at(-1).encodedBodySize)""")
        self.assertEqual(self.browser.eval("['requested', 'sent'].map(i => document.getElementById(`${i}-bytes`).title)"),
                         [f"{size:,} bytes" for size in sizes])
        rows = self.browser.eval("[...document.querySelectorAll('#candidates tr')].map(r => r.cells[6].textContent)")
        self.assertIn("requested", rows)
        self.assertIn("winner", rows)
        self.assertEqual(self.browser.eval("document.querySelectorAll('input[name=picture]').length"), 8)
        # what the other browsers would get follows by itself
        self.browser.wait("[...document.querySelectorAll('.told')].every(t => /[a-z]/i.test(t.textContent))")
        self.assertIn("JPEG 2000", text(self.browser, "browser-safari-13"))

    def test_this_browser_is_known_as_images_ask(self):
        self.show()
        self.assertIn(text(self.browser, "client").split(";")[0], ("avif+webp", "avif+jxl+webp"))
        self.assertEqual(text(self.browser, "sent-format"), "AVIF")

    def test_controls_and_address_follow_each_other(self):
        self.show()
        b = self.browser
        for command, value, want in (
                ("wid", "320", "wid=320&qlt=85"), ("hei", "200", "wid=320&qlt=85&hei=200"),
                ("fit", "crop", "wid=320&qlt=85&hei=200&fit=crop"),
                ("op_usm", "1,1,6,0", "wid=320&qlt=85&hei=200&fit=crop&op_usm=1,1,6,0"),
                ("fit", "", "wid=320&qlt=85&hei=200&op_usm=1,1,6,0"),
                ("$", "thumbnail", "$thumbnail$&wid=320&qlt=85&hei=200&op_usm=1,1,6,0"),
                ("*", "op_hue=40", "$thumbnail$&wid=320&qlt=85&hei=200&op_usm=1,1,6,0&op_hue=40")):
            change(b, control(command), value)
            self.assertEqual(b.eval(ADDRESS), f"/is/image/demo/product?{want}", command)
        change(b, "#qlt-range", "70")
        self.assertIn("&qlt=70&", b.eval(ADDRESS))
        settle(b)
        self.assertEqual(self.pictures(), [[300, 200]] * 2)  # the preset says fit=constrain
        self.assertIn("url=%2Fis%2Fimage%2Fdemo%2Fproduct%3F%24thumbnail%24%26wid%3D320", b.eval("location.hash"))

        change(b, "#address", "/is/image/demo/night?hei=150&flip=lr&qlt=60,1&op_blur=2&layer=1&src=logo&size=90,0")
        settle(b)
        self.assertEqual(b.eval(f"""['wid', 'hei', 'flip', '*'].map(c => document.querySelector(`[data-command="${{c}}"]`).value)
                              .concat(document.getElementById('qlt').value, document.getElementById('qlt-chroma').checked,
                                      document.querySelector('input[name=picture]:checked').value)"""),
                         ["", "150", "lr", "op_blur=2&layer=1&src=logo&size=90,0", "60", True, "demo/night"])
        # a layer's own commands are not those of the picture
        change(b, control("rotate"), "10")
        self.assertIn("&rotate=10&layer=1&", b.eval(ADDRESS))
        settle(b)
        self.assertEqual(text(b, "problem"), "")

    def test_addresses_in_parts(self):
        self.show()
        cases = self.browser.eval("""import('/.smartimg/playground/address.js').then(a => {
            const known = new Map([['wid', 'request'], ['crop', 'picture']]), items = a.splitQuery;
            return [
                items('a=1&src=is{x?b=2&c=3}&m=(http://h/?d&e)&'),
                a.withValue(items('WID=1&wid=2&layer=1'), 'wid', '9'),
                a.withValue(items('layer=1&crop=1,2,3,4'), 'crop', '5,6,7,8', 'picture'),
                a.withValue(items('wid=1&hei=2'), 'wid', ''),
                [a.valueOf(items('wid=1&WID=%32'), 'wid'), a.valueOf(items('x'), 'wid') === undefined],
                a.withValue([], 'text', 'a b&c'),
                [a.furtherOf(items('$p$&wid=1&crop=1&$v=2&layer=1&crop=3&.c'), known), a.presetsOf(items('$p$&$q$=&$v=2'))],
                [a.pictureOf('/is/image/demo/a%20b?wid=1'), a.pathOf('demo/a b')],
            ];
        })""")
        self.assertEqual(cases, [
            ["a=1", "src=is{x?b=2&c=3}", "m=(http://h/?d&e)"], ["wid=9", "layer=1"],
            ["crop=5,6,7,8", "layer=1", "crop=1,2,3,4"], ["hei=2"], ["2", True], ["text=a%20b%26c"],
            ["$v=2&layer=1&crop=3&.c", "p q"], ["demo/a b", "/is/image/demo/a%20b"]])

    def test_pasted_addresses(self):
        self.show()
        b = self.browser
        for pasted, path, note in (
                (f"{self.url}/is/image/demo/fabric?wid=200", "demo/fabric?wid=200", ""),
                ("https://s7d1.scene7.com/is/image/demo/logo?hei=90", "demo/logo?hei=90", "From s7d1.scene7.com."),
                ("//cdn.example/shop/is/image/Shop/night?wid=210&fit=constrain#x", "demo/night?wid=210&fit=constrain",
                 "From cdn.example: Shop/night is demo/night here."),
                ("https://cdn.example/is/image/Shop/shoe-1?wid=220", "demo/night?wid=220",
                 "There is no Shop/shoe-1 here, so the commands of that address are applied to demo/night.")):
            change(b, "#address", pasted)
            self.assertEqual(text(b, "address-note"), note)
            b.eval("document.getElementById('address-form').requestSubmit()")
            self.assertEqual(b.eval(ADDRESS), f"/is/image/{path}")
            settle(b)
            self.assertEqual(text(b, "problem"), "")
        change(b, "#address", "https://example.com/picture.jpg")
        self.assertIn("not the address of a picture", text(b, "address-note"))
        self.assertEqual(b.eval("document.getElementById('address').getAttribute('aria-invalid')"), "true")

    def test_divider_moves_by_keys(self):
        self.show()
        b = self.browser
        state = """(() => { const d = document.getElementById('divider'), o = document.getElementById('over');
            const line = document.querySelector('.line').getBoundingClientRect(), box = o.getBoundingClientRect();
            const cut = parseFloat(getComputedStyle(document.getElementById('pair')).getPropertyValue('--cut'));
            return [d.value, d.getAttribute('aria-valuetext'), Math.round(100 * (line.left + line.width / 2 - box.left) / box.width),
                    Math.round(100 * cut / box.width)]; })()"""
        self.assertEqual(b.eval(state), ["50", "50 % requested, 50 % delivered", 50, 50])
        b.eval("document.getElementById('divider').focus()")
        b.press(RIGHT, RIGHT, RIGHT)
        b.wait("document.getElementById('divider').value == 53")
        self.assertEqual(b.eval(state), ["53", "53 % requested, 47 % delivered", 53, 53])
        b.press(HOME, LEFT)
        b.wait("document.getElementById('divider').value == 0")
        self.assertEqual(b.eval(state), ["0", "0 % requested, 100 % delivered", 0, 0])
        b.press(END)
        b.wait("document.getElementById('divider').value == 100")
        b.wait("location.hash.includes('divider=100')")

    def test_zoom_shows_pixels(self):
        self.show("#url=/is/image/demo/fabric?wid=1500%26qlt=85&zoom=1")
        b = self.browser
        self.assertEqual(b.eval("document.getElementById('pair').offsetWidth * devicePixelRatio"), 1500)
        self.assertEqual(b.eval("document.getElementById('scroller').tabIndex"), 0)
        choose(b, "zoom", "2")
        self.assertEqual(b.eval("document.getElementById('pair').offsetWidth * devicePixelRatio"), 3000)
        b.eval("document.getElementById('scroller').scrollTo(700, 300)")
        # the divider stays in the middle of what is seen
        b.wait("""Math.abs(parseFloat(getComputedStyle(document.getElementById('pair')).getPropertyValue('--cut'))
                  - 700 - document.getElementById('scroller').clientWidth / 2) < 2""")
        choose(b, "zoom", "fit")
        self.assertTrue(b.eval("document.getElementById('pair').offsetWidth <= document.getElementById('stage').offsetWidth"))

    def test_other_browsers_get_what_this_one_cannot_show(self):
        self.show()
        for browser, formats in (("safari-13", "JPEG 2000"), ("ie-11", "JPEG XR"), ("safari-14", "WebP"),
                                 ("no-avif", "WebP"), ("chrome", "AVIF")):
            choose(self.browser, "browser", browser)
            settle(self.browser)
            self.assertEqual(text(self.browser, "problem"), "")
            self.assertEqual(text(self.browser, "sent-format"), formats)
            self.assertEqual(self.pictures(), [[400, 267]] * 2)
            self.assertEqual("shown as PNG" in text(self.browser, "tag-sent"), browser in ("safari-13", "ie-11"))

    def test_density_switches_itself_on(self):
        self.show()
        choose(self.browser, "density", "2")
        settle(self.browser)
        self.assertEqual(self.browser.eval(ADDRESS), PRODUCT + "&dpr=on")
        self.assertEqual(self.pictures(), [[800, 534]] * 2)
        self.assertEqual(text(self.browser, "who-note"), "dpr=on was added to the address.")
        self.assertIn(";dpr=2", text(self.browser, "client"))
        change(self.browser, control("dpr"), "off")
        self.assertIn("dpr=off, so the density changes nothing", text(self.browser, "who-note"))
        settle(self.browser)
        self.assertEqual(self.pictures(), [[400, 267]] * 2)

    def test_link_brings_the_view_back(self):
        fragment = "#url=%2Fis%2Fimage%2Fdemo%2Fnight%3Fwid%3D300&browser=safari-14&density=1.5&network=poor&divider=20"
        self.show(fragment)
        self.assertEqual(self.browser.eval("[...document.querySelectorAll('input:checked[name]')].map(i => i.value)"),
                         ["demo/night", "fit", "safari-14", "1.5", "poor"])
        self.assertEqual(self.browser.eval("document.getElementById('divider').value"), "20")
        self.browser.eval("document.getElementById('zoom').querySelector('[value=\"1\"]').click()")
        self.assertEqual(self.browser.eval("location.hash"), fragment.replace("&divider", "&zoom=1&divider"))
        # another link in the same page
        self.browser.eval("location.hash = args[0]", fragment.replace("safari-14", "safari-13").replace("night", "fabric"))
        self.browser.wait("document.querySelector('input[name=browser]:checked').value === 'safari-13'")
        settle(self.browser)
        self.assertEqual(self.browser.eval("document.querySelector('input[name=picture]:checked').value"), "demo/fabric")

    def test_mistakes_are_told_where_the_picture_would_be(self):
        show(self.browser, self.url, "#url=/is/image/demo/nothing?wid=300")
        said = self.browser.eval("document.querySelector('#problem p').textContent")
        self.assertRegex(said, r"^[A-Z].*nothing.*\.$")
        self.assertEqual(self.browser.eval(NUMBERS), ["–"] * 6)
        change(self.browser, "#address", "/is/image/demo/night?wid=0")
        settle(self.browser)
        self.assertRegex(self.browser.eval("document.querySelector('#problem p').textContent"), r"^wid: .*\.$")
        change(self.browser, "#address", "/is/image/demo/night?wid=300")
        settle(self.browser)
        self.assertEqual(text(self.browser, "problem"), "")
        self.assertEqual(self.pictures(), [[300, 200]] * 2)

    def test_uploads_are_compared_at_once(self):
        self.show()
        b = self.browser
        give = """fetch('/is/image/demo/night?wid=500&bfc=off').then(r => r.blob()).then(blob => {
            const data = new DataTransfer();
            data.items.add(new File([blob], 'my night ü.jpg', {type: 'image/jpeg'}));
            %s })"""
        b.eval(give % """const file = document.getElementById('file');
            file.files = data.files;
            file.dispatchEvent(new Event('change', {bubbles: true}));""")
        b.wait("document.querySelectorAll('input[name=picture]').length === 9")
        settle(b)
        first = b.eval("document.querySelector('input[name=picture]').value")
        self.assertEqual(b.eval("document.querySelector('input[name=picture]:checked').value"), first)
        self.assertIn("my", first)
        self.assertEqual(text(b, "problem"), "")
        self.assertEqual(self.pictures()[1][0], 400)
        self.assertRegex(text(b, "upload-note"), r"^Only you can see it, until \d\d:\d\d\.$")
        b.eval("document.querySelector('#grid img').decode()")
        # dropped anywhere
        b.eval(give % "document.body.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true}));")
        b.wait("document.querySelectorAll('input[name=picture]').length === 10")
        settle(b)
        # what is no picture is refused in a sentence
        b.eval("""(() => { const data = new DataTransfer(), file = document.getElementById('file');
            data.items.add(new File(['no picture'], 'a.txt'));
            file.files = data.files;
            file.dispatchEvent(new Event('change', {bubbles: true})); })()""")
        b.wait("/^(?!Uploading|Only).*\\.$/.test(document.getElementById('upload-note').textContent)")
        self.assertEqual(b.eval("document.querySelectorAll('input[name=picture]').length"), 10)

    def test_only_the_last_of_many_changes_is_asked_for(self):
        self.show()
        b = self.browser
        b.wait("[...document.querySelectorAll('.told')].every(t => t.textContent !== '…')")
        before = b.eval(EXPLAINS)
        b.eval("""(() => { const wid = document.querySelector('[data-command=wid]');
            for (const value of ['3', '31', '311', '312', '313']) {
              wid.value = value;
              wid.dispatchEvent(new Event('input', {bubbles: true}));
            } })()""")
        settle(b)
        self.assertEqual(self.pictures()[0][0], 313)
        self.assertEqual(b.eval(f"performance.getEntriesByType('resource').slice().filter(e => /explain.*wid%3D31?[12]?&/.test(e.name)).length"), 0)
        self.assertGreater(b.eval(EXPLAINS), before)
        # an answer that is outdated by a choice is not shown
        choose(b, "browser", "safari-14")
        choose(b, "browser", "safari-13")
        settle(b)
        self.assertEqual(text(b, "sent-format"), "JPEG 2000")

    def test_everything_is_reached_by_keys(self):
        self.show()
        b = self.browser
        b.eval("document.querySelector('.skip').focus()")
        b.press("\ue007")
        b.wait("document.activeElement.id === 'stage'")
        self.assertIn("url=", b.eval("location.hash"))
        b.eval("document.querySelector('.skip').focus()")
        seen = []
        for _ in range(60):
            here = b.eval("""(e => e === document.body ? '' : e.id || e.dataset.command || e.name || e.tagName.toLowerCase())
                             (document.activeElement)""")
            if seen and here in ("", "a", seen[0]):
                break
            seen.append(here)
            if here == "*":
                break
            b.press(TAB)
        wanted = ["copy-curl", "copy-link", "picture", "file", "address", "copy-address", "divider", "zoom", "browser",
                  "density", "network", "summary", "wid", "hei", "fit", "fmt", "qlt-range", "qlt", "crop", "op_usm", "bfc", "network", "*"]
        self.assertEqual([name for name in seen if name in wanted], wanted)


class InChromium(OneBrowser, Shared):
    name = "chromium"

    def witness(self):
        number = self.browser.cdp("Page.addScriptToEvaluateOnNewDocument", source=WITNESS)["identifier"]
        self.addCleanup(lambda: self.browser.cdp("Page.removeScriptToEvaluateOnNewDocument", identifier=number))

    def test_strict_policy_and_no_complaint(self):
        with urllib.request.urlopen(self.url + "/") as reply:
            policy = reply.headers["Content-Security-Policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        self.witness()
        self.show()
        choose(self.browser, "browser", "ie-11")
        settle(self.browser)
        choose(self.browser, "zoom", "2")
        change(self.browser, control("bgc"), "ff0000")
        settle(self.browser)
        self.browser.wait("[...document.querySelectorAll('.told')].every(t => t.textContent !== '…')")
        self.assertEqual(self.browser.eval("wrong"), [])
        # the witness does see what the policy forbids
        self.browser.eval("document.body.append(Object.assign(document.createElement('script'), {textContent: '1'}))")
        self.browser.wait("wrong.some(w => w.startsWith('policy: script-src'))")

    def test_nothing_is_wider_than_a_phone(self):
        self.browser.resize(390, 844)
        self.addCleanup(lambda: self.browser.resize(1280, 900))
        width = "document.scrollingElement.scrollWidth"
        for fragment in ("", "#url=/is/image/demo/pebbles?wid=1200&zoom=2&browser=safari-13"):
            self.show(fragment)
            self.assertFalse(self.browser.eval("document.getElementById('asked').open"))
            self.browser.eval("document.querySelectorAll('details').forEach(d => { d.open = true; })")
            self.assertLessEqual(self.browser.eval(width), 390)
        show(self.browser, self.url, "#url=/is/image/demo/" + "n" * 100)
        self.assertLessEqual(self.browser.eval(width), 390)
        with Report() as report:
            self.browser.open(report.url)
            self.assertLessEqual(self.browser.eval(width), 390)
            self.browser.eval("document.querySelector('.pair').click()")
            self.assertLessEqual(self.browser.eval(width), 390)

    def test_fingers_move_the_divider(self):
        self.show()
        box = self.browser.eval("(r => [r.left, r.top, r.width, r.height])(document.getElementById('over').getBoundingClientRect())")
        y = box[1] + box[3] / 2
        x = [box[0] + box[2] * share for share in (0.5, 0.4, 0.25)]
        touch = lambda kind, points: self.browser.cdp("Input.dispatchTouchEvent", type=kind,
                                                      touchPoints=[{"x": p, "y": y} for p in points])
        touch("touchStart", x[:1])
        touch("touchMove", x[1:2])
        touch("touchMove", x[2:])
        touch("touchEnd", [])
        self.browser.wait("Math.abs(document.getElementById('divider').value - 25) <= 2")

    def test_light_dark_and_less_motion(self):
        colours = {}
        for scheme in ("light", "dark"):
            set_scheme(self.browser, scheme)
            self.show()
            colours[scheme] = self.browser.eval("getComputedStyle(document.body).backgroundColor")
        self.assertNotEqual(colours["light"], colours["dark"])
        self.browser.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
        self.assertEqual(self.browser.eval("getComputedStyle(document.querySelector('.progress'), '::before').animationName"),
                         "none")

    def test_copied_command_gets_that_file(self):
        self.show(f"#url={PRODUCT.replace('&', '%26')}&browser=safari-13")
        self.browser.eval("""navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve(); },
                             document.getElementById('copy-curl').click()""")
        command = shlex.split(self.browser.wait("window.copied"))
        self.assertEqual(command[:3], ["curl", "-o", "product.jp2"])
        done = subprocess.run([*command[:1], "-s", "-w", "%{content_type}", "-o", "/dev/null", *command[3:]],
                              capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, "image/jp2")
        self.assertEqual(text(self.browser, "copy-curl"), "Copied")

    def test_better_answers_are_shown_when_the_server_has_them(self):
        with Playground("--refine-share", "50") as own:
            show(self.browser, own.url, "#url=/is/image/demo/product?wid=200%26qlt=85")
            first = self.browser.eval("document.getElementById('sent-bytes').title")
            self.browser.wait("document.getElementById('status').textContent.startsWith('Refined: ')")
            self.assertNotEqual(self.browser.eval("document.getElementById('sent-bytes').title"), first)
            self.assertIn("while idle", text(self.browser, "candidates-text"))

    def test_words_of_lists_are_those_of_the_server(self):
        self.show()
        words = self.browser.eval("""[...document.querySelectorAll('select[data-command]')].flatMap(
            s => [...s.options].filter(o => o.value).map(o => [s.dataset.command, o.value]))""")
        self.assertGreater(len(words), 25)
        for command, word in words:
            size = "wid=9&hei=9&" if command == "fit" else ""
            with urllib.request.urlopen(f"{self.url}/is/image/demo/logo?{size}{command}={word}&req=validate,json") as reply:
                told = reply.read().decode()
            self.assertNotIn("error", told.lower(), f"{command}={word}")


class InFirefox(OneBrowser, Shared):
    name = "firefox"


class InWebKit(OneBrowser, Shared):
    name = "webkit"


class Size(unittest.TestCase):
    def test_the_page_is_small_and_needs_nobody_else(self):
        files = [f for f in FOLDER.iterdir() if f.suffix != ".md"]
        self.assertLess(sum(f.stat().st_size for f in files), LARGEST)
        page = (FOLDER / "index.html").read_text()
        for forbidden in ("style=", " onclick", "javascript:", "//cdn", "http:", "https:"):
            self.assertNotIn(forbidden, page)
        for file in files:
            if file.suffix == ".js":
                self.assertNotRegex(file.read_text(), r"\beval\(|new Function|innerHTML|\.style\s*=|setAttribute\('style'")


if __name__ == "__main__":
    unittest.main()
