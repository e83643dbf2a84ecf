#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# How fast: what is measured beside other programs, or needs preparation. The rest is
# `push-packet bench`.
#
#   scripts/bench.sh [OPTION]...       ours beside its peers: scripts/bench-peers.sh
#   scripts/bench.sh rules [FILE]      what changes of rules cost; FILE: a set of addresses
#   scripts/bench.sh handoff [OPTION]...       worker to analyser beside ck_ring and rte_ring
#   scripts/bench.sh acl [OPTION]... SET...    classification beside DPDK's librte_acl: acl_peer.py
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ "$(id -u)" = 0 ] || {
	echo "bench.sh: run as root" >&2
	exit 2
}
scripts/deps.sh build lab test bench
work=.cache/bench
mkdir -p "$work"

[ -d build ] || meson setup build >/dev/null
ninja -C build app/push-packet >"$work/build.log" 2>&1 || {
	tail -n 40 "$work/build.log" >&2
	exit 1
}
if [ "${1:-}" = rules ]; then
	exec /usr/bin/python3 tests/bench/rules.py "${@:2}"
fi
if [ "${1:-}" = library ]; then
	ninja -C build tests/bench/library-receive >"$work/build.log"
	exec /usr/bin/python3 tests/bench/library.py "${@:2}"
fi
if [ "${1:-}" = acl ]; then
	ninja -C build tests/bench/ruleset-gen >"$work/build.log"
	exec /usr/bin/python3 tests/bench/acl_peer.py "${@:2}"
fi
if [ "${1:-}" = handoff ]; then
	ninja -C build tests/bench/handoff_peer_ck tests/bench/handoff_peer_rte \
		tests/bench/handoff_peer_pointers >"$work/build.log"
	exec build/app/push-packet bench handoff --peer all "${@:2}"
fi
exec scripts/bench-peers.sh "$@"
