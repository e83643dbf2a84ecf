#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""What an analyser that stands still costs drop and route: rates with and without, in pairs.

  tests/bench/stalled.py drop|route [PAIRS]      default 11; after a build in build/

The analyser is the example plug-in (tests/analysers/order), which waits while a file is there. Its ring
is full before each run begins, and one in 64 of the run's packets is copied to it. Median of the
ratios stalled / running, with the least and the most.
"""

import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "netns"))

import lab as labs  # noqa: E402

COLUMN = {"drop": "dropped", "route": "sink"}
ACTION = {"drop": "drop", "route": "route to sink"}


def build_plugin(folder):
    library = folder / "order.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", f"-I{ROOT}/dataplane/include",
                    f"-I{labs.BUILD}/dataplane/include", ROOT / "tests/analysers/order/order.c",
                    "-o", library], check=True)
    return library


def rate(lab, daemon, hold, kind):
    before = daemon.stats()["total"][COLUMN[kind]]
    sent = lab.gen("--dport", 10, "--via", "live", "--flows", 64, "--for", "1s")
    hold.unlink(missing_ok=True)
    return (daemon.settled()["total"][COLUMN[kind]] - before) / sent["seconds"]


def one(lab, daemon, hold, kind, stalled):
    if stalled:
        hold.touch()
    lab.gen("--rate", "200k", "--dport", 9, count=40000)
    return rate(lab, daemon, hold, kind)


def main():
    kind, pairs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 11
    with labs.Lab() as lab:
        hold = lab.folder / "hold"
        consumers = [{"name": "order", "kind": "plugin", "library": str(build_plugin(lab.folder)),
                      "threads": 1, "options": {"hold": str(hold)}},
                     {"name": "sink", "kind": "sink"}]
        rules = ["copy take 64 to order proto udp dport 9",
                 f"copy take 64 sample 1/64 to order then {ACTION[kind]} proto udp dport 10"]
        ratios = []
        with lab.daemon(*rules, consumers=consumers) as daemon:
            for pair in range(pairs):
                order = (False, True) if pair % 2 else (True, False)
                found = {stalled: one(lab, daemon, hold, kind, stalled) for stalled in order}
                ratios.append(found[True] / found[False])
                print(f"running {found[False] / 1e6:.2f} Mpps, stalled {found[True] / 1e6:.2f} Mpps, "
                      f"ratio {ratios[-1]:.3f}", flush=True)
            stats = daemon.stats()
        lost = next(c for c in stats["consumers"] if c["name"] == "order")["copied_lost"]
        print(f"{kind}: median {statistics.median(ratios):.3f} ({min(ratios):.3f}..{max(ratios):.3f}), "
              f"the analyser lost {lost}, balanced: {stats.get('balanced')}")


if __name__ == "__main__":
    main()
