"""Keys that leave, and keys that are passed on."""

import os
import tempfile
import unittest
from pathlib import Path

from harness.console import TerminalConsole


class Typing(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.console = TerminalConsole(Path(directory.name))
        self.addCleanup(self.console.close)

    def reached_l1(self) -> bytes:
        return os.read(self.console._slave, 100)

    def test_ordinary_keys_reach_l1_and_control_c_is_one(self) -> None:
        self.assertFalse(self.console.type(b"ls\r\x03"))
        self.assertEqual(self.reached_l1(), b"ls\r\x03")

    def test_leaving(self) -> None:
        self.assertTrue(self.console.type(b"\x1d"))
        self.assertTrue(self.console.type(b"\x01x"))
        self.assertFalse(self.console.type(b"\x01"))
        self.assertTrue(self.console.type(b"x"))

    def test_control_a_twice_sends_one(self) -> None:
        self.assertFalse(self.console.type(b"\x01\x01"))
        self.assertEqual(self.reached_l1(), b"\x01")


if __name__ == "__main__":
    unittest.main()
