# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rules that change while packets flow: every packet sees the old set or the new one."""

import json
import signal
import time

import pytest

from lab import PROGRAM, rule, wait_for
from rpc import Client, Refused

FLOOD = ["--via", "live", "--payload", "none", "--dport", 9]
TOGGLES = 1000
OTHERS = [f"drop proto udp src 203.0.113.0/24 dport {20000 + i}" for i in range(999)]


class Flood:
    """Packets as fast as they can be sent, until the end of the block."""

    def __init__(self, lab):
        self.lab = lab
        self.sent = None

    def __enter__(self):
        self.process = self.lab.spawn("src", *self.lab.gen_command("--for", "10m", *FLOOD))
        wait_for("the source", lambda: self.lab.device("rx", "pp0")["rx"]["packets"] > 1000)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.sent = json.loads(self.process.communicate(timeout=20)[0])["sent"]


@pytest.mark.parametrize("others", [[], OTHERS], ids=["few", "a-thousand"])
def test_no_packet_falls_between_two_rule_sets(lab, others):
    sets = [[*others, "drop proto udp dport 9 name a"],
            [*others, "route to sink proto udp dport 9 name b"]]
    with lab.daemon(*sets[0]) as daemon:
        client = Client(daemon.socket)
        with Flood(lab):
            for i in range(TOGGLES):
                client.call("rules.replace", rules=sets[(i + 1) % 2])
        stats = daemon.settled()
        total = stats["total"]
        assert total["seen"] > 1_000_000
        assert total["seen"] == total["dropped"] + total["redirected"]
        assert total["dropped"] > 0 and total["redirected"] > 0
        assert total["passed"] == total["aborted"] == 0


def test_counters_of_a_rule_that_stays_go_on(lab):
    with lab.daemon("drop proto udp dport 9 name kept", "pass proto udp dport 10") as daemon:
        client = Client(daemon.socket)
        lab.gen("--dport", 9, count=1000)
        client.call("rules.replace", rules=["pass proto tcp dport 7",
                                            "drop proto udp dport 9 name kept"])
        lab.gen("--dport", 9, count=500)
        stats = daemon.settled(seen=1500)
        assert rule(stats, "kept")["packets"] == 1500
        assert rule(stats, "kept")["id"] == 1


def test_new_rule_in_a_used_slot_starts_from_zero(lab):
    with lab.daemon("copy take 64 to counter proto udp dport 9") as daemon:
        client = Client(daemon.socket)
        lab.gen("--dport", 9, count=1000)
        daemon.settled(seen=1000)
        seen = {1}
        for _ in range(4):
            client.call("rules.flush")
            new = client.call("rules.add", rule="copy take 64 to counter proto udp dport 9 name n")
            assert new["id"] not in seen
            seen.add(new["id"])
            assert rule(daemon.stats(), "n")["packets"] == 0
            before = daemon.stats()["total"]["seen"]
            lab.gen("--dport", 9, count=100)
            assert rule(daemon.settled(seen=before + 100), "n")["packets"] == 100


def test_second_consumer_of_routed_packets_gets_its_own(lab):
    """Alone, a sink gets packets without metadata; they must not be taken for the other's."""
    with lab.daemon("route to sink proto udp dport 9") as daemon:
        client = Client(daemon.socket)
        with Flood(lab):
            time.sleep(0.3)
            client.call("rules.add", rule="route to mirror proto udp dport 10")
            time.sleep(0.3)
        before = daemon.settled()["total"]
        assert before["reflected"] == before["no_consumer"] == 0
        lab.gen("--dport", 10, "--rate", "100k", count=1000)
        total = daemon.settled(seen=before["seen"] + 1000)["total"]
        assert total["reflected"] == 1000
        assert total["sink"] == before["sink"]


def test_batch_with_an_error_at_its_end_changes_nothing(lab):
    with lab.daemon("drop proto udp dport 9") as daemon:
        client = Client(daemon.socket)
        before = client.call("rules.list")
        commands = [{"method": "rules.flush", "params": {}},
                    {"method": "default.set", "params": {"verdict": "drop"}},
                    {"method": "sets.add", "params": {"name": "a", "entries": ["192.0.2.1"]}},
                    {"method": "rules.add", "params": {"rule": "drop src @a"}},
                    {"method": "rules.add", "params": {"rule": "drop src @b"}}]
        with pytest.raises(Refused) as refused:
            client.call("batch", commands=commands)
        assert refused.value.data["index"] == 4
        assert client.call("rules.list") == before
        assert client.call("sets.list")["sets"] == []
        result = client.call("batch", commands=commands[:4])
        assert len(result["results"]) == 4
        after = client.call("rules.list")
        assert [entry["text"] for entry in after["rules"]] == ["drop src @a"]
        assert after["default"] == "drop"


def test_rule_goes_within_a_second_of_its_time_and_never_early(lab):
    with lab.daemon() as daemon:
        client = Client(daemon.socket)
        begin = time.monotonic()
        client.call("rules.add", rule="drop proto udp dport 9 ttl 2s")
        added = time.monotonic()
        client.call("sets.add", name="a", entries=["192.0.2.1"], ttl_ms=2000)
        remaining = client.call("rules.list")["rules"][0]["ttl_ms"]
        assert 0 < remaining <= 2000
        while client.call("rules.list")["rules"]:
            time.sleep(0.02)
        gone = time.monotonic()
        assert gone - begin >= 2.0
        assert gone - added <= 3.0
        wait_for("the entry to go", lambda: client.call("sets.list")["sets"][0]["entries"] == 0, 2)


def test_set_grows_under_load_and_no_packet_is_lost_to_it(lab):
    with lab.daemon("drop proto udp dport 9") as daemon:
        client = Client(daemon.socket)
        file = lab.folder / "many"
        file.write_text("\n".join(f"{1 + i // 65536}.{i // 256 % 256}.{i % 256}.0/24"
                                  for i in range(200_000)))
        with Flood(lab):
            client.call("batch", commands=[
                {"method": "sets.replace", "params": {"name": "many", "file": str(file)}},
                {"method": "rules.add", "params": {"rule": "pass prio 1 src @many dport 77"}}])
        stats = daemon.settled()
        assert stats["total"]["seen"] == stats["total"]["dropped"]
        assert stats["apply"]["loads"] == 1


def test_command_prints_the_id_and_is_in_force(lab):
    with lab.daemon() as daemon:
        done = lab.run("rx", PROGRAM, "rule", "add", "drop proto udp dport 9", "--ttl", "10m",
                       "--socket", daemon.socket)
        assert done.stdout == "1\n"
        lab.gen("--dport", 9, count=100)
        assert daemon.settled(seen=100)["total"]["dropped"] == 100
        lab.run("rx", PROGRAM, "rule", "del", "1", "--socket", daemon.socket)
        lab.gen("--dport", 9, count=100)
        assert daemon.settled(seen=200)["total"]["passed"] == 100
