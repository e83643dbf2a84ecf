#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# How fast, beside programs that do the same: packets per second delivered and the part that was
# lost, in interleaved pairs of runs, with the median of the paired ratios and its spread.
#
#   scripts/bench.sh [--pairs 7] [--seconds 2] [--only NAME] [--json]
#   scripts/bench.sh --rules FILE... [--flows N]     drop with many rules beside a bare XDP_DROP
#   scripts/bench.sh rules [FILE]      what changes of rules cost; FILE: a set of addresses
#   scripts/bench.sh handoff [OPTION]...       worker to analyser beside ck_ring and rte_ring
#   scripts/bench.sh acl [OPTION]... SET...    classification beside DPDK's librte_acl: acl_peer.py
#
#   sink-xdpsock   route to sink beside `xdpsock -r -N -c`, the same rings and UMEM
#   sink-testpmd   route to sink beside dpdk-testpmd (net_af_xdp, rxonly)
#   drop-bare      drop by the last of 8 rules beside a program that is nothing but XDP_DROP
#   copy           copy take 64 then drop: packets that the worker got, and ring loss
#
# The source (live frames) is on CPU 0, the receiver on CPU 1; each run has a fresh veth pair.
# xdpsock is not in Debian: XDPSOCK=PATH names the program, or BPF_EXAMPLES=DIR a checkout (or
# bare clone) of https://github.com/xdp-project/bpf-examples, from which it is built. A peer
# that is not there is named, and the rest is measured.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ "$(id -u)" = 0 ] || {
	echo "bench.sh: run as root" >&2
	exit 2
}
scripts/deps.sh build lab test bench
work=.cache/bench
mkdir -p "$work"

# xdpsock as it is, but for two things: a kernel that accounts BPF memory to cgroups needs no
# RLIMIT_MEMLOCK, so that a refusal is not fatal; and the UMEM has as many frames as ours.
build_xdpsock() {
	local source=$work/bpf-examples
	rm -rf "$source"
	mkdir -p "$source"
	git -C "$BPF_EXAMPLES" archive HEAD AF_XDP-example headers | tar -x -C "$source"
	sed -i -e 's/if (setrlimit(RLIMIT_MEMLOCK, &r)) {/if (setrlimit(RLIMIT_MEMLOCK, \&r) \&\& 0) {/' \
		-e 's/^#define NUM_FRAMES .*/#define NUM_FRAMES 16384/' "$source/AF_XDP-example/xdpsock.c"
	cc -O2 -I"$source/headers" "$source/AF_XDP-example/xdpsock.c" -o "$work/xdpsock" \
		-lxdp -lbpf -lelf -lz -lpthread -lcap
}

[ -d build ] || meson setup build >/dev/null
ninja -C build app/push-packet >"$work/build.log" 2>&1 || {
	tail -n 40 "$work/build.log" >&2
	exit 1
}
if [ "${1:-}" = rules ]; then
	exec /usr/bin/python3 tests/bench/rules.py "${@:2}"
fi
if [ "${1:-}" = acl ]; then
	ninja -C build tests/bench/ruleset-gen >"$work/build.log"
	exec /usr/bin/python3 tests/bench/acl_peer.py "${@:2}"
fi
if [ "${1:-}" = handoff ]; then
	ninja -C build tests/bench/handoff_peer_ck tests/bench/handoff_peer_rte >"$work/build.log"
	exec build/app/push-packet bench handoff --peer all "${@:2}"
fi
if [ -n "${BPF_EXAMPLES:-}" ]; then
	build_xdpsock
	XDPSOCK=$work/xdpsock
fi
clang -O2 -g -target bpf "-I/usr/include/$(uname -m)-linux-gnu" \
	-c tests/bench/bare_drop.bpf.c -o "$work/bare_drop.o"
exec /usr/bin/python3 tests/bench/compare.py --bare-drop "$work/bare_drop.o" \
	--xdpsock "${XDPSOCK:-$(command -v xdpsock || :)}" "$@"
