# SPDX-License-Identifier: MIT OR Apache-2.0
"""`sample` and `limit` on traffic that flows: how much is copied, and that the ledger says so."""

import time

import pytest

import lab as labs
import test_egress as egress

PACKETS = 10_000_000
RATE = 1_000_000


def send(lab, count, *argv, rate=RATE):
    return lab.gen("--dport", 7, *argv, "--rate", rate, count=count, cpu=labs.SOURCE_CPU)


def test_ten_million_packets_are_sampled_to_the_packet(lab):
    daemon = lab.daemon("copy take 64 sample 1/1000 then drop proto udp name s")
    send(lab, PACKETS)
    total = daemon.settled()["total"]
    seen = total["dropped"]
    assert seen > PACKETS * 0.9
    # One source, one CPU: a block of 1,000 packets may have begun.
    taken = total["copied"] + total["copy_ring_full"]
    assert abs(taken - seen / 1000) <= 1, total
    assert taken + total["copy_sampled_out"] == seen
    assert total["copy_analysed"] == total["copied"]
    assert daemon.stop() == 0, daemon.log


def test_flows_are_copied_whole_or_not_at_all(lab):
    flows, rounds = 1000, 20
    daemon = lab.daemon("copy take 64 sample flow 1/10 then drop proto udp name s")
    send(lab, flows * rounds, "--flows", flows, rate=100_000)
    total = daemon.settled(seen=flows * rounds)["total"]
    assert total["copied"] % rounds == 0, "every flow sent as many packets"
    # 100 expected, sigma is 9.5.
    assert 50 <= total["copied"] // rounds <= 150
    assert total["copied"] + total["copy_sampled_out"] == flows * rounds
    assert daemon.stop() == 0, daemon.log


def test_a_limit_gives_what_it_allows_and_no_more(lab):
    daemon = lab.daemon("copy take 64 limit 5000/s then drop proto udp name s")
    send(lab, 600_000, rate=200_000)  # the share is for one CPU by then
    before = daemon.settled()["total"]
    begin = time.monotonic()
    send(lab, 800_000, rate=200_000)
    seconds = time.monotonic() - begin
    after = daemon.settled()["total"]
    copied = after["copied"] - before["copied"]
    assert 4 * 5000 * 0.95 <= copied <= (seconds + 0.1) * 5000 + 1
    assert after["copied"] + after["copy_limited"] == after["dropped"]
    assert daemon.stop() == 0, daemon.log


def test_options_are_listed_and_a_rule_keeps_its_id_when_it_is_replaced_by_itself(lab, tmp_path):
    text = "copy take 64 sample flow 1/10 limit 100/s proto udp"
    other = "copy take 64 sample flow 1/11 limit 100/s proto udp"
    daemon = lab.daemon(text)

    def command(*argv):
        return lab.run("rx", labs.PROGRAM, *argv, "-s", daemon.socket).stdout

    assert text in command("rule", "list")
    first = labs.rule(daemon.stats(), text)["id"]
    rules = tmp_path / "rules"
    rules.write_text(text + "\n")
    command("rule", "replace", rules)
    assert labs.rule(daemon.stats(), text)["id"] == first
    rules.write_text(other + "\n")
    command("rule", "replace", rules)
    assert labs.rule(daemon.stats(), other)["id"] != first
    assert daemon.stop() == 0, daemon.log


@pytest.mark.parametrize("engine", ["linear", "tuple"])
def test_what_is_sent_is_sampled_too(lab, engine):
    rules = ["copy sample 1/10 proto udp dport 9 direction out",
             "copy sample flow 1/2 proto udp dport 10 direction out"]
    with lab.daemon(*rules, engine=engine, interfaces=egress.interfaces()) as daemon:
        egress.send(lab, 9, 1000)
        row = egress.egress(daemon, daemon.settled())["ledger"]
        # Two CPUs may have sent, each with a block that has begun.
        assert abs(row["copied"] - 100) <= labs.CPUS
        assert row["copied"] + row["copy_sampled_out"] == 1000
        flows = 40
        for _ in range(flows):
            egress.send(lab, 10, 3)
        after = egress.egress(daemon, daemon.settled())["ledger"]
        taken = after["copied"] - row["copied"]
        assert taken % 3 == 0 and 20 <= taken <= 100, "each run of send() is a flow"
        assert after["copied"] + after["copy_sampled_out"] == 1000 + 3 * flows
