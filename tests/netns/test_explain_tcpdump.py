# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rules against tcpdump's filters (libpcap) for the same condition, packet by packet.

Packets come from other projects' captures (pcap.FOLDERS, and the folder PP_CAPTURES), from scapy,
and from both with random bytes changed or cut off. Where tcpdump means something else, and how the
comparison takes care of it:

- Without `vlan` tcpdump does not look behind a VLAN tag, our rules look behind up to two: its
  filter is asked again behind each. It knows the old tag 0x9100, we do not: left out.
- tcpdump's `tcp` and `ip6 proto` see the first header of IPv6 only: `ip6 protochain` is asked, which
  walks extension headers like our parser, but matches these as well, reads what follows a header
  behind AH in the wrong place, and walks on in later fragments: these two are left out. For `port`
  there is no such thing: packets with ports behind extension headers are compared with scapy.
- `port` is TCP, UDP and SCTP in tcpdump, and UDP-Lite as well in rules: UDP-Lite is left out.
- tcpdump's `host` and `net` match ARP too: asked together with `ip` or `ip6`.
- tcpdump matches what it can read of a packet that is cut short or lies about its lengths; such a
  packet is not judged by our rules: it must have a reason, and no rule.
"""

import functools
import ipaddress
import json
import os
import random
import subprocess

import pytest
from scapy.all import (AH, ARP, Dot1AD, Dot1Q, Ether, ICMP, ICMPv6EchoRequest, IP, IPOption_RR, IPv6,
                       IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
                       IPv6ExtHdrRouting, SCTP, TCP, UDP, fragment)

import pcap
from lab import PROGRAM

ETH = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01")
EXTENSIONS = {0, 43, 44, 51, 60}
UDP_LITE = 136
MUTANTS = 2000
CONDITIONS = 24


def made_packets():
    """What other projects' captures may lack."""
    v4 = IP(src="192.0.2.1", dst="198.51.100.1")
    v6 = IPv6(src="2001:db8::1", dst="2001:db8:1::2")
    l4 = [TCP(sport=1024, dport=80), UDP(sport=53, dport=4053), SCTP(sport=5, dport=80), ICMP()]
    packets = [ETH / ip / upper for ip in (v4, v6) for upper in l4]
    packets += [ETH / IP(src="192.0.2.1", proto=UDP_LITE) / UDP(sport=53, dport=80),
                ETH / IP(options=[IPOption_RR()]) / TCP(dport=80), ETH / v4 / AH() / TCP(dport=80),
                ETH / v6 / ICMPv6EchoRequest(), ETH / ARP(), ETH / ARP(psrc="192.0.2.1")]
    for tags in (Dot1Q(vlan=1), Dot1AD(vlan=2) / Dot1Q(vlan=3), Dot1Q() / Dot1Q() / Dot1Q()):
        packets += [ETH / tags / v4 / l4[0], ETH / tags / v6 / l4[1], ETH / tags / ARP()]
    packets += [ETH / part for part in fragment(v4 / UDP(sport=53, dport=80) / bytes(3000), 1000)]
    packets += [ETH / v6 / IPv6ExtHdrFragment(offset=at, m=at < 2, nh=17, id=1) /
                (UDP(sport=53, dport=80) if at == 0 else b"abcdefgh") for at in (0, 1, 2)]
    for extension in (IPv6ExtHdrHopByHop(), IPv6ExtHdrDestOpt(), IPv6ExtHdrRouting(), AH(),
                      IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / IPv6ExtHdrFragment(m=1)):
        packets += [ETH / v6 / extension / l4[0], ETH / v6 / extension / l4[1]]
    return [(bytes(packet), len(packet)) for packet in packets]


def mutants(packets, rng):
    """Packets with a few bytes changed, near the front more often, some cut off."""
    for data, length in rng.choices([packet for packet in packets if packet[0]], k=MUTANTS):
        changed = bytearray(data)
        for _ in range(rng.choice((0, 1, 1, 2, 4))):
            at = min(int(rng.expovariate(1 / 25)), len(changed) - 1)
            changed[at] = rng.choice((0, 4, 6, 17, 44, 60, 255, rng.randrange(256)))
        if rng.random() < 0.3:
            changed = changed[:max(1, int(rng.expovariate(1 / 50)))]
        yield bytes(changed), max(length, len(changed))


def without_ethernet(packets):
    """The IP packets among Ethernet frames."""
    return [(data[14:], length - 14) for data, length in packets
            if len(data) > 14 and data[12:14] in (b"\x08\x00", b"\x86\xdd")]


@functools.cache
def corpus(link):
    """All packets there are of a link type."""
    frames, raw = [], []
    for path in pcap.captures(*pcap.FOLDERS, os.environ.get("PP_CAPTURES", "/none")):
        try:
            kind, packets = pcap.read(path)
        except pcap.Unreadable:
            continue
        if kind == pcap.ETHERNET:
            frames += packets
        elif kind in (pcap.RAW, 228, 229):
            raw += packets
    assert len(frames) > 500, "other projects' captures are missing: scripts/deps.sh test"
    frames += made_packets()
    packets = frames if link == pcap.ETHERNET else raw + without_ethernet(frames)
    return packets + list(mutants(packets, random.Random(1)))


def in_tags(link, expression):
    """The filter, asked of what stands behind no, one or two VLAN tags."""
    if link == pcap.RAW:
        return expression
    return f"({expression}) or (vlan and (({expression}) or (vlan and ({expression}))))"


def network_end(data, link):
    """The EtherType in front of the network header, and where that begins."""
    if link == pcap.RAW:
        return {4: 0x0800, 6: 0x86DD}.get(data[0] >> 4 if data else 0, 0), 0
    at, kind = 14, int.from_bytes(data[12:14], "big")
    while kind in (0x8100, 0x88A8) and at < 22:
        kind, at = int.from_bytes(data[at + 2:at + 4], "big"), at + 4
    return kind, at


def extensions(data, link):
    """The IPv6 extension headers of a packet, up to where it ends."""
    kind, at = network_end(data, link)
    chain, proto, at = [], data[at + 6] if len(data) > at + 6 else None, at + 40
    while kind == 0x86DD and proto in EXTENSIONS and len(data) > at + 1:
        chain.append(proto)
        length = (data[at + 1] + 2) * 4 if proto == 51 else (data[at + 1] + 1) * 8
        proto, at = data[at], at + (8 if proto == 44 else length)
    return chain


def explain(path, *argv):
    """What is told of each packet."""
    done = subprocess.run([PROGRAM, *argv, str(path), "--json"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()[:-1]]


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """Capture file and keys by link type."""
    folder, result = tmp_path_factory.mktemp("capture"), {}
    for link in (pcap.ETHERNET, pcap.RAW):
        path = folder / f"{link}.pcap"
        pcap.write(path, link, corpus(link))
        result[link] = path, explain(path, "rule", "test", "pass any")
    return result


def address_conditions(keys, rng):
    """(rule's condition, filter's condition, whether it is about ports)"""
    for family, lengths in (("ip4", (32, 31, 24, 20, 8, 1)), ("ip6", (128, 127, 64, 48, 32, 3))):
        ip = "ip" if family == "ip4" else "ip6"
        addresses = sorted({key[side] for key in keys if key["family"] == family
                            for side in ("src", "dst")})
        yield f"family {family}", ip, False
        for length in lengths:
            for side in ("src", "dst"):
                net = ipaddress.ip_network(f"{rng.choice(addresses)}/{length}", strict=False)
                yield f"{side} {net}", f"{ip} and {side} net {net}", False


def port_conditions(keys, rng):
    protos = {"tcp": 6, "udp": 17, "sctp": 132}
    ports = sorted({key[side] for key in keys for side in ("sport", "dport")
                    if key[side] is not None})
    for side, name in (("sport", "src"), ("dport", "dst")):
        for port in rng.choices(ports, k=4) + [53, 80]:
            yield f"{side} {port}", f"{name} port {port}", True
            proto = rng.choice(sorted(protos))
            yield f"proto {proto} {side} {port}", f"{proto} and {name} port {port}", True
        low, high = sorted(rng.choices(ports, k=2))
        yield f"{side} {low}-{high}", f"{name} portrange {low}-{high}", True
        yield f"{side} 0-65535", f"{name} portrange 0-65535", True


def other_conditions(keys, rng):
    for proto in sorted({key["proto"] for key in keys if key["proto"] is not None} |
                        {6, 17, 58, 51})[:40]:
        chain = f" or ip6 protochain {proto}" if proto not in EXTENSIONS else ""
        yield f"proto {proto}", f"ip proto {proto}{chain}", False
    for _ in range(6):
        key = rng.choice([key for key in keys if key["family"] == "ip4" and key["dport"]])
        yield (f"proto {key['proto']} src {key['src']} dport {key['dport']}",
               f"ip proto {key['proto']} and ip src host {key['src']} and "
               f"dst port {key['dport']}", True)


def conditions(packets):
    keys = [packet["key"] for packet in packets if packet["reason"] is None]
    rng = random.Random(2)
    return [*address_conditions(keys, rng), *port_conditions(keys, rng),
            *other_conditions(keys, rng)]


def comparable(data, key, link, about_ports):
    """Whether tcpdump means the same by such a condition, of this packet."""
    if b"\x91\x00" in (data[12:14], data[16:18], data[20:22]):
        return False
    chain = extensions(data, link)
    if about_ports and (key["proto"] == UDP_LITE or chain):
        return False
    # protochain loses its place behind AH, and walks on in the payload of a later fragment.
    return 51 not in chain[:-1] and not (chain and key["later_fragment"])


def compare(link, path, condition):
    """Hold a rule against its filter; returns how many packets matched."""
    rule, expression, about_ports = condition
    packets = explain(path, "rule", "test", f"drop {rule}")
    wanted = pcap.Filter(link, in_tags(link, expression))
    matched = 0
    for packet, (data, length) in zip(packets, corpus(link), strict=True):
        if packet["reason"] is not None:
            assert packet["rule"] is None and packet["verdict"] in ("pass", None)
        elif comparable(data, packet["key"], link, about_ports):
            got = packet["rule"] == 1
            assert got == wanted.matches((data, length)), (rule, expression, packet, data.hex())
            assert (packet["verdict"] == "drop") == got
            matched += got
    return matched


@pytest.mark.parametrize("link", [pcap.ETHERNET, pcap.RAW], ids=["ethernet", "raw_ip"])
def test_one_condition_means_what_tcpdump_means(link, told):
    path, packets = told[link]
    rng = random.Random(3)
    chosen = conditions(packets)
    matched = [compare(link, path, condition) for condition in rng.sample(chosen, CONDITIONS)]
    # Most conditions are about packets that are there.
    assert sum(count > 0 for count in matched) > CONDITIONS / 2


@pytest.mark.parametrize("link", [pcap.ETHERNET, pcap.RAW], ids=["ethernet", "raw_ip"])
def test_first_rule_is_the_first_whose_filter_matches(link, told, tmp_path):
    path, packets = told[link]
    rng = random.Random(4)
    chosen = conditions(packets)
    filters = {rule: pcap.Filter(link, in_tags(link, expression))
               for rule, expression, _ in chosen}
    for _ in range(4):
        order = rng.sample(chosen, len(chosen))
        rules = tmp_path / "order.rules"
        rules.write_text("".join(f"drop {rule}\n" for rule, _, _ in order))
        for packet, (data, length) in zip(explain(path, "explain", "--rules", str(rules)),
                                          corpus(link), strict=True):
            if packet["reason"] is not None or not comparable(data, packet["key"], link, True):
                continue
            first = next((number for number, (rule, _, _) in enumerate(order, 1)
                          if filters[rule].matches((data, length))), None)
            assert packet["rule"] == first, (packet, data.hex())


def test_ports_behind_extension_headers_are_those_scapy_finds(told):
    _, packets = told[pcap.ETHERNET]
    seen = 0
    for packet, (data, _) in zip(packets, corpus(pcap.ETHERNET), strict=True):
        if packet["reason"] is not None or packet["key"]["sport"] is None:
            continue
        if not extensions(data, pcap.ETHERNET):
            continue
        upper = {6: TCP, 17: UDP, 132: SCTP}.get(packet["key"]["proto"])
        layer = Ether(data).getlayer(upper) if upper else None
        if layer is None:  # a header that scapy reads otherwise, or calls by another name
            continue
        assert (packet["key"]["sport"], packet["key"]["dport"]) == (layer.sport, layer.dport)
        seen += 1
    assert seen >= 8
