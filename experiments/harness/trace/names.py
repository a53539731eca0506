"""What turns are called: exit reasons as perf and Linux call them, and what each why means."""

from __future__ import annotations

import re
from functools import cache

from ..paths import ROOT

WHY_TABLE = ROOT / "vmx-emul" / "include" / "vmx" / "why.def"
FIELD_TABLE = WHY_TABLE.parent / "fields.def"
REASON_TABLE = WHY_TABLE.parent / "reasons.def"
_REASON_ROW = re.compile(r"^R\((\w+), ", re.MULTILINE)
_FIELD_ROW = re.compile(r"^F\(\s*(\w+),\s*(0x[0-9A-Fa-f]+),", re.MULTILINE)
_WHY_ROW = re.compile(r'^W\((\w+), (\w+), "([^"]*)"\)', re.MULTILINE)

ROOMS = {"l0": "Kurma answers by itself", "emulate": "Kurma executes L1's VMX instruction in software",
         "compose": "Kurma fills ept02 from L1's tables and its own", "reflect": "Kurma hands the exit to L1"}

# Where Linux's VMX_EXIT_REASONS, which is what perf kvm prints, is not Kurma's name (the manual's) in capitals.
_LINUX_SAYS = {
    "exception_or_nmi": "EXCEPTION_NMI", "sipi": "SIPI_SIGNAL", "vmxoff": "VMOFF", "vmxon": "VMON", "mov_dr": "DR_ACCESS",
    "rdmsr": "MSR_READ", "wrmsr": "MSR_WRITE", "invalid_guest_state": "INVALID_STATE", "msr_loading": "MSR_LOAD_FAIL",
    "mwait": "MWAIT_INSTRUCTION", "monitor": "MONITOR_INSTRUCTION", "pause": "PAUSE_INSTRUCTION",
    "machine_check_on_entry": "MCE_DURING_VMENTRY", "virtualized_eoi": "EOI_INDUCED", "gdtr_idtr_access": "GDTR_IDTR",
    "ldtr_tr_access": "LDTR_TR", "ept_misconfiguration": "EPT_MISCONFIG", "unnamed": "UNKNOWN",
}


def event(reason: str) -> str:
    """`ept_misconfiguration` -> EPT_MISCONFIG."""
    return _LINUX_SAYS.get(reason, reason.upper())


def same_event(asked: str, reason: str) -> bool:
    """Whether a person's word means this reason: perf's name or the manual's, in any case."""
    return asked.lower() in (event(reason).lower(), reason)


def is_event(asked: str) -> bool:
    """Whether a person's word means any reason at all, seen or not."""
    return any(same_event(asked, reason) for reason in _REASON_ROW.findall(REASON_TABLE.read_text()) + ["unnamed"])


def label(reason: str, subject: int, qualification: int) -> str:
    """The event with what it was about, as far as the exit tells: VMREAD guest_rip, IO_INSTRUCTION out 0x80, CPUID 0x1."""
    about = {"cpuid": hex, "vmcall": hex, "rdmsr": hex, "wrmsr": hex, "xsetbv": hex, "ept_violation": hex,
             "ept_misconfiguration": hex, "vmread": field, "vmwrite": field}
    if reason in about:
        return f"{event(reason)} {about[reason](subject)}"
    if reason == "io_instruction":
        return f"{event(reason)} {'in' if qualification & 8 else 'out'} {qualification >> 16 & 0xFFFF:#x}"
    if reason == "cr_access":
        return f"{event(reason)} {_control_register(qualification)}"
    return event(reason)


def _control_register(qualification: int) -> str:
    """SDM 3C 28.2.1, table 28-3."""
    kind, number = qualification >> 4 & 3, qualification & 15
    return (f"mov to cr{number}", f"mov from cr{number}", "clts", "lmsw")[kind]


@cache
def _fields() -> dict[int, str]:
    return {int(encoding, 16): name for name, encoding in _FIELD_ROW.findall(FIELD_TABLE.read_text())}


def field(encoding: int) -> str:
    """A VMCS field's name. An encoding's lowest bit is the high half of a 64-bit field's."""
    if (name := _fields().get(encoding & ~1)) is not None:
        return name + (".high" if encoding & 1 else "")
    return f"field {encoding:#x}"


@cache
def meanings() -> dict[str, str]:
    """Each why's meaning, from the table that the code is made of."""
    return {name: text for name, _, text in _WHY_ROW.findall(WHY_TABLE.read_text())}


def meaning(why: str) -> str:
    return meanings().get(why, why)
