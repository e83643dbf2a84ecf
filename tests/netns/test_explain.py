# SPDX-License-Identifier: MIT OR Apache-2.0
"""`push-packet explain` and `rule test RULE CAPTURE`: what they tell of each packet."""

import json
import os
import subprocess

import pytest
from scapy.all import (ARP, Dot1Q, Ether, ICMP, IP, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment,
                       IPv6ExtHdrHopByHop, PcapNgWriter, TCP, UDP)

import pcap
from lab import PROGRAM
from rpc import Client

ETH = Ether(src="02:00:00:00:00:02", dst="02:00:00:00:00:01")
RULES = """\
drop proto tcp src 192.0.2.0/24 name scan
copy take 128 proto udp dport 53
copy then drop dst 2001:db8::/32 name six
copy then route dst 203.0.113.8 proto udp
route dst 203.0.113.7 proto udp dport 4000-4999
pass family ip4
"""
TCP_SCAN = bytes(ETH / IP(src="192.0.2.9", dst="198.51.100.1") / TCP(sport=1, dport=80))


def run(*argv, status=0, **options):
    done = subprocess.run([PROGRAM, *map(str, argv)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=100, check=False, **options)
    assert done.returncode == status, done.stdout[-2000:] + done.stderr
    return done


def explain(*argv, **options):
    """What is told of each packet, and the summary."""
    *packets, last = map(json.loads, run("explain", "--json", *argv, **options).stdout.splitlines())
    assert [packet["index"] for packet in packets] == list(range(1, len(packets) + 1))
    assert last["summary"]["packets"] == len(packets)
    return packets, last["summary"]


@pytest.fixture
def make(tmp_path):
    """Files: a capture from packets, a rule file from text."""
    class Make:
        folder = tmp_path

        @staticmethod
        def capture(*packets, link=pcap.ETHERNET, name="test.pcap"):
            pcap.write(tmp_path / name, link,
                       [packet if isinstance(packet, (bytes, tuple)) else bytes(packet)
                        for packet in packets])
            return tmp_path / name

        @staticmethod
        def rules(text, name="test.rules"):
            (tmp_path / name).write_text(text)
            return tmp_path / name
    return Make


def test_verdict_rule_and_name_of_each_packet(make):
    capture = make.capture(
        TCP_SCAN,
        ETH / IP(src="198.51.100.9", dst="198.51.100.1") / UDP(sport=1, dport=53),
        ETH / IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(sport=5, dport=6),
        ETH / IP(src="198.51.100.9", dst="203.0.113.8") / UDP(sport=1, dport=2),
        ETH / IP(src="198.51.100.9", dst="203.0.113.7") / UDP(sport=1, dport=4500),
        ETH / Dot1Q(vlan=5) / IP(src="198.51.100.9", dst="203.0.113.8") / ICMP(),
        ETH / ARP())
    packets, summary = explain("--rules", make.rules(RULES), capture)
    told = [tuple(packet[key] for key in ("verdict", "then", "rule", "name", "reason"))
            for packet in packets]
    assert told == [("drop", None, 1, "scan", None),
                    ("copy", "pass", 2, None, None),
                    ("copy", "drop", 3, "six", None),
                    ("copy", "route", 4, None, None),
                    ("route", None, 5, None, None),
                    ("pass", None, 6, None, None),
                    ("pass", None, None, None, None)]
    assert [rule["packets"] for rule in summary["rules"]] == [1, 1, 1, 1, 1, 1]
    assert summary["rules"][0]["text"] == "drop proto tcp src 192.0.2.0/24 name scan"
    assert (summary["default"]["text"], summary["default"]["packets"]) == ("pass", 1)
    assert summary["reasons"] == {}


def test_key_of_each_packet(make):
    first = IPv6ExtHdrHopByHop() / IPv6ExtHdrFragment(m=1, id=1) / UDP(sport=5, dport=6)
    later = IPv6ExtHdrFragment(offset=9, nh=17, id=1) / b"abcdefgh"
    capture = make.capture(
        ETH / IP(src="192.0.2.9", dst="198.51.100.1", frag=100, proto=6) / b"abcdefgh",
        ETH / Dot1Q(vlan=1) / Dot1Q(vlan=2) / IP(src="192.0.2.1", dst="192.0.2.2") /
        TCP(sport=1, dport=65535),
        ETH / IPv6(src="2001:db8::1", dst="2001:db8::2") / first,
        ETH / IPv6(src="2001:db8::1", dst="2001:db8::2") / later,
        ETH / ARP())
    packets, _ = explain("--rules", make.rules("pass any\n"), "-i", "pp7", capture)

    def key(family, proto, src, dst, sport, dport, later):
        return {"family": family, "proto": proto, "src": src, "dst": dst, "sport": sport,
                "dport": dport, "later_fragment": later, "interface": "pp7", "direction": "in"}
    assert [packet["key"] for packet in packets] == [
        key("ip4", 6, "192.0.2.9", "198.51.100.1", None, None, True),
        key("ip4", 6, "192.0.2.1", "192.0.2.2", 1, 65535, False),
        key("ip6", 17, "2001:db8::1", "2001:db8::2", 5, 6, False),
        key("ip6", 17, "2001:db8::1", "2001:db8::2", None, None, True),
        key(None, None, None, None, None, None, False)]


def test_what_cannot_be_parsed_passes_and_says_why(make):
    ext = bytes(ETH / IPv6(src="2001:db8::1", dst="2001:db8::2") / IPv6ExtHdrDestOpt() / UDP())
    deep = ETH / IPv6()
    for _ in range(9):
        deep = deep / IPv6ExtHdrDestOpt()
    capture = make.capture(
        TCP_SCAN[:13], TCP_SCAN[:20], TCP_SCAN[:36],
        TCP_SCAN[:14] + b"\x43" + TCP_SCAN[15:],
        bytes(ETH / Dot1Q())[:16], ETH / Dot1Q() / Dot1Q() / Dot1Q() / IP(), ext[:60], deep / UDP())
    packets, summary = explain("--rules", make.rules("drop any\n"), capture)
    reasons = ["eth_short", "ip_short", "l4_short", "ip_bad", "vlan_short", "vlan_deep",
               "ext_short", "ext_deep"]
    assert [packet["reason"] for packet in packets] == [f"unparsed_{r}" for r in reasons]
    assert {(packet["verdict"], packet["rule"]) for packet in packets} == {("pass", None)}
    assert summary["reasons"] == {f"unparsed_{reason}": 1 for reason in reasons}
    # As far as it was read.
    assert packets[2]["key"]["src"] == "192.0.2.9" and packets[2]["key"]["sport"] is None


def test_shorter_than_the_kernel_takes_is_judged_and_said(make):
    capture = make.capture(b"\x45\0\0\x14", b"\x00abc", b"", link=pcap.RAW)
    packets, _ = explain("--rules", make.rules("drop any\n"), capture)
    assert [(packet["verdict"], packet["rule"], packet["reason"], packet["too_short"])
            for packet in packets] == [("pass", None, "unparsed_ip_short", True),
                                       ("drop", 1, None, True),
                                       ("pass", None, "unparsed_ip_short", True)]


def test_long_packets_are_judged_up_to_the_kernels_limit(make):
    def packet(size):
        return (TCP_SCAN + bytes(size))[:size]
    sizes = [3400, 3520, 3521, 4096, 9000, 65535, 65536, 200000]
    packets, summary = explain("--rules", make.rules(RULES),
                               make.capture(*map(packet, sizes)))
    assert [packet["bytes"] for packet in packets] == sizes
    assert [packet["verdict"] for packet in packets] == ["drop"] * 7 + [None]
    assert packets[-1]["reason"] == "too long for the kernel's test run"
    assert packets[-1]["key"]["dport"] == 80
    assert summary["rules"][0]["packets"] == 7 and summary["rules"][0]["bytes"] == sum(sizes[:-1])
    assert summary["reasons"] == {"too long for the kernel's test run": 1}


def test_headers_beyond_the_first_buffer_are_not_read(make):
    # Two options headers of 2,048 bytes: the ports stand behind what the kernel puts into one.
    options = bytes([60, 255]) + bytes(2046) + bytes([17, 255]) + bytes(2046)
    packet = ETH / IPv6(src="2001:db8::1", dst="2001:db8::2", nh=60, plen=4104)
    packets, _ = explain("--rules", make.rules("drop proto udp\n"),
                         make.capture(bytes(packet) + options + bytes(UDP(sport=1, dport=2))))
    assert packets[0]["reason"] == "unparsed_ext_short"


def test_cut_short_in_the_capture_is_judged_as_captured(make):
    packets, summary = explain("--rules", make.rules(RULES),
                               make.capture((TCP_SCAN[:40], 1500), (TCP_SCAN[:30], 1500), TCP_SCAN))
    assert [(packet["truncated"], packet["bytes"], packet["wire_bytes"], packet["verdict"],
             packet["reason"]) for packet in packets] == [
                 (True, 40, 1500, "drop", None),
                 (True, 30, 1500, "pass", "unparsed_ip_short"),
                 (False, 54, 54, "drop", None)]
    assert summary["truncated"] == 2


def test_raw_ip_and_pcapng(make):
    ip = IP(src="192.0.2.9", dst="198.51.100.1") / TCP(sport=1, dport=80)
    rules = make.rules(RULES)
    assert explain("--rules", rules, make.capture(ip, link=pcap.RAW))[0][0]["rule"] == 1
    path = make.folder / "test.pcapng"
    writer = PcapNgWriter(str(path))
    writer.write(Ether(TCP_SCAN))
    writer.close()
    assert path.read_bytes()[:4] == b"\x0a\x0d\x0d\x0a"
    assert explain("--rules", rules, path)[0][0]["rule"] == 1
    with open(path, "rb") as file:
        done = subprocess.run([PROGRAM, "explain", "--rules", rules, "-"], stdin=file,
                              capture_output=True, text=True, check=True)
    assert "drop         1 (scan)     proto tcp src 192.0.2.9 sport 1 dst" in done.stdout


def test_interface_decides_rules_with_on(make):
    rules = make.rules("drop on pp0\nroute on pp1\n")
    capture = make.capture(TCP_SCAN)
    assert explain("--rules", rules, capture)[0][0]["verdict"] == "pass"
    assert explain("--rules", rules, "--interface", "pp0", capture)[0][0]["verdict"] == "drop"
    assert explain("--rules", rules, "--interface", "pp1", capture)[0][0]["verdict"] == "route"
    assert explain("--rules", rules, "--interface", "pp2", capture)[0][0]["verdict"] == "pass"


def config(folder, **rules):
    settings = {"interfaces": [{"name": "nothere0"}, {"name": "nothere1"}],
                "consumers": [{"name": "counter", "kind": "count"}], "rules": rules}
    (folder / "test.yaml").write_text(json.dumps(settings))
    return folder / "test.yaml"


def test_configuration_whose_interfaces_are_not_here(make):
    make.rules("set bad { 192.0.2.0/28 2001:db8::/32 }\n")
    path = config(make.folder, default="drop", files=["test.rules"],
                  inline=["pass on nothere1", "copy src @bad to counter"])
    capture = make.capture(TCP_SCAN)
    packets, summary = explain("-c", path, capture)
    assert [(packet["verdict"], packet["rule"]) for packet in packets] == [("copy", 2)]
    assert packets[0]["key"]["interface"] == "nothere0"
    assert summary["default"]["text"] == "drop"
    assert explain("-c", path, "-i", "nothere1", capture)[0][0]["rule"] == 1
    done = run("explain", "-c", path, "-i", "pp9", capture, status=1)
    assert "no interface of the configuration is named 'pp9'" in done.stderr
    config(make.folder, inline=["drop on pp9"])
    done = run("explain", "-c", path, capture, status=1)
    assert "interface 'pp9' is not configured" in done.stderr
    assert f"{path}:1:" in done.stderr


def test_rule_file_with_sets_beside_it(make):
    (make.folder / "list").write_text("192.0.2.0/29\n192.0.2.9\n")
    rules = make.rules("set s file list\nset t { 198.51.100.0/30 }\ndrop src @s dst @t\n")
    capture = make.capture(TCP_SCAN, ETH / IP(src="192.0.2.8", dst="198.51.100.1") / TCP())
    assert [packet["rule"] for packet in explain("--rules", rules, capture)[0]] == [1, None]


def test_rule_test_with_a_capture(make):
    capture = make.capture(TCP_SCAN, ETH / ARP())
    lines = run("rule", "test", "drop src 192.0.2.0/24", capture, "--json").stdout.splitlines()
    assert [json.loads(line).get("verdict") for line in lines] == ["drop", "pass", None]
    done = run("rule", "test", "route on pp3 to sink", capture)
    assert done.stdout.splitlines()[1].split() == "2 route 1 on pp3 not IP".split()
    done = run("rule", "test", "drop src 192.0.2.0/33", capture, status=1)
    assert "rule:1:10: error: expected a prefix length of 0 to 32" in done.stderr


def test_running_daemon_with_its_ids(lab, make):
    capture = make.capture(TCP_SCAN, ETH / IP(src="203.0.113.5") / UDP(dport=9), ETH / ARP())
    with lab.daemon("drop src 203.0.113.0/24 name old", default="drop") as daemon:
        client = Client(daemon.socket)
        client.call("sets.add", name="many", entries=[f"192.0.2.{i}" for i in range(256)])
        wanted = client.call("rules.add", rule="copy src @many dport 80 prio 5")["id"]
        removed = client.call("rules.add", rule="pass any prio 1")["id"]
        client.call("rules.delete", id=removed)
        client.close()
        packets, summary = explain("--running", "-s", daemon.socket, capture)
        assert [(packet["verdict"], packet["rule"]) for packet in packets] == [
            ("copy", wanted), ("drop", summary["rules"][1]["id"]), ("drop", None)]
        assert wanted not in (1, summary["rules"][1]["id"])
        assert packets[1]["name"] == "old" and packets[0]["key"]["interface"] == "pp0"
        # Nothing of it reached the daemon.
        assert daemon.stats()["total"]["seen"] == 0


def test_what_is_wrong_is_said(make):
    capture, rules = make.capture(TCP_SCAN, TCP_SCAN), make.rules(RULES)

    def wrong(*argv, status=1):
        return run("explain", *argv, status=status).stderr
    assert "expected one of -c, --rules and --running" in wrong(capture, status=2)
    assert "expected one of" in wrong("--rules", rules, "--running", capture, status=2)
    assert "expected CAPTURE" in wrong("--rules", rules, status=2)
    assert "expected a capture, pcap or pcapng" in wrong("--rules", rules, rules)
    assert "nowhere: No such file" in wrong("--rules", rules, "nowhere")
    assert "no push-packet answers" in wrong("--running", "-s", make.folder / "no", capture)
    make.rules("pass any\ndrop foo\n", "bad.rules")
    assert "bad.rules:2:6: error: unknown word 'foo'" in wrong(
        "--rules", make.folder / "bad.rules", capture)
    many = make.rules("".join(f"drop on eth{i}\n" for i in range(65)), "many.rules")
    assert "more than 64 interfaces" in wrong("--rules", many, capture)
    data = bytearray(capture.read_bytes())
    data[20] = 113  # LINKTYPE_LINUX_SLL
    (make.folder / "any.pcap").write_bytes(data)
    assert "link type LINUX_SLL (113); expected Ethernet" in wrong(
        "--rules", rules, make.folder / "any.pcap")


def test_a_capture_that_breaks_off_is_told_up_to_there(make):
    capture = make.capture(TCP_SCAN, TCP_SCAN)
    capture.write_bytes(capture.read_bytes()[:-1])
    done = run("explain", "--json", "--rules", make.rules(RULES), capture, status=1)
    assert "truncated dump file" in done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["summary"]["packets"] == 1


def test_output_that_cannot_be_written_is_an_error(make):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([PROGRAM, "explain", "--rules", make.rules(RULES),
                               make.capture(TCP_SCAN)], stdout=full, stderr=subprocess.PIPE,
                              text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "push-packet: error: cannot write: No space left on device\n"


def test_without_capabilities_it_says_which(make):
    done = subprocess.run(["capsh", "--drop=all", "--", "-c", f"{PROGRAM} explain --rules "
                           f"{make.rules(RULES)} {make.capture(TCP_SCAN)}"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "missing capabilities: " in done.stderr and "CAP_BPF" in done.stderr


def test_every_one_of_a_hundred_thousand_packets_is_counted(make):
    _, summary = explain("--rules", make.rules(RULES), make.capture(*[TCP_SCAN] * 100000))
    assert summary["rules"][0]["packets"] == 100000


@pytest.mark.parametrize("path", pcap.captures(*pcap.FOLDERS, os.environ.get("PP_CAPTURES", "/none")),
                         ids=lambda path: "/".join(path.parts[-3:]))
def test_captures_of_other_projects_are_read_as_libpcap_reads_them(path, make):
    rules = make.rules("drop any\n")
    try:
        link, expected = pcap.read(path)
    except pcap.Unreadable as error:
        assert str(error).split(":")[-1].strip() in run("explain", "--rules", rules, path,
                                                        status=1).stderr
        return
    if link not in (pcap.ETHERNET, pcap.RAW, 228, 229):
        assert "link type" in run("explain", "--rules", rules, path, status=1).stderr
        return
    packets, _ = explain("--rules", rules, path)
    assert [(packet["bytes"], packet["wire_bytes"]) for packet in packets] == [
        (len(data), length) for data, length in expected]
