# SPDX-License-Identifier: MIT OR Apache-2.0
"""`push-packet bench rtt`, `throughput` and `pairs`: short runs, counts against the ledger."""

import json
import os
import re
import subprocess

import pytest

import lab as labs

PROGRAM = labs.PROGRAM
SPIN = ["--warm-up", "10ms", "--for", "200ms"]


def bench(*argv, status=0):
    done = subprocess.run([PROGRAM, "bench", *map(str, argv)], capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.returncode == status, f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done


def document(*argv):
    return json.loads(bench(*argv, "--json").stdout)


def result(doc, name):
    found = [entry for entry in doc["results"] if entry["name"] == name]
    assert found, f"no {name!r} among {[entry['name'] for entry in doc['results']]}"
    return found[0]


def interfaces():
    return subprocess.run(["ip", "-o", "link"], capture_output=True, text=True,
                          check=True).stdout


def test_every_packet_of_a_round_trip_is_accounted_for():
    doc = document("rtt", "--rate", "2k", *SPIN)
    counts, ledger = doc["counts"][0], doc["ledger"]
    assert counts["sent"] + counts["unsent"] == 400
    assert counts["received"] + counts["lost"] == counts["sent"]
    assert counts["duplicates"] == counts["strays"] == counts["passed"] == 0
    # Warm-up and what counts, and nothing else on the wire.
    assert ledger["balanced"]
    assert ledger["seen"] == ledger["last_rule"] == 20 + 400 - counts["unsent"]
    assert ledger["reflected"] == ledger["seen"] - ledger["tx_ring_full"] - ledger["rx_ring_full"]
    trip = result(doc, "round trip")["histogram"]
    assert trip["count"] == counts["received"]
    assert not trip["count"] or 500 < trip["min"] <= trip["percentiles"]["p50"] <= trip["max"]
    assert result(doc, "lost")["samples"] == [pytest.approx(counts["lost"] / counts["sent"])]


def test_sizes_rates_and_rounds_are_measured_one_after_the_other():
    doc = document("rtt", "--rate", "1k,2k", "--size", "60,1514", "--rounds", 2, "--flows", 100,
                   "--warm-up", "1ms", "--for", "50ms")
    assert [(row["size"], row["rate_pps"]) for row in doc["counts"]] == [
        (60, 1000), (60, 2000), (1514, 1000), (1514, 2000)]
    # What a loaded machine did not get sent in twice the time is told, and not on the wire.
    assert [row["sent"] + row["unsent"] for row in doc["counts"]] == [100, 200, 100, 200]
    assert result(doc, "p50 of rounds, 60 B, 1000 pps")["samples"][1] > 0
    unsent = sum(row["unsent"] for row in doc["counts"])
    assert doc["ledger"]["seen"] == 2 * (50 + 1 + 100 + 2) * 2 - unsent


def test_stages_add_up_to_the_round_trip():
    doc = document("rtt", "--stages", "--rate", "1k", *SPIN)
    names = ["wait", "out", "receive", "work", "back", "take"]
    stages = [result(doc, f"stage {i + 1} {name}")["histogram"] for i, name in enumerate(names)]
    whole = result(doc, "round trip")["histogram"]
    assert {stage["count"] for stage in stages} == {whole["count"]}
    # Means of buckets to three digits.
    assert sum(stage["mean"] for stage in stages) == pytest.approx(whole["mean"], rel=0.01)


def test_receive_times_are_of_xdp_entry_where_the_driver_has_none():
    """A veth knows XDP metadata, and has no time for what no hardware received."""
    doc = document("rtt", "--receive-times", "--rate", "1k", *SPIN)
    received = doc["counts"][0]["received"]
    assert doc["receive_timestamps"] == {"driver": 0, "xdp_entry": received}
    assert result(doc, "spacing off, by XDP entry")["histogram"]["count"] == received - 1
    assert not any("by driver" in entry["name"] for entry in doc["results"])
    why = next(text for text in doc["warnings"] if "time of the driver" in text)
    kernel = tuple(int(part) for part in re.match(r"(\d+)\.(\d+)", os.uname().release).groups())
    assert ("it gave none" if kernel >= (6, 3) else "the kernel does not load") in why


def test_receive_times_say_their_clock(lab):
    with lab.daemon("route to mirror proto udp dport 9"):
        done = lab.run("src", PROGRAM, "bench", "rtt", "--interface", "gen0", "--rate", "1k",
                       "--receive-times", "--mode", "skb", *SPIN)
    line = next(line for line in done.stdout.splitlines() if line.startswith("receive times"))
    assert re.fullmatch(r"receive timestamps: driver, by its own clock \(0 packets\) / XDP entry, "
                        r"CLOCK_MONOTONIC \(\d+ packets\)", line)
    assert "generic XDP does not ask drivers" in done.stdout


def test_rules_of_a_file_come_first(tmp_path):
    rules = tmp_path / "rules"
    rules.write_text("set few { 203.0.113.0/24 }\n"
                     "drop src @few\ndrop proto udp sport 1025\ndrop proto tcp\n")
    doc = document("rtt", "--rules", rules, "--flows", 4, "--rate", "1k", *SPIN)
    assert doc["settings"]["rules"] == 4
    assert doc["ledger"]["dropped"] == (doc["ledger"]["seen"] + 2) // 4
    assert doc["counts"][0]["lost"] * 4 >= doc["counts"][0]["sent"] - 4
    assert any("judged" in warning for warning in doc["warnings"])


def test_somebody_elses_reflector(lab):
    """The kernel's own echo cannot be told from another machine's."""
    with lab.daemon("route to mirror proto udp dport 9") as daemon:
        done = lab.run("src", PROGRAM, "bench", "rtt", "--interface", "gen0", "--rate", "1k",
                       *SPIN, "--json")
        doc = json.loads(done.stdout)
        stats = daemon.settled()
    counts = doc["counts"][0]
    assert counts["sent"] + counts["unsent"] == 200
    assert stats["total"]["reflected"] == 210 - counts["unsent"]
    assert "ledger" not in doc


def test_a_silent_other_end_is_all_loss(lab):
    done = lab.run("src", PROGRAM, "bench", "rtt", "--interface", "gen0", "--rate", "1k", *SPIN,
                   "--json")
    doc = json.loads(done.stdout)
    assert doc["counts"][0]["received"] == 0
    assert result(doc, "lost")["samples"] == [1]
    assert any("nothing came back" in warning for warning in doc["warnings"])


@pytest.mark.parametrize("action, column", [
    ("drop", "dropped"), ("pass", "passed"), ("copy", "ring_read"), ("route", "sink"),
    ("reflect", "reflected"), ("forward", "forwarded")])
def test_throughput_counts_are_the_ledgers(action, column):
    doc = document("throughput", "--action", action, "--for", "50ms", "--rate", "20k")
    (counts,), ledger = doc["counts"], doc["ledger"]
    assert counts["balanced"] and ledger["balanced"]
    assert counts["sent"] > 0
    assert counts["seen"] == ledger["seen"] == counts["sent"] - counts["driver_dropped"]
    assert counts["delivered"] == ledger[column]
    sent_on = action in ("reflect", "forward")
    if sent_on:
        assert counts["returned"] == ledger["tx_completed"]
    lost = result(doc, "lost")["samples"][0]
    delivered = counts["returned"] if sent_on else counts["delivered"]
    assert lost == pytest.approx(1 - delivered / counts["sent"])
    if action in ("copy", "route", "reflect", "forward"):
        assert result(doc, "worker")["samples"][0] > 0
        assert result(doc, "batch")["samples"][0] >= 1


def test_forward_between_named_interfaces():
    """All four ends in a namespace that goes with the shell."""
    script = """set -e
        echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
        ip link add a0 type veth peer name a1 && ip link add b0 type veth peer name b1
        for i in a0 a1 b0 b1; do ip link set $i up; done
        exec "$0" bench throughput --action forward --interface a0 --source a1 --out b0 \\
            --arrival b1 --rate 10k --for 50ms --json"""
    done = subprocess.run(["unshare", "-n", "bash", "-c", script, PROGRAM], capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    doc = json.loads(done.stdout)
    (counts,), ledger = doc["counts"], doc["ledger"]
    assert ledger["balanced"] and ledger["forwarded"] == counts["delivered"] > 0
    assert counts["returned"] == ledger["tx_completed"]
    assert {entry["name"] for entry in doc["interfaces"]} == {"a0", "a1", "b0"}


def test_the_search_ends_below_the_loss_asked_for():
    doc = document("throughput", "--action", "route", "--for", "30ms", "--loss", "0.1%",
                   "--rounds", 2)
    best = result(doc, "rate that loses at most 0.1%")["samples"]
    flood = result(doc, "delivered")["samples"]
    assert len(best) == len(flood) == 2
    assert sum(row["rate_pps"] == 0 for row in doc["counts"]) == 2


def test_the_laboratory_is_seen_by_nobody():
    """Namespaces without a name go with the process; that they are not ours can be seen."""
    bench("rtt", "--rate", "1k", "--warm-up", "1ms", "--for", "20ms")
    bench("rtt", "--rules", "/nonexistent", status=1)
    assert "gen0" not in interfaces() and "pp0" not in interfaces()


@pytest.mark.parametrize("argv, said", [
    (["rtt", "--rate", "0"], "--rate 0: expected packets per second"),
    (["rtt", "--rate", "1k,"], "--rate 1k,: expected packets per second"),
    (["rtt", "--size", "59"], "--size 59: expected bytes, 60 to 1792"),
    (["rtt", "--cpus", "0"], "expected two CPUs"),
    (["rtt", "--cpus", "0,4000"], "expected"),
    (["rtt", "--stages", "--size", "64"], "expected --size 128 or more"),
    (["rtt", "--stages", "--interface", "lo"], "expected no --stages"),
    (["rtt", "--dst", "192.0.2"], "expected an address"),
    (["rtt", "--dst", "192.0.2.1", "--src", "2001:db8::1"], "addresses of one family"),
    (["rtt", "--sport", "65535", "--flows", "2"], "there are 1 ports"),
    (["rtt", "--idle", "lazy"], "expected one of: busy adaptive interrupt"),
    (["rtt", "--rounds", "0"], "expected a number, 1 to 1000"),
    (["throughput"], "expected --action"),
    (["throughput", "--action", "divert"],
     "expected one of: drop pass copy route reflect forward"),
    (["throughput", "--action", "forward", "--interface", "lo", "--source", "lo"],
     "needs --out and --arrival"),
    (["throughput", "--action", "route", "--out", "lo"], "--out and --arrival are for forward"),
    (["throughput", "--action", "drop", "--loss", "2"], "expected a part"),
    (["throughput", "--action", "drop", "--interface", "lo"], "go together"),
    (["throughput", "--action", "drop", "--rate", "1k,2k"], "expected one rate"),
    (["pairs"], "expected FILE")])
def test_a_command_line_that_makes_no_sense(argv, said):
    done = bench(*argv, status=2)
    assert said in done.stderr
    assert not done.stdout


def test_bad_rules_are_named_with_their_place(tmp_path):
    rules = tmp_path / "rules"
    rules.write_text("drop proto tcp\ndrop proto tcq\n")
    done = bench("rtt", "--rules", rules, status=1)
    assert f"{rules}:2:12: error: " in done.stderr
    done = bench("throughput", "--action", "drop", "--rules", tmp_path / "none", status=1)
    assert "none: error: " in done.stderr
    done = bench("rtt", "--interface", "nosuch0", status=1)
    assert "nosuch0" in done.stderr


def comparison(**changes):
    row = {"name": "sink", "unit": "Mpps", "ours": {"name": "us", "samples": [2.0] * 11},
           "peer": {"name": "them", "samples": [1.0] * 11}, "target": 1.5}
    return {key: value for key, value in {**row, **changes}.items() if value is not None}


def judged(tmp_path, *rows):
    path = tmp_path / "pairs.json"
    path.write_text(json.dumps({"comparisons": rows, "settings": {"seconds": 1},
                                "warnings": ["xdpsock is missing"]}))
    return document("pairs", path)


@pytest.mark.parametrize("changes, verdict", [
    ({}, "met"),
    ({"target": 2.5}, "not met"),
    ({"target": 2.5, "at_most": True, "lower_is_better": True}, "met"),
    ({"ours": {"name": "us", "samples": [1.0] * 6 + [4.0] * 5}}, "inconclusive")])
def test_pairs_are_judged(tmp_path, changes, verdict):
    doc = judged(tmp_path, comparison(**changes))
    assert result(doc, "sink")["verdict"] == verdict
    assert doc["settings"] == {"seconds": 1}
    assert "xdpsock is missing" in doc["warnings"]


def test_a_side_alone_is_shown(tmp_path):
    doc = judged(tmp_path, comparison(peer=None, target=None))
    assert result(doc, "sink ours")["median"] == 2


@pytest.mark.parametrize("changes, said", [
    ({"unit": None}, "expected name and unit"),
    ({"ours": {"name": "us", "samples": []}}, "expected ours"),
    ({"peer": {"name": "them", "samples": [1.0]}}, "expected peer"),
    ({"peer": {"name": "them", "samples": [0] * 11}}, "above 0"),
    ({"target": "all"}, "expected a number as target")])
def test_pairs_of_another_form(tmp_path, changes, said):
    path = tmp_path / "pairs.json"
    path.write_text(json.dumps({"comparisons": [comparison(**changes)]}))
    assert said in bench("pairs", path, status=1).stderr
    path.write_text("{")
    assert f"{path}:1:" in bench("pairs", path, status=1).stderr
