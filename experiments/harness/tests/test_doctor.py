"""What doctor reads of a machine."""

import tempfile
import unittest
from pathlib import Path

from harness.doctor import has_vmx, nested_parameter


class Reading(unittest.TestCase):
    def written(self, text: str) -> Path:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        path = Path(directory.name, "file")
        path.write_text(text)
        return path

    def test_vmx_is_a_flag_of_its_own(self) -> None:
        self.assertTrue(has_vmx(self.written("processor : 0\nflags : fpu vmx sse\n")))
        self.assertFalse(has_vmx(self.written("flags : fpu novmx sse\nvmx flags : ept\nmodel name : vmx\n")))
        self.assertFalse(has_vmx(Path("/nowhere")))

    def test_nesting_is_on_off_or_absent(self) -> None:
        self.assertEqual(nested_parameter(self.written("Y\n")), "on")
        self.assertEqual(nested_parameter(self.written("1\n")), "on")
        self.assertEqual(nested_parameter(self.written("N\n")), "off")
        self.assertEqual(nested_parameter(Path("/nowhere")), "absent")


if __name__ == "__main__":
    unittest.main()
