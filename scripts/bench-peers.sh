#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Ours beside its peers, in interleaved pairs of runs on one veth pair: what was delivered and lost,
# how long round trips took, the median of the paired ratios with its bootstrap 95 % interval, and
# whether what is claimed is met (push-packet bench pairs --help).
#
#   scripts/bench-peers.sh [--pairs 11] [--seconds 2] [--only NAME]... [--json FILE] [--chart PREFIX]
#   scripts/bench-peers.sh --in-turn --pairs 60 --seconds 0.1 ...   short pairs, both sides alive
#   scripts/bench-peers.sh --keep FILE --pairs 3 ...      many pairs in several sittings
#   scripts/bench-peers.sh --rules FILE... [--flows N]    drop with many rules beside XDP_DROP
#
#   sink-xdpsock   route to sink behind 1,000 rules beside `xdpsock -r -N -c`, same rings and UMEM
#   sink-testpmd   the same beside dpdk-testpmd rxonly (net_af_xdp)
#   sink-packet    the same beside dpdk-testpmd rxonly (net_af_packet)
#   drop-bare      drop by the last of 8 rules beside a program that is nothing but XDP_DROP
#   drop-nft       drop behind 1,000 rules beside one rule of nftables at the netdev hook
#   copy           copy take 64 then drop: packets that the worker got, and ring loss
#   copy-tcpdump   copy take 64 then pass beside `tcpdump -s 64 -w /dev/null`
#   copy-xdpdump   the same beside `xdpdump -s 64 -w /dev/null`
#   rtt-xdpsock    round trips behind 1,000 rules (push-packet bench rtt) beside `xdpsock -l -N -c`
#   rtt-testpmd    the same beside dpdk-testpmd macswap (net_af_xdp)
#   rtt-udp-spin   the same beside a kernel UDP echo on a non-blocking socket (tests/bench/udp_echo.c)
#   rtt-udp-sleep  the same beside one that sleeps in recvfrom()
#
# Classification beside DPDK's librte_acl is `scripts/bench.sh acl`.
#
# The source (live frames), or the client of round trips, is on CPU 0, the program on CPU 1; each run
# has a fresh veth pair. xdpsock is not in Debian: XDPSOCK=PATH names the program, or
# BPF_EXAMPLES=DIR a checkout (or bare clone) of https://github.com/xdp-project/bpf-examples, from
# which it is built. A peer that is not there is named as missing, and the rest is measured.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ "$(id -u)" = 0 ] || {
	echo "bench-peers.sh: run as root" >&2
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
ninja -C build app/push-packet tests/bench/ruleset-gen tests/bench/udp_echo >"$work/build.log" 2>&1 || {
	tail -n 40 "$work/build.log" >&2
	exit 1
}
if [ -n "${BPF_EXAMPLES:-}" ]; then
	[ -x "$work/xdpsock" ] || build_xdpsock
	XDPSOCK=$work/xdpsock
fi
build/tests/bench/ruleset-gen --rules gen:acl:1000:1 --format rules >"$work/acl-1000.rules"
clang -O2 -g -target bpf "-I/usr/include/$(uname -m)-linux-gnu" \
	-c tests/bench/bare_drop.bpf.c -o "$work/bare_drop.o"
exec /usr/bin/python3 tests/bench/compare.py --bare-drop "$work/bare_drop.o" \
	--xdpsock "${XDPSOCK:-$(command -v xdpsock || :)}" --behind "$work/acl-1000.rules" "$@"
