# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every packet in its column, to the packet.

PP_PACKETS sets how many go through each rule (default one million). Five places stay up for all
the tests on them; each test looks at what its own packets changed.
"""

import contextlib
import json
import os
import signal

import pytest

import lab as labs

PACKETS = int(os.environ.get("PP_PACKETS", "1000000"))

# Name, rule, and the columns that a packet moves beside `seen`.
COPIED = ("copied", "ring_read", "copy_handed_off", "copy_analysed")
ROUTED = ("redirected", "xsk_rx")
ACTIONS = {
    "drop": ("drop proto udp dport 1001", ("dropped",)),
    "pass": ("pass proto udp dport 1002", ("passed",)),
    "copy": ("copy proto udp dport 1003", ("passed", *COPIED)),
    "take": ("copy take 48 proto udp dport 1004", ("passed", *COPIED)),
    "copy_drop": ("copy then drop proto udp dport 1005", ("dropped", *COPIED)),
    "sink": ("route to sink proto udp dport 1006", (*ROUTED, "sink")),
    "reflect": ("route to mirror proto udp dport 1007", (*ROUTED, "reflected", "tx_completed")),
}
PORT = {name: 1001 + number for number, name in enumerate(ACTIONS)}

# Large enough that a worker may lose its CPU for some milliseconds.
ROOMY = {"rings": {"rx": 16384, "tx": 16384, "fill": 16384, "completion": 16384,
                   "copy": "64MiB"}}

# Packets per second that lose nothing: a passed packet goes through the whole stack on the
# source's core, a reflected one is a system call's worth of work for the worker.
RATE = {"pass": 400_000, "reflect": 300_000, "sink": 600_000}
RATE_COPY = 800_000
RATE_SHARED = 300_000  # source and worker on one core
RATE_TUN = 300_000
# On a machine that has other things to do as well a worker can miss its turn for longer than any
# ring lasts. That is counted, and then the test goes slower; the last try must be lossless.
SLOWER = (1, 2, 5, 10)
OVERRUN = ("rx_ring_full", "no_frame", "tx_ring_full", "copy_ring_full", "copy_handoff_full")


class Place:
    """A laboratory with the program running in it."""

    def __init__(self, queues, mode, tun):
        self.queues = queues
        self.mode = mode
        self.lab = labs.Lab(queues=queues, tun=tun, mode=mode)
        # One CPU each; with two queues the worker of queue 1 has that of the source, and so
        # must sleep when there is nothing to do.
        workers = {"count": queues, "cpus": [labs.WORKER_CPU, labs.SOURCE_CPU][:queues],
                   "idle": "busy" if queues == 1 and labs.CPUS > 1 else "adaptive"}
        rules = [f"{rule} name {name}" for name, (rule, _) in ACTIONS.items()]
        self.daemon = self.lab.daemon(*rules, mode=mode, workers=workers, **ROOMY)

    def close(self):
        try:
            status = self.daemon.stop() if self.daemon.process.poll() is None else None
        finally:
            self.lab.close()
        assert status == 0, self.daemon.log

    def rate(self, action, cpu):
        if self.lab.tun:
            return RATE_TUN
        if cpu != labs.SOURCE_CPU or labs.CPUS == 1:
            return RATE_SHARED
        return RATE.get(action, None if action == "drop" else RATE_COPY)

    def send(self, action, slower, *how):
        """PACKETS through one rule, the same number on each queue; returns the reports."""
        reports = []
        for cpu in range(self.queues):
            rate = self.rate(action, cpu)
            pace = ["--rate", rate // slower] if rate else []
            reports.append(self.lab.gen("--dport", PORT[action], "--flows", 64, "--seed", cpu,
                                        *pace, *how, count=PACKETS // self.queues, cpu=cpu))
        return reports

    def send_without_overrun(self, action, *how):
        """As send(); returns the statistics before and after, and the reports."""
        for slower in SLOWER:
            before = self.daemon.settled()
            reports = self.send(action, slower, *how)
            arrived = sum(report["sent"] - (report["driver_dropped"] or 0) for report in reports)
            after = self.daemon.settled(seen=before["total"]["seen"] + arrived)
            changed = changes(before["total"], after["total"])
            if arrived == PACKETS and not any(column in changed for column in OVERRUN):
                break
        return before, after, reports


PLACES = {
    "native": {"queues": 1, "mode": "native", "tun": False},
    "native2": {"queues": 2, "mode": "native", "tun": False},
    "skb": {"queues": 1, "mode": "skb", "tun": False},
    "skb2": {"queues": 2, "mode": "skb", "tun": False},
    "tun": {"queues": 1, "mode": "skb", "tun": True},
}
FAMILY = {"ip4": [], "ip6": ["--ipv6"]}
TAGS = {"untagged": [], "tagged": ["--vlan", "100"]}


@pytest.fixture(scope="module", params=PLACES)
def place(request):
    with contextlib.ExitStack() as stack:
        made = Place(**PLACES[request.param])
        stack.callback(made.close)
        yield made


def changes(before, after):
    return {key: after[key] - before[key] for key in after if after[key] != before[key]}


def queue_changes(before, after):
    """What changed in each queue's row, for the queues where something did."""
    rows = zip(before["interfaces"][0]["queues"], after["interfaces"][0]["queues"])
    changed = {new["queue"]: changes(old["ledger"], new["ledger"]) for old, new in rows}
    return {queue: change for queue, change in changed.items() if change}


def start_receiver(place):
    """Judge what comes back, on a core that the source does not need while it sleeps."""
    receiver = place.lab.spawn("src", labs.PROGRAM, "gen", "--receive", "--json", "--interface",
                               "gen0", "--drain", "1500ms", "--seed", 0)
    assert "receiving" in receiver.stderr.readline()
    return receiver


def counted(stats, rule):
    """What the consumer `counter` says of a rule: packets, bytes, sizes."""
    for entry in labs.consumer(stats, "counter")["rules"]:
        if entry["id"] == rule["id"]:
            return entry
    return {"packets": 0, "bytes": 0, "sizes": [0] * 8}


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("tags", TAGS)
@pytest.mark.parametrize("family", FAMILY)
def test_every_packet_is_in_its_columns(place, family, tags, action):
    if place.lab.tun and tags == "tagged":
        pytest.skip("a tun carries no tags")
    columns = ACTIONS[action][1]
    before, after, reports = place.send_without_overrun(action, *FAMILY[family], *TAGS[tags])

    sent = PACKETS // place.queues
    assert [report["sent"] for report in reports] == [sent] * place.queues
    assert [report["driver_dropped"] for report in reports] in ([0] * place.queues,
                                                                [None] * place.queues)
    size = reports[0]["size"]

    expected = {column: sent for column in ("seen", *columns)} | {"seen_bytes": sent * size}
    assert queue_changes(before, after) == {queue: expected for queue in range(place.queues)}

    old, new = (labs.rule(stats, action) for stats in (before, after))
    assert new["packets"] - old["packets"] == sent * place.queues
    assert new["bytes"] - old["bytes"] == sent * place.queues * size
    copies = sent * place.queues if "copied" in columns else 0
    assert counted(after, new)["packets"] - counted(before, old)["packets"] == copies
    assert counted(after, new)["bytes"] - counted(before, old)["bytes"] == copies * size


def reflect_once(place, slower, *how):
    """Reflect PACKETS; returns the changes in the ledger, what came to the peer's interface and
    what was said of it there."""
    before = place.daemon.settled()["total"]
    if place.lab.tun:
        # The source reads its device and judges what comes back itself.
        back = place.send("reflect", slower, *how)[0]
        came = back["received"]
    else:
        device = place.lab.device("src", "gen0")["rx"]["packets"]
        receiver = start_receiver(place)
        place.lab.gen("--dport", PORT["reflect"], "--flows", 64, "--rate",
                      RATE["reflect"] // slower, *how, count=PACKETS)
        back = json.loads(receiver.communicate(timeout=120)[0])
        came = place.lab.device("src", "gen0")["rx"]["packets"] - device
    after = place.daemon.settled(seen=before["seen"] + PACKETS)["total"]
    return changes(before, after), came, back


@pytest.mark.parametrize("family", FAMILY)
def test_what_is_reflected_arrives_intact_and_in_order(place, family):
    for slower in SLOWER:
        changed, came, back = reflect_once(place, slower, *FAMILY[family])
        assert (back["corrupt"], back["out_of_order"], back["duplicates"]) == (0, 0, 0)
        if came == changed["reflected"] == PACKETS and back["received"] > PACKETS * 0.9:
            break
    assert came == changed["reflected"] == PACKETS
    # The receiver may miss some, and knows how many.
    assert back["received"] > PACKETS * 0.9
    assert back["received"] + (back.get("kernel_dropped") or 0) == PACKETS
    assert back["received_flows"] == 64


def test_the_mode_in_force_is_the_one_asked_for(place):
    interface = place.daemon.stats()["interfaces"][0]
    assert interface["mode"] == place.mode
    assert interface["frame"] == ("raw_ip" if place.lab.tun else "ethernet")
    assert interface["attached"]


@pytest.mark.parametrize("text", ["copy to slow", "copy take 48 to slow then drop"])
def test_an_analysis_thread_gets_every_copy(lab, text):
    rule = f"{text} proto udp dport 9"
    consumers = [{"name": "slow", "kind": "count", "threads": 1}]
    verdict = "dropped" if "drop" in text else "passed"
    with lab.daemon(rule, consumers=consumers, rings={"copy": "32MiB", "handoff": "64MiB"},
                    workers={"idle": "adaptive"}) as daemon:
        report = lab.gen("--rate", RATE_SHARED, count=PACKETS)
        stats = daemon.settled(seen=PACKETS)
        columns = {column: PACKETS for column in ("seen", verdict, *COPIED)}
        assert labs.nonzero(stats["total"]) == columns | {"seen_bytes": PACKETS * report["size"]}
        assert labs.consumer(stats, "slow")["rules"][0]["packets"] == PACKETS
        assert daemon.stop(signal.SIGINT) == 0


def test_sources_are_counted_apart_with_their_sizes(lab):
    with lab.daemon("copy then drop proto udp dport 9") as daemon:
        for size, count in ((64, 3000), (100, 2000), (600, 1000)):
            lab.gen("--src", f"198.51.100.{count // 1000}", "--size", size, "--rate", "100k",
                    count=count)
        stats = daemon.settled(seen=6000)
        sources = {entry["addr"]: entry for entry in labs.consumer(stats, "counter")["sources"]}
        assert {addr: entry["packets"] for addr, entry in sources.items()} == {
            "198.51.100.3": 3000, "198.51.100.2": 2000, "198.51.100.1": 1000}
        assert sources["198.51.100.1"]["bytes"] == 600 * 1000
        assert [sources[f"198.51.100.{n}"]["sizes"] for n in (3, 2, 1)] == [
            [3000, 0, 0, 0, 0, 0, 0, 0], [0, 2000, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1000, 0, 0, 0]]
