#!/usr/bin/env python3
"""The scripts of web/ in real browsers, on pages of a site of the test's own.

    /usr/bin/python3 tests/client/test_client.py [Chromium|Firefox|WebKit][.TEST]

Needs the packages of tools/setup --test."""

import itertools
import pathlib
import re
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from web_site import PROJECT, Site  # noqa: E402
from browsers import BROWSERS, start  # noqa: E402  (of tests/browsers)
from waiting import wait_until  # noqa: E402  (of tests/http)

# args: the URL; true once it is shown, false if it cannot be
LOAD = """new Promise(done => {
    const image = new Image();
    image.onload = () => done(true);
    image.onerror = () => setTimeout(() => image.complete && done(image.naturalWidth > 0), 500);
    image.src = args[0];
    document.body.append(image);
})"""
SCRIPT = '<!doctype html><title>page</title><script src="/smartimg.js"{}></script><body>'


PAGE = (PROJECT / "docs/client.md").read_text()
# in the order of the page: smartimg.js, from another host, srvinit.js, with dprImageInjection.js, responsive.js
SNIPPETS = re.findall(r"^```html\n(.*?)^```", PAGE, re.M | re.S)
IMPORT, = re.findall(r"^    (importScripts\(\"https.*)$", PAGE, re.M)


class Client:
    """Tests that pass in every browser."""

    name = None

    @classmethod
    def setUpClass(cls):
        cls.site = Site()
        cls.browser = start(cls.name, scale=2)

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.site.close()

    def setUp(self):
        """Each test begins without workers, on a page that loads none."""
        self.site.pages.clear()
        self.site.page("/empty", "<!doctype html><title>empty</title>")
        self.forget(self.browser)

    def forget(self, browser):
        for host in (self.site.here, self.site.there):
            browser.open(host + "/empty")
            browser.eval("""navigator.serviceWorker.getRegistrations().then(all => Promise.all([
                ...all.map(one => one.unregister()), caches.delete('smartimg')])).then(() => 0)""")
        browser.open("about:blank")
        self.site.asked.clear()

    def visit(self, body=None, options="", browser=None, path="/"):
        """Opens a page with smartimg.js, or another one, and waits for its worker."""
        browser = browser or self.browser
        self.site.page(path, SCRIPT.format(options) + (body or ""))
        browser.open(self.site.here + path)
        self.controlled(browser)
        return browser

    def controlled(self, browser=None):
        """Waits until a worker has the page, and what the page has told it."""
        browser = browser or self.browser
        browser.wait("navigator.serviceWorker.controller != null")
        browser.wait("caches.match('/.smartimg').then(kept => kept && kept.text())"
                     ".then(ratio => ratio == devicePixelRatio)")

    def load(self, path, browser=None, host=None, shown=True):
        """What the site is asked for an image, as paths with queries."""
        url = path if path.startswith("http") else (host or self.site.here) + path
        self.site.asked.clear()
        self.assertEqual((browser or self.browser).eval(LOAD, url), shown, url)
        return [asked.split(f":{self.site.port}", 1)[1] for asked, _ in self.site.asked]

    def there(self, text):
        """A snippet whose images come from the site's other host."""
        return text.replace("https://images.example.com", self.site.there).replace(
            "images.example.com", self.site.there[len("http://"):])

    # ---- smartimg.js: the ratio ----

    def test_ratio_of_the_screen(self):
        for scale, told in ((1, "1"), (1.5, "1.5"), (2, "2"), (3, "3"), (2.2, "2"), (5, "4")):
            if not BROWSERS[self.name].can_scale(scale):
                continue
            with self.subTest(scale=scale), start(self.name, scale=scale) as browser:
                self.visit(browser=browser)
                self.assertEqual(self.load("/is/image/a?wid=30", browser), [f"/is/image/a?dpr=on,{told}&wid=30"])

    def test_another_screen_and_zoom(self):
        self.visit()
        browser = self.browser
        try:
            browser.set_scale(1.5)
        except NotImplementedError:
            self.skipTest("this browser cannot")
        try:
            self.controlled()
            self.assertEqual(self.load("/is/image/a"), ["/is/image/a?dpr=on,1.5"])
            browser.set_scale(2)
            self.controlled()
            self.assertEqual(self.load("/is/image/b"), ["/is/image/b?dpr=on,2"])
            if self.name == "firefox":
                browser.zoom(1.5)
                browser.wait("devicePixelRatio == 3")
                self.controlled()
                self.assertEqual(self.load("/is/image/c"), ["/is/image/c?dpr=on,3"])
        finally:
            browser.set_scale(2)
            if self.name == "firefox":
                browser.zoom(1)
            browser.wait("devicePixelRatio == 2")

    def test_what_is_changed(self):
        self.visit()
        for asked, told in {
            "/is/image/a": "?dpr=on,2",
            "/is/image/a?": "?dpr=on,2",
            "/is/image/a?$preset$&network=off": "?dpr=on,2&$preset$&network=off",
            "/is/image/a?layer=1&src=is{b?wid=3}&pos=1,2#part": "?dpr=on,2&layer=1&src=is{b?wid=3}&pos=1,2",
        }.items():
            with self.subTest(asked):
                self.assertEqual([unescape(path) for path in self.load(asked)], ["/is/image/a" + told])

    def test_what_stays(self):
        self.visit()
        for path in ("/is/image/a?dpr=off", "/is/image/a?wid=3&DPR=on,3", "/is/image/a?wid=300&1f2e",
                     "/is/image/a?wid=300&0123456789abcdef0123456789ABCDEF", "/is/image/a?d2lkPTMwMA==",
                     "/is/image/a?dpr=on,1&network=off"):
            with self.subTest(path):
                self.assertEqual(self.load(path), [path])
        self.assertEqual(self.load("/is/image/a?wid=3", host=self.site.there), ["/is/image/a?wid=3"])
        for how in ("fetch(args[0])", "fetch(args[0], {method: 'POST', body: 'x'})",
                    "fetch(args[0], {headers: {Range: 'bytes=0-3'}})"):
            with self.subTest(how):
                self.site.asked.clear()
                self.browser.eval(how + ".then(() => 0)", "/is/image/a?wid=3")
                self.assertEqual([url for url, _ in self.site.asked], [self.site.here + "/is/image/a?wid=3"])

    def test_hosts_and_path(self):
        self.visit(options=f' data-hosts="localhost:{self.site.port}, other.example" data-path="/is/image/shop/"')
        self.assertEqual(self.load("/is/image/shop/a", host=self.site.there), ["/is/image/shop/a?dpr=on,2"])
        self.assertEqual(self.load("/is/image/b", host=self.site.there), ["/is/image/b"])
        self.assertEqual(self.load("/is/image/shop/a"), ["/is/image/shop/a"])

    def test_snippets_of_the_page(self):
        for snippet in SNIPPETS[:2]:
            with self.subTest(snippet):
                if "https" in snippet:
                    self.site.page(self.site.here + "/smartimg.js", self.there(IMPORT))
                self.site.page("/", "<!doctype html>" + self.there(snippet) + "<body>")
                self.browser.open(self.site.here + "/")
                self.controlled()
                self.assertEqual(self.load("/is/image/a?wid=300", host=self.site.there), ["/is/image/a?dpr=on,2&wid=300"])
                self.forget(self.browser)

    def test_the_browser_still_says_what_it_shows(self):
        self.visit()
        self.load("/is/image/a")
        changed = self.site.asked[-1][1]
        self.load("/is/image/a?dpr=off")
        self.assertEqual(changed["accept"], self.site.asked[-1][1]["accept"])
        self.assertIn("image/avif", changed["accept"])

    def test_first_and_second_load(self):
        picture = '<img src="/is/image/a?wid=4" alt="">'
        self.visit(picture)
        self.assertEqual(self.site.asked[0][0], self.site.here + "/is/image/a?wid=4")
        self.site.asked.clear()
        self.visit(picture)
        self.assertEqual(self.site.asked[0][0], self.site.here + "/is/image/a?dpr=on,2&wid=4")

    def test_frames_and_style_sheets(self):
        self.visit()
        self.site.asked.clear()
        self.site.page("/frame", '<!doctype html><body style="background:url(/is/image/b)"><img src="/is/image/a">')
        self.visit('<iframe src="/frame"></iframe>')
        wait_until(lambda: len(self.site.asked) == 2, lambda: f"two images: {self.site.asked}")
        self.assertEqual({url.split("/is/image/")[1] for url, _ in self.site.asked}, {"a?dpr=on,2", "b?dpr=on,2"})

    # ---- smartimg.js: fails open ----

    def test_refused_and_cut(self):
        self.visit(options=f' data-hosts="127.0.0.1:{self.site.port} localhost:{self.site.port}"')
        for host in (self.site.here, self.site.there):
            for name in ("refused", "cut"):
                with self.subTest(host=host, name=name):
                    asked = self.load(f"/is/image/{name}?wid=3", host=host)
                    self.assertEqual(asked[0], f"/is/image/{name}?dpr=on,2&wid=3")
                    self.assertEqual(asked[-1], f"/is/image/{name}?wid=3")

    def test_what_is_not_there_is_an_error(self):
        self.visit()
        self.site.server.RequestHandlerClass.do_GET, kept = (lambda request: request.send_error(404),
                                                             self.site.server.RequestHandlerClass.do_GET)
        try:
            self.load("/is/image/nothing", shown=False)
        finally:
            self.site.server.RequestHandlerClass.do_GET = kept

    def test_broken_worker(self):
        for script in ("this is no script", "throw new Error('broken')"):
            with self.subTest(script):
                self.site.page("/broken.js", script)
                self.site.page("/", SCRIPT.format(' data-worker="/broken.js"'))
                self.browser.open(self.site.here + "/")
                self.assertEqual(self.load("/is/image/a?wid=3"), ["/is/image/a?wid=3"])
        self.site.page("/throws.js", """oninstall = () => skipWaiting(); onactivate = e => e.waitUntil(clients.claim());
            caches.open = () => { throw new Error('no'); }; caches.match = () => Promise.reject(new Error('no'));
            Request = function () { throw new Error('no'); };
            self.smartimg = {}; importScripts('/smartimg.js');""")
        self.browser.eval("navigator.serviceWorker.register('/throws.js').then(() => 0)")
        self.browser.wait("navigator.serviceWorker.controller != null")
        self.browser.eval("navigator.serviceWorker.controller.postMessage({smartimg: {ratio: 2}})")
        self.assertEqual(self.load("/is/image/a?wid=3"), ["/is/image/a?wid=3"])

    def test_worker_that_must_not_ask(self):
        self.site.page("/smartimg.js", (PROJECT / "web/smartimg.js").read_text(),
                       Content_Security_Policy="default-src 'none'")
        self.visit()
        self.assertEqual(self.load("/is/image/a?wid=3"), ["/is/image/a?wid=3"])

    def test_off(self):
        self.visit()
        self.site.page("/", SCRIPT.format(" data-off"))
        self.browser.open(self.site.here + "/")
        self.browser.wait("navigator.serviceWorker.getRegistrations().then(all => all.length == 0)")
        self.browser.open(self.site.here + "/empty")
        self.assertEqual(self.load("/is/image/a?wid=3"), ["/is/image/a?wid=3"])

    # ---- smartimg.js: workers of sites, other hosts, lines ----

    def test_worker_of_the_site_stays_and_may_import(self):
        begin = "oninstall = () => skipWaiting(); onactivate = event => event.waitUntil(clients.claim());\n"
        self.site.page("/site-worker.js", begin)
        self.site.page("/with.js", begin + "self.smartimg = {hosts: [location.host]}; importScripts('/smartimg.js');")
        for worker, told in (("/site-worker.js", "/is/image/a"), ("/with.js", "/is/image/a?dpr=on,2")):
            with self.subTest(worker):
                self.browser.open(self.site.here + "/empty")
                self.browser.eval("navigator.serviceWorker.register(args[0]).then(() => 0)", worker)
                self.browser.wait("(navigator.serviceWorker.controller || {scriptURL: ''}).scriptURL.endsWith(args[0])",
                                  worker)
                self.site.page("/", SCRIPT.format(""))
                self.browser.open(self.site.here + "/")
                if worker == "/with.js":
                    self.controlled()
                self.assertEqual(self.load("/is/image/a"), [told])
                self.assertEqual(self.browser.eval(
                    "navigator.serviceWorker.getRegistrations().then(all => all.map(r => new URL(r.active.scriptURL).pathname))"),
                    [worker])

    def test_hosts_that_may_be_read(self):
        self.visit(options=f' data-hosts="localhost:{self.site.port}" data-cors')
        self.assertEqual(self.load("/is/image/open", host=self.site.there), ["/is/image/open?dpr=on,2"])
        self.assertEqual(self.site.asked[0][1]["sec-fetch-mode"], "cors")
        # status 500 is seen, so the worker itself asks again
        self.assertEqual(self.load("/is/image/open-refused", host=self.site.there),
                         ["/is/image/open-refused?dpr=on,2", "/is/image/open-refused"])
        self.assertEqual(self.load("/is/image/shut", host=self.site.there)[-1], "/is/image/shut")

    def test_slow_line(self):
        self.visit(options=f' data-hosts="127.0.0.1:{self.site.port} localhost:{self.site.port}" data-cors')
        # WebKit tells nobody how large images of other hosts are
        for host in (self.site.here, self.site.there)[:1 if self.name == "webkit" else 2]:
            with self.subTest(host):
                for i in range(3):
                    self.load(f"/is/image/slow-open-timed?{i}=1", host=host)
                # what a page measures it tells a moment later
                number = itertools.count()
                wait_until(lambda: "network=poor" in self.load(f"/is/image/a?{next(number)}=1")[0], "the class of the line")
                self.assertEqual(self.load("/is/image/b?b=1"), ["/is/image/b?dpr=on,2&network=poor&b=1"])
                self.assertEqual(self.load("/is/image/a?dpr=off&b=1"), ["/is/image/a?network=poor&dpr=off&b=1"])
                self.assertEqual(self.load("/is/image/a?network=off&b=1"), ["/is/image/a?dpr=on,2&network=off&b=1"])
                self.forget(self.browser)
                self.visit(options=f' data-hosts="127.0.0.1:{self.site.port} localhost:{self.site.port}" data-cors')

    # ---- the vendor's names ----

    PROBE = '<img src="aem_dm_dpr_1x.jpg" style="width:1px;height:1px;display:none" alt="" srcset="%s">' % ", ".join(
        f"aem_dm_dpr_{i / 10:g}x.jpg {i / 10:g}x" for i in range(10, 51))

    def probes(self):
        return [url for url, _ in self.site.asked if "aem_dm_dpr" in url]

    def test_srvinit(self):
        self.site.page("/", f"<!doctype html>{SNIPPETS[2]}<body>" + self.PROBE + '<img src="/is/image/a?wid=3" alt="">')
        self.browser.open(self.site.here + "/")
        self.controlled()
        self.assertEqual(self.load("/is/image/a?wid=3"), ["/is/image/a?dpr=on,2&wid=3"])
        self.assertEqual(self.load("/is/image/b?wid=3", host=self.site.there), ["/is/image/b?dpr=on,2&wid=3"])
        self.site.asked.clear()
        self.browser.open(self.site.here + "/")
        self.assertEqual([url for url, _ in self.site.asked], [self.site.here + "/is/image/a?dpr=on,2&wid=3"])

    def test_probe_alone_tells_the_ratio(self):
        """Pages of the vendor's own srvinit.js, which tells nothing but registers srvwrk.js."""
        self.site.page("/", "<!doctype html><script>navigator.serviceWorker.register('srvwrk.js?hosts=*')</script><body>"
                       + self.PROBE)
        self.browser.open(self.site.here + "/")
        self.browser.wait("navigator.serviceWorker.controller != null")
        self.assertEqual(self.load("/is/image/a?wid=3"), ["/is/image/a?wid=3"])
        self.site.asked.clear()
        self.browser.open(self.site.here + "/")
        self.controlled()
        self.assertEqual(self.probes(), [])
        self.assertEqual(self.load("/is/image/a?wid=3"), ["/is/image/a?dpr=on,2&wid=3"])

    def test_dpr_image_injection(self):
        self.site.page("/", f'<!doctype html>{SNIPPETS[3]}<body><div id="app"></div>')
        self.browser.open(self.site.here + "/")
        self.controlled()
        self.browser.open(self.site.here + "/")
        self.assertEqual(self.browser.eval("[document.body.firstElementChild.currentSrc.split('/').pop(),"
                                           "document.body.firstElementChild.srcset.split(',').length,"
                                           "document.body.firstElementChild.srcset.split(',')[11]]"),
                         ["aem_dm_dpr_2x.jpg", 41, "aem_dm_dpr_2.1x.jpg 2.1x"])
        self.assertEqual(self.load("/is/image/a"), ["/is/image/a?dpr=on,2"])

    # ---- responsive.js ----

    def test_responsive(self):
        self.site.page("/", f"""<!doctype html><style>img {{ width: 100% }}</style>
            <body style="margin:0"><div style="width:300px">{self.there(SNIPPETS[4])}
            <img data-smartimg src="/is/image/plain?wid=40&amp;hei=20&amp;crop=0,0,5,5" alt="">
            <img data-smartimg="/is/image/own" data-widths="100, 200" sizes="50px" alt=""></div>""")
        self.browser.open(self.site.here + "/")

        def names():
            return {url.split("/is/image/")[1] for url, _ in self.site.asked}

        wanted = {"demo/product?fmt=jpg&wid=640&dpr=off", "plain?crop=0,0,5,5&wid=640&hei=320&dpr=off", "own?wid=100&dpr=off",
                  "plain?wid=40&hei=20&crop=0,0,5,5"}
        wait_until(lambda: names() >= wanted, lambda: f"the images: {self.site.asked}")
        self.assertEqual(names(), wanted)
        self.browser.eval("document.querySelector('div').style.width = '700px'")
        wait_until(lambda: "plain?crop=0,0,5,5&wid=1600&hei=800&dpr=off" in names(), lambda: f"more: {names()}")
        self.site.asked.clear()
        self.browser.eval("""void document.body.insertAdjacentHTML('beforeend',
            '<p><img data-smartimg="/is/image/later" sizes="80px" alt=""></p>')""")
        wait_until(lambda: names() == {"later?wid=160&dpr=off"}, lambda: f"the one that came later: {names()}")


def unescape(path):
    return re.sub("%7[BDbd]", lambda m: {"7b": "{", "7d": "}"}[m[0][1:].lower()], path)


class Chromium(Client, unittest.TestCase):
    name = "chromium"


class Firefox(Client, unittest.TestCase):
    name = "firefox"


class WebKit(Client, unittest.TestCase):
    name = "webkit"


if __name__ == "__main__":
    unittest.main()
