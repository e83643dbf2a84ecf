# SPDX-License-Identifier: MIT OR Apache-2.0
"""consumer `forward`: from one interface to another, counted where the packets arrive."""

import json

import pytest

import lab as labs

FAR_MAC = "02:00:00:00:00:04"
CONSUMERS = [{"name": "to0", "kind": "forward", "interface": "pp0"},
             {"name": "to1", "kind": "forward", "interface": "pp1"}]
RULES = ["route on pp0 proto udp dport 9 to to1", "route on pp1 proto udp dport 9 to to0"]
PACKETS = 1_000_000


def add_pair(lab, queues=1):
    """pp1 on the receiving side, gen1 on the other."""
    lab.run("rx", "ip", "link", "add", "pp1", "address", "02:00:00:00:00:03", "numrxqueues",
            queues, "numtxqueues", queues, "type", "veth", "peer", "name", "gen1", "netns",
            f"pp{lab.pid}-lab-src", "address", FAR_MAC, "numrxqueues", queues,
            "numtxqueues", queues)
    for side, name in (("rx", "pp1"), ("src", "gen1")):
        lab.run(side, "sh", "-c", f"echo 1 >/proc/sys/net/ipv6/conf/{name}/disable_ipv6")
        lab.run(side, "ip", "link", "set", name, "addrgenmode", "none")
        lab.run(side, "ip", "link", "set", name, "up")


def interfaces(**more):
    return [{"name": name, "mode": "native", **more} for name in ("pp0", "pp1")]


def daemon(lab, rules=RULES, consumers=CONSUMERS, **options):
    return lab.daemon(*rules, consumers=consumers, interfaces=interfaces(), **options)


class Arrived:
    """What comes out at the other end of a pair: every frame is looked at."""

    def __init__(self, lab, name, *argv, cpu=None):
        self.lab, self.name = lab, name
        self.process = lab.spawn("src", labs.PROGRAM, "gen", "--receive", "--json", "--interface",
                                 name, "--drain", "2s", *argv, cpu=cpu)
        assert "receiving" in self.process.stderr.readline()

    def check(self, forwarded, sources=1):
        result = json.loads(self.process.communicate(timeout=60)[0])
        # A completion is no delivery: the other end counts.
        assert self.lab.device("src", self.name)["rx"]["packets"] == forwarded
        assert result["received"] + result["kernel_dropped"] == forwarded
        assert (result["corrupt"], result["out_of_order"]) == (0, 0)
        # Each source counts from 0.
        assert result["duplicates"] == 0 or sources > 1


def gen(lab, source, count, *argv, rate="150k", cpu=labs.SOURCE_CPU):
    done = lab.run("src", labs.PROGRAM, "gen", "--json", "--interface", source, "--dst-mac",
                   labs.RX_MAC, "--cpu", cpu, "--count", count, "--rate", rate, "--via", "live",
                   *argv)
    report = json.loads(done.stdout)
    return report["sent"] - report["driver_dropped"]


WAYS = [("gen0", "gen1"), ("gen1", "gen0")]


@pytest.mark.parametrize("source, target", WAYS)
def test_a_million_packets_arrive_intact(lab, source, target):
    add_pair(lab)
    with daemon(lab) as forwarder:
        arrived = Arrived(lab, target, "--size", 200, cpu=labs.SOURCE_CPU)
        # Paced: worker, sender and receiver share two CPUs.
        assert gen(lab, source, PACKETS, "--size", 200, rate="40k") == PACKETS
        stats = forwarder.settled(seen=PACKETS, seconds=30)
        total = stats["total"]
        assert total["forwarded"] == total["xsk_rx"] == PACKETS, labs.nonzero(total)
        arrived.check(PACKETS)
        assert total["tx_bad_desc"] == total["rx_bad_fill"] == 0
        # Counted where they were received; completed where they were sent.
        into, out = stats["interfaces"] if source == "gen0" else stats["interfaces"][::-1]
        assert sum(queue["ledger"]["forwarded"] for queue in into["queues"]) == PACKETS
        assert sum(queue["ledger"]["tx_completed"] for queue in out["queues"]) == PACKETS
        assert labs.consumer(stats, "to0")["interface"] == "pp0"
    assert "ledger balances" in forwarder.log


def test_both_ways_at_once_and_sinks_beside_them(lab):
    add_pair(lab)
    rules = [*RULES, "route proto udp dport 10 to sink"]
    with daemon(lab, rules, [*CONSUMERS, {"name": "sink", "kind": "sink"}]) as forwarder:
        arrived = [Arrived(lab, target) for target in ("gen0", "gen1")]
        other = lab.spawn("src", labs.PROGRAM, "gen", "--json", "--interface", "gen1", "--dst-mac",
                          labs.RX_MAC, "--cpu", labs.SOURCE_CPU, "--count", 200000, "--rate",
                          "50k", "--via", "live", "--dport", "9-10")
        sent = gen(lab, "gen0", 200000, "--dport", "9-10", rate="50k")
        report = json.loads(other.communicate(timeout=60)[0])
        sent_back = report["sent"] - report["driver_dropped"]
        total = forwarder.settled(seen=sent + sent_back)["total"]
        assert total["forwarded"] + total["tx_ring_full"] + total["sink"] == total["xsk_rx"]
        assert total["sink"] > 0
        counts = [lab.device("src", side.name)["rx"]["packets"] for side in arrived]
        assert sum(counts) == total["forwarded"] > 0
        for side, count in zip(arrived, counts):
            side.check(count)


def test_more_queues_on_one_side_share_what_the_worker_has(lab2):
    """Queue 1 of pp0 goes out by queue 0 of pp1 where one worker serves all of them."""
    add_pair(lab2)
    with daemon(lab2) as forwarder:
        arrived = Arrived(lab2, "gen1")
        sent = sum(gen(lab2, "gen0", 20000, cpu=cpu) for cpu in range(min(2, labs.CPUS)))
        total = forwarder.settled(seen=sent)["total"]
        assert total["forwarded"] == sent
        arrived.check(sent, sources=2)


def test_a_worker_without_a_socket_on_the_other_side_loses_and_counts(lab2):
    if labs.CPUS < 2:
        pytest.skip("one CPU fills one queue")
    add_pair(lab2)
    with daemon(lab2, workers={"count": 2, "cpus": [0, 1]}) as forwarder:
        sent = [gen(lab2, "gen0", 20000, cpu=cpu, rate="50k") for cpu in (0, 1)]
        total = forwarder.settled(seen=sum(sent))["total"]
        assert (total["forwarded"], total["tx_no_socket"]) == tuple(sent)
        assert "interface pp1: 1 of 2 workers have a queue to forward by" in forwarder.log


def test_by_default_every_worker_can_forward(lab2):
    if labs.CPUS < 2:
        pytest.skip("one CPU fills one queue")
    add_pair(lab2)
    settings = labs.config(lab2, RULES, consumers=CONSUMERS, interfaces=interfaces())
    settings["workers"] = {"count": "auto"}
    with labs.Daemon(lab2, settings) as forwarder:
        assert len(forwarder.stats()["workers"]) == 1
        sent = sum(gen(lab2, "gen0", 20000, cpu=cpu, rate="10k") for cpu in (0, 1))
        total = forwarder.settled(seen=sent)["total"]
        lost = total["rx_ring_full"] + total["tx_ring_full"]  # the worker was late
        assert (total["forwarded"] + lost, total["tx_no_socket"]) == (sent, 0), total
        assert total["forwarded"] > sent // 4
        assert "to forward by" not in forwarder.log


def test_a_deleted_interface_takes_no_frame_with_it(lab):
    add_pair(lab)
    with daemon(lab) as forwarder:
        for _ in range(3):
            before = forwarder.stats()["total"]
            source = lab.spawn("src", labs.PROGRAM, "gen", "--interface", "gen0", "--dst-mac",
                               labs.RX_MAC, "--for", "20s", "--rate", "100k", "--via", "live")
            labs.wait_for("traffic", lambda: forwarder.stats()["total"]["forwarded"] >
                          before["forwarded"] + 5000)
            lab.run("rx", "ip", "link", "del", "pp1")
            labs.wait_for("losses", lambda: forwarder.stats()["total"]["tx_no_socket"] >
                          before["tx_no_socket"])
            source.terminate()
            source.communicate(timeout=10)
            add_pair(lab)
            labs.wait_for("pp1", lambda: forwarder.stats()["interfaces"][1]["queues"][0]["socket"])
        # All frames are there for more than fit into the rings at once.
        before = forwarder.stats()["total"]
        sent = gen(lab, "gen0", 100000)
        labs.wait_for("the rest", lambda: forwarder.stats()["total"]["forwarded"] -
                      before["forwarded"] == sent)
        assert forwarder.stop() == 0


REFUSED = [
    ({"name": "f", "kind": "forward"}, "a consumer of kind forward needs an interface"),
    ({"name": "f", "kind": "sink", "interface": "pp0"},
     "only a consumer of kind forward has an interface"),
    ({"name": "f", "kind": "forward", "interface": "pp7"},
     "forwards to 'pp7', which is none of the configured interfaces"),
]


@pytest.mark.parametrize("consumer, text", REFUSED, ids=lambda value: str(value)[:40])
def test_what_cannot_be_forwarded_to_is_an_error_at_its_place(lab, consumer, text):
    path = lab.folder / "bad.yaml"
    path.write_text(json.dumps(labs.config(lab, [], consumers=[consumer]), indent=1))
    done = lab.run("rx", labs.PROGRAM, "check", "-c", path, check=False)
    assert done.returncode == 1
    line = next(line for line in done.stderr.splitlines() if text in line)
    assert line.startswith(f"{path}:") and line.split(":")[1].isdigit()


def test_raw_ip_is_not_forwarded_to(tun):
    path = tun.folder / "bad.yaml"
    path.write_text(json.dumps(labs.config(tun, [], consumers=[CONSUMERS[0]]), indent=1))
    done = tun.run("rx", labs.PROGRAM, "check", "-c", path, check=False)
    assert done.returncode == 1
    assert "consumer to0 forwards Ethernet frames, and pp0 carries raw IP" in done.stderr
