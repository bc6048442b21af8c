"""Ports for the servers of tests."""

import os
import random
import socket

SLOTS = 8  # processes of tests at a time, at most
handed_out = set()


def free_port():
    """A port that nobody listens on. It is below those that the system gives to clients, and of two processes that
    run tests at a time (SMARTIMG_TEST_SLOT, from 0) none gets one of the other's."""
    slot = int(os.environ.get("SMARTIMG_TEST_SLOT", 0))
    while True:
        port = random.randrange(12000, 32000, SLOTS) + slot
        if port in handed_out:
            continue
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        handed_out.add(port)
        return port
