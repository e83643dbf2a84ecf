# SPDX-License-Identifier: MIT OR Apache-2.0
"""push-packet dump: what it shows, what it counts, what it leaves behind."""

import json
import os
import signal
import socket
import subprocess

import pytest
import scapy.all as scapy

import pcap
from lab import PROGRAM, RX_MAC, SRC_MAC, wait_for
from rpc import Client, Refused
from test_control import GROUP, READ_GROUP, ask_as

RULES = ["drop proto tcp dport 23 name telnet", "route proto udp dport 7 to mirror",
         "copy take 64 proto udp dport 53 name names", "copy then drop proto udp dport 54"]
SENT = {("tcp", 23): "telnet", ("udp", 7): "#2", ("udp", 53): "names", ("udp", 54): "#4",
        ("udp", 99): "default"}
COUNT = 200

SEND = """
import socket, sys
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind(("gen0", 0))
for line in sys.stdin:
    out.send(bytes.fromhex(line))
"""


class Dump:
    """A dump that runs."""

    def __init__(self, lab, daemon, *argv, prefix=()):
        self.process = lab.spawn("rx", *prefix, PROGRAM, "dump", "-s", daemon.socket, *argv)
        first = self.process.stderr.readline()
        assert "listening" in first, first + self.process.stderr.read()

    def finish(self, number=signal.SIGINT, status=0):
        """Lines, and what it says of packets: matched, shown, lost."""
        if number:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=20)
        assert self.process.returncode == status, err
        words = err.split()
        at = words.index("dump:") + 1
        return out.splitlines(), tuple(int(words[at + i]) for i in (0, 3, 5))


def send_frames(lab, frames):
    lines = "\n".join(bytes(frame).hex() for frame in frames)
    command = lab.command("src", "/usr/bin/python3", "-c", SEND)
    subprocess.run(command, input=lines, text=True, check=True, timeout=30)


def shown_rules(lines):
    """How many lines name each rule."""
    count = {}
    for line in lines:
        rule = line.split()[3]
        count[rule] = count.get(rule, 0) + 1
    return count


def held(kind, name):
    """Ids of programs or maps of that name on this machine."""
    done = subprocess.run(["bpftool", "-j", kind, "show"], capture_output=True, text=True,
                          check=True)
    return {entry["id"] for entry in json.loads(done.stdout) if entry.get("name") == name}


def send_all(lab):
    for proto, port in SENT:
        lab.gen("--proto", proto, "--dport", port, count=COUNT)


def test_every_packet_is_shown_under_its_verdict_and_rule(lab2):
    with lab2.daemon(*RULES) as daemon:
        dumps = {name: Dump(lab2, daemon, *argv) for name, argv in {
            "all": ["udp or tcp"],
            "drop": ["--verdict", "drop"],
            "pass": ["-v", "pass", "udp"],
            "route": ["--verdict", "route"],
            "copy": ["--verdict", "copy"],
            "named": ["--rule", "telnet"],
            "id": ["--rule", "4", "udp dst port 54"],
            "default": ["--rule", "default", "dst port 99"]}.items()}
        send_all(lab2)
        done = {name: dump.finish() for name, dump in dumps.items()}
    shown = {name: shown_rules(lines) for name, (lines, _) in done.items()}
    assert shown["all"] == dict.fromkeys(SENT.values(), COUNT)
    assert shown["drop"] == {"telnet": COUNT, "#4": COUNT}
    assert shown["pass"] == {"names": COUNT, "default": COUNT}
    assert shown["route"] == {"#2": COUNT}
    assert shown["copy"] == {"names": COUNT, "#4": COUNT}
    assert shown["named"] == {"telnet": COUNT}
    assert shown["id"] == {"#4": COUNT}
    assert shown["default"] == {"default": COUNT}
    for lines, counts in done.values():
        assert counts == (len(lines), len(lines), 0)
    fates = {line.split()[2] for line in done["all"][0]}
    assert fates == {"drop", "route", "copy,pass", "copy,drop", "pass"}


def test_a_line_says_who_sends_what_to_whom(lab):
    with lab.daemon("drop proto tcp dport 23 name telnet") as daemon:
        dump = Dump(lab, daemon, "--interface", "pp0", "--count", 2, "tcp or icmp6")
        lab.gen("--proto", "tcp", "--dport", 23, count=1)
        send_frames(lab, [scapy.Ether(dst=RX_MAC, src=SRC_MAC) /
                          scapy.IPv6(src="2001:db8::1", dst="2001:db8::2") /
                          scapy.ICMPv6EchoRequest()])
        lines, counts = dump.finish(number=None)
    assert counts[1:] == (2, 0)
    assert lines[0].split(" ", 1)[1] == (
        "pp0:0 drop telnet IP 192.0.2.1.1024 > 198.51.100.1.23: TCP [.], length 72")
    assert lines[1].split(" ", 1)[1] == (
        "pp0:0 pass default IP6 2001:db8::1 > 2001:db8::2: ICMP6 echo request, length 62")


def frames():
    ether = scapy.Ether(dst=RX_MAC, src=SRC_MAC)
    udp4 = scapy.IP(src="192.0.2.1", dst="198.51.100.1") / scapy.UDP(sport=5353, dport=53)
    udp6 = scapy.IPv6(src="2001:db8::1", dst="2001:db8::2") / scapy.UDP(sport=5353, dport=53)
    long4 = udp4 / (b"x" * 1000)
    broken = bytearray(bytes(ether / udp4))
    broken[14] = 0x41  # a header shorter than a header
    return [bytes(frame) for frame in [
        ether / udp4 / b"four", ether / udp6 / b"six",
        ether / scapy.Dot1Q(vlan=5) / udp4, ether / scapy.Dot1Q(vlan=6) / udp6,
        ether / scapy.Dot1AD(vlan=7) / scapy.Dot1Q(vlan=5) / udp4,
        *[ether / part for part in scapy.fragment(long4, fragsize=400)],
        ether / scapy.IP(src="192.0.2.1", dst="198.51.100.1", options=[scapy.IPOption_NOP()] * 4) /
        scapy.TCP(sport=1, dport=80, flags="SA"),
        ether / scapy.IPv6(src="2001:db8::1", dst="2001:db8::2") /
        scapy.IPv6ExtHdrDestOpt() / scapy.UDP(dport=53),
        ether / scapy.IP(src="203.0.113.9", dst="198.51.100.1") / scapy.ICMP(),
        ether / scapy.ARP(psrc="192.0.2.1", pdst="192.0.2.2"),
        scapy.Ether(dst="ff:ff:ff:ff:ff:ff", src=SRC_MAC, type=0x88b5) / (b"other" * 10),
        bytes(broken)]]


EXPRESSIONS = [
    "udp port 53", "tcp", "ip6", "arp", "icmp", "vlan", "vlan 5", "vlan 5 and udp",
    "vlan 7 and vlan 5", "net 198.51.100.0/24", "src host 192.0.2.1 and not tcp",
    "ip6 and udp dst port 53", "tcp[tcpflags] & tcp-syn != 0", "ip[6:2] & 0x1fff != 0",
    "ether broadcast", "ether proto 0x88b5", "greater 300", "less 60", "udp[8] = 0x66",
    "ip[0] & 15 > 5", "not ip", "host 203.0.113.9 or host 2001:db8::1",
    "len - 14 = ip[2:2]", "ether[12:2] = 0x8100 and ether[14:2] & 0xfff = 6"]


def test_expressions_mean_what_they_mean_to_tcpdump(lab):
    """Each frame, each expression: libpcap's own interpreter is the judge."""
    sent = frames()
    ours = "ether src " + SRC_MAC
    with lab.daemon("drop proto udp", "drop family ip4 proto icmp") as daemon:
        for at in range(0, len(EXPRESSIONS), 8):
            some = EXPRESSIONS[at:at + 8]
            paths = [lab.folder / f"{at + i}.pcapng" for i in range(len(some))]
            dumps = [Dump(lab, daemon, "-w", path, f"({text}) and {ours}")
                     for text, path in zip(some, paths)]
            send_frames(lab, sent)
            for dump, path, text in zip(dumps, paths, some):
                wanted = [frame for frame in sent
                          if pcap.Filter(pcap.ETHERNET, text).matches((frame, len(frame)))]
                _, counts = dump.finish()
                link, got = pcap.read(path)
                assert link == pcap.ETHERNET
                assert [data for data, _ in got] == wanted, text
                assert counts == (len(wanted), len(wanted), 0)


def test_capture_tells_rule_verdict_queue_and_length_to_tshark(lab):
    path = lab.folder / "out.pcapng"
    with lab.daemon(*RULES) as daemon:
        dump = Dump(lab, daemon, "-w", path, "--snap", 50, "udp or tcp")
        piped = lab.spawn("rx", "sh", "-c", f"{PROGRAM} dump -s {daemon.socket} -w - -n 3 udp | "
                          "tshark -r - -T fields -e frame.len")
        piped.stderr.readline()
        send_all(lab)
        _, counts = dump.finish()
        assert counts == (5 * COUNT, 5 * COUNT, 0)
        assert piped.communicate(timeout=30)[0].split() == ["64"] * 3
    done = subprocess.run(["tshark", "-r", path, "-T", "fields", "-e", "frame.len", "-e",
                           "frame.cap_len", "-e", "frame.interface_name", "-e",
                           "frame.comment"], capture_output=True, text=True, check=True)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert {(line[0], line[1], line[2]) for line in lines} == {
        ("72", "50", "pp0"), ("64", "50", "pp0")}
    comments = [line[3] for line in lines]
    assert {text: comments.count(text) for text in comments} == dict.fromkeys([
        "drop, rule 1 telnet", "route, rule 2 #2", "copy,pass, rule 3 names",
        "copy,drop, rule 4 #4", "pass, rule 0 default"], COUNT)
    info = subprocess.run(["capinfos", path], capture_output=True, text=True, check=False)
    assert info.returncode == 0 and not info.stderr, info.stderr


def test_tun_is_dumped_as_raw_ip(tun):
    path = tun.folder / "out.pcapng"
    with tun.daemon("drop proto udp dport 53 name names") as daemon:
        dumps = [Dump(tun, daemon, "udp port 53"), Dump(tun, daemon, "-w", path, "ip"),
                 Dump(tun, daemon, "arp"), Dump(tun, daemon, "ether src 02:00:00:00:00:02")]
        tun.gen("--dport", 53, count=50)
        (lines, counts), _, arp, ether = [dump.finish() for dump in dumps]
    assert counts == (50, 50, 0) and shown_rules(lines) == {"names": 50}
    assert " drop names IP 192.0.2.1.1024 > 198.51.100.1.53: UDP, length " in lines[0]
    link, got = pcap.read(path)
    assert link == pcap.RAW and len(got) == 50
    assert arp[1] == ether[1] == (0, 0, 0)


def test_what_lies_in_later_buffers_is_matched_too(make_lab):
    lab = make_lab(mtu=9000)
    ether = scapy.Ether(dst=RX_MAC, src=SRC_MAC)
    packets = [ether / scapy.IP(src="192.0.2.1", dst="198.51.100.1") /
               scapy.UDP(sport=1, dport=9) / (b"a" * 6000 + letter + b"z" * 1000)
               for letter in (b"k", b"l", b"k")]
    path = lab.folder / "out.pcapng"
    with lab.daemon("drop proto udp dport 9") as daemon:
        dump = Dump(lab, daemon, "-w", path, "udp[6008] = 0x6b and udp[7005:4] = 0x7a7a7a7a")
        beyond = Dump(lab, daemon, "udp[7009] = 0x7a or udp[70000] = 0x7a")
        send_frames(lab, packets)
        _, counts = dump.finish()
        assert beyond.finish()[1] == (0, 0, 0)
    assert counts == (2, 2, 0)
    assert [data for data, _ in pcap.read(path)[1]] == [bytes(packets[0]), bytes(packets[2])]


def test_unparsed_packets_are_shown_with_the_reason(lab):
    frame = next(frame for frame in frames() if frame[14] == 0x41)
    with lab.daemon(default="drop") as daemon:
        dumps = [Dump(lab, daemon, "--verdict", "unparsed"), Dump(lab, daemon, "-r", "default")]
        send_frames(lab, [frame])
        lines, counts = dumps[0].finish()
        assert not [line for line in dumps[1].finish()[0] if "unparsed" in line]
    assert counts == (1, 1, 0)
    assert " pass(unparsed_ip_bad) - IP, bad header, length 42" in lines[0]


def test_slow_reader_loses_exactly_what_it_is_told(lab):
    with lab.daemon("drop proto udp") as daemon:
        dump = Dump(lab, daemon, "--ring", 1, "udp port 53")
        other = Dump(lab, daemon, "udp port 53")
        dump.process.send_signal(signal.SIGSTOP)
        lab.gen("--dport", 53, "--rate", "100kpps", count=30_000)
        assert daemon.stats()["dumps"][0]["matched"] == 30_000
        dump.process.send_signal(signal.SIGCONT)
        lines, (matched, shown, lost) = dump.finish()
        assert matched == 30_000 and lost > 10_000
        assert shown == len(lines) == matched - lost
        assert other.finish()[1] == (30_000, 30_000, 0)


def test_killed_dump_leaves_nothing(lab):
    before = held("prog", "pp_dump"), held("map", "pp_dump_ring")
    with lab.daemon("drop proto udp") as daemon:
        dumps = [Dump(lab, daemon, "udp"), Dump(lab, daemon, "tcp")]
        programs, rings = held("prog", "pp_dump") - before[0], held("map", "pp_dump_ring") - before[1]
        assert (len(programs), len(rings)) == (4, 2)
        for dump in dumps:
            dump.process.kill()
            dump.process.wait()
        wait_for("the dumps to go", lambda: not daemon.stats()["dumps"])
        wait_for("their programs to go", lambda: not held("prog", "pp_dump") & programs)
        wait_for("their rings to go", lambda: not held("map", "pp_dump_ring") & rings)
        lab.gen("--dport", 53, count=100)
        again = Dump(lab, daemon, "udp port 53")
        lab.gen("--dport", 53, count=100)
        assert again.finish()[1] == (100, 100, 0)
        assert daemon.stats()["balanced"]


def test_dump_outlives_a_killed_daemon_with_all_it_saw(lab):
    before = held("prog", "pp_dump")
    daemon = lab.daemon("drop proto udp")
    dump = Dump(lab, daemon, "udp port 53")
    programs = held("prog", "pp_dump") - before
    lab.gen("--dport", 53, count=100)
    daemon.kill()
    lines, counts = dump.finish(number=None, status=1)
    assert counts == (100, 100, 0) and len(lines) == 100
    wait_for("its programs to go", lambda: not held("prog", "pp_dump") & programs)


def test_dump_goes_on_when_programs_are_exchanged(lab):
    with lab.daemon("drop proto udp dport 53 name first", engine="linear") as daemon:
        dump = Dump(lab, daemon, "udp port 53")
        lab.gen("--dport", 53, count=100)
        for argv in (["set", "add", "bad", "203.0.113.0/24"],
                     ["rule", "add", "drop src @bad proto udp dport 53 prio 1"],
                     ["rule", "add", "pass proto udp dport 53 prio 2 name second"]):
            lab.run("rx", PROGRAM, *argv, "-s", daemon.socket)
        assert daemon.stats()["apply"]["loads"] > 0
        lab.gen("--dport", 53, count=100)
        lines, counts = dump.finish()
    assert counts == (200, 200, 0)
    assert shown_rules(lines) == {"first": 100, "second": 100}


def test_ninth_dump_is_refused_and_the_eighth_is_not(lab):
    with lab.daemon() as daemon:
        dumps = [Dump(lab, daemon, f"udp port {port}") for port in range(50, 58)]
        done = lab.run("rx", PROGRAM, "dump", "-s", daemon.socket, check=False)
        assert done.returncode == 1 and "8 dumps already" in done.stderr
        lab.gen("--dport", 57, count=10)
        lab.gen("--dport", 50, count=20)
        dumps[3].finish()
        lab.gen("--dport", 57, count=5)
        assert [dump.finish()[1][0] for dump in (dumps[7], dumps[0], dumps[1])] == [15, 20, 0]
        again = Dump(lab, daemon, "--count", 1)
        lab.gen("--dport", 57, count=1)
        again.finish(number=None)


@pytest.mark.parametrize("text, col", [
    ("udp port foo", 10), ("tcp and (", 10), ("udp prot 53", 5), ("tcp[13] & 2 != 0 nix", 18),
    ("host 192.0.2.1 and port", 24), ("vlan 5 and or udp", 12), ("bogus", 1)])
def test_wrong_expression_is_pointed_at(lab, text, col):
    with lab.daemon() as daemon:
        done = lab.run("rx", PROGRAM, "dump", "-s", daemon.socket, text, check=False)
        assert done.returncode == 1 and done.stdout == ""
        lines = done.stderr.splitlines()
        assert lines[0].startswith(f"expression:1:{col}: error: ")
        assert lines[1:] == ["  " + text, " " * (col + 1) + "^"]
        assert daemon.stats()["dumps"] == []


def test_command_line_that_makes_no_sense_is_refused(lab):
    with lab.daemon("drop proto udp name a") as daemon:
        for argv, status, text in [
                (["--verdict", "drop,"], 2, "expected pass, drop, route, copy, unparsed"),
                (["--snap", "65529"], 2, "1 to 65528"), (["--ring", "3"], 2, "power of two"),
                (["--rule", "b"], 1, "no rule 'b'"), (["--rule", "9"], 1, "no rule '9'"),
                (["--interface", "lo"], 1, "no interface 'lo'"),
                (["-w", "/nonexistent/x"], 1, "cannot write /nonexistent/x")]:
            done = lab.run("rx", PROGRAM, "dump", "-s", daemon.socket, *argv, check=False)
            assert done.returncode == status and text in done.stderr, (argv, done)
        wait_for("dumps to go", lambda: not daemon.stats()["dumps"])


def test_programs_are_checked_by_the_daemon(lab):
    with lab.daemon() as daemon:
        client = Client(daemon.socket)
        for lines, text in [
                (["6 0 0"], "expected 'code jt jf k'"), (["6 0 0 0 0"], "expected 'code"),
                (["21 0 0 0"], "jump"), (["0 0 0 0"], "return at the end"),
                (["5 0 0 4294967295", "6 0 0 0"], "jump backward"), (["255 0 0 0"], "unknown"),
                (["52 0 0 0", "6 0 0 0"], "division by 0"), (["2 0 0 16", "6 0 0 0"], "memory"),
                (["6 0 0 0"] * 4097, "1 to 4096")]:
            with pytest.raises(Refused, match=text):
                client.call("dump.start", filter=lines)
        with pytest.raises(Refused, match="power of two|4 KiB"):
            client.call("dump.start", ring=5000)
        with pytest.raises(Refused, match="no column"):
            client.call("dump.start", columns=["seen"])
        with pytest.raises(Refused, match="you have no dump"):
            client.call("dump.stop", dump=0)
        assert daemon.stats()["dumps"] == []


def test_batch_that_starts_a_dump_and_stops_an_older_one_gets_the_new_ones_descriptors(lab):
    with lab.daemon() as daemon:
        client = Client(daemon.socket)

        def batch(*calls):
            """Answers and how many descriptors came with them."""
            requests = [{"jsonrpc": "2.0", "id": i, "method": method, "params": params}
                        for i, (method, params) in enumerate(calls)]
            client.socket.sendall(json.dumps(requests).encode() + b"\n")
            data, fds, _, _ = socket.recv_fds(client.socket, 1 << 20, 8)
            for fd in fds:
                os.close(fd)
            return [answer["result"] for answer in json.loads(data)], len(fds)

        everything = {"filter": ["6 0 0 1"]}
        answers, count = batch(("dump.start", everything))
        older, = answers
        assert count == 2
        answers, count = batch(("dump.start", everything), ("dump.stop", {"dump": older["dump"]}))
        assert count == 2 and len(daemon.stats()["dumps"]) == 1
        newer = answers[0]["dump"]
        _, count = batch(("dump.stop", {"dump": newer}))
        assert count == 0
        answers, count = batch(("dump.start", everything), ("dump.stop", {"dump": older["dump"]}))
        assert count == 0 and not daemon.stats()["dumps"]


def test_who_may_only_read_may_not_dump(lab):
    lab.folder.chmod(0o755)
    control = {"group": str(GROUP), "read-group": str(READ_GROUP)}
    with lab.daemon(control=control) as daemon:
        assert ask_as(daemon, [7, READ_GROUP], "dump.start") == [-32003]
        assert ask_as(daemon, [GROUP], "dump.start") == [0]


def test_connection_that_ends_without_a_word_ends_its_dumps(lab):
    with lab.daemon() as daemon:
        client = Client(daemon.socket)
        for number in range(3):
            assert client.call("dump.start", filter=["6 0 0 1"])["dump"] == number
        assert len(daemon.stats()["dumps"]) == 3
        client.file.close()
        client.close()
        wait_for("the dumps to go", lambda: not daemon.stats()["dumps"])
