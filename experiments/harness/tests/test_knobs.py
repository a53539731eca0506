"""The knobs in the help are those of L0's table."""

import unittest

from harness.knobs import TABLE, knob_help, knobs


class Knobs(unittest.TestCase):
    def test_every_row_of_the_table_is_read(self) -> None:
        rows = [line for line in TABLE.read_text().splitlines() if line.startswith("K(")]
        self.assertEqual(len(knobs()), len(rows))

    def test_names_and_defaults_are_as_people_write_them(self) -> None:
        found = {knob.name: knob.default for knob in knobs()}
        self.assertEqual(found["offer.ept"], "on")
        self.assertEqual(found["trace"], "counters")
        self.assertEqual(found["vmcs_access"], "best")

    def test_the_help_names_each(self) -> None:
        text = knob_help()
        for knob in knobs():
            self.assertIn(f"  {knob.name}={knob.default}: ", text)


if __name__ == "__main__":
    unittest.main()
