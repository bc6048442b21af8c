"""Firefox's own protocol for automation: [0, number, command, parameters] and [1, number, error, result] as JSON,
each after its length and a colon, on a TCP connection."""

import json
import socket

from webdriver import WebDriverError


class Marionette:
    """A connection to a Firefox that was started with -marionette; commands wait `seconds` at most."""

    def __init__(self, port, seconds):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self.stream = self.socket.makefile("rb")
        self.number = 0
        greeting = self.receive()
        if greeting.get("marionetteProtocol") != 3:
            raise WebDriverError(f"another protocol than 3: {greeting}")

    def receive(self):
        length = b""
        while not length.endswith(b":"):
            byte = self.stream.read(1)
            if not byte:
                raise WebDriverError("Firefox closed the connection")
            length += byte
        return json.loads(self.stream.read(int(length[:-1])))

    def command(self, name, **parameters):
        self.number += 1
        text = json.dumps([0, self.number, name, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(text), text))
        _, number, error, result = self.receive()
        assert number == self.number, "replies come in the order of commands"
        if error:
            raise WebDriverError(f"{error['error']}: {error['message']}")
        return result

    def close(self):
        self.stream.close()
        self.socket.close()
