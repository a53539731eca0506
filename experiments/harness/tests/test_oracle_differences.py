"""The written list of deliberate differences: exact, short, and it may only shrink."""

import tempfile
import unittest
from pathlib import Path

from harness.errors import FrontDoorError
from harness.oracle.answers import NO_SUCH_CASE, Difference
from harness.oracle.differences import LIST, DifferenceList, load, shown_list
from harness.paths import ROOT

ENTRY = """
[[difference]]
cases = ["cpuid/leaf-0x4*"]
models = ["corei7_*"]
bare = 'eax=0x[0-9a-f]+'
kurma = '.*KurmaKurmaKu'
reason = "Kurma says who it is."
"""
OF_RANDOM_CASES = """
[[difference]]
cases = ["random/*"]
reason = "Nobody knows."
"""
COVERED = Difference("cpuid/leaf-0x40000000", "eax=0x7", "eax=0x1 KurmaKurmaKu")


def written(text: str) -> DifferenceList:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "differences.toml")
        path.write_text(text)
        return load(path)


class Covering(unittest.TestCase):
    def test_case_model_and_both_answers_must_fit(self) -> None:
        differences = written("at_most = 1\n" + ENTRY)
        self.assertEqual(differences.reason("corei7_skylake_x", COVERED), "Kurma says who it is.")
        for model, other in (("corei5_arrandale_m520", COVERED),
                             ("corei7_skylake_x", Difference("cpuid/leaf-0x1", COVERED.bare, COVERED.kurma)),
                             ("corei7_skylake_x", Difference(COVERED.case, "eax=0x7 ebx", COVERED.kurma)),
                             ("corei7_skylake_x", Difference(COVERED.case, COVERED.bare, "KurmaKurmaKu?"))):
            with self.subTest(other):
                self.assertIsNone(differences.reason(model, other))

    def test_that_a_side_lacks_the_case_must_be_written(self) -> None:
        anything = 'at_most = 1\n[[difference]]\ncases = ["a/*"]\nreason = "Because."\n'
        missing = Difference("a/x", "1", NO_SUCH_CASE)
        self.assertIsNone(written(anything).reason("m", missing))
        self.assertEqual(written(anything + "kurma = '\\(no such case\\)'\n").reason("m", missing), "Because.")

    def test_an_entry_that_nothing_used_is_told(self) -> None:
        differences = written("at_most = 2\n" + ENTRY + OF_RANDOM_CASES)
        self.assertEqual([entry.reason for entry in differences.unused()], ["Kurma says who it is."])
        differences.reason("corei7_skylake_x", COVERED)
        self.assertEqual(differences.unused(), [])


class Writing(unittest.TestCase):
    def test_a_list_that_grew_or_says_a_wrong_number_is_refused(self) -> None:
        for text, word in (("at_most = 0\n" + ENTRY, "may only shrink"), ("at_most = 2\n" + ENTRY, "write at_most = 1"),
                           (ENTRY, "at_most = N is missing")):
            with self.subTest(word), self.assertRaisesRegex(FrontDoorError, word):
                written(text)

    def test_an_entry_that_is_not_exact_is_refused(self) -> None:
        for good, bad, word in (("cases =", "case =", "case is none of"), ('["cpuid/leaf-0x4*"]', '"cpuid"', "must be a list"),
                                ("who it is.", "who", "must be a sentence"), ("'.*Kurma", "'(Kurma", "no regular expression"),
                                ("[[difference]]", "[[differences]]", "only at_most and")):
            with self.subTest(word), self.assertRaisesRegex(FrontDoorError, word):
                written("at_most = 1\n" + ENTRY.replace(good, bad))


class Projects(unittest.TestCase):
    def test_its_list_is_well_formed(self) -> None:
        # `load` also refuses a list whose head does not say how many entries it has: growth is visible in a diff.
        self.assertIn("| cases | models |", shown_list(load()))

    def test_readme_gives_the_reason_of_each_entry(self) -> None:
        readme = " ".join((ROOT / "README.md").read_text().split())
        for entry in load(LIST).entries:
            with self.subTest(entry.cases):
                self.assertIn(entry.reason, readme, "README lists them as `./kurma oracle --differences` prints them")


if __name__ == "__main__":
    unittest.main()
