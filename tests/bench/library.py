# SPDX-License-Identifier: MIT OR Apache-2.0
"""The library's burst receive and its blocking receive beside the daemon's sink, in interleaved pairs on
a veth: `scripts/bench.sh library [--pairs N] [--seconds S] [--only burst|wait]`.

The daemon's rules name a second consumer, so that its packets carry metadata as the library's do.
"""

import argparse
import pathlib
import signal
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "netns"))

import lab as labs  # noqa: E402
from compare import measure  # noqa: E402
from receivers import CHUNK_BYTES, CPU, FRAMES, PushPacket, RINGS  # noqa: E402

PROGRAM = labs.BUILD / "tests" / "bench" / "library-receive"


def daemon():
    return PushPacket("push-packet route to sink", "sink",
                      ["route to sink proto udp dport 9", "route to mirror proto udp dport 10"],
                      rings=RINGS, umem={"chunk": CHUNK_BYTES, "frames": FRAMES})


class Library:
    def __init__(self, how):
        self.how = how
        self.process = None

    def start(self, lab):
        self.process = lab.spawn("rx", PROGRAM, "pp0", self.how, cpu=CPU)
        if self.process.stdout.readline() != "running\n":
            raise AssertionError(self.process.stderr.read())

    def finish(self):
        self.process.send_signal(signal.SIGTERM)
        return int(self.process.communicate(timeout=20)[0])


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench.sh library", description=__doc__)
    parser.add_argument("--pairs", type=int, default=11)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--flows", type=int, default=1)
    parser.add_argument("--only", choices=["burst", "wait"])
    args = parser.parse_args()
    for how in [args.only] if args.only else ["burst", "wait"]:
        ours, theirs = [], []
        for _ in range(args.pairs):
            ours.append(measure(Library(how), args)["mpps"])
            theirs.append(measure(daemon(), args)["mpps"])
        ratios = [a / b for a, b in zip(ours, theirs)]
        print(f"library {how}: {statistics.median(ours):.2f} Mpps, daemon's sink "
              f"{statistics.median(theirs):.2f} Mpps, ratio {statistics.median(ratios):.3f} "
              f"({min(ratios):.3f}..{max(ratios):.3f})")


if __name__ == "__main__":
    main()
