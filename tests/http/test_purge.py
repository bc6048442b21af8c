"""What `smartimg purge` says of what is not there."""

import os
import shutil
import unittest

from server import run


class Purge(unittest.TestCase):

    server = None

    @staticmethod
    def prepare(root, companies):
        (companies / "records.ini").write_text("RootPath = demo\n[objects]\nshoe = product?wid=100\n"
                                               "[object shoes/red]\nPath = product\n[object set]\nModifier = wid=50\n")
        (companies / "handbills.ini").write_text("StaticContentRootPath = handbills\n[static note]\nPath = note.txt\n")
        (companies / "vault.ini").write_text("RequestLock = true\nAllowDirectAccess = include:\n")
        for name in ("vault", "handbills"):
            (root / name).mkdir()
            shutil.copy(root / "demo/product.jpg", root / name)
        (root / "handbills/note.txt").write_text("note")

    def purge(self, *what, cache=None):
        return run("purge", *what, "--cache", cache or self.server.cache)

    def assertPurged(self, *what):
        done = self.purge(*what)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done)
        self.assertIn("purged", done.stdout)
        self.assertNotIn("not there any more", done.stdout)

    def assertNotThere(self, kind, name, hint, *what):
        done = self.purge(*what)
        self.assertEqual((done.returncode, done.stdout), (3, ""), done)
        self.assertEqual(done.stderr, f'smartimg: nothing was purged: there is no {kind} "{name}", and nothing of one '
                         f'in the cache{hint}\n')

    def test_what_is_there(self):
        for name in ("demo/product", "demo/product.jpg", "/is/image/demo/product?wid=100", "records/shoe",
                     "records/shoes/red", "records/set", "records/product", "handbills/note", "handbills/note.txt",
                     "/is/content/handbills/note.txt", "vault/product"):
            with self.subTest(name):
                self.assertPurged(name)
        for company in ("demo", "records", "odd"):
            with self.subTest(company):
                self.assertPurged("--company", company)
        self.assertPurged("demo/product", "records/shoe")

    def test_objects(self):
        self.assertNotThere("object", "demo/prodcut", '; did you mean "demo/product"?', "demo/prodcut")
        self.assertNotThere("object", "dmeo/product", '; did you mean "demo/product"?', "/is/image/dmeo/product?wid=9")
        self.assertNotThere("object", "records/shoe2", '; did you mean "records/shoe"?', "records/shoe2")
        self.assertNotThere("object", "records/nothing-like-it", "", "records/nothing-like-it")
        self.assertNotThere("object", "demo", "; of a company: --company demo", "demo")

    def test_companies(self):
        self.assertNotThere("company", "recrods", '; did you mean "records"?', "--company", "recrods")
        self.assertNotThere("company", "nothing-like-it", "", "--company", "nothing-like-it")

    def test_of_several_the_others_are_purged(self):
        done = self.purge("demo/product", "demo/prodcut", "records/shoe")
        self.assertEqual(done.returncode, 3)
        self.assertEqual(done.stdout, "purged demo/product\npurged records/shoe\n")

    def test_deleted_and_cached(self):
        """By its path, by a folder's company, and as a layer."""
        for name, company, url in (("late", "demo", "demo/late?wid=61"), ("later", "smart", "smart/later?wid=62"),
                                   ("layer", "demo", "demo/product?wid=63&layer=1&src=/demo/layer&size=9,9")):
            with self.subTest(name):
                original = self.server.root / f"demo/{name}.jpg"
                shutil.copy(self.server.root / "demo/product.jpg", original)
                self.assertEqual(self.server.image(url).status, 200)
                original.unlink()
                done = self.purge(f"{company}/{name}")
                self.assertEqual((done.returncode, done.stderr), (0, ""), done)
                self.assertEqual(done.stdout, f"purged {company}/{name}, which is not there any more but was cached\n")

    def test_deleted_and_never_cached(self):
        self.assertNotThere("object", "demo/never-asked-for", "", "demo/never-asked-for")

    def test_it_counts(self):
        """A file that comes back as it was would be answered from the cache without the purge."""
        original = self.server.root / "demo/back.jpg"
        shutil.copy(self.server.root / "demo/product.jpg", original)
        state = original.stat()
        url = "demo/back?wid=64"
        self.assertEqual(self.server.image(url).headers["x-cache"], "miss")
        self.assertEqual(self.server.image(url).headers["x-cache"], "hit")
        original.unlink()
        self.assertEqual(self.purge("demo/back").returncode, 0)
        shutil.copy(self.server.root / "demo/product.jpg", original)
        os.utime(original, ns=(state.st_atime_ns, state.st_mtime_ns))
        self.assertEqual(self.server.image(url).headers["x-cache"], "miss")

    def test_unchecked(self):
        done = self.purge("demo/prodcut", "--unchecked")
        self.assertEqual((done.returncode, done.stdout), (0, "purged demo/prodcut\n"))

    def test_without_a_server(self):
        """Nobody knows what a cache is about that no server has said it of, but those who are told."""
        cache = self.server.folder / "other-cache"
        cache.mkdir(exist_ok=True)
        shutil.copy(self.server.cache / "generations", cache)
        self.assertEqual(self.purge("demo/prodcut", cache=cache).returncode, 0)
        self.assertEqual(self.purge("demo/prodcut", "--root", self.server.root, cache=cache).returncode, 3)
        self.assertEqual(self.purge("--company", "records", "--root", self.server.root, cache=cache).returncode, 3)
        self.assertEqual(self.purge("--company", "records", "--root", self.server.root, "--config", self.server.config,
                                    cache=cache).returncode, 0)

    def test_configuration_with_mistakes(self):
        """Is not in the way."""
        wrong = self.server.folder / "wrong/companies"
        wrong.mkdir(parents=True, exist_ok=True)
        (wrong / "demo.ini").write_text("Nonsense\n")
        done = self.purge("demo/prodcut", "--root", self.server.root, "--config", wrong.parent)
        self.assertEqual(done.returncode, 0)
        self.assertIn("cannot tell what is in", done.stderr)
