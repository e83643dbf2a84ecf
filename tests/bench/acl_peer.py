#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""DPDK's librte_acl (dpdk-test-acl) beside our engines, on the same rule sets: ns a packet.

    acl_peer.py [--runs 5] [--engine tuple]... [--json] SET...

SET is a file, ClassBench's format or ours, or gen:KIND[:FAMILY]:COUNT:SEED. Both sides see headers
of the same kind: random ones inside of random rules. librte_acl gets bursts of 256 and answers
them with the instructions named; its figures are CPU time, the difference between a long run and
a short one, so that what else the machine does counts less. An engine's figure is that of
`push-packet bench classify`. What is not here is named as missing.
"""
import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

BUILD = Path(__file__).resolve().parents[2] / "build"
ALGORITHMS = ("scalar", "avx2", "avx512x16")
PACKETS = 20000
SHORT, LONG = 10, 110  # times through the trace
EAL = ["--no-huge", "--no-shconf", "--no-telemetry", "--no-pci", "-m", "1024"]


class Missing(Exception):
    pass


def cpu_seconds(command):
    """CPU time of a command, and what it printed."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise Missing(output.strip().splitlines()[-1] if output.strip() else "no output")
    return usage.ru_utime + usage.ru_stime, output


def acl_command(rules, trace, algorithm, times, ip6):
    command = ["dpdk-test-acl", *EAL, "-l", str(min(os.sched_getaffinity(0))), "--"]
    command += [f"--rulesf={rules}", f"--tracef={trace}", f"--tracenum={PACKETS}", "--rulenum=131072"]
    command += ["--tracestep=256", "--bldcat=1", "--runcat=1", "--verbose=0"]
    command += [f"--iter={times}", f"--alg={algorithm}"]
    return command + (["--ipv6"] if ip6 else [])


def acl_once(rules, trace, algorithm, ip6):
    """ns a packet."""
    short, _ = cpu_seconds(acl_command(rules, trace, algorithm, SHORT, ip6))
    long, output = cpu_seconds(acl_command(rules, trace, algorithm, LONG, ip6))
    if not re.search(rf"{LONG} iterations, {LONG * PACKETS} pkts", output):
        raise Missing("did not classify all packets")
    return (long - short) / (LONG - SHORT) / PACKETS * 1e9


def has_instructions(algorithm):
    flag = {"avx2": " avx2 ", "avx512x16": " avx512bw "}.get(algorithm, "")
    return flag in Path("/proc/cpuinfo").read_text().replace("\n", " \n")


def classify_once(engine, rules):
    command = [str(BUILD / "app/push-packet"), "bench", "classify", "--engine", engine]
    done = subprocess.run([*command, "--rules", rules, "--runs", "3", "--json"],
                          capture_output=True, text=True)
    if done.returncode != 0:
        raise Missing(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "failed")
    return json.loads(done.stdout)["ns_mean"]


def prepare(folder, index, spec):
    """The set as a file for librte_acl, and headers for it."""
    gen = str(BUILD / "tests/bench/ruleset-gen")
    rules, trace = folder / f"rules{index}", folder / f"trace{index}"
    for path, more in ((rules, ["--format", "classbench"]), (trace, ["--trace", str(PACKETS)])):
        with open(path, "w") as out:
            subprocess.run([gen, "--rules", spec, *more], stdout=out, check=True)
    return rules, trace, ":" in rules.read_text().split("/", 1)[0]


def contestants(engines):
    """Name, and what measures once: of (spec, rules, trace, ip6)."""
    for algorithm in ALGORITHMS:
        if shutil.which("dpdk-test-acl") is None:
            yield f"acl {algorithm}", None, "dpdk-test-acl is not installed (Debian: dpdk-dev)"
        elif not has_instructions(algorithm):
            yield f"acl {algorithm}", None, "this CPU has no such instructions"
        else:
            yield f"acl {algorithm}", lambda s, r, t, v, a=algorithm: acl_once(r, t, a, v), None
    for engine in engines:
        yield engine, lambda s, r, t, v, e=engine: classify_once(e, str(r)), None


def measure(options, folder):
    """ns by set and contestant, in rounds, and why some are missing."""
    all_of_them = list(contestants(options.engine))
    missing = {name: why for name, _, why in all_of_them if why}
    ns = {spec: {name: [] for name, _, _ in all_of_them} for spec in options.set}
    made = {spec: prepare(folder, i, spec) for i, spec in enumerate(options.set)}
    for _ in range(options.runs):
        for spec in options.set:
            for name, once, why in all_of_them:
                if why or f"{name} on {spec}" in missing:
                    continue
                try:
                    ns[spec][name].append(once(spec, *made[spec]))
                except Missing as error:
                    missing[f"{name} on {spec}"] = str(error)
    return ns, missing


def print_table(ns, missing):
    names = list(next(iter(ns.values())))
    width = max(len(Path(spec).name) for spec in ns)
    print("ns a packet, median (least..most)")
    print(" " * width, *(f"{name:>22}" for name in names))
    for spec, row in ns.items():
        cells = []
        for name in names:
            v = row[name]
            cells.append(f"{statistics.median(v):.0f} ({min(v):.0f}..{max(v):.0f})" if v else "-")
        print(f"{Path(spec).name:{width}}", *(f"{cell:>22}" for cell in cells))
    for name, why in missing.items():
        print(f"missing: {name}: {why}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--engine", action="append", default=[])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("set", nargs="+")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ns, missing = measure(options, Path(folder))
    if options.json:
        json.dump({"ns": ns, "missing": missing}, sys.stdout, indent=1)
        print()
    else:
        print_table(ns, missing)


if __name__ == "__main__":
    main()
