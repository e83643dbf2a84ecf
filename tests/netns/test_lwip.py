# SPDX-License-Identifier: MIT OR Apache-2.0
"""lwIP on a channel, tests/examples/lwip_echo.c: a host of its own beside the kernel."""

import os
import re

import lab as labs
import pytest

ECHO = labs.BUILD / "tests" / "examples" / "lwip_echo"
ADDRESS, PORT = "192.0.2.77", "7777"
SENT = 50_000
BYTES = int(os.environ.get("PP_LWIP_BYTES", 100_000_000))  # 1000000000: as the README says

pytestmark = pytest.mark.skipif(not ECHO.exists(), reason="built without liblwip-dev")

# Sends a pattern that does not repeat with the segments, and compares every byte that comes back.
STREAM = """
import socket, sys, threading
total, block = int(sys.argv[3]), bytes(i * i % 251 for i in range(251 * 256))
peer = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=30)
def send():
    sent = 0
    while sent < total:
        sent += peer.send(block[sent % len(block):][:total - sent])
    peer.shutdown(socket.SHUT_WR)
sender = threading.Thread(target=send)
sender.start()
got, twice = 0, block + block
while piece := peer.recv(32768):
    at = got % len(block)
    assert piece == twice[at:at + len(piece)], f"byte {got} and on"
    got += len(piece)
sender.join()
assert got == total, got
"""

# Opens connections, a hundred at a time, and asks each something.
MANY = """
import socket, sys
for batch in range(10):
    peers = [socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10) for _ in range(100)]
    for number, peer in enumerate(peers):
        peer.sendall(b"%d of %d" % (number, batch))
    for number, peer in enumerate(peers):
        assert peer.recv(100) == b"%d of %d" % (number, batch)
        peer.shutdown(socket.SHUT_WR)
    for peer in peers:
        assert peer.recv(100) == b""
        peer.close()
"""


class Echo:
    def __init__(self, lab):
        # The kernel leaves checksums of what crosses a veth to a device that there is not.
        lab.run("src", "ethtool", "-K", "gen0", "tx", "off")
        self.log = lab.folder / "echo.log"
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = lab.spawn("rx", ECHO, "pp0", ADDRESS, "255.255.255.0", PORT, output=log)
        labs.wait_for("lwip_echo to listen", lambda: "listening" in self.text()
                      or self.process.poll() is not None)
        assert self.process.poll() is None, self.text()

    def text(self):
        return self.log.read_text(encoding="utf-8")

    def finish(self):
        self.process.terminate()
        assert self.process.wait(timeout=10) == 0, self.text()
        numbers = re.search(r"received (\d+) lost (\d+) sent (\d+) lost (\d+) held (\d+)", self.text())
        received, rx_lost, sent, tx_lost, held = map(int, numbers.groups())
        return {"received": received, "rx_lost": rx_lost, "sent": sent, "tx_lost": tx_lost, "held": held}


@pytest.fixture
def echo():
    with labs.Lab() as lab:
        yield lab, Echo(lab)


def ping(lab, address):
    return lab.run("src", "ping", "-n", "-c", "5", "-i", "0.2", "-W", "2", address).stdout


def test_arp_and_ping_beside_the_kernel(echo):
    lab, host = echo
    assert " 0% packet loss" in ping(lab, ADDRESS)
    assert " 0% packet loss" in ping(lab, "192.0.2.1")
    neighbours = lab.run("src", "ip", "neigh", "show", ADDRESS).stdout
    assert labs.RX_MAC in neighbours, neighbours
    assert host.finish()["held"] == 0


def test_a_long_connection_byte_by_byte(echo):
    lab, host = echo
    stream = lab.spawn("src", "python3", "-c", STREAM, ADDRESS, PORT, BYTES)
    # What is the kernel's stays the kernel's meanwhile.
    while stream.poll() is None:
        assert " 0% packet loss" in ping(lab, "192.0.2.1")
    assert stream.returncode == 0
    assert host.finish()["held"] == 0


def test_a_thousand_connections(echo):
    lab, host = echo
    lab.run("src", "python3", "-c", MANY, ADDRESS, PORT, timeout=100)
    assert host.finish()["held"] == 0


def test_a_thread_sends_while_another_waits(lab):
    """No frame is lost to the program because the other thread was in the channel."""
    lab.run("src", "ethtool", "-K", "gen0", "tx", "off")
    # What is not for lwIP wakes the thread that waits, and is dropped.
    waker = lab.spawn("src", labs.PROGRAM, "gen", "--interface", "gen0", "--dst-mac", labs.RX_MAC,
                      "--for", "60s", "--rate", "30k", "--via", "socket")
    done = lab.run("rx", ECHO.parent / "lwip_send", "pp0", ADDRESS, "255.255.255.0", "192.0.2.2",
                   9, SENT, timeout=60)
    waker.terminate()
    waker.communicate(timeout=10)
    numbers = re.search(r"received (\d+) asked (\d+) sent (\d+) lost (\d+) held (\d+)", done.stdout)
    received, asked, sent, lost, held = map(int, numbers.groups())
    assert received > 1000, done.stdout
    # ARP is sent too.
    assert (asked, lost, held) == (SENT, 0, 0) and sent > SENT, done.stdout
