# SPDX-License-Identifier: MIT OR Apache-2.0
"""`push-packet top` on a terminal: what keys do to the screen and to the daemon's rules."""

import fcntl
import json
import os
import pathlib
import pty
import select
import shlex
import shutil
import signal
import struct
import subprocess
import termios
import time

import pyte
import pytest

import lab as labs

HISTOGRAM = [{"name": "hist", "kind": "histogram", "threads": 1}]
FLOWS = [{"name": "talks", "kind": "flows", "threads": 1}]


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, lab, *argv, lines=24, cols=80):
        self.screen = pyte.Screen(cols, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.master, slave = pty.openpty()
        self.size(lines, cols)
        self.modes = termios.tcgetattr(slave)
        self.slave = slave
        self.process = subprocess.Popen(lab.command("rx", *argv), stdin=slave, stdout=slave,
                                        stderr=slave, start_new_session=True,
                                        env={**os.environ, "TERM": "xterm-256color"})
        lab.processes.append(self.process)

    def size(self, lines, cols):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, cols, 0, 0))

    def resize(self, lines, cols):
        self.screen.resize(lines, cols)
        self.size(lines, cols)
        self.process.send_signal(signal.SIGWINCH)

    def read(self, seconds=0.05):
        end = time.monotonic() + seconds
        while select.select([self.master], [], [], max(0, end - time.monotonic()))[0]:
            self.stream.feed(os.read(self.master, 65536))

    @property
    def text(self):
        self.read()
        return "\n".join(line.rstrip() for line in self.screen.display)

    def press(self, keys):
        os.write(self.master, keys.encode())

    def wait(self, what, seconds=10):
        try:
            return labs.wait_for(what, lambda: what in self.text, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen:\n{self.text}") from None

    def end(self, seconds=10):
        end = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < end:
            self.read()
        return self.process.poll()


class Place:
    def __init__(self, lab, *rules, **options):
        self.lab = lab
        self.daemon = lab.daemon(*rules, **{"consumers": HISTOGRAM, **options})

    def top(self, *argv, **size):
        return Terminal(self.lab, labs.PROGRAM, "top", "-s", self.daemon.socket, *argv, **size)

    def rules(self):
        done = self.lab.run("rx", labs.PROGRAM, "rule", "list", "-s", self.daemon.socket)
        return [line for line in done.stdout.splitlines() if "name top-" in line]

    def wait_rules(self, condition, what):
        return labs.wait_for(what, lambda: condition(self.rules()))

    def send(self, *argv, count=2000, rate=20_000):
        return self.lab.gen("--dport", 7, "--rate", rate, *argv, count=count)


@pytest.fixture
def place(lab):
    made = Place(lab)
    yield made
    made.daemon.stop()


def test_switches_change_the_rules_of_the_daemon(place):
    top = place.top()
    top.wait("nothing in the window")
    assert place.rules() == []
    top.press("u")
    place.wait_rules(lambda rules: len(rules) == 2, "two rules for udp")
    assert any("copy take 96 to hist family ip4 proto udp prio 1000000" in r for r in place.rules())
    assert any("family ip6 proto udp" in rule for rule in place.rules())
    top.press("6")
    place.wait_rules(lambda rules: len(rules) == 1, "one rule for udp")
    top.press("ti")
    place.wait_rules(lambda rules: len(rules) == 3, "rules for tcp, udp, icmp")
    top.press("+")
    place.wait_rules(lambda rules: all("take 192 " in r for r in rules), "twice the bytes")
    top.press("--")
    place.wait_rules(lambda rules: all("take 96 " in r for r in rules) and rules, "as before")
    top.press("t4")
    place.wait_rules(lambda rules: rules == [], "no family, no rules")
    top.press("46")
    place.wait_rules(lambda rules: len(rules) == 4, "udp and icmp of both families")
    top.press("q")
    assert top.end() == 0
    assert place.rules() == []


def test_sources_are_shown_with_rate_and_share(place):
    top = place.top("--copy", "udp", "--window", "8s", "--nickname", "192.0.2.17=printer")
    place.wait_rules(lambda rules: len(rules) == 2, "rules")
    place.send("--src", "192.0.2.16/30", "--flows", 4, "--size", 500)
    top.wait("25.0%")  # the last frame may have been drawn amid the traffic
    text = top.text
    assert "192.0.2.16" in text and "printer" in text and "192.0.2.17 " not in text
    lines = text.splitlines()
    assert len(lines) == 24 and max(map(len, lines)) <= 80
    assert "packets/s" in lines[0] and "+udp" in lines[1]
    top.press("m")
    top.wait("192.0.x.x")
    assert "192.0.2.16" not in top.text and "masked" in top.text
    top.press("mn")
    top.wait("192.0.2.17")
    assert "printer" not in top.text
    top.press("q")
    assert top.end() == 0


def test_each_pane_shows_what_its_name_says(place):
    top = place.top("--copy", "udp")
    place.wait_rules(lambda rules: len(rules) == 2, "rules")
    place.send()
    top.press("2")
    top.wait("copy take 96 to hist")
    top.press("3")
    top.wait("where packets went")
    top.wait("seen ")
    top.press("\t")
    top.wait("the newest first")
    assert "2 rules of top in force" in top.text
    top.press("h")
    top.wait("sort by the next column")
    top.press("1")
    top.wait("sizes")
    top.press("g")
    top.wait("destination")
    top.press("g")
    top.wait("udp/7")
    top.press("gg")
    top.wait("[sources]")
    for sort in ["rate", "packets", "bytes", "new", "key", "bits"]:
        top.press("s")
        top.wait(f"sort {sort} ")
    top.press("R")
    top.wait("sort bits up")
    top.press("F")
    top.wait("3/s")
    top.press("f")
    top.wait("2/s")
    top.press("x")
    top.wait("no such key")
    top.press("q")
    assert top.end() == 0


def test_rows_go_grey_then_go_and_reset_forgets_them(place):
    top = place.top("--copy", "udp", "--window", "1s", "--stale", "4s", "--fps", "5")
    place.wait_rules(lambda rules: len(rules) == 2, "rules")
    place.send("--src", "192.0.2.16/32", count=200)
    top.wait("192.0.2.16")

    def row():
        return next((line for line in top.text.splitlines() if "192.0.2.16" in line), None)

    labs.wait_for("the row to go quiet", lambda: row() and row().split()[3] == "0")
    labs.wait_for("the row to go", lambda: row() is None)
    place.send("--src", "192.0.2.16/32", count=200)
    top.wait("192.0.2.16")
    top.press("r")
    labs.wait_for("the reset", lambda: row() is None, seconds=0.9)
    top.press("q")
    assert top.end() == 0


def test_it_resizes_and_gives_the_terminal_back(place):
    top = place.top("--copy", "udp", "--window", "8s")
    place.wait_rules(lambda rules: len(rules) == 2, "rules")
    place.send("--src", "192.0.2.0/24", "--flows", 100)
    labs.wait_for("rows",
                  lambda: sum(" 1.0%" in line for line in top.text.splitlines()) == 20)
    top.resize(60, 200)
    labs.wait_for("a larger screen",
                  lambda: sum(" 1.0%" in line for line in top.text.splitlines()) == 56)
    first = top.text.splitlines()[3]
    top.press("j")
    labs.wait_for("the list to scroll", lambda: top.text.splitlines()[3] != first)
    top.press("q")
    assert top.end() == 0
    assert termios.tcgetattr(top.slave) == top.modes
    assert place.rules() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_order(place, number):
    top = place.top("--copy", "tcp")
    place.wait_rules(lambda rules: len(rules) == 2, "rules")
    top.process.send_signal(number)
    assert top.end() == 0
    assert place.rules() == []
    assert termios.tcgetattr(top.slave) == top.modes


def test_killed_it_leaves_rules_that_expire(place):
    top = place.top("--copy", "tcp", "--ttl", "2s")
    place.wait_rules(lambda rules: len(rules) == 2, "rules")
    time.sleep(3)
    assert len(place.rules()) == 2, "they are made anew as long as it lives"
    top.process.kill()
    place.wait_rules(lambda rules: rules == [], "the rules to expire")


def test_rules_of_top_do_what_the_default_action_does(lab):
    place = Place(lab, default="drop")
    top = place.top("--copy", "udp")
    place.wait_rules(lambda rules: len(rules) == 2, "rules")
    assert all("then drop" in rule for rule in place.rules())
    top.press("q")
    assert top.end() == 0
    place.daemon.stop()


def test_once_is_for_programs(place):
    argv = [labs.PROGRAM, "top", "-s", place.daemon.socket, "--once"]
    place.lab.run("rx", labs.PROGRAM, "rule", "add", "copy to hist proto udp", "-s",
                  place.daemon.socket)
    place.send("--src", "192.0.2.16/30", "--flows", 4)
    said = json.loads(place.lab.run("rx", *argv, "--json", "--window", "8s").stdout)
    assert said["total"]["pkts"] == 2000
    assert {row["key"]: row["pkts"] for row in said["rows"]} == {
        f"192.0.2.{n}": 500 for n in range(16, 20)}
    assert said["ledger"]["seen"] == 2000
    assert "192.0.2.16" in place.lab.run("rx", *argv, "--window", "8s").stdout
    assert "\x1b" not in place.lab.run("rx", *argv).stdout


def test_flows_are_shown_in_the_order_asked_for(lab):
    place = Place(lab, "copy to talks proto udp", consumers=FLOWS)
    for port, size, count in [(5001, 1000, 50), (5002, 100, 200)]:
        place.send("--src", "192.0.2.16/32", "--dst", "198.51.100.7/32", "--sport", 4000,
                   "--dport", port, "--size", size, count=count)
    place.daemon.settled(250)
    top = place.top("--sort", "bytes", "--nickname", "198.51.100.7=printer")
    large, small = "udp 192.0.2.16:4000 printer:5001", "udp 192.0.2.16:4000 printer:5002"

    def order(first, second):
        lines = [line for line in top.text.splitlines() if "printer" in line]
        return len(lines) == 2 and lines[0].startswith(first) and lines[1].startswith(second)

    labs.wait_for("the one of most bytes first", lambda: order(large, small))
    assert " 2 flows " in top.text.splitlines()[0] and "[flows]" in top.text
    top.press("R")
    labs.wait_for("the other way round", lambda: order(small, large))
    top.press("Rs")
    top.wait("sort new")
    labs.wait_for("the newest first", lambda: order(small, large))
    top.press("m")
    top.wait("udp 192.0.x.x:4000 printer:5001")
    top.press("a")
    top.wait("no other analyser")
    top.resize(60, 200)
    top.wait(" back ")
    top.press("q")
    assert top.end() == 0
    place.daemon.stop()


def test_once_lists_flows_for_programs(lab):
    place = Place(lab, "copy to talks proto udp", consumers=[*HISTOGRAM, *FLOWS])
    argv = [labs.PROGRAM, "top", "-s", place.daemon.socket, "--once"]
    place.send("--src", "192.0.2.16/30", "--flows", 4, "--sport", 4000, "--size", 200, count=400)
    place.daemon.settled(400)
    said = json.loads(lab.run("rx", *argv, "--json", "--by", "flow").stdout)
    assert said["analyser"] == "talks" and said["by"] == "flow" and said["found"] == 4
    assert said["total"]["pkts"] == 400
    assert {row["src"] for row in said["rows"]} == {f"192.0.2.{n}" for n in range(16, 20)}
    for row in said["rows"]:
        assert row["key"].startswith(f"udp {row['src']}:{row['sport']} ") and row["dport"] == 7
        assert row["forth"] == {"pkts": 100, "bytes": 20000, "tcp_flags": 0}
        assert row["back"]["pkts"] == 0 and row["first_ns"] <= row["last_ns"]
    assert " 4 flows " in lab.run("rx", *argv, "--by", "flow").stdout
    said = json.loads(lab.run("rx", *argv, "--json").stdout)
    assert said["analyser"] == "hist" and said["by"] == "source"
    place.daemon.stop()


def test_rules_follow_to_the_analyser_that_is_looked_at(lab):
    place = Place(lab, consumers=[*FLOWS, *HISTOGRAM])
    top = place.top("--copy", "udp")
    place.wait_rules(lambda rules: len(rules) == 2 and all(" to hist " in r for r in rules),
                     "rules for the histogram")
    top.press("a")
    place.wait_rules(lambda rules: len(rules) == 2 and all(" to talks " in r for r in rules),
                     "rules for the flows")
    place.send("--src", "192.0.2.16/32", count=100)
    top.wait("udp 192.0.2.16:")
    top.press("a")
    place.wait_rules(lambda rules: len(rules) == 2 and all(" to hist " in r for r in rules),
                     "rules for the histogram again")
    top.press("q")
    assert top.end() == 0
    assert place.rules() == []
    place.daemon.stop()


def test_what_an_analyser_does_not_list_by_is_passed_over(lab):
    place = Place(lab, "copy proto udp",
                  consumers=[{**HISTOGRAM[0], "by": ["port", "rule"]}])
    top = place.top("--window", "8s")
    place.send(count=100)
    top.wait("udp/7")
    top.press("5")
    top.wait("hist by source: the daemon refused: this histogram does not count by")
    top.press("1g")
    top.wait("rule  ")
    top.press("g")
    top.wait("udp/7")
    top.press("q")
    assert top.end() == 0
    argv = [labs.PROGRAM, "top", "-s", place.daemon.socket, "--once"]
    done = lab.run("rx", *argv, "--by", "source", check=False)
    assert done.returncode == 1 and "does not count by that" in done.stderr
    done = lab.run("rx", *argv, "--by", "flow", check=False)
    assert done.returncode == 1 and "no analyser lists by flow" in done.stderr
    done = lab.run("rx", *argv, "--analyser", "talks", check=False)
    assert done.returncode == 1 and "there are: hist (histogram)" in done.stderr
    place.daemon.stop()


def test_without_a_daemon_it_shows_flows(lab):
    top = Terminal(lab, labs.PROGRAM, "top", "--interface", "pp0", "--by", "flow")
    top.wait("nothing in the window", 20)
    lab.gen("--proto", "tcp", "--dport", 7, "--src", "192.0.2.16/32", "--rate", 1000, count=500)
    top.wait("tcp 192.0.2.16:")
    row = next(line for line in top.text.splitlines() if "192.0.2.16" in line)
    assert row.split()[-1] == "."
    top.press("q")
    assert top.end() == 0
    assert lab.xdp_program() is None


def test_without_a_daemon_it_looks_at_an_interface(lab):
    top = Terminal(lab, labs.PROGRAM, "top", "--interface", "pp0", "--window", "8s")
    top.wait("nothing in the window", 20)
    lab.gen("--dport", 7, "--src", "192.0.2.16/32", "--rate", 1000, count=500)
    top.wait("192.0.2.16")
    top.press("q")
    assert top.end() == 0
    assert lab.xdp_program() is None
    top = Terminal(lab, labs.PROGRAM, "top", "--interface", "pp0")
    top.wait("nothing in the window", 20)
    top.process.kill()
    labs.wait_for("the program to go", lambda: lab.xdp_program() is None)


def test_in_tmux_at_both_sizes(place, tmp_path):
    if not shutil.which("tmux"):
        pytest.skip("tmux is not installed")

    def tmux(*argv):
        return subprocess.run(["tmux", "-S", tmp_path / "tmux", "-f", "/dev/null", *argv],
                              capture_output=True, text=True, check=True, timeout=20).stdout

    def screen():
        return tmux("capture-pane", "-p")

    command = place.lab.command("rx", labs.PROGRAM, "top", "-s", place.daemon.socket, "--window",
                                "8s")
    tmux("new-session", "-d", "-x", "80", "-y", "24", shlex.join(command) + "; sleep 20")
    try:
        # The status line of tmux takes one.
        tmux("set", "-g", "status", "off")
        labs.wait_for("top", lambda: "nothing in the window" in screen())
        tmux("send-keys", "u")
        place.wait_rules(lambda rules: len(rules) == 2, "rules")
        place.send("--src", "192.0.2.0/24", "--flows", 100)
        labs.wait_for("rows", lambda: screen().count(" 1.0%") == 20)
        assert len(screen().splitlines()) == 24
        tmux("resize-window", "-x", "200", "-y", "60")
        labs.wait_for("more rows", lambda: screen().count(" 1.0%") == 56)
        tmux("send-keys", "q")
        place.wait_rules(lambda rules: rules == [], "the rules to go")
        labs.wait_for("the screen as it was", lambda: screen().strip() == "")
    finally:
        tmux("kill-server")


def test_a_hundred_thousand_sources_do_not_slow_it_below_its_frame_rate(lab):
    hist = [{**HISTOGRAM[0], "entries": 262144, "window": "60s"}]
    daemon = lab.daemon("copy take 64 to hist then drop proto udp", consumers=hist)
    lab.gen("--dport", 7, "--src", "10.0.0.0/8", "--flows", 100_000, "--rate", 50_000,
            count=200_000)
    top = Terminal(lab, labs.PROGRAM, "top", "-s", daemon.socket, "--window", "60s", "--fps", 2)
    top.wait(" sources  window")
    found = int(top.text.split(" sources")[0].split()[-1])
    assert found > 90_000, "those that were copied"
    # Each frame redraws the window's length, which grows: count the screens that differ.
    seen, begin = set(), time.monotonic()
    while time.monotonic() - begin < 5:
        seen.add(top.text.splitlines()[0])
    assert len(seen) >= 9, seen
    top.press("q")
    assert top.end() == 0
    daemon.stop()


def test_a_terminal_that_was_stopped_holds_up_nobody_else(lab):
    place = Place(lab, "drop proto udp dport 9")
    top = place.top("--copy", "tcp", "--ttl", "2s", "--fps", "30")
    top.wait("nothing in the window")
    place.wait_rules(lambda rules: len(rules) == 2, "rules")
    top.press("\x13")  # Ctrl-S
    call = pathlib.Path(f"/proc/{top.process.pid}/syscall")

    def hangs():
        return call.read_text(encoding="ascii").split()[:2] == ["1", "0x1"]

    labs.wait_for("top to hang in write(1)", hangs)
    place.wait_rules(lambda rules: rules == [], "rules that nobody renews to go")
    lab.gen("--dport", 9, "--rate", 50_000, count=20_000)
    assert place.daemon.settled(20_000)["total"]["dropped"] == 20_000
    assert hangs(), "it asks for nothing that it cannot show"
    top.press("\x11")  # Ctrl-Q
    place.wait_rules(lambda rules: len(rules) == 2, "the rules again")
    top.press("q")
    assert top.end() == 0
    assert place.rules() == []
    place.daemon.stop()


def test_keys_are_answered_where_the_frame_rate_is_not_reached(lab):
    hist = [{**HISTOGRAM[0], "entries": 262144, "window": "60s"}]
    daemon = lab.daemon("copy take 64 to hist then drop proto udp", consumers=hist)
    lab.gen("--dport", 7, "--src", "10.0.0.0/8", "--flows", 100_000, "--rate", 50_000,
            count=100_000)
    top = Terminal(lab, labs.PROGRAM, "top", "-s", daemon.socket, "--window", "60s", "--fps", 60)
    top.wait("/s  [sources]")
    for key, shows in [("2", "[rules]"), ("3", "[ledger]"), ("1", "[sources]"), ("m", ".x.x")]:
        top.press(key)
        top.wait(shows)
    line = next(line for line in top.text.splitlines() if "sort bits" in line)
    assert " 60/s" in line or " of 60/s" in line
    top.press("q")
    assert top.end() == 0
    daemon.stop()


def test_an_interface_that_is_not_there_is_an_error(lab):
    done = lab.run("rx", labs.PROGRAM, "top", "--interface", "nosuch0", "--once", check=False)
    assert done.returncode == 1 and "nosuch0" in done.stderr


def test_without_an_analyser_it_says_so(lab):
    daemon = lab.daemon("drop proto udp", consumers=[{"name": "sink", "kind": "sink"}])
    done = lab.run("rx", labs.PROGRAM, "top", "--once", "-s", daemon.socket, check=False)
    assert done.returncode == 1 and "no analyser" in done.stderr
    daemon.stop()
