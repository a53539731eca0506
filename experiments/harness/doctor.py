"""`./kurma doctor`: what this machine can run Kurma on, and what to install."""

from __future__ import annotations

import argparse
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from . import packages, versions
from .errors import FrontDoorError, Status
from .paths import ROOT
from .platform_bochs import DEFAULT_CPU, known_models

MIN_DISK_MIB = 2048
MIN_FREE_MEMORY_MIB = 3072   # Two machines of 1 GiB at a time, and the compiler before them.
GOOD, BAD, NOTE = "ok", "MISSING", "note"


@dataclass(frozen=True)
class Finding:
    what: str
    verdict: str
    detail: str


def command(_: argparse.Namespace) -> Status:
    absent = packages.missing(_all_packages()) if shutil.which("dpkg-query") else list(_all_packages())
    groups = [("Bochs, which every machine can run", _bochs(absent)), ("This machine", _machine()),
              ("QEMU with KVM, where the processor has VMX (--platform qemu)", _kvm())]
    width = max(len(finding.what) for _, findings in groups for finding in findings)
    for title, findings in groups:
        print(f"{title}")
        for finding in findings:
            print(f"  {finding.what.ljust(width)}  {finding.verdict.ljust(len(BAD))}  {finding.detail}".rstrip())
        print()
    needed = [name for name in absent if name in packages.RUN | packages.BUILD]
    if absent:
        print(f"To install: {' '.join([*packages.APT, *absent])}")
        print("(./kurma demo, test and run do that themselves as root.)")
    usable = not needed and all(f.verdict != BAD for f in groups[0][1])
    print("Kurma runs here, on Bochs: ./kurma demo" if usable else "Kurma does not run here yet: see MISSING above.")
    return Status.POWER_OFF if usable else Status.USAGE


def _all_packages() -> dict[str, str]:
    return packages.BUILD | packages.RUN | packages.TESTS | packages.guests() | packages.bench()


def _bochs(absent: list[str]) -> list[Finding]:
    findings = []
    for title, group in (("packages to build", packages.BUILD), ("packages to run", packages.RUN),
                         ("packages to test", packages.TESTS), ("packages of the guests", packages.guests()),
                         ("packages of the benches", packages.bench())):
        lacking = [name for name in group if name in absent]
        optional = group is not packages.BUILD and group is not packages.RUN
        findings.append(Finding(title, (NOTE if optional else BAD) if lacking else GOOD,
                                f"not installed: {' '.join(lacking)}" if lacking else " ".join(group)))
    try:
        models = known_models()
        there = DEFAULT_CPU in models
        version = versions.debian_packages(["bochs"]).get("bochs", "of unknown version")
        findings.append(Finding("bochs", GOOD if there else BAD, f"{version}, {len(models)} processor models, "
                                f"{DEFAULT_CPU} {'among them' if there else 'NOT among them'}"))
    except FrontDoorError as error:
        findings.append(Finding("bochs", BAD, str(error)))
    return findings


def _machine() -> list[Finding]:
    release = versions.debian_release()
    disk = shutil.disk_usage(ROOT).free // 2**20
    memory = _available_memory_mib()
    return [
        Finding("Debian", GOOD if release.startswith("12") else NOTE,
                release if release.startswith("12") else f"{release}; Kurma is made and tested on Debian 12"),
        Finding("root", GOOD if os.geteuid() == 0 else NOTE,
                "can install packages" if os.geteuid() == 0 else "not root: packages must be installed by hand"),
        Finding("processors", GOOD, f"{os.cpu_count()}"),
        Finding("memory", GOOD if memory >= MIN_FREE_MEMORY_MIB else NOTE,
                f"{memory} MiB available; demo wants {MIN_FREE_MEMORY_MIB}"),
        Finding("disk", GOOD if disk >= MIN_DISK_MIB else NOTE, f"{disk} MiB free; a build wants {MIN_DISK_MIB}"),
    ]


def _kvm() -> list[Finding]:
    vmx = has_vmx(Path("/proc/cpuinfo"))
    device = Path("/dev/kvm").exists()
    if device:
        detail = "there" if vmx else "there, but without the vmx flag it is of no use to Kurma"
    else:
        detail = "absent"
    nested = nested_parameter(Path("/sys/module/kvm_intel/parameters/nested"))
    qemu = shutil.which("qemu-system-x86_64")
    return [
        Finding("vmx flag in /proc/cpuinfo", GOOD if vmx else NOTE,
                "this processor has VMX" if vmx else "no: the processor has no VMX, or an outer hypervisor hides it"),
        Finding("/dev/kvm", GOOD if device and vmx else NOTE, detail),
        Finding("kvm_intel nested", GOOD if nested == "on" else NOTE, {
            "on": "on", "off": "off: modprobe -r kvm_intel && modprobe kvm_intel nested=1",
            "absent": "kvm_intel is not loaded"}[nested]),
        Finding("qemu-system-x86_64", GOOD if qemu else NOTE,
                qemu or "not installed; not needed for Bochs (apt-get install qemu-system-x86)"),
    ]


def has_vmx(cpuinfo: Path) -> bool:
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    return any("vmx" in line.partition(":")[2].split() for line in lines if line.startswith("flags"))


def nested_parameter(path: Path) -> str:
    """`on`, `off`, or `absent`; the kernel shows Y or 1 for on."""
    if not path.exists():
        return "absent"
    return "on" if path.read_text().strip() in ("Y", "1") else "off"


def _available_memory_mib() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    return 0
