#!/usr/bin/env python3
"""bench/fleet-sim against itself: what is simulated is what the arithmetic of docs/scale.md says, on fixed seeds."""

import argparse
import importlib.machinery
import importlib.util
import pathlib
import sys
import unittest

PROJECT = pathlib.Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("fleet_sim", str(PROJECT / "bench/fleet-sim"))
sim = importlib.util.module_from_spec(importlib.util.spec_from_loader("fleet_sim", loader))
loader.exec_module(sim)

USUAL = dict(edges=1, machines=4, processors=64, cache=2e7, objects=500, sizes=4, zipf=0.9, mix="avif=0.9,webp=0.05,jpeg=0.05",
             rate=1000.0, seconds=60.0, balance="any", queue=1e9, join_edge=0.0, seed=1)


def options(**changed):
    return argparse.Namespace(**{**USUAL, **changed})


class Simulation(unittest.TestCase):
    def test_hit_ratio(self):
        for zipf in (0.7, 1.1):
            for cache in (4e6, 1.2e7):
                o, at = options(zipf=zipf, cache=cache), {}
                edges, _, _ = sim.simulate(o, lambda second, edges, at=at: at.setdefault(second, (edges[0].asked, edges[0].hits)))
                asked, hits = edges[0].asked - at[30][0], edges[0].hits - at[30][1]
                told = sim.che(o.objects, zipf, sim.variants(o), cache / sim.Mix(o.mix).mean(2))
                self.assertAlmostEqual(hits / asked, told, delta=0.03)

    def test_cache_never_has_more_than_its_size(self):
        edges, _, _ = sim.simulate(options(cache=1e6, seconds=10.0))
        self.assertLessEqual(sum(edges[0].cache.items.values()), 1e6)

    def test_machines_that_come_move_their_share(self):
        four, five = sim.Ring(4), sim.Ring(5)
        moved = [key for key in range(4000) if four.of(key) != five.of(key)]
        self.assertTrue(all(five.of(key) == 4 for key in moved))
        self.assertTrue(0.1 < len(moved) / 4000 < 0.3, len(moved))

    def test_by_address_each_derivative_is_rendered_once(self):
        edges, _, _ = sim.simulate(options(edges=4, cache=1e12, balance="address"))
        kept = [key for edge in edges for key in [*edge.cache.items, *edge.pending]]
        self.assertEqual(len(kept), len(set(kept)))
        self.assertEqual(sum(e.renders for e in edges), len(kept))

    def test_too_few_renderers_refuse(self):
        edges, machines, waits = sim.simulate(options(machines=1, processors=1, queue=2.0, seconds=20.0))
        self.assertGreater(edges[0].refused, 0)
        self.assertLessEqual(max(w for _, w in waits), 2.0)
        self.assertLessEqual(machines.busy[0], 20.0 + 2.0 + 0.2)


if __name__ == "__main__":
    unittest.main()
