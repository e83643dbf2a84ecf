# SPDX-License-Identifier: MIT OR Apache-2.0
"""Captures as tshark and capinfos see them, and what those do not show."""

import collections
import pathlib
import struct
import subprocess

FIELDS = {"time": "frame.time_epoch", "iface": "frame.interface_name",
          "queue": "frame.interface_queue", "verdict": "frame.verdict.ebpf_xdp",
          "drops": "frame.drop_count", "comment": "frame.comment", "length": "frame.len",
          "captured": "frame.cap_len", "port": "udp.dstport", "payload": "udp.payload",
          "direction": "frame.packet_flags_direction"}
Packet = collections.namedtuple("Packet", FIELDS)

INBOUND, OUTBOUND = "0x00000001", "0x00000002"
XDP_DROP, XDP_PASS, XDP_REDIRECT = "1", "2", "4"
SECTION, STATISTICS = 0x0A0D0D0A, 5
RECEIVED, DROPPED, DELIVERED = 4, 5, 8


def files(folder):
    """In the order of their numbers."""
    return sorted(pathlib.Path(folder).iterdir(), key=lambda path: path.name.split("-")[-1])


def packets(path, check=True):
    """Every packet as tshark reads it; the payload of UDP in hexadecimal digits."""
    command = ["tshark", "-n", "-r", path, "-T", "fields", "-d", "udp.port==1-65535,data"]
    for field in FIELDS.values():
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    complaints = [line for line in done.stderr.splitlines() if not line.startswith("Running as")]
    if check:
        assert done.returncode == 0 and not complaints, (path, done.returncode, complaints)
    return [Packet(*line.split("\t")) for line in done.stdout.splitlines()]


def info(path):
    """What capinfos says, which must have nothing to complain about."""
    done = subprocess.run(["capinfos", "-M", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and not done.stderr.strip(), (path, done.stderr)
    return dict(map(str.strip, line.split(":", 1)) for line in done.stdout.splitlines()
                if ":" in line)


def blocks(path):
    """Type and body of each whole block."""
    data = pathlib.Path(path).read_bytes()
    if str(path).endswith(".zst"):
        data = subprocess.run(["zstd", "-dcq", path], capture_output=True, check=False).stdout
    at = 0
    while len(data) - at >= 12:
        kind, size = struct.unpack_from("<II", data, at)
        if size < 12 or len(data) - at < size:
            return
        yield kind, data[at + 8:at + size - 4]
        at += size


def statistics(path):
    """The counters of the statistics blocks, summed over interfaces; none: the file has no end."""
    total = collections.Counter()
    for kind, body in blocks(path):
        at = 12
        while kind == STATISTICS and at + 4 <= len(body):
            code, size = struct.unpack_from("<HH", body, at)
            if code in (RECEIVED, DROPPED, DELIVERED):
                total[code] += struct.unpack_from("<Q", body, at + 4)[0]
            at += 4 + (size + 3) // 4 * 4
    return total
