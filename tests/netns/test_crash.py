# SPDX-License-Identifier: MIT OR Apache-2.0
"""What happens when it dies, when there are two, when it may not."""

import json
import os
import pathlib
import subprocess
import time

import pytest

import lab as labs

DROP_ALL = "drop any"
PROBE = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(0.25)
s.bind(("192.0.2.2", 0))
for _ in range(4):
    s.sendto(b"are you there", ("192.0.2.1", 7777))
    try:
        sys.exit(s.recvfrom(100)[0] != b"are you there")
    except TimeoutError:
        pass
sys.exit("no answer")
"""
ECHO = """
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("192.0.2.1", 7777))
print("ready", flush=True)
while True:
    data, peer = s.recvfrom(100)
    s.sendto(data, peer)
"""


def start_echo(lab):
    echo = lab.spawn("rx", "/usr/bin/python3", "-c", ECHO)
    assert echo.stdout.readline().strip() == "ready"


def stack_answers(lab):
    return lab.run("src", "/usr/bin/python3", "-c", PROBE, check=False).returncode == 0


def programs():
    """Ids of the XDP programs of ours in the kernel."""
    done = subprocess.run(["bpftool", "-j", "prog", "list"], capture_output=True, text=True,
                          check=True, env={**os.environ, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    return {p["id"] for p in json.loads(done.stdout)
            if p["type"] == "xdp" and p.get("name", "").startswith("pp_tap")}


@pytest.mark.parametrize("action", ["drop", "copy then drop", "route to sink", "route to mirror"])
def test_a_killed_program_leaves_a_working_interface(lab, action):
    start_echo(lab)
    before = programs()
    daemon = lab.daemon(f"{action} proto udp dport 9", DROP_ALL)
    assert lab.xdp_program() in programs() - before
    assert not stack_answers(lab)

    source = lab.spawn("src", *lab.gen_command("--for", "20s"))
    labs.wait_for("traffic", lambda: daemon.stats()["total"]["seen"] > 100000)
    daemon.kill()
    killed = time.monotonic()
    labs.wait_for("the program to be detached", lambda: lab.xdp_program() is None, seconds=1)
    source.terminate()
    source.communicate(timeout=10)
    assert stack_answers(lab)
    assert time.monotonic() - killed < 3
    labs.wait_for("the programs to be gone", lambda: not programs() - before, seconds=2)

    # The socket file of the dead one lies there, the queue may be busy for some milliseconds.
    assert pathlib.Path(daemon.socket).exists()
    with labs.Daemon(lab, daemon.settings) as second:
        report = lab.gen("--rate", "100k", count=10000)
        stats = second.settled(seen=10000)
        assert stats["total"]["seen"] == report["sent"] == 10000
        assert second.stop() == 0
    assert lab.xdp_program() is None
    assert not pathlib.Path(daemon.socket).exists()


def test_a_stopped_program_leaves_nothing(lab):
    start_echo(lab)
    before = programs()
    with lab.daemon(DROP_ALL) as daemon:
        assert not stack_answers(lab)
        assert daemon.stop() == 0
    assert lab.xdp_program() is None
    assert stack_answers(lab)
    assert not pathlib.Path(daemon.socket).exists()
    labs.wait_for("the programs to be gone", lambda: not programs() - before, seconds=2)


def second_instance(lab, settings):
    second = labs.Daemon(lab, settings, wait=False)
    status = second.process.wait(timeout=15)
    return status, second.log


def test_a_second_instance_on_the_interface_is_refused_and_the_first_goes_on(lab):
    with lab.daemon("drop proto udp dport 9") as first:
        program = lab.xdp_program()
        other = dict(first.settings, control={"socket": str(lab.folder / "other")})
        status, log = second_instance(lab, other)
        assert status == 1
        assert "pp0" in log and "XDP program" in log
        assert "running" not in log

        assert lab.xdp_program() == program
        lab.gen("--rate", "100k", count=10000)
        assert first.settled(seen=10000)["total"]["dropped"] == 10000
        assert not (lab.folder / "other").exists()


def test_a_second_instance_on_the_control_socket_is_refused_and_the_first_goes_on(lab):
    with lab.daemon("drop proto udp dport 9") as first:
        status, log = second_instance(lab, first.settings)
        assert status == 1
        assert "push-packet: running" not in log
        lab.gen("--rate", "100k", count=10000)
        assert first.settled(seen=10000)["total"]["dropped"] == 10000


@pytest.mark.parametrize("missing", [["net_admin"], ["bpf", "sys_admin"],
                                     ["net_admin", "net_raw", "bpf", "sys_admin"]],
                         ids=lambda names: "+".join(names))
def test_a_start_without_capabilities_names_them(lab, missing):
    minus = ",".join(f"-{name}" for name in missing)
    settings = labs.config(lab, ["drop proto udp dport 9", "route to sink proto udp dport 10"])
    daemon = labs.Daemon(lab, settings, wait=False,
                         prefix=["setpriv", f"--bounding-set={minus}", f"--inh-caps={minus}"])
    assert daemon.process.wait(timeout=15) == 1
    for name in missing:
        # CAP_BPF and CAP_NET_ADMIN are enough: CAP_SYS_ADMIN need not be asked for.
        if name != "sys_admin":
            assert f"cap_{name}" in daemon.log.lower()
    assert lab.xdp_program() is None
    assert not pathlib.Path(daemon.socket).exists()
