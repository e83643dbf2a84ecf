# SPDX-License-Identifier: MIT OR Apache-2.0
"""The command line and a running daemon."""

import json
import time

import pytest
import scapy.all as scapy

from cli import run


class Commands:
    """Commands to a daemon in a lab."""

    def __init__(self, daemon):
        self.daemon = daemon

    def __call__(self, *argv, status=0, **options):
        done = run(*argv, "-s", self.daemon.socket, **options)
        assert done.returncode == status, (argv, done)
        return done

    def rules(self):
        return json.loads(self("rule", "list", "--json").stdout)

    def texts(self):
        return [rule["text"] for rule in self.rules()["rules"]]


@pytest.fixture
def command(lab):
    with lab.daemon("drop proto udp dport 9", default="pass") as daemon:
        yield Commands(daemon)


def test_rule_is_in_force_when_its_id_is_printed(lab, command):
    number = int(command("rule", "add", "drop proto udp dport 53 name fresh").stdout)
    lab.gen("--dport", 53, count=100)
    rule = next(rule for rule in command.rules()["rules"] if rule["id"] == number)
    assert (rule["packets"], rule["name"], rule["origin"]) == (100, "fresh", "command")
    command("rule", "del", number)
    assert command.texts() == ["drop proto udp dport 9"]


def test_error_in_the_last_line_changes_nothing(command, tmp_path):
    before = command.rules()
    path = tmp_path / "rules"
    path.write_text("".join(f"drop proto tcp dport {port}\n" for port in range(1, 200))
                    + "drop proto tcp dport 65536\n")
    for argv in (["add", "-f", path], ["replace", path]):
        done = command("rule", *argv, status=1)
        assert done.stdout == ""
        assert done.stderr.startswith(f"{path}:200:22: error: ")
        assert command.rules() == before
    command("rule", "del", before["rules"][0]["id"], 4711, status=1)
    assert command.rules() == before


def test_time_to_live_is_shown_and_kept(command):
    command("rule", "add", "drop proto tcp dport 1", "--ttl", "10m")
    left = command.rules()["rules"][1]["ttl_ms"]
    assert 590_000 < left <= 600_000
    number = command("rule", "add", "drop proto tcp dport 2", "--ttl", "1s").stdout.strip()
    assert number in command("rule", "list").stdout.split()
    time.sleep(2.1)
    assert len(command.texts()) == 2


def test_rules_are_replaced_by_difference(command, tmp_path):
    first = command.rules()["rules"][0]["id"]
    path = tmp_path / "rules"
    path.write_text("pass proto tcp dport 22\ndrop proto udp dport 9\n")
    assert command("rule", "replace", path).stdout == "1 added, 0 deleted, 1 kept\n"
    assert command.texts() == path.read_text().splitlines()
    assert command.rules()["rules"][1]["id"] == first
    assert command("rule", "flush").stdout == "2 deleted\n"
    assert command.texts() == []


def test_rule_that_makes_no_sense_is_pointed_at(command):
    for verb in ("add", "test"):
        done = command("rule", verb, "drop proto tcp dport 65536", status=1)
        assert done.stderr.splitlines()[1:] == ["  drop proto tcp dport 65536",
                                                " " * 23 + "^"]


def test_set_that_was_listed_can_be_loaded(command, tmp_path):
    entries = sorted({f"10.{i % 256}.{i // 256}.0/24" for i in range(12_000)})
    path = tmp_path / "list.txt"
    path.write_text("\n".join(entries))
    assert command("set", "load", "big", path).stdout == (
        f"{len(entries)} added, 0 deleted, {len(entries)} entries\n")
    command("set", "add", "big", "192.0.2.1", "2001:db8::/32", "--ttl", "1h")
    path.write_text(command("set", "list", "big").stdout)
    assert len(path.read_text().splitlines()) == len(entries) + 2
    command("set", "load", "other", path)
    listed, = [one for one in json.loads(command("set", "list", "--json").stdout)["sets"]
               if one["name"] == "other"]
    assert (listed["entries"], listed["ip6"]) == (len(entries) + 2, 1)
    command("rule", "add", "drop src @big")
    done = command("set", "del", "big", status=1)
    assert "big" in done.stderr
    assert command("set", "del", "other").returncode == 0


def test_default_action_is_in_force_when_the_command_returns(lab, command):
    command("default", "drop")
    before = command.daemon.stats()["total"]["dropped"]
    lab.gen("--dport", 4000, count=100)
    assert command.daemon.stats()["total"]["dropped"] - before >= 100
    assert command("rule", "list").stdout.splitlines()[-1].startswith("default drop;")


def test_rule_is_tried_on_a_capture_without_a_daemon(tmp_path):
    path = tmp_path / "c.pcap"
    scapy.wrpcap(str(path), [scapy.Ether() / scapy.IP(src="192.0.2.1", dst="192.0.2.2") /
                             scapy.UDP(dport=port) for port in (53, 54)])
    done = run("rule", "test", "drop proto udp dport 53", path, "--json")
    assert done.returncode == 0, done.stderr
    packets = [json.loads(line) for line in done.stdout.splitlines()]
    assert [packet["verdict"] for packet in packets[:2]] == ["drop", "pass"]
    assert "summary" in packets[2]
