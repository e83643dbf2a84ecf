# SPDX-License-Identifier: MIT OR Apache-2.0
"""The packet source: its frames byte by byte against scapy, its counts against the kernel's."""

import json
import signal
import subprocess
import time

import pytest
from gen_frames import Catcher, Shape
from lab import PROGRAM, ROOT, Lab, wait_for

FRAMES = 7

SHAPES = [Shape(size, family, proto, tags)
          for family, proto in [(4, "udp"), (4, "tcp"), (4, "icmp"), (4, "udplite"), (4, "99"),
                                (6, "udp"), (6, "tcp"), (6, "icmp"), (6, "udplite"), (6, "99")]
          for size, tags in [(101, ()), (128, (100,)), (333, (100, 4094)), (1500, ())]]
SHAPES += [Shape(60), Shape(61), Shape(1514), Shape(1518, tags=(1,))]
SHAPES += [Shape(110, proto="sctp"), Shape(130, 6, "sctp"), Shape(1502, proto="sctp")]
SHAPES += [Shape(150, options=n, proto=proto, tags=tags)
           for n in (4, 20, 40) for proto in ("udp", "tcp") for tags in ((), (5, 6))]
SHAPES += [Shape(240, 6, proto, ext=ext)
           for ext in [("hbh",), ("dst",), ("rt",), ("frag",), ("ah",), ("hbh", "rt", "dst"),
                       ("hbh", "dst", "rt", "frag", "ah", "dst")]
           for proto in ("udp", "tcp", "icmp")]
SHAPES += [Shape(14 + 20 + 8 * 10, fragment=which, proto=proto)
           for which in ("both", "later") for proto in ("udp", "tcp", "icmp", "99")]
SHAPES += [Shape(14 + 8 + 60 + 8 * 21, fragment="both", options=40, tags=(7, 8)),
           Shape(14 + 48 + 8 * 10, 6, fragment="both"),
           Shape(14 + 48 + 8 * 10, 6, fragment="later"),
           Shape(14 + 48 + 8 * 10, 6, "icmp", fragment="both"),
           Shape(14 + 56 + 8 * 10, 6, fragment="both", ext=("hbh",)),
           Shape(14 + 56 + 8 * 10, 6, fragment="both", ext=("hbh", "frag", "dst"))]
SHAPES += [Shape(64, ethertype=0x88b5), Shape(1514, ethertype=0x0806),
           Shape(100, ethertype=0x88b5, tags=(3, 4))]


@pytest.fixture(scope="module")
def shared_lab():
    with Lab() as laboratory:
        # With GRO the receiving end takes XDP frames without a program of its own.
        laboratory.run("rx", "ethtool", "-K", "pp0", "gro", "on")
        yield laboratory


@pytest.fixture(scope="module")
def drop_object(tmp_path_factory):
    """An XDP program that drops, so that nothing but its count matters."""
    path = tmp_path_factory.mktemp("bpf") / "bare_drop.o"
    subprocess.run(["clang", "-O2", "-g", "-target", "bpf", "-I/usr/include/x86_64-linux-gnu",
                    "-c", ROOT / "tests" / "bench" / "bare_drop.bpf.c", "-o", path], check=True)
    return path


def attach(lab, path, mode="xdpdrv", name="pp0"):
    lab.run("rx", "ip", "link", "set", "dev", name, mode, "obj", path, "sec", "xdp")


def judged(lab, queue=0):
    """Packets that the XDP program of pp0 got."""
    return lab.driver_counters("rx", "pp0")[f"rx_queue_{queue}_xdp_packets"]


def gen(lab, *argv, side="src", cpu=None):
    done = lab.run(side, PROGRAM, "gen", "--json", "--interface",
                   "gen0" if side == "src" else "pp0", *argv, cpu=cpu)
    return json.loads(done.stdout)


def failed(lab, *argv):
    """Exit status and the one line of an attempt that must fail."""
    done = lab.run("src", PROGRAM, "gen", *argv, check=False)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("push-packet gen: error: ")
    return done.returncode, done.stderr


class Receiver:
    """`gen --receive` on pp0."""

    def __init__(self, lab, *argv, side="rx"):
        self.process = lab.spawn(side, PROGRAM, "gen", "--receive", "--json", "--interface",
                                 "pp0" if side == "rx" else "gen0", *argv)
        assert self.process.stderr.readline().startswith("receiving on ")

    def result(self):
        out, err = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, err
        return json.loads(out)


@pytest.mark.parametrize("via", ["live", "socket"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_frame_is_byte_for_byte_what_scapy_builds(shared_lab, shape, via):
    if via == "socket" and shape.size > 1514 + (4 if len(shape.tags) == 1 else 0):
        pytest.skip("longer than a socket may send")
    with Catcher(shared_lab.namespace("rx"), "pp0") as catcher:
        report = gen(shared_lab, "--via", via, "--count", FRAMES, *shape.arguments())
        assert report["sent"] == FRAMES and report["via"] == via
        got = catcher.frames(FRAMES)
    assert [frame.hex() for frame in got] == [shape.frame(i).hex() for i in range(FRAMES)]


@pytest.mark.parametrize("shape", [
    Shape(46, raw_ip=True), Shape(1500, 6, "tcp", raw_ip=True), Shape(100, 4, "icmp", raw_ip=True),
    Shape(20 + 88, fragment="both", raw_ip=True), Shape(48 + 88, 6, fragment="both", raw_ip=True),
    Shape(9000, raw_ip=True)], ids=str)
def test_packets_of_a_tun_are_what_scapy_builds(tun, shape):
    with Catcher(tun.namespace("rx"), "pp0") as catcher:
        report = gen(tun, "--count", FRAMES, *shape.arguments(), side="rx")
        assert report["sent"] == FRAMES and report["via"] == "tun"
        got = catcher.frames(FRAMES)
    assert [frame.hex() for frame in got] == [shape.frame(i).hex() for i in range(FRAMES)]


@pytest.mark.parametrize("via", ["live", "socket"])
def test_everything_sent_arrives_in_order_and_intact(shared_lab, via):
    receiver = Receiver(shared_lab, "--count", 300000, "--for", "20s", "--size", 200)
    sent = gen(shared_lab, "--via", via, "--count", 300000, "--rate", "150k", "--flows", 1000,
               "--size", 200)
    got = receiver.result()
    assert sent["sent"] == got["received"] == 300000
    assert sent["driver_dropped"] == 0 and got["received_flows"] == sent["flows"] == 1000
    for key in ("out_of_order", "duplicates", "corrupt", "missing", "kernel_dropped"):
        assert got[key] == 0, key


def test_the_receiver_sees_what_is_wrong(shared_lab):
    receiver = Receiver(shared_lab, "--drain", "500ms", "--seed", 7, "--size", 100)
    gen(shared_lab, "--count", 100, "--seed", 7, "--size", 100)
    gen(shared_lab, "--count", 40, "--seed", 7, "--size", 100)  # the same again
    gen(shared_lab, "--count", 10, "--seed", 8, "--size", 100)  # another pattern
    gen(shared_lab, "--count", 5, "--seed", 7, "--size", 101, "--src", "192.0.2.9")
    gen(shared_lab, "--count", 3, "--payload", "none", "--ethertype", "0x88b5")
    got = receiver.result()
    assert got["received"] == 155 and got["duplicates"] == 40 and got["corrupt"] == 15
    assert got["other"] >= 3


def test_what_the_driver_drops_is_known(lab, drop_object):
    """A receive thread on another core cannot keep up with an unpaced source."""
    attach(lab, drop_object)
    lab.run("rx", "unshare", "--mount", "sh", "-c",
            "mount -t sysfs sysfs /sys && echo 1 >/sys/class/net/pp0/threaded")
    dropped = 0
    for via in ("live", "socket"):
        before = judged(lab)
        report = gen(lab, "--via", via, "--count", 2000000, "--cpu", 0)
        assert report["sent"] == 2000000
        expected = report["sent"] - report["driver_dropped"]
        wait_for("the receive thread", lambda: judged(lab) - before >= expected)
        time.sleep(0.1)
        assert judged(lab) - before == expected
        dropped += report["driver_dropped"]
    assert dropped > 0, "this test is about a source that is too fast"


def test_count_is_exact_in_native_and_in_skb_mode(lab, drop_object):
    attach(lab, drop_object)
    report = gen(lab, "--count", 1234567)
    assert (report["via"], report["sent"], report["driver_dropped"]) == ("live", 1234567, 0)
    assert judged(lab) == 1234567
    lab.run("rx", "ip", "link", "set", "dev", "pp0", "xdpdrv", "off")

    attach(lab, drop_object, mode="xdpgeneric")
    before = lab.device("rx", "pp0")["rx"]["packets"]
    report = gen(lab, "--count", 123456)
    assert (report["via"], report["sent"], report["driver_dropped"]) == ("socket", 123456, 0)
    assert "native XDP" in report["not_live"]
    assert lab.device("rx", "pp0")["rx"]["packets"] - before == 123456


@pytest.mark.parametrize("argv", [["--via", "live"], ["--via", "live", "--rate", "50k"],
                                  ["--via", "socket"], ["--via", "socket", "--rate", "50k"],
                                  ["--via", "socket", "--rate", "2"]], ids=" ".join)
def test_a_signal_ends_it_with_an_exact_count(lab, drop_object, argv):
    attach(lab, drop_object)
    process = lab.spawn("src", PROGRAM, "gen", "--json", "--interface", "gen0", "--for", "60s",
                        *argv)
    wait_for("the first packets", lambda: judged(lab) > 0)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=5)
    report = json.loads(out)
    assert process.returncode == 0 and report["stopped"]
    assert report["sent"] - report["driver_dropped"] == judged(lab) > 0


@pytest.mark.parametrize("via", ["live", "socket"])
def test_pace_and_duration_are_kept(lab, drop_object, via):
    attach(lab, drop_object)
    report = gen(lab, "--via", via, "--rate", "20k", "--count", 10000)
    assert report["sent"] == 10000 == judged(lab)
    assert 0.495 < report["seconds"] < 0.6
    report = gen(lab, "--via", via, "--rate", "20k", "--for", "300ms")
    assert 5000 < report["sent"] <= 6100
    assert judged(lab) == 10000 + report["sent"]


def test_live_frames_that_would_vanish_are_not_sent(lab, drop_object):
    code, line = failed(lab, "--interface", "gen0", "--via", "live", "--count", 10)
    assert code == 1 and "frames vanish" in line and "native XDP" in line
    receiver = Receiver(lab, "--count", 1000, "--for", "5s")
    report = gen(lab, "--count", 1000)
    assert report["via"] == "socket" and receiver.result()["received"] == 1000


def test_a_size_that_cannot_be_sent_is_refused_with_the_range(make_lab, drop_object):
    lab = make_lab(mtu=9000)
    # Without frags a program cannot be attached at this MTU; GRO takes XDP frames as well.
    lab.run("rx", "ethtool", "-K", "pp0", "gro", "on")
    code, line = failed(lab, "--interface", "gen0", "--via", "live", "--size", 5000)
    assert code == 2 and "14 to 3" in line
    most = int(line.split("14 to ")[1].split()[0])
    assert gen(lab, "--via", "live", "--size", most, "--count", 10)["sent"] == 10
    assert failed(lab, "--interface", "gen0", "--via", "live", "--size", most + 1)[0] == 2
    report = gen(lab, "--size", 5000, "--count", 10)
    assert report["via"] == "socket" and report["size"] == 5000

    code, line = failed(lab, "--interface", "gen0", "--via", "socket", "--size", 9015)
    assert code == 2 and "60 to 9014 bytes" in line
    lab.run("rx", "ip", "link", "set", "pp0", "mtu", "2000")
    code, line = failed(lab, "--interface", "gen0", "--via", "live", "--size", 2019)
    assert code == 2 and "60 to 2018 bytes" in line


def test_the_sending_cpu_picks_the_queue(lab2, drop_object):
    attach(lab2, drop_object)
    for cpu in (0, 1):
        gen(lab2, "--count", 1000, "--cpu", cpu)
        gen(lab2, "--count", 10, "--via", "socket", "--cpu", cpu)
        assert judged(lab2, cpu) == 1010


def test_wait_xdp_waits_for_the_program_at_the_other_end(lab, drop_object):
    process = lab.spawn("src", PROGRAM, "gen", "--json", "--interface", "gen0", "--wait-xdp",
                        "--count", 50000)
    time.sleep(0.3)
    assert process.poll() is None
    attach(lab, drop_object)
    report = json.loads(process.communicate(timeout=10)[0])
    assert report["via"] == "live" and report["sent"] == judged(lab) == 50000
    lab.run("rx", "ip", "link", "set", "dev", "pp0", "xdpdrv", "off")
    code, line = failed(lab, "--interface", "gen0", "--wait-xdp=100ms")
    assert code == 1 and "--wait-xdp" in line


def test_a_tun_gives_back_what_the_other_side_reflects(tun):
    """The kernel answers pings with what they carried."""
    tun.run("rx", "ip", "addr", "replace", "2001:db8::1/64", "dev", "pp0", "nodad")
    for address, size in (("192.0.2.1", 60), ("192.0.2.1", 1400), ("2001:db8::1", 200)):
        report = gen(tun, "--proto", "icmp", "--dst", address, "--src",
                     "2001:db8::77" if ":" in address else "192.0.2.77", "--size", size,
                     "--count", 20000, "--rate", "50k", "--flows", 16, side="rx")
        assert report["via"] == "tun" and report["sent"] == report["received"] == 20000
        assert report["received_flows"] == 16
        assert report["received_bytes"] == 20000 * size
        for key in ("out_of_order", "duplicates", "corrupt", "missing"):
            assert report[key] == 0, key


def test_a_tun_counts_what_xdp_in_skb_mode_gets(tun, drop_object):
    process = tun.spawn("rx", PROGRAM, "gen", "--json", "--interface", "pp0", "--wait-xdp",
                        "--count", 100000, "--hold", "10s")
    time.sleep(0.2)
    before = tun.device("rx", "pp0")["rx"]["packets"]
    attach(tun, drop_object, mode="xdpgeneric")
    wait_for("every packet", lambda: tun.device("rx", "pp0")["rx"]["packets"] - before >= 100000)
    process.send_signal(signal.SIGTERM)
    report = json.loads(process.communicate(timeout=5)[0])
    assert report["sent"] == 100000 and report["received"] == 0
    assert tun.device("rx", "pp0")["rx"]["packets"] - before == 100000


def test_a_tun_that_does_not_exist_is_made_and_taken_away(lab):
    process = lab.spawn("src", PROGRAM, "gen", "--json", "--interface", "gen-tun9", "--via", "tun",
                        "--count", 1000, "--hold", "30s")
    wait_for("the device", lambda: "UP" in lab.run(
        "src", "ip", "link", "show", "gen-tun9", check=False).stdout)
    wait_for("every packet", lambda: lab.device("src", "gen-tun9")["rx"]["packets"] == 1000)
    process.send_signal(signal.SIGTERM)
    assert json.loads(process.communicate(timeout=5)[0])["sent"] == 1000
    assert lab.run("src", "ip", "link", "show", "gen-tun9", check=False).returncode != 0


@pytest.mark.parametrize("argv, word", [
    (["--count", "0"], "--count 0: expected a number from 1"),
    (["--count", "-5"], "--count -5"),
    (["--rate", "0"], "--rate 0"),
    (["--size", "59"], "60 to 1514 bytes"),
    (["--size", "0"], "--size 0"),
    (["--for", "10"], "a duration such as"),
    (["--vlan", "4095"], "ids 0 to 4094"),
    (["--vlan", "1,2,3"], "one or two ids"),
    (["--sport", "9-8"], "ascending range"),
    (["--dport", "65536"], "a port 0 to 65535"),
    (["--src", "192.0.2.1", "--dst", "2001:db8::1"], "an IPv6 address"),
    (["--src", "192.0.2.1/33"], "an IPv4 address"),
    (["--dst-mac", "2:0:0:0:0:1"], "a MAC address"),
    (["--flows", "2", "--sport", "7"], "give 1 flows"),
    (["--options", "6"], "multiple of 4"),
    (["--ext", "hbh"], "IPv6"),
    (["--ext", "hbh,,dst", "-6"], "a list of hbh"),
    (["--proto", "gre"], "udp, tcp, icmp"),
    (["--via", "pigeon"], "auto, live, socket, tun or tap"),
    (["--fragment", "middle"], "first, later or both"),
    (["--wait-xdp=soon"], "a duration such as"),
    (["--cpu"], "--cpu needs a value"),
    (["--speed", "9"], "unknown option --speed"),
    (["now"], "unexpected argument now"),
    (["--via", "tun"], "not a tun or tap device"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_wrong_usage_is_one_line_and_status_2(shared_lab, argv, word):
    code, line = failed(shared_lab, "--interface", "gen0", "--via", "socket", *argv)
    assert code == 2 and word in line


def test_what_is_missing_is_said_with_status_1(shared_lab):
    assert failed(shared_lab, "--interface", "nowhere")[0] == 1
    code, line = failed(shared_lab, "--interface", "gen0", "--cpu", 4000)
    assert code == 2 and "--cpu 4000" in line
    assert failed(shared_lab)[0] == 2


def test_help_tells_every_option():
    text = subprocess.run([PROGRAM, "gen", "--help"], capture_output=True, text=True,
                          check=True).stdout
    source = (ROOT / "app" / "gen_table.c").read_text(encoding="utf-8")
    names = [line.split('"')[1] for line in source.splitlines() if "{.name = " in line]
    assert len(names) > 25
    for name in names:
        assert f"--{name}" in text, name
