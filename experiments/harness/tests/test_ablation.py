"""Ablations by readings made up here: which boots they want, what the tables show, that the sentence follows the data."""

from __future__ import annotations

import tempfile
import unittest
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.ablation import COMPILE, MICRO_ROWS, Ablation, Value, compile_boot
from harness.ablation.ablation import LINUX_ROWS, ROWS
from harness.ablation.effect import Change, factor, greatest, in_words, percent_more
from harness.errors import FrontDoorError
from harness.experiment import Boot, Reading, Readings, Table, catalogue
from harness.l0 import L0
from harness.tests.test_costs import line

USUAL, OTHER, RARE = Value("usual"), Value("other", ("knob=other",)), Value("rare", ("knob=rare",), quick_l1s=("micro",))
ABLATION = Ablation((USUAL, OTHER, RARE))
MADE_UP = ("vmcs-shadowing", "vpid", "bitmaps", "entry-checks", "l1-host-state", "tracing")


def console(l1: str, medians: Mapping[str, int], vmreads: Mapping[str, int] | None = None) -> str:
    """Every row that an ablation reads: 100 instructions and 2 exits, where not told otherwise."""
    made = []
    for row in ROWS[l1]:
        level, op = row.split(" ")
        median = medians.get(row, 100)
        made.append(line(op, median, l1, level, 10, exits=20, vmread=(vmreads or {}).get(row, 50)))
    return "".join(made)


def work(ticks: int, **counts: int) -> str:
    return " ".join([f"work name=compile where=guest size=quick ticks={ticks}",
                     *(f"{name}={count}" for name, count in counts.items())]) + "\n"


def all_alike(boots: Sequence[Boot], ticks: int = 1000) -> dict[Boot, str]:
    return {boot: work(ticks) if boot.l1 == "linux-work" else console(boot.l1, {}) for boot in boots}


class WithReadings(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def readings(self, consoles: Mapping[Boot, str], quick: bool = True) -> Readings:
        made = {}
        for number, (boot, text) in enumerate(consoles.items()):
            directory = self.folder / str(number)
            directory.mkdir(exist_ok=True)
            (directory / "console.log").write_text(text)
            made[boot] = Reading(boot, directory)
        return Readings(quick, made)

    def consoles(self) -> dict[Boot, str]:
        """Of the boots that show single operations."""
        return {boot: console(boot.l1, {}) for boot in ABLATION.boots(True) if boot.l1 != "linux-work"}

    def made_up(self, medians: Mapping[str, int], compiles: tuple[int, int, int] = (1000, 1000, 1000),
                vmreads: Mapping[str, int] | None = None) -> Readings:
        """`medians` and `vmreads` are those of micro with the value `other`."""
        consoles = self.consoles()
        consoles[Boot("micro", OTHER.knobs)] = console("micro", medians, vmreads)
        for value, ticks in zip(ABLATION.values, compiles):
            consoles[compile_boot(value.knobs, True)] = work(ticks)
        return self.readings(consoles)


def titled(tables: list[Table], part: str) -> list[Table]:
    return [table for table in tables if part in table.title]


class Boots(unittest.TestCase):
    def test_the_usual_value_is_booted_without_knobs_so_that_others_share_the_boot(self) -> None:
        self.assertIn(Boot("micro"), ABLATION.boots(True))
        self.assertIn(Boot("linux-kvm"), ABLATION.boots(True))

    def test_a_value_that_is_not_quick_on_an_l1_is_booted_there_only_in_full(self) -> None:
        self.assertNotIn(Boot("linux-kvm", RARE.knobs), ABLATION.boots(True))
        self.assertIn(Boot("linux-kvm", RARE.knobs), ABLATION.boots(False))
        self.assertIn(Boot("micro", RARE.knobs), ABLATION.boots(True))

    def test_every_value_compiles_and_says_how_long_it_may_take(self) -> None:
        compiles = {boot.knobs for boot in ABLATION.boots(True) if boot.l1 == "linux-work"}
        self.assertEqual(compiles, {(), OTHER.knobs, RARE.knobs})
        self.assertNotEqual(compile_boot((), True), compile_boot((), False))

    def test_an_l1_that_would_show_the_usual_value_alone_is_not_booted(self) -> None:
        alone = Ablation((USUAL, Value("other", ("knob=other",), l1s=("micro",))))
        self.assertEqual([boot.l1 for boot in alone.boots(True)], ["micro", "micro", "linux-work", "linux-work"])

    def test_all_experiments_of_this_kind_share_the_usual_boots(self) -> None:
        shared = set.intersection(*(set(catalogue.load(name).boots(True)) for name in MADE_UP))
        self.assertEqual(shared, {Boot("micro"), Boot("linux-kvm"), compile_boot((), True)})


class Words(unittest.TestCase):
    def test_follow_the_direction_of_the_data(self) -> None:
        self.assertEqual(in_words(1), "just as many instructions")
        self.assertEqual(in_words(1.17), "17 % more instructions")
        self.assertEqual(in_words(0.88), "12 % fewer instructions")
        self.assertEqual(in_words(2.87), "2.9 times the instructions")
        self.assertEqual(in_words(1.00001), "less than 0.01 % more instructions")

    def test_there_is_no_factor_over_nothing(self) -> None:
        self.assertIsNone(factor(0, 5))
        self.assertIsNone(factor(None, 5))
        self.assertEqual(percent_more(200, 150), -25)

    def test_a_fall_to_a_third_is_greater_than_a_rise_to_the_double(self) -> None:
        found = greatest([Change("same", 7, 7), Change("up", 10, 20), Change("down", 30, 10)])
        self.assertEqual(found.row if found else None, "down")
        self.assertIsNone(greatest([Change("same", 7, 7), Change("from nothing", 0, 7)]))


class TheSentence(WithReadings):
    def test_names_the_row_that_changes_most_and_the_compile(self) -> None:
        found = ABLATION.evaluate(self.made_up({"L2 out": 130, "L2 interrupt": 250}, (1000, 1100, 900)))
        self.assertEqual(found.sentence,
                         "Against the default, with knob=other an operation of L2 takes up to 2.5 times the instructions "
                         "(micro's L2 interrupt), and the compile 10 % more instructions; with knob=rare every operation of L2 "
                         "takes just as many instructions, and the compile 10 % fewer instructions.")

    def test_tells_a_saving_as_one(self) -> None:
        sentence = ABLATION.evaluate(self.made_up({"L2 out": 40})).sentence
        self.assertIn("up to 60 % fewer instructions (micro's L2 out)", sentence)

    def test_does_not_take_l1s_own_instructions_for_what_l2_does(self) -> None:
        sentence = ABLATION.evaluate(self.made_up({"L1 vmread": 9000})).sentence
        self.assertIn("knob=other every operation of L2 takes just as many", sentence)


class TheTables(WithReadings):
    def test_show_every_row_with_every_value_and_its_factor(self) -> None:
        table = titled(list(ABLATION.evaluate(self.made_up({"L2 out": 150})).tables), "micro's operations; ×")[0]
        self.assertEqual([row[0] for row in table.rows], list(MICRO_ROWS))
        self.assertEqual([row for row in table.rows if row[0] == "L2 out"], [["L2 out", 100, 150, 100, 1.5, 1.0]])

    def test_show_l0s_counts_only_where_they_change_and_only_those_that_there_are(self) -> None:
        found = ABLATION.evaluate(self.made_up({"L2 out": 150}, vmreads={"L2 out": 90, "L2 interrupt": 53}))
        table = titled(list(found.tables), "what L0 executes")[0]
        self.assertEqual([column.name for column in table.columns], ["operation", "value", "exits", "VMREAD"])
        self.assertEqual(table.rows, [["L2 out", "usual", 2, 5], ["L2 out", "other", 2, 9], ["L2 out", "rare", 2, 5]])

    def test_have_no_table_of_counts_where_none_changes(self) -> None:
        self.assertEqual(titled(list(ABLATION.evaluate(self.made_up({"L2 out": 150})).tables), "what L0 executes"), [])

    def test_leave_out_the_value_that_was_not_booted(self) -> None:
        table = titled(list(ABLATION.evaluate(self.made_up({})).tables), "Linux KVM's operations; ×")[0]
        self.assertEqual([column.name for column in table.columns], ["operation", "usual", "other", "× other"])
        self.assertEqual(len(table.rows), len(LINUX_ROWS))

    def test_a_row_that_a_boot_did_not_print_is_an_error(self) -> None:
        readings = self.made_up({})
        (readings[Boot("micro", OTHER.knobs)].directory / "console.log").write_text(line("out", 100))
        with self.assertRaisesRegex(FrontDoorError, "no cost line with level=L1 op=cpuid"):
            ABLATION.evaluate(readings)


class TheFigures(WithReadings):
    def test_show_factors_and_the_compile_in_percent(self) -> None:
        found = ABLATION.evaluate(self.made_up({"L2 out": 150}, (1000, 1250, 1000)))
        figures = {figure.name: figure for figure in found.figures}
        self.assertEqual(set(figures), {"rows-micro", "rows-linux-kvm", "compile"})
        self.assertEqual(figures["rows-micro"].series[0].values[MICRO_ROWS.index("L2 out")], 1.5)
        self.assertEqual(list(figures["compile"].series[0].values), [25, 0])

    def test_name_a_row_whose_bar_would_hide_the_others(self) -> None:
        for cost in (11300, 1):
            figures = {figure.name: figure for figure in ABLATION.evaluate(self.made_up({"L1 vmread": cost, "L2 out": 150})).figures}
            self.assertNotIn("L1 vmread", figures["rows-micro"].groups)
            self.assertIn("(off this scale: L1 vmread)", figures["rows-micro"].title)
            self.assertEqual(max(figures["rows-micro"].series[0].values), 1.5)
            self.assertEqual(figures["rows-linux-kvm"].title, "Linux KVM's operations, against usual")


class TheCompile(WithReadings):
    def test_brings_l0s_counts_where_it_has_them(self) -> None:
        boot = compile_boot((), True)
        self.assertEqual(self.readings({boot: work(5, exits=7)})[boot].work(COMPILE).counts, {"exits": 7})

    def tables(self, *works: str) -> list[Table]:
        made = dict(zip([compile_boot(value.knobs, True) for value in ABLATION.values], works))
        return titled(ABLATION.tables(self.readings({**self.consoles(), **made})), "the compile in a Linux L2")

    def test_is_told_by_the_exit_that_reaches_l1(self) -> None:
        whole, counts = self.tables(work(1000, exits=12, reflected=4), work(1100, exits=15, reflected=5),
                                    work(900, exits=12, reflected=0))
        self.assertEqual([column.name for column in whole.columns[3:]], ["more per reflected exit", "reflected"])
        self.assertEqual([row[3:] for row in whole.rows], [[0, 4], [25, 5], [-25, None]])
        self.assertEqual([column.name for column in counts.columns], ["value", "exits"])
        self.assertEqual(counts.rows, [["usual", 12], ["other", 15], ["rare", 12]])

    def test_is_not_divided_by_exits_that_nobody_counted(self) -> None:
        whole, _ = self.tables(work(1000, exits=12), work(1100, exits=15), work(900, exits=12))
        self.assertEqual(len(whole.columns), 3)

    def test_has_no_table_of_counts_where_nobody_counts(self) -> None:
        self.assertEqual(len(self.tables(work(1000), work(1100), work(900))), 1)

    def test_that_did_not_end_is_an_error(self) -> None:
        boot = compile_boot((), True, L0.NONE)
        for text, why in (("nothing\n", "no line"), (work(5) * 2, "two lines"), ("work name=compile ticks=many\n", "no proper")):
            with self.assertRaisesRegex(FrontDoorError, why):
                self.readings({boot: text})[boot].work(COMPILE)


class TheExperiments(WithReadings):
    """Each of those there are, where all boots say the same."""

    def test_say_that_nothing_changes_where_nothing_does(self) -> None:
        for name in MADE_UP:
            for quick in (True, False):
                with self.subTest(name=name, quick=quick):
                    experiment = catalogue.load(name)
                    readings = self.readings(all_alike(experiment.boots(quick)), quick)
                    sentence = experiment.evaluate(readings).sentence
                    self.assertIn("every operation of L2 takes just as many instructions, and the compile just as many", sentence)
                    self.assertNotRegex(sentence, r"[1-9]\d* %|times the")

    def test_tracing_is_told_by_level_and_turn(self) -> None:
        experiment = catalogue.load("tracing")
        consoles = all_alike(experiment.boots(True))
        medians = {"L1 cpuid": 150, "L2 rdmsr-l0-answers": 160, "L2 cpuid-3r1w": 170}
        consoles[Boot(knobs=("trace=turns",))] = console("micro", medians)
        found = experiment.evaluate(self.readings(consoles))
        self.assertIn("0 and 25 for an exit of L1, 0 and 30 for an exit of L2 that L0 answers, 0 and 35 for an exit of L2 that "
                      "reaches L1", found.sentence)

    def test_shadowing_sets_the_compile_over_a_single_level_beside_turtles(self) -> None:
        experiment = catalogue.load("vmcs-shadowing")
        consoles = all_alike(experiment.boots(True), 1100)
        consoles[compile_boot((), True, L0.NONE)] = work(1000)
        found = experiment.evaluate(self.readings(consoles))
        self.assertEqual([round(beside.ours, 6) for beside in found.beside], [10, 10])
        self.assertIn("over a single level the compile takes 10 % more instructions with shadow-direct", found.sentence)
