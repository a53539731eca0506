"""The page in a real browser: every figure is there, nothing overflows, nothing is asked for; wrong pages are found."""

from __future__ import annotations

import tempfile
import unittest
from collections.abc import Callable
from pathlib import Path

from harness.report import command, results
from harness.report.tests import samples
from harness.report.tests.browser import CONSOLE, MISSING, REQUEST, TWICE, Browser

PIXEL = "http://127.0.0.1:9/pixel.png"


class InABrowser(unittest.TestCase):
    """One browser for all, and two pages: one like a real one, one with all that is hard to show."""

    browser: Browser

    @classmethod
    def setUpClass(cls) -> None:
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        cls.real, cls.real_stems = cls.page_of("real", samples.result("exit-cost"))
        cls.hard, cls.hard_stems = cls.page_of("hard", samples.result("exit-cost"), samples.hard("zz-hard"))
        cls.browser = cls.enterClassContext(Browser())

    @classmethod
    def page_of(cls, name: str, *written: dict[str, object]) -> tuple[Path, list[str]]:
        found = results.read(samples.write(cls.folder / name, *written), ["exit-cost", "never-run"])
        stems = [drawing.stem for drawing in found.drawings]
        drawn = sum(len(one["figures"]) for one in written)  # type: ignore[arg-type, misc]
        assert not found.complaints and len(stems) == drawn, found.complaints
        return command.write(found, cls.folder / name / "page"), stems

    def changed(self, change: Callable[[str], str]) -> set[str]:
        """What the browser finds wrong with the real page after it was changed."""
        text = self.real.read_text(encoding="utf-8")
        other = change(text)
        self.assertNotEqual(other, text, "the change changes nothing")
        page = self.real.with_name("changed.html")
        page.write_text(other, encoding="utf-8")
        return {fault.what for fault in self.browser.faults(page, self.real_stems)}

    def with_style(self, rule: str) -> set[str]:
        return self.changed(lambda text: text.replace("</style>", rule + "</style>"))

    def test_nothing_is_wrong_with_a_real_page(self) -> None:
        self.assertEqual(self.browser.faults(self.real, self.real_stems), [])

    def test_nothing_is_wrong_with_what_is_hard_to_show(self) -> None:
        self.assertEqual(self.browser.faults(self.hard, self.hard_stems), [])

    def test_on_paper_it_is_light_and_whole(self) -> None:
        seen = self.browser.on_paper(self.hard)
        self.assertEqual((seen["paper"], seen["ink"]), ("rgb(255, 255, 255)", "rgb(29, 34, 38)"))
        self.assertEqual(len(seen["details"]), 2)
        self.assertTrue(all(height > 20 for height in seen["details"]), seen["details"])
        self.assertTrue(seen["unsplit"])
        self.assertEqual(seen["drawings"], [1] * len(self.hard_stems))

    def test_a_figure_that_is_gone_is_missed(self) -> None:
        self.assertIn(MISSING, self.changed(lambda text: text.replace("<figure", "<div").replace("</figure", "</div")))

    def test_a_figure_that_is_hidden_in_dark_alone_is_missed(self) -> None:
        self.assertEqual(self.with_style("@media (prefers-color-scheme: dark) { .picture { visibility: hidden } }"),
                         {MISSING})

    def test_a_figure_of_no_height_is_missed(self) -> None:
        self.assertIn(MISSING, self.with_style(".picture svg { height: 0 }"))

    def test_both_drawings_at_once_are_one_too_many(self) -> None:
        self.assertIn(TWICE, self.with_style(".wide, .narrow { display: block !important }"))

    def test_a_page_that_overflows_is_found(self) -> None:
        self.assertIn("the page overflows", self.with_style("footer { width: 90rem }"))

    def test_a_table_that_does_not_scroll_is_found(self) -> None:
        self.assertIn("a table's box does not scroll", self.with_style(".scroll { overflow: visible }"))

    def test_what_is_cut_off_at_the_edge_is_found(self) -> None:
        self.assertIn("an element sticks out of the page",
                      self.with_style("html { overflow: hidden } footer { width: 90rem }"))

    def test_a_figure_that_is_wider_than_its_box_is_found(self) -> None:
        self.assertIn("a figure is wider than its box",
                      self.with_style(".picture svg { width: 110%; max-width: none !important }"))

    def test_letters_outside_of_their_figure_are_found(self) -> None:
        self.assertIn("letters outside of their figure",
                      self.with_style("g[id*='-text_'] { transform: translate(-60px, 0) }"))

    def test_letters_upon_letters_are_found(self) -> None:
        found = self.with_style("g[id*='-wide-text_'] > g { transform: translate(300px, 100px) scale(.1, -.1) }")
        self.assertIn("letters upon letters", found)

    def test_letters_that_are_too_small_are_found(self) -> None:
        self.assertIn("a figure's letters are too small",
                      self.with_style(".wide { display: block !important } .narrow { display: none !important }"))

    def test_colours_of_the_light_page_in_the_dark_are_found(self) -> None:
        self.assertIn("letters hard to tell from the paper",
                      self.with_style("g { --figure-ink: #1d2226; --figure-muted: #1d2226 }"))

    def test_a_value_of_a_paper_without_its_certainty_is_found(self) -> None:
        self.assertIn("a paper's value without its certainty",
                      self.changed(lambda text: text.replace('class="certainty quoted"', "")))
        self.assertIn("a paper's value without its certainty", self.with_style(".certainty { display: none }"))

    def test_a_request_is_found(self) -> None:
        def without_policy(text: str) -> str:
            return text.replace("Content-Security-Policy", "X-None").replace("<main>", f'<main><img src="{PIXEL}" alt="">')
        self.assertIn(REQUEST, self.changed(without_policy))

    def test_a_script_is_stopped_by_the_policy_and_that_is_found(self) -> None:
        self.assertIn(CONSOLE, self.changed(
            lambda text: text.replace("<main>", "<main><script>document.title = ''</script>")))

    def test_two_things_of_one_id_are_found(self) -> None:
        self.assertIn("two things of one id", self.changed(lambda text: text.replace("-narrow-figure_1", "-wide-figure_1")))


if __name__ == "__main__":
    unittest.main()
