"""Run by test_rebinding.py in network and mount namespaces of its own, where this machine has public addresses and
the test writes /etc/hosts: prints, as JSON, what became of each step."""

import http.server
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading

import test_foreign
from server import Server

PUBLIC4, PUBLIC6 = "9.9.9.8", "2620:fe::8"
INSIDE = {"mapped": "::ffff:127.0.0.1", "nat64": "64:ff9b::7f00:1", "local-nat64": "64:ff9b:1::7f00:1", "6to4": "2002:7f00:1::1",
          "loopback": "127.0.0.1", "loopback6": "::1", "private": "10.1.2.3", "unique-local": "fd00::1"}


def run(*command):
    subprocess.run(command, check=True)


def name(*addresses):
    """What far.example is from now on."""
    pathlib.Path("/etc/hosts").write_text("".join(f"{a} far.example\n" for a in addresses))


class Everywhere(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
    daemon_threads = True

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


def main():
    run("ip", "link", "set", "lo", "up")
    for address in PUBLIC4 + "/32", "10.1.2.3/32":
        run("ip", "addr", "add", address, "dev", "lo")
    for address in (PUBLIC6, "64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::1", "fd00::1"):
        run("ip", "-6", "addr", "add", address + "/128", "dev", "lo", "nodad")
    hosts = tempfile.NamedTemporaryFile()
    pathlib.Path(hosts.name).chmod(0o644)
    run("mount", "--bind", hosts.name, "/etc/hosts")
    origin = Everywhere(("::", 0), test_foreign.Origin)
    threading.Thread(target=origin.serve_forever, daemon=True).start()
    server = Server("--renderers", "1", "--foreign-private", "nobody.example")
    (server.config / "companies/far.ini").write_text(
        "RootPath = demo\nAllowDirectUrls = true\nForeignHosts = far.example\n")
    said = {}
    with server:
        def ask(step):
            for pid, name_of in server.children().items():
                if name_of == "smartimg-fetch":  # which remembers addresses for a minute
                    os.kill(pid, signal.SIGKILL)
            test_foreign.Origin.asked.clear()
            # no validator, so that nothing is kept from one step to the next
            reply = server.image(f"far?src=(http://far.example:{origin.server_port}/volatile/x.png)&wid=40&fmt=png")
            text = reply.body.decode() if reply.status != 200 else ""
            said[step] = [reply.status, text, len(test_foreign.Origin.asked)]
        name(PUBLIC4)
        ask("public")
        for step, address in INSIDE.items():
            name(address)
            ask(step)
        name(PUBLIC6)
        ask("public6")
        name("127.0.0.1", PUBLIC4)
        ask("both")
        name(PUBLIC4)
        ask("public again")
    json.dump(said, sys.stdout)


main()
