"""Every experiment's folder has its question, and whoever lists the experiments lists all of them."""

import re
import unittest

from harness.experiment import catalogue
from harness.report.results import ORDER


class TheFolders(unittest.TestCase):
    def test_each_has_a_question_that_says_what_may_be_concluded(self) -> None:
        for name in catalogue.names():
            with self.subTest(name):
                self.assertIn("What may be concluded", (catalogue.FOLDER / name / "question.md").read_text())

    def test_each_has_its_row_in_the_readme(self) -> None:
        text = (catalogue.FOLDER / "README.md").read_text()
        part = text.partition("## The experiments\n")[2].partition("\n## ")[0]
        self.assertEqual(sorted(re.findall(r"^\| `([\w-]+)/` \|", part, re.MULTILINE)), catalogue.names())

    def test_each_has_its_place_in_the_report(self) -> None:
        self.assertEqual(sorted(ORDER), catalogue.names())


if __name__ == "__main__":
    unittest.main()
