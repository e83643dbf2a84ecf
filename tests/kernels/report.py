#!/usr/bin/python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Read what load_test and the guest's init.sh printed; a line for each program.

report.py KERNEL LOG BUDGETS [PROGRAM...]: BUDGETS has lines `PROGRAM INSTRUCTIONS`. The programs
named must all have been tried. Exit status 1: something is not as it must be.
"""
import json
import re
import sys

LIMIT = 1_000_000  # of the kernel's verifier

kernel, log, budgets, *wanted = sys.argv[1:]
lines = open(log, encoding="utf-8", errors="replace").read().replace("\r", "").splitlines()
budget = {name: int(n) for name, n in (line.split() for line in budgets.splitlines() if line)}
failed = False


def say(what, wrong, text=""):
    global failed
    failed |= bool(wrong)
    print(f"{kernel:<6}{what:<28}{text}  {f'FAILED: {wrong}' if wrong else 'ok'}")


def report_program(name, good, rest):
    costs = {key: int(value) for key, value in re.findall(r" (\w+)=(\d+)", rest)}
    if not costs or not good:
        return say(name, rest.partition(": ")[2] or "no costs")
    most = max(costs["insns"], costs["frags_insns"], costs["out_insns"])
    allowed = budget.get(name)
    wrong = None
    if allowed is None:
        wrong = "no budget for this program in scripts/kernels.sh"
    elif most > min(allowed, LIMIT):
        wrong = "over its budget of instructions"
    say(name, wrong, f"{costs['insns']:>9,} {costs['frags_insns']:>9,} {costs['out_insns']:>9,}"
        f" {allowed or 0:>9,}"
        f" {costs['load_us'] // 1000:>7,} ms")


def report_programs():
    seen = set()
    for line in lines:
        found = re.match(r"(not )?ok \d+ - ([^\s:]+)(.*)$", line)
        if found:
            seen.add(found[2])
            report_program(found[2], not found[1], found[3])
    for name in wanted:
        if name not in seen:
            say(name, "it was not tried")


def with_prefix(prefix):
    return [line[len(prefix):] for line in lines if line.startswith(prefix)]


def what_differs():
    """Of push-packet run: what is not where it should be."""
    sent = {}
    for line in with_prefix("sent "):
        name, _, text = line.partition(" ")
        report = json.loads(text)
        # What the veth refused never reached the other end.
        sent[name] = sent.get(name, 0) + report["sent"] - (report["driver_dropped"] or 0)
    out = int(with_prefix("out ")[0])
    stats = json.loads(with_prefix("stats ")[0])
    for rule in stats["rules"]:
        name = rule["name"] or "-"
        expected = out if name == "ping" else sent[name]
        if rule["packets"] != expected:
            return f"{rule['packets']} packets matched {name}, {expected} were sent"
    egress = stats["interfaces"][0]["egress"]
    row = egress["ledger"]
    if not out or (row["seen"], row["copied"], row["passed"]) != (out, out, out):
        return f"of {out} packets that the kernel sent the program saw {row['seen']}: {row}"
    if egress["attached"] != ("clsact" if kernel == "6.1" else "tcx"):
        return f"what is sent is judged by {egress['attached']}"
    total = stats["total"]
    if total["seen"] != sum(sent.values()) + out or total["seen"] == out:
        return f"{total['seen']} packets seen, {sum(sent.values())} + {out} were sent"
    for column, names, more in (("copy_analysed", ("names", "web", "scanner"), out),
                                ("sink", ("bypass",), 0), ("reflected", ("echo",), 0)):
        if total[column] != sum(sent[name] for name in names) + more:
            return f"{column} is {total[column]}"
    if not stats["balanced"]:
        return "the ledger does not balance"
    return None


def report_run():
    status = with_prefix("run ended with status ")
    started = with_prefix("started ")
    try:
        wrong = what_differs()
    except (LookupError, TypeError, ValueError) as error:
        wrong = f"its statistics cannot be read ({error!r})"
    if status != ["0"]:
        wrong = f"it ended with status {status[0] if status else 'unknown'}"
    say("push-packet run", wrong, f"{'started in':>30} {started[0] if started else '?'}")


report_programs()
if kernel != "host":
    report_run()
    if "done" not in lines:
        say("the guest", "it did not come to its end")
sys.exit(failed)
