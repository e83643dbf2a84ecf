# SPDX-License-Identifier: MIT OR Apache-2.0
"""What `check` and `run` say about a configuration, and that nothing is attached when it is bad."""

import os
import pathlib
import re
import subprocess

import pytest

from lab import PROGRAM, Daemon, config

SESSION = "192.0.2.9 50000 192.0.2.1 22"


def write(lab, text):
    path = lab.folder / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def refuse(lab, text, line, column, *needles):
    """check and run refuse text with an error at line:column, and leave pp0 alone."""
    path = write(lab, text)
    for command in ("check", "run"):
        done = lab.run("rx", PROGRAM, command, "-c", path, check=False, timeout=20)
        assert done.returncode == 1, done.stderr + done.stdout
        assert done.stdout == ""
        assert f"{path}:{line}:{column}: error: " in done.stderr, done.stderr
        for needle in needles:
            assert needle in done.stderr
    assert lab.xdp_program() is None




CONTROL = "control: {{socket: {folder}/ctl}}\n"


@pytest.mark.parametrize("text, line, column, needle", [
    ("interfaces: [{name: pp0, mod: skb}]", 1, 26, "did you mean 'mode'?"),
    ("interfaces: [{name: pp0}]\nengine: auto\nengine: auto\n", 3, 1, "duplicate key"),
    ("interfaces: {name: pp0}", 1, 13, "expected a list"),
    ("interfaces:\n  - name: nosuch0\n", 2, 11, "nosuch0"),
    ("interfaces: [{name: pp0}, {name: nosuch0}]", 1, 34, "nosuch0"),
    ("interfaces: [{name: pp0, queues: [0, 7]}]", 1, 38, "queue 7"),
    ("interfaces: [{name: pp0}]\nworkers: {cpus: [0, 1023]}", 2, 21, "CPU 1023"),
    ("interfaces: [{name: pp0}]\n"
     "consumers: [{name: c, kind: count, threads: 1, cpu: 1023}]", 2, 53, "CPU 1023"),
    ("interfaces: [{name: pp0}]\numem: {frames: 100}", 2, 16, "100 frames are too few"),
    ("interfaces: [{name: pp0}]\nrules:\n  inline:\n    - drop on nosuch0\n", 4, 7, "nosuch0"),
    ("interfaces: [{name: pp0}]\nrules:\n  inline:\n    - copy to nobody any\n", 4, 7, "nobody"),
    ("interfaces: [{name: pp0}]\nrules:\n  inline:\n    - drop dport 5-4\n", 4, 18, "reversed"),
    ("interfaces: [{name: pp0}]\nrules: {inline: [drop src @bad]}", 2, 18, "bad"),
    ("interfaces: [{name: pp0}]\nrules: {inline: ['set a {192.0.2.1}', protect @a, drop any]}",
     2, 51, "protected set @a"),
    ("interfaces: [{name: pp0}]\nrules:\n  inline:\n    - |\n      set a {\n        192.0.2.1/24\n"
     "      }\n", 6, 9, "beyond its prefix"),
    ("interfaces: [{name: pp0}]\nrules: {files: [none.rules]}", 2, 17, "No such file"),
    ("", 1, 1, "empty"),
])
def test_bad_configuration_is_refused_at_its_place(lab, text, line, column, needle):
    refuse(lab, text, line, column, needle)


def test_too_small_umem_says_the_number_that_would_do(lab):
    text = "interfaces: [{name: pp0}]\numem: {frames: %d}\n" + CONTROL.format(folder=lab.folder)
    done = lab.run("rx", PROGRAM, "check", "-c", write(lab, text % 100), check=False)
    needed = int(re.search(r"need (\d+)", done.stderr)[1])
    lab.run("rx", PROGRAM, "check", "-c", write(lab, text % needed))
    refuse(lab, text % (needed - 1), 2, 16, "too few")


def test_native_mode_on_a_tun_names_the_way_out(tun):
    refuse(tun, "interfaces:\n  - name: pp0\n    mode: native\n", 3, 11, "mode: skb")
    refuse(tun, "interfaces:\n  - name: pp0\n", 2, 5, "mode: skb")


@pytest.mark.parametrize("text, column, what", [
    ("  - {name: lo}\n", 5, "interface lo says that it has no native XDP; mode: skb works"),
    ("  - {name: lo, mode: skb}\n", 0, ""),
    ("  - {name: lo, mode: auto}\n", 0, ""),
    ("  - {name: pp0}\n", 0, ""),
    ("  - {name: pp0, bind: zerocopy}\n", 23,
     "interface pp0 says that it has no zero-copy AF_XDP; bind: auto or copy works"),
    ("  - {name: nosuch, bind: zerocopy}\n", 0, ""),
])
def test_check_warns_where_the_driver_cannot(lab, text, column, what):
    """Drivers say so from Linux 6.3 on."""
    path = write(lab, "interfaces:\n" + text)
    done = lab.run("rx", PROGRAM, "check", "-c", path, check=False)
    if "nosuch" in text:
        assert "driver" not in done.stderr
    elif not column:
        assert (done.returncode, done.stderr) == (0, "")
    elif tuple(map(int, os.uname().release.split(".")[:2])) >= (6, 3):
        assert done.returncode == 0
        assert done.stderr == f"{path}:2:{column}: warning: the driver of {what}\n"


def test_several_errors_are_reported_in_one_go(lab):
    path = write(lab, "interfaces: [{name: pp0, mode: x}]\nrings: {rx: 3}\ncolour: red\n")
    done = lab.run("rx", PROGRAM, "check", "-c", path, check=False)
    assert done.stderr.count(": error: ") == 3


def test_error_in_a_rule_file_names_that_file(lab):
    rules = lab.folder / "bad.rules"
    rules.write_text("drop any\npass proto nosuch\n", encoding="utf-8")
    path = write(lab, "interfaces: [{name: pp0}]\nrules: {files: [bad.rules]}\n")
    done = lab.run("rx", PROGRAM, "run", "-c", path, check=False)
    assert done.returncode == 1
    assert f"{rules}:2:12: error: " in done.stderr
    assert lab.xdp_program() is None


@pytest.mark.parametrize("path, needle", [
    ("/nonexistent.yaml", "No such file"),
    ("/tmp", "directory"),
    (PROGRAM, "not a text file"),
])
def test_file_that_is_no_configuration_is_refused(lab, path, needle):
    for command in ("check", "run"):
        done = lab.run("rx", PROGRAM, command, "-c", path, check=False)
        assert done.returncode == 1
        assert needle in done.stderr
        assert str(path) in done.stderr


def test_junk_is_refused_and_never_crashes(lab):
    for junk in (b"\xff\xfe\x00\x01", b"[" * 10000, b"a: &a [*a, *a]", b"%YAML 9\n---\n", b"- - -",
                 b"{" * 50 + b"}" * 50, b"interfaces: !!int x", b"\t", b"? ", b"'", b"|\n", b"*x"):
        path = lab.folder / "junk.yaml"
        path.write_bytes(junk)
        done = lab.run("rx", PROGRAM, "check", "-c", path, check=False)
        assert done.returncode == 1, (junk, done)
        assert "error: " in done.stderr


def test_good_configuration_is_ok_and_nothing_is_attached(lab):
    path = write(lab, "interfaces: [{name: pp0}]\nrules: {inline: [drop proto udp]}\n")
    done = lab.run("rx", PROGRAM, "check", "-c", path)
    assert done.stdout.startswith(f"{path}: ok: 1 interfaces, 1 rules, ")
    assert lab.xdp_program() is None


def test_rule_against_a_protected_set_is_a_warning_where_configured(lab):
    path = write(lab, "interfaces: [{name: pp0}]\nrules:\n  protect: report\n  inline:\n"
                 "    - set a { 192.0.2.1 }\n    - protect @a\n    - drop proto udp\n")
    done = lab.run("rx", PROGRAM, "check", "-c", path)
    assert f"{path}:7:7: warning: " in done.stderr
    assert "protected set @a" in done.stderr
    assert "1 rules, 1 sets (1 protected)" in done.stdout


def test_rules_that_lock_out_are_warned_of(lab):
    path = write(lab, "interfaces: [{name: pp0}]\nrules: {inline: [drop any]}\n")
    done = subprocess.run(lab.command("rx", "env", f"SSH_CONNECTION={SESSION}", PROGRAM, "check",
                                      "-c", path), capture_output=True, text=True, check=True)
    assert f"{path}:2:18: warning: this rule drops ARP on pp0" in done.stderr
    assert "neighbour discovery" in done.stderr
    assert "ssh session" in done.stderr
    assert "3 warnings" in done.stdout


def test_raw_ip_interface_has_no_arp_to_lose(tun):
    path = write(tun, "interfaces: [{name: pp0, mode: skb}]\nrules: {inline: [drop any]}\n")
    done = tun.run("rx", "env", "-u", "SSH_CONNECTION", PROGRAM, "check", "-c", path)
    assert "ARP" not in done.stderr
    assert "neighbour" not in done.stderr


def test_session_of_a_parent_process_is_found(lab):
    path = write(lab, "interfaces: [{name: pp0}]\nrules: {inline: [drop family ip4]}\n")
    script = f"env -u SSH_CONNECTION -u SSH_CLIENT {PROGRAM} check -c {path}; :"
    done = subprocess.run(lab.command("rx", "env", f"SSH_CONNECTION={SESSION}", "sh", "-c", script),
                          capture_output=True, text=True, check=True)
    assert "ssh session" in done.stderr


def test_usage_errors_have_a_status_of_their_own(lab):
    for argv in ([], ["nosuch"], ["run"], ["check"], ["run", "--nosuch"], ["run", "-c"],
                 ["run", "-c", "x", "--for", "60"], ["run", "-c", "x", "y"], ["stats", "x"],
                 ["stats", "--watch", "0"], ["stats", "-n", "x"], ["stats", "-s", "a", "-c", "b"]):
        done = lab.run("rx", PROGRAM, *argv, check=False)
        assert done.returncode == 2, (argv, done)
        assert "--help" in done.stderr
        assert done.stdout == ""


def test_help_and_version_are_there(lab):
    assert re.fullmatch(r"push-packet \d+\.\d+\.\d+\n", lab.run("rx", PROGRAM, "--version").stdout)
    commands = lab.run("rx", PROGRAM, "--help").stdout
    for command in ("run", "check", "stats", "gen"):
        assert command in commands
        assert "usage: push-packet " + command in lab.run("rx", PROGRAM, command,
                                                              "--help").stdout


def test_stats_without_a_daemon_says_what_to_look_at(lab):
    done = lab.run("rx", PROGRAM, "stats", "-s", lab.folder / "none", check=False)
    assert done.returncode == 1
    assert "is it running" in done.stderr


def test_second_daemon_on_the_same_socket_attaches_nothing(make_lab):
    lab = make_lab()
    with lab.daemon("drop proto udp") as first:
        program = lab.xdp_program()
        second = Daemon(lab, first.settings, wait=False)
        assert second.process.wait(timeout=20) == 1
        assert "another push-packet answers on" in second.log
        assert lab.xdp_program() == program
        assert first.stats()["version"]


def test_socket_is_removed_at_the_end_and_taken_over_after_a_kill(lab):
    first = lab.daemon("drop proto udp")
    socket = pathlib.Path(first.socket)
    assert socket.is_socket()
    assert socket.stat().st_mode & 0o777 == 0o600
    first.kill()
    assert socket.is_socket()
    second = lab.daemon("drop proto udp")
    assert second.stats()["rules"][0]["text"] == "drop proto udp"
    assert second.stop() == 0
    assert not socket.exists()
    assert list(lab.folder.glob("ctl*")) == []


def test_mode_of_the_socket_is_as_configured(lab):
    settings = config(lab, [], control={"mode": "0660", "group": str(os.getgid())})
    with Daemon(lab, settings) as daemon:
        assert pathlib.Path(daemon.socket).stat().st_mode & 0o777 == 0o660


def test_run_ends_after_its_time_with_the_ledger(lab):
    daemon = Daemon(lab, config(lab, ["drop proto udp"]), "--for", "500ms")
    assert daemon.process.wait(timeout=20) == 0
    assert "interface pp0: Ethernet, native XDP" in daemon.log
    assert "ledger balances" in daemon.log
    assert lab.xdp_program() is None


def test_skb_mode_is_said_loudly(lab):
    with Daemon(lab, config(lab, [], mode="skb")) as daemon:
        assert "SKB (GENERIC) MODE" in daemon.log


def test_stats_table_names_the_rules_and_the_balance(lab):
    with lab.daemon("drop proto udp name nodns") as daemon:
        table = lab.run("rx", PROGRAM, "stats", "-c", daemon.path).stdout
        assert "drop proto udp name nodns" in table
        assert "kernel verdicts" in table
        assert "ledger balances" in table
