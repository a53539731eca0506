"""From the words on the command line to what GRUB loads: L1's image, its modules, its command line, L0 below it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from . import l0_kvm
from .errors import FrontDoorError
from .event import BOOT_WORDS
from .image import BootFile, BootPlan, kind_of
from .knobs import knobs as knobs_of_kurma
from .l0 import L0
from .paths import GUESTS, L0_GUESTS
from .platform_bochs import DEFAULT_MEMORY_MIB

L0_LINUX_CMDLINE_FILE = L0_GUESTS / "linux-kvm" / "cmdline"
BUILT_IN = ("linux-kvm", "linux-work", "micro", "conformance")
OWN_IMAGES = ("micro", "conformance")   # Those that are one Multiboot image, made here.
LINUX_IMAGES = ("linux-kvm", "linux-work")   # Those that are Debian's kernel with an initrd made here.
NAMES = ", ".join(BUILT_IN)


@dataclass(frozen=True)
class Images:
    """The images of one build directory."""

    build: Path

    @property
    def kurma(self) -> Path:
        return self.build / "l0" / "kurma.elf"

    def own(self, l1: str) -> Path:
        """Of one of OWN_IMAGES."""
        return self.build / "guests" / "l1-hypervisors" / l1 / f"{l1}.elf"

    def l0_linux(self, name: str) -> Path:
        """Of Linux KVM as L0: `vmlinuz` or `initrd.cpio`."""
        return self.build / "guests" / "l0-hypervisors" / "linux-kvm" / name

    def versions_of(self, l1: str) -> Path:
        """The packages that a Linux L1 was assembled from."""
        return self.linux(l1, "versions.txt")

    def linux(self, l1: str, name: str) -> Path:
        """Of one of LINUX_IMAGES: `vmlinuz` or `initrd.cpio`."""
        return self.build / "guests" / "l1-hypervisors" / l1 / name


@dataclass(frozen=True)
class Choice:
    """What the user chose: `l1` is one of BUILT_IN or a path."""

    l1: str
    l0: L0 = L0.KURMA
    cmdline: str = ""
    modules: list[str] = field(default_factory=list)
    knobs: list[str] = field(default_factory=list)
    memory_mib: int = DEFAULT_MEMORY_MIB   # L1's, where L0 is told how much that is.

    @property
    def name(self) -> str:
        base = self.l1 if self.l1 in BUILT_IN else Path(self.l1).name
        return base + {L0.KURMA: "", L0.KVM: "-on-kvm", L0.KVM_ON_KURMA: "-on-kvm-on-kurma", L0.NONE: "-bare"}[self.l0]


def check_choice(choice: Choice) -> None:
    """What can be told before anything is built or booted."""
    if choice.l1 not in BUILT_IN:
        path = Path(choice.l1)
        _must_be_file(path, f"no L1 {choice.l1!r}: give {NAMES}, or the path of a Multiboot image")
        if kind_of(path) == "unknown":
            raise FrontDoorError(f"{choice.l1} is neither a Multiboot (version 1) image nor a Linux bzImage: no Multiboot "
                                 f"header in its first 8192 bytes; build it with one, or give {NAMES}")
    for text in choice.modules:
        module_file(text)
    for knob in choice.knobs:
        name, equals, value = knob.partition("=")
        if not name or not equals or not value or any(c.isspace() for c in knob):
            raise FrontDoorError(f"--set {knob!r}: write KNOB=VALUE, without blanks")
    if choice.knobs and not choice.l0.exists:
        raise FrontDoorError("--set is for L0 (Kurma, or KVM with --l0 kvm); there is none with --l0 none")


def module_file(text: str) -> BootFile:
    """FILE[=CMDLINE]; a file whose own name has an equals sign is taken by its whole name first."""
    if Path(text).is_file():
        return BootFile(Path(text))
    name, _, cmdline = text.partition("=")
    _must_be_file(Path(name), f"--module {text!r}: no file {name!r}; write FILE or FILE=CMDLINE")
    return BootFile(Path(name), cmdline)


def linux_cmdline(l1: str, extra: str) -> str:
    """The own words of one of LINUX_IMAGES, then the user's; of a word that stands twice Linux takes the last."""
    file = GUESTS / l1 / "cmdline"
    if not file.is_file():
        raise FrontDoorError(f"{file} is not there: it has {l1}'s own kernel command line")
    return " ".join([*words_of(file), *extra.split()])


def words_of(cmdline_file: Path) -> list[str]:
    """A kernel command line's words, from a file with comments."""
    lines = cmdline_file.read_text().splitlines()
    return [word for line in lines if not line.startswith("#") for word in line.split()]


def boot_plan(choice: Choice, images: Images) -> BootPlan:
    l1, modules, is_linux = _l1_files(choice, images)
    if choice.l0 is L0.NONE:
        return BootPlan("linux" if is_linux else "multiboot", l1, modules)
    knobs, root_files = choice.knobs, dict[str, str | Path]()
    if choice.l0.has_kvm:
        knobs, parameters = knobs_and_parameters(choice)
        root_files = l0_kvm.root_files(l1, modules, is_linux, parameters, choice.memory_mib)
        vmlinuz, initrd = images.l0_linux("vmlinuz"), images.l0_linux("initrd.cpio")
        _must_be_built(vmlinuz)
        _must_be_built(initrd)
        l1, modules = BootFile(vmlinuz, " ".join(words_of(L0_LINUX_CMDLINE_FILE))), [BootFile(initrd)]
    if not choice.l0.has_kurma:
        return BootPlan("linux", l1, modules, root_files)
    _must_be_built(images.kurma)
    return BootPlan("multiboot", BootFile(images.kurma, " ".join(knobs)), [l1, *modules], root_files)


def knobs_and_parameters(choice: Choice) -> tuple[list[str], list[str]]:
    """Of --set where KVM is there: what goes to Kurma, if that is there too, and what to kvm_intel."""
    names = {*BOOT_WORDS, *(knob.name for knob in knobs_of_kurma())} if choice.l0.has_kurma else set[str]()
    own = [knob for knob in choice.knobs if knob.partition("=")[0] in names]
    return own, [knob for knob in choice.knobs if knob not in own]


def _l1_files(choice: Choice, images: Images) -> tuple[BootFile, list[BootFile], bool]:
    own = [module_file(text) for text in choice.modules]
    if choice.l1 in LINUX_IMAGES:
        vmlinuz, initrd = images.linux(choice.l1, "vmlinuz"), images.linux(choice.l1, "initrd.cpio")
        _must_be_built(vmlinuz)
        _must_be_built(initrd)
        return BootFile(vmlinuz, linux_cmdline(choice.l1, choice.cmdline)), [BootFile(initrd), *own], True
    if choice.l1 in OWN_IMAGES:
        _must_be_built(images.own(choice.l1))
        return BootFile(images.own(choice.l1), choice.cmdline), own, False
    path = Path(choice.l1)
    return BootFile(path, choice.cmdline), own, kind_of(path) == "linux"


def _must_be_file(path: Path, message: str) -> None:
    if not path.exists():
        raise FrontDoorError(message)
    if not path.is_file():
        raise FrontDoorError(f"{path} is not a file")
    try:
        with path.open("rb") as file:
            if not file.read(1):
                raise FrontDoorError(f"{path} is empty")
    except PermissionError:
        raise FrontDoorError(f"{path} cannot be read: permission denied") from None


def _must_be_built(path: Path) -> None:
    if not path.is_file():
        raise FrontDoorError(f"{path} is not there: it has not been built (./kurma demo and ./kurma run build it)")
