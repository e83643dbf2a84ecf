# SPDX-License-Identifier: MIT OR Apache-2.0
"""Programs that receive on the lab's pp0: ours and those it is compared with.

Each has start(lab), which returns when packets can come, and finish(), which ends it and returns
how many packets it says it received. All are on CPU 1; the source is on CPU 0.
"""

import os
import re
import shutil
import signal
import time

import lab as labs

CPU = labs.WORKER_CPU
RING_SLOTS = 2048  # receive, transmit, completion; the fill ring has twice as many
CHUNK_BYTES = 2048
FRAMES = 16384  # as scripts/bench.sh builds xdpsock

RINGS = {"rx": RING_SLOTS, "tx": RING_SLOTS, "fill": 2 * RING_SLOTS, "completion": RING_SLOTS}


class Missing(Exception):
    """A peer that is not here, or does not start: why."""


class PushPacket:
    """Ours, with some rules; column is where the ledger counts the packets in question."""

    def __init__(self, name, column, rules, **sections):
        self.name = name
        self.column = column
        self.rules = rules
        self.sections = sections
        self.daemon = None
        self.total = {}

    def start(self, lab):
        self.daemon = lab.daemon(*self.rules, **self.sections)

    def finish(self):
        stats = self.daemon.settled()
        self.total = stats["total"]
        status = self.daemon.stop()
        if status != 0:
            raise AssertionError(f"push-packet ended with status {status}:\n{self.daemon.log}")
        return self.total[self.column]


class Xdpsock:
    name = f"xdpsock -r -N -c -f {CHUNK_BYTES}"

    def __init__(self, path):
        self.path = path
        self.process = None
        self.output = None

    def start(self, lab):
        if not self.path or not os.access(self.path, os.X_OK):
            raise Missing("not found: XDPSOCK=PATH names it, or BPF_EXAMPLES=DIR where its "
                          "source is (bpf-examples)")
        self.output = lab.folder / "xdpsock.log"
        with open(self.output, "w", encoding="utf-8") as log:
            # -x: the kernel's own counters; -n 1: look at them once a second.
            self.process = lab.spawn("rx", "env", "LIBXDP_SKIP_DISPATCHER=1", self.path, "-i", "pp0",
                                     "-q", "0", "-r", "-N", "-c", "-f", str(CHUNK_BYTES), "-x",
                                     "-n", "1", cpu=CPU,
                                     output=log)
        wait_attached(lab, self.process, self.output)

    def finish(self):
        return end_and_read(self.process, self.output, r"^rx +[\d,]+ +([\d,]+)", signal.SIGTERM)


class Testpmd:
    name = "dpdk-testpmd rxonly"

    def __init__(self):
        self.path = shutil.which("dpdk-testpmd")
        self.process = None
        self.output = None

    def start(self, lab):
        if self.path is None:
            raise Missing("not found: Debian's package dpdk-dev has it")
        self.output = lab.folder / "testpmd.log"
        # busy_budget=0 is the faster way on veth: without it every receive is a system call.
        with open(self.output, "w", encoding="utf-8") as log:
            self.process = lab.spawn(
                "rx", "env", "LIBXDP_SKIP_DISPATCHER=1", self.path, "--no-huge", "-m", "256",
                "--no-pci", "--no-telemetry", "-l", f"{labs.SOURCE_CPU},{CPU}",
                "--main-lcore", labs.SOURCE_CPU, f"--file-prefix=pp{os.getpid()}",
                "--vdev=net_af_xdp0,iface=pp0,start_queue=0,queue_count=1,busy_budget=0", "--",
                "--forward-mode=rxonly", f"--rxd={RING_SLOTS}", f"--txd={RING_SLOTS}",
                "--total-num-mbufs=16384", "--stats-period", "1", output=log)
        wait_attached(lab, self.process, self.output)

    def finish(self):
        # The numbers are printed once a second.
        time.sleep(1.1)
        return end_and_read(self.process, self.output, r"RX-packets: (\d+)", signal.SIGINT)


class BareDrop:
    name = "bare XDP_DROP"

    def __init__(self, bpf_object):
        self.bpf_object = bpf_object
        self.lab = None

    def start(self, lab):
        self.lab = lab
        lab.run("rx", "ip", "link", "set", "dev", "pp0", "xdpdrv", "object", self.bpf_object,
                "section", "xdp")

    def finish(self):
        counters = self.lab.driver_counters("rx", "pp0")
        return sum(value for key, value in counters.items()
                   if re.fullmatch(r"rx_queue_\d+_xdp_drops", key))


def wait_attached(lab, process, output):
    def ready():
        return process.poll() is not None or lab.xdp_program()
    labs.wait_for("the XDP program of " + str(process.args), ready)
    # Attached is not yet receiving: sockets and threads follow.
    time.sleep(1.0)
    if process.poll() is not None:
        text = output.read_text(encoding="utf-8", errors="replace").strip()
        raise Missing(f"did not start: {text.splitlines()[-1] if text else process.returncode}")


def end_and_read(process, output, pattern, number):
    process.send_signal(number)
    process.wait(timeout=20)
    text = output.read_text(encoding="utf-8", errors="replace")
    found = re.findall(pattern, text, re.MULTILINE)
    if not found:
        raise Missing(f"printed no count: {text[-300:]!r}")
    return max(int(value.replace(",", "")) for value in found)
