# SPDX-License-Identifier: MIT OR Apache-2.0
"""Programs that receive on the lab's pp0: ours and those it is compared with.

Each has start(lab), which returns when packets can come, and finish(), which ends it and returns
how many packets it says it received. All are on CPU 1; the source is on CPU 0. Those that send
packets back are in reflectors.py, those that capture in capturers.py.
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


# What the driver counts: packets that it gave to an AF_XDP socket, or dropped because the program on
# the interface said so.
REDIRECTED = r"rx_queue_\d+_xdp_redirect"
DROPPED = r"rx_queue_\d+_xdp_drops"


class Missing(Exception):
    """A peer that is not here, or does not start: why."""


class PushPacket:
    """Ours, with some rules; column is where the ledger counts the packets in question."""

    def __init__(self, name, column, rules, **sections):
        self.name = name
        self.column = column
        self.driver_counts = {"sink": REDIRECTED, "dropped": DROPPED}.get(column)
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
    driver_counts = REDIRECTED

    def __init__(self, path, mode="-r"):
        self.name = f"xdpsock {mode} -N -c -f {CHUNK_BYTES}"
        self.path = path
        self.mode = mode
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
                                     "-q", "0", self.mode, "-N", "-c", "-f", str(CHUNK_BYTES), "-x",
                                     "-n", "1", cpu=CPU,
                                     output=log)
        wait_attached(lab, self.process, self.output)

    def finish(self):
        return end_and_read(self.process, self.output, r"^rx +[\d,]+ +([\d,]+)", signal.SIGTERM)


# busy_budget=0 is the faster way on veth: without it every receive is a system call.
AF_XDP = "net_af_xdp0,iface=pp0,start_queue=0,queue_count=1,busy_budget=0"
AF_PACKET = f"net_af_packet0,iface=pp0,qpairs=1,blocksz=4096,framesz=2048,framecnt={2 * RING_SLOTS}"


class Testpmd:
    def __init__(self, mode="rxonly", device=AF_XDP):
        self.name = f"dpdk-testpmd {device.split('0,')[0]} {mode}"
        self.mode = mode
        self.device = device
        self.driver_counts = REDIRECTED if device == AF_XDP else None
        self.path = shutil.which("dpdk-testpmd")
        self.process = None
        self.output = None

    def start(self, lab):
        if self.path is None:
            raise Missing("not found: Debian's package dpdk-dev has it")
        self.output = lab.folder / "testpmd.log"
        with open(self.output, "w", encoding="utf-8") as log:
            self.process = lab.spawn(
                "rx", "env", "LIBXDP_SKIP_DISPATCHER=1", self.path, "--no-huge", "-m", "256",
                "--no-pci", "--no-telemetry", "-l", f"{labs.SOURCE_CPU},{CPU}",
                "--main-lcore", labs.SOURCE_CPU, f"--file-prefix=pp{os.getpid()}",
                f"--vdev={self.device}", "--", f"--forward-mode={self.mode}", f"--rxd={RING_SLOTS}", f"--txd={RING_SLOTS}",
                "--total-num-mbufs=16384", "--stats-period", "1", output=log)
        if self.device == AF_XDP:
            wait_attached(lab, self.process, self.output)
        else:
            without_program(lab)
            wait_printed(self.process, self.output, "Port statistics")

    def finish(self):
        # The numbers are printed once a second.
        time.sleep(1.1)
        return end_and_read(self.process, self.output, r"RX-packets: (\d+)", signal.SIGINT)


class BareDrop:
    name = "bare XDP_DROP"
    driver_counts = DROPPED

    def __init__(self, bpf_object):
        self.bpf_object = bpf_object
        self.lab = None

    def start(self, lab):
        self.lab = lab
        lab.run("rx", "ip", "link", "set", "dev", "pp0", "xdpdrv", "object", self.bpf_object,
                "section", "xdp")

    def finish(self):
        return driver_count(self.lab, DROPPED)


class NftDrop:
    """nftables at the netdev hook: the kernel's own early drop, after the skb is made."""

    name = "nft netdev drop"
    driver_counts = None

    def __init__(self):
        self.lab = None

    def start(self, lab):
        if shutil.which("nft") is None:
            raise Missing("not found: Debian's package nftables has it")
        self.lab = lab
        without_program(lab)
        lab.run("rx", "nft", "add table netdev bench; add chain netdev bench in "
                "{ type filter hook ingress device pp0 priority 0; }; "
                "add rule netdev bench in udp dport 9 counter drop")

    def finish(self):
        text = self.lab.run("rx", "nft", "-j", "list", "table", "netdev", "bench").stdout
        return int(re.search(r'"packets": (\d+)', text)[1])


def driver_count(lab, pattern):
    return sum(value for key, value in lab.driver_counters("rx", "pp0").items()
               if re.fullmatch(pattern, key))


def without_program(lab):
    """The source's frames reach an interface without XDP program only with GRO on."""
    lab.run("rx", "ethtool", "-K", "pp0", "gro", "on")


def wait_printed(process, output, text):
    def printed():
        return process.poll() is not None or text in output.read_text(errors="replace")
    labs.wait_for(f"{text!r} of {process.args}", printed)
    if process.poll() is not None:
        lines = output.read_text(errors="replace").strip().splitlines()
        raise Missing(f"did not start: {lines[-1] if lines else process.returncode}")


def wait_attached(lab, process, output):
    def ready():
        return process.poll() is not None or lab.xdp_program()
    labs.wait_for("the XDP program of " + str(process.args), ready)
    # Attached is not yet receiving: sockets and threads follow.
    time.sleep(0.5)
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
