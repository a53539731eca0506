"""experiments/macro: what it makes of the lines of its boots."""

from __future__ import annotations

import unittest
from pathlib import Path
from typing import Any, cast

from harness.experiment import Reading, Readings
from harness.experiment.catalogue import load
from harness.l0 import L0

TICKS = {(L0.NONE, "here"): 1000, (L0.NONE, "guest"): 1100, (L0.KURMA, "guest"): 1210, (L0.KVM, "guest"): 2200}


class Fake(Reading):
    """A boot whose workloads all take as long as TICKS says."""

    left_out = ""
    quicker: dict[str, int] = {}   # By workload: by how much an L2 on Kurma is.

    @property
    def console(self) -> str:
        where = "here" if "kurma.where=here" in self.boot.cmdline else "guest"
        counts = " exits=7 reflected=3 vmread=5 vmwrite=4" if self.boot.l0 is L0.KURMA else ""
        names = ("compile", "pipes", "server", "gzip")
        ticks = TICKS[self.boot.l0, where]
        spared = self.quicker if self.boot.l0 is L0.KURMA else {}
        return "\n".join(f"work name={name} where={where} size=full ticks={ticks - spared.get(name, 0)}{counts}"
                         for name in names if name != self.left_out)


class Macro(unittest.TestCase):
    def setUp(self) -> None:
        self.experiment = load("macro")

    def readings(self, quick: bool) -> Readings:
        return Readings(quick, {boot: Fake(boot, Path("nowhere")) for boot in self.experiment.boots(quick)})

    def test_the_overhead_is_over_a_single_level(self) -> None:
        found = self.experiment.evaluate(self.readings(False))
        kurma, kvm = found.figures[0].series
        self.assertEqual([round(cast(float, value), 6) for value in kurma.values], [10.0] * 4)
        self.assertEqual([round(cast(float, value), 6) for value in kvm.values], [100.0] * 4)
        self.assertEqual(found.tables[2].rows[0], ["compile", 7, 3, 5, 4])

    def test_quick_has_no_boot_under_kvm(self) -> None:
        self.assertNotIn(L0.KVM, {boot.l0 for boot in self.experiment.boots(True)})
        self.assertEqual(len(self.experiment.evaluate(self.readings(True)).figures[0].series), 1)

    def test_the_sentence_says_more_or_fewer(self) -> None:
        readings = self.readings(True)
        for reading in readings.by_boot.values():
            cast(Any, reading).__dict__["quicker"] = {"pipes": 165}
        self.assertEqual(self.experiment.evaluate(readings).sentence,
                         "The workloads' instructions as L2 on Kurma, against a guest of a single level: "
                         "compile 10.0 % more, pipes 5.0 % fewer, server 10.0 % more, gzip 10.0 % more; "
                         "that guest, against bare Linux: 10.0 % more to 10.0 % more.")

    def test_a_workload_without_its_line_is_an_error_that_names_it(self) -> None:
        readings = self.readings(True)
        for reading in readings.by_boot.values():
            cast(Any, reading).__dict__["left_out"] = "server"
        with self.assertRaisesRegex(Exception, "work name=server"):
            self.experiment.evaluate(readings)


if __name__ == "__main__":
    unittest.main()
