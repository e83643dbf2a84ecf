# SPDX-License-Identifier: MIT OR Apache-2.0
"""An engine of the user's own (tests/engines/exact), built against an installation and nothing else,
in a running push-packet: it counts exactly, comes and goes by reload, and what is wrong with one
leaves the running engine in place."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import wrpcap

from lab import BUILD, PROGRAM, ROOT, Daemon, config, rule, wait_for

RULES = ["drop dst 192.0.2.1 proto udp dport 9 name nine",
         "drop dst 192.0.2.1 proto udp dport 10 name ten",
         "drop dst 2001:db8::1 proto udp dport 9 name six"]

# pp_match() of what the verifier refuses: an offset that nobody has looked at.
WILD = """
#define PP_ENGINE_NAME "exact"
#include <push-packet/bpf/load.bpf.h>
static __always_inline __u32 pp_match(const void *body, const struct pp_key *key, __u64 sets)
{
	(void)sets;
	return *(const __u32 *)(body + key->addr[0]);
}
#include <push-packet/bpf/tap.bpf.h>
"""
# Always a slot that no rule has, and no program knows.
BEYOND = """
#define PP_ENGINE_NAME "exact"
#include <push-packet/bpf/load.bpf.h>
static __always_inline __u32 pp_match(const void *body, const struct pp_key *key, __u64 sets)
{
	(void)body;
	(void)key;
	(void)sets;
	return 0xfffffff3;
}
#include <push-packet/bpf/tap.bpf.h>
"""
FOREIGN = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
SEC("xdp") int other(struct xdp_md *ctx) { (void)ctx; return XDP_PASS; }
char LICENSE[] SEC("license") = "Dual MIT/GPL";
"""


class Made:
    """Where the engine and its broken relatives lie."""

    def __init__(self, folder):
        subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--tags", "devel",
                        "--destdir", folder / "root"], check=True, capture_output=True)
        self.include = next((folder / "root").rglob("include"))
        self.folder = folder
        source = ROOT / "tests" / "engines" / "exact"
        shutil.copytree(source, folder / "exact")
        subprocess.run(["make", "-s", "-C", folder / "exact", f"PREFIX={self.include.parent}"],
                       check=True)
        self.object = folder / "exact" / "exact.bpf.o"
        self.library = folder / "exact" / "exact.so"

    def bpf(self, name, text):
        path = self.folder / f"{name}.bpf.o"
        source = self.folder / f"{name}.bpf.c"
        source.write_text(text, encoding="utf-8")
        subprocess.run(["clang", "-g", "-O2", "-std=gnu17", "-target", "bpf", "-mcpu=v3",
                        "-I", self.include, "-I", f"/usr/include/{os.uname().machine}-linux-gnu",
                        "-c", source, "-o", path], check=True)
        return path

    def shared(self, name, *flags, text=None):
        """The library built in another way, or another one."""
        path = self.folder / f"{name}.so"
        source = ["-x", "c", "-"] if text else [self.folder / "exact" / "exact.c"]
        subprocess.run(["cc", "-g", "-O2", "-std=gnu17", "-fPIC", "-shared", "-I", self.include,
                        "-I", self.folder / "exact", *flags, *source, "-o", path],
                       input=text or "", text=True, check=True)
        return path

    def engine(self, **other):
        return {"name": "exact", "object": str(self.object), "library": str(self.library),
                **{key: str(value) for key, value in other.items()}}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Made(tmp_path_factory.mktemp("engine"))


def rewrite(daemon, **sections):
    daemon.settings = {**daemon.settings, **sections}
    daemon.path.write_text(json.dumps(daemon.settings, indent=1), encoding="utf-8")


def reload(daemon, check=True):
    return daemon.lab.run("rx", PROGRAM, "reload", "--socket", daemon.socket, check=check)


def send(lab, *argv):
    lab.gen("--rate", "200k", *argv, count=1000)


def packets(stats, name):
    return rule(stats, name)["packets"]


def test_engine_of_files_counts_exactly(lab, made):
    with lab.daemon(*RULES, engine=made.engine()) as daemon:
        assert "engine: exact (configured), 1 table, at most 1 step" in daemon.log
        send(lab, "--dst", "192.0.2.1", "--dport", 9)
        send(lab, "--dst", "192.0.2.1", "--dport", 10)
        send(lab, "--dst", "192.0.2.1", "--dport", 11)
        send(lab, "--dst", "192.0.2.2", "--dport", 9)
        send(lab, "--src", "2001:db8::2", "--dst", "2001:db8::1", "--dport", 9)
        send(lab, "--src", "2001:db8::2", "--dst", "2001:db8::3", "--dport", 9)
        stats = daemon.settled(seen=6000)
        assert stats["total"]["dropped"] == 3000
        assert [packets(stats, name) for name in ("nine", "ten", "six")] == [1000] * 3
        engine = stats["engine"]
        assert (engine["name"], engine["why"], engine["rules"]) == ("exact", "configured", 3)
        assert engine["tables"] == 1
        assert 0 < engine["used_bytes"] < engine["image_bytes"]
        assert engine["verified_insns"] > 1000
        assert not engine["cache"]["on"]
        table = lab.run("rx", PROGRAM, "stats", "--socket", daemon.socket).stdout
        assert "engine exact (configured), 1 table" in table


def test_engine_changes_under_load_and_no_packet_falls_between(lab, made):
    """There and back, with the verdict cache and without, while every packet is to be dropped."""
    with lab.daemon(*RULES) as daemon:
        source = lab.spawn("src", *lab.gen_command("--payload", "none", "--dst", "192.0.2.1",
                                                   "--dport", 9, "--for", "10m", "--via", "live",
                                                   "--rate", "200k"))
        wait_for("the source", lambda: daemon.stats()["total"]["seen"] > 100)
        rewrite(daemon, engine=made.engine())
        assert reload(daemon).stdout == "engine: auto to exact\n"
        assert daemon.stats()["engine"]["name"] == "exact"
        rewrite(daemon, **{"verdict-cache": "on"})
        assert reload(daemon).stdout == "verdict-cache: auto to on\n"
        assert daemon.stats()["engine"]["cache"]["on"]
        rewrite(daemon, engine="linear")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_log("reload: engine: exact to linear")
        wait_for("hits", lambda: daemon.stats()["engine"]["cache"]["hits"] > 1000)
        rewrite(daemon, engine="auto", **{"verdict-cache": "off"})
        assert reload(daemon).stdout == "engine: linear to auto\nverdict-cache: on to off\n"
        assert reload(daemon).stdout == "nothing changed\n"
        source.send_signal(signal.SIGTERM)
        report = json.loads(source.communicate(timeout=120)[0])
        assert not report["driver_dropped"]
        stats = daemon.settled(seen=report["sent"])
        assert stats["total"]["dropped"] == packets(stats, "nine") == report["sent"]
        assert stats["engine"]["why"] == "auto: 3 rules"
        assert stats["engine"]["loads"] == 4


def test_auto_picks_by_count_and_says_why(lab):
    many = [f"drop dst 192.0.2.1 proto udp dport {port}" for port in range(1, 1101)]
    with lab.daemon(*many[:10]) as daemon:
        assert "engine: linear (auto: 10 rules), at most " in daemon.log
        assert daemon.stats()["engine"]["why"] == "auto: 10 rules"
        rewrite(daemon, rules={"default": "pass", "inline": many})
        reload(daemon)
        engine = daemon.stats()["engine"]
        assert (engine["name"], engine["why"]) == ("tuple", "auto: 1,100 rules")
        assert engine["tables"] > 0
        assert engine["rules"] == 1100
        # linear holds 1,024: said at the place of the rule beyond, and nothing changes.
        rewrite(daemon, engine="linear")
        done = reload(daemon, check=False)
        assert "engine linear holds at most 1,024 rules" in done.stderr
        assert daemon.stats()["engine"]["name"] == "tuple"
        rewrite(daemon, rules={"default": "pass", "inline": many[:1024]})
        assert "engine: auto to linear" in reload(daemon).stdout
        send(lab, "--dst", "192.0.2.1", "--dport", 1024)
        stats = daemon.settled(seen=1000)
        assert stats["total"]["dropped"] == 1000
        assert (stats["engine"]["name"], stats["engine"]["why"]) == ("linear", "configured")
        # More rules and the engine that takes them, in one step.
        rewrite(daemon, engine="tuple", rules={"default": "pass", "inline": many})
        assert "engine: linear to tuple" in reload(daemon).stdout
        send(lab, "--dst", "192.0.2.1", "--dport", 1100)
        assert daemon.settled(seen=2000)["total"]["dropped"] == 2000


def test_engine_comes_with_the_rules_that_only_it_or_the_other_takes(lab, made):
    with lab.daemon("drop proto udp dport 9 name any") as daemon:
        rewrite(daemon, engine=made.engine(), rules={"default": "pass", "inline": RULES})
        out = reload(daemon).stdout
        assert "rules: 3 added, 1 deleted, 0 kept" in out
        assert "engine: auto to exact" in out
        send(lab, "--dst", "192.0.2.1", "--dport", 10)
        assert packets(daemon.settled(seen=1000), "ten") == 1000
        rewrite(daemon, engine="linear", rules={"default": "pass", "inline": ["drop any name all"]})
        reload(daemon)
        send(lab, "--dst", "192.0.2.1", "--dport", 10)
        assert packets(daemon.settled(seen=2000), "all") == 1000


def test_rule_that_the_engine_cannot_hold_is_refused_with_its_place(lab, made):
    with lab.daemon(*RULES, engine=made.engine()) as daemon:
        done = lab.run("rx", PROGRAM, "rule", "add", "drop src 192.0.2.1", "--socket", daemon.socket,
                       check=False)
        assert done.returncode == 1
        assert "engine exact matches one destination address" in done.stderr
        rewrite(daemon, rules={"default": "pass", "inline": [*RULES, "drop proto udp dport 7"]})
        done = reload(daemon, check=False)
        assert done.returncode == 1
        assert f"{daemon.path}:" in done.stderr
        assert "rule 4: engine exact matches one destination address" in done.stderr
        path = lab.folder / "check.yaml"
        path.write_text(json.dumps(daemon.settings), encoding="utf-8")
        done = lab.run("rx", PROGRAM, "check", "-c", path, check=False)
        assert done.returncode == 1
        assert "rule 4: engine exact" in done.stderr
        assert len(daemon.stats()["rules"]) == 4


@pytest.fixture(scope="module")
def broken(made):
    """What is wrong with an engine: the sections that say so, and what is said."""
    text = (made.folder / "exact" / "exact.c").read_text(encoding="utf-8")
    cases = {
        "wrong_abi": (made.engine(library=made.shared("abi", text=text.replace(
            ".abi = PP_ENGINE_ABI", ".abi = 99"))), "library",
            "built for version 99 of the engine interface, and this is version 2"),
        "missing_symbol": (made.engine(library=made.shared("symbol", text="int other;\n")),
                           "library", "defines no const struct pp_engine_ops pp_engine_ops"),
        "unresolved": (made.engine(library=made.shared(
            "unresolved", text="int nowhere(void);\nint f(void) { return nowhere(); }\n")),
            "library", "undefined symbol: nowhere"),
        "missing_function": (made.engine(library=made.shared("function", text=text.replace(
            ".emit = emit,", ".emit = 0,").replace(
            "static void emit(", "static __attribute__((unused)) void emit("))),
            "library", "lacks a function"),
        "missing_file": (made.engine(library="/nonexistent.so"), "library", "No such file"),
        "no_library": (made.engine(library=made.object), "library", "not a shared object"),
        "missing_object": (made.engine(object="/nonexistent.o"), "object", "No such file"),
        "no_object": (made.engine(object=made.library), "object", "cannot be read"),
        "foreign_object": (made.engine(object=made.bpf("foreign", FOREIGN)), "object",
                           "built with push-packet's headers?"),
        "other_object": (made.engine(object=made.bpf("named", BEYOND.replace(
            '"exact"', '"inexact"'))), "object", "is that of engine inexact"),
        "verifier": (made.engine(object=made.bpf("wild", WILD)), "object", "unbounded min value"),
        "other_name": (made.engine(name="inexact"), "library", "has the engine 'exact'"),
        "name_of_a_built_in": (made.engine(name="linear"), "name", "built in"),
    }
    return cases


def place(path, key):
    """LINE:COL of a key's value in the JSON text, inside of engine."""
    lines = path.read_text(encoding="utf-8").splitlines()
    begin = next(i for i, line in enumerate(lines) if '"engine"' in line)
    for i, line in enumerate(lines[begin:], begin):
        if f'"{key}"' in line:
            return f"{i + 1}:{line.index(': ') + 3}"
    raise AssertionError(f"no {key} in {path}")


@pytest.mark.parametrize("case", [
    "wrong_abi", "missing_symbol", "unresolved", "missing_function", "missing_file", "no_library",
    "missing_object", "no_object", "foreign_object", "other_object", "verifier", "other_name",
    "name_of_a_built_in"])
def test_engine_that_is_not_good_leaves_the_running_one(lab, made, broken, case):
    engine, key, needle = broken[case]
    with lab.daemon(*RULES, engine=made.engine()) as daemon:
        program = lab.xdp_program()
        # Half of the change is good: it must not come through either.
        rewrite(daemon, engine=engine, rules={"default": "drop", "inline": RULES})
        spot = f"{daemon.path}:{place(daemon.path, key)}: "
        done = reload(daemon, check=False)
        assert done.returncode == 1
        assert needle in done.stderr
        assert spot in done.stderr
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_log(needle)
        daemon.wait_log("nothing was changed")
        done = lab.run("rx", PROGRAM, "check", "-c", daemon.path, check=False)
        assert done.returncode == 1
        assert f"{spot}error: " in done.stderr
        assert needle in done.stderr
        assert done.stderr.count("\n") == 1, f"more than the error: {done.stderr}"
        assert lab.xdp_program() == program
        send(lab, "--dst", "192.0.2.1", "--dport", 9)
        stats = daemon.settled(seen=1000)
        assert packets(stats, "nine") == 1000
        assert stats["engine"]["name"] == "exact"
        assert stats["engine"]["loads"] == 0
        assert stats["default"] == "pass"


def test_engine_that_is_not_good_does_not_start(lab, broken):
    engine, key, needle = broken["verifier"]
    daemon = Daemon(lab, config(lab, RULES, engine=engine), wait=False)
    assert daemon.process.wait(timeout=20) == 1
    assert needle in daemon.log
    assert f"{daemon.path}:{place(daemon.path, key)}: error: " in daemon.log
    assert lab.xdp_program() is None


def test_verifier_is_quoted_with_the_source_line(lab, broken):
    engine, _, _ = broken["verifier"]
    path = lab.folder / "c.yaml"
    path.write_text(json.dumps(config(lab, RULES, engine=engine)), encoding="utf-8")
    done = lab.run("rx", PROGRAM, "check", "-c", path, check=False)
    assert "the kernel refused the program of engine exact: Invalid argument: " in done.stderr
    assert "body + key->addr[0]" in done.stderr


def test_library_written_anew_at_the_same_path_is_taken(lab, made):
    library = lab.folder / "mine.so"
    shutil.copy(made.library, library)
    text = (made.folder / "exact" / "exact.c").read_text(encoding="utf-8")
    newer = made.shared("newer", text=text.replace(".tables = 1", ".tables = 7"))
    with lab.daemon(*RULES, engine=made.engine(library=library)) as daemon:
        library.touch()
        assert reload(daemon).stdout == "nothing changed\n"
        # Over the old one, which the process must not feel.
        library.write_bytes(newer.read_bytes())
        assert daemon.stats()["engine"]["tables"] == 1
        assert reload(daemon).stdout == "engine: exact from other files\n"
        assert daemon.stats()["engine"]["tables"] == 7
        library.unlink()
        assert reload(daemon, check=False).returncode == 1
        lab.run("rx", PROGRAM, "rule", "add", "drop dst 192.0.2.9 proto udp dport 9", "--socket",
                daemon.socket)
        send(lab, "--dst", "192.0.2.9", "--dport", 9)
        assert daemon.settled(seen=1000)["total"]["dropped"] == 1000


def descriptors(pid):
    """What a process has open, but for sockets: a client's may be there for a moment more."""
    held = []
    for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            held.append(os.readlink(fd))
    return sorted(name for name in held if not name.startswith("socket:"))


def test_many_changes_of_engine_leave_nothing_behind(lab, made):
    with lab.daemon(*RULES) as daemon:
        def held():
            with open(f"/proc/{daemon.process.pid}/maps", encoding="utf-8") as maps:
                return descriptors(daemon.process.pid), maps.read().count("memfd:engine")

        after = []
        for _ in range(6):
            rewrite(daemon, engine=made.engine())
            reload(daemon)
            assert held()[1] > 0
            rewrite(daemon, engine="auto")
            reload(daemon)
            after.append(held())
        assert after[0][1] == 0
        assert after[-1] == after[0]


def test_slot_that_no_rule_has_does_no_harm(lab, made):
    engine = made.engine(object=made.bpf("beyond", BEYOND))
    with lab.daemon(*RULES, engine=engine) as daemon:
        send(lab, "--dst", "192.0.2.1", "--dport", 9)
        stats = daemon.settled(seen=1000)
        assert stats["total"]["passed"] == stats["total"]["seen"]
        assert not any(entry["packets"] for entry in stats["rules"])
        assert stats["balanced"]


def test_explain_asks_the_engine(lab, made):
    path = lab.folder / "c.yaml"
    path.write_text(json.dumps(config(lab, RULES, engine=made.engine())), encoding="utf-8")
    capture = lab.folder / "c.pcap"
    wrpcap(str(capture), [Ether() / IP(src="192.0.2.7", dst="192.0.2.1") / UDP(dport=10),
                          Ether() / IP(src="192.0.2.7", dst="192.0.2.1") / UDP(dport=11)])
    done = lab.run("rx", PROGRAM, "explain", "--json", "-c", path, capture)
    assert '"ten"' in done.stdout or "dport 10" in done.stdout
