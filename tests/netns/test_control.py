# SPDX-License-Identifier: MIT OR Apache-2.0
"""The control socket of a running daemon, and the signals that end it."""

import json
import pathlib
import signal
import socket
import subprocess
import sys
import time

import pytest

from lab import Daemon, config, rule
from rpc import Client, Refused

COLUMNS_BEFORE_XSK = ("seen", "passed", "dropped", "redirected", "route_no_socket",
                      "route_no_meta", "aborted")


def ask(daemon, *lines):
    """Send lines, end the input, and return the answers."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(daemon.socket)
        client.sendall("".join(line + "\n" for line in lines).encode())
        client.shutdown(socket.SHUT_WR)
        text = b""
        while chunk := client.recv(65536):
            text += chunk
    return [json.loads(line) for line in text.splitlines()]


def request(method, number=1, **params):
    return json.dumps({"jsonrpc": "2.0", "method": method, "params": params, "id": number})


def test_version_and_stats_are_answered(lab):
    with lab.daemon("drop proto udp") as daemon:
        version, stats = ask(daemon, request("version"), request("stats", 2))
        assert version["result"]["name"] == "push-packet"
        assert version["result"]["version"] == stats["result"]["version"]
        assert (version["id"], stats["id"]) == (1, 2)


def test_number_of_sources_is_a_parameter(lab):
    with lab.daemon("copy proto udp") as daemon:
        for last in range(1, 6):
            lab.gen("--src", f"192.0.2.{last}", count=10)
        daemon.settled(seen=50)
        for want in (0, 2, 1000):
            answer = ask(daemon, request("stats", sources=want))[0]["result"]
            assert len(answer["consumers"][0]["sources"]) == min(want, 5)


@pytest.mark.parametrize("params, code", [
    ({"sources": -1}, -32602), ({"sources": 1001}, -32602), ({"sources": "1"}, -32602),
    ({"source": 1}, -32602), ([1], -32602), (1, -32600),
])
def test_bad_parameters_are_refused(lab, params, code):
    with lab.daemon("drop proto udp") as daemon:
        line = json.dumps({"jsonrpc": "2.0", "method": "stats", "params": params, "id": 1})
        answer, = ask(daemon, line)
        assert answer["error"]["code"] == code
        assert ask(daemon, request("version"))[0]["result"]


def test_total_is_the_sum_of_the_rows(lab2):
    with lab2.daemon("route proto udp dport 4000", "copy then drop proto udp", queues=[0]) as daemon:
        for cpu in (0, 1):
            for port in (53, 4000):
                lab2.gen("--dport", port, "--rate", "100k", count=1000, cpu=cpu)
        stats = daemon.settled(seen=4000)
        rows = [queue["ledger"] for queue in stats["interfaces"][0]["queues"]]
        for column, value in stats["total"].items():
            assert sum(row[column] for row in rows) == value, column
        for row in rows:
            assert row["seen"] == sum(row[name] for name in COLUMNS_BEFORE_XSK[1:])
        assert stats["total"]["seen"] >= 4000


def test_client_that_never_reads_does_not_stop_the_daemon(lab):
    with lab.daemon("drop proto udp") as daemon, socket.socket(socket.AF_UNIX) as client:
        client.connect(daemon.socket)
        client.setblocking(False)
        line = (request("stats") + "\n").encode() * 100
        end = time.monotonic() + 1
        while time.monotonic() < end:
            try:
                client.send(line)
            except BlockingIOError:
                time.sleep(0.01)
        assert daemon.stats()["balanced"]
        assert daemon.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_it_with_the_ledger(lab, number):
    daemon = lab.daemon("drop proto udp")
    assert daemon.stop(number) == 0
    assert "ledger balances" in daemon.log
    assert lab.xdp_program() is None


def test_signal_during_the_start_leaves_nothing_behind(lab):
    for delay in range(0, 60, 4):
        daemon = Daemon(lab, config(lab, ["drop proto udp"]), wait=False)
        time.sleep(delay / 1000)
        assert daemon.stop() in (0, -signal.SIGTERM)
        assert lab.xdp_program() is None


def texts(client):
    return [entry["text"] for entry in client.call("rules.list")["rules"]]


def refusal(client, method, **params):
    with pytest.raises(Refused) as refused:
        client.call(method, **params)
    return refused.value


def test_rules_are_added_listed_tested_and_deleted(lab):
    with lab.daemon("pass proto tcp") as daemon:
        client = Client(daemon.socket)
        added = client.call("rules.add", rule="drop proto udp dport 9 name x", ttl_ms=60000)
        assert added["id"] == 2
        assert added["warnings"] == []
        lab.gen("--dport", 9, count=100)
        daemon.settled(seen=100)
        listed = client.call("rules.list")
        assert listed["generation"] == added["generation"]
        assert listed["default"] == "pass"
        config_rule, command_rule = listed["rules"]
        assert (config_rule["origin"], config_rule["ttl_ms"], config_rule["name"]) == (
            "config", None, None)
        assert (command_rule["id"], command_rule["origin"], command_rule["name"]) == (
            2, "command", "x")
        assert 0 < command_rule["ttl_ms"] <= 60000
        assert command_rule["packets"] == 100
        tested = client.call("rules.test", rule="  drop   proto udp  ")
        assert tested == {"text": "drop proto udp", "warnings": []}
        refused = refusal(client, "rules.test", rule="drop proto nonesuch")
        assert (refused.code, refused.data["line"], refused.data["col"]) == (-32001, 1, 12)
        client.call("rules.delete", id=2)
        assert refusal(client, "rules.delete", id=2).code == -32002
        assert texts(client) == ["pass proto tcp"]


def test_change_is_in_force_when_it_is_answered(lab):
    with lab.daemon() as daemon:
        client = Client(daemon.socket)
        seen = 0
        for i in range(20):
            added = client.call("rules.add", rule="drop proto udp dport 9 name x")
            lab.gen("--dport", 9, count=50)
            seen += 50
            assert rule(daemon.settled(seen=seen), "x")["packets"] == 50, i
            client.call("rules.delete", id=added["id"])
            lab.gen("--dport", 9, count=50)
            seen += 50
            assert daemon.settled(seen=seen)["total"]["passed"] >= 50 * (i + 1)


def test_replace_flush_and_default(lab):
    with lab.daemon("pass proto tcp", "pass proto udp dport 10") as daemon:
        client = Client(daemon.socket)
        answer = client.call("rules.replace", rules=["drop proto udp dport 9", "pass proto tcp"])
        assert answer["ids"] == [3, 1]
        assert (answer["added"], answer["deleted"], answer["kept"]) == (1, 1, 1)
        assert texts(client) == ["drop proto udp dport 9", "pass proto tcp"]
        assert client.call("rules.flush")["deleted"] == 2
        answer = client.call("default.set", verdict="drop")
        assert any("ARP" in warning for warning in answer["warnings"])
        assert client.call("rules.list")["default"] == "drop"
        lab.gen("--dport", 9, count=100)
        assert daemon.settled(seen=100)["total"]["dropped"] >= 100
        assert refusal(client, "default.set", verdict="route").code == -32602


def test_sets_are_made_changed_listed_and_deleted(lab):
    with lab.daemon() as daemon:
        client = Client(daemon.socket)
        entries = ["192.0.2.0/24", "198.51.100.7", "2001:db8::/32"]
        assert client.call("sets.add", name="a", entries=entries)["added"] == 3
        again = client.call("sets.add", name="a", entries=["198.51.100.7"], ttl_ms=60000)
        assert (again["added"], again["renewed"]) == (0, 1)
        client.call("rules.add", rule="drop src @a name x")
        assert client.call("sets.list")["sets"] == [
            {"name": "a", "entries": 3, "ip4": 2, "ip6": 1, "origin": "command", "rules": 1,
             "protected": False}]
        page = client.call("sets.entries", name="a", limit=2)
        assert [entry["prefix"] for entry in page["entries"]] == entries[:2]
        assert page["entries"][0]["ttl_ms"] is None
        assert 0 < page["entries"][1]["ttl_ms"] <= 60000
        rest = client.call("sets.entries", name="a", offset=page["next"])
        assert [entry["prefix"] for entry in rest["entries"]] == entries[2:]
        assert rest["next"] is None
        lab.gen("--src", "192.0.2.1", count=100)
        assert rule(daemon.settled(seen=100), "x")["packets"] == 100
        assert client.call("sets.delete", name="a", entries=["192.0.2.0/24"])["deleted"] == 1
        lab.gen("--src", "192.0.2.1", count=100)
        assert rule(daemon.settled(seen=200), "x")["packets"] == 100
        assert refusal(client, "sets.delete", name="a").code == -32004
        file = lab.folder / "entries"
        file.write_text("192.0.2.0/25 # first\n2001:db8::/32\n")
        answer = client.call("sets.replace", name="a", file=str(file))
        assert (answer["added"], answer["deleted"], answer["entries"]) == (1, 1, 2)
        file.write_text("192.0.2.0/25\n192.0.2.1/25\n")
        refused = refusal(client, "sets.replace", name="a", file=str(file))
        assert str(refused).startswith(f"{file}:2:1: ")
        client.call("rules.flush")
        assert client.call("sets.delete", name="a")["deleted"] == 2
        assert client.call("sets.list")["sets"] == []


def test_discovery_names_every_method_with_its_access(lab):
    with lab.daemon() as daemon:
        methods = Client(daemon.socket).call("rpc.discover")["methods"]
        writes = {entry["name"] for entry in methods if entry["access"] == "write"}
        assert writes == {"rules.add", "rules.delete", "rules.replace", "rules.flush", "sets.add",
                          "sets.delete", "sets.replace", "default.set", "batch", "reload",
                          "dump.start", "dump.stop"}
        assert {entry["name"] for entry in methods} - writes == {
            "version", "rpc.discover", "stats", "rules.list", "rules.get", "rules.test", "sets.list",
            "sets.entries", "subscribe", "analysers.list", "analysers.top"}


def test_rule_against_a_protected_set_is_refused_or_reported(lab):
    rules = ["set office { 192.0.2.0/24 }", "protect @office"]
    with lab.daemon(*rules) as daemon:
        client = Client(daemon.socket)
        assert "@office" in str(refusal(client, "rules.add", rule="drop proto udp"))
        assert texts(client) == []
    settings = config(lab, rules)
    settings["rules"]["protect"] = "report"
    with Daemon(lab, settings) as daemon:
        client = Client(daemon.socket)
        warnings = client.call("rules.add", rule="drop proto udp")["warnings"]
        assert any("@office" in warning for warning in warnings)
        assert texts(client) == ["drop proto udp"]
        daemon.wait_log("@office")


def test_subscriber_is_told_what_happens(lab):
    with lab.daemon("pass proto tcp") as daemon:
        client, listener, picky = (Client(daemon.socket) for _ in range(3))
        assert listener.call("subscribe")["subscribed"] == [
            "rules", "sets", "expired", "reload", "interface"]
        assert picky.call("subscribe", events=["expired"])["subscribed"] == ["expired"]
        assert refusal(picky, "subscribe", events=["nonesuch"]).code == -32602

        def event(of):
            message = json.loads(of.file.readline())
            assert message["method"] == "event"
            assert abs(message["params"]["time_ms"] / 1000 - time.time()) < 60
            return message["params"]

        client.call("rules.add", rule="drop proto udp ttl 300ms")
        told = event(listener)
        assert (told["event"], told["added"], told["deleted"], told["rules"]) == (
            "rules", [2], 0, 2)
        assert event(listener)["deleted"] == 1
        assert (event(listener)["event"], event(picky)["rules"]) == ("expired", 1)
        client.call("sets.add", name="a", entries=["192.0.2.1"])
        assert event(listener)["sets"] == [{"name": "a", "entries": 1}]
        lab.run("rx", "ip", "link", "set", "pp0", "mtu", "1400")
        told = event(listener)
        assert (told["event"], told["interface"]) == ("interface", "pp0")


GROUP, READ_GROUP, NOBODY = 54321, 54322, 65534
AS_OTHER = """
import json, socket, sys
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
file = client.makefile("r")
for method in sys.argv[2:]:
    # Who is refused is hung up on, perhaps before we wrote; what was said before can be read.
    try:
        client.sendall(json.dumps({"jsonrpc": "2.0", "method": method, "id": 1}).encode() + b"\\n")
    except OSError:
        pass
    try:
        print(file.readline().strip())
    except OSError:
        print()
"""


def ask_as(daemon, groups, *methods):
    """Error codes, or 0, of methods called by a user in groups; None where it was hung up."""
    done = subprocess.run([sys.executable, "-c", AS_OTHER, daemon.socket, *methods],
                          capture_output=True, text=True, check=False, user=NOBODY, group=NOBODY,
                          extra_groups=groups, timeout=20)
    if "PermissionError" in done.stderr:
        return "no connection"
    return [json.loads(line).get("error", {"code": 0})["code"] if line else None
            for line in done.stdout.splitlines()]


def test_second_group_may_read_and_not_write(lab):
    lab.folder.chmod(0o755)
    settings = config(lab, [], control={"group": str(GROUP), "read-group": str(READ_GROUP)})
    with Daemon(lab, settings) as daemon:
        methods = ("rules.list", "rules.flush", "version")
        assert ask_as(daemon, [GROUP], *methods) == [0, 0, 0]
        assert ask_as(daemon, [7, READ_GROUP], *methods) == [0, -32003, 0]
        assert ask_as(daemon, [7], *methods) == [-32003, None, None]
        assert ask_as(daemon, [], *methods) == [-32003, None, None]


def test_without_a_second_group_the_file_decides(lab):
    lab.folder.chmod(0o755)
    settings = config(lab, [], control={"group": str(GROUP), "mode": "0660"})
    with Daemon(lab, settings) as daemon:
        assert pathlib.Path(daemon.socket).stat().st_mode & 0o777 == 0o660
        assert ask_as(daemon, [GROUP], "rules.flush") == [0]
        assert ask_as(daemon, [], "rules.flush") == "no connection"


def test_bad_client_does_not_harm_others(lab):
    with lab.daemon("pass proto tcp") as daemon:
        client = Client(daemon.socket)
        half = socket.socket(socket.AF_UNIX)
        half.connect(daemon.socket)
        half.sendall(b'{"jsonrpc":"2.0","method":"rules.fl')
        long = socket.socket(socket.AF_UNIX)
        long.connect(daemon.socket)
        try:
            long.sendall(b"x" * (2 << 20))
        except OSError:
            pass
        assert b"-32600" in long.recv(65536)
        twice = ask(daemon, '{"jsonrpc":"2.0","method":"rules.flush","method":"version","id":1}')
        assert twice[0]["error"]["code"] == -32602
        half.close()
        client.call("rules.add", rule="drop proto udp")
        assert texts(client) == ["pass proto tcp", "drop proto udp"]


def test_requests_that_come_together_are_put_in_force_together(lab):
    with lab.daemon() as daemon:
        client = Client(daemon.socket)
        before = daemon.stats()["apply"]["count"]
        for i in range(1000):
            client.send("rules.add", rule=f"drop proto udp dport {i}")
        ids = [client.receive()["id"] for _ in range(1000)]
        assert ids == list(range(1, 1001))
        assert daemon.stats()["apply"]["count"] - before < 500
        assert len(texts(client)) == 1000
