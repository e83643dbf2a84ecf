# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a change of rules costs on a running appliance; see scripts/bench.sh.

Each figure is measured from outside: commands as an operator gives them, requests over the
control socket, packets that the lab's source sends.
"""

import gzip
import os
import pathlib
import random
import statistics
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "netns"))

import lab as labs  # noqa: E402
from rpc import Client  # noqa: E402

CHANGES = 100_000
PIPELINE = 256


def p(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def show(what, seconds):
    print(f"{what:<44} p50 {p(seconds, .5) * 1e3:7.2f} ms  p99 {p(seconds, .99) * 1e3:7.2f} ms  "
          f"most {max(seconds) * 1e3:7.2f} ms  ({len(seconds)})", flush=True)


def timed(call, *args, **kwargs):
    begin = time.monotonic()
    result = call(*args, **kwargs)
    return time.monotonic() - begin, result


def single_changes(lab, daemon):
    client = Client(daemon.socket)
    added, deleted, by_command = [], [], []
    for i in range(200):
        seconds, result = timed(client.call, "rules.add", rule=f"drop proto udp dport {i}")
        added.append(seconds)
        deleted.append(timed(client.call, "rules.delete", id=result["id"])[0])
    for i in range(200):
        seconds, _ = timed(lab.run, "rx", labs.PROGRAM, "rule", "add", f"drop proto tcp dport {i}",
                           "--socket", daemon.socket)
        by_command.append(seconds)
    client.call("rules.flush")
    show("one rule added, by socket", added)
    show("one rule deleted, by socket", deleted)
    show("one rule added, by command", by_command)


def replacements(daemon):
    client = Client(daemon.socket)
    sets = [[f"drop proto {proto} dport {i}" for i in range(1000)] for proto in ("tcp", "udp")]
    show("1,000 rules replaced by 1,000 others",
         [timed(client.call, "rules.replace", rules=sets[i % 2])[0] for i in range(100)])
    client.call("rules.flush")


def request_rate(daemon, per_second=1000, seconds=5):
    """Open loop: a request each millisecond whether or not the one before was answered."""
    client = Client(daemon.socket)
    before = daemon.stats()["apply"]["count"]
    count = per_second * seconds
    sent_at, took = [], []

    def receive():
        for i in range(count):
            client.receive()
            took.append(time.monotonic() - sent_at[i])

    reader = threading.Thread(target=receive)
    reader.start()
    begin = time.monotonic()
    for i in range(count):
        time.sleep(max(0, begin + i / per_second - time.monotonic()))
        sent_at.append(begin + i / per_second)
        if i % 2 == 0:
            client.send("rules.replace", rules=[f"drop proto udp dport {i}"])
        else:
            client.send("default.set", verdict="pass" if i % 4 == 1 else "drop")
    reader.join()
    elapsed = time.monotonic() - begin
    applied = daemon.stats()["apply"]["count"] - before
    show(f"{per_second} requests a second, {count} in {elapsed:.2f} s", took)
    print(f"{'':<44} put in force in {applied} publications")
    client.call("default.set", verdict="pass")
    client.call("rules.flush")


def delivered(lab, daemon, seconds):
    before = daemon.stats()["total"]["sink"]
    sent = lab.gen("--for", f"{int(seconds * 1000)}ms", "--via", "live", "--payload", "none")
    return (daemon.settled()["total"]["sink"] - before) / sent["seconds"]


def throughput_during_updates(lab, pairs=7, seconds=2.0):
    """Route to sink with and without a change of rules at every moment, in turn."""
    ratios, with_updates, without = [], [], []
    rules = ["route to sink proto udp dport 9", "drop proto udp dport 10"]
    with lab.daemon(*rules) as daemon:
        client = Client(daemon.socket)
        stop = threading.Event()
        changes = 0

        def update():
            nonlocal changes
            while not stop.is_set():
                rule = client.call("rules.add", rule="drop proto tcp dport 1")
                client.call("rules.delete", id=rule["id"])
                changes += 2

        for _ in range(pairs):
            without.append(delivered(lab, daemon, seconds))
            stop.clear()
            thread = threading.Thread(target=update)
            thread.start()
            with_updates.append(delivered(lab, daemon, seconds))
            stop.set()
            thread.join()
            ratios.append(with_updates[-1] / without[-1])
    print(f"{'route to sink during constant updates':<44} "
          f"{statistics.median(with_updates) / 1e6:.2f} Mpps, without "
          f"{statistics.median(without) / 1e6:.2f} Mpps, ratio {statistics.median(ratios):.3f} "
          f"({min(ratios):.3f}..{max(ratios):.3f}), {changes} changes", flush=True)


def big_set(lab, daemon, path):
    text = gzip.open(path, "rt").read() if path.suffix == ".gz" else path.read_text()
    plain = lab.folder / "set"
    plain.write_text(text)
    client = Client(daemon.socket)
    client.call("sets.add", name="big", entries=["192.0.2.1"])
    client.call("rules.add", rule="drop src @big")
    seconds, result = timed(lab.run, "rx", labs.PROGRAM, "set", "load", "big", plain, "--socket",
                            daemon.socket)
    print(f"set load of {path.name}: {seconds:.2f} s: {result.stdout.strip()}")
    million = lab.folder / "million"
    random.seed(1)
    million.write_text("\n".join(f"{random.randrange(1, 224)}.{random.randrange(256)}."
                                 f"{random.randrange(256)}.{random.randrange(256)}"
                                 for _ in range(1_000_000)))
    seconds, result = timed(lab.run, "rx", labs.PROGRAM, "set", "load", "big", million, "--socket",
                            daemon.socket)
    print(f"set load of 1,000,000 addresses: {seconds:.2f} s: {result.stdout.strip()}")
    show("one entry added to it", [timed(client.call, "sets.add", name="big",
                                         entries=[f"240.0.0.{i}"])[0] for i in range(50)])
    client.call("rules.flush")
    client.call("sets.delete", name="big")


def resident_kib(daemon):
    for line in pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


def memory(daemon):
    """100,000 changes, sent without waiting for the answer to the one before."""
    client = Client(daemon.socket)
    marks = []
    begin = time.monotonic()
    for done in range(0, CHANGES, PIPELINE):
        for i in range(PIPELINE // 2):
            client.send("rules.replace", rules=[f"drop proto udp dport {(done + i) % 60000}"])
            client.send("default.set", verdict="pass")
        for _ in range(PIPELINE):
            client.receive()
        if done // (CHANGES // 10) != (done + PIPELINE) // (CHANGES // 10):
            marks.append(resident_kib(daemon))
    elapsed = time.monotonic() - begin
    print(f"{CHANGES} changes in {elapsed:.1f} s ({CHANGES / elapsed:.0f} a second), resident KiB "
          f"after each tenth: {' '.join(map(str, marks))}, open descriptors "
          f"{len(os.listdir(f'/proc/{daemon.process.pid}/fd'))}")


def main():
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else None
    with labs.Lab() as lab:
        with lab.daemon() as daemon:
            single_changes(lab, daemon)
            replacements(daemon)
            request_rate(daemon)
            if path:
                big_set(lab, daemon, path)
            memory(daemon)
        throughput_during_updates(lab)


if __name__ == "__main__":
    main()
