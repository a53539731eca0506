"""The guarded figures: their file, and what a comparison with it finds."""

import contextlib
import io
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from harness import counts_command, counts_file
from harness.costs import parse
from harness.counts_file import FILE, Table, compare, read, rows_of, written
from harness.errors import FrontDoorError, Status
from harness.setups import Setup
from harness.tests.test_costs import line

ROWS = {"L2 cpuid": {"min": 20, "median": 24, "exits": 2.0}, "L2 hlt": {"min": 9, "median": 9}}


class TheFile(unittest.TestCase):
    def test_is_as_the_command_writes_it(self) -> None:
        self.assertEqual(written(read().values()), FILE.read_text(), "run ./kurma counts --update instead of editing figures")

    def test_guards_each_way_to_a_vmcs_and_linux(self) -> None:
        tables = read()
        self.assertLessEqual({"micro", "micro-trap", "linux-kvm"}, set(tables))
        for name, table in tables.items():
            self.assertGreater(len(table.rows), 10, name)
            self.assertEqual(bool(table.kernel), table.setup.l1 == "linux-kvm", name)

    def test_what_was_written_is_read_again(self) -> None:
        table = Table(Setup("a", "micro", ("trace=off", "vmcs_access=trap")), {"L2 x": {"min": 1, "median": 2, "exits": 1.53}})
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "counts.toml"
            path.write_text(written([table]))
            self.assertEqual(read(path), {"a": table})

    def test_a_file_that_is_no_table_of_counts_is_an_error(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "counts.toml"
            for text in ("[a\n", '[a]\nl1 = "windows"\n', "[a]\nknobs = 7\n"):
                path.write_text(text)
                with self.subTest(text), self.assertRaises(FrontDoorError):
                    read(path)


class Figures(unittest.TestCase):
    def test_are_those_of_one_operation(self) -> None:
        row = rows_of(parse(line("cpuid", 24, exits=400, vmwrite=306).encode()))["L2 cpuid"]
        self.assertEqual((row["min"], row["median"], row["exits"], row["vmwrite"]), (23, 24, 2.0, 1.53))

    def test_of_linux_are_whole_since_timer_interrupts_fall_into_them(self) -> None:
        row = rows_of(parse(line("cpuid", 24, l1="linux-kvm", exits=402, vmwrite=303).encode()))["L2 cpuid"]
        self.assertEqual((row["exits"], row["vmwrite"]), (2, 2))


class Comparing(unittest.TestCase):
    def test_equal_rows_are_no_difference(self) -> None:
        self.assertEqual(compare(ROWS, ROWS).all, [])

    def test_a_figure_that_grew_is_named_with_old_and_new(self) -> None:
        found = compare(ROWS, {**ROWS, "L2 cpuid": {"min": 20, "median": 1024, "exits": 2.5}})
        self.assertEqual([str(difference) for difference in found.grown],
                         ["L2 cpuid: median GREW from 24 to 1,024", "L2 cpuid: exits GREW from 2 to 2.5"])

    def test_a_figure_that_fell_counts_too(self) -> None:
        found = compare(ROWS, {**ROWS, "L2 hlt": {"min": 9, "median": 8}})
        self.assertEqual([str(difference) for difference in found.all], ["L2 hlt: median fell from 9 to 8"])

    def test_an_instruction_that_was_not_executed_before_grew_from_zero(self) -> None:
        found = compare(ROWS, {**ROWS, "L2 hlt": {"min": 9, "median": 9, "invept": 1.0}})
        self.assertEqual([str(difference) for difference in found.grown], ["L2 hlt: invept GREW from 0 to 1"])

    def test_new_rows_and_lost_rows_count(self) -> None:
        found = compare(ROWS, {"L2 cpuid": ROWS["L2 cpuid"], "L2 out": {"min": 1}})
        self.assertEqual((found.new, found.gone), (["L2 out"], ["L2 hlt"]))


class Command(unittest.TestCase):
    """Without boots: what is done with what they said."""

    KERNEL = "linux-image-6.1.0-56-cloud-amd64 6.1.177-1"

    def run_command(self, *words: str, micro: int = 24, kernel: str = KERNEL) -> tuple[int, str, dict[str, Table]]:
        def costs(l1: str, median: int) -> list[object]:
            return list(parse(line("cpuid", median, l1=l1, exits=400).encode()))
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
            path = Path(folder) / "counts.toml"
            path.write_text(written([Table(Setup("micro"), rows_of(costs("micro", 24))),
                                     Table(Setup("linux-kvm", "linux-kvm"), rows_of(costs("linux-kvm", 99)), self.KERNEL)]))
            said = io.StringIO()
            for stream in (contextlib.redirect_stdout(said), contextlib.redirect_stderr(said),
                           mock.patch.object(counts_file, "FILE", path),
                           mock.patch.object(counts_file, "read", lambda: read(path)),
                           mock.patch.object(counts_command, "kernel_of", lambda _: kernel),
                           mock.patch.object(counts_command, "new_run_dir", lambda *_: Path(folder)),
                           mock.patch.object(counts_command.setups, "measure", lambda chosen, *_: {
                               setup.name: costs(setup.l1, micro if setup.l1 == "micro" else 99) for setup in chosen})):
                stack.enter_context(stream)   # type: ignore[arg-type]
            parser = __import__("argparse").ArgumentParser()
            counts_command.add_arguments(parser)
            status = counts_command.command(parser.parse_args([*words, "--images", folder]))
            return int(status), said.getvalue(), read(path)

    def test_equal_figures_pass(self) -> None:
        self.assertEqual(self.run_command()[0], Status.POWER_OFF)

    def test_a_grown_figure_fails_and_says_what_to_do(self) -> None:
        status, said, _ = self.run_command(micro=25)
        self.assertEqual(status, Status.TESTS_FAILED)
        self.assertIn("micro: L2 cpuid: median GREW from 24 to 25", said)
        self.assertIn("--update --grown", said)

    def test_a_fallen_figure_fails_until_the_file_is_updated(self) -> None:
        status, said, _ = self.run_command(micro=23)
        self.assertEqual(status, Status.TESTS_FAILED)
        self.assertIn("./kurma counts --update", said)
        status, _, tables = self.run_command("--update", micro=23)
        self.assertEqual((status, tables["micro"].rows["L2 cpuid"]["median"]), (Status.POWER_OFF, 23))

    def test_an_update_refuses_what_grew_unless_told(self) -> None:
        status, _, tables = self.run_command("--update", micro=25)
        self.assertEqual((status, tables["micro"].rows["L2 cpuid"]["median"]), (Status.TESTS_FAILED, 24))
        status, _, tables = self.run_command("--update", "--grown", micro=25)
        self.assertEqual((status, tables["micro"].rows["L2 cpuid"]["median"]), (Status.POWER_OFF, 25))

    def test_another_kernels_figures_are_not_compared_and_that_is_no_pass(self) -> None:
        status, said, _ = self.run_command(kernel="linux-image-6.1.0-57-cloud-amd64 6.1.180-1")
        self.assertEqual(status, counts_command.SKIPPED)
        self.assertIn("NOT COMPARED: linux-kvm", said)
        self.assertIn("6.1.180-1", said)

    def test_another_kernel_hides_no_failure_of_micro(self) -> None:
        self.assertEqual(self.run_command(micro=25, kernel="other")[0], Status.TESTS_FAILED)

    def test_an_unknown_boot_is_refused(self) -> None:
        with self.assertRaisesRegex(FrontDoorError, "no boot windows"):
            self.run_command("windows")


if __name__ == "__main__":
    unittest.main()
