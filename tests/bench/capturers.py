# SPDX-License-Identifier: MIT OR Apache-2.0
"""Programs that copy packets to user space and let them go on: see receivers.py."""

import shutil
import signal

from receivers import CPU, Missing, end_and_read, wait_attached, wait_printed, without_program

SNAP_BYTES = 64
BUFFER_KIB = 32768  # as our copy ring


class Tcpdump:
    """AF_PACKET's ring (TPACKET_V3)."""

    name = f"tcpdump -s {SNAP_BYTES} -w /dev/null"

    def __init__(self):
        self.path = shutil.which("tcpdump")
        self.process = None
        self.output = None

    def start(self, lab):
        if self.path is None:
            raise Missing("not found: Debian's package tcpdump has it")
        without_program(lab)
        self.output = lab.folder / "tcpdump.log"
        with open(self.output, "w", encoding="utf-8") as log:
            self.process = lab.spawn("rx", self.path, "-i", "pp0", "-n", "-s", SNAP_BYTES,
                                     "-B", BUFFER_KIB, "-w", "/dev/null", "udp", "port", "9",
                                     cpu=CPU, output=log)
        wait_printed(self.process, self.output, "listening on")

    def finish(self):
        return end_and_read(self.process, self.output, r"^(\d+) packets captured", signal.SIGINT)


class Xdpdump:
    """A perf ring, filled at the entry of an XDP program that it loads."""

    name = f"xdpdump -s {SNAP_BYTES} -w /dev/null"

    def __init__(self):
        self.path = shutil.which("xdpdump")
        self.process = None
        self.output = None

    def start(self, lab):
        if self.path is None:
            raise Missing("not found: Debian's package xdp-tools has it")
        self.output = lab.folder / "xdpdump.log"
        with open(self.output, "w", encoding="utf-8") as log:
            self.process = lab.spawn("rx", "env", "LIBXDP_SKIP_DISPATCHER=1", self.path, "-i",
                                     "pp0", "-s", SNAP_BYTES, "--load-xdp-program", "-w",
                                     "/dev/null", cpu=CPU, output=log)
        wait_attached(lab, self.process, self.output)

    def finish(self):
        return end_and_read(self.process, self.output, r"^(\d+) packets captured", signal.SIGINT)
