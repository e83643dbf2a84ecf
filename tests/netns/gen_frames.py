# SPDX-License-Identifier: MIT OR Apache-2.0
"""The frames that `push-packet gen` must send, built by scapy, and a socket that catches them."""

import ctypes
import dataclasses
import os
import socket
import struct

from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP
from scapy.layers.inet6 import (
    ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting, PadN, in6_chksum)
from scapy.layers.ipsec import AH
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.layers.sctp import SCTP, SCTPChunkData
from scapy.packet import Raw
from scapy.utils import checksum

FLOWS = 3
SPORT = 1024
DPORT = 9
MASK = (1 << 64) - 1
PROTO = {"udp": 17, "tcp": 6, "icmp": 1, "sctp": 132, "udplite": 136, "99": 99}
L4_BYTES = {"udp": 8, "tcp": 20, "icmp": 8, "sctp": 28, "udplite": 8, "99": 0}
EXT_BYTES = {"hbh": 8, "dst": 8, "rt": 8, "frag": 8, "ah": 24}


def payload(length, flow, seq, seed=0):
    """As app/gen_packet.h describes it."""
    out = struct.pack(">4sIQH", b"PPGN", flow, seq, length)
    word = (((seq + 1) * 0x9e3779b97f4a7c15) & MASK) ^ (flow << 32 | flow) ^ seed
    while length - len(out) >= 16:
        out += struct.pack("<QQ", word, word ^ MASK)
        word = (word + 0xd1b54a32d192ed03) & MASK
    return out + bytes(range(0xa0, 0xa0 + length - len(out)))


@dataclasses.dataclass
class Shape:
    """What to send; the same to the command line and to scapy."""

    size: int = 64
    family: int = 4
    proto: str = "udp"
    tags: tuple = ()
    options: int = 0
    ext: tuple = ()
    fragment: str = ""
    ethertype: int = 0
    raw_ip: bool = False

    def __str__(self):
        words = [f"ip{self.family}" if not self.ethertype else f"0x{self.ethertype:x}",
                 self.proto, f"{self.size}B"]
        words += [f"tags{len(self.tags)}"] * bool(self.tags)
        words += [f"options{self.options}"] * bool(self.options)
        words += ["+".join(self.ext)] * bool(self.ext)
        words += [self.fragment] * bool(self.fragment)
        return "-".join(words)

    def arguments(self):
        out = ["--size", self.size, "--flows", FLOWS, "--proto", self.proto]
        if self.family == 6:
            out += ["--ipv6"]
        if self.tags:
            out += ["--vlan", ",".join(map(str, self.tags))]
        if self.options:
            out += ["--options", self.options]
        if self.ext:
            out += ["--ext", ",".join(self.ext)]
        if self.fragment:
            out += ["--fragment", self.fragment]
        if self.ethertype:
            out += ["--ethertype", hex(self.ethertype)]
        if not self.sport_varies():
            # Something else must make flows differ.
            out += ["--src", "192.0.2.0/30" if self.family == 4 else "2001:db8::/126"]
        return out

    def sport_varies(self):
        return self.proto != "99" and self.fragment != "later"

    def source(self, flow):
        if self.sport_varies() or self.ethertype:
            return "192.0.2.1" if self.family == 4 else "2001:db8:1::1"
        return f"192.0.2.{flow}" if self.family == 4 else f"2001:db8::{flow:x}"

    def ether(self, kind):
        if self.raw_ip:
            return b""
        frame = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01", type=kind)
        types = ([0x88a8, 0x8100] if len(self.tags) == 2 else [0x8100])[:len(self.tags)]
        for tag_type, tag, inner in zip(types, self.tags, types[1:] + [kind]):
            frame.lastlayer().type = tag_type
            frame /= (Dot1AD if tag_type == 0x88a8 else Dot1Q)(vlan=tag, type=inner)
        return bytes(frame)

    def frame(self, index):
        pairs = self.fragment == "both"
        datagram, part = divmod(index, 2) if pairs else (index, self.fragment == "later")
        flow, turn = datagram % FLOWS, datagram // FLOWS
        if self.ethertype:
            head = self.ether(self.ethertype)
            return head + payload(self.size - len(head), flow, turn)
        head = self.ether(0x800 if self.family == 4 else 0x86dd)
        room = self.size - len(head)
        if not self.fragment:
            return head + bytes(self.packet(room, flow, [payload_of(turn)], datagram))
        return head + self.piece(room, flow, 2 * turn if pairs else turn, datagram, part)

    def unfragmented_bytes(self):
        if self.family == 4:
            return 20 + self.options
        ext = self.ext if "frag" in self.ext else (*self.ext, "frag")
        return 40 + sum(EXT_BYTES[name] for name in ext[:ext.index("frag") + 1])

    def piece(self, room, flow, seq, datagram, later):
        """One of two fragments of the same size. Of a lone first one the checksum covers what
        it carries itself: nobody will ever put it together."""
        keep = self.unfragmented_bytes()
        data = room - keep
        first_payload = room - self.head_bytes()
        parts = [payload(first_payload, flow, seq),
                 payload(data, flow, seq + 1 if self.fragment == "both" else seq)]
        whole = bytes(self.packet(keep + 2 * data, flow, parts, datagram))
        cut = whole[keep + data:] if later else whole[keep:keep + data]
        out = bytearray(whole[:keep] + cut)
        offset = data if later else 0
        if self.family == 4:
            out[2:4] = struct.pack(">H", room)
            out[4:8] = struct.pack(">HH", datagram, offset // 8 | (0 if later else 0x2000))
            out[10:12] = b"\0\0"
            out[10:12] = struct.pack(">H", checksum(bytes(out[:keep])))
        else:
            out[4:6] = struct.pack(">H", room - 40)
            out[keep - 6:keep - 4] = struct.pack(">H", offset | (not later))
        return bytes(out)

    def head_bytes(self):
        """Of all headers from IP on."""
        l3 = 20 + self.options if self.family == 4 else 40
        ext = self.ext
        if self.family == 6:
            if self.fragment and "frag" not in ext:
                ext = (*ext, "frag")
            l3 += sum(EXT_BYTES[name] for name in ext)
        return l3 + L4_BYTES[self.proto]

    def packet(self, room, flow, parts, datagram):
        length = room - self.head_bytes()
        data = b"".join(part(length, flow) if callable(part) else part for part in parts)
        head = self.ip_header(flow, datagram)
        sport = SPORT + flow if self.sport_varies() else SPORT
        if self.proto == "udplite":
            return self.udplite(head, sport, data)
        if "ah" not in self.ext:
            return head / self.l4(sport, data)
        # scapy finds no address behind an authentication header to put into the checksum.
        plain = dataclasses.replace(self, ext=()).ip_header(flow, datagram) / self.l4(sport, data)
        return head / Raw(bytes(plain)[40:])

    def ip_header(self, flow, datagram):
        number = PROTO[self.proto]
        if self.family == 4:
            return IP(src=self.source(flow), dst="198.51.100.1", id=0, flags="DF", ttl=64,
                      proto=number, options=[IPOption_NOP()] * self.options)
        number = 58 if self.proto == "icmp" else number
        ext = self.ext
        if self.fragment and "frag" not in ext:
            ext = (*ext, "frag")
        numbers = [{"hbh": 0, "dst": 60, "rt": 43, "frag": 44, "ah": 51}[name] for name in ext]
        chain = [*numbers, number]
        out = IPv6(src=self.source(flow), dst="2001:db8:2::1", hlim=64, nh=chain[0])
        for name, following in zip(ext, chain[1:]):
            out /= {
                "hbh": lambda nh: IPv6ExtHdrHopByHop(nh=nh, options=[PadN(optdata=bytes(4))]),
                "dst": lambda nh: IPv6ExtHdrDestOpt(nh=nh, options=[PadN(optdata=bytes(4))]),
                "rt": lambda nh: IPv6ExtHdrRouting(nh=nh, type=0, segleft=0, addresses=[]),
                "frag": lambda nh: IPv6ExtHdrFragment(nh=nh, id=datagram),
                "ah": lambda nh: AH(nh=nh, payloadlen=4, spi=1, seq=1, icv=bytes(12)),
            }[name](following)
        return out

    def l4(self, sport, data):
        raw = Raw(data)
        if self.proto == "udp":
            return UDP(sport=sport, dport=DPORT) / raw
        if self.proto == "tcp":
            return TCP(sport=sport, dport=DPORT, seq=1, ack=1, flags="A", window=0xffff) / raw
        if self.proto == "sctp":
            return SCTP(sport=sport, dport=DPORT, tag=1) / SCTPChunkData(
                tsn=1, stream_id=0, stream_seq=0, proto_id=0, beginning=1, ending=1, data=data)
        if self.proto == "icmp" and self.family == 4:
            return ICMP(type=8, id=sport, seq=0) / raw
        if self.proto == "icmp":
            return ICMPv6EchoRequest(id=sport, seq=0, data=data)
        return raw

    def udplite(self, head, sport, data):
        """scapy has no UDP-Lite. Coverage: everything."""
        length = 8 + len(data)
        packet = struct.pack(">HHHH", sport, DPORT, length, 0) + data
        if self.family == 4:
            addresses = socket.inet_aton(head.src) + socket.inet_aton(head.dst)
            check = checksum(addresses + struct.pack(">HH", 136, length) + packet)
        else:
            check = in6_chksum(136, head, packet)
        return bytes(head / Raw(packet[:6] + struct.pack(">H", check or 0xffff) + data))


def payload_of(seq):
    return lambda length, flow: payload(length, flow, seq)


SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
ETH_P_ALL, CLONE_NEWNET, TP_STATUS_VLAN_VALID = 3, 0x40000000, 1 << 4


class Catcher:
    """Frames as they arrive on an interface of another namespace, tags put back."""

    def __init__(self, namespace, interface):
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/self/ns/net", "rb") as home, open(namespace, "rb") as there:
            if libc.setns(there.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            try:
                self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
                self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
                self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
                self.socket.bind((interface, ETH_P_ALL))
            finally:
                if libc.setns(home.fileno(), CLONE_NEWNET) != 0:
                    os._exit(1)  # nothing may go on in the wrong namespace
        self.socket.settimeout(2)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def frame(self):
        data, control, _, _ = self.socket.recvmsg(65600, 100)
        for level, kind, value in control:
            if (level, kind) != (SOL_PACKET, PACKET_AUXDATA):
                continue
            status, _, _, _, _, tci, tpid = struct.unpack("=IIIHHHH", value[:20])
            if status & TP_STATUS_VLAN_VALID:
                data = data[:12] + struct.pack(">HH", tpid, tci) + data[12:]
        return data

    def frames(self, count):
        """Frames with our magic; what else the kernel hears is not ours."""
        out = []
        while len(out) < count:
            frame = self.frame()
            if b"PPGN" in frame[:256]:
                out.append(frame)
        return out
