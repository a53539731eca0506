"""What GRUB is told."""

import struct
import tempfile
import unittest
from pathlib import Path

from harness.errors import FrontDoorError
from harness.image import BootFile, BootPlan, grub_config, kind_of
from harness.l0 import L0
from harness.payload import Choice, check_choice, module_file


class GrubConfig(unittest.TestCase):
    def test_kurma_with_payload_and_modules(self) -> None:
        plan = BootPlan("multiboot", BootFile(Path("k"), "trace=turns"),
                        [BootFile(Path("l1"), "a=b c"), BootFile(Path("m"))])
        self.assertEqual(grub_config(plan).splitlines()[2:],
                         ["multiboot /boot/0 'trace=turns'", "module /boot/1 'a=b' 'c'", "module /boot/2", "boot"])

    def test_linux_on_the_bare_machine(self) -> None:
        plan = BootPlan("linux", BootFile(Path("k"), "quiet"), [BootFile(Path("i")), BootFile(Path("j"))])
        self.assertEqual(grub_config(plan).splitlines()[2:],
                         ["linux /boot/0 'quiet'", "initrd /boot/1 /boot/2", "boot"])

    def test_words_that_mean_something_to_grub_are_quoted(self) -> None:
        plan = BootPlan("multiboot", BootFile(Path("k"), "$x ; it's"))
        self.assertIn("multiboot /boot/0 '$x' ';' 'it'\\''s'", grub_config(plan))

    def test_com1_is_left_to_l1(self) -> None:
        text = grub_config(BootPlan("multiboot", BootFile(Path("k"))))
        self.assertIn("serial --unit=1", text)
        self.assertNotIn("unit=0", text)


class Kinds(unittest.TestCase):
    def setUp(self) -> None:
        self._directory = tempfile.TemporaryDirectory()
        self.addCleanup(self._directory.cleanup)

    def file(self, content: bytes, name: str = "image") -> Path:
        path = Path(self._directory.name, name)
        path.write_bytes(content)
        return path

    def test_multiboot_header_must_be_aligned_and_within_8192_bytes(self) -> None:
        header = struct.pack("<III", 0x1BADB002, 0, 0xE4524FFE)
        self.assertEqual(kind_of(self.file(b"\x7fELF" + bytes(8) + header)), "multiboot")
        self.assertEqual(kind_of(self.file(b"\x7fELF" + bytes(9) + header)), "unknown")
        self.assertEqual(kind_of(self.file(bytes(8180) + header)), "multiboot")
        self.assertEqual(kind_of(self.file(bytes(8184) + header)), "unknown")

    def test_bzimage(self) -> None:
        self.assertEqual(kind_of(self.file(bytes(0x202) + b"HdrS" + bytes(100))), "linux")

    def test_obvious_mistakes_are_told_at_once(self) -> None:
        text = self.file(b"hello\n")
        for l1, words in ((str(text), "neither a Multiboot"), (str(text) + "x", "no L1"),
                          (self._directory.name, "not a file"), (str(self.file(b"", "empty")), "empty")):
            with self.subTest(l1), self.assertRaisesRegex(FrontDoorError, words):
                check_choice(Choice(l1))

    def test_knobs_are_name_and_value(self) -> None:
        for knob in ("trace", "=x", "trace=", "trace=a b"):
            with self.subTest(knob), self.assertRaisesRegex(FrontDoorError, "KNOB=VALUE"):
                check_choice(Choice("micro", knobs=[knob]))
        with self.assertRaisesRegex(FrontDoorError, "--l0 none"):
            check_choice(Choice("micro", l0=L0.NONE, knobs=["trace=off"]))
        check_choice(Choice("micro", knobs=["trace=off"]))

    def test_module_with_and_without_words(self) -> None:
        path = self.file(b"x")
        self.assertEqual(module_file(str(path)), BootFile(path))
        self.assertEqual(module_file(f"{path}=a b=c"), BootFile(path, "a b=c"))
        odd = self.file(b"x", "with=sign")
        self.assertEqual(module_file(str(odd)), BootFile(odd))
        with self.assertRaisesRegex(FrontDoorError, "no file"):
            module_file("/nowhere=words")


if __name__ == "__main__":
    unittest.main()
