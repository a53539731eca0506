"""The report without a browser: numbers, figures that are refused, what of a result is on the page, the drawings."""

import contextlib
import io
import json
import re
import shutil
import tempfile
import unittest
from pathlib import Path
from typing import Any
from unittest import mock

from harness import cli
from harness.errors import Status
from harness.numbers import cell_text, column_text, text, tick
from harness.report import command, draw, inline, results
from harness.report.figures import FigureError, figure_of
from harness.report.html import markup, table, tag
from harness.report.page import IN_CYCLES, LEAD, page
from harness.report.parts import certainty
from harness.report.sheet import DARK, LIGHT, SMALL, width_of, wrapped
from harness.report.tests import samples
from harness.report.tests.samples import bars, lines


class Numbers(unittest.TestCase):
    def test_numbers_are_written_as_people_read_them(self) -> None:
        written = {0: "0", 1234567: "1,234,567", 642.0: "642", 20.17: "20.2", 9.375: "9.38", -3.2: "−3.20",
                   0.00123456: "0.00123", 0.001: "0.001"}
        self.assertEqual({value: text(value) for value in written}, written)

    def test_an_axis_is_brief(self) -> None:
        self.assertEqual([tick(value) for value in (0, 2.5, 1000, 1.2e6, 2e12, -5)],
                         ["0", "2.5", "1,000", "1.2 M", "2 T", "−5"])

    def test_what_was_not_measured_is_a_dash_and_words_stay_words(self) -> None:
        self.assertEqual([cell_text(cell) for cell in (None, "as it is", 3)], ["–", "as it is", "3"])

    def test_points_stand_below_each_other(self) -> None:
        self.assertEqual(column_text([12.5, 100, None, 0.25]), ["12.5\u2007", "100\u2008\u2007\u2007", "–", "0.25"])
        self.assertEqual(column_text([0.00123, 100, 0.25]), ["0.00123", "100\u2008\u2007\u2007", "0.25"])


class Refused(unittest.TestCase):
    def why(self, data: Any) -> str:
        with self.assertRaises(FigureError) as caught:
            figure_of(data)
        return str(caught.exception)

    def test_a_figure_that_has_no_picture_says_why(self) -> None:
        one = {"Kurma": [1]}
        for data, words in ((None, "no figure"),
                            (bars("../up", ["a"], one), "cannot be a file's"),
                            (bars("x", [], {}), "groups are missing"),
                            (bars("x", ["a", "b"], one), "1 values for 2 places"),
                            (bars("x", ["a"], {"Kurma": [None]}), "nothing in it"),
                            (bars("x", ["a"], {"Kurma": ["1"]}), "no number"),
                            (bars("x", ["a"], {"Kurma": [float("nan")]}), "no number"),
                            (bars("x", ["a", "a"], {"Kurma": [1, 2]}), "one name"),
                            ({**bars("x", ["a"], one), "kind": "pie"}, "pie"),
                            (bars("x", ["a"], {str(n): [1] for n in range(7)}), "7 series"),
                            (lines("x", [2, 1], {"a": [1, 2]}), "do not grow"),
                            (lines("x", [1, None], {"a": [1, 2]}), "not all numbers")):
            with self.subTest(words=words):
                self.assertIn(words, self.why(data))

    def test_a_figure_that_would_mislead_says_why(self) -> None:
        for data, words in ((bars("x", ["a"], {"a": [1]}, log=True, stacked=True), "stack"),
                            (bars("x", ["a"], {"a": [-1]}, log=True), "below zero"),
                            (bars("x", ["a"], {"a": [-1]}, stacked=True), "below zero"),
                            (bars("x", ["a"], {"a": [0]}, log=True), "above zero"),
                            (lines("x", [0, 1], {"a": [1, 2]}, log_x=True), "logarithmic")):
            with self.subTest(words=words):
                self.assertIn(words, self.why(data))


class Html(unittest.TestCase):
    def test_words_are_escaped_once_and_markup_is_not(self) -> None:
        self.assertEqual(tag("p", "<&>", tag("b", '"'), title='">'), '<p title="&quot;&gt;">&lt;&amp;&gt;<b>&quot;</b></p>')
        self.assertEqual(markup(["<", tag("i")]), "&lt;\n<i></i>")

    def test_a_column_of_numbers_stands_at_the_right(self) -> None:
        made = table("t", ["operation", "Kurma"], [["cpuid", "out"], [95, None]])
        self.assertIn('<th scope="row">cpuid</th><td class="n">95</td>', made)
        self.assertIn('<td class="n">–</td>', made)

    def test_every_certainty_is_shown_and_an_unknown_one_is_unverified(self) -> None:
        for words, shown, kind in (("read at the source", "read at the source", "sure"),
                                   ("quoted by others", "quoted by others", "quoted"),
                                   ("from memory", "unverified: from memory", "unverified"),
                                   ("surely", "unverified: surely", "unverified"),
                                   (None, "unverified: its certainty is not told", "unverified")):
            self.assertEqual(certainty(words), f'<span class="certainty {kind}">{shown}</span>')


class Pages(unittest.TestCase):
    def made(self, *written: dict[str, Any], experiments: tuple[str, ...] = ()) -> tuple[results.Results, str]:
        with tempfile.TemporaryDirectory() as folder:
            found = results.read(samples.write(Path(folder), *written), experiments)
        drawn = {drawing.stem: {"wide": "<svg></svg>"} for drawing in found.drawings}
        return found, page(found, drawn)

    def test_all_that_a_result_says_is_on_the_page(self) -> None:
        data = samples.result("exit-cost")
        _, text_ = self.made(data)
        for words in (data["title"], data["question"], data["repeat"], "28,233", "quoted by others", "14.5", "9.37",
                      "a73eb59da73e", "2.7+dfsg-4", "6.1.90-1", "1:7.2", "vmcs_access=trap", "1,234,567,890"):
            self.assertIn(words, text_)
        self.assertEqual(text_.count(data["sentence"]), 2, "in the summary and in its section")
        self.assertEqual(text_.count('data-figure="exit-cost-costs"'), 1)

    def test_nothing_of_a_result_becomes_markup(self) -> None:
        _, text_ = self.made(samples.hard("exit-cost"))
        self.assertNotIn("<script", text_)
        self.assertNotIn("<img", text_)
        self.assertIn("&lt;script&gt;", text_)

    def test_the_page_names_no_address(self) -> None:
        _, text_ = self.made(samples.result("exit-cost"))
        self.assertEqual(re.findall(r'(?:src|href)="(?!#|data:,|figures/)[^"]*"|@import|url\((?!#)|https?://', text_), [])

    def test_what_was_not_run_is_named_with_its_command(self) -> None:
        _, text_ = self.made(samples.result("exit-cost"), experiments=("exit-cost", "macro"))
        self.assertEqual(re.findall("not run yet: <code>(.*?)</code>", text_), ["./kurma experiment macro"])

    def test_from_one_exit_to_whole_workloads_and_then_the_others(self) -> None:
        found, _ = self.made(*(samples.result(name) for name in ("another", "macro", "vpid", "exit-cost")))
        self.assertEqual([result.name for result in found.found], ["exit-cost", "macro", "vpid", "another"])

    def test_results_of_two_revisions_are_pointed_out(self) -> None:
        other = samples.result("macro", made_with={"git": {"revision": "f" * 40, "modified": True}})
        _, text_ = self.made(samples.result("exit-cost"), other)
        self.assertIn("more than one revision of Kurma: a73eb59da73e, ffffffffffff, with changes of its own", text_)

    def test_the_page_says_of_what_a_tick_is(self) -> None:
        bochs = samples.result("exit-cost", title="Costs")
        qemu = samples.result("vpid", title="Tags", made_with={"platform": {"name": "qemu"}})
        for written, words in (([bochs], [LEAD]), ([qemu], [IN_CYCLES.format(what="all of this")]),
                               ([bochs, qemu], [LEAD, IN_CYCLES.format(what="Tags")])):
            with self.subTest(len(written)):
                self.assertEqual(re.findall('<p class="lead">(.*?)</p>', self.made(*written)[1]),
                                 [str(markup(text)) for text in words])

    def test_a_figure_that_cannot_be_drawn_is_told_and_the_others_stay(self) -> None:
        figures = [*samples.result("x")["figures"], bars("bad", ["a"], {"a": [-1]}, log=True)]
        found, text_ = self.made(samples.result("exit-cost", figures=figures))
        self.assertEqual(len(found.complaints), 1)
        self.assertIn("cannot be drawn: -1 is below zero", text_)
        self.assertIn('data-figure="exit-cost-costs"', text_)

    def test_two_figures_of_one_name_are_a_fault(self) -> None:
        found, _ = self.made(samples.result("exit-cost", figures=samples.result("x")["figures"] * 2))
        self.assertIn("another figure is named costs", found.complaints[0])

    def test_a_result_that_is_none_is_told(self) -> None:
        for changes in ({"tables": None}, {"sentence": 3}, {"tables": [{"title": "t", "columns": [{}], "rows": [[1, 2]]}]}):
            found, text_ = self.made({**samples.result("exit-cost"), **changes}, experiments=("exit-cost",))
            self.assertEqual((list(found.found), list(found.missing), list(found.unreadable)), ([], [], ["exit-cost"]))
            self.assertIn("cannot be read", text_)


class Drawings(unittest.TestCase):
    def test_the_same_figure_is_the_same_drawing_and_has_no_date(self) -> None:
        figure = figure_of(samples.result("x")["figures"][0])
        first, second = ({key: draw.svg(draw.drawn(figure, style)) for key, style in draw.FILES.items()} for _ in range(2))
        self.assertEqual(first, second)
        self.assertNotIn("<dc:date>", first[""])
        self.assertIn(LIGHT.ink, first[""])
        self.assertIn(DARK.ink, first["-dark"])

    def test_on_the_page_every_colour_has_a_name_and_every_id_its_figure(self) -> None:
        for data in samples.hard("x")["figures"]:
            for drawing in draw.page_drawings(figure_of(data), "stem").values():
                self.assertEqual(re.findall(r"#[0-9a-fA-F]{6}\b", drawing), [])
                self.assertEqual([id_ for id_ in re.findall(r'\bid="([^"]*)"', drawing) if not id_.startswith("stem-")], [])
                self.assertNotIn("<!--", drawing)

    def test_the_page_s_style_has_every_name_that_a_drawing_uses_in_light_and_dark(self) -> None:
        style = (Path(command.__file__).parent / "style.css").read_text()
        dark = style.partition("dark) {")[2].partition("\n}\n")[0]
        for theme, part in ((LIGHT, style.partition("@media")[0]), (DARK, dark)):
            colours = [theme.ink, theme.muted, theme.grid, *theme.series]
            for name, colour in zip(inline.VARIABLES.values(), colours, strict=True):
                self.assertIn(f"{name}: {colour};", part)

    def test_a_colour_without_a_name_is_refused(self) -> None:
        with self.assertRaises(inline.InlineError):
            inline.for_page('<svg viewBox="0 0 10 10"><path style="fill: #123456"/></svg>', "x")

    def test_words_are_broken_to_the_width_that_there_is(self) -> None:
        for words in (samples.LONG, samples.UNBROKEN, samples.HOSTILE, "", "one"):
            for width in (60.0, 200.0):
                lines_ = wrapped(words, SMALL, width)
                self.assertLessEqual(width_of(lines_, SMALL), width)
                self.assertEqual("".join(lines_.split()), "".join(words.split()), "no letter is lost")


class Command(unittest.TestCase):
    def report(self, folder: str, out: str) -> tuple[int, str, str]:
        told, said = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(told), contextlib.redirect_stderr(said), \
                mock.patch("harness.report.command.packages.ensure"), \
                mock.patch("harness.report.command.catalogue.names", return_value=["exit-cost", "macro"]):
            status = cli.main(["report", "--from", folder, "--out", out])
        return status, told.getvalue(), said.getvalue()

    def test_two_reports_of_the_same_results_are_equal_and_have_every_file(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            source = str(samples.write(Path(folder) / "from", samples.result("exit-cost")))
            status, told, _ = self.report(source, f"{folder}/one")
            self.report(source, f"{folder}/two")
            one, two = ({path.relative_to(base): path.read_bytes() for path in base.rglob("*") if path.is_file()}
                        for base in (Path(folder) / "one", Path(folder) / "two"))
        self.assertEqual(status, Status.POWER_OFF)
        self.assertEqual(told, f"1 experiment, 1 figure; not run yet: macro\n{folder}/one/index.html\n")
        self.assertEqual(sorted(map(str, one)), sorted(["index.html", *(f"figures/exit-cost-costs{rest}" for rest in (
            ".svg", ".png", "-dark.svg", "-dark.png"))]))
        self.assertEqual(one, two)

    def test_a_figure_that_is_no_more_loses_its_files_and_no_other_file_is_touched(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            out, source = Path(folder) / "out", Path(folder) / "from"
            self.report(str(samples.write(source, samples.result("exit-cost"), samples.result("macro"))), str(out))
            before = {path.name for path in (out / "figures").iterdir()}
            (out / "figures" / "mine.svg").write_text("<svg/>")
            shutil.rmtree(source / "macro")
            status, _, _ = self.report(str(source), str(out))
            after = {path.name for path in (out / "figures").iterdir()}
        self.assertEqual(status, Status.POWER_OFF)
        self.assertTrue(any(name.startswith("macro") for name in before))
        self.assertEqual(after, {"mine.svg", *(name for name in before if not name.startswith("macro"))})

    def test_a_page_that_names_a_file_elsewhere_does_not_get_it_removed(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            out, source = Path(folder) / "out", Path(folder) / "from"
            out.mkdir()
            (out / "index.html").write_text('<figure data-figure="../mine">')
            (out / "mine.svg").write_text("<svg/>")
            self.report(str(samples.write(source, samples.result("exit-cost"))), str(out))
            self.assertTrue((out / "mine.svg").exists())

    def test_no_result_at_all_says_what_makes_one(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            status, _, said = self.report(folder, f"{folder}/out")
        self.assertEqual(status, Status.USAGE)
        self.assertIn("./kurma experiment all --quick", said)

    def test_a_result_that_cannot_be_read_is_told_and_the_page_has_the_rest(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            source = samples.write(Path(folder) / "from", samples.result("exit-cost"), samples.result("macro"))
            (source / "macro" / "result.json").write_text(json.dumps(samples.result("macro"))[:-9])
            status, told, said = self.report(str(source), f"{folder}/out")
        self.assertEqual(status, Status.TESTS_FAILED)
        self.assertIn("macro", said)
        self.assertIn("1 experiment, 1 figure\n", told)


if __name__ == "__main__":
    unittest.main()
