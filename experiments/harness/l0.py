"""What is below L1."""

from __future__ import annotations

from enum import Enum


class L0(Enum):
    """The value is its name for --l0, and what begins each of its own lines on port 0xE9."""

    KURMA = "kurma"
    KVM = "kvm"
    NONE = "none"

    @property
    def prefix(self) -> str:
        return f"{self.value}: "

    @property
    def exists(self) -> bool:
        return self is not L0.NONE

    @property
    def title(self) -> str:
        return {"kurma": "Kurma", "kvm": "Linux KVM", "none": "the bare platform"}[self.value]
