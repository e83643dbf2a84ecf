# SPDX-License-Identifier: MIT OR Apache-2.0
"""The configuration read again while packets flow: by SIGHUP and by `push-packet reload`."""

import json
import signal

import pytest

from lab import PROGRAM, Daemon, config, rule, wait_for
from rpc import Client, Refused

TURNS = 20


def rewrite(daemon, settings):
    daemon.path.write_text(json.dumps(settings, indent=1), encoding="utf-8")


def changed_rules(daemon, rules, **rules_section):
    """The daemon's configuration with other rules."""
    section = {**daemon.settings["rules"], "inline": list(rules), **rules_section}
    return {**daemon.settings, "rules": section}


def reload_by_signal(daemon, lines):
    before = len(daemon.log)
    daemon.process.send_signal(signal.SIGHUP)
    wait_for(f"{lines} in the log", lambda: all(line in daemon.log[before:] for line in lines))


def reload_by_command(daemon, lines):
    done = daemon.lab.run("rx", PROGRAM, "reload", "--socket", daemon.socket)
    for line in lines:
        assert line in done.stdout


def state(daemon):
    """Everything a reload could change, without what packets count."""
    client = Client(daemon.socket)
    rules = client.call("rules.list")
    for entry in rules["rules"]:
        del entry["packets"], entry["bytes"]
    sets = client.call("sets.list")
    client.close()
    return rules, sets, daemon.lab.xdp_program()


def reload_while_sending(daemon, reload, kept, *how):
    """Send packets that the rule kept judges while everything around it changes.

    Returns how many were sent, and the statistics once all were seen.
    """
    lab = daemon.lab
    source = lab.spawn("src", *lab.gen_command("--payload", "none", "--dport", 9, "--for", "10m",
                                               *how))
    wait_for("the source", lambda: daemon.stats()["total"]["seen"] > 100)
    for turn in range(TURNS):
        office = "set office { %s }" % " ".join(f"192.0.2.{i}" for i in range(1, 2 + turn))
        others = [f"drop proto tcp dport {i}" for i in range(turn % 7)]
        rewrite(daemon, changed_rules(daemon, [office, *others, kept, "pass src @office"]))
        reload(daemon, ["rules: ", "set office: "])
    source.send_signal(signal.SIGTERM)
    report = json.loads(source.communicate(timeout=120)[0])
    assert report["sent"] > 1000
    assert not report["driver_dropped"]
    return report["sent"], daemon.settled(seen=report["sent"])


WAYS = pytest.mark.parametrize("reload", [reload_by_signal, reload_by_command])


@WAYS
def test_reload_under_load_leaves_no_packet_without_its_rule(lab, reload):
    kept = "drop proto udp dport 9 name kept"
    with lab.daemon(kept) as daemon:
        program = lab.xdp_program()
        sent, stats = reload_while_sending(daemon, reload, kept, "--via", "live", "--rate", "400k")
        assert stats["total"]["seen"] == stats["total"]["dropped"] == sent
        assert rule(stats, "kept")["packets"] == sent, "its counters did not go on"
        assert rule(stats, "kept")["id"] == 1
        assert stats["apply"]["count"] == 1 + TURNS
        # One program for the first set, and never again.
        assert stats["apply"]["loads"] <= 1
        assert (lab.xdp_program() == program) == (stats["apply"]["loads"] == 0)


@WAYS
def test_socket_loses_no_packet_to_a_reload(lab, reload):
    """The rate leaves a worker that must wait for its CPU more than a second."""
    kept = "route to sink proto udp dport 9 name kept"
    rings = {ring: 16384 for ring in ("rx", "tx", "fill", "completion")}
    with lab.daemon(kept, rings=rings) as daemon:
        dropped = lab.device("rx", "pp0")["rx"]["dropped"]
        sent, stats = reload_while_sending(daemon, reload, kept, "--rate", "8k")
        assert stats["total"]["seen"] == stats["total"]["sink"] == sent
        assert rule(stats, "kept")["packets"] == sent
        assert lab.device("rx", "pp0")["rx"]["dropped"] == dropped


def test_what_changed_is_said(lab):
    with lab.daemon("drop proto udp dport 9", "drop proto udp dport 10") as daemon:
        client = Client(daemon.socket)
        rewrite(daemon, changed_rules(daemon, ["set office { 192.0.2.0/24 }", "protect @office",
                                               "pass src @office", "drop proto udp dport 10"],
                                      default="pass"))
        answer = client.call("reload")
        assert answer["changed"] == ["rules: 1 added, 1 deleted, 1 kept",
                                     "set office: new, 1 entries", "set office: now protected"]
        again = client.call("reload")
        assert again == {"changed": [], "generation": answer["generation"]}


def test_rule_by_command_stays(lab):
    with lab.daemon("drop proto udp dport 9") as daemon:
        client = Client(daemon.socket)
        added = client.call("rules.add", rule="drop proto udp dport 10")["id"]
        client.call("sets.add", name="mine", entries=["192.0.2.1"])
        rewrite(daemon, changed_rules(daemon, ["pass proto udp dport 11"]))
        reload_by_command(daemon, ["rules: 1 added, 1 deleted, 0 kept"])
        rules = client.call("rules.list")["rules"]
        assert [(entry["text"], entry["origin"]) for entry in rules] == [
            ("pass proto udp dport 11", "config"), ("drop proto udp dport 10", "command")]
        assert rules[1]["id"] == added
        assert [entry["name"] for entry in client.call("sets.list")["sets"]] == ["mine"]


@pytest.mark.parametrize("section, value, needle", [
    ("rules", {"inline": ["pass any", "drop proto foo"]}, "protocol"),
    ("rules", {"inline": ["pass any", "drop on nosuch0"]}, "nosuch0"),
    ("rules", {"inline": ["pass any", "drop src @nosuch"]}, "nosuch"),
    ("rules", {"files": ["nosuch.rules"]}, "nosuch.rules"),
    ("rules", {"inline": ["set a { 192.0.2.1 }", "protect @a", "drop proto udp"]}, "protected"),
    ("interfaces", [{"name": "pp0", "mode": "skb"}], "restart"),
    ("control", {"socket": "/tmp/elsewhere"}, "restart"),
    ("nosuch", {}, "unknown key"),
])
def test_error_anywhere_leaves_everything_and_says_where(lab, section, value, needle):
    with lab.daemon("set a { 192.0.2.1 }", "drop src @a", "pass proto tcp") as daemon:
        before = state(daemon)
        settings = json.loads(json.dumps(daemon.settings))
        if isinstance(value, dict) and section in settings:
            settings[section].update(value)
        else:
            settings[section] = value
        # Half of the change is good: it must not come through either.
        settings["rules"]["default"] = "drop"
        rewrite(daemon, settings)
        client = Client(daemon.socket)
        with pytest.raises(Refused) as refused:
            client.call("reload")
        assert needle in str(refused.value)
        assert f"{daemon.path}:" in str(refused.value)
        done = lab.run("rx", PROGRAM, "reload", "--socket", daemon.socket, check=False)
        assert done.returncode == 1
        assert needle in done.stderr
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_log(needle)
        assert state(daemon) == before


def test_file_that_is_gone_leaves_everything(lab):
    with lab.daemon("drop proto udp dport 9") as daemon:
        before = state(daemon)
        daemon.path.unlink()
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_log("No such file")
        assert state(daemon) == before


def test_rule_file_and_file_of_a_set_are_read_again(lab):
    (lab.folder / "x.rules").write_text("set many file many.list\ndrop src @many name many\n")
    (lab.folder / "many.list").write_text("192.0.2.1\n")
    settings = config(lab, [])
    settings["rules"]["files"] = ["x.rules"]
    with Daemon(lab, settings) as daemon:
        lab.gen("--src", "192.0.2.1", "--rate", "100k", count=100)
        lab.gen("--src", "192.0.2.9", "--rate", "100k", count=100)
        assert rule(daemon.settled(seen=200), "many")["packets"] == 100
        (lab.folder / "many.list").write_text("192.0.2.0/28\n")
        reload_by_signal(daemon, ["set many: 1 entries added, 1 deleted"])
        lab.gen("--src", "192.0.2.9", "--rate", "100k", count=100)
        assert rule(daemon.settled(seen=300), "many")["packets"] == 200


def test_interface_that_is_gone_for_a_moment_does_not_keep_old_rules(lab):
    with lab.daemon("drop proto udp dport 9") as daemon:
        lab.run("rx", "ip", "link", "delete", "pp0")
        rewrite(daemon, changed_rules(daemon, ["drop proto udp dport 10"]))
        reload_by_command(daemon, ["rules: 1 added, 1 deleted, 0 kept"])
