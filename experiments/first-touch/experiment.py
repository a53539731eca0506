"""What an L2 pays for memory that is new to it, by how L0 fills ept02; see question.md."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.costs import COUNTS, level_of
from harness.experiment import Bars, Beside, Boot, Column, Experiment, Findings, Lines, Reading, Readings, Series, Table
from harness.l0 import L0

KINDS = {("4k", "before"): "4 KiB, mapped before", ("4k", "on-demand"): "4 KiB, mapped on demand",
         ("2m", "before"): "2 MiB, mapped before", ("2m", "on-demand"): "2 MiB, mapped on demand"}
OF_4K, OF_2M = (("4k", "before"), ("4k", "on-demand")), (("2m", "before"), ("2m", "on-demand"))
PAGES_OF_2M = 512       # Pages of 4 KiB.
AROUND = (1, 8, 16, 64, 512)
PAGES, QUICK_PAGES = 16384, 2048
SWITCHES_OF_AN_EXIT = 2   # Into L0, and out of it.


@dataclass(frozen=True)
class Filling:
    """How L0 fills ept02. As built: Kurma's defaults."""

    large: bool = True
    prefill: bool = True
    around: int = 1

    @property
    def knobs(self) -> tuple[str, ...]:
        changed = {"ept02_large_pages=off": not self.large, "ept02_prefill=off": not self.prefill,
                   f"ept02_fault_around={self.around}": self.around != 1}
        return tuple(knob for knob, is_changed in changed.items() if is_changed)

    @property
    def label(self) -> str:
        words = [knob.removeprefix("ept02_").replace("_", " ").replace("=", " ") for knob in self.knobs]
        return "Kurma, " + (", ".join(words) or "defaults")


DEFAULTS, NO_PREFILL, NO_LARGE = Filling(), Filling(prefill=False), Filling(large=False)
KVM = {"KVM as L0, shadowing": "enable_shadow_vmcs=1", "KVM as L0, no shadowing": "enable_shadow_vmcs=0"}
# A whole hypervisor as L1, and its guest's first touches: boots that exit-cost has as well.
SINGLE, LINUX_ON_KURMA, LINUX_ON_KVM = "single level", "Kurma", "KVM as L0"
LINUX = {SINGLE: Boot("linux-kvm", (), L0.NONE), LINUX_ON_KURMA: Boot("linux-kvm"),
         LINUX_ON_KVM: Boot("linux-kvm", ("enable_shadow_vmcs=1",), L0.KVM)}
LINUX_ROWS = {"first-touch-l1-maps": "L1 maps a page that it has", "first-touch-l1-allocates": "L1 finds a page first"}


@dataclass(frozen=True)
class Walk:
    """One walk of L2's: ticks of all its pages together, L0's exits (None where nobody counts them)."""

    pages: int
    ticks: int
    exits: int | None

    @property
    def ticks_per_page(self) -> float:
        return self.ticks / self.pages

    @property
    def exits_per_page(self) -> float | None:
        return None if self.exits is None else self.exits / self.pages


Walks = Mapping[tuple[str, str], Walk]
Linux = Mapping[str, Mapping[str, int]]   # Of LINUX_ROWS and LINUX.


def fillings(quick: bool) -> list[Filling]:
    """Quick: one thing changed at a time. Else all combinations."""
    if quick:
        return [DEFAULTS, NO_PREFILL, NO_LARGE, *(Filling(around=around) for around in AROUND[1:])]
    return list(itertools.starmap(Filling, itertools.product((True, False), (True, False), AROUND)))


def configurations(quick: bool) -> dict[str, Boot]:
    cmdline = f"mode=memory pages={QUICK_PAGES if quick else PAGES}"
    kurma = {filling.label: Boot(knobs=filling.knobs, cmdline=cmdline) for filling in fillings(quick)}
    return {**kurma, **{label: Boot(knobs=(parameter,), l0=L0.KVM, cmdline=cmdline) for label, parameter in KVM.items()}}


def walks_of(reading: Reading) -> Walks:
    """All four kinds: a line that is missing, broken or there twice ends the experiment."""
    found: dict[tuple[str, str], Walk] = {}
    for words in reading.lines("memory"):
        try:
            kind, walk = (words["leaf"], words["mapped"]), Walk(int(words["pages"]), int(words["ticks"]), _exits(words))
        except (KeyError, ValueError) as error:
            raise reading.problem(f"a memory line without a proper {error}") from None
        if kind not in KINDS or kind in found or walk.pages <= 0:
            raise reading.problem(f"a memory line of an unknown kind, without pages, or there twice: {words}")
        found[kind] = walk
    if len(found) != len(KINDS):
        raise reading.problem(f"memory lines of {len(found)} kinds instead of {len(KINDS)}")
    return found


def _exits(words: Mapping[str, str]) -> int | None:
    """Under Kurma all of its counts stand in the line, elsewhere none."""
    if not any(name in words for name in COUNTS):
        return None
    return [int(words[name]) for name in COUNTS][COUNTS.index("exits")]


def evaluate(readings: Readings) -> Findings:
    walks = {label: walks_of(readings[boot]) for label, boot in configurations(readings.quick).items()}
    pages = next(iter(walks[DEFAULTS.label].values())).pages
    linux = {op: {label: readings[boot].cost(level_of(boot.l1, boot.l0, "L2"), op).median for label, boot in LINUX.items()}
             for op in LINUX_ROWS}
    return Findings(sentence(walks), [*tables(walks, pages), linux_table(linux)], figures(walks), besides(walks, linux))


def linux_table(linux: Linux) -> Table:
    columns = [Column("Linux KVM as L1: its guest's first touch"), *(Column(label, "instructions") for label in LINUX)]
    return Table("The same below a whole hypervisor: medians of 200 touches", columns,
                 [[LINUX_ROWS[op], *values.values()] for op, values in linux.items()])


def tables(walks: Mapping[str, Walks], pages: int) -> list[Table]:
    return [_table(f"A page that ept12 maps by 4 KiB; mean of {pages:,}, touched in order", walks, OF_4K, 1),
            _table("All 512 touches of a page that ept12 maps by 2 MiB", walks, OF_2M, PAGES_OF_2M)]


def _table(title: str, walks: Mapping[str, Walks], kinds: Sequence[tuple[str, str]], size: int) -> Table:
    columns = [Column("L0 and its knobs"), *(column for kind in kinds for column in (
        Column(_when(kind), "instructions"), Column(_when(kind), "exits")))]
    rows = [[label, *(cell for kind in kinds for cell in (found[kind].ticks_per_page * size,
                                                          _times_size(found[kind].exits_per_page, size)))]
            for label, found in walks.items()]
    return Table(title, columns, rows)


def _when(kind: tuple[str, str]) -> str:
    return KINDS[kind].partition(", ")[2]


def _times_size(exits: float | None, size: int) -> float | None:
    return None if exits is None else exits * size


def figures(walks: Mapping[str, Walks]) -> list[Bars | Lines]:
    labels = list(walks)
    around = [walks[Filling(around=count).label] for count in AROUND]
    x = "ept02_fault_around (pages)"

    def bars(kinds: Sequence[tuple[str, str]], size: int) -> list[Series]:
        return [Series(_when(kind), [walks[label][kind].ticks_per_page * size for label in labels]) for kind in kinds]

    return [
        Bars("first-touch-4k", "First touch of a page that ept12 maps by 4 KiB", "instructions", labels, bars(OF_4K, 1)),
        Bars("first-touch-2m", "All 512 first touches of a page that ept12 maps by 2 MiB", "instructions", labels,
             bars(OF_2M, PAGES_OF_2M), log=True),
        Lines("fault-around", "Filling the neighbours too: a page of 4 KiB, touched in order", x, AROUND, "instructions",
              [Series(_when(kind), [found[kind].ticks_per_page for found in around]) for kind in OF_4K], log_x=True),
        Lines("fault-around-exits", "Filling the neighbours too: exits of a page of 4 KiB", x, AROUND, "exits",
              [Series(_when(kind), [found[kind].exits_per_page for found in around]) for kind in OF_4K],
              log_x=True, log=True)]


def sentence(walks: Mapping[str, Walks]) -> str:
    before, on_demand = OF_4K
    ours, kvm, without = walks[DEFAULTS.label], walks[next(iter(KVM))], walks[NO_PREFILL.label]
    best = min(AROUND, key=lambda count: walks[Filling(around=count).label][before].ticks_per_page)
    filled = walks[Filling(around=best).label][before].ticks_per_page
    whole, pieces = (walks[label][OF_2M[0]].ticks_per_page * PAGES_OF_2M for label in (DEFAULTS.label, NO_LARGE.label))
    return (f"A page of 4 KiB that is new to L2 costs {ours[before].ticks_per_page:,.0f} instructions where L1 has mapped "
            f"it and {ours[on_demand].ticks_per_page:,.0f} where L1 must map it first, with KVM as L0 "
            f"{kvm[before].ticks_per_page:,.0f} and {kvm[on_demand].ticks_per_page:,.0f} ({_times(kvm, ours, before)} and "
            f"{_times(kvm, ours, on_demand)} times as many); the latter would be {without[on_demand].ticks_per_page:,.0f} "
            f"without prefill; of the fault-arounds tried, {best} is the cheapest for a walk in order over mapped pages "
            f"({filled:,.0f}); and a page of 2 MiB costs {whole:,.0f} as one, {pieces:,.0f} in pieces of 4 KiB.")


def _times(these: Walks, those: Walks, kind: tuple[str, str]) -> str:
    return f"{these[kind].ticks_per_page / those[kind].ticks_per_page:.1f}"


def besides(walks: Mapping[str, Walks], linux: Linux) -> list[Beside]:
    switches = [Beside("hyperturtle-atc-2025", "section 3.2", "ept-fault", SWITCHES_OF_AN_EXIT * exits, "world switches",
                       f"a page that L1 maps on demand, two switches for each hardware exit; {filling.label}",
                       "linux-kvm L2")
                for filling in (NO_PREFILL, DEFAULTS)
                if (exits := walks[filling.label]["4k", "on-demand"].exits_per_page) is not None]
    op = "first-touch-l1-maps"
    times = [Beside("hyperturtle-atc-2025", "table 2", "ept-fault", linux[op][label] / linux[op][SINGLE], "factor",
                    f"first touch of a page that Linux KVM as L1 has and maps, over the single level; medians; {label}",
                    configuration="times the single level; mean") for label in (LINUX_ON_KVM, LINUX_ON_KURMA)]
    return [*switches, *times]


EXPERIMENT = Experiment(
    "First touch: how ept02 is filled",
    "What does it cost an L2 to touch memory that is new to it, where L1 has mapped it and where L1 must; and how much of "
    "that do large pages, prefill and fault-around in L0 take away?",
    lambda quick: [*configurations(quick).values(), *LINUX.values()], evaluate)
