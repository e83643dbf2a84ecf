# SPDX-License-Identifier: MIT OR Apache-2.0
"""Ours and its peers side by side, in interleaved pairs on a veth; see scripts/bench-peers.sh."""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "netns"))

import lab as labs  # noqa: E402
import reflectors  # noqa: E402
import in_turn  # noqa: E402
from capturers import Tcpdump, Xdpdump  # noqa: E402
from receivers import (AF_PACKET, BareDrop, CHUNK_BYTES, FRAMES, Missing, NftDrop,  # noqa: E402
                       PushPacket, RINGS, Testpmd, Xdpsock)

# What the source sends: one flow of 64-byte UDP packets to port 9.
SEVEN_OTHERS = [f"drop proto udp src 203.0.113.{i} dport {5000 + i}" for i in range(7)]


def rules_of(path):
    lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def route_to_sink(rules=()):
    return PushPacket(f"push-packet route to sink, {len(rules) + 1:,} rules", "sink",
                      [*rules, "route to sink any prio 1000000"],
                      rings=RINGS, umem={"chunk": CHUNK_BYTES, "frames": FRAMES})


def drop_behind(rules):
    """The packets of the source meet none of the rules but the last."""
    return PushPacket(f"push-packet drop, {len(rules) + 1:,} rules", "dropped",
                      [*rules, "drop any prio 1000000"], workers={"idle": "adaptive"})


def copy(then):
    return PushPacket(f"push-packet copy take 64 then {then}", "ring_read",
                      [f"copy take 64 {'then drop ' if then == 'drop' else ''}proto udp dport 9"],
                      rings={"copy": "32MiB"})


def flood(lab, args):
    return lab.gen("--for", f"{int(args.seconds * 1000)}ms", "--via", "live", "--payload", "none",
                   "--flows", args.flows)


def rates(sent, delivered):
    return {"delivered": delivered / sent["seconds"] / 1e6,
            "sent": sent["sent"] / sent["seconds"] / 1e6,
            "lost": 1 - delivered / sent["sent"]}


class Comparison:
    """What is measured of both; target is what ours / peer shall be, None: just to be told."""

    def __init__(self, name, ours, peer, **targets):
        self.name = name
        self.ours = ours
        self.peer = peer  # None: ours alone
        self.targets = targets

    def measure(self, receiver, args):
        """One run: a fresh veth, the receiver, the source for some seconds."""
        with labs.Lab() as lab:
            receiver.start(lab)
            sent = flood(lab, args)
            run = rates(sent, receiver.finish())
        if isinstance(receiver, PushPacket) and receiver.column == "ring_read":
            full = receiver.total["copy_ring_full"]
            run["ring lost"] = full / max(1, receiver.total["copied"] + full)
        return run

    def measure_turn(self, side, args):
        with side.turn() as lab:
            sent = flood(lab, args)
        return rates(sent, side.since())

    def end_turns(self, side):
        said = side.finish(lambda receiver: receiver.finish())
        if abs(said - side.delivered) > side.delivered / 1e5:
            raise Missing(f"says that it got {said:,} packets, the driver of the interface says "
                          f"{side.delivered:,}")

    def takes_turns(self):
        return self.peer is not None and self.ours().driver_counts and self.peer().driver_counts

    # Figure, unit, lower is better, whether the ratio is to be at most the target.
    figures = [("delivered", "Mpps", False), ("sent", "Mpps", False), ("lost", "of sent", True),
               ("ring lost", "of copied", True)]


class RoundTrip(Comparison):
    figures = [("p50", "us at p50", True), ("p99", "us at p99", True), ("lost", "of sent", True)]

    def measure(self, receiver, args):
        with labs.Lab() as lab:
            receiver.start(lab)
            run = reflectors.round_trip(lab, args)
            reflectors.end(receiver)
        return run

    def measure_turn(self, side, args):
        with side.turn() as lab:
            return reflectors.round_trip(lab, args)

    def end_turns(self, side):
        side.finish(reflectors.end)

    def takes_turns(self):
        return True


def comparisons(args):
    many = rules_of(args.behind) if args.behind else []
    if args.rules:
        return [Comparison(f"drop-{pathlib.Path(path).name}",
                           lambda path=path: drop_behind(rules_of(path)),
                           lambda: BareDrop(args.bare_drop)) for path in args.rules]

    def sink():
        return route_to_sink(many)

    def mirror():
        return reflectors.reflect(many)
    return [
        Comparison("sink-xdpsock", sink, lambda: Xdpsock(args.xdpsock), delivered=1.0),
        Comparison("sink-testpmd", sink, Testpmd, delivered=1.15),
        Comparison("sink-packet", sink, lambda: Testpmd(device=AF_PACKET)),
        Comparison("drop-bare", lambda: drop_behind(SEVEN_OTHERS),
                   lambda: BareDrop(args.bare_drop), delivered=0.9),
        Comparison("drop-nft", lambda: drop_behind(many), NftDrop),
        Comparison("copy", lambda: copy("drop"), None),
        Comparison("copy-tcpdump", lambda: copy("pass"), Tcpdump, delivered=1.3),
        Comparison("copy-xdpdump", lambda: copy("pass"), Xdpdump, delivered=1.5),
        RoundTrip("rtt-xdpsock", mirror, lambda: reflectors.l2fwd(args.xdpsock),
                  p50=1.05, p99=1.05),
        RoundTrip("rtt-testpmd", mirror, reflectors.macswap, p50=1.05, p99=1.05),
        RoundTrip("rtt-udp-spin", mirror, lambda: reflectors.UdpEcho("spin"), p50=1 / 1.5),
        RoundTrip("rtt-udp-sleep", mirror, lambda: reflectors.UdpEcho("sleep"), p50=1 / 10),
    ]


NAMES = ["sink-xdpsock", "sink-testpmd", "sink-packet", "drop-bare", "drop-nft", "copy",
         "copy-tcpdump", "copy-xdpdump", "rtt-xdpsock", "rtt-testpmd", "rtt-udp-spin",
         "rtt-udp-sleep"]


def run_pairs(comparison, sides, measure, args):
    """measure(side, make) is one run of a side."""
    for number in range(args.pairs):
        pair = [("ours", comparison.ours), ("peer", comparison.peer)]
        # Who comes first changes, in case it matters.
        runs = {side: measure(side, make) for side, make in
                (pair if number % 2 == 0 else pair[::-1]) if make is not None}
        for side, run in runs.items():
            sides[side]["runs"].append(run)
        progress(f"{comparison.name}: pair {number + 1} of {args.pairs}")


def compare_fresh(comparison, sides, args):
    def measure(side, make):
        receiver = make()
        sides[side]["name"] = receiver.name
        return named(receiver, lambda: comparison.measure(receiver, args))
    run_pairs(comparison, sides, measure, args)


def compare_in_turn(comparison, sides, args):
    alive = {}
    try:
        for side, make in (("ours", comparison.ours), ("peer", comparison.peer)):
            receiver = make()
            sides[side]["name"] = receiver.name
            alive[side] = named(receiver, lambda r=receiver: in_turn.Side(r))
        run_pairs(comparison, sides, lambda side, _: named(
            alive[side].receiver, lambda: comparison.measure_turn(alive[side], args)), args)
        while alive:
            side = alive.popitem()[1]
            named(side.receiver, lambda s=side: comparison.end_turns(s))
    finally:
        for side in alive.values():
            side.lab.close()


def named(receiver, do):
    try:
        return do()
    except Missing as why:
        raise Missing(f"{receiver.name}: {why}") from why


def compare(comparison, kept, args):
    """Pairs in turn, so that what drifts drifts under both; kept: pairs of earlier sittings."""
    way = "in turn" if args.in_turn else "fresh"
    sides = {"ours": {"runs": []}, "peer": {"runs": []}, "way": way} | (kept or {})
    if args.pairs == 0:
        return {"comparison": comparison, **sides}
    try:
        if args.in_turn and not comparison.takes_turns():
            raise Missing("its packets are counted at the end of a run: leave out --in-turn")
        if sides["way"] != way:
            raise Missing(f"the pairs in {args.keep} are of the other kind: {sides['way']}")
        (compare_in_turn if args.in_turn else compare_fresh)(comparison, sides, args)
    except Missing as why:
        return {"comparison": comparison, "missing": str(why)}
    return {"comparison": comparison, **sides}


def read_kept(path):
    return json.loads(pathlib.Path(path).read_text(encoding="utf-8"))


def write_kept(path, results):
    """After each comparison, so that a run that is ended leaves what it has."""
    kept = read_kept(path) if pathlib.Path(path).exists() else {}
    kept |= {result["comparison"].name: {side: result[side] for side in ("ours", "peer", "way")}
             for result in results if "missing" not in result}
    pathlib.Path(path).write_text(json.dumps(kept, indent=1), encoding="utf-8")


def progress(text):
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def rows(result):
    """What `push-packet bench pairs` reads: a row for each figure."""
    comparison = result["comparison"]
    for figure, unit, lower in comparison.figures:
        samples = {side: [run[figure] for run in result[side]["runs"] if figure in run]
                   for side in ("ours", "peer")}
        if not samples["ours"]:
            continue
        row = {"name": f"{comparison.name} {figure}", "unit": unit, "lower_is_better": lower,
               "ours": {"name": result["ours"]["name"], "samples": samples["ours"]}}
        # A ratio of losses says nothing: mostly they are 0.
        if len(samples["peer"]) == len(samples["ours"]):
            row["peer"] = {"name": result["peer"]["name"], "samples": samples["peer"]}
            target = comparison.targets.get(figure)
            if target is not None:
                row |= {"target": target, "at_most": lower}
        yield row


def table(results):
    """A line for each side of each comparison, for people who read on while it runs."""
    for result in results:
        if "missing" in result:
            print(f"{result['comparison'].name}: missing: {result['missing']}", flush=True)
            continue
        for side in ("ours", "peer"):
            runs = result[side]["runs"]
            figures = ", ".join(f"{key} {statistics.median(run[key] for run in runs):.6g}"
                                for key in runs[0]) if runs else ""
            if runs:
                print(f"{result['comparison'].name}: {result[side]['name']}: {figures}",
                      flush=True)


def judge(results, args):
    """One table, one document, one chart: push-packet bench pairs."""
    done = [result for result in results if "missing" not in result]
    document = {
        "settings": {"pairs": max((len(result["ours"]["runs"]) for result in done), default=0),
                     "seconds": str(args.seconds),
                     "sides": ", ".join(sorted({result["way"] for result in done})),
                     "flows": args.flows,
                     "rtt_rate": args.rate, "rtt_size": args.size, "rings": RINGS["rx"],
                     "umem_frames": FRAMES, "rules_behind": args.behind or ""},
        "warnings": [f"missing: {result['missing']}" for result in results
                     if "missing" in result],
        "comparisons": [row for result in done for row in rows(result)]}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(document, file)
        file.flush()
        extra = [f"--json={args.json}"] if args.json else []
        if args.chart:
            extra += ["--chart", args.chart]
        return subprocess.run([labs.PROGRAM, "bench", "pairs", file.name, *extra],
                              check=False).returncode


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench-peers.sh", description=__doc__)
    parser.add_argument("--pairs", type=int, default=11, help="pairs of runs (default 11)")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each run (default 2)")
    parser.add_argument("--in-turn", action="store_true",
                        help="one lab for all runs of a side, which is stopped while it is the "
                        "other's turn: pairs of 0.1 s that what drifts cannot part (not for "
                        "copies, nft and AF_PACKET, which are counted at the end of a run)")
    parser.add_argument("--only", action="append", metavar="NAME", choices=NAMES,
                        help=f"one of them; may be given more than once: {', '.join(NAMES)}")
    parser.add_argument("--behind", metavar="FILE",
                        help="rules in front of ours where it routes (default: 1,000, acl1-like)")
    parser.add_argument("--rules", action="append", default=[], metavar="FILE",
                        help="instead: drop with these rules in force, beside a bare XDP_DROP")
    parser.add_argument("--flows", type=int, default=1, help="of the source (default 1)")
    parser.add_argument("--rate", default="10k", help="of round trips (default 10k)")
    parser.add_argument("--size", default="64", help="of round trips (default 64)")
    parser.add_argument("--keep", metavar="FILE",
                        help="add to the pairs in FILE, and keep all there: many pairs in several "
                        "sittings; with --pairs 0 those in FILE are judged")
    parser.add_argument("--json", metavar="FILE", help="every run, and the verdicts")
    parser.add_argument("--chart", metavar="PREFIX", help="PREFIX.svg and PREFIX.png")
    parser.add_argument("--xdpsock", help="path of xdpsock")
    parser.add_argument("--bare-drop", required=True, help=argparse.SUPPRESS)
    args = parser.parse_args()

    kept = read_kept(args.keep) if args.keep and pathlib.Path(args.keep).exists() else {}
    results = []
    for comparison in comparisons(args):
        if args.only and comparison.name not in args.only:
            continue
        results.append(compare(comparison, kept.get(comparison.name), args))
        if args.keep:
            write_kept(args.keep, results[-1:])
        progress("")
        table(results[-1:])
    print(flush=True)
    sys.exit(judge(results, args))


if __name__ == "__main__":
    main()
