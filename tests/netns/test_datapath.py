# SPDX-License-Identifier: MIT OR Apache-2.0
"""Which system calls workers and analysis threads make while packets flow.

Seen by the kernel's own tracepoint, in a trace instance of this test's. What they could make is
scripts/check-datapath.sh's matter.
"""

import collections
import contextlib
import os
import pathlib
import re
import subprocess

import pytest

import lab as labs

TRACING = pathlib.Path("/sys/kernel/tracing")
# x86-64 and arm64 number them differently.
NUMBERS = {"x86_64": {7: "poll", 44: "sendto", 45: "recvfrom", 202: "futex", 35: "nanosleep",
                      230: "nanosleep", 271: "poll"},
           "aarch64": {73: "poll", 206: "sendto", 207: "recvfrom", 98: "futex", 101: "nanosleep",
                       115: "nanosleep"}}[os.uname().machine]
RULES = ["route to sink proto udp dport 1", "route to mirror proto udp dport 2",
         "copy take 64 to counter then drop proto udp dport 3",
         "copy to thread proto udp dport 4", "route to thread proto udp dport 5"]
CONSUMERS = [{"name": "counter", "kind": "count"}, {"name": "sink", "kind": "sink"},
             {"name": "mirror", "kind": "reflect"},
             {"name": "thread", "kind": "count", "threads": 1}]


@contextlib.contextmanager
def tracefs():
    """Mounted as long as needed."""
    mounted = (TRACING / "instances").is_dir()
    if not mounted:
        TRACING.mkdir(exist_ok=True)
        done = subprocess.run(["mount", "-t", "tracefs", "tracefs", TRACING], check=False,
                              capture_output=True)
        if done.returncode != 0:
            pytest.skip("no tracefs here")
    try:
        yield
    finally:
        if not mounted:
            subprocess.run(["umount", TRACING], check=True)


class Trace:
    """System calls of some threads."""

    def __init__(self, name, tids):
        self.folder = TRACING / "instances" / f"push-packet-{os.getpid()}-{name}"
        self.folder.mkdir()
        (self.folder / "buffer_size_kb").write_text("16384")
        (self.folder / "set_event_pid").write_text(" ".join(map(str, tids)))
        (self.folder / "events/raw_syscalls/sys_enter/enable").write_text("1")

    def close(self):
        """Calls by thread name."""
        (self.folder / "tracing_on").write_text("0")
        calls = collections.defaultdict(collections.Counter)
        with open(self.folder / "trace", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                if found := re.match(r"\s*(pp-\w+)-\d+-\d+ .*sys_enter: NR (\d+) ", line):
                    number = int(found[2])
                    calls[found[1]][NUMBERS.get(number, f"number {number}")] += 1
        (self.folder / "events/raw_syscalls/sys_enter/enable").write_text("0")
        self.folder.rmdir()
        return calls


def threads(daemon):
    """Thread ids by name."""
    tasks = pathlib.Path(f"/proc/{daemon.process.pid}/task")
    return {int(task.name): (task / "comm").read_text().strip() for task in tasks.iterdir()}


def traced_calls(lab, idle):
    with contextlib.ExitStack() as stack:
        stack.enter_context(tracefs())
        daemon = stack.enter_context(lab.daemon(*RULES, consumers=CONSUMERS,
                                                workers={"idle": idle}))
        names = threads(daemon)
        tids = [tid for tid, name in names.items() if re.match(r"pp-(worker|thread)-", name)]
        assert len(tids) == 2, names
        trace = Trace(idle, tids)
        for port in range(1, 6):
            lab.gen("--dport", port, "--rate", "100k", count=20000)
        calls = trace.close()
        total = daemon.settled(seen=100000)["total"]
        for column in ("sink", "reflected", "copy_analysed", "analysed"):
            assert total[column] > 0, labs.nonzero(total)
        assert daemon.stop() == 0
    return calls


def test_a_busy_worker_makes_no_system_call_but_the_kick(lab):
    calls = traced_calls(lab, "busy")
    assert set(calls["pp-worker"]) <= {"sendto", "recvfrom"}, calls
    # Reflecting needs the kick: the trace did see this thread.
    assert calls["pp-worker"]["sendto"] > 0
    assert set(calls["pp-thread"]) <= {"nanosleep"}, calls


def test_an_adaptive_worker_adds_the_idle_wait(lab):
    calls = traced_calls(lab, "adaptive")
    assert set(calls["pp-worker"]) <= {"sendto", "recvfrom", "poll"}, calls
    assert calls["pp-worker"]["poll"] > 0
    assert set(calls["pp-thread"]) <= {"nanosleep"}, calls
