"""Kurma beside Linux KVM: the budget, the rows and their verdicts, the boots, the table in README."""

import contextlib
import io
import json
import tempfile
import unittest
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

from harness import budget, cli, kvm_counts, setups, versus_command
from harness.budget import Limit
from harness.costs import Cost, parse
from harness.errors import FrontDoorError, Status
from harness.kvm_counts import per_round
from harness.l0 import L0
from harness.tests.test_costs import line
from harness.versus import MissingRow, Row, Verdict, as_markdown, as_text, rows_of
from harness.readme import README, with_part
from harness.versus_command import BEGIN, END, limits_for, setups_for

LIMIT = Limit("L1 CPUID", "micro", "L2", "cpuid", at_most=95, aim=60)


def costs(median: int, op: str = "cpuid", **counts: int) -> list[Cost]:
    return parse(line(op, median, **counts).encode())


def verdict(limit: Limit, kvm: float | None, kurma: float | None) -> Verdict:
    return Row(limit, kvm, kurma, None).verdict


class Verdicts(unittest.TestCase):
    def test_the_budget_itself_is_within_and_one_more_is_over(self) -> None:
        self.assertIs(verdict(LIMIT, 964, 95), Verdict.WITHIN)
        self.assertIs(verdict(LIMIT, 964, 96), Verdict.OVER)

    def test_the_aim_is_reached_at_itself(self) -> None:
        self.assertIs(verdict(LIMIT, 964, 60), Verdict.AIM)
        self.assertIs(verdict(LIMIT, 964, 61), Verdict.WITHIN)

    def test_a_part_of_kvm_is_of_what_kvm_spent_in_this_run(self) -> None:
        tenth = Limit("interrupt", "micro", "L2", "interrupt", part_of_kvm=0.1)
        self.assertIs(verdict(tenth, 27764, 2776), Verdict.WITHIN)
        self.assertIs(verdict(tenth, 27764, 2777), Verdict.OVER)
        self.assertIs(verdict(tenth, None, 10), Verdict.NOT_MEASURED)

    def test_what_was_not_measured_is_not_within(self) -> None:
        self.assertIs(verdict(LIMIT, 964, None), Verdict.NOT_MEASURED)

    def test_a_row_without_a_limit_has_no_verdict(self) -> None:
        self.assertIs(verdict(Limit("x", "micro", "L1", "cpuid"), 964, 5000), Verdict.NO_LIMIT)


class Rows(unittest.TestCase):
    def test_take_each_side_from_its_own_boot(self) -> None:
        limit = Limit("x", "micro", "L2", "cpuid", kvm="trap", at_most=95)
        found = {"micro-kurma-shadow": costs(90), "micro-kurma-trap": costs(91), "micro-kvm-shadow": costs(960),
                 "micro-kvm-trap": costs(990), "micro-none": costs(24)}
        row, = rows_of([limit], found, {})
        self.assertEqual((row.kurma, row.kvm, row.single, row.ratio), (90, 990, 24, 11))

    def test_counts_are_kurmas_of_one_operation(self) -> None:
        limit = Limit("x", "micro", "L2", "cpuid", count="vmwrite", at_most=35)
        row, = rows_of([limit], {"micro-kurma-shadow": costs(90, vmwrite=4000)}, {"vmwrite": 110.0})
        self.assertEqual((row.kurma, row.kvm, row.ratio), (20, 110, 5.5))

    def test_an_operation_that_a_boot_did_not_print_is_an_error(self) -> None:
        with self.assertRaisesRegex(MissingRow, "micro-kvm-shadow printed no cost line with level=L2 op=cpuid"):
            rows_of([LIMIT], {"micro-kurma-shadow": costs(90), "micro-kvm-shadow": costs(960, "hlt")}, {})
        with self.assertRaisesRegex(MissingRow, "no count exits"):
            rows_of([Limit("x", "micro", "L2", "cpuid", count="exits")],
                    {"micro-kurma-shadow": parse(b"cost l1=micro level=L2 op=cpuid n=2 min=1 median=1 max=1\n")}, {})

    def test_the_table_names_what_is_over(self) -> None:
        text = as_text([Row(LIMIT, 964, 180, 1)])
        self.assertRegex(text, r"L1 CPUID +964 +180 +5\.4 +95 +60 +OVER")
        self.assertIn("| L1 CPUID | 1 | 964 | **180** | 5.4 | 95 | 60 |", as_markdown([Row(LIMIT, 964, 180, 1)]))

    def test_a_row_where_kvm_takes_less_says_how_much_less(self) -> None:
        self.assertIn("| L1 CPUID | 1 | 1 | **80** | 0.013 | 95 | 60 |", as_markdown([Row(LIMIT, 1, 80, 1)]))


class TheBudget(unittest.TestCase):
    def test_has_a_limit_for_each_kind_of_operation(self) -> None:
        limits = budget.read()
        self.assertLessEqual({("micro", "L1", "cpuid"), ("micro", "L1", "vmread"), ("micro", "L1", "vmwrite"),
                              ("micro", "L1", "vmclear"), ("micro", "L1", "vmptrld-alternating"), ("micro", "L1", "invept"),
                              ("micro", "L2", "cpuid-3r1w"), ("micro", "L2", "cpuid-11r3w"), ("micro", "L2", "interrupt"),
                              ("micro", "L2", "first-touch-l0-fills"), ("micro", "L2", "first-touch-l1-maps"),
                              ("linux-kvm", "L2", "cpuid"), ("linux-kvm", "L2", "out-user"), ("linux-kvm", "L2", "mmio-user"),
                              ("linux-kvm", "L2", "first-touch-l1-maps")},
                             {(limit.l1, limit.level, limit.op) for limit in limits if limit.at_most or limit.part_of_kvm})
        self.assertEqual([limit.count for limit in limits if limit.count], ["vmread", "vmwrite", "exits"])
        for limit in limits:
            if limit.aim and limit.at_most:
                self.assertLessEqual(limit.aim, limit.at_most, limit.operation)

    def test_a_file_that_is_no_budget_is_an_error(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "budget.toml"
            for text in ("[[row]\n", "[other]\n", '[[row]]\noperation = "x"\n', '[[row]]\noperation = "x"\nl1 = "windows"\n'
                         'level = "L1"\nop = "cpuid"\n', '[[row]]\noperation = "x"\nl1 = "micro"\nlevel = "L1"\n'
                         'op = "cpuid"\nat_most = 0\n', '[[row]]\nspeed = 1\n'):
                path.write_text(text)
                with self.subTest(text), self.assertRaisesRegex(FrontDoorError, "is no budget"):
                    budget.read(path)

    def test_readme_has_its_rows_in_its_order(self) -> None:
        _, _, rest = README.read_text().partition(BEGIN)
        table, end, _ = rest.partition(END)
        self.assertTrue(end, f"README.md has no table between {BEGIN} and {END}")
        operations = [row.split("|")[1].strip() for row in table.strip().splitlines()[2:]]
        self.assertEqual(operations, [limit.operation for limit in budget.read()], "run ./kurma versus --readme")


class Boots(unittest.TestCase):
    def test_fill_every_row_of_the_budget_on_both_sides(self) -> None:
        names = {setup.name for setup in setups_for("corei7_haswell_4770", quick=False)}
        for limit in budget.read():
            self.assertLessEqual({f"{limit.l1}-kurma-{limit.kurma}", f"{limit.l1}-kvm-{limit.kvm}", f"{limit.l1}-none"}, names)

    def test_are_told_how_l1_reaches_its_vmcs(self) -> None:
        made = {setup.name: setup for setup in setups_for("corei7_haswell_4770", quick=True)}
        self.assertEqual(made["micro-kurma-shadow"].knobs, ())   # The default settings.
        self.assertEqual(made["micro-kvm-trap"].knobs, ("enable_shadow_vmcs=0",))
        self.assertIs(made["micro-kvm-trap"].l0, L0.KVM)
        self.assertEqual({setup.l1 for setup in made.values()}, {"micro"})

    def test_a_model_without_shadowing_is_compared_without_a_budget(self) -> None:
        cpu = "corei7_sandy_bridge_2600k"
        self.assertEqual({name.rpartition("-")[2] for name in (setup.name for setup in setups_for(cpu, False))}, {"trap", "none"})
        self.assertEqual({(limit.kurma, limit.kvm, limit.at_most) for limit in limits_for(cpu, True)}, {("trap", "trap", None)})

    def test_the_machine_of_kvm_has_its_own_memory_besides(self) -> None:
        made = {setup.name: setup for setup in setups_for("corei7_haswell_4770", quick=True)}
        self.assertGreater(made["micro-kvm-shadow"].machine.memory_mib, made["micro-kurma-shadow"].machine.memory_mib)


def measured(kurma: int) -> dict[str, Sequence[Cost]]:
    """What all boots of --quick print, if each of Kurma's operations costs so much."""
    lines = [f"cost l1=micro level={limit.level} op={limit.op} n=100 min=M median=M max=M exits=100 vmread=100 vmwrite=100 "
             "vmptrld=0 vmclear=0 vmlaunch=0 vmresume=0 invept=0 invvpid=0" for limit in budget.read() if limit.l1 == "micro"]
    text = "\n".join(lines)
    return {setup.name: parse(text.replace("=M", f"={kurma if setup.l0 is L0.KURMA else 90000}").encode())
            for setup in setups_for("corei7_haswell_4770", quick=True)}


class Command(unittest.TestCase):
    def run_it(self, kurma: int, *words: str) -> tuple[int, str, str]:
        out, errors = io.StringIO(), io.StringIO()
        found = measured(kurma)
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors), \
                mock.patch.object(setups, "images_for"), mock.patch.object(setups, "boot", return_value=dict.fromkeys(found)), \
                mock.patch.object(setups, "costs_of", side_effect=lambda name, _: found[name]), \
                mock.patch.object(versus_command, "new_run_dir", return_value=Path(folder)):
            status = cli.main(["versus", "--quick", *words])
        return status, out.getvalue(), errors.getvalue()

    def test_ends_well_within_the_budget(self) -> None:
        status, out, _ = self.run_it(40)
        self.assertEqual(status, Status.POWER_OFF)
        self.assertIn("aim reached", out)
        self.assertNotIn("OVER", out)
        self.assertNotIn("Linux KVM as L1", out)

    def test_ends_with_8_over_the_budget_and_names_the_rows(self) -> None:
        status, _, errors = self.run_it(300)
        self.assertEqual(status, Status.DIFFERENT)
        self.assertIn("over budget: L1 CPUID: 300, at most 95", errors)
        self.assertNotIn("VMPTRLD", errors)

    def test_its_json_has_rows_and_costs_and_makes_the_same_table_again(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "versus.json"
            _, out, _ = self.run_it(100, "--json", str(path))
            document = json.loads(path.read_text())
            row = next(row for row in document["rows"] if row["op"] == "cpuid")
            self.assertEqual((row["kvm"], row["kurma"], row["ratio"], row["at_most"], row["verdict"]), (90000, 100, 900, 95, "OVER"))
            self.assertEqual(document["boots"]["micro-kvm-trap"]["knobs"], ["enable_shadow_vmcs=0"])
            again = io.StringIO()
            with contextlib.redirect_stdout(again), contextlib.redirect_stderr(io.StringIO()):
                cli.main(["versus", "--from", str(path)])
            self.assertEqual(again.getvalue(), out)

    def test_bad_arguments_are_told_before_anything_boots(self) -> None:
        for words, told in ((("--jobs", "0"), "--jobs 0"), (("--json", "/nosuch/x"), "does not exist"),
                            (("--readme",), "--quick"), (("--from", "/nosuch"), "--from /nosuch")):
            with self.subTest(words):
                status, _, errors = self.run_it(40, *words)
                self.assertEqual(status, Status.USAGE)
                self.assertIn(told, errors)

    def test_a_json_of_something_else_is_refused(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.json"
            for text in ("[]", '{"cpu": 1}', '{"boots": {"a": {}}}', "{"):
                path.write_text(text)
                with self.subTest(text):
                    self.assertEqual(self.run_it(40, "--from", str(path))[0], Status.USAGE)


class KvmCounts(unittest.TestCase):
    def counters(self, **counts: int) -> dict[str, object]:
        rows = [{"reason": reason, "room": "emulate", "why": "x", "count": count} for reason, count in counts.items()]
        return {"exits": [*rows, {"reason": "vmread", "room": "reflect", "why": "x", "count": 10 ** 9}]}

    def test_are_the_difference_of_the_two_boots_by_round(self) -> None:
        few = self.counters(vmread=5000, vmwrite=7000, vmlaunch=3, vmresume=900)
        many = self.counters(vmread=5000 + 82 * 2000, vmwrite=7000 + 110 * 2000, vmlaunch=3, vmresume=900 + 2 * 2000)
        self.assertEqual(per_round({"micro-counted-few": few, "micro-counted-many": many}),
                         {"vmread": 82, "vmwrite": 110, "vmptrld": 0, "vmclear": 0, "exits": 2})

    def test_both_boots_are_kvm_on_kurma_that_traps(self) -> None:
        for setup in kvm_counts.setups_for("corei7_haswell_4770", ("enable_shadow_vmcs=1",)):
            self.assertIs(setup.l0, L0.KVM_ON_KURMA)
            self.assertEqual(setup.knobs, ("vmcs_access=trap", "enable_shadow_vmcs=1"))
            self.assertRegex(setup.choice.cmdline, r"^mode=rounds n=\d+$")


class Readme(unittest.TestCase):
    def test_only_the_table_between_the_marks_changes(self) -> None:
        self.assertEqual(with_part(f"a\n{BEGIN}\nold\n{END}\nb\n", BEGIN, END, "new"), f"a\n{BEGIN}\nnew\n{END}\nb\n")
        with self.assertRaises(FrontDoorError):
            with_part("no marks", BEGIN, END, "new")
