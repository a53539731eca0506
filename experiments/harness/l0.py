"""What is below L1."""

from __future__ import annotations

from enum import Enum


class L0(Enum):
    """The value is its name for --l0."""

    KURMA = "kurma"
    KVM = "kvm"
    KVM_ON_KURMA = "kvm-on-kurma"   # KVM is L0 for the image that is run, and Kurma, below it, counts what it does.
    NONE = "none"

    @property
    def layers(self) -> tuple[str, ...]:
        """What must be built for it, the lowest first."""
        return {"kurma": ("kurma",), "kvm": ("kvm",), "kvm-on-kurma": ("kurma", "kvm"), "none": ()}[self.value]

    @property
    def prefix(self) -> str:
        """What begins each line of the lowest on port 0xE9."""
        return f"{self.layers[0]}: " if self.layers else "none: "

    @property
    def has_kurma(self) -> bool:
        return "kurma" in self.layers

    @property
    def has_kvm(self) -> bool:
        return "kvm" in self.layers

    @property
    def exists(self) -> bool:
        return self is not L0.NONE

    @property
    def title(self) -> str:
        return {"kurma": "Kurma", "kvm": "Linux KVM", "kvm-on-kurma": "Kurma, Linux KVM",
                "none": "the bare platform"}[self.value]
