# SPDX-License-Identifier: MIT OR Apache-2.0
"""Interfaces that change under the program: reported, counted, survived."""

import pytest

import lab as labs

RULES = ["route to sink proto udp dport 9", "copy then drop proto udp dport 10"]
PACKETS = 20000


def interface(daemon):
    return daemon.stats()["interfaces"][0]


def works(lab, daemon, cpu=labs.SOURCE_CPU):
    """Packets go through both rules, and the ledger balances."""
    before = daemon.settled()["total"]
    for port in (9, 10):
        lab.gen("--dport", port, "--rate", "50k", count=PACKETS, cpu=cpu)
    after = daemon.settled(seen=before["seen"] + 2 * PACKETS)["total"]
    assert after["sink"] - before["sink"] == PACKETS
    assert after["copy_analysed"] - before["copy_analysed"] == PACKETS


def wait_event(daemon, name, times=1):
    labs.wait_for(f"the event {name}", lambda: interface(daemon)["events"][name] >= times)


def delete_pair(lab):
    lab.run("rx", "ip", "link", "del", "pp0")


def make_pair(lab, queues=1):
    lab.run("rx", "ip", "link", "add", "pp0", "address", labs.RX_MAC, "numrxqueues", queues,
            "numtxqueues", queues, "type", "veth", "peer", "name", "gen0", "netns",
            f"pp{lab.pid}-lab-src", "address", labs.SRC_MAC, "numrxqueues", queues,
            "numtxqueues", queues)
    lab.run("src", "sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/gen0/disable_ipv6")
    lab.run("rx", "ip", "link", "set", "pp0", "addrgenmode", "none")
    lab.run("rx", "ip", "link", "set", "pp0", "up")
    lab.run("src", "ip", "link", "set", "gen0", "up")


@pytest.mark.parametrize("load", [False, True], ids=["idle", "under_load"])
def test_a_deleted_interface_is_attached_again_when_it_returns(lab, load):
    with lab.daemon(*RULES) as daemon:
        works(lab, daemon)
        before = daemon.settled()["total"]
        if load:
            source = lab.spawn("src", *lab.gen_command("--for", "20s", "--dport", "9"))
            labs.wait_for("traffic", lambda: daemon.stats()["total"]["seen"] > before["seen"] + 1e5)
        delete_pair(lab)
        if load:
            source.terminate()
            source.communicate(timeout=10)
        wait_event(daemon, "deleted")
        assert not interface(daemon)["attached"]
        assert "pp0" in daemon.log and "deleted" in daemon.log
        # What it counted before it went is still there.
        assert daemon.stats()["total"]["seen"] >= before["seen"]

        make_pair(lab)
        wait_event(daemon, "returned")
        labs.wait_for("the program to be attached", lambda: interface(daemon)["attached"])
        works(lab, daemon)
        assert daemon.stop() == 0


def test_it_survives_many_returns(lab):
    with lab.daemon(*RULES) as daemon:
        for times in range(1, 6):
            delete_pair(lab)
            wait_event(daemon, "deleted", times)
            make_pair(lab)
            wait_event(daemon, "returned", times)
        labs.wait_for("the program to be attached", lambda: interface(daemon)["attached"])
        works(lab, daemon)
        assert daemon.stop() == 0


def test_it_stops_while_the_interface_is_gone(lab):
    with lab.daemon(*RULES) as daemon:
        delete_pair(lab)
        wait_event(daemon, "deleted")
        assert daemon.stop() == 0


def test_down_and_up_are_survived(lab):
    with lab.daemon(*RULES) as daemon:
        lab.run("rx", "ip", "link", "set", "pp0", "down")
        wait_event(daemon, "down")
        assert not interface(daemon)["up"]
        lab.run("rx", "ip", "link", "set", "pp0", "up")
        wait_event(daemon, "up")
        assert interface(daemon)["up"]
        works(lab, daemon)
        assert daemon.stop() == 0


def test_a_changed_mtu_is_reported_and_survived(lab):
    with lab.daemon(*RULES) as daemon:
        lab.run("rx", "ip", "link", "set", "pp0", "mtu", "1400")
        wait_event(daemon, "mtu")
        assert interface(daemon)["mtu"] == 1400
        works(lab, daemon)
        assert daemon.stop() == 0


def set_channels(lab, count):
    """A veth with native XDP must have no fewer receive queues than its peer has others."""
    now = lab.run("rx", "ethtool", "-l", "pp0").stdout.rsplit("RX:", 1)[1].split()[0]
    ends = [("rx", "pp0"), ("src", "gen0")]
    for side, name in ends if count > int(now) else reversed(ends):
        lab.run(side, "ethtool", "-L", name, "rx", count, "tx", count)


def test_more_channels_get_sockets(lab2):
    set_channels(lab2, 1)
    with lab2.daemon(*RULES) as daemon:
        assert interface(daemon)["channels"] == 1
        works(lab2, daemon)
        set_channels(lab2, 2)
        wait_event(daemon, "channels")
        assert interface(daemon)["channels"] == 2
        works(lab2, daemon)
        # Where the second queue is another CPU's, it must be served as well.
        before = daemon.settled()["total"]
        lab2.gen("--rate", "50k", count=PACKETS, cpu=labs.CPUS - 1)
        after = daemon.settled(seen=before["seen"] + PACKETS)["total"]
        assert after["sink"] - before["sink"] == PACKETS
        assert daemon.stop() == 0


def test_fewer_channels_are_survived(lab2):
    # The kernel keeps a queue while an AF_XDP socket is bound to it.
    with lab2.daemon(*RULES, queues=[0]) as daemon:
        works(lab2, daemon)
        set_channels(lab2, 1)
        wait_event(daemon, "channels")
        works(lab2, daemon)
        assert daemon.stop() == 0
