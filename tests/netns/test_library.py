# SPDX-License-Identifier: MIT OR Apache-2.0
"""libpushpacket as somebody else's program has it: installed, found by pkg-config, used."""

import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

import lab as labs

EXAMPLES = labs.ROOT / "tests" / "examples"
ABI = labs.ROOT / "tests" / "abi" / "pushpacket.txt"
WARN = ["-Wall", "-Wextra", "-Werror", "-O1", "-g"]

# Sends COUNT datagrams to PORT from INTERFACE and prints how many came back turned round.
ASK = """
import socket, struct, sys
name, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x800))
s.bind((name, 0x800))
s.settimeout(5)
ether = bytes.fromhex("020000000001020000000002") + b"\\x08\\x00"
back = 0
for i in range(count):
    body = struct.pack("!HHHH", 5000 + i, port, 8 + 32, 0) + bytes([i % 256]) * 32
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, 17, 0,
                       bytes([192, 0, 2, 1]), bytes([198, 51, 100, 7]))
    s.send(ether + head + body)
    while True:
        got, where = s.recvfrom(2048)
        if where[2] != socket.PACKET_OUTGOING:
            break
    sport, dport = struct.unpack("!HH", got[34:38])
    back += (sport, dport) == (port, 5000 + i) and got[42:74] == bytes([i % 256]) * 32
    back -= got[26:30] != bytes([198, 51, 100, 7])
print(back)
"""


class Installed:
    """The library under a folder of its own, and programs made with nothing else."""

    def __init__(self, folder):
        self.root = folder / "root"
        self.folder = folder
        subprocess.run(["meson", "install", "-C", labs.BUILD, "--no-rebuild", "--quiet",
                        "--destdir", self.root, "--tags", "devel,runtime"], check=True)
        found = list(self.root.rglob("push-packet.pc"))
        assert len(found) == 1
        self.library_folder = found[0].parent.parent
        self.env = {**os.environ, "PKG_CONFIG_PATH": str(found[0].parent),
                    "PKG_CONFIG_SYSROOT_DIR": str(self.root)}
        self.headers = self.root / "usr/local/include/push-packet"
        # Of libpushpacket itself: libpushpacket-lwip is there only where lwIP is.
        self.core_headers = sorted(set(self.headers.glob("*.h")) - {self.headers / "lwip.h"})

    def flags(self, *what, package="push-packet"):
        done = subprocess.run(["pkg-config", *what, package], env=self.env, check=True,
                              capture_output=True, text=True)
        return done.stdout.split()

    def build(self, source, *options, name=None):
        compiler = "g++" if source.suffix == ".cc" else "gcc"
        out = self.folder / (name or source.name.replace(".", "_"))
        subprocess.run([compiler, *WARN, *options, "-o", out, source, *self.flags("--cflags"),
                        *self.flags("--libs"), f"-Wl,-rpath,{self.library_folder}", "-pthread"],
                       check=True, cwd=self.folder)
        return out


@pytest.fixture(scope="session")
def installed(tmp_path_factory):
    return Installed(tmp_path_factory.mktemp("installed"))


def example(installed, name):
    return installed.build(EXAMPLES / name)


def wait_running(process):
    assert process.stdout.readline() == "running\n", process.stderr.read()


def end(process, status=0):
    out, err = process.communicate(timeout=20)
    assert process.returncode == status, f"status {process.returncode}\n{out}{err}"
    assert err == ""
    return out


def second_pair(lab):
    lab.run("rx", "ip", "link", "add", "pp1", "type", "veth", "peer", "name", "gen1", "netns",
            f"pp{lab.pid}-lab-src")
    for side, name in (("rx", "pp1"), ("src", "gen1")):
        lab.run(side, "sh", "-c", f"echo 1 >/proc/sys/net/ipv6/conf/{name}/disable_ipv6")
        lab.run(side, "ip", "link", "set", name, "up")


@pytest.mark.parametrize("source", ["copy_lengths.c", "copy_lengths.cc"])
def test_copies_everything_and_prints_lengths(lab, installed, source):
    process = lab.spawn("rx", example(installed, source), "pp0", 100)
    wait_running(process)
    lab.gen("--dport", 9, "--rate", "10k", "--size", 90, count=100)
    assert end(process).split("\n")[:-1] == ["90 bytes"] * 100


def test_rules_come_and_go_at_run_time(lab, installed):
    process = lab.spawn("rx", example(installed, "run_time_rules.c"), "pp0",
                        stdin=subprocess.PIPE)

    def say(line):
        process.stdin.write(line + "\n")
        process.stdin.flush()

    wait_running(process)
    say("drop proto udp dport 9")
    assert process.stdout.readline() == "1: drop proto udp dport 9: 0 packets\n"
    lab.gen("--dport", 9, "--rate", "10k", count=50)
    say("")
    assert process.stdout.readline() == "1: drop proto udp dport 9: 50 packets\n"
    say("dorp any")
    assert process.stdout.readline().startswith("error in column 1: ")
    assert process.stdout.readline().startswith("1: drop")
    say("del 1")
    process.stdin.close()
    process.stdin = None
    assert end(process) == ""


def test_answers_a_udp_port_from_user_space(lab, installed):
    process = lab.spawn("rx", example(installed, "udp_answer.c"), "pp0", 7, 200)
    wait_running(process)
    assert lab.run("src", "/usr/bin/python3", "-c", ASK, "gen0", 7, 200).stdout == "200\n"
    end(process)


def test_keeps_frames_in_another_thread(lab, installed):
    process = lab.spawn("rx", example(installed, "keep_frames.c"), "pp0", 5000,
                        cpu=labs.WORKER_CPU)
    wait_running(process)
    lab.gen("--dport", 9, "--rate", "5k", "--size", 100, count=5000)
    assert end(process) == "5000 packets, 500000 bytes\n0 frames still held\n"


def test_sits_in_an_event_loop_of_the_programs_own(lab, installed):
    process = lab.spawn("rx", example(installed, "event_loop.c"), "pp0")
    wait_running(process)
    lab.gen("--dport", 53, "--rate", "10k", count=300)
    lab.gen("--dport", 7, "--rate", "10k", count=200)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    assert end(process).endswith("300 copied, 200 routed\n")


def test_forwards_between_two_interfaces(lab, installed):
    second_pair(lab)
    process = lab.spawn("rx", example(installed, "two_interfaces.c"), "pp0", "pp1", 200,
                        cpu=labs.WORKER_CPU)
    wait_running(process)
    turn = ASK.replace('s.bind((name, 0x800))', 's.bind(("gen1", 0x800))', 1)
    # One socket sends on gen0, the other sees it on gen1.
    turn = turn.replace("s.send(ether + head + body)",
                        'o = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); '
                        'o.bind(("gen0", 0)); o.send(ether + head + body); o.close()')
    turn = turn.replace("(sport, dport) == (port, 5000 + i)", "(sport, dport) == (5000 + i, port)")
    turn = turn.replace("!= bytes([198, 51, 100, 7])", "!= bytes([192, 0, 2, 1])")
    assert lab.run("src", "/usr/bin/python3", "-c", turn, "gen0", 7, 200).stdout == "200\n"
    end(process)


@pytest.mark.parametrize("sanitizer", ["address,undefined", "thread"])
def test_programs_are_clean_under_sanitizers(lab, installed, sanitizer):
    program = installed.build(EXAMPLES / "keep_frames.c", f"-fsanitize={sanitizer}",
                              name="keep_" + sanitizer[:4])
    process = lab.spawn("rx", program, "pp0", 5000, cpu=labs.WORKER_CPU)
    wait_running(process)
    lab.gen("--dport", 9, "--rate", "5k", "--size", 100, count=5000)
    assert end(process) == "5000 packets, 500000 bytes\n0 frames still held\n"


def test_what_is_wrong_is_a_sentence_and_an_exit_status(lab, installed):
    process = lab.spawn("rx", example(installed, "copy_lengths.c"), "nowhere", 1)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (1, "")
    assert err == "nowhere: no interface is named 'nowhere'\n"


@pytest.mark.parametrize("compiler", [("gcc", "c", "-std=c17", "-Wpedantic"),
                                      ("g++", "c++", "-std=c++17", "-Wpedantic")])
def test_each_header_stands_alone(installed, compiler):
    program, language, *options = compiler
    headers = sorted(installed.headers.glob("*.h"))
    assert len(headers) > 12
    for header in headers:
        done = subprocess.run([program, "-x", language, *WARN, *options, *installed.flags("--cflags"),
                               "-fsyntax-only", "-"],
                              input=f"#include <push-packet/{header.name}>\n", text=True,
                              capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


def test_static_library_links_alone(installed):
    out = installed.folder / "static"
    subprocess.run(["gcc", *WARN, "-o", out, EXAMPLES / "copy_lengths.c",
                    *installed.flags("--cflags"), f"-L{installed.library_folder}",
                    "-Wl,-Bstatic", "-lpushpacket", "-Wl,-Bdynamic",
                    *[flag for flag in installed.flags("--static", "--libs")
                      if flag != "-lpushpacket"]], check=True)
    needed = subprocess.run(["readelf", "-d", out], capture_output=True, text=True, check=True)
    assert "libpushpacket" not in needed.stdout


def headers_text(headers):
    text = "\n".join(path.read_text(encoding="utf-8") for path in headers)
    return re.sub(r"//.*", "", text)


def declared_in(headers):
    text = re.sub(r"static inline[^{]*\{.*?^\}", "", headers_text(headers),
                  flags=re.MULTILINE | re.DOTALL)
    return set(re.findall(r"^[a-z][^#;{}]*?\b(pp_\w+)\s*\([^;{]*\)[^;{]*;", text, re.MULTILINE))


def symbols(installed, library="libpushpacket.so"):
    done = subprocess.run(["nm", "-D", "--defined-only", installed.library_folder / library],
                          capture_output=True, text=True, check=True)
    return [line.split()[2] for line in done.stdout.splitlines()]


def struct_sizes(installed):
    names = sorted(set(re.findall(r"^struct (pp_\w+) \{", headers_text(installed.core_headers),
                                  re.MULTILINE)))
    source = installed.folder / "sizes.c"
    source.write_text("#include <stdio.h>\n"
                      + "".join(f"#include <push-packet/{path.name}>\n"
                                for path in installed.core_headers)
                      + "int main(void)\n{\n"
                      + "".join(f'printf("struct {name} %zu\\n", sizeof(struct {name}));\n'
                                for name in names) + "}\n", encoding="utf-8")
    return subprocess.run([installed.build(source)], capture_output=True, text=True,
                          check=True).stdout.splitlines()


def test_the_abi_is_as_committed(installed):
    """PP_ABI_UPDATE=1 writes the file anew: a symbol or size that changes breaks programs."""
    now = [f"symbol {name}" for name in symbols(installed)] + struct_sizes(installed)
    if os.environ.get("PP_ABI_UPDATE"):
        ABI.write_text("\n".join(now) + "\n", encoding="utf-8")
    assert now == ABI.read_text(encoding="utf-8").splitlines()


def test_exactly_the_functions_of_the_headers_are_exported(installed):
    declared = declared_in(installed.core_headers) - {"pp_match"}
    exported = {name.split("@")[0] for name in symbols(installed)} - {"PP_0"}
    assert exported - declared == {"pp_size_bucket_max_bytes"}
    assert declared - exported == set()
    assert all(name.endswith("@@PP_0") for name in symbols(installed) if name != "PP_0")


@pytest.fixture
def with_lwip(installed):
    if not (installed.headers / "lwip.h").exists():
        pytest.skip("built without liblwip-dev")
    return installed


def test_exactly_the_functions_of_lwip_h_are_exported(with_lwip):
    exported = symbols(with_lwip, "libpushpacket-lwip.so")
    declared = declared_in([with_lwip.headers / "lwip.h"])
    assert sorted(exported) == sorted({"PP_0"} | {f"{name}@@PP_0" for name in declared})


@pytest.mark.parametrize("link", ["shared", "static"])
def test_lwip_echoes_from_an_installed_library(lab, with_lwip, link):
    # lwIP is the machine's own, not under the folder that pkg-config puts in front.
    lwip = subprocess.run(["pkg-config", "--cflags", "lwip"], check=True, capture_output=True,
                          text=True).stdout.split()
    flags = with_lwip.flags("--cflags", "--libs", package="push-packet-lwip")
    if link == "static":
        flags = with_lwip.flags("--static", "--cflags", "--libs", package="push-packet-lwip")
        flags = [f"-l:lib{flag[2:]}.a" if flag.startswith("-lpushpacket") else flag
                 for flag in flags]
    program = with_lwip.folder / f"lwip_echo_{link}"
    subprocess.run(["gcc", *WARN, "-o", program, EXAMPLES / "lwip_echo.c", *lwip, *flags,
                    f"-Wl,-rpath,{with_lwip.library_folder}"], check=True)
    lab.run("src", "ethtool", "-K", "gen0", "tx", "off")
    process = lab.spawn("rx", program, "pp0", "192.0.2.77", "255.255.255.0", 7)
    assert process.stdout.readline() == "listening\n", process.stderr.read()
    say = ("import socket; s = socket.create_connection(('192.0.2.77', 7), timeout=10); "
           "s.sendall(b'hello'); print(s.recv(100))")
    assert lab.run("src", "/usr/bin/python3", "-c", say).stdout == "b'hello'\n"
    process.send_signal(signal.SIGTERM)
    assert " lost 0 held 0\n" in end(process)
