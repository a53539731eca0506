"""Fuzz targets: what there is, and what a run of libFuzzer has said."""

import re
import unittest

from harness.fuzz_target import kept, progress, targets, verdict

STARTED = """\
INFO: Seed: 1
INFO: seed corpus: files: 27 min: 1b max: 220b total: 2738b rss: 38Mb
#28\tINITED cov: 1020 ft: 3000 corp: 27/2738b exec/s: 0 rss: 45Mb
#4096\tpulse  cov: 1028 ft: 4700 corp: 350/30Kb lim: 223 exec/s: 4096 rss: 90Mb
"""
ENDED = STARTED + "#5000\tDONE   cov: 1031 ft: 4874 corp: 402/40Kb\nDone 5000 runs in 1 second(s)\n"


class Targets(unittest.TestCase):
    def test_each_has_a_corpus_words_and_a_line_in_cmake(self) -> None:
        self.assertTrue(targets())
        for name, target in targets().items():
            with self.subTest(name):
                self.assertTrue(target.seeds)
                self.assertGreater(len(target.about.split()), 5)
                registered = (target.source.parent / "CMakeLists.txt").read_text()
                self.assertRegex(registered, re.compile(rf"^kurma_fuzz_target\({name} \d+ ", re.MULTILINE))

    def test_corpora_stay_small(self) -> None:
        seeds = [path for target in targets().values() for path in target.seeds]
        self.assertLess(len(seeds), 241)
        self.assertLess(sum(path.stat().st_size for path in seeds), 300 * 1024)


class Said(unittest.TestCase):
    def test_progress_is_the_last_pulse_or_the_end(self) -> None:
        self.assertEqual(progress("INFO: Seed: 1\n"), "starts")
        self.assertEqual(progress(STARTED), "4,096 executions, coverage 1028")
        self.assertEqual(progress(ENDED), "5,000 executions, coverage 1031")

    def test_a_run_that_did_all_it_was_told_to_is_right(self) -> None:
        self.assertIsNone(verdict(0, ENDED, 5000, 27))
        self.assertIsNone(verdict(0, ENDED, None, None))

    def test_a_status_is_a_finding(self) -> None:
        self.assertIn("77", verdict(77, STARTED, None, None) or "")

    def test_what_was_kept_is_read_from_the_log(self) -> None:
        self.assertEqual(kept(STARTED), [])
        text = "SUMMARY: libFuzzer: deadly signal\nartifact_prefix='/a b/'; Test unit written to /a b/crash-12\nBase64: AA==\n"
        self.assertEqual([str(path) for path in kept(text)], ["/a b/crash-12"])

    def test_a_run_that_did_less_is_wrong(self) -> None:
        self.assertIn("5000 of 5001", verdict(0, ENDED, 5001, 27) or "")
        self.assertIn("27 of 28", verdict(0, ENDED, 5000, 28) or "")
        self.assertIn("none of 27", verdict(0, "Done 5000 runs in 1 second(s)\n", 5000, 27) or "")
        self.assertIsNotNone(verdict(0, STARTED, None, None))


if __name__ == "__main__":
    unittest.main()
