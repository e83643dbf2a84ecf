# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rules about what an interface sends: counted to the packet, by tcx and by clsact."""

import contextlib
import json
import time

import pytest

import lab as labs
import rpc

PYTHON = "/usr/bin/python3"
WAYS = ["tcx", "clsact"]

SEND = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
port, count, size = map(int, sys.argv[1:])
for _ in range(count):
    s.sendto(bytes(size), ("192.0.2.2", port))
"""
COUNT = """
import select, socket, sys
sockets, counts = [], []
for port in map(int, sys.argv[1:]):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
    s.bind(("192.0.2.2", port))
    s.setblocking(False)
    sockets.append(s)
    counts.append(0)
print("ready", flush=True)
asked = False
while not asked:
    asked = sys.stdin in select.select([sys.stdin, *sockets], [], [])[0]
    for i, s in enumerate(sockets):
        try:
            while True:
                s.recv(65536)
                counts[i] += 1
        except BlockingIOError:
            pass
print(*counts, flush=True)
"""
FRAMES = """
import errno, socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((sys.argv[1], 0))
for line in sys.argv[2:]:
    try:
        s.send(bytes.fromhex(line))
    except OSError as error:
        # What the kernel says to a sender whose packet was dropped.
        assert error.errno == errno.ENOBUFS
"""
SERVER = """
import socket
s = socket.socket(socket.AF_INET6 if ADDRESS.count(":") else socket.AF_INET)
s.bind((ADDRESS, 5001))
s.listen()
print("ready", flush=True)
while True:
    peer, _ = s.accept()
    total = 0
    while data := peer.recv(1 << 20):
        total += len(data)
    print(total, flush=True)
"""
CLIENT = """
import socket
s = socket.socket(socket.AF_INET6 if ADDRESS.count(":") else socket.AF_INET)
s.connect((ADDRESS, 5001))
for _ in range(BLOCKS):
    s.sendall(bytes(1 << 16))
"""


def interfaces(way="auto", egress="auto", mode="native"):
    return [{"name": "pp0", "mode": mode, "egress": egress, "egress-attach": way}]


def egress(daemon, stats=None):
    return (stats or daemon.stats())["interfaces"][0]["egress"]


def send(lab, port, count, size=100):
    lab.run("rx", PYTHON, "-c", SEND, port, count, size)


class Receiver:
    """Counts datagrams by port on the source side."""

    def __init__(self, lab, *ports):
        self.process = lab.spawn("src", PYTHON, "-c", COUNT, *ports, stdin=-1)
        assert self.process.stdout.readline().strip() == "ready"

    def counts(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return [int(word) for word in self.process.stdout.readline().split()]


def filters(lab):
    return lab.run("rx", "tc", "filter", "show", "dev", "pp0", "egress", check=False).stdout


def qdiscs(lab):
    return lab.run("rx", "tc", "qdisc", "show", "dev", "pp0").stdout


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("engine", ["linear", "tuple"])
def test_drop_pass_and_copy_are_exact(lab, way, engine):
    rules = ["drop proto udp dport 9 direction out name gone",
             "copy proto udp dport 10 direction out name seen",
             "copy take 50 then drop proto udp dport 11 direction out name cut",
             "drop proto udp dport 12 name received"]
    receiver = Receiver(lab, 9, 10, 11, 12, 13)
    with lab.daemon(*rules, engine=engine, interfaces=interfaces(way)) as daemon:
        assert egress(daemon)["attached"] == way
        for port, count in ((9, 100), (10, 200), (11, 300), (12, 400), (13, 500)):
            send(lab, port, count)
        stats = daemon.settled()
        row = egress(daemon, stats)["ledger"]
        assert labs.nonzero(row) == {
            "seen": 1500, "seen_bytes": 1500 * 142, "passed": 1100, "dropped": 400,
            "copied": 500, "ring_read": 500, "copy_handed_off": 500, "copy_analysed": 500}
        assert receiver.counts() == [0, 200, 0, 400, 500]
        found = {rule["name"]: (rule["packets"], rule["bytes"]) for rule in stats["rules"]}
        assert found["gone"] == (100, 14200) and found["cut"] == (300, 42600)
        assert found["seen"] == (200, 28400) and found["received"] == (0, 0)
        # The default action is about what is received, and nothing was.
        assert labs.rule(stats, "default pass")["packets"] == 0
        counted = {entry["id"]: entry["packets"]
                   for entry in labs.consumer(stats, "counter")["rules"]}
        assert counted == {2: 200, 3: 300}
        assert stats["total"]["seen"] == 1500
    assert "egress" in daemon.log and "ledger balances" in daemon.log
    assert "clsact" not in qdiscs(lab)


@pytest.mark.parametrize("way", WAYS)
def test_the_program_is_there_while_a_rule_needs_it(lab, way):
    receiver = Receiver(lab, 9)
    with lab.daemon("drop proto udp dport 12", interfaces=interfaces(way)) as daemon:
        assert egress(daemon)["attached"] is None
        send(lab, 9, 10)

        def rule(*argv):
            return lab.run("rx", labs.PROGRAM, "rule", *argv, "--socket", daemon.socket,
                           check=False)

        added = rule("add", "drop proto udp dport 9 direction out")
        assert added.returncode == 0, added.stderr
        assert egress(daemon)["attached"] == way
        send(lab, 9, 10)
        assert egress(daemon)["ledger"]["dropped"] == 10
        assert rule("del", added.stdout.split()[0]).returncode == 0
        assert egress(daemon)["attached"] is None
        assert "clsact" not in qdiscs(lab)
        send(lab, 9, 10)
        # What it counted stays.
        assert egress(daemon)["ledger"]["seen"] == 10
        assert receiver.counts() == [20]


def test_on_counts_without_a_rule_and_off_refuses_the_rule(lab):
    with lab.daemon("drop proto udp dport 12", interfaces=interfaces(egress="on")) as daemon:
        send(lab, 9, 10)
        assert egress(daemon)["ledger"]["passed"] == 10
    settings = labs.config(lab, ["drop any direction out"], interfaces=interfaces(egress="off"))
    daemon = labs.Daemon(lab, settings, wait=False)
    assert daemon.process.wait(timeout=20) == 1
    assert "direction out needs an interface whose egress is not off" in daemon.log
    with lab.daemon("drop proto udp dport 12", interfaces=interfaces(egress="off")) as daemon:
        done = lab.run("rx", labs.PROGRAM, "rule", "add", "drop on pp0 direction out",
                       "--socket", daemon.socket, check=False)
        assert done.returncode == 1 and "its egress is off" in done.stderr


def test_route_on_the_way_out_is_an_error_that_says_why(lab):
    with lab.daemon("drop proto udp dport 12") as daemon:
        done = lab.run("rx", labs.PROGRAM, "rule", "add", "route any direction out",
                       "--socket", daemon.socket, check=False)
        assert done.returncode == 1
        assert "a packet that is sent cannot be routed: AF_XDP takes packets where" in done.stderr


def test_the_default_action_is_about_what_is_received(lab):
    receiver = Receiver(lab, 9)
    with lab.daemon("copy proto udp dport 10 direction out", default="drop") as daemon:
        send(lab, 9, 10)
        assert egress(daemon)["ledger"]["passed"] == 10
        assert receiver.counts() == [10]


def transfer(lab, address, blocks):
    program = f"ADDRESS = {address!r}\nBLOCKS = {blocks}\n"
    server = lab.spawn("src", PYTHON, "-c", program + SERVER)
    assert server.stdout.readline().strip() == "ready"
    lab.run("rx", PYTHON, "-c", program + CLIENT)
    return int(server.stdout.readline())


@pytest.mark.parametrize("way", WAYS)
def test_a_super_packet_is_one_packet_and_its_segments_are_counted(lab, way):
    lab.run("rx", "ethtool", "-K", "pp0", "tx", "on", "tso", "on", "gso", "on")
    lab.run("src", "ethtool", "-K", "gen0", "tx", "on")
    rules = ["copy take 64 proto tcp dport 5001 direction out name tcp"]
    with lab.daemon(*rules, interfaces=interfaces(way)) as daemon:
        assert transfer(lab, "192.0.2.2", 64) == 64 << 16
        stats = daemon.settled()
        row = egress(daemon, stats)["ledger"]
        rule = labs.rule(stats, "tcp")
        assert row["super_packets"] > 0
        assert row["super_segments"] > 2 * row["super_packets"]
        # Each byte of the stream once, in packets longer than the wire takes, all read by port.
        assert rule["bytes"] == row["seen_bytes"] and rule["packets"] == row["seen"]
        assert rule["bytes"] >= (64 << 16) + rule["packets"] * 54
        assert rule["bytes"] / rule["packets"] > 1514
        assert row["copied"] == rule["packets"]
        counted = labs.consumer(stats, "counter")["rules"][0]
        assert counted["bytes"] == rule["bytes"]


def test_a_copy_of_a_super_packet_is_whole(lab):
    lab.run("rx", "ethtool", "-K", "pp0", "tx", "on", "tso", "on", "gso", "on")
    lab.run("src", "ethtool", "-K", "gen0", "tx", "on")
    with lab.daemon("copy proto tcp dport 5001 direction out") as daemon:
        assert transfer(lab, "192.0.2.2", 16) == 16 << 16
        row = egress(daemon, daemon.settled())["ledger"]
        assert row["super_packets"] > 0
        assert row["copied"] == row["seen"] == row["copy_analysed"]
        assert row["copy_ring_full"] == row["copy_too_long"] == 0


def test_a_big_tcp_packet_is_read_though_its_header_says_no_length(lab):
    lab.run("rx", "ethtool", "-K", "pp0", "tx", "on", "tso", "on", "gso", "on")
    lab.run("src", "ethtool", "-K", "gen0", "tx", "on")
    lab.run("src", "sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/gen0/disable_ipv6")
    for line in ("addr add 2001:db8::2/64 dev gen0 nodad", "link set gen0 gro_max_size 200000"):
        lab.run("src", "ip", *line.split())
    for line in ("addr add 2001:db8::3/64 dev pp0 nodad", "link set pp0 gso_max_size 200000"):
        lab.run("rx", "ip", *line.split())
    lab.run("rx", "ip", "-6", "neigh", "flush", "dev", "pp0")
    consumers = [{"name": "top", "kind": "histogram", "by": ["port"]}]
    with lab.daemon("copy take 80 proto tcp dport 5001 direction out name tcp",
                    consumers=consumers) as daemon:
        assert transfer(lab, "2001:db8::2", 400) == 400 << 16
        stats = daemon.settled()
        row = egress(daemon, stats)["ledger"]
        rule = labs.rule(stats, "tcp")
        assert rule["bytes"] / rule["packets"] > 65536
        assert row["unparsed_ext_short"] == 0
        # The analyser reads it as well.
        with contextlib.closing(rpc.Client(daemon.socket)) as client:
            top = client.call("analysers.top", analyser="top", by="port")
        assert [(row["key"], row["pkts"]) for row in top["rows"]] == [
            ("tcp/5001", rule["packets"])], top
        assert row["seen_bytes"] - rule["bytes"] < 2000  # neighbour discovery


def frames(lab, *packets, side="rx", device="pp0"):
    lab.run(side, PYTHON, "-c", FRAMES, device, *(bytes(packet).hex() for packet in packets))


def tagged(*tags, dport=9):
    from scapy.all import Dot1Q, Ether, IP, UDP
    packet = Ether(src=labs.RX_MAC, dst=labs.SRC_MAC)
    for tag in tags:
        packet /= Dot1Q(vlan=tag)
    return packet / IP(src="192.0.2.1", dst="192.0.2.2") / UDP(sport=1, dport=dport) / bytes(30)


@pytest.mark.parametrize("way", WAYS)
def test_tags_in_the_packet_are_read(lab, way):
    rules = ["drop proto udp dport 9 direction out"]
    with lab.daemon(*rules, interfaces=interfaces(way)) as daemon:
        frames(lab, tagged(), tagged(5), tagged(5, 6), tagged(5, 6, 7), tagged(5, dport=8))
        row = egress(daemon)["ledger"]
        assert (row["seen"], row["dropped"], row["passed"]) == (5, 3, 2)
        assert row["unparsed_vlan_deep"] == 1


def test_a_tag_beside_the_packet_is_put_in_its_place(lab):
    """A bridge takes the tag out of the packet and hands it on beside it."""
    for line in ("ip link add br0 type bridge", "ip link add a0 type veth peer name a1",
                 "ip link set a1 master br0 up", "ip link set pp0 master br0",
                 "ip link set a0 up", "ip link set br0 up"):
        lab.run("rx", *line.split())
    rules = ["copy proto udp dport 9 direction out name read", "drop proto udp direction out"]
    with lab.daemon(*rules, consumers=[{"name": "counter", "kind": "count"}]) as daemon:
        labs.wait_for("the bridge", lambda: "forwarding" in lab.run(
            "rx", "ip", "-d", "link", "show", "pp0").stdout, seconds=40)
        before = egress(daemon)["ledger"]
        sent = [tagged(5), tagged(5, 6), tagged(dport=8), tagged(7, dport=8)]
        frames(lab, *sent, device="a0")
        labs.wait_for("the frames", lambda: labs.rule(daemon.stats(), "read")["packets"] == 2)
        stats = daemon.settled()
        row = egress(daemon, stats)["ledger"]
        assert row["dropped"] - before["dropped"] == 2
        # The tag is counted as what it is on the wire, in the copy too.
        want = len(bytes(sent[0])) + len(bytes(sent[1]))
        assert labs.rule(stats, "read")["bytes"] == want
        assert labs.consumer(stats, "counter")["rules"][0]["bytes"] == want
        sources = {entry["addr"] for entry in labs.consumer(stats, "counter")["sources"]}
        assert sources == {"192.0.2.1"}


def test_headers_beyond_the_first_bytes_are_read(lab):
    from scapy.all import Ether, IPv6, IPv6ExtHdrDestOpt, PadN, UDP
    long = IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(250))])
    packet = (Ether(src=labs.RX_MAC, dst=labs.SRC_MAC) / IPv6(src="2001:db8::1", dst="2001:db8::2")
              / long / long / UDP(sport=1, dport=9) / bytes(30))
    with lab.daemon("drop proto udp dport 9 direction out") as daemon:
        frames(lab, packet)
        row = egress(daemon)["ledger"]
        assert (row["seen"], row["dropped"]) == (1, 1)


@pytest.mark.parametrize("way", WAYS)
def test_a_killed_program_judges_nothing_any_more(lab, way):
    receiver = Receiver(lab, 9)
    daemon = lab.daemon("drop proto udp dport 9 direction out", interfaces=interfaces(way))
    send(lab, 9, 10)
    assert egress(daemon)["ledger"]["dropped"] == 10
    daemon.kill()
    send(lab, 9, 20)
    assert receiver.counts() == [20]
    # With clsact a stub stays that passes all, until the next start, whatever the rules are then.
    assert ("pp_out_stub" in filters(lab)) == (way == "clsact")
    with lab.daemon("drop proto udp dport 9"):
        assert "pp_out_stub" not in filters(lab)
        assert "clsact" not in qdiscs(lab)


def test_a_killed_program_leaves_the_qdisc_of_somebody_else(lab):
    lab.run("rx", "tc", "qdisc", "add", "dev", "pp0", "clsact")
    lab.daemon("drop any direction out", interfaces=interfaces("clsact")).kill()
    assert "pp_out_stub" in filters(lab)
    with lab.daemon("drop proto udp dport 9"):
        assert "pp_out_stub" not in filters(lab) and "clsact" in qdiscs(lab)


def test_clsact_is_left_as_it_was(lab):
    lab.run("rx", "tc", "qdisc", "add", "dev", "pp0", "clsact")
    with lab.daemon("drop any direction out", interfaces=interfaces("clsact")):
        assert "pp_out_stub" in filters(lab)
    assert "clsact" in qdiscs(lab) and "pp_out_stub" not in filters(lab)


def test_our_place_taken_by_another_filter_is_refused(lab):
    lab.run("rx", "tc", "qdisc", "add", "dev", "pp0", "clsact")
    lab.run("rx", "tc", "filter", "add", "dev", "pp0", "egress", "prio", "28784", "handle",
            "0x7070", "bpf", "da", "bytecode", "1,6 0 0 4294967295")
    settings = labs.config(lab, ["drop any direction out"], interfaces=interfaces("clsact"))
    daemon = labs.Daemon(lab, settings, wait=False)
    assert daemon.process.wait(timeout=20) == 1
    assert "another filter has handle 0x7070" in daemon.log
    assert lab.xdp_program() is None


def test_a_filter_that_somebody_removes_is_put_back(lab):
    with lab.daemon("drop proto udp dport 9 direction out",
                    interfaces=interfaces("clsact")) as daemon:
        lab.run("rx", "tc", "qdisc", "del", "dev", "pp0", "clsact")
        daemon.wait_log("somebody removed the filter")
        labs.wait_for("the filter", lambda: "pp_out_stub" in filters(lab))
        send(lab, 9, 10)
        assert egress(daemon)["ledger"]["dropped"] == 10


@pytest.mark.parametrize("way", WAYS)
def test_a_deleted_interface_gets_its_program_back(lab, way):
    rules = ["drop proto udp dport 9 direction out"]
    with lab.daemon(*rules, interfaces=interfaces(way)) as daemon:
        lab.run("rx", "ip", "link", "del", "pp0")
        daemon.wait_log("deleted")
        assert egress(daemon)["attached"] is None
        lab.run("rx", "ip", "link", "add", "pp0", "type", "veth", "peer", "name", "gen0",
                "netns", f"pp{lab.pid}-lab-src")
        lab.run("rx", "ip", "link", "set", "pp0", "up")
        lab.run("src", "ip", "link", "set", "gen0", "up")
        daemon.wait_log("attached again")
        labs.wait_for("egress", lambda: egress(daemon)["attached"] == way)
        before = egress(daemon)["ledger"]["dropped"]
        frames(lab, tagged(), tagged())
        assert egress(daemon)["ledger"]["dropped"] == before + 2


def test_a_returned_interface_whose_place_is_taken_is_told_once(lab):
    rules = ["drop proto udp dport 9 direction out"]
    with lab.daemon(*rules, interfaces=interfaces("clsact")) as daemon:
        lab.run("rx", "ip", "link", "del", "pp0")
        daemon.wait_log("deleted")
        lab.run("rx", "ip", "link", "add", "new", "type", "veth", "peer", "name", "gen0",
                "netns", f"pp{lab.pid}-lab-src")
        lab.run("rx", "tc", "qdisc", "add", "dev", "new", "clsact")
        lab.run("rx", "tc", "filter", "add", "dev", "new", "egress", "prio", "28784", "handle",
                "0x7070", "bpf", "da", "bytecode", "1,6 0 0 4294967295")
        lab.run("rx", "ip", "link", "set", "new", "name", "pp0", "up")
        daemon.wait_log("another filter has handle 0x7070")
        time.sleep(3)
        assert daemon.log.count("another filter has handle 0x7070") == 1, daemon.log
        lab.run("rx", "tc", "filter", "del", "dev", "pp0", "egress", "prio", "28784", "handle",
                "0x7070", "bpf")
        labs.wait_for("egress", lambda: egress(daemon)["attached"] == "clsact")


@pytest.mark.parametrize("way", WAYS)
def test_another_engine_takes_its_place_without_a_gap(lab, way):
    receiver = Receiver(lab, 9)
    with lab.daemon("drop proto udp dport 9 direction out", engine="linear",
                    interfaces=interfaces(way)) as daemon:
        sender = lab.spawn("rx", PYTHON, "-c", SEND, 9, 200000, 10)
        labs.wait_for("traffic", lambda: egress(daemon)["ledger"]["seen"] > 1000)
        for engine in ("tuple", "linear", "tuple"):
            daemon.path.write_text(json.dumps({**daemon.settings, "engine": engine}))
            lab.run("rx", labs.PROGRAM, "reload", "--socket", daemon.socket)
            assert daemon.stats()["engine"]["name"] == engine
        assert sender.wait(timeout=60) == 0
        row = egress(daemon)["ledger"]
        assert row["dropped"] == row["seen"] == 200000
        assert receiver.counts() == [0]


def test_a_tun_interface_judges_what_it_sends(tun):
    rules = ["drop proto udp dport 9 direction out"]
    with tun.daemon(*rules) as daemon:
        tun.run("rx", PYTHON, "-c", SEND, 9, 10, 100, check=False)
        labs.wait_for("packets", lambda: egress(daemon)["ledger"]["dropped"] == 10, seconds=3)
