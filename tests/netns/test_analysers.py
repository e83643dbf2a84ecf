# SPDX-License-Identifier: MIT OR Apache-2.0
"""Analysers in a running push-packet: what histogram and flows say against a count of the same packets
by scapy, order and place of flows, one that stands still, and a plug-in built against an installation
and nothing else."""

import collections
import os
import random
import shutil
import signal
import subprocess

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.utils import rdpcap, wrpcap

from lab import BUILD, PROGRAM, ROOT, RX_MAC, SRC_MAC, Daemon, config, consumer, wait_for
from rpc import Client, Refused

LIMITS = (64, 128, 256, 512, 1024, 1518, 9216)
PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp6"}


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    """The example, built outside of the tree."""
    folder = tmp_path_factory.mktemp("analyser")
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--tags", "devel",
                    "--destdir", folder / "root"], check=True, capture_output=True)
    include = next((folder / "root").rglob("include"))
    shutil.copytree(ROOT / "tests" / "analysers" / "order", folder / "order")
    subprocess.run(["make", "-s", "-C", folder / "order", f"PREFIX={include.parent}"], check=True)
    return folder / "order" / "order.so"


def top(daemon, name, by, **params):
    client = Client(daemon.socket)
    try:
        return client.call("analysers.top", analyser=name, by=by, limit=100000, **params)
    finally:
        client.close()


def transmit(lab, frames):
    """Send frames as they are, by a socket of the other side."""
    path = lab.folder / "frames.pcap"
    wrpcap(str(path), frames)
    script = ("import socket, sys, time\n"
              "from scapy.utils import RawPcapReader\n"
              "s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\n"
              "s.bind(('gen0', 0))\n"
              "for n, (data, _) in enumerate(RawPcapReader(sys.argv[1])):\n"
              "    s.send(data)\n"
              "    if n % 32 == 0: time.sleep(0.001)\n")
    lab.run("src", "/usr/bin/python3", "-c", script, path)
    return [bytes(frame) for frame in rdpcap(str(path))]


def ether():
    return Ether(src=SRC_MAC, dst=RX_MAC)


def conversation(rng, number):
    """Packets of both directions, and of what is not a flow of TCP or UDP."""
    a, b = f"192.0.2.{1 + rng.randrange(20)}", f"198.51.100.{1 + rng.randrange(5)}"
    port = 1024 + number
    load = bytes(rng.randrange(1200))
    yield ether() / IP(src=a, dst=b) / TCP(sport=port, dport=443, flags="S")
    yield ether() / IP(src=b, dst=a) / TCP(sport=443, dport=port, flags="SA")
    yield ether() / Dot1Q(vlan=7) / IP(src=a, dst=b) / TCP(sport=port, dport=443, flags="A") / load
    yield ether() / IP(src=b, dst=a) / UDP(sport=53, dport=port) / load
    yield ether() / IP(src=a, dst=b, options=[]) / ICMP() / load
    yield ether() / IPv6(src=f"2001:db8::{number % 9 + 1:x}", dst="2001:db8::1") / UDP(
        sport=port, dport=53) / load
    yield ether() / IPv6(src="2001:db8::1", dst=f"2001:db8::{number % 9 + 1:x}") / TCP(
        sport=80, dport=port, flags="FA") / load
    yield ether() / ARP(psrc=a, pdst=b)


def ends(frame):
    """Protocol, then both ends (address, port), the sender's first; None where there is no IP."""
    ip = frame.getlayer(IP) or frame.getlayer(IPv6)
    if ip is None:
        return None
    layer = frame.getlayer(TCP) or frame.getlayer(UDP)
    sport, dport = (layer.sport, layer.dport) if layer else (0, 0)
    proto = ip.proto if ip.version == 4 else ip.nh
    return PROTOCOLS[proto], (ip.src, sport), (ip.dst, dport)


def size_of(length):
    return next((i for i, limit in enumerate(LIMITS) if length <= limit), len(LIMITS))


class Tally:
    """Packets, bytes and sizes by key."""

    def __init__(self):
        self.rows = collections.defaultdict(lambda: [0, 0, [0] * 8])

    def add(self, key, length):
        row = self.rows[key]
        row[0] += 1
        row[1] += length
        row[2][size_of(length)] += 1


def keys_of(frame):
    who = ends(frame)
    if who is None:
        return {"source": "none", "destination": "none", "port": "other/0", "protocol": "other"}
    proto, (src, _), (dst, dport) = who
    return {"source": src, "destination": dst, "port": f"{proto}/{dport}", "protocol": proto}


def frames_of(seed, count):
    rng = random.Random(seed)
    frames = [frame for number in range(count) for frame in conversation(rng, number)]
    return [bytes(frame) for frame in frames]


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_histogram_and_flows_are_what_scapy_counts(lab, threads):
    consumers = [{"name": "seen", "kind": "histogram", "threads": threads, "window": "1h"},
                 {"name": "talks", "kind": "flows", "threads": threads, "window": "60s"}]
    frames = frames_of(threads, 60)
    with lab.daemon("copy any to seen name all", consumers=consumers) as daemon:
        sent = transmit(lab, frames)
        daemon.settled(len(sent))
        check_histogram(daemon, sent)
    with lab.daemon("copy any to talks name all", consumers=consumers) as daemon:
        sent = transmit(lab, frames)
        daemon.settled(len(sent))
        check_flows(daemon, sent)


def check_histogram(daemon, sent):
    tallies = collections.defaultdict(Tally)
    for data in sent:
        for by, key in keys_of(Ether(data)).items():
            tallies[by].add(key, len(data))
    for by, tally in tallies.items():
        seen = top(daemon, "seen", by)
        assert {row["key"]: [row["pkts"], row["bytes"], row["sizes"]]
                for row in seen["rows"]} == tally.rows, by
        assert seen["total"] == {"pkts": len(sent), "bytes": sum(map(len, sent))}
        assert seen["other"]["pkts"] == seen["error_bound"] == 0
        sizes = [row["bytes"] for row in seen["rows"]]
        assert sizes == sorted(sizes, reverse=True)
    (by_rule,) = top(daemon, "seen", "rule")["rows"]
    assert (by_rule["name"], by_rule["pkts"]) == ("all", len(sent))


def check_flows(daemon, sent):
    expected = {}
    for data in sent:
        frame = Ether(data)
        proto, src, dst = ends(frame) or ("other", ("none", 0), ("none", 0))
        key = (proto, src, dst)
        if (proto, dst, src) in expected:
            key = (proto, dst, src)
        ways = expected.setdefault(key, [[0, 0, 0], [0, 0, 0]])
        way = ways[0 if key == (proto, src, dst) else 1]
        way[0] += 1
        way[1] += len(data)
        if proto == "tcp":
            way[2] |= int(frame[TCP].flags)
    seen = top(daemon, "talks", "flow")
    got = {(row["proto"], (row["src"], row["sport"]), (row["dst"], row["dport"])):
           [[way["pkts"], way["bytes"], way["tcp_flags"]] for way in (row["forth"], row["back"])]
           for row in seen["rows"]}
    assert got == expected
    assert seen["found"] == len(expected) and seen["error_bound"] == 0
    assert all(row["first_ns"] <= row["last_ns"] for row in seen["rows"])
    newest = top(daemon, "talks", "flow", sort="new")["rows"]
    begun = [row["first_ns"] for row in newest]
    assert begun == sorted(begun, reverse=True)


def test_a_full_table_errs_within_its_bound(lab):
    consumers = [{"name": "talks", "kind": "flows", "threads": 1, "entries": 64},
                 {"name": "seen", "kind": "histogram", "threads": 1, "entries": 64,
                  "window": "60s", "by": ["source"]}]
    for name, by in (("talks", "flow"), ("seen", "source")):
        with lab.daemon(f"copy any to {name}", consumers=consumers,
                        rings={"handoff": "16MiB"}) as daemon:
            # Many that come once or a few times each, and among them one that comes often.
            lab.gen("--rate", "50k", "--src", "10.0.0.0/16", "--flows", 20000, count=40000)
            lab.gen("--rate", "50k", "--src", "192.0.2.9", count=6000)
            lab.gen("--rate", "50k", "--src", "10.1.0.0/16", "--flows", 20000, count=20000)
            daemon.settled(66000)
            # The sketch is shown as it was at the last tick.
            seen = wait_for("all of it", lambda: whole(top(daemon, name, by)))
            check_bounds(seen, name)


def whole(seen):
    rows = sum(row["pkts"] for row in seen["rows"])
    other = 0 if "forth" in seen["rows"][0] else seen["other"]["pkts"]
    return seen if rows + other == seen["total"]["pkts"] == 66000 else None


def check_bounds(seen, name):
    bound = seen["error_bound"]
    heavy = [row for row in seen["rows"] if "192.0.2.9" in row["key"]]
    found = heavy[0]["pkts"] if heavy else 0
    assert abs(found - 6000) <= bound
    if name == "talks":
        assert bound <= 66000 / 1024
        assert heavy and heavy == seen["rows"][:1] or heavy[0]["pkts"] >= 6000
        assert heavy[0]["pkts"] - heavy[0]["error_pkts"] <= 6000 <= heavy[0]["pkts"]
    for row in seen["rows"]:
        if "192.0.2.9" not in row["key"]:
            assert row["pkts"] - row["error_pkts"] <= 2, row


def test_a_window_slides(lab):
    consumers = [{"name": "seen", "kind": "histogram", "window": "1s", "by": ["protocol"]}]
    with lab.daemon("copy any to seen", consumers=consumers) as daemon:
        lab.gen("--rate", "10k", count=1000)
        daemon.settled(1000)
        wait_for("packets to leave the window",
                 lambda: not top(daemon, "seen", "protocol")["rows"], 5)
        assert top(daemon, "seen", "protocol")["total"] == {"pkts": 0, "bytes": 0}


def test_count_lists_its_sources(lab):
    consumers = [{"name": "counter", "kind": "count", "threads": 2}]
    with lab.daemon("copy any to counter", consumers=consumers) as daemon:
        lab.gen("--rate", "50k", "--src", "192.0.2.0/28", "--flows", 10, count=1000)
        daemon.settled(1000)
        seen = top(daemon, "counter", "source")
        assert [row["pkts"] for row in seen["rows"]] == [100] * 10
        assert seen["total"]["pkts"] == 1000 and seen["found"] == 10
        with pytest.raises(Refused, match="by source only"):
            top(daemon, "counter", "flow")
        with pytest.raises(Refused, match="no consumer 'nobody'"):
            top(daemon, "nobody", "source")
        with pytest.raises(Refused, match="'colour' is none of"):
            top(daemon, "counter", "colour")


def plugin_config(plugin, name="order", **options):
    return {"name": name, "kind": "plugin", "library": str(plugin), "threads": 3,
            "options": options}


def test_flows_stay_in_order_on_one_thread(lab2, plugin):
    consumers = [plugin_config(plugin, "copies"), plugin_config(plugin, "frames")]
    with lab2.daemon("copy to copies proto udp dport 9", "route to frames proto udp dport 10",
                     consumers=consumers, rings={"handoff": "16MiB"},
                     workers={"count": 2, "cpus": [1, 0], "idle": "adaptive"}) as daemon:
        for number, port in enumerate((9, 10)):
            lab2.gen("--rate", "50k", "--dport", port, "--flows", 400, "--payload", "seq",
                     "--size", 100, count=40000)
            stats = daemon.settled(40000 * (number + 1))
        for name in ("copies", "frames"):
            entry = consumer(stats, name)
            assert entry["numbers"] == {"foreign": 0, "disorder": 0, "moved": 0}
            rows = top(daemon, name, "text")["rows"]
            assert sum(row["pkts"] for row in rows) == entry["copied"] + entry["routed"] == 40000
            assert len(rows) == 3 and all(row["pkts"] > 0 for row in rows)
        with pytest.raises(Refused, match="by text only"):
            top(daemon, "copies", "source")


def test_who_stands_still_loses_its_own_packets_only(lab, plugin):
    hold = lab.folder / "hold"
    hold.touch()
    consumers = [plugin_config(plugin, hold=str(hold)),
                 {"name": "other", "kind": "count", "threads": 1}]
    with lab.daemon("copy to order proto udp dport 9", "copy to other proto udp dport 10",
                    "route to order proto udp dport 11", "route to other proto udp dport 12",
                    consumers=consumers, rings={"handoff": "1MiB"}) as daemon:
        for port in (9, 10, 11, 12):
            lab.gen("--rate", "30k", "--dport", port, "--flows", 20, count=30000)
        held = wait_for("packets to be handed over", lambda: (
            lambda s: s if s["total"]["ring_read"] == s["total"]["xsk_rx"] == 60000 else None)(
                daemon.stats()))
        stuck, other = consumer(held, "order"), consumer(held, "other")
        assert stuck["copied"] + stuck["copied_lost"] == 30000 and stuck["copied_lost"] > 0
        assert stuck["routed"] + stuck["routed_lost"] == 30000 and stuck["routed_lost"] > 0
        assert stuck["copied_analysed"] == stuck["routed_analysed"] == 0
        assert other["copied_lost"] == other["routed_lost"] == 0
        hold.unlink()
        stats = daemon.settled(120000)
        stuck, other = consumer(stats, "order"), consumer(stats, "other")
        assert stuck["copied_analysed"] == stuck["copied"]
        assert stuck["routed_analysed"] == stuck["routed"]
        assert other["copied_analysed"] == other["routed_analysed"] == 30000
        assert stats["total"]["handoff_full"] == stuck["routed_lost"]
        assert stats["total"]["copy_handoff_full"] == stuck["copied_lost"]


def check_config(lab, one):
    path = lab.folder / "check.yaml"
    lines = ["consumers:", "- name: a"] + [f"  {key}: {value}" for key, value in one.items()]
    path.write_text("interfaces: [{name: pp0}]\n" + "\n".join(lines) + "\n")
    done = lab.run("rx", PROGRAM, "check", "-c", path, check=False)
    return done.returncode, (done.stdout + done.stderr).replace(str(path), "FILE")


def built(folder, name, text):
    source, path = folder / f"{name}.c", folder / f"{name}.so"
    source.write_text(text)
    subprocess.run(["cc", "-shared", "-fPIC", source, "-o", path], check=True)
    return path


@pytest.mark.parametrize("one,place,says", [
    ({"kind": "histogram", "window": "10"}, "5:11", "no time from 1s to 1h"),
    ({"kind": "histogram", "by": "[source, colour]"}, "5:7", "'colour' is none of source"),
    ({"kind": "flows", "entries": 100}, "5:12", "no power of two"),
    ({"kind": "flows", "by": "source"}, "5:7", "kind flows has no 'by'"),
    ({"kind": "count", "window": "10s"}, "5:11", "kind count has no 'window'"),
    ({"kind": "null", "library": "x.so"}, "5:12", "only a consumer of kind plugin"),
    ({"kind": "null", "threads": 17}, "5:12", "out of range"),
    ({"kind": "null", "cpus": "[0]"}, "5:9", "threads: 1 as well"),
    ({"kind": "null", "threads": 2, "cpus": "[0, 999]"}, "6:13", "CPU 999 does not exist"),
    ({"kind": "null", "spread": "wide"}, "5:11", "expected flow or hosts"),
    ({"kind": "plugin"}, "4:9", "needs a library"),
    ({"kind": "plugin", "library": "/none.so"}, "5:12", "No such file"),
    ({"kind": "plugin", "library": "/etc/passwd"}, "5:12", "not a shared object"),
    ({"kind": "plugin", "library": "EMPTY"}, "5:12", "defines no const struct pp_analyser_ops"),
    ({"kind": "plugin", "library": "OLD"}, "5:12", "version 77 of the analyser interface"),
    ({"kind": "plugin", "library": "LACKS"}, "5:12", "lacks a function"),
    ({"kind": "plugin", "library": "ORDER", "options": "{held: x}"}, "6:19", "one option, hold"),
    ({"kind": "plugin", "library": "ORDER", "threads": 0}, "6:12", "cannot run on a worker"),
])
def test_what_is_wrong_is_said_at_its_place(lab, plugin, one, place, says):
    libraries = {"EMPTY": "int nothing;",
                 "OLD": "const unsigned pp_analyser_ops[64] = {77};",
                 "LACKS": "const unsigned pp_analyser_ops[64] = {1};"}
    name = one.get("library")
    if name in libraries:
        one = {**one, "library": built(lab.folder, name, libraries[name])}
    elif name == "ORDER":
        one = {**one, "library": plugin}
    status, text = check_config(lab, one)
    assert status == 1
    assert f"FILE:{place}: error: " in text and says in text, text


def test_a_plugin_outlives_its_file_and_reload_sees_another(lab, plugin):
    copy = lab.folder / "order.so"
    shutil.copy(plugin, copy)
    settings = config(lab, ["copy any to order"], consumers=[plugin_config(copy)])
    with Daemon(lab, settings) as daemon:
        copy.write_bytes(plugin.read_bytes() + b"\0")
        lab.gen("--rate", "10k", count=100)
        daemon.settled(100)
        done = lab.run("rx", PROGRAM, "reload", "--socket", daemon.socket, check=False)
        assert done.returncode == 1 and "the library of a consumer cannot change" in (
            done.stdout + done.stderr)
        assert consumer(daemon.stats(), "order")["copied_analysed"] == 100


def held(lab, plugin, **options):
    """A daemon whose plug-in does not return from its first packet while the file is there."""
    hold = lab.folder / "hold"
    hold.touch()
    daemon = lab.daemon("copy to order proto udp", **options,
                        consumers=[plugin_config(plugin, hold=str(hold))])
    lab.gen("--dport", 7, "--rate", 20_000, count=1000)
    wait_for("packets to wait", lambda: daemon.stats()["total"]["copy_handed_off"] == 1000)
    return daemon, hold


def test_a_plugin_that_never_returns_is_left_behind(lab, plugin):
    daemon, _ = held(lab, plugin)
    # Nobody else waits for it.
    lab.run("rx", PROGRAM, "rule", "add", "drop proto tcp", "-s", daemon.socket)
    daemon.process.send_signal(signal.SIGTERM)
    wait_for("the program to go", lambda: lab.xdp_program() is None)
    assert daemon.process.wait(timeout=60) == 1
    assert "error: analyser order does not return" in daemon.log
    assert "kernel verdicts" in daemon.log and "copy_handed_off" in daemon.log
    assert not os.path.exists(daemon.socket)


def test_the_end_of_the_time_does_not_wait_for_it_either(lab, plugin):
    hold = lab.folder / "hold"
    hold.touch()
    settings = config(lab, ["copy to order proto udp"],
                           consumers=[plugin_config(plugin, hold=str(hold))])
    daemon = Daemon(lab, settings, "--for", "3s")
    lab.gen("--dport", 7, "--rate", 20_000, count=1000)
    assert daemon.process.wait(timeout=60) == 1
    assert "the time is up" in daemon.log and "order does not return" in daemon.log


def test_a_plugin_that_returns_in_time_ends_in_order(lab, plugin):
    daemon, hold = held(lab, plugin)
    daemon.process.send_signal(signal.SIGTERM)
    daemon.wait_log("stopping")
    hold.unlink()
    assert daemon.process.wait(timeout=60) == 0
    assert "does not return" not in daemon.log
