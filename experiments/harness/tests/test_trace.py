"""Turns, rounds, and the three ways to look at them: timeline, report, tree."""

import argparse
import contextlib
import io
import json
import tempfile
import unittest
from itertools import pairwise
from pathlib import Path
from typing import Any

from harness import expect_turns
from harness.errors import FrontDoorError, Status
from harness.trace import TurnsError, command, names, report, rounds, timeline, tree, turns_of
from harness.trace.turns import read, while_l2_runs, without_power_off


def row(number: int, tsc_exit: int, cost: int, levels: str, reason: str, room: str, why: str, round_: int, **told: int) -> dict[str, Any]:
    return {"turn": number, "tsc_exit": tsc_exit, "tsc_entry": tsc_exit + cost, "level_before": int(levels[0]),
            "level_after": int(levels[1]), "reason": reason, "room": room, "why": why, "rip": 0x1000 + number, "qualification": 0,
            "vmread": 5, "vmwrite": 2, "vmptrld": 1, "vmclear": 0, "flushes": 0, "round": round_, "noting": 3, "recording": 4,
            "subject": 0, **told}


EMULATE, REFLECT = ("emulate", "l1_vmx_instruction"), ("reflect", "l2_unconditional")
# An end of a round, two rounds (one with a VMREAD that exits), a fill by L0 alone, the beginning of a third, a power-off.
ROWS = [row(7, 1000, 200, "12", "vmresume", *EMULATE, 1),
        row(8, 1210, 300, "21", "cpuid", *REFLECT, 2),
        row(9, 1530, 100, "11", "vmread", *EMULATE, 2, subject=0x681E),
        row(10, 1640, 220, "12", "vmresume", *EMULATE, 2),
        row(11, 1867, 90, "22", "ept_violation", "compose", "l2_ept02_fill", 2),
        row(12, 1970, 310, "21", "cpuid", *REFLECT, 3),
        row(13, 2300, 210, "12", "vmresume", *EMULATE, 3),
        row(14, 2520, 400, "21", "exception_or_nmi", "reflect", "l2_exception_bitmap", 4),
        row(15, 3000, 60, "11", "io_instruction", "l0", "l1_power_port", 4)]
TURNS = turns_of(ROWS)


class Reading(unittest.TestCase):
    def test_the_object_of_a_runs_end_and_a_list_say_the_same(self) -> None:
        self.assertEqual(turns_of({"tsc": 5, "turns": ROWS}), TURNS)

    def test_a_gap_between_two_turns_is_an_error(self) -> None:
        for broken in ([ROWS[0], ROWS[2]], [ROWS[0], {**ROWS[1], "tsc_exit": 1206}]):
            with self.assertRaisesRegex(TurnsError, "turn 9|turn 8"):
                turns_of(broken)

    def test_what_is_no_turn_is_an_error(self) -> None:
        for wrong in ([{"turn": 1}], [3], {"tsc": 1}, "text", [{**ROWS[0], "tsc_entry": 1}], [{**ROWS[0], "level_after": 3}]):
            with self.assertRaises(TurnsError, msg=str(wrong)):
                turns_of(wrong)

    def test_a_file_may_be_json_an_l0_log_or_a_console(self) -> None:
        as_list = "[" + ",\n".join(json.dumps(each, separators=(",", ":")) for each in ROWS) + "\n]\n"
        l0_log = f'kurma: hello\nkurma: json-begin\n{{"tsc":1,"turns":{as_list}}}\nkurma: json-end\nkurma: end power-off\n'
        console = "# kurma-ctl turns --json\r\n[]\r\n" + as_list.replace("\n", "\r\n") + "# poweroff\r\n"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "file"
            for text in (as_list, json.dumps({"turns": ROWS}), l0_log, console):
                path.write_bytes(text.encode())
                self.assertEqual(read(path), TURNS)
            path.write_text("nothing of the kind")
            with self.assertRaisesRegex(TurnsError, "neither L0's JSON"):
                read(path)

    def test_the_writes_that_switch_off_are_left_out_at_the_end_alone(self) -> None:
        self.assertEqual(without_power_off(TURNS), TURNS[:-1])
        self.assertEqual(without_power_off([TURNS[-1], TURNS[0]]), [TURNS[-1], TURNS[0]])

    def test_l1s_start_and_end_may_be_left_out(self) -> None:
        l1 = [row(number, number * 100, 10, "11", "cpuid", "l0", "l1_cpuid", 0) for number in range(20)]
        self.assertEqual(while_l2_runs([*TURNS, TURNS[-1]]), TURNS[:-1])
        self.assertEqual(while_l2_runs([TURNS[8], *TURNS[:4]]), TURNS[:4])
        self.assertEqual(while_l2_runs(turns_of(l1)), turns_of(l1))


class Rounds(unittest.TestCase):
    def test_are_whole_and_know_what_they_caused(self) -> None:
        first, second = rounds(TURNS)
        self.assertEqual([turn.reason for turn in first.l1_exits], ["vmread", "vmresume"])
        self.assertEqual((first.number, first.event, first.instructions), (2, "CPUID", 636))
        self.assertEqual((first.l0_instructions, first.l1_gaps, first.l1_instructions), (620, [13, 3], 16))
        self.assertEqual((first.vmread, first.vmwrite), (15, 6))
        self.assertEqual((second.number, len(second.l1_exits), second.instructions), (3, 1, 533))

    def test_what_l0_did_alone_is_none(self) -> None:
        self.assertEqual(rounds([TURNS[0], TURNS[4]]), [])


class Names(unittest.TestCase):
    def test_are_linuxes(self) -> None:
        said = ["cpuid", "ept_violation", "rdmsr", "vmxon", "exception_or_nmi", "ept_misconfiguration", "preemption_timer"]
        self.assertEqual([names.event(reason) for reason in said],
                         ["CPUID", "EPT_VIOLATION", "MSR_READ", "VMON", "EXCEPTION_NMI", "EPT_MISCONFIG", "PREEMPTION_TIMER"])

    def test_say_what_an_exit_was_about(self) -> None:
        for reason, subject, qualification, said in (
                ("vmread", 0x681E, 0, "VMREAD guest_rip"), ("vmwrite", 0x2011, 0, "VMWRITE tsc_offset.high"),
                ("vmread", 0x7FFE, 0, "VMREAD field 0x7ffe"), ("io_instruction", 0, 0x80 << 16, "IO_INSTRUCTION out 0x80"),
                ("io_instruction", 0, 0x3FD << 16 | 8, "IO_INSTRUCTION in 0x3fd"), ("cr_access", 0, 3, "CR_ACCESS mov to cr3"),
                ("cr_access", 0, 0x10 | 4, "CR_ACCESS mov from cr4"), ("cpuid", 0xD, 0, "CPUID 0xd"),
                ("rdmsr", 0x174, 0, "MSR_READ 0x174"), ("ept_violation", 0x1000, 1, "EPT_VIOLATION 0x1000"), ("hlt", 7, 7, "HLT")):
            self.assertEqual(names.label(reason, subject, qualification), said)

    def test_every_reason_that_is_renamed_is_one_of_the_manuals(self) -> None:
        table = (names.WHY_TABLE.parent / "reasons.def").read_text()
        for reason in names._LINUX_SAYS:
            self.assertTrue(reason == "unnamed" or f"R({reason}, " in table, reason)

    def test_every_why_has_its_meaning_from_the_codes_own_table(self) -> None:
        self.assertEqual(names.meaning("l2_ept02_fill"), "ept02 lacked a translation that ept12 and ept01 have")
        for turn in TURNS:
            self.assertNotEqual(names.meaning(turn.why), turn.why)


class Report(unittest.TestCase):
    def test_has_perf_kvms_columns(self) -> None:
        text = report.table("T", [report.Sample("cpuid", 300), report.Sample("cpuid", 310), report.Sample("hlt", 10)])
        title, _, heading, _, cpuid, hlt, _, total = text.splitlines()
        self.assertEqual(heading, "             VM-EXIT    Samples  Samples%     Time%    Min Time    Max Time         Avg time")
        self.assertEqual(cpuid, "               CPUID          2    66.67%    98.39%         300         310      305.00 ( +-   1.64% )")
        self.assertEqual(hlt.split()[:6], ["HLT", "1", "33.33%", "1.61%", "10", "10"])
        self.assertEqual(total, "Total Samples:3, Total events handled time:620 instructions.")

    def test_is_ordered_by_the_key(self) -> None:
        samples = [report.Sample("cpuid", 1), report.Sample("cpuid", 1), report.Sample("hlt", 9)]
        self.assertEqual([row.event for row in report.rows_of(samples, "sample")], ["CPUID", "HLT"])
        self.assertEqual([row.event for row in report.rows_of(samples, "time")], ["HLT", "CPUID"])

    def test_has_each_level_and_only_the_events_asked_for(self) -> None:
        both, l1 = report.report(TURNS), report.report(TURNS, "L1")
        self.assertIn("Total Samples:4, Total events handled time:1100 instructions.", both)   # L2's exits.
        self.assertIn("Total Samples:2, Total events handled time:1169 instructions.", both)   # Its rounds.
        self.assertIn("Total Samples:5, Total events handled time:790 instructions.", both)    # L1's exits.
        self.assertNotIn("of L2", l1.replace("of L1 or L2", ""))
        self.assertIn("l2_ept02_fill: ept02 lacked a translation", both)
        one = report.report(TURNS, "L2", events=["EPT_Violation"])
        self.assertIn("Total Samples:1, Total events handled time:90 instructions.", one)
        self.assertNotIn("CPUID", one)
        self.assertEqual(report.report(TURNS, "L2", events=["hlt"]),
                         "No exits of L2 for that reason among these turns; there are CPUID, EPT_VIOLATION, EXCEPTION_NMI.\n")
        self.assertEqual(report.report(TURNS[:1], "L2"), "No exits of L2 among these turns.\n")


class Tree(unittest.TestCase):
    def test_of_one_round_has_every_exit_and_sums(self) -> None:
        text = tree.one(rounds(TURNS)[0])
        self.assertIn("round 2: CPUID 0x0 of L2 at rip 0x1008, 2 further exits, 636 instructions until L2 ran again", text)
        self.assertRegex(text, r"(?s)\nL2 CPUID 0x0 +300 +5 +2  reflect: .*L1 runs 13 .*\n├─ L1 VMREAD guest_rip +100 .*L1 runs 3 .*\n└─ L1 VMRESUME +220 ")
        self.assertRegex(text, r"sum of L0 +620 +15 +6  and L1 16\n")

    def test_by_reason_has_the_mean_of_what_was_caused_in_its_order(self) -> None:
        text = tree.by_reason(rounds(TURNS))
        self.assertIn("100.00%  L2 CPUID: 2 rounds, mean 584.5 instructions (L0 570.0, L1 14.5), further exits 1.50", text)
        self.assertRegex(text, r"(?s)├─ +0.50 x L1 VMREAD guest_rip  100.0 each.*└─ +1.00 x L1 VMRESUME  215.0 each")
        self.assertIn("100.00%  L2 CPUID: 1 round, mean 636.0 instructions", tree.by_reason(rounds(TURNS)[:1]))
        self.assertIn("No whole round", tree.by_reason([]))

    def test_the_typical_round_takes_the_median(self) -> None:
        self.assertEqual([each.number for each in tree.typical(rounds(TURNS))], [3])

    def test_may_be_asked_for_by_number_or_reason(self) -> None:
        whole = rounds(TURNS)
        self.assertTrue(command.trees_of(whole, "3").startswith("round 3: CPUID"))
        self.assertIn("round 3: CPUID", command.trees_of(whole, "cpuid"))
        for which in ("99", "hlt"):
            with self.assertRaises(FrontDoorError):
                command.trees_of(whole, which)


class Timeline(unittest.TestCase):
    """The format as Perfetto and chrome://tracing take it, strictly."""

    def setUp(self) -> None:
        self.document = json.loads(json.dumps(timeline.timeline(TURNS, "a test")))
        self.events = self.document["traceEvents"]

    def of(self, phases: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["ph"] in phases]

    def test_has_only_events_with_all_that_their_kind_needs(self) -> None:
        needed = {"M": {"args"}, "X": {"ts", "dur", "cat", "args"}, "s": {"ts", "id", "cat"}, "t": {"ts", "id", "cat"},
                  "f": {"ts", "id", "cat", "bp"}}
        for event in self.events:
            self.assertEqual(set(event), {"ph", "name", "pid", "tid"} | needed[event["ph"]], event)
            for name in ("pid", "tid", "ts", "dur", "id"):
                self.assertTrue(isinstance(event.get(name, 0), int) and event.get(name, 0) >= 0, event)

    def test_names_its_process_and_every_track(self) -> None:
        named = {event["tid"]: event["args"]["name"] for event in self.of("M") if event["name"] == "thread_name"}
        self.assertEqual(set(named), {event["tid"] for event in self.of("Xstf")})
        self.assertEqual([name[:2] for name in named.values()], ["L2", "L1", "L0"])
        process = next(event for event in self.of("M") if event["name"] == "process_name")
        self.assertIn("1 us shown here is 1 tick", process["args"]["name"])
        self.assertEqual({event["tid"] for event in self.events}, set(named))   # Any other would be an empty track.

    def test_shows_l2_above_l1_above_l0_in_both_viewers(self) -> None:
        """Perfetto orders by track number, one that is the process's first; chrome://tracing by the sort index."""
        shown = [timeline.L2, timeline.L1, timeline.L0]
        self.assertEqual(shown, sorted(shown))
        self.assertEqual({event["pid"] for event in self.events}, {timeline.PROCESS})
        self.assertNotIn(timeline.PROCESS, shown)
        indices = {event["tid"]: event["args"]["sort_index"] for event in self.of("M") if event["name"] == "thread_sort_index"}
        self.assertEqual(sorted(indices, key=lambda tid: indices[tid]), shown)

    def test_leaves_the_unit_of_time_to_the_format(self) -> None:
        """Which is microseconds; with displayTimeUnit early versions of Perfetto show a thousand times as much."""
        self.assertEqual(set(self.document), {"traceEvents", "otherData"})

    def test_time_begins_at_0_and_never_goes_back(self) -> None:
        times = [event["ts"] for event in self.of("Xstf")]
        self.assertEqual(times[0], 0)
        self.assertEqual(times, sorted(times))
        self.assertEqual(self.document["otherData"]["tsc at 0"], 997)

    def test_one_level_runs_at_a_time_and_always_one(self) -> None:
        """No two slices overlap, on one track or on two, and together they fill the time between first and last turn."""
        slices = self.of("X")
        for before, after in pairwise(slices):
            self.assertEqual(before["ts"] + before["dur"], after["ts"])
        self.assertEqual(sum(each["dur"] for each in slices), TURNS[-1].end - TURNS[0].begin)

    def test_l0s_slices_are_the_turns(self) -> None:
        own = [event for event in self.of("X") if event["tid"] == timeline.L0 and event["cat"] != "record"]
        self.assertEqual([(e["name"], e["dur"], e["cat"]) for e in own], [(t.label, t.cost, t.room) for t in TURNS])
        self.assertEqual([(e["ts"] + 997, e["args"]["VM-EXIT"]) for e in own], [(t.tsc_exit, t.event) for t in TURNS])
        self.assertEqual(sum(e["args"]["VMREAD"] for e in own), sum(t.vmread for t in TURNS))
        told = own[4]["args"]
        self.assertEqual(told["why"], "l2_ept02_fill: ept02 lacked a translation that ept12 and ept01 have")
        self.assertTrue(told["room"].startswith("compose: "))

    def test_a_levels_slices_are_where_the_turns_entered_it(self) -> None:
        for level, track in ((1, timeline.L1), (2, timeline.L2)):
            own = [event["ts"] + 997 for event in self.of("X") if event["tid"] == track]
            self.assertEqual(own, [t.end for t, after in pairwise(TURNS) if t.level_after == level and t.end < after.begin])

    def test_each_round_is_a_flow_from_l2_through_l0_and_l1_to_l2(self) -> None:
        flows: dict[int, list[dict[str, Any]]] = {}
        for event in self.of("stf"):
            flows.setdefault(event["id"], []).append(event)
        self.assertEqual(sorted(flows), [each.number for each in rounds(TURNS)])
        for stations in flows.values():
            phases = "".join(event["ph"] for event in stations)
            self.assertRegex(phases, "^st*f$")
            for station in stations:
                self.assertTrue(any(s["tid"] == station["tid"] and s["ts"] <= station["ts"] < s["ts"] + s["dur"]
                                    for s in self.of("X")), f"{station} stands in no slice")
        self.assertEqual([event["tid"] for event in flows[3]],
                         [timeline.L2, timeline.L0, timeline.L1, timeline.L0, timeline.L2])
        # Round 2's L2 was left by L0 alone at the very tick at which it began: the flow ends in L0.
        self.assertEqual([event["tid"] for event in flows[2]],
                         [timeline.L2, timeline.L0, timeline.L1, timeline.L0, timeline.L1, timeline.L0])

    def test_of_no_turns_is_a_document(self) -> None:
        self.assertEqual([e["ph"] for e in timeline.timeline([], "x")["traceEvents"] if e["ph"] != "M"], [])


class RecordedTurns(unittest.TestCase):
    """What a boot test asks of them."""

    def test_that_are_as_they_must_be_pass(self) -> None:
        self.assertIsNone(expect_turns.problem({"turns": ROWS}, 2))

    def test_that_are_not_are_told(self) -> None:
        for place, wrong, said in ((3, {"round": 3}, "round 3, expected 2"), (5, {"round": 2}, "round 2, expected 3"),
                                   (2, {"level_before": 2}, "L1 was entered last"), (1, {"room": "l0"}, "room l0 from L2"),
                                   (4, {"tsc_exit": 1860}, "does not follow")):
            broken = [{**each, **(wrong if number == place else {})} for number, each in enumerate(ROWS)]
            self.assertIn(said, expect_turns.problem({"turns": broken}, 0) or "nothing")
        self.assertIn("expected 3 at least", expect_turns.problem({"turns": ROWS}, 3) or "nothing")
        self.assertIsNotNone(expect_turns.problem(None, 0))


class Command(unittest.TestCase):
    def arguments(self, *words: str) -> argparse.Namespace:
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        return parser.parse_args(words)

    def test_op_makes_l1s_command_line(self) -> None:
        self.assertEqual(command.cmdline_of("micro", "out", ""), "mode=rounds op=out level=L2")
        self.assertEqual(command.cmdline_of("micro", "L1 cpuid", ""), "mode=rounds op=cpuid level=L1")
        self.assertEqual(command.cmdline_of("linux-kvm", "out-user", ""), "kurma.mode=probe kurma.op=out-user")
        self.assertEqual(command.cmdline_of("my.elf", None, "a=b"), "a=b")
        for l1, op, cmdline in (("micro", "out", "mode=x"), ("my.elf", "out", ""), ("linux-kvm", "L1 cpuid", ""), ("micro", "L3 x", ""),
                                ("micro", "", ""), ("micro", "L1 ", "")):
            with self.assertRaises(FrontDoorError):
                command.cmdline_of(l1, op, cmdline)

    def test_from_writes_every_file_and_prints_the_report(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            source, out = Path(folder) / "turns.json", Path(folder) / "out"
            source.write_text(json.dumps(ROWS))
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
                self.assertEqual(command.command(self.arguments("--from", str(source), "--out", str(out), "--all")), 0)
            self.assertEqual(sorted(p.name for p in out.iterdir()), ["report.txt", "trace.json", "tree.txt", "turns.json"])
            self.assertEqual(read(out / "turns.json"), without_power_off(TURNS))
            self.assertIn((out / "report.txt").read_text().strip(), printed.getvalue())
            self.assertIn((out / "tree.txt").read_text().strip(), printed.getvalue())

    def test_a_recording_without_turns_says_what_to_do(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "counters.json"
            source.write_text('{"turns": []}')
            with self.assertRaisesRegex(FrontDoorError, "trace=turns"):
                command.command(self.arguments("--from", str(source), "--out", folder))

    def test_every_tree_is_in_the_file_whichever_is_printed(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "turns.json"
            source.write_text(json.dumps(ROWS))
            for which, status in (("3", 0), ("999", 2)):
                printed, out = io.StringIO(), Path(folder) / which
                with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
                    try:
                        ended = command.command(self.arguments("--from", str(source), "--out", str(out), "--tree", which))
                    except FrontDoorError as error:
                        ended = error.status
                self.assertEqual(ended, status)
                self.assertEqual((out / "tree.txt").read_text(), command.trees_of(rounds(TURNS)))
                self.assertEqual(printed.getvalue(), command.trees_of(rounds(TURNS), "3") if which == "3" else "")

    def test_a_boot_that_told_no_turns_ends_as_the_boot_did(self) -> None:
        def no_turns() -> Any:
            raise TurnsError("refused: unknown knob")
        for of_boot, status in ((Status.REFUSED, 6), (Status.TIME_OUT, 3), (Status.POWER_OFF, 2)):
            with self.assertRaises(FrontDoorError) as caught:
                command._or_error(no_turns, of_boot)
            self.assertEqual(caught.exception.status, status)

    def test_words_that_mean_nothing_are_refused_before_anything_boots(self) -> None:
        with tempfile.NamedTemporaryFile() as file:
            for words, said in ((["--event", "vmexit"], "no exit reason is called so"), (["--timeout", "0"], "above 0"),
                                (["--out", file.name], "--out .*: File exists; give a directory"),
                                (["--out", file.name + "/below"], "--out .*: Not a directory; give a directory")):
                with self.assertRaisesRegex(FrontDoorError, said):
                    command.check_arguments(self.arguments(*words))
        command.check_arguments(self.arguments("--event", "MSR_READ", "--event", "rdmsr", "--event", "Unknown"))

    def test_words_that_contradict_are_refused(self) -> None:
        for words in (["--from", "x.json", "--op", "out"], ["linux-kvm", "--from", "x.json"], ["micro", "--set", "trace=off"]):
            with self.assertRaises(FrontDoorError):
                command.command(self.arguments(*words))
