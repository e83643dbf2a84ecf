#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""What somebody who stands still costs drop and route: rates with and without, in pairs.

  tests/bench/stalled.py drop|route [PAIRS] [--of analyser|terminal] [--keep FILE]

After a build in build/; 11 pairs if not said. Of an analyser: it is the example plug-in
(tests/analysers/order), which waits while a file is there; its ring is full before each run begins,
and one in 64 of the run's packets is copied to it. Of a terminal: `push-packet top` shows a
histogram, which gets one packet in 64, on a terminal that was stopped (Ctrl-S) and that nobody
reads, so that it hangs in write(2); in the other run of the pair that top was killed before. Median of the
ratios stalled / running, with the least and the most. --keep adds them up over several sittings.
"""

import argparse
import contextlib
import fcntl
import json
import os
import pathlib
import pty
import statistics
import struct
import subprocess
import sys
import termios

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "netns"))

import lab as labs  # noqa: E402

COLUMN = {"drop": "dropped", "route": "sink"}
ACTION = {"drop": "drop", "route": "route to sink"}
CTRL_S = b"\x13"


def build_plugin(folder):
    library = folder / "order.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", f"-I{ROOT}/dataplane/include",
                    f"-I{labs.BUILD}/dataplane/include", ROOT / "tests/analysers/order/order.c",
                    "-o", library], check=True)
    return library


class Analyser:
    """The consumer `watch` is a plug-in that stands still while a file is there."""

    def __init__(self, lab):
        self.lab = lab
        self.hold = lab.folder / "hold"
        self.consumer = {"name": "watch", "kind": "plugin", "library": str(build_plugin(lab.folder)),
                         "threads": 1, "options": {"hold": str(self.hold)}}

    @contextlib.contextmanager
    def run(self, _, stalled):
        if stalled:
            self.hold.touch()
        self.lab.gen("--rate", "200k", "--dport", 9, count=40000)
        try:
            yield
        finally:
            self.hold.unlink(missing_ok=True)


class Terminal:
    """The consumer `watch` is a histogram, shown on a terminal that stands still."""

    def __init__(self, lab):
        self.lab = lab
        # Not where the source is: who shares a core with it would be chance.
        self.consumer = {"name": "watch", "kind": "histogram", "threads": 1,
                         "cpus": [labs.WORKER_CPU]}

    @staticmethod
    def hangs(process):
        """In write(2) to descriptor 1, as the kernel shows it."""
        words = pathlib.Path(f"/proc/{process.pid}/syscall").read_text(encoding="ascii").split()
        return words[:2] == ["1", "0x1"]

    @contextlib.contextmanager
    def top(self, daemon):
        master, slave = pty.openpty()
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 200, 0, 0))
        argv = [labs.PROGRAM, "top", "-s", daemon.socket, "--fps", 30]
        process = subprocess.Popen(self.lab.command("rx", *argv), stdin=slave, stdout=slave,
                                   stderr=slave, start_new_session=True,
                                   env={**os.environ, "TERM": "xterm-256color"})
        self.lab.processes.append(process)
        try:
            os.read(master, 1)
            os.write(master, CTRL_S)
            labs.wait_for("top to hang", lambda: self.hangs(process))
            yield
            assert self.hangs(process), "top did not stand still"
        finally:
            process.kill()
            process.wait()
            os.close(master)
            os.close(slave)

    @contextlib.contextmanager
    def run(self, daemon, stalled):
        # Both runs of a pair have the same story, but for what is there while it is measured.
        with self.top(daemon):
            if stalled:
                self.lab.gen("--rate", "200k", "--dport", 9, count=40000)
                yield
        if not stalled:
            self.lab.gen("--rate", "200k", "--dport", 9, count=40000)
            yield


def send(lab, daemon, kind):
    before = daemon.stats()["total"][COLUMN[kind]]
    sent = lab.gen("--dport", 10, "--via", "live", "--flows", 64, "--for", "1s")
    return before, sent["seconds"]


def one(lab, daemon, culprit, kind, stalled):
    with culprit.run(daemon, stalled):
        before, seconds = send(lab, daemon, kind)
    return (daemon.settled()["total"][COLUMN[kind]] - before) / seconds


def measure(lab, daemon, culprit, kind, pairs):
    for pair in range(pairs):
        order = (False, True) if pair % 2 else (True, False)
        found = {stalled: one(lab, daemon, culprit, kind, stalled) for stalled in order}
        ratio = found[True] / found[False]
        print(f"running {found[False] / 1e6:.2f} Mpps, stalled {found[True] / 1e6:.2f} Mpps, "
              f"ratio {ratio:.3f}", flush=True)
        yield ratio


def read_kept(path):
    return json.loads(path.read_text(encoding="utf-8")) if path and path.exists() else {}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=sorted(COLUMN))
    parser.add_argument("pairs", nargs="?", type=int, default=11)
    parser.add_argument("--of", choices=["analyser", "terminal"], default="analyser")
    parser.add_argument("--keep", metavar="FILE", type=pathlib.Path)
    return parser.parse_args()


def main():
    args = arguments()
    kept = read_kept(args.keep)
    ratios = kept.setdefault(f"{args.of} {args.kind}", [])
    with labs.Lab() as lab:
        culprit = {"analyser": Analyser, "terminal": Terminal}[args.of](lab)
        rules = ["copy take 64 to watch proto udp dport 9",
                 f"copy take 64 sample 1/64 to watch then {ACTION[args.kind]} proto udp dport 10"]
        with lab.daemon(*rules, consumers=[culprit.consumer,
                                           {"name": "sink", "kind": "sink"}]) as daemon:
            for ratio in measure(lab, daemon, culprit, args.kind, args.pairs):
                ratios.append(ratio)
                if args.keep:
                    args.keep.write_text(json.dumps(kept), encoding="utf-8")
            stats = daemon.stats()
    lost = next(c for c in stats["consumers"] if c["name"] == "watch")["copied_lost"]
    print(f"{args.of}, {args.kind}: {len(ratios)} pairs, median {statistics.median(ratios):.3f} "
          f"({min(ratios):.3f}..{max(ratios):.3f}), the analyser lost {lost}, "
          f"balanced: {stats.get('balanced')}")


if __name__ == "__main__":
    main()
