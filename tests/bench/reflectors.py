# SPDX-License-Identifier: MIT OR Apache-2.0
"""Programs that send packets back, measured by `push-packet bench rtt --interface`.

As in receivers.py, with end() in place of finish(): what they count is not asked.
"""

import json

import lab as labs
from receivers import (CHUNK_BYTES, CPU, FRAMES, Missing, PushPacket, RINGS, Testpmd, Xdpsock,
                       wait_printed)


def reflect(rules):
    """Ours, behind the rules given; those of them that route do so to the reflector too."""
    return PushPacket(f"push-packet reflect, {len(rules) + 1:,} rules", "reflected",
                      [*rules, "route to mirror any prio 1000000"], rings=RINGS,
                      umem={"chunk": CHUNK_BYTES, "frames": FRAMES},
                      consumers=[{"name": "counter", "kind": "count"},
                                 {"name": "mirror", "kind": "reflect"}])


def l2fwd(path):
    return Xdpsock(path, "-l")


def macswap():
    return Testpmd("macswap")


class UdpEcho:
    """tests/bench/udp_echo.c through the kernel's sockets; the client is the same, on AF_XDP."""

    def __init__(self, how):
        self.name = f"kernel UDP echo that {how}s"
        self.how = how
        self.process = None

    def start(self, lab):
        path = labs.BUILD / "tests" / "bench" / "udp_echo"
        if not path.exists():
            raise Missing(f"{path} is not built")
        output = lab.folder / "echo.log"
        with open(output, "w", encoding="utf-8") as log:
            self.process = lab.spawn("rx", path, self.how, "9", cpu=CPU, output=log)
        wait_printed(self.process, output, "listening")


def end(reflector):
    if isinstance(reflector, PushPacket):
        reflector.finish()
        return
    reflector.process.terminate()
    reflector.process.wait(timeout=20)


def round_trip(lab, args):
    """p50 and p99 in microseconds, and the part that was lost."""
    done = lab.run("src", labs.PROGRAM, "bench", "rtt", "--interface", "gen0", "--cpus",
                   f"{labs.SOURCE_CPU},{CPU}", "--rate", args.rate, "--size", args.size, "--for",
                   f"{int(args.seconds * 1000)}ms", "--warm-up", "200ms", "--json")
    document = json.loads(done.stdout)
    trip = next(entry for entry in document["results"] if entry["name"] == "round trip")
    counts = document["counts"][0]
    if counts["received"] == 0:
        raise Missing("sends nothing back")
    percentiles = trip["histogram"]["percentiles"]
    return {"p50": percentiles["p50"] / 1e3, "p99": percentiles["p99"] / 1e3,
            "lost": counts["lost"] / counts["sent"]}
