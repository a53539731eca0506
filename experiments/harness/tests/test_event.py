"""Events by name: what libpfm4 makes of them for a processor that is forced on it, and what is refused."""

import argparse
import json
import os
import subprocess
import sys
import unittest

from harness import event, run_command
from harness.errors import FrontDoorError
from harness.l0 import L0
from harness.paths import ROOT
from harness.payload import Choice, knobs_and_parameters

PROGRAM = """
import json, sys
from harness import event
from harness.errors import FrontDoorError
said = {}
for name in sys.argv[1:]:
    try:
        found = event.encode(name, "l2")
        said[name] = [*found.boot_words, found.full_name.partition("::")[0]]
    except FrontDoorError as error:
        said[name] = str(error)
said["names"] = len(event.names())
print(json.dumps(said))
"""


def encoded(processor: str, *names: str) -> dict[str, list[str] | str]:
    """libpfm4 looks for the processor once in a process."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, *names], cwd=ROOT / "experiments", capture_output=True, text=True,
                          env={**os.environ, "LIBPFM_FORCE_PMU": processor}, check=True)
    return json.loads(done.stdout)


class Encoding(unittest.TestCase):
    def test_an_events_bits_are_those_of_the_manual(self) -> None:
        # SDM 3B, table 20-1: instructions retired C0H; table for Haswell: L1D.REPLACEMENT 51H, unit mask 01H.
        names = ("INST_RETIRED", "UNHALTED_CORE_CYCLES:k", "L1D:REPLACEMENT:u", "BR_MISP_RETIRED:c=2:i:e")
        for processor in ("hsw", "skl"):
            with self.subTest(processor):
                said = encoded(processor, *names)
                self.assertEqual(said["INST_RETIRED"], ["event=0x300c0", "event_level=l2", processor])
                self.assertEqual(said["UNHALTED_CORE_CYCLES:k"][0], "event=0x2003c")
                self.assertEqual(said["L1D:REPLACEMENT:u"][0], "event=0x10151")
                self.assertEqual(said["BR_MISP_RETIRED:c=2:i:e"][0], "event=0x28700c5")

    def test_what_kurma_cannot_count_is_refused_with_the_reason(self) -> None:
        said = encoded("hsw", "INST_RETIRED:t=1", "UNHALTED_REFERENCE_CYCLES", "OFFCORE_RESPONSE_0:DMND_DATA_RD", "INST_RETIRED:intx")
        self.assertIn("one level alone", said["INST_RETIRED:t=1"])
        self.assertIn("one level alone", said["INST_RETIRED:intx"])
        self.assertIn("only a fixed counter", said["UNHALTED_REFERENCE_CYCLES"])
        self.assertIn("second register", said["OFFCORE_RESPONSE_0:DMND_DATA_RD"])

    def test_an_unknown_name_is_answered_with_near_ones(self) -> None:
        said = encoded("hsw", "BR_MISS_RETIRED", "INST_RETIRED:NOSUCH", "L1D:")
        self.assertRegex(str(said["BR_MISS_RETIRED"]), "event not found; near it: .*BR_MISP_RETIRED.*; ./kurma events names all")
        self.assertIn("INST_RETIRED has unit masks and modifiers", said["INST_RETIRED:NOSUCH"])
        self.assertIsInstance(said["L1D:"], str)
        self.assertGreater(int(str(said["names"])), 50)


class Options(unittest.TestCase):
    def arguments(self, *words: str) -> argparse.Namespace:
        parser = argparse.ArgumentParser()
        run_command.add_arguments(parser)
        return parser.parse_args(["micro", *words])

    def test_the_event_reaches_l0_beside_the_knobs(self) -> None:
        choice = run_command.choice_of(self.arguments("--set", "trace=off"), event.Event(0x300c0, "l0", "hsw::INST_RETIRED", "INST_RETIRED"))
        self.assertEqual(choice.knobs, ["trace=off", "event=0x300c0", "event_level=l0"])

    def test_under_kvm_on_kurma_it_is_kurmas_and_not_kvms(self) -> None:
        knobs = ["event=0x300c0", "enable_ept=0", "event_level=l2"]
        self.assertEqual(knobs_and_parameters(Choice("micro", L0.KVM_ON_KURMA, knobs=knobs)),
                         (["event=0x300c0", "event_level=l2"], ["enable_ept=0"]))

    def test_without_kurma_there_is_nobody_to_count(self) -> None:
        for l0 in ("none", "kvm"):
            with self.assertRaisesRegex(FrontDoorError, "--event is counted by Kurma"):
                run_command.check_arguments(self.arguments("--l0", l0, "--event", "INST_RETIRED"))


if __name__ == "__main__":
    unittest.main()
