# SPDX-License-Identifier: MIT OR Apache-2.0
"""What black-box tests stand on: a laboratory, the program in it, a packet source.

A laboratory is made by scripts/lab.sh in a shell that lives as long as the object: when this
process goes, however it goes, the shell sees the end of its input and removes everything.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("PP_BUILD", ROOT / "build"))
PROGRAM = BUILD / "app" / "push-packet"

RX_MAC = "02:00:00:00:00:01"
SRC_MAC = "02:00:00:00:00:02"

# veth picks the receive queue from the sending CPU, so a source on CPU 0 fills queue 0; its
# core also runs the XDP program. The worker of queue 0 wants another one.
SOURCE_CPU = 0
CPUS = os.cpu_count() or 1
WORKER_CPU = 1 if CPUS > 1 else 0


def wait_for(what, condition, seconds=10.0, every=0.02):
    """Return what condition() returns once it is true; fail after seconds."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds} s for {what}")
        time.sleep(every)


class Lab:
    """Two network namespaces and a veth pair: pp0 on the side "rx", gen0 on the side "src".

    tun=True makes one namespace with the tun interface pp0, where both sides are "rx". mode is
    the XDP mode in which what CPU N sends arrives on queue N.
    """

    # Counts are exact only while workers get their CPU: whatever else runs here comes after.
    nice = "-10"

    def __init__(self, queues=1, mtu=1500, tun=False, mode="native"):
        make = (["lab_up_tun", "lab", str(mtu)] if tun else
                ["lab_up", "lab", str(queues), str(mtu), mode])
        script = 'set -eu; . "$0"; "$@"; echo $$; read -r _ || :'
        self.tun = tun
        self.processes = []
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pp-lab-"))
        self.shell = subprocess.Popen(
            ["bash", "-c", script, str(ROOT / "scripts" / "lab.sh"), *make],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self.shell.stdout.readline().strip()
        if not self.pid:
            self.close()
            raise RuntimeError("scripts/lab.sh could not make a laboratory")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        self.shell.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)

    def namespace(self, side):
        return f"/run/netns/pp{self.pid}-lab-{'rx' if self.tun else side}"

    def command(self, side, *argv, cpu=None):
        pin = ["taskset", "-c", str(cpu)] if cpu is not None else []
        return ["nsenter", f"--net={self.namespace(side)}", "--", "nice", "-n", self.nice, *pin,
                *map(str, argv)]

    def run(self, side, *argv, cpu=None, check=True, timeout=120):
        """Run a command to its end; stdout and stderr come back as text."""
        done = subprocess.run(self.command(side, *argv, cpu=cpu), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout, check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{argv}: exit status {done.returncode}\n"
                                 f"{done.stdout}{done.stderr}")
        return done

    def spawn(self, side, *argv, cpu=None, output=None, stdin=subprocess.DEVNULL):
        """Start a command; nsenter becomes it, so the process takes signals itself."""
        process = subprocess.Popen(self.command(side, *argv, cpu=cpu), stdin=stdin,
                                   stdout=output or subprocess.PIPE,
                                   stderr=subprocess.STDOUT if output else subprocess.PIPE,
                                   text=True)
        self.processes.append(process)
        return process

    def device(self, side, name):
        """The counters of an interface as the kernel shows them."""
        link = json.loads(self.run(side, "ip", "-s", "-j", "link", "show", name).stdout)[0]
        return link["stats64"]

    def driver_counters(self, side, name):
        """The counters of `ethtool -S`."""
        lines = self.run(side, "ethtool", "-S", name).stdout.splitlines()[1:]
        return {key.strip(): int(value) for key, value in (line.rsplit(":", 1) for line in lines)}

    def xdp_program(self, name="pp0"):
        """Id of the XDP program on an interface, or None."""
        link = json.loads(self.run("rx", "ip", "-j", "link", "show", name).stdout)[0]
        return link.get("xdp", {}).get("prog", {}).get("id")

    def daemon(self, *rules, **options):
        return Daemon(self, config(self, rules, **options))

    def gen_command(self, *argv, count=None, cpu=SOURCE_CPU):
        command = [PROGRAM, "gen", "--json", "--interface", "pp0" if self.tun else "gen0"]
        if not self.tun:
            command += ["--dst-mac", RX_MAC]
        if cpu is not None:
            command += ["--cpu", cpu]
        if count is not None:
            command += ["--count", count]
        return [*command, *argv]

    def gen(self, *argv, count=None, cpu=SOURCE_CPU, timeout=120):
        """Send packets; returns what the source reports."""
        done = self.run("src", *self.gen_command(*argv, count=count, cpu=cpu), timeout=timeout)
        return json.loads(done.stdout)


def config(lab, rules, default="pass", consumers=None, mode=None, queues="all", **sections):
    """A configuration for the lab's pp0. sections are merged over the defaults."""
    result = {
        "interfaces": [{"name": "pp0", "mode": mode or ("skb" if lab.tun else "native"),
                        "queues": queues}],
        "workers": {"count": 1, "cpus": [WORKER_CPU], "idle": "busy"},
        # A worker may lose its CPU for some tens of milliseconds and still lose no packet.
        "rings": {"rx": 8192, "tx": 8192, "fill": 8192, "completion": 8192, "copy": "16MiB"},
        "rules": {"default": default, "inline": list(rules)},
        "consumers": consumers or [{"name": "counter", "kind": "count"},
                                   {"name": "sink", "kind": "sink"},
                                   {"name": "mirror", "kind": "reflect"}],
        "control": {"socket": str(lab.folder / "ctl")},
    }
    for key, value in sections.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = {**result[key], **value}
        else:
            result[key] = value
    return result


class Daemon:
    """`push-packet run` on the lab's receiving side."""

    def __init__(self, lab, settings, *argv, wait=True, prefix=()):
        self.lab = lab
        self.socket = settings["control"]["socket"]
        self.settings = settings
        number = len(list(lab.folder.glob("run*.yaml")))
        self.path = lab.folder / f"run{number}.yaml"
        self.log_path = lab.folder / f"run{number}.log"
        # Every JSON text is a YAML text.
        self.path.write_text(json.dumps(settings, indent=1))
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.process = lab.spawn("rx", *prefix, PROGRAM, "run", "-c", self.path, *argv,
                                     output=log)
        if wait:
            self.wait_running()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()

    @property
    def log(self):
        return self.log_path.read_text(encoding="utf-8")

    def wait_running(self):
        wait_for("push-packet to run",
                 lambda: "push-packet: running" in self.log or self.process.poll() is not None)
        if self.process.poll() is not None:
            raise AssertionError(f"push-packet ended with status {self.process.returncode}:\n"
                                 f"{self.log}")

    def wait_log(self, text, seconds=10.0):
        wait_for(f"{text!r} in the log:\n{self.log}", lambda: text in self.log, seconds)

    def stats(self):
        done = self.lab.run("rx", PROGRAM, "stats", "--json", "--socket", self.socket)
        return json.loads(done.stdout)

    def settled(self, seen=None, seconds=10.0):
        """Statistics once nothing is on its way and, if given, so many packets were seen."""
        def quiet():
            stats = self.stats()
            total = stats["total"]
            enough = seen is None or total["seen"] >= seen
            sent = total["tx_completed"] == total["reflected"] + total["forwarded"]
            return stats if enough and sent and stats["balanced"] else None
        try:
            return wait_for("the ledger to balance", quiet, seconds)
        except AssertionError as error:
            stats = self.stats()
            raise AssertionError(f"{error}: in flight {stats['in_flight']}, "
                                 f"total {nonzero(stats['total'])}") from None

    def stop(self, number=signal.SIGTERM, seconds=20):
        """End it; returns its exit status."""
        self.process.send_signal(number)
        return self.process.wait(timeout=seconds)

    def kill(self):
        self.process.kill()
        self.process.wait()


def nonzero(row):
    return {key: value for key, value in row.items() if value}


def rule(stats, text):
    """The statistics of the rule whose text or name is text."""
    for entry in stats["rules"]:
        if text in (entry["text"], entry["name"]):
            return entry
    raise AssertionError(f"no rule {text!r} among {[entry['text'] for entry in stats['rules']]}")


def consumer(stats, name):
    return next(entry for entry in stats["consumers"] if entry["name"] == name)
