"""`./kurma bench`: which rooms there are, what is passed on, what counts as wrong."""

import argparse
import tempfile
import unittest
from pathlib import Path

from harness import packages
from harness.bench_command import Table, complaints, expected_rooms, rooms, split, words_for
from harness.cli import parser
from harness.errors import FrontDoorError
from harness.paths import BENCH

ROOMS_OF_THE_PATH = {"route", "decode", "check", "merge", "reflect", "walk", "compose", "resolve"}


def arguments(*words: str, **options: object) -> argparse.Namespace:
    return argparse.Namespace(**{"rooms": [word for word in words if not word.startswith("-")],
                                 "after": [word for word in words if word.startswith("-")], "counters": None, "json": None, "repetitions": None, **options})


class Rooms(unittest.TestCase):
    def test_each_room_of_the_path_has_a_file_that_says_what_it_measures(self) -> None:
        self.assertLessEqual(ROOMS_OF_THE_PATH, set(rooms()))

    def test_each_file_is_built(self) -> None:
        sources = (BENCH / "CMakeLists.txt").read_text()
        for room in rooms():
            self.assertIn(f"  {room}.cpp\n", sources)

    def test_a_file_that_does_not_say_what_it_measures_is_an_error(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "silent.cpp").write_text("#include <x>\n")
            with self.assertRaisesRegex(FrontDoorError, "silent.cpp"):
                rooms(Path(folder))

    def test_packages_are_those_of_the_benches_own_list(self) -> None:
        self.assertEqual(set(packages.bench()), {"libbenchmark-dev", "libpfm4-dev"})


class Words(unittest.TestCase):
    def test_rooms_become_one_filter(self) -> None:
        self.assertEqual(words_for(arguments("merge", "walk"), rooms()), ["--benchmark_filter=^(merge|walk)/"])

    def test_all_options_reach_the_program(self) -> None:
        given = arguments("--benchmark_min_time=2", counters="cycles", repetitions=3)
        self.assertEqual(words_for(given, rooms()),
                         ["--counters=cycles", "--benchmark_repetitions=3", "--benchmark_min_time=2"])

    def test_what_stands_after_the_dashes_is_the_programs_wherever_options_stand(self) -> None:
        own, after = split(["bench", "merge", "--json", "x", "--", "--benchmark_min_time=1"])
        given = parser().parse_args(own)
        self.assertEqual((given.rooms, after), (["merge"], ["--benchmark_min_time=1"]))
        self.assertEqual(split(["test", "--", "-R", "x"]), (["test", "--", "-R", "x"], []))

    def test_what_cannot_be_is_refused(self) -> None:
        for given in (arguments("garden"), arguments(repetitions=0), arguments("merge", "--benchmark_filter=x"),
                      arguments("--benchmark_out=x"), arguments(json=Path("/no/such/place/x.json"))):
            with self.subTest(given), self.assertRaises(FrontDoorError):
                words_for(given, rooms())


class Output(unittest.TestCase):
    def shown(self, *lines: str) -> list[str]:
        seen: list[str] = []
        table = Table({"merge": "from here to there", "walk": "down"}, seen.append)
        for line in lines:
            table.line(line)
        return seen

    def test_one_line_stands_before_each_room(self) -> None:
        self.assertEqual(self.shown("merge/a 1 ns", "merge/b 2 ns", "walk/c 3 ns"),
                         ["\nmerge: from here to there", "merge/a 1 ns", "merge/b 2 ns", "\nwalk: down", "walk/c 3 ns"])

    def test_missing_hardware_counters_are_said_aloud(self) -> None:
        line, = self.shown("hardware counters: none: cycles: perf_event_open: No such file or directory")
        self.assertIn("NO HARDWARE COUNTERS", line)
        self.assertIn("cycles: perf_event_open", line)

    def test_counters_that_are_there_are_passed_on(self) -> None:
        self.assertEqual(self.shown("hardware counters: cycles: counted, user mode"),
                         ["hardware counters: cycles: counted, user mode"])


class Complaints(unittest.TestCase):
    row = {"name": "merge/a", "run_type": "iteration", "cpu_time": 1.5}

    def test_a_good_run_has_none(self) -> None:
        self.assertEqual(complaints([self.row], ["merge"]), [])

    def test_a_room_without_rows_a_row_without_time_and_a_failed_row_are_named(self) -> None:
        broken = [{**self.row, "cpu_time": 0.0}, {**self.row, "name": "merge/b", "error_occurred": True}]
        found = complaints(broken, ["merge", "walk"])
        self.assertEqual([line.partition(":")[0] for line in found], ["merge/a", "merge/b", "walk"])

    def test_a_filter_of_the_users_own_may_leave_rooms_out(self) -> None:
        self.assertEqual(expected_rooms([], ["--benchmark_filter=x"], ["merge", "walk"]), [])
        self.assertEqual(expected_rooms(["merge"], ["--benchmark_min_time=1"], ["merge", "walk"]), ["merge"])
        self.assertEqual(expected_rooms([], [], ["merge", "walk"]), ["merge", "walk"])


if __name__ == "__main__":
    unittest.main()
