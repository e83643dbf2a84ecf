# SPDX-License-Identifier: MIT OR Apache-2.0
"""The library's burst receive and its blocking receive beside the daemon's sink, in interleaved pairs on
a veth: `scripts/bench.sh library [--pairs N] [--only burst|wait] [--keep FILE]`.

The daemon's rules name a second consumer, so that its packets carry metadata as the library's do.
"""

import argparse
import pathlib
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "netns"))

import compare  # noqa: E402
import lab as labs  # noqa: E402
from receivers import CHUNK_BYTES, CPU, FRAMES, PushPacket, RINGS  # noqa: E402

PROGRAM = labs.BUILD / "tests" / "bench" / "library-receive"


def daemon():
    return PushPacket("push-packet route to sink", "sink",
                      ["route to sink proto udp dport 9", "route to mirror proto udp dport 10"],
                      rings=RINGS, umem={"chunk": CHUNK_BYTES, "frames": FRAMES})


class Library:
    def __init__(self, how):
        self.name = f"library-receive {how}"
        self.how = how
        self.process = None

    def start(self, lab):
        self.process = lab.spawn("rx", PROGRAM, "pp0", self.how, cpu=CPU)
        if self.process.stdout.readline() != "running\n":
            raise AssertionError(self.process.stderr.read())

    def finish(self):
        self.process.send_signal(signal.SIGTERM)
        return int(self.process.communicate(timeout=20)[0])


# What is asked for: within 2 % of the daemon, and 0.9 of it.
COMPARISONS = {
    "burst": compare.Comparison("library-burst", lambda: Library("burst"), daemon, delivered=0.98),
    "wait": compare.Comparison("library-wait", lambda: Library("wait"), daemon, delivered=0.9),
}


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench.sh library", description=__doc__)
    parser.add_argument("--pairs", type=int, default=11)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--flows", type=int, default=1)
    parser.add_argument("--only", choices=COMPARISONS)
    parser.add_argument("--keep", metavar="FILE", help="add to the pairs in FILE, and judge all")
    parser.add_argument("--json", metavar="FILE", help="every run, and the verdicts")
    args = parser.parse_args()
    args.chart = args.behind = None
    args.rate = args.size = ""

    kept = (compare.read_kept(args.keep)
            if args.keep and pathlib.Path(args.keep).exists() else {})
    results = []
    for comparison in [COMPARISONS[args.only]] if args.only else COMPARISONS.values():
        results.append(compare.compare(comparison, kept.get(comparison.name), args))
        if args.keep:
            compare.write_kept(args.keep, results[-1:])
        compare.progress("")
    sys.exit(compare.judge(results, args))


if __name__ == "__main__":
    main()
