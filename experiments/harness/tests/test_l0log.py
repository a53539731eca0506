"""L0's words among the platform's."""

import unittest

from harness.l0log import L0Log

STREAM = b"""Bochs says things
(0) [0x0000fffffff0] f000:fff0 (unk. ctxt): jmpf 0xf000:e05b
kurma: L0 is up
kurma: json-begin
{"turns": 3,
 "text": "kurma"}
kurma: json-end
not Kurma's
kurma: end power-off
"""


class Reading(unittest.TestCase):
    def test_keeps_only_l0s_lines(self) -> None:
        log = L0Log()
        log.feed(STREAM)
        self.assertEqual(len(log.lines), 6)
        self.assertEqual(log.cause, "power-off")
        self.assertEqual(log.counters(), {"turns": 3, "text": "kurma"})

    def test_bytes_may_come_one_by_one(self) -> None:
        log = L0Log()
        for at in range(len(STREAM)):
            log.feed(STREAM[at:at + 1])
        self.assertEqual(log.cause, "power-off")
        self.assertEqual(log.counters()["turns"], 3)

    def test_a_last_line_without_its_end_counts(self) -> None:
        log = L0Log()
        log.feed(b"kurma: refused: no VMX\nkurma: end refused")
        self.assertIsNone(log.cause)
        log.close()
        self.assertEqual(log.cause, "refused")
        self.assertEqual(log.refusals, ["kurma: refused: no VMX"])

    def test_without_json_there_are_no_counters(self) -> None:
        self.assertIsNone(L0Log().counters())

    def test_broken_json_is_an_error(self) -> None:
        log = L0Log()
        log.feed(b"kurma: json-begin\n{\nkurma: json-end\n")
        with self.assertRaises(ValueError):
            log.counters()

    def test_json_that_a_death_cut_off_does_not_hide_the_end(self) -> None:
        log = L0Log()
        log.feed(b"kurma: json-begin\n{\nkurma: end panic\n")
        self.assertEqual(log.cause, "panic")
        self.assertIsNone(log.counters())


if __name__ == "__main__":
    unittest.main()
