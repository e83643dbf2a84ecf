# SPDX-License-Identifier: MIT OR Apache-2.0
"""Ours and its peers side by side, in interleaved pairs on a veth; see scripts/bench.sh."""

import argparse
import json
import pathlib
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "netns"))

import lab as labs  # noqa: E402
from receivers import (BareDrop, CHUNK_BYTES, FRAMES, Missing, PushPacket, RINGS, Testpmd,  # noqa: E402
                       Xdpsock)

# What the source sends: one flow of 64-byte UDP packets to port 9.
SEVEN_OTHERS = [f"drop proto udp src 203.0.113.{i} dport {5000 + i}" for i in range(7)]


def route_to_sink():
    return PushPacket("push-packet route to sink", "sink", ["route to sink proto udp dport 9"],
                      rings=RINGS, umem={"chunk": CHUNK_BYTES, "frames": FRAMES})


def drop_last_of_eight():
    return PushPacket("push-packet drop, 8 rules", "dropped",
                      [*SEVEN_OTHERS, "drop proto udp dport 9"], workers={"idle": "adaptive"})


def drop_of_file(path):
    """All rules of a file; the packets of the source meet none of them but the last."""
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line.strip() and not line.startswith("#")]
    return PushPacket(f"push-packet drop, {len(rules):,} rules", "dropped",
                      [*rules, "drop any prio 1000000"], workers={"idle": "adaptive"})


def copy_take_64():
    return PushPacket("push-packet copy take 64 then drop", "ring_read",
                      ["copy take 64 then drop proto udp dport 9"], rings={"copy": "32MiB"})


def comparisons(args):
    """Name, ours, the peer or None, the ratio that is asked for."""
    if args.rules:
        return [(f"drop-{pathlib.Path(path).name}", lambda path=path: drop_of_file(path),
                 lambda: BareDrop(args.bare_drop), 0.8) for path in args.rules]
    return [
        ("sink-xdpsock", route_to_sink, lambda: Xdpsock(args.xdpsock), 0.95),
        ("sink-testpmd", route_to_sink, Testpmd, 1.0),
        ("drop-bare", drop_last_of_eight, lambda: BareDrop(args.bare_drop), 0.9),
        ("copy", copy_take_64, None, None),
    ]


def measure(receiver, args):
    """One run: a fresh veth, the receiver, the source for some seconds."""
    with labs.Lab() as lab:
        receiver.start(lab)
        sent = lab.gen("--for", f"{int(args.seconds * 1000)}ms", "--via", "live",
                       "--payload", "none", "--flows", args.flows)
        delivered = receiver.finish()
    run = {"sent": sent["sent"], "seconds": sent["seconds"], "delivered": delivered,
           "mpps": delivered / sent["seconds"] / 1e6,
           "lost": 1 - delivered / sent["sent"]}
    if isinstance(receiver, PushPacket) and receiver.column == "ring_read":
        full = receiver.total["copy_ring_full"]
        run["ring_loss"] = full / max(1, receiver.total["copied"] + full)
    return run


def compare(name, ours, peer, target, args):
    """Pairs in turn, so that what drifts drifts under both."""
    result = {"name": name, "target": target, "ours": [], "peer": [], "ratios": []}
    for number in range(args.pairs):
        result["ours"].append(measure(subject := ours(), args))
        result["ours_name"] = subject.name
        if peer is None:
            continue
        try:
            other = peer()
            result["peer_name"] = other.name
            result["peer"].append(measure(other, args))
        except Missing as why:
            result["missing"] = str(why)
            break
        result["ratios"].append(result["ours"][-1]["mpps"] / result["peer"][-1]["mpps"])
        progress(f"{name}: pair {number + 1} of {args.pairs}: {result['ratios'][-1]:.3f}")
    return result


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def middle(runs, key):
    return statistics.median(run[key] for run in runs)


def line(name, runs, ratios=None):
    text = f"  {name:<36} {middle(runs, 'mpps'):6.2f} Mpps  lost {middle(runs, 'lost'):8.2%}"
    if ratios:
        text += f"  ratio {statistics.median(ratios):.3f}  ({min(ratios):.3f}..{max(ratios):.3f})"
    return text


def show(result):
    print(f"{result['name']}, {len(result['ours'])} runs of each")
    print(line(result["ours_name"], result["ours"], result["ratios"]))
    if result["peer"]:
        print(line(result["peer_name"], result["peer"]))
    if "missing" in result:
        print(f"  {result['peer_name']:<36} {result['missing']}")
    if "ring_loss" in result["ours"][0]:
        worst = max(run["ring_loss"] for run in result["ours"])
        print(f"  ring loss: at most {worst:.2e} of the packets")


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench.sh", description=__doc__)
    parser.add_argument("--pairs", type=int, default=7, help="pairs of runs (default 7)")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each run (default 2)")
    parser.add_argument("--only", action="append", metavar="NAME",
                        choices=["sink-xdpsock", "sink-testpmd", "drop-bare", "copy"])
    parser.add_argument("--rules", action="append", default=[], metavar="FILE",
                        help="instead: drop with these rules in force, beside a bare XDP_DROP")
    parser.add_argument("--flows", type=int, default=1, help="of the source (default 1)")
    parser.add_argument("--json", action="store_true", help="every run, as JSON")
    parser.add_argument("--xdpsock", help="path of xdpsock")
    parser.add_argument("--bare-drop", required=True, help=argparse.SUPPRESS)
    args = parser.parse_args()

    results = []
    for name, ours, peer, target in comparisons(args):
        if args.only and name not in args.only:
            continue
        results.append(compare(name, ours, peer, target, args))
        progress("")
        if not args.json:
            show(results[-1])
    if args.json:
        json.dump(results, sys.stdout, indent=1)
        print()


if __name__ == "__main__":
    main()
