"""L2's walk through fresh memory: micro's lines, the boots, the table."""

import unittest

from harness import memory
from harness.costs import COUNTS
from harness.errors import FrontDoorError
from harness.l0 import L0
from harness.memory import MemoryLineError, parse
from harness.memory_command import boots, walks_of


def line(leaf: str = "4k", mapped: str = "before", pages: int = 100, ticks: int = 33300, **counts: int) -> str:
    words = "".join(f" {name}={counts.get(name, 0)}" for name in COUNTS) if counts else ""
    return f"memory l1=micro leaf={leaf} mapped={mapped} pages={pages} ticks={ticks} min=1 max=900{words}\r\n"


class Lines(unittest.TestCase):
    def test_a_walk_is_told_per_page(self) -> None:
        walk, = parse(line(exits=50).encode())
        self.assertEqual((walk.kind, walk.ticks_per_page, walk.exits_per_page), (("4k", "before"), 333.0, 0.5))
        self.assertEqual(memory.cell(walk), "333.0 (0.500)")

    def test_who_does_not_count_exits_has_none(self) -> None:
        walk, = parse(line().encode())
        self.assertIsNone(walk.exits_per_page)
        self.assertEqual(memory.cell(walk), "333.0")

    def test_a_broken_line_is_an_error(self) -> None:
        for broken in (line().replace("ticks=33300 ", ""), line(leaf="1g"), line(mapped="never"), line(pages=0),
                       line(exits=1).replace(" invept=0", "")):
            with self.subTest(broken), self.assertRaises(MemoryLineError):
                parse(broken.encode())

    def test_a_kind_that_is_missing_ends_the_command(self) -> None:
        every = "".join(line(*kind) for kind in memory.KINDS)
        self.assertEqual(len(walks_of("x", every.encode())), 4)
        with self.assertRaises(FrontDoorError):
            walks_of("x", every[: every.rindex("memory")].encode())


class Boots(unittest.TestCase):
    def test_are_every_combination_and_both_kinds_of_kvm(self) -> None:
        made = boots("model", 512, [1, 16], quick=False)
        self.assertEqual(len(made), 2 * 2 * 2 + 2)
        self.assertEqual(len({setup.name for setup in made}), len(made))
        self.assertEqual(len({setup.knobs for setup in made}), len(made))
        self.assertEqual({setup.choice.cmdline for setup in made}, {"mode=memory pages=512"})
        self.assertEqual(sum(setup.l0 is L0.KVM for setup in made), 2)

    def test_quick_is_without_kvm(self) -> None:
        self.assertTrue(all(setup.l0 is L0.KURMA for setup in boots("model", 512, [1], quick=True)))


class Tables(unittest.TestCase):
    def test_a_line_for_each_boot_and_a_column_for_each_kind(self) -> None:
        walks = parse("".join(line(*kind, exits=3) for kind in memory.KINDS).encode())
        text = memory.as_text({"Kurma x": walks, "KVM": walks[:1]}).splitlines()
        self.assertEqual(len(text), 4)
        self.assertEqual(text[2].count("333.0 (0.030)"), 4)
        self.assertEqual(text[3].split(), ["KVM", "333.0", "(0.030)"])


if __name__ == "__main__":
    unittest.main()
