"""A guest's own lines among those of L0 and of Bochs."""

import unittest

from harness.guestlog import GuestLog
from harness.l0log import L0Log

# As Bochs's standard output really reads.
STREAM = b"""========================================================================
                        Bochs x86 Emulator 2.7
========================================================================
Next at t=0
(0) [0x0000fffffff0] f000:fff0 (unk. ctxt): jmpf 0xf000:e05b          ; ea5be000f0
kurma: Kurma at 0x3de00000, 32 MiB kept
case capabilities/msr-0x480: 0xd810000000002b

kurma: a word between
case injection/nmi: exit reason=0 (of 2) [0x1]
conformance: end
kurma: json-begin
{"turns": 3}
kurma: json-end
kurma: end power-off
(0).[73847672] [0x00003de31efa] 0008:0000000000131efa (unk. ctxt): out dx, al                ; ee
"""
GUEST = ["case capabilities/msr-0x480: 0xd810000000002b", "", "case injection/nmi: exit reason=0 (of 2) [0x1]",
         "conformance: end"]


def guest_lines(stream: bytes) -> list[str]:
    guest = GuestLog()
    log = L0Log(on_other=guest.feed)
    log.feed(stream)
    log.close()
    return guest.lines


class Reading(unittest.TestCase):
    def test_keeps_only_the_guests_lines(self) -> None:
        self.assertEqual(guest_lines(STREAM), GUEST)

    def test_what_stands_before_the_machine_starts_is_bochss(self) -> None:
        self.assertEqual(guest_lines(STREAM.split(b"Next at")[0]), [])

    def test_a_guest_that_stops_within_a_line_keeps_what_it_wrote(self) -> None:
        cut = STREAM.split(b" reason=0")[0] + b"(0).[681] [0x000000101a60] 0008:0000000000101a60 (unk. ctxt): hlt ; f4\n"
        self.assertEqual(guest_lines(cut)[-1], "case injection/nmi: exit")

    def test_a_callback_hears_each_line(self) -> None:
        heard: list[str] = []
        log = L0Log(on_other=GuestLog(heard.append).feed)
        for at in range(len(STREAM)):
            log.feed(STREAM[at:at + 1])
        self.assertEqual(heard, GUEST)


if __name__ == "__main__":
    unittest.main()
