"""What turns are called: exit reasons as perf and Linux call them, and what each why means."""

from __future__ import annotations

import re
from functools import cache

from ..paths import ROOT

WHY_TABLE = ROOT / "vmx-emul" / "include" / "vmx" / "why.def"
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


@cache
def meanings() -> dict[str, str]:
    """Each why's meaning, from the table that the code is made of."""
    return {name: text for name, _, text in _WHY_ROW.findall(WHY_TABLE.read_text())}


def meaning(why: str) -> str:
    return meanings().get(why, why)
