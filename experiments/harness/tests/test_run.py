"""Verdicts: from what L0 and Bochs said to the exit status."""

import tempfile
import unittest
from pathlib import Path

from harness.errors import Status
from harness.l0 import L0
from harness.l0log import L0Log
from harness.platform_bochs import Ending, LastWords, Machine, bochsrc, cmos, last_words
from harness.verdict import verdict


def said(*lines: str) -> L0Log:
    log = L0Log()
    log.feed("".join(f"kurma: {line}\n" for line in lines).encode())
    return log


OFF = LastWords(Ending.SHUTDOWN_PORT, 1, "off")


class Verdicts(unittest.TestCase):
    def test_each_cause_of_l0_has_its_status(self) -> None:
        for cause, status in (("power-off", 0), ("reset", 7), ("l1-death", 4), ("panic", 5), ("refused", 6)):
            with self.subTest(cause):
                self.assertEqual(verdict(L0.KURMA, said(f"end {cause}"), OFF, None)[0], status)

    def test_an_unknown_cause_is_no_success(self) -> None:
        self.assertEqual(verdict(L0.KURMA, said("end something"), OFF, None)[0], Status.L0_PANIC)

    def test_a_refusal_is_told_in_l0s_words(self) -> None:
        log = said("refused: no EPT", "end refused")
        self.assertEqual(verdict(L0.KURMA, log, OFF, None), (Status.REFUSED, "refused: no EPT"))

    def test_under_kurma_an_end_without_l0s_word_is_death(self) -> None:
        self.assertEqual(verdict(L0.KURMA, said("up"), OFF, None)[0], Status.L1_DEATH)

    def test_bare_each_ending_has_its_status(self) -> None:
        for ending, status in ((Ending.SHUTDOWN_PORT, 0), (Ending.SOFT_OFF, 0), (Ending.RESET, 7),
                               (Ending.TRIPLE_FAULT, 4), (Ending.OTHER, 4), (Ending.LOADER_FAILED, 2),
                               (Ending.NEVER_STARTED, 2)):
            with self.subTest(ending):
                self.assertEqual(verdict(L0.NONE, said(), LastWords(ending, 1, ""), None)[0], status)

    def test_what_l1_writes_about_ends_counts_for_nothing_on_the_bare_machine(self) -> None:
        words = LastWords(Ending.TRIPLE_FAULT, 1, "")
        self.assertEqual(verdict(L0.NONE, said("end power-off"), words, None)[0], Status.L1_DEATH)

    def test_a_time_out_is_one_unless_l0_has_said_its_end(self) -> None:
        self.assertEqual(verdict(L0.KURMA, said("up"), OFF, Status.TIME_OUT)[0], Status.TIME_OUT)
        self.assertEqual(verdict(L0.KURMA, said("end panic"), OFF, Status.TIME_OUT)[0], Status.L0_PANIC)


class BochsLog(unittest.TestCase):
    def read(self, log: str) -> LastWords:
        with tempfile.TemporaryDirectory() as name:
            Path(name, "bochs.log").write_text(log)
            return last_words(Path(name))

    def test_the_last_panic_line_tells_the_end_and_its_tick(self) -> None:
        words = self.read("00000000000i[SYS   ] bx_pc_system_c::Reset(HARDWARE) called\n"
                          "00217223106p[CPU0  ] >>PANIC<< exception(): 3rd (13) exception with no resolution\n")
        self.assertEqual((words.ending, words.tick), (Ending.TRIPLE_FAULT, 217223106))

    def test_switching_off(self) -> None:
        self.assertEqual(self.read("00000000009p[UNMAP ] >>PANIC<< Shutdown port: shutdown requested\n").ending,
                         Ending.SHUTDOWN_PORT)
        self.assertEqual(self.read("00000000009p[ACPI  ] >>PANIC<< ACPI control: soft power off\n").ending,
                         Ending.SOFT_OFF)

    def test_a_log_without_a_reset_means_that_it_never_started(self) -> None:
        self.assertEqual(self.read("00000000000i[      ] hello\n").ending, Ending.NEVER_STARTED)
        self.assertEqual(self.read("00000000000i[SYS   ] bx_pc_system_c::Reset(HARDWARE) called\n").ending,
                         Ending.OTHER)


class Configuration(unittest.TestCase):
    def test_nothing_depends_on_the_hosts_time(self) -> None:
        text = bochsrc(Machine(), Path("/x/boot.iso"), "mode=null")
        self.assertIn("clock: sync=none, time0=1000000000", text)
        self.assertEqual(text, bochsrc(Machine(), Path("/y/boot.iso"), "mode=null"))

    def test_memory_above_bochs_limit_is_not_asked_of_the_host(self) -> None:
        self.assertIn("memory: guest=3072, host=2048", bochsrc(Machine(memory_mib=3072), Path("i"), "mode=null"))

    def test_cmos_tells_the_memory_as_bochs_does(self) -> None:
        # Read from a machine whose CMOS Bochs filled itself, at 1024 MiB: 17h, 18h, 30h, 31h, 34h, 35h, 2Eh, 2Fh.
        registers = cmos(1024)
        self.assertEqual([registers[at] for at in (0x17, 0x18, 0x30, 0x31, 0x34, 0x35, 0x2E, 0x2F)],
                         [0x00, 0xFC, 0x00, 0xFC, 0x00, 0x3F, 0x01, 0xC5])
        self.assertEqual(cmos(3584)[0x34:0x36], b"\x00\xbf")
        self.assertEqual(len(registers), 128)


if __name__ == "__main__":
    unittest.main()
