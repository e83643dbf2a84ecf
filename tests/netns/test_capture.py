# SPDX-License-Identifier: MIT OR Apache-2.0
"""Recording: what is in the files is what went by, read by tshark and capinfos.

PP_CAPTURE_PACKETS sets how many packets go through each rule of the large test (default 50,000).
"""

import collections
import contextlib
import json
import os
import shutil
import subprocess
import time

import pytest

import lab as labs
import pcapng
import rpc

PACKETS = int(os.environ.get("PP_CAPTURE_PACKETS", "50000"))
FLOWS = 64
RATE = 60_000

if shutil.which("tshark") is None or shutil.which("zstd") is None:
    pytest.skip("tshark and zstd are needed: scripts/deps.sh test", allow_module_level=True)


def capture(lab, **options):
    """The configuration of a consumer that records; its folder is made."""
    folder = lab.folder / "capture"
    folder.mkdir(exist_ok=True)
    return {"name": "evidence", "kind": "capture", "directory": str(folder), "threads": 1,
            **options}


def analysed(total):
    return total["analysed"] + total["copy_analysed"]


def read(lab):
    """All packets of all files; capinfos sees as many."""
    result = []
    for path in pcapng.files(lab.folder / "capture"):
        found = pcapng.packets(path)
        assert int(pcapng.info(path)["Number of packets"]) == len(found), path
        result += found
    return result


def check_flows(packets, count):
    """Each flow's sequence numbers are there from 0 on, once each and in order."""
    following = collections.Counter()
    for packet in packets:
        assert packet.payload.startswith("5050474e"), packet
        flow, sequence = int(packet.payload[8:16], 16), int(packet.payload[16:32], 16)
        assert sequence == following[flow], packet
        following[flow] += 1
    assert sum(following.values()) == count and len(following) == FLOWS


RULES = ["copy to evidence proto udp dport 1001 name all",
         "copy take 80 to evidence then drop proto udp dport 1002 name some",
         "route to evidence proto udp dport 1003",
         "copy to evidence then route to sink proto udp dport 1004 name both"]
# By port: verdict, comment, bytes captured of 100.
WANTED = {"1001": (pcapng.XDP_PASS, "rule 1 all", "100"),
          "1002": (pcapng.XDP_DROP, "rule 2 some", "80"),
          "1003": (pcapng.XDP_REDIRECT, "rule 3", "100"),
          "1004": (pcapng.XDP_REDIRECT, "rule 4 both", "100")}


@pytest.mark.parametrize("compress", ["none", "zstd"])
def test_every_packet_with_its_length_verdict_rule_and_order(lab, compress):
    consumer = capture(lab, compress=compress, buffer="64MiB")
    begin = time.time()
    with lab.daemon(*RULES, consumers=[consumer, {"name": "sink", "kind": "sink"}],
                    timestamps="on", rings={"handoff": "16MiB", "copy": "64MiB"}) as daemon:
        for port in WANTED:
            lab.gen("--dport", port, "--size", 100, "--flows", FLOWS, "--rate", RATE,
                    count=PACKETS)
        stats = daemon.settled(seen=len(WANTED) * PACKETS)
        assert daemon.stop() == 0
    end = time.time()
    assert analysed(stats["total"]) == len(WANTED) * PACKETS, labs.nonzero(stats["total"])
    packets = read(lab)
    assert len(packets) == len(WANTED) * PACKETS
    times = [float(packet.time) for packet in packets]
    assert begin - 0.01 < min(times) and max(times) < end + 0.01
    for port, (verdict, comment, captured) in WANTED.items():
        mine = [packet for packet in packets if packet.port == port]
        check_flows(mine, PACKETS)
        rest = {packet[1:8] for packet in mine}
        assert rest == {("pp0", "0", verdict, "", comment, "100", captured)}, port
        mine = [packet.time for packet in mine]
        assert mine == sorted(mine)
    for path in pcapng.files(consumer["directory"]):
        assert "CLOCK_MONOTONIC" in subprocess.run(
            ["capinfos", path], capture_output=True, text=True, check=True).stdout
    total = sum(map(pcapng.statistics, pcapng.files(consumer["directory"])),
                collections.Counter())
    assert total == {pcapng.RECEIVED: len(packets), pcapng.DELIVERED: len(packets)}


def test_packets_of_a_tun_have_the_link_type_of_raw_ip(tun):
    with tun.daemon("copy to evidence proto udp dport 9", consumers=[capture(tun)]) as daemon:
        tun.gen(count=100)
        daemon.settled(seen=100)
        assert daemon.stop() == 0
    path, = pcapng.files(tun.folder / "capture")
    assert pcapng.info(path)["File encapsulation"] == "rawip"
    assert len(read(tun)) == 100


def test_what_was_sent_is_outbound_and_has_no_queue(lab):
    rules = ["copy to evidence proto udp dport 9 direction out name sent",
             "copy to evidence proto udp dport 10 name received"]
    with lab.daemon(*rules, consumers=[capture(lab)]) as daemon:
        lab.gen("--dport", 10, count=100)
        lab.run("rx", "python3", "-c", "import socket\n"
                "peer = socket.socket(type=socket.SOCK_DGRAM)\n"
                "for _ in range(50): peer.sendto(bytes(20), ('192.0.2.2', 9))")
        labs.wait_for("copies", lambda: analysed(daemon.stats()["total"]) == 150)
        assert daemon.stop() == 0
    found = collections.Counter((packet.port, packet.queue, packet.direction, packet.comment)
                                for packet in read(lab))
    assert found == {("9", "", pcapng.OUTBOUND, "rule 1 sent"): 50,
                     ("10", "0", pcapng.INBOUND, "rule 2 received"): 100}


def test_files_change_by_count_and_by_size(lab):
    consumer = capture(lab, **{"file-packets": 7000, "file-size": "1MiB", "budget": "none"})
    with lab.daemon("copy to evidence proto udp dport 9", consumers=[consumer]) as daemon:
        lab.gen("--size", 64, "--rate", RATE, "--flows", FLOWS, count=20000)
        lab.gen("--size", 1000, "--rate", 10000, "--dport", 9, count=5000)
        daemon.settled(seen=25000)
        assert daemon.stop() == 0
    paths = pcapng.files(consumer["directory"])
    counts = [int(pcapng.info(path)["Number of packets"]) for path in paths]
    assert sum(counts) == 25000 and max(counts) == 7000 and len(counts) > 5
    assert max(path.stat().st_size for path in paths) <= 1 << 20
    assert all(pcapng.statistics(path) for path in paths)


@contextlib.contextmanager
def disk(folder, size):
    """A file system of its own."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_full_disk_is_told_and_survived_and_every_loss_is_counted(lab):
    consumer = capture(lab, buffer="512KiB", budget="none", flush="100ms")
    folder = consumer["directory"]
    with disk(folder, "1m"), lab.daemon("copy to evidence then drop proto udp dport 9",
                                        consumers=[consumer]) as daemon:
        lab.gen("--rate", RATE, "--flows", FLOWS, count=30000)
        daemon.wait_log("No space left on device")
        before = daemon.settled(seen=30000)["total"]
        assert before["dropped"] == 30000
        # The last block tells that whoever reads it now misses nothing of the beginning.
        assert len(read(lab)) > 5000
        subprocess.run(["mount", "-o", "remount,size=64m", folder], check=True)
        daemon.wait_log("again after")
        lab.gen("--rate", RATE, "--flows", FLOWS, "--dport", 9, count=1000)
        stats = daemon.settled(seen=31000)
        assert daemon.stop() == 0
        packets = read(lab)
        losses = sum(int(packet.drops or 0) for packet in packets)
        total = sum(map(pcapng.statistics, pcapng.files(folder)), collections.Counter())
    assert losses > 10000
    assert len(packets) + losses == analysed(stats["total"]) == 31000
    assert total == {pcapng.RECEIVED: 31000, pcapng.DELIVERED: len(packets),
                     pcapng.DROPPED: losses}


def test_what_the_files_say_was_lost_is_what_the_ledger_says(lab):
    consumer = capture(lab, buffer="512KiB", flush="100ms")
    with lab.daemon("copy to evidence then drop proto udp dport 9", consumers=[consumer],
                    rings={"handoff": "4KiB"}) as daemon:
        lab.gen("--flows", FLOWS, "--rate", 700_000, count=300_000)
        total = daemon.settled(seen=200_000)["total"]
        control = rpc.Client(daemon.socket)
        evidence, = control.call("analysers.list")["analysers"]
        control.close()
        assert daemon.stop() == 0
    packets = read(lab)
    told = sum(map(pcapng.statistics, pcapng.files(consumer["directory"])),
               collections.Counter())
    lost_inside = evidence["numbers"]["lost"]
    assert total["copy_handoff_full"] > 0, labs.nonzero(total)
    assert told[pcapng.DROPPED] == total["copy_handoff_full"] + lost_inside
    assert told[pcapng.DELIVERED] == len(packets) == total["copy_analysed"] - lost_inside
    assert told[pcapng.RECEIVED] == total["ring_read"]
    losses = sum(int(packet.drops or 0) for packet in packets)
    assert 0 < losses <= told[pcapng.DROPPED]


def test_the_budget_is_kept(lab):
    consumer = capture(lab, **{"file-size": "1MiB", "budget": "3MiB"})
    foreign = lab.folder / "capture" / "holiday.pcapng"
    foreign.write_bytes(b"x" * (4 << 20))
    with lab.daemon("copy to evidence proto udp dport 9", consumers=[consumer]) as daemon:
        lab.gen("--size", 1000, "--rate", 10000, count=12000)
        daemon.settled(seen=12000)
        assert daemon.stop() == 0
    assert foreign.exists()
    foreign.unlink()
    sizes = [path.stat().st_size for path in pcapng.files(consumer["directory"])]
    assert 2 << 20 < sum(sizes) <= 3 << 20
    packets = read(lab)
    numbers = [int(packet.payload[16:32], 16) for packet in packets]
    assert numbers == list(range(12000 - len(packets), 12000)), "the newest are left"


@pytest.mark.parametrize("compress", ["none", "zstd"])
def test_after_kill_9_the_file_is_readable_up_to_the_last_block(lab, compress):
    consumer = capture(lab, compress=compress, flush="200ms", buffer="16MiB")
    with lab.daemon("copy to evidence proto udp dport 9", consumers=[consumer]) as daemon:
        source = lab.spawn("src", *lab.gen_command("--rate", 20000, count=1_000_000,
                                                   cpu=labs.SOURCE_CPU))
        time.sleep(2)
        seen = daemon.stats()["total"]["seen"]
        time.sleep(1)
        daemon.kill()
        source.terminate()
        source.wait()
    path, = pcapng.files(consumer["directory"])
    # The process may have died in the middle of a write: only then tshark has something to say.
    packets = pcapng.packets(path, check=False)
    assert len(packets) >= seen > 10000
    assert [int(packet.payload[16:32], 16) for packet in packets] == list(range(len(packets)))
    assert not pcapng.statistics(path), "it was not ended"


def test_a_folder_that_goes_away_stops_nothing_but_the_recording(lab):
    consumer = capture(lab, flush="100ms", **{"file-packets": 1000})
    with lab.daemon("copy to evidence then drop proto udp dport 9",
                    consumers=[consumer]) as daemon:
        lab.gen("--rate", RATE, count=1500)
        daemon.settled(seen=1500)
        labs.wait_for("two files", lambda: len(pcapng.files(consumer["directory"])) == 2)
        shutil.rmtree(consumer["directory"])
        lab.gen("--rate", RATE, count=5000)
        daemon.wait_log("was deleted while it was written")
        daemon.wait_log("No such file or directory")
        assert daemon.settled(seen=6500)["total"]["dropped"] == 6500
        os.mkdir(consumer["directory"])
        daemon.wait_log("again after")
        lab.gen("--rate", RATE, count=5000)
        daemon.settled(seen=11500)
        assert daemon.stop() == 0
    assert len(read(lab)) == 10000


def check(lab, *consumers, prefix=()):
    """`push-packet check` with one mistake; returns what it says, without the file's name."""
    path = lab.folder / "check.yaml"
    path.write_text(json.dumps(labs.config(lab, ["pass any"], consumers=list(consumers)),
                               indent=1))
    done = lab.run("rx", *prefix, labs.PROGRAM, "check", "-c", path, check=False)
    assert done.returncode == 1, done.stdout
    found = [line for line in done.stderr.splitlines() if ": error: " in line]
    assert len(found) == 1, done.stderr
    where, text = found[0].split(": error: ")
    line, column = map(int, where.removeprefix(f"{path}:").split(":"))
    return path.read_text().splitlines()[line - 1][column - 1:], text


def test_mistakes_are_told_at_their_place(lab):
    folder = str(lab.folder / "none")
    for key, value, expected in (
            ("file-size", "1KiB", "expected a size from 1MiB"), ("file-time", "60", "from 1s"),
            ("budget", "100MiB", "twice file-size"), ("compress", "gzip", "none or zstd"),
            ("flush", "1h", "from 100ms to 60s"), ("buffer", "1KiB", "from 512KiB"),
            ("snap", "0", "from 1 to 262144"), ("directory", "here", "begins with /"),
            ("directory", folder, "No such file or directory"),
            ("directory", "/dev/null", "Not a directory")):
        place, text = check(lab, capture(lab, **{key: value}))
        assert place.startswith(f'"{value}"'), (key, place)
        assert expected in text and key in text, text
    place, text = check(lab, capture(lab, threads=2, buffer="512KiB"))
    assert place.startswith('"512KiB"') and "each of 2 threads" in text, (place, text)
    place, text = check(lab, {"name": "evidence", "kind": "capture"})
    assert "needs a directory" in text and place.startswith('"capture"')
    place, text = check(lab, {"name": "counter", "kind": "count", "snap": 5})
    assert "snap" in text, text


def test_a_buffer_too_small_for_the_workers_ends_the_start(lab):
    settings = labs.config(lab, ["copy any"], workers={"count": 2, "cpus": [0, 1]},
                           consumers=[capture(lab, threads=0, buffer="512KiB")])
    daemon = labs.Daemon(lab, settings, wait=False)
    assert daemon.process.wait(timeout=20) == 1, daemon.log
    assert "each of 2 threads" in daemon.log
    assert lab.xdp_program() is None


def test_a_folder_without_permission_is_told_at_its_place(lab):
    consumer = capture(lab)
    os.chmod(consumer["directory"], 0o500)
    prefix = ("setpriv", "--bounding-set=-dac_override,-dac_read_search",
              "--inh-caps=-dac_override,-dac_read_search")
    place, text = check(lab, consumer, prefix=prefix)
    assert place.startswith(f'"{consumer["directory"]}"') and "Permission denied" in text
