"""--memory: what is too little is refused at the start, and little memory costs the search, not the image."""

import unittest

from server import CHROME, SANITIZED, Server, free_port, run

LEAST = 200  # MiB; SI_POOL_MEMORY_LEAST of src/renderer/pool.h


class MemoryLimit(unittest.TestCase):

    def test_too_little_is_refused(self):
        for size in ("10", "10m", f"{LEAST - 1}m"):
            for command in (["serve", "--listen", f"127.0.0.1:{free_port()}"], ["renderer", "--socket", "/nonexistent/s"]):
                done = run(*command, "--memory", size)
                self.assertEqual(done.returncode, 2, done)
                self.assertIn(f"--memory {size} is too little: at least {LEAST}m", done.stderr)
        with Server() as server:
            (server.config / "smartimg.ini").write_text("memory = 400\n")
            done = run("config", "check", server.config)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"at least {LEAST}m", done.stderr + done.stdout)

    @unittest.skipIf(SANITIZED, "sanitizers need address space, and have no limit")
    def test_the_least_that_is_taken_works(self):
        with Server("--renderers", "1", "--memory", f"{LEAST}m") as server:
            for url in ("demo/product?wid=100", "smart/product?wid=300", "smart/logo?wid=100&fmt=png"):
                reply = server.image(url, accept=CHROME)
                self.assertEqual(reply.status, 200, (url, reply))
            self.assertNotRegex(server.log.read_text(), "crash|killed")

    @unittest.skipIf(SANITIZED, "sanitizers need address space, and have no limit")
    def test_the_requested_encoding_goes_out(self):
        """Scores of four megapixels do not fit, and the picture does."""
        with Server("--renderers", "1", "--memory", f"{LEAST}m") as server:
            reply = server.image("smart/landscape?wid=2000&qlt=85", accept="image/webp,*/*")
            self.assertEqual((reply.status, reply.type), (200, "image/jpeg"), reply)
            plain = server.image("demo/landscape?wid=2000&qlt=85", accept="*/*")
            self.assertEqual(reply.body, plain.body)
