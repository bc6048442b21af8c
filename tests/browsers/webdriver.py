"""The WebDriver protocol, as chromedriver and WebKitWebDriver speak it: JSON over HTTP."""

import http.client
import json


class WebDriverError(Exception):
    """What a browser refused, or a script threw."""


class Session:
    """A session of a driver that listens on 127.0.0.1; commands wait `seconds` at most."""

    def __init__(self, port, capabilities, seconds):
        self.port, self.seconds = port, seconds
        self.path = ""
        made = self.command("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        self.path = "/session/" + made["sessionId"]
        self.capabilities = made["capabilities"]

    def command(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.seconds)
        try:
            connection.request(method, self.path + path, None if method != "POST" else json.dumps(body or {}),
                               {"Content-Type": "application/json; charset=utf-8"})
            response = connection.getresponse()
            value = json.loads(response.read())["value"]
        finally:
            connection.close()
        if response.status != 200:
            raise WebDriverError(f"{value['error']}: {value['message']}")
        return value
