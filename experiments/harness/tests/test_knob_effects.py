"""Each knob has its demonstration; how it is measured and shown, without booting anything."""

import argparse
import contextlib
import io
import json
import re
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from harness import knob_effects, knobs_command
from harness.costs import Cost, parse
from harness.counts_file import read as guarded
from harness.errors import FrontDoorError, Status
from harness.knob_effects import Effect, boots, effects, most_changed, seen
from harness.knobs import knobs
from harness.paths import GUESTS
from harness.tests.test_costs import line

MERGE = Effect("bitmap_merge", "cached", ("always",), "micro", "L2 cpuid", "median")


def costs(median: int) -> list[Cost]:
    return parse(line("cpuid", median, exits=400).encode())


class TheData(unittest.TestCase):
    def test_every_knob_has_its_demonstration(self) -> None:
        self.assertEqual([effect.knob for effect in effects(knobs())], [knob.name for knob in knobs()])

    def test_every_value_is_one_that_the_knob_has(self) -> None:
        by_name = {knob.name: knob for knob in knobs()}
        for effect in effects(knobs()):
            told = by_name[effect.knob].values
            low, dots, high = told.partition("..")
            for value in (effect.usual, *effect.values):
                with self.subTest(effect.knob, value=value):
                    if dots:
                        self.assertTrue(int(low) <= int(value) <= int(high))
                    else:
                        self.assertIn(value, told.split(" | "))

    def test_every_row_is_one_that_its_l1_prints(self) -> None:
        """By the guarded rows, or, for one that is newer than those, by the sources of micro."""
        rows = {"micro": set(guarded()["micro"].rows), "linux-kvm": set(guarded()["linux-kvm"].rows)}
        for level in ("L1", "L2"):
            text = (GUESTS / "micro" / "costs" / f"{level.lower()}_rows.cpp").read_text()
            rows["micro"] |= {f"{level} {op}" for op in re.findall(r'row(?:_with)?\(\s*"([\w-]+)"', text)}
        for effect in effects(knobs()):
            self.assertIn(effect.row, rows[effect.l1], effect.knob)

    def test_a_table_that_says_too_little_is_an_error(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "effects.toml"
            for text in ('[trace]\nvalues = ["off"]\n', '[trace]\nrow = "L1 cpuid"\n', '[no_such]\nrow = "a"\nvalues = ["b"]\n',
                         '[trace]\nrow = "L1 cpuid"\nvalues = ["counters"]\n', '[trace]\nrow = "L1 cpuid"\nvalues = ["off"]\nl1 = "x"\n',
                         '[trace]\nrow = "L1 cpuid"\nvalues = ["off"]\nfigure = "colour"\n', "[trace\n"):
                path.write_text(text)
                with self.subTest(text), self.assertRaises(FrontDoorError):
                    effects(knobs(), path)


class Boots(unittest.TestCase):
    def test_the_default_is_booted_once_for_all(self) -> None:
        other = Effect("trace", "counters", ("off", "turns"), "micro", "L1 cpuid", "median")
        self.assertEqual([setup.knobs for setup in boots([MERGE, other])],
                         [(), ("bitmap_merge=always",), ("trace=off",), ("trace=turns",)])

    def test_other_knobs_stand_on_both_sides(self) -> None:
        effect = Effect("trace", "counters", ("off",), "micro", "L1 cpuid", "median", ("vmcs_access=trap",))
        self.assertEqual([setup.knobs for setup in effect.setups()], [("vmcs_access=trap",), ("vmcs_access=trap", "trace=off")])
        self.assertEqual(len({setup.name for setup in boots([MERGE, effect])}), 4)


class Seeing(unittest.TestCase):
    def test_the_figure_of_each_value_is_the_rows(self) -> None:
        found = seen(MERGE, {"micro-default": costs(24), "micro-bitmap_merge-always": costs(99)})
        self.assertEqual((dict(found.figures), found.moved), ({"cached": 24, "always": 99}, True))

    def test_a_knob_that_moves_nothing_is_seen_as_such(self) -> None:
        self.assertFalse(seen(MERGE, {"micro-default": costs(24), "micro-bitmap_merge-always": costs(24)}).moved)

    def test_a_missing_row_is_an_error_that_names_those_there(self) -> None:
        effect = Effect("bitmap_merge", "cached", ("always",), "micro", "L2 hlt", "median")
        with self.assertRaisesRegex(FrontDoorError, "L2 cpuid"):
            seen(effect, {"micro-default": costs(24), "micro-bitmap_merge-always": costs(24)})

    def test_the_rows_that_change_most_come_first_each_by_its_most_changed_figure(self) -> None:
        usual = {"a": {"median": 10, "exits": 2.0}, "b": {"median": 10, "invvpid": 0}, "c": {"median": 7}}
        other = {"a": {"median": 11, "exits": 4.0}, "b": {"median": 10, "invvpid": 3.0}, "c": {"median": 7}}
        self.assertEqual(most_changed(usual, other, 5), [("b", "invvpid", 0, 3.0), ("a", "exits", 2.0, 4.0)])


class Command(unittest.TestCase):
    KNOBS = [knob for knob in knobs() if knob.name in ("bitmap_merge", "trace")]

    def run_command(self, *words: str, moved: bool = True) -> tuple[int, str, dict[str, object]]:
        told = [MERGE, Effect("trace", "counters", ("off", "turns"), "micro", "L2 cpuid", "exits")]
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
            path, said = Path(folder) / "knobs.json", io.StringIO()
            measured = {setup.name: parse(line("cpuid", 24 + (number if moved else 0), exits=400 + number).encode())
                        for number, setup in enumerate(boots(told))}
            for context in (contextlib.redirect_stdout(said), contextlib.redirect_stderr(said),
                            mock.patch.object(knob_effects, "effects", lambda *_: told),
                            mock.patch.object(knobs_command.setups, "images_for", lambda _: None),
                            mock.patch.object(knobs_command, "new_run_dir", lambda *_: Path(folder)),
                            mock.patch.object(knobs_command.setups, "measure", lambda *_: measured)):
                stack.enter_context(context)   # type: ignore[arg-type]
            parser = argparse.ArgumentParser()
            knobs_command.add_arguments(parser)
            status = knobs_command.command(parser.parse_args([*words, "--json", str(path)]))
            return int(status), said.getvalue(), json.loads(path.read_text())

    def test_the_table_needs_no_boot(self) -> None:
        status, said, document = self.run_command("trace")
        self.assertEqual(status, Status.POWER_OFF)
        self.assertIn("trace=counters (off | counters | turns", said)
        self.assertEqual([knob["name"] for knob in document["knobs"]], ["trace"])   # type: ignore[index, attr-defined]

    def test_measured_effects_stand_in_a_table_and_in_the_json(self) -> None:
        status, said, document = self.run_command("trace", "bitmap_merge", "--measure", "--rows", "1")
        self.assertEqual(status, Status.POWER_OFF)
        self.assertRegex(said, r"bitmap_merge +micro: L2 cpuid +instructions +cached: 24 +always: 25")
        self.assertIn("bitmap_merge: cached → always, the rows that change most:\n  L2 cpuid", said)
        effect = {knob["name"]: knob["effect"] for knob in document["knobs"]}["bitmap_merge"]   # type: ignore[index, attr-defined]
        self.assertEqual(effect["figures"], {"cached": 24, "always": 25})

    def test_only_the_knobs_that_were_named_are_measured(self) -> None:
        _, said, _ = self.run_command("bitmap_merge", "--measure")
        self.assertIn("1 knobs, 2 boots", said)

    def test_a_knob_without_effect_is_no_success(self) -> None:
        status, said, _ = self.run_command("--measure", moved=False)
        self.assertEqual(status, Status.TESTS_FAILED)
        self.assertIn("NO EFFECT seen of: bitmap_merge", said)

    def test_markdown_has_a_row_for_each_knob(self) -> None:
        lines = [text for text in self.run_command("--measure", "--markdown")[1].splitlines() if text.startswith("|")]
        self.assertEqual(len(lines), 4)
        self.assertIn("| `bitmap_merge` | micro: L2 cpuid | instructions | cached: 24 | always: 25 |", lines[2])
        table = knobs_command.markdown_of_knobs(self.KNOBS).splitlines()
        self.assertEqual({text.count("|") for text in table}, {8})

    def test_an_unknown_knob_is_refused(self) -> None:
        with self.assertRaisesRegex(FrontDoorError, "no knob volume"):
            self.run_command("volume")


if __name__ == "__main__":
    unittest.main()
