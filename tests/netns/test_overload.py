# SPDX-License-Identifier: MIT OR Apache-2.0
"""Too much for some part: what is lost is counted, the rest arrives intact and in order."""

import json
import os
import signal
import time

import pytest

import lab as labs

PACKETS = int(os.environ.get("PP_PACKETS", "1000000"))
FLOWS = 16


def gen_against_a_stutter(lab, daemon, *argv, count=PACKETS):
    """Send while the program is stopped again and again, so that a small ring must overflow."""
    source = lab.spawn("src", *lab.gen_command(*argv, count=max(count, 500_000)))
    while source.poll() is None:
        daemon.process.send_signal(signal.SIGSTOP)
        time.sleep(0.02)
        daemon.process.send_signal(signal.SIGCONT)
        time.sleep(0.02)
    return reached(json.loads(source.communicate()[0]))


def reached(report):
    """Packets that the other end got; unpaced, a veth's own queue can drop."""
    return report["sent"] - (report["driver_dropped"] or 0)


def test_a_small_copy_ring_loses_and_counts(lab):
    with lab.daemon("copy then drop proto udp dport 9", rings={"copy": "4KiB"}) as daemon:
        seen = gen_against_a_stutter(lab, daemon, "--size", 512, "--via", "live")
        total = daemon.settled(seen=seen)["total"]
        assert total["seen"] == total["dropped"] == seen
        assert total["copy_ring_full"] > 0
        assert total["copied"] + total["copy_ring_full"] == seen
        assert total["ring_read"] == total["copied"] == total["copy_analysed"] > 0
        counted = labs.consumer(daemon.stats(), "counter")["rules"][0]
        assert counted["packets"] == total["copied"]
        assert counted["bytes"] == total["copied"] * 512


@pytest.mark.parametrize("rings", [{"rx": 64, "fill": 2048}, {"rx": 2048, "fill": 64}],
                         ids=["rx", "fill"])
def test_a_small_socket_ring_loses_and_counts(lab, rings):
    with lab.daemon("route to sink proto udp dport 9", rings=rings) as daemon:
        seen = gen_against_a_stutter(lab, daemon, "--via", "live")
        total = daemon.settled(seen=seen)["total"]
        lost = total["rx_ring_full"] + total["no_frame"]
        assert total["seen"] == total["redirected"] == seen
        assert lost > 0
        assert total["xsk_rx"] == total["sink"] == seen - lost > 0
        assert total["rx_bad_fill"] == total["too_long"] == 0
        # The kernel's own count of redirects that failed.
        assert lab.device("rx", "pp0")["rx"]["dropped"] == lost


@pytest.mark.parametrize("family, layout", [([], "aligned"), (["--ipv6"], "spread")],
                         ids=["ip4", "ip6"])
def test_what_an_overloaded_reflector_sends_back_is_intact_and_in_order(lab, family, layout):
    with lab.daemon("route to mirror proto udp dport 9", umem={"layout": layout},
                    rings={"rx": 64, "tx": 64, "fill": 64, "completion": 64}) as daemon:
        receiver = lab.spawn("src", labs.PROGRAM, "gen", "--receive", "--json", "--interface",
                             "gen0", "--drain", "1500ms", "--size", 200)
        assert "receiving" in receiver.stderr.readline()
        seen = gen_against_a_stutter(lab, daemon, "--size", 200, "--flows", FLOWS, "--via", "live",
                                     *family)
        stats = daemon.settled(seen=seen)
        back = json.loads(receiver.communicate(timeout=30)[0])
        total = stats["total"]
        queue = stats["interfaces"][0]["queues"][0]
        assert queue["spread"] == (layout == "spread")
        assert total["rx_ring_full"] + total["no_frame"] + total["tx_ring_full"] > 0
        assert total["reflected"] == total["tx_completed"] > 0
        assert lab.device("src", "gen0")["rx"]["packets"] == total["reflected"]
        assert back["received"] + back["kernel_dropped"] == total["reflected"]
        assert back["received"] > 0
        assert (back["corrupt"], back["out_of_order"], back["duplicates"]) == (0, 0, 0)


@pytest.mark.parametrize("handoff", ["4KiB", "64KiB"])
def test_a_slow_analyser_loses_and_counts_and_does_not_starve_the_worker(lab, handoff):
    # It has the source's CPU, and so runs only when the source lets it.
    slow = {"name": "slow", "kind": "count", "threads": 1, "cpu": labs.SOURCE_CPU}
    with lab.daemon("copy to slow then drop proto udp dport 9", consumers=[slow],
                    rings={"copy": "32MiB", "handoff": handoff}) as daemon:
        seen = reached(lab.gen("--size", 256, "--via", "live", count=PACKETS))
        stats = daemon.settled(seen=seen)
        total = stats["total"]
        assert total["copied"] + total["copy_ring_full"] == seen
        assert total["ring_read"] == total["copied"]
        assert total["copy_handoff_full"] > 0
        assert total["copy_handed_off"] + total["copy_handoff_full"] == total["ring_read"]
        assert total["copy_analysed"] == total["copy_handed_off"] > 0
        counted = labs.consumer(stats, "slow")["rules"][0]
        assert counted["packets"] == total["copy_analysed"]
        assert counted["bytes"] == total["copy_analysed"] * 256


def test_a_queue_without_socket_passes_what_is_routed_and_counts(lab2):
    with lab2.daemon("route to sink proto udp dport 9", queues=[0]) as daemon:
        receiver = lab2.spawn("rx", labs.PROGRAM, "gen", "--receive", "--json", "--interface",
                              "pp0", "--drain", "1500ms")
        assert "receiving" in receiver.stderr.readline()
        count = min(PACKETS, 100000)
        for cpu in (0, 1):
            lab2.gen("--rate", "50k", "--flows", FLOWS, count=count, cpu=cpu)
        stats = daemon.settled(seen=2 * count)
        with_socket, without = (queue["ledger"] for queue in stats["interfaces"][0]["queues"][:2])
        assert with_socket["sink"] == with_socket["redirected"] == count
        assert without["route_no_socket"] == without["seen"] == count
        assert without["redirected"] == without["passed"] == 0
        # The kernel's stack got them as they were sent, without our metadata.
        back = json.loads(receiver.communicate(timeout=30)[0])
        assert back["received"] + back["kernel_dropped"] == count
        assert (back["corrupt"], back["out_of_order"], back["duplicates"]) == (0, 0, 0)


def test_a_packet_longer_than_a_frame_is_counted(make_lab):
    lab = make_lab(mtu=3000)
    with lab.daemon("route to sink proto udp dport 9", umem={"chunk": 2048}) as daemon:
        lab.gen("--size", 2500, "--rate", "50k", count=1000)
        lab.gen("--size", 1000, "--rate", "50k", count=1000)
        total = daemon.settled(seen=2000)["total"]
        assert total["redirected"] == 2000
        assert total["too_long"] == 1000
        assert total["sink"] == 1000
