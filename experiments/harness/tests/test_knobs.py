"""The knobs in the help are those of L0's table."""

import unittest

from harness import knob_effects
from harness.knobs import TABLE, knob_help, knobs
from harness.knobs_command import markdown_of_knobs
from harness.paths import ROOT


class Knobs(unittest.TestCase):
    def test_every_row_of_the_table_is_read(self) -> None:
        rows = [line for line in TABLE.read_text().splitlines() if line.startswith("K(")]
        self.assertEqual(len(knobs()), len(rows))

    def test_names_and_defaults_are_as_people_write_them(self) -> None:
        found = {knob.name: knob.default for knob in knobs()}
        self.assertEqual(found["offer.ept"], "on")
        self.assertEqual(found["trace"], "counters")
        self.assertEqual(found["vmcs_access"], "best")
        self.assertEqual(found["ept02_keep"], "8")

    def test_each_default_is_one_of_the_values(self) -> None:
        for knob in knobs():
            first, dots, last = knob.values.partition("..")
            if dots:
                self.assertTrue(int(first) <= int(knob.default) <= int(last), knob.name)
            else:
                self.assertIn(knob.default, knob.values.split(" | "))

    def test_each_says_when_it_may_change_and_what_it_trades(self) -> None:
        for knob in knobs():
            self.assertIn(knob.when, ("at boot", "any time"), knob.name)
            self.assertTrue(knob.what and knob.trades and knob.shown_by, knob.name)

    def test_each_names_the_row_that_its_effect_is_measured_by(self) -> None:
        rows = {effect.knob: f"{effect.l1}: {effect.row}" for effect in knob_effects.effects(knobs())}
        for knob in knobs():
            self.assertEqual(knob.shown_by, rows[knob.name], knob.name)

    def test_the_readme_has_this_very_table(self) -> None:
        self.assertIn(markdown_of_knobs(knobs()), (ROOT / "README.md").read_text(),
                      "put the output of ./kurma knobs --markdown into README.md")

    def test_the_help_names_each_with_its_values(self) -> None:
        text = " ".join(knob_help().split())
        for knob in knobs():
            self.assertIn(f"{knob.name}={knob.default} ({knob.values}; {knob.when}): ", text)


if __name__ == "__main__":
    unittest.main()
