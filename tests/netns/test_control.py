# SPDX-License-Identifier: MIT OR Apache-2.0
"""The control socket of a running daemon, and the signals that end it."""

import json
import signal
import socket
import time

import pytest

from lab import Daemon, config

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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
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
