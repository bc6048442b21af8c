#!/usr/bin/env python3
"""The configurations and commands of docs/fleet.md, run as they stand there but for addresses and folders."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from fleet import REDIS, Redis  # noqa: E402
from origins import Origin, Thing  # noqa: E402
from server import PROJECT, SMARTIMG  # noqa: E402
from waiting import PATIENCE, wait_until  # noqa: E402

PAGE = (PROJECT / "docs/fleet.md").read_text()
PASSWORD = "a password"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.M | re.S)


RENDERER_COMMANDS = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("smartimg renderer")]


@unittest.skipUnless(REDIS, "there is no redis-server")
@unittest.skipUnless(os.geteuid() == 0, "port 80 needs root")
class Docs(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="smartimg-docs-"))
        self.folder.chmod(0o755)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.root, self.conf = self.folder / "images", self.folder / "conf"
        shutil.copytree(PROJECT / "pictures/demo", self.root / "acme")
        shutil.copy(self.root / "acme/product.jpg", self.root / "acme/shoe.jpg")
        (self.conf / "companies").mkdir(parents=True)
        (self.conf / "companies/default.ini").write_text("FolderCompanies = true\n")
        (self.conf / "redis.auth").write_text(PASSWORD + "\n")
        (self.conf / "purge.token").write_text("a token of the page\n")
        (self.conf / "seal.key").write_bytes(os.urandom(32))
        network = f"127.{os.getpid() % 250 + 1}."
        self.replaced = {"10.0.": network, "/srv/images": str(self.root), "/etc/smartimg": str(self.conf),
                         "/usr/local/share/smartimg/hooks": str(PROJECT / "conf/hooks")}
        self.redis = Redis("--requirepass", PASSWORD, host=f"{network}2.5", port=6379)
        self.redis.call = lambda *words: subprocess.run(
            ["redis-cli", "-h", self.redis.host, "--no-auth-warning", "-a", PASSWORD, *words], capture_output=True,
            text=True).stdout.strip()
        self.redis.start()
        self.addCleanup(self.redis.stop)

    def here(self, text):
        for name, own in self.replaced.items():
            text = text.replace(name, own)
        return text

    def serve(self, settings):
        """A node with these lines in its smartimg.ini."""
        (self.conf / "smartimg.ini").write_text(self.here(settings))
        log = open(self.folder / "log", "w+")
        self.addCleanup(log.close)
        server = subprocess.Popen([SMARTIMG, "serve", "--config", self.conf, "--cache", self.folder / "cache",
                                   "--access-log", self.folder / "access.log"], stdout=subprocess.PIPE, stderr=log, text=True)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait, PATIENCE)
        self.addCleanup(server.terminate)
        self.assertIn("ready on", server.stdout.readline(), (self.folder / "log").read_text())

    def commands(self):
        """Runs those of the page about purges."""
        environment = {**os.environ, "TOKEN": "a token of the page", "PATH": f"{SMARTIMG.parent}:{os.environ['PATH']}"}
        done = []
        for line in [line for block in blocks("sh") for line in block.splitlines() if "renderer" not in line] + \
                [line.strip() for line in PAGE.splitlines() if line.startswith("    smartimg fleet") and "forget" not in line]:
            ran = subprocess.run(["bash", "-c", self.here(line)], capture_output=True, text=True, env=environment,
                                 timeout=PATIENCE)
            self.assertEqual(ran.returncode, 0, (line, ran.stdout, ran.stderr))
            done.append(ran.stdout)
        self.assertEqual(done[:3], ["purged acme/shoe on 1 nodes\n"] * 2 + ["purged all of company acme on 1 nodes\n"])
        self.assertRegex(done[3], "^edge-1: up to date, ")

    def image(self):
        address = self.here("http://10.0.1.11/is/image/acme/shoe?wid=40")
        return subprocess.run(["curl", "-sS", "--fail", "-o", "-", address], capture_output=True, timeout=PATIENCE).stdout

    def test_nodes_that_share_purges(self):
        self.serve(blocks("ini")[0])
        self.assertTrue(self.image())
        self.commands()

    def render(self, command):
        """The four machines that the edge asks, by this command of the page."""
        settings = blocks("ini")[1]
        for i in range(4):
            self.assertIn(f"10.0.2.{21 + i}:4000", settings)
            words = self.here(command.replace("10.0.2.21", f"10.0.2.{21 + i}")).split()
            renderer = subprocess.Popen([SMARTIMG, *words[1:], "--workers", "1"], stderr=subprocess.DEVNULL)
            self.addCleanup(renderer.wait, PATIENCE)
            self.addCleanup(renderer.terminate)
        return settings

    def test_machines_that_render(self):
        plain, _ = RENDERER_COMMANDS
        self.serve(self.render(plain))
        wait_until(self.image, "an image")
        self.commands()

    def test_originals_in_a_bucket(self):
        (company,) = [block for block in blocks("ini") if "Bucket" in block]
        (self.conf / "companies/acme.ini").write_text(self.here(company))
        keys = self.conf / "s3.keys"
        keys.write_text("AccessKeyId = AKIATESTTESTTEST\nSecretAccessKey = secret\n")
        keys.chmod(0o600)
        address = re.search(r"http://([\d.]+):(\d+)", self.here(company)).groups()
        bucket = self.enterContext(Origin({"AKIATESTTESTTEST": "secret"}, "eu-west-1", address=(address[0], int(address[1]))))
        bucket.things["pictures/shoe.jpg"] = Thing((self.root / "acme/shoe.jpg").read_bytes(), kind="image/jpeg")
        shutil.rmtree(self.root / "acme")
        _, command = RENDERER_COMMANDS
        self.replaced["/var/cache/smartimg/originals"] = str(self.folder / "originals")
        self.serve(self.render(command))
        wait_until(self.image, "an image")
        self.commands()
        self.assertEqual(bucket.mistakes, [])

    def test_hooks_of_the_page_are_there(self):
        (settings,) = [block for block in blocks("ini") if "purge-hooks" in block]
        self.serve(blocks("ini")[0] + settings)


if __name__ == "__main__":
    unittest.main()
