"""Linux KVM as L0: what its keeper finds in the root image, which is L1, QEMU's arguments, kvm_intel's parameters.

The keeper (guests/l0-hypervisors/linux-kvm) does as these files say; what L1's machine is like is decided here.
"""

from __future__ import annotations

from pathlib import Path

from .errors import FrontDoorError
from .image import BootFile

OWN_MEMORY_MIB = 512          # For Linux, QEMU and the root image, besides L1's memory.
FOLDER = "l1"                 # In the root image.
DEBUG_PORT_DESCRIPTOR = 10    # Where the keeper reads what L1 writes on ports 0xE9 and 0x8900.
SHUTDOWN_PORT_DESCRIPTOR = 11


def root_files(l1: BootFile, modules: list[BootFile], is_linux: bool, parameters: list[str],
               memory_mib: int) -> dict[str, str | Path]:
    """L1 and its modules as files of the root image, with the two lists of words."""
    if is_linux and len(modules) > 1:
        raise FrontDoorError("--l0 kvm: QEMU gives a Linux one module, its initrd; leave the others away")
    qemu = qemu_arguments(l1.cmdline, [module.cmdline for module in modules], is_linux, memory_mib)
    named = {f"{FOLDER}/module-{number}": module.path for number, module in enumerate(modules, 1)}
    return {f"{FOLDER}/qemu": _lines(qemu), f"{FOLDER}/kvm_intel": _lines(["nested=1", *parameters]),
            f"{FOLDER}/kernel": l1.path, **named}


def qemu_arguments(cmdline: str, module_cmdlines: list[str], is_linux: bool, memory_mib: int) -> list[str]:
    """A Q35 with the processor as it is and little else, started by the firmware qboot, which loads L1 directly."""
    arguments = ["-machine", "q35,accel=kvm,kernel_irqchip=on,sata=off,smbus=off,graphics=off,vmport=off", "-no-hpet",
                 "-cpu", "host", "-smp", "1", "-m", str(memory_mib), "-L", "/lib/qemu", "-bios", "qboot.rom",
                 "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                 "-chardev", "stdio,id=com1,signal=off", "-device", "isa-serial,iobase=0x3f8,irq=4,chardev=com1",
                 "-chardev", "pipe,id=monitor,path=/tmp/monitor", "-mon", "chardev=monitor,mode=control",
                 "-kernel", f"/{FOLDER}/kernel", "-append", cmdline]
    files = [f"/{FOLDER}/module-{number}" for number, _ in enumerate(module_cmdlines, 1)]
    if not is_linux:
        arguments += [*_output_port("debug", 0xE9, DEBUG_PORT_DESCRIPTOR, irq=10),
                      *_output_port("shutdown", 0x8900, SHUTDOWN_PORT_DESCRIPTOR, irq=11)]
        files = [_escaped(f"{file} {words}".rstrip()) for file, words in zip(files, module_cmdlines)]
    return [*arguments, "-initrd", ",".join(files)] if files else arguments


def _output_port(name: str, port: int, descriptor: int, irq: int) -> list[str]:
    """This QEMU has no debug port; the first register of a serial port takes bytes just as well. Not for a Linux: it finds
    these in ACPI and makes them its ttyS0 and ttyS1."""
    return ["-chardev", f"file,id={name},path=/proc/self/fd/{descriptor}",
            "-device", f"isa-serial,iobase={port:#x},irq={irq},chardev={name}"]


def _escaped(text: str) -> str:
    return text.replace(",", ",,")


def _lines(words: list[str]) -> str:
    return "".join(word + "\n" for word in words)
