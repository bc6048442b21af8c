"""What faulty_libc.c makes wrong in the processes of a server: the clock, the speed of its disk, and whether that works."""

import os
from unittest import mock

from server import BUILD

LIBRARY = BUILD / "tests/unit/faulty-libc.so"


class FaultyLibc:
    """Of a server that starts within `loaded()`."""

    def __init__(self, server):
        self.numbers = server.folder / "numbers"
        self.numbers.write_bytes(bytes(80))
        self.numbers.chmod(0o644)

    def loaded(self, preload="LD_PRELOAD"):
        """`preload`: LD_PRELOAD, all of its processes; SMARTIMG_PRELOAD, nginx alone."""
        return mock.patch.dict(os.environ, {preload: str(LIBRARY), "FAULTY_LIBC": str(self.numbers)})

    def set(self, seconds=0, ms=0, error=0, what="-", process="-"):
        """As faulty_libc.c has them; without arguments all is well."""
        with open(self.numbers, "r+b", buffering=0) as f:  # it is mapped: never shorter
            f.write(f"{seconds} {ms} {error} {what} {process}".encode().ljust(80, b"\0"))
