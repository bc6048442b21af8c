"""Headless browsers behind one interface; README.md shows its use."""

import base64
import glob
import pathlib
import shutil
import socket
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "http"))
from marionette import Marionette  # noqa: E402
from ports import free_port  # noqa: E402
from processes import Display, end, spawn  # noqa: E402
from waiting import PATIENCE, wait_until  # noqa: E402
from webdriver import Session, WebDriverError  # noqa: E402

# Evaluates an expression with `args`; a promise's value counts. Its last argument is what WebDriver waits for.
EVALUATE = """const done = arguments[arguments.length - 1], args = [...arguments].slice(0, -1);
(async () => (%s))().then(value => done({value: value === undefined ? null : value}),
                          error => done({error: String(error)}));"""

TIMEOUTS = {"script": int(PATIENCE * 1000), "pageLoad": int(PATIENCE * 1000), "implicit": 0}


class ScriptError(Exception):
    """What an expression threw."""


class Browser:
    """What all browsers have. Subclasses start, command, and end; ratios and factors are numbers, sizes CSS pixels."""

    name = None

    def __init__(self, scale=1, width=1000, height=800, agent=None):
        """A window of that size on a screen of that pixel ratio. `agent` replaces the User-Agent."""
        assert self.can_scale(scale), f"{self.name} cannot have a ratio of {scale}"
        self.folder = tempfile.TemporaryDirectory(prefix=f"smartimg-{self.name}-", ignore_cleanup_errors=True)
        self.profile = pathlib.Path(self.folder.name)
        self.log = self.profile / "log"
        self.scale, self.agent = scale, agent
        self.process = None
        try:
            self.launch()
            self.resize(width, height)
        except BaseException as error:
            log = self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""
            self.close()
            if isinstance(error, Exception):
                raise RuntimeError(f"{self.name} did not start: {error}\n{log}") from error
            raise

    @classmethod
    def can_scale(cls, scale):
        """Whether start() can have this pixel ratio."""
        return scale > 0

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        end(self.process)
        self.process = None
        self.folder.cleanup()

    def open(self, url):
        """Loads a page, and waits for its load event."""
        raise NotImplementedError

    def execute(self, script, arguments):
        """Runs the body of a function, and waits for its callback."""
        raise NotImplementedError

    def eval(self, expression, *arguments):
        """The value of an expression in the page, in whose scope `args` are the arguments; of a promise what it comes
        to. Raises ScriptError if it throws."""
        result = self.execute(EVALUATE % expression, list(arguments))
        if "error" in result:
            raise ScriptError(f"{self.name}: {result['error']}: {expression}")
        return result["value"]

    def wait(self, expression, *arguments):
        """The first true value of an expression that is looked at again and again."""
        return wait_until(lambda: self.eval(expression, *arguments), f"{self.name}: {expression}")

    def resize(self, width, height):
        """Gives the window such a size that the page has width × height, as far as the browser allows."""
        raise NotImplementedError

    def press(self, *keys):
        """Presses keys one after the other: characters, or codes of WebDriver such as "\\ue004" for Tab."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.perform([{"type": "key", "id": "keyboard", "actions": actions}])

    def perform(self, actions):
        """Performs actions of WebDriver's section of that name."""
        raise NotImplementedError

    def screenshot(self):
        """The window's content, the bytes of a PNG."""
        raise NotImplementedError

    def set_scale(self, scale):
        """Moves the window to a screen of another pixel ratio."""
        raise NotImplementedError

    def zoom(self, factor):
        """Zooms the page, as its user can."""
        raise NotImplementedError


class WebDriverBrowser(Browser):
    """With a driver that speaks WebDriver."""

    def connect(self, port, capabilities):
        self.session = Session(port, {"acceptInsecureCerts": True, "timeouts": TIMEOUTS, **capabilities}, PATIENCE)

    def close(self):
        session, self.session = getattr(self, "session", None), None
        if session:
            try:
                session.command("DELETE", "")
            except (OSError, WebDriverError):
                pass  # it is killed in any case
        super().close()

    def open(self, url):
        self.session.command("POST", "/url", {"url": url})

    def execute(self, script, arguments):
        return self.session.command("POST", "/execute/async", {"script": script, "args": arguments})

    def resize(self, width, height):
        self.session.command("POST", "/window/rect", {"width": width, "height": height})
        inner = self.eval("[innerWidth, innerHeight]")
        if inner != [width, height]:
            self.session.command("POST", "/window/rect", {"width": 2 * width - inner[0],
                                                          "height": 2 * height - inner[1]})

    def perform(self, actions):
        self.session.command("POST", "/actions", {"actions": actions})

    def screenshot(self):
        return base64.b64decode(self.session.command("GET", "/screenshot"))


class Chromium(WebDriverBrowser):
    name = "chromium"

    def launch(self):
        self.process = spawn(["chromedriver", "--port=0", f"--log-path={self.log}"], stdout=-1)
        line = b" "
        while line and b"successfully on port" not in line:
            line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("chromedriver ended")
        arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update", "--disable-sync",
                     f"--force-device-scale-factor={self.scale}", f"--user-data-dir={self.profile / 'profile'}"]
        if self.agent is not None:
            arguments.append(f"--user-agent={self.agent}")
        self.connect(int(line.split(b"on port")[1].strip(b" .\n")),
                     {"browserName": "chrome", "goog:chromeOptions": {"args": arguments}})

    def cdp(self, command, **parameters):
        """A command of the DevTools protocol."""
        return self.session.command("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def resize(self, width, height):
        """Exactly: no window manager has a say, and phones are narrower than Chromium's windows may be."""
        self.size = width, height
        self.set_scale(self.eval("devicePixelRatio"))

    def set_scale(self, scale):
        """Media queries tell the page only where its size changes as well, as it does with a real screen: so it does
        here, for a moment."""
        for width in (self.size[0] - 1, self.size[0]):
            self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=self.size[1],
                     deviceScaleFactor=scale, mobile=False)


class Firefox(Browser):
    name = "firefox"
    PREFERENCES = {
        "marionette.port": 0,
        "remote.prefs.recommended": True,  # its own choice of what disturbs tests: updates, first runs and the like
        "datareporting.policy.dataSubmissionEnabled": False,
        "network.captive-portal-service.enabled": False,
        "network.connectivity-service.enabled": False,
        "browser.shell.checkDefaultBrowser": False,
        "toolkit.cosmeticAnimations.enabled": False,
    }

    def launch(self):
        preferences = {**self.PREFERENCES, "layout.css.devPixelsPerPx": str(self.scale)}
        if self.agent is not None:
            preferences["general.useragent.override"] = self.agent
        lines = [f'user_pref("{name}", {self.literal(value)});\n' for name, value in preferences.items()]
        (self.profile / "user.js").write_text("".join(lines))
        self.process = spawn([shutil.which("firefox-esr") or "firefox", "-headless", "-no-remote", "-marionette",
                              "-remote-allow-system-access", "-profile", self.profile],
                             {"HOME": str(self.profile), "MOZ_CRASHREPORTER_DISABLE": "1"}, self.log)
        port = self.profile / "MarionetteActivePort"
        wait_until(lambda: self.process.poll() is not None or port.exists() and port.read_text(),
                   "Firefox to listen")
        self.marionette = Marionette(int(port.read_text()), PATIENCE)
        self.marionette.command("WebDriver:NewSession", acceptInsecureCerts=True, timeouts=TIMEOUTS)

    @staticmethod
    def literal(value):
        return str(value).lower() if isinstance(value, (bool, int)) else f'"{value}"'

    def close(self):
        marionette, self.marionette = getattr(self, "marionette", None), None
        if marionette:
            marionette.close()
        super().close()

    def open(self, url):
        self.marionette.command("WebDriver:Navigate", url=url)

    def execute(self, script, arguments):
        return self.marionette.command("WebDriver:ExecuteAsyncScript", script=script, args=arguments,
                                       sandbox=None)["value"]

    def chrome(self, script, *arguments):
        """Runs a function's body in the browser's own window."""
        self.marionette.command("Marionette:SetContext", value="chrome")
        try:
            return self.marionette.command("WebDriver:ExecuteScript", script=script, args=list(arguments))["value"]
        finally:
            self.marionette.command("Marionette:SetContext", value="content")

    def resize(self, width, height):
        for _ in range(2):  # what surrounds the page takes its part
            inner = self.eval("[innerWidth, innerHeight, outerWidth, outerHeight]")
            self.marionette.command("WebDriver:SetWindowRect", width=width + inner[2] - inner[0],
                                    height=height + inner[3] - inner[1])

    def perform(self, actions):
        self.marionette.command("WebDriver:PerformActions", actions=actions)

    def screenshot(self):
        return base64.b64decode(self.marionette.command("WebDriver:TakeScreenshot", full=False)["value"])

    def set_scale(self, scale):
        self.scale = scale
        self.chrome("Services.prefs.setStringPref('layout.css.devPixelsPerPx', arguments[0])", str(scale))

    def zoom(self, factor):
        self.chrome("gBrowser.selectedBrowser.fullZoom = arguments[0]", factor)


class WebKit(WebDriverBrowser):
    name = "webkit"

    def launch(self):
        self.display = Display()
        home = str(self.profile)
        port = free_port()
        self.process = spawn(["WebKitWebDriver", f"--port={port}"], {
            "DISPLAY": self.display.name, "GDK_BACKEND": "x11", "GDK_SCALE": str(self.scale),
            "HOME": home, "XDG_CACHE_HOME": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home,
            "DBUS_SESSION_BUS_ADDRESS": "disabled:", "GSETTINGS_BACKEND": "memory", "NO_AT_BRIDGE": "1",
            "LIBGL_ALWAYS_SOFTWARE": "1"}, self.log)
        arguments = ["--automation"]
        if self.agent is not None:
            arguments.append(f"--user-agent={self.agent}")
        options = {"webkitgtk:browserOptions": {"binary": self.mini_browser(), "args": arguments}}
        wait_until(lambda: self.process.poll() is not None or self.listens(port), "WebKitWebDriver to listen")
        self.connect(port, options)

    @staticmethod
    def mini_browser():
        found = glob.glob("/usr/lib/*/webkit*gtk-*/MiniBrowser")
        if not found:
            raise RuntimeError("no MiniBrowser of webkit2gtk-driver")
        return sorted(found)[-1]

    @staticmethod
    def listens(port):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0

    def close(self):
        super().close()
        display, self.display = getattr(self, "display", None), None
        if display:
            display.stop()

    @classmethod
    def can_scale(cls, scale):
        return scale in (1, 2, 3, 4)


BROWSERS = {browser.name: browser for browser in (Chromium, Firefox, WebKit)}
NAMES = tuple(BROWSERS)


def start(name, **how):
    """Starts one of NAMES; `how` as in Browser. Close it, or use it as a context manager."""
    return BROWSERS[name](**how)
