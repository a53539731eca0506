"""Linux KVM as L0: L1's machine, and the words that its keeper finds."""

import contextlib
import io
import unittest
from pathlib import Path

from harness import cli
from harness.errors import Status
from harness.image import BootFile
from harness.l0 import L0
from harness.l0_kvm import qemu_arguments, root_files
from harness.l0log import L0Log
from harness.payload import Choice, knobs_and_parameters


class Arguments(unittest.TestCase):
    def value(self, words: list[str], option: str) -> str:
        return words[words.index(option) + 1]

    def test_l1_gets_the_memory_and_the_command_line_that_were_told(self) -> None:
        words = qemu_arguments("mode=test case=a,b", [], False, 768)
        self.assertEqual(self.value(words, "-m"), "768")
        self.assertEqual(self.value(words, "-append"), "mode=test case=a,b")
        self.assertNotIn("-initrd", words)

    def test_multiboot_modules_keep_their_words_and_their_commas(self) -> None:
        words = qemu_arguments("", ["", "a=1,2 b"], False, 64)
        self.assertEqual(self.value(words, "-initrd"), "/l1/module-1,/l1/module-2 a=1,,2 b")

    def test_a_linux_gets_its_initrd_without_words(self) -> None:
        self.assertEqual(self.value(qemu_arguments("x", ["words"], True, 64), "-initrd"), "/l1/module-1")

    def test_a_linux_has_one_serial_port_since_acpi_would_tell_it_of_the_others(self) -> None:
        for is_linux, ports in ((True, ["0x3f8"]), (False, ["0x3f8", "0xe9", "0x8900"])):
            words = qemu_arguments("", [], is_linux, 64)
            found = [word.split(",")[1].removeprefix("iobase=") for word in words if word.startswith("isa-serial,")]
            self.assertEqual(found, ports)

    def test_l1_and_the_lists_of_words_are_files_of_the_root_image(self) -> None:
        files = root_files(BootFile(Path("/a/l1.elf"), "words"), [BootFile(Path("/a/data"))], False,
                           ["enable_shadow_vmcs=0"], 64)
        self.assertEqual(files["l1/kernel"], Path("/a/l1.elf"))
        self.assertEqual(files["l1/module-1"], Path("/a/data"))
        self.assertEqual(files["l1/kvm_intel"], "nested=1\nenable_shadow_vmcs=0\n")
        self.assertIn("-append\nwords\n", str(files["l1/qemu"]))


class Options(unittest.TestCase):
    def refusal(self, *words: str) -> str:
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors):
            self.assertEqual(cli.main(["run", "micro", *words]), Status.USAGE)
        return errors.getvalue()

    def test_what_cannot_be_had_is_told_before_anything_is_built(self) -> None:
        self.assertIn("at most 3584 with --l0 kvm", self.refusal("--l0", "kvm", "--memory", "3585"))
        self.assertIn("--json is for Kurma's counters", self.refusal("--l0", "kvm", "--json", "/tmp/x.json"))
        self.assertIn("one processor", self.refusal("--l0", "kvm", "--cpus", "2"))

    def test_on_kurma_each_setting_goes_to_whose_it_is(self) -> None:
        choice = Choice("micro", L0.KVM_ON_KURMA, knobs=["vmcs_access=trap", "enable_shadow_vmcs=1", "offer.ept=off"])
        self.assertEqual(knobs_and_parameters(choice), (["vmcs_access=trap", "offer.ept=off"], ["enable_shadow_vmcs=1"]))
        choice = Choice("micro", L0.KVM, knobs=["ept=0"])
        self.assertEqual(knobs_and_parameters(choice), ([], ["ept=0"]))


class Words(unittest.TestCase):
    def test_l0s_lines_are_those_with_its_own_name(self) -> None:
        others: list[str] = []
        log = L0Log(on_other=others.append, prefix=L0.KVM.prefix)
        log.feed(b"kvm: Linux 6\nkurma: end panic\nkvm: refused: no VMX\nkvm: end refused\n")
        self.assertEqual(log.cause, "refused")
        self.assertEqual(log.refusals, ["kvm: refused: no VMX"])
        self.assertEqual(others, ["kurma: end panic"])
