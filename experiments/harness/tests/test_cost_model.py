"""The cost model: its table of published figures, its arithmetic, its answer, and what it refuses."""

import argparse
import json
import tempfile
import unittest
from pathlib import Path

from harness import cost_model, model_command
from harness.cost_model import CERTAINTIES, OPERATIONS, Price, Processor, Range, figures, model, processors, verdict
from harness.errors import FrontDoorError
from harness.model_command import Column, columns_of_file, document, report, sentences


def processor(**cycles: float) -> Processor:
    prices = {name.replace("_", "-"): Price(Range(value, value), "from memory") for name, value in cycles.items()}
    return Processor("Example", 2013, True, prices, ())


EXAMPLE = processor(exit=300, vmresume=300, vmlaunch=500, vmread=5, vmwrite=4, vmptrld=100, vmclear=100)
TRAP = {"exits": 6, "vmresume": 6, "vmread": 50, "vmwrite": 70, "vmptrld": 2}
DIRECT = {"exits": 2, "vmresume": 1, "vmlaunch": 1, "vmread": 10, "vmwrite": 50, "vmptrld": 2, "vmclear": 1}


class TheTable(unittest.TestCase):
    def test_every_figure_has_a_source_a_place_and_a_certainty(self) -> None:
        for figure in figures():
            with self.subTest(figure):
                self.assertIn(figure.certainty, CERTAINTIES)
                self.assertIn(figure.operation, OPERATIONS)
                self.assertIn(figure.processor, processors())
                if figure.cycles is None:
                    self.assertEqual((figure.certainty, figure.used), ("none known", False))
                else:
                    self.assertGreater(figure.cycles, 0)
                    self.assertTrue(figure.source and figure.where)
                    self.assertNotEqual(figure.certainty, "none known")

    def test_no_figure_stands_twice(self) -> None:
        keys = [(figure.processor, figure.operation, figure.source, figure.where) for figure in figures() if figure.source]
        self.assertEqual(len(keys), len(set(keys)))

    def test_each_processor_has_a_price_for_each_operation_or_says_that_none_is_known(self) -> None:
        said = {(figure.processor, figure.operation) for figure in figures() if figure.certainty == "none known"}
        for known in processors().values():
            for operation in known.unknown:
                if operation in ("invept", "invvpid") and known.year < 2009:
                    continue   # Those have no EPT.
                self.assertIn((known.name, operation), said)

    def test_a_table_with_other_columns_is_an_error(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "costs.csv"
            path.write_text("processor,cycles\nx,1\n")
            with self.assertRaises(FrontDoorError):
                figures(path)


class Sums(unittest.TestCase):
    def test_every_count_is_charged(self) -> None:
        self.assertEqual(model(EXAMPLE, DIRECT).cycles, Range(600 + 300 + 500 + 50 + 200 + 200 + 100, 1950))

    def test_several_sources_make_a_range(self) -> None:
        haswell = processors()["Haswell"]
        made = model(haswell, {"exits": 2})
        self.assertLess(made.cycles.low, made.cycles.high)
        self.assertEqual(str(Range(648, 1024)), "648–1,024")

    def test_what_has_no_price_is_left_out_by_name(self) -> None:
        made = model(EXAMPLE, {"exits": 1, "invept": 2})
        self.assertEqual((made.cycles.low, made.left_out), (300, ("2 × INVEPT",)))
        self.assertTrue(str(made).startswith("≥ "))

    def test_a_stray_one_in_a_hundred_operations_makes_no_sum_doubtful(self) -> None:
        self.assertEqual(model(EXAMPLE, {"exits": 1, "invept": 0.01}).left_out, ())

    def test_a_round_trip_stands_for_exit_and_resume(self) -> None:
        made = model(processor(round_trip=1009), {"exits": 2, "vmresume": 2, "vmread": 3})
        self.assertEqual((made.cycles.low, made.left_out), (2018, ("3 × VMREAD",)))

    def test_a_sum_is_as_certain_as_its_weakest_term(self) -> None:
        self.assertEqual(cost_model.weakest(["quoted by others", "from memory", "read at the source"]), "from memory")


class Answer(unittest.TestCase):
    def test_what_is_spent_and_what_is_saved_add_up_to_the_difference_of_the_sums(self) -> None:
        found = verdict(EXAMPLE, DIRECT, TRAP)
        assert found is not None
        self.assertEqual(found.spends, Range(300, 300))   # A VMCLEAR, and VMLAUNCH above VMRESUME.
        self.assertEqual(found.net.low, model(EXAMPLE, DIRECT).cycles.low - model(EXAMPLE, TRAP).cycles.low)

    def test_break_even_is_where_the_net_is_nothing(self) -> None:
        found = verdict(EXAMPLE, DIRECT, TRAP)
        assert found is not None and found.break_even is not None
        self.assertAlmostEqual(found.saves.low - found.spends.low * found.break_even, 0)

    def test_a_dear_vmclear_eats_the_saving(self) -> None:
        text, = sentences(processor(**{**{name: price.cycles.low for name, price in EXAMPLE.prices.items()}, "vmclear": 9000}),
                          [Column("trap", {"L2 cpuid-3r1w": TRAP}), Column("shadow-direct", {"L2 cpuid-3r1w": DIRECT})])
        self.assertIn("they eat its saving", text)

    def test_a_cheap_one_does_not(self) -> None:
        text, = sentences(EXAMPLE, [Column("trap", {"L2 cpuid-3r1w": TRAP}), Column("shadow-direct", {"L2 cpuid-3r1w": DIRECT})])
        self.assertIn("do not eat its saving", text)

    def test_without_a_price_there_is_no_answer(self) -> None:
        self.assertIsNone(verdict(EXAMPLE, {**DIRECT, "invvpid": 1}, TRAP))

    def test_the_report_says_that_it_is_a_model_and_how_certain(self) -> None:
        text = report(EXAMPLE, [Column("trap", {"L2 x": TRAP, "L2 y": {"exits": 0}})])
        self.assertIn("MODEL, not measured", text)
        self.assertIn("Weakest term: from memory", text)
        self.assertNotIn("L2 y", text)

    def test_a_processor_without_shadowing_has_no_shadow_columns(self) -> None:
        text = report(processors()["Sandy Bridge"], [Column("shadow-direct", {"L2 x": DIRECT})])
        self.assertIn("has no VMCS shadowing", text)


class Files(unittest.TestCase):
    def test_what_model_writes_it_reads_again(self) -> None:
        columns = [Column("trap", {"L2 x": {count: float(TRAP.get(count, 0)) for count in cost_model.OPERATION_OF}})]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.json"
            path.write_text(json.dumps(document(EXAMPLE, columns)))
            self.assertEqual(columns_of_file(path), columns)

    def test_other_files_are_refused(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.json"
            for text in ("[]", "{", '{"runs": [{"name": "bare", "costs": []}]}'):
                path.write_text(text)
                with self.subTest(text), self.assertRaises(FrontDoorError):
                    columns_of_file(path)
            with self.assertRaises(FrontDoorError):
                columns_of_file(Path(folder) / "absent.json")


class Refusals(unittest.TestCase):
    def test_a_processor_that_nobody_measured_is_refused(self) -> None:
        for words in (["--cpu-model", "Skylake"], ["--cpu-model", "Pentium"]):
            parser = argparse.ArgumentParser()
            model_command.add_arguments(parser)
            with self.subTest(words), self.assertRaises(FrontDoorError):
                model_command.command(parser.parse_args(words))


if __name__ == "__main__":
    unittest.main()
