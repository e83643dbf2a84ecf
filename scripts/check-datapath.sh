#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# What can the datapath call? Walks the machine code of the program from the loops of the workers
# and the analysis threads, and holds every call that leaves our code against a short list: no
# allocation, no lock, no log, no system call but the AF_XDP kick and the idle wait.
#
#   scripts/check-datapath.sh [PROGRAM]         default: build/app/push-packet
#
# The list is what could be called; tests/netns/test_datapath.py looks at what is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
program=${1:-build/app/push-packet}
[ -x "$program" ] || {
	echo "$program is not built: ninja -C build" >&2
	exit 1
}
exec /usr/bin/python3 - "$program" <<'PYTHON'
import re
import subprocess
import sys

MEMORY = {"memcpy", "memmove", "memset", "memcmp"}
# What ends the process because of a bug of ours.
DEATH = {"__assert_fail", "__stack_chk_fail"}
# Grace periods: one store each; a writer that waits for one is woken by a futex call. A thread
# registers once, before its loop.
RCU = {"urcu_qsbr_register_thread", "urcu_qsbr_unregister_thread", "urcu_qsbr_quiescent_state",
       "urcu_qsbr_thread_offline", "urcu_qsbr_thread_online", "urcu_qsbr_wake_up_gp",
       "urcu_qsbr_read_ongoing", "rcu_dereference_sym"}
# Read in user space (vdso).
CLOCK = {"clock_gettime"}
# Who calls an analyser through its table of functions; what is built in is looked at below.
ANALYSERS = {"pp_lanes_call", "pp_lanes_tick", "call_packets", "call_tick",
             # Of capture, through its environment: see rule_of, lost_of.
             "fill_label", "count_lost_before"}

# Entry, what it may call outside, and what must be found on the way: if not, the walk was blind.
ROOTS = {
    "worker_run": (MEMORY | DEATH | RCU | CLOCK | {"sendto", "recvfrom", "poll"},
                   {"pp_port_rx_burst", "pp_port_refill", "pp_port_tx_burst",
                    "pp_port_tx_reclaim", "pp_port_kick", "pp_copy_ring_burst",
                    "pp_handoff_push_copy", "pp_port_list_take_back", "pp_lanes_call", "pp_lanes_tick", "sendto",
                    "poll"}),
    "analyser_run": (MEMORY | DEATH | RCU | CLOCK | {"nanosleep"},
                     {"call_packets", "call_tick", "nanosleep"}),
    "count_packets": (MEMORY | DEATH | RCU, {"pp_count_packet"}),
    "null_packets": (set(), set()),
    "record_packets": (MEMORY | DEATH | {"snprintf", "strlen"},
                       {"pp_record_queue_room", "pp_pcapng_packet", "pp_ring_push"}),
    "record_tick": (MEMORY | CLOCK, {"pp_record_queue_flush", "clock_gettime"}),
    "rule_of": (MEMORY | RCU, set()),
    "lost_of": (set(), set()),
    "flows_packets": (MEMORY | DEATH, {"pp_flow_table_count", "pp_sketch_add", "pp_tcp_flags"}),
    "flows_tick": (MEMORY | DEATH, {"pp_sketch_rows"}),
    "histogram_packets": (MEMORY | DEATH, {"pp_top_table_count", "pp_window_add"}),
}

FUNCTION = re.compile(r"^([0-9a-f]+) <([^>]+)>:$")
TARGET = re.compile(r"\t(?:call|j\w+)\s+([0-9a-f]+) <([^>+]+)(\+0x[0-9a-f]+)?>")
INDIRECT = re.compile(r"\t(?:call|jmp)\s+\*(?!.*<[^>]+@)")


class Function:
    def __init__(self, name):
        self.name = name
        self.targets = set()  # addresses
        self.indirect = []


def disassemble(path):
    """Address -> function: static functions of two files can have one name."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", path], check=True,
                          capture_output=True, text=True).stdout
    functions, current = {}, Function("")
    for line in text.splitlines():
        if found := FUNCTION.match(line):
            current = functions[int(found[1], 16)] = Function(found[2])
        elif found := TARGET.search(line):
            # A jump to another function's middle is a branch of a function that was split.
            offset = int(found[3] or "0", 16)
            if found[2] != current.name or not offset:
                current.targets.add(int(found[1], 16) - offset)
        elif INDIRECT.search(line):
            current.indirect.append(line.strip())
    return functions


def base(name):
    """sendto@plt -> sendto, idle.part.0 -> idle."""
    return re.split(r"@|\.(?:part|isra|constprop|cold)\b", name)[0]


def walk(functions, root, allowed):
    seen, wrong, queue = {root}, [], [root]
    while queue:
        function = functions[queue.pop()]
        if function.indirect and base(function.name) not in ANALYSERS:
            wrong.append(f"{function.name}() calls what cannot be told: {function.indirect[0]}")
        for address in sorted(function.targets - seen):
            seen.add(address)
            target = functions[address].name
            if "@" not in target:
                queue.append(address)
            elif base(target) not in allowed:
                wrong.append(f"{function.name}() calls {base(target)}()")
    return {base(functions[address].name) for address in seen}, wrong


functions = disassemble(sys.argv[1])
addresses = {function.name: address for address, function in functions.items()}
status = 0
for root, (allowed, expected) in ROOTS.items():
    if root not in addresses:
        print(f"{sys.argv[1]} has no function {root}()")
        status = 1
        continue
    seen, wrong = walk(functions, addresses[root], allowed)
    blind = expected - seen
    if blind:
        wrong.append(f"the walk did not come to {', '.join(sorted(blind))}: it is blind")
    status |= bool(wrong)
    print("\n".join(f"{root}: {text}" for text in wrong) or
          f"{root}: {len(seen)} functions, outside only "
          f"{', '.join(sorted(name for name in seen & allowed))}")
sys.exit(status)
PYTHON
