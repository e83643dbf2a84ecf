# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a capture whose disk is full costs the datapath: throughput of drop and route, in pairs.

    python3 tests/bench/record.py [drop|route] [PAIRS]

One packet of 64 is copied to a capture on a small file system. Each pair measures once with room on it
and once with none, in turn first; what is printed is the ratio of packets per second, without room to
with room, of each pair and its median.
"""

import pathlib
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "netns"))

import lab as labs  # noqa: E402

RULES = {"drop": "drop proto udp dport 9", "route": "route to sink proto udp dport 9"}
DISK_BYTES = 8 << 20


def measure(lab, daemon):
    """Packets per second that the XDP program sees."""
    before = daemon.settled()["total"]["seen"]
    report = lab.gen("--sport", "1024-1087", "--flows", 64, "--for", "1s")
    after = daemon.settled()["total"]["seen"]
    return (after - before) / report["seconds"]


def main(mode, pairs):
    with labs.Lab() as lab:
        folder = lab.folder / "capture"
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", folder],
                       check=True)
        try:
            ratios = run(lab, folder, mode, pairs)
        finally:
            subprocess.run(["umount", folder], check=True)
    print(f"{mode}: median {statistics.median(ratios):.3f} of {pairs} pairs")


def fill(path):
    """Use up what room there is."""
    with open(path, "wb", buffering=0) as out:
        try:
            while out.write(b"x" * 65536):
                pass
        except OSError:
            pass


def run(lab, folder, mode, pairs):
    consumers = [{"name": "evidence", "kind": "capture", "directory": str(folder), "threads": 1,
                  "file-size": "1MiB", "budget": "3MiB", "buffer": "1MiB", "flush": "100ms"},
                 {"name": "sink", "kind": "sink"}]
    filler = folder / "filler"
    ratios = []
    copy = "copy to evidence then drop proto udp dport 9 sport 1024"
    with lab.daemon(copy, RULES[mode], consumers=consumers) as daemon:
        measure(lab, daemon)
        for pair in range(pairs):
            rate = {}
            for full in (False, True) if pair % 2 else (True, False):
                if full:
                    fill(filler)
                else:
                    filler.unlink(missing_ok=True)
                rate[full] = measure(lab, daemon)
            ratios.append(rate[True] / rate[False])
            print(f"{mode}: full {rate[True]:,.0f} free {rate[False]:,.0f} "
                  f"ratio {ratios[-1]:.3f}", flush=True)
    return ratios


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "drop",
         int(sys.argv[2]) if len(sys.argv) > 2 else 11)
