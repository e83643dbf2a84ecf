#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# A laboratory of network namespaces, to be sourced: every packet stays on this machine.
#
#   lab_up NAME [QUEUES] [MTU] [skb]
#                                   two namespaces, a veth pair between them; what CPU N sends
#                                   arrives on queue N modulo QUEUES in native mode, or in skb mode
#   lab_up_tun NAME [MTU]           one namespace with a tun interface
#   lab_in NAME rx|src COMMAND...   run a command on one of the two sides
#   lab_exec NAME rx|src COMMAND... the same in place of a subshell: after `lab_exec ... &` $! is
#                                   the command itself, ready for signals
#   lab_down                        remove whatever was made here
#
# The receiving side has the interface pp0 (192.0.2.1, 2001:db8::1), the source side gen0
# (192.0.2.2). Neighbours are permanent and the source side has no IPv6, so that not one packet
# crosses but those that somebody sends: counts can be exact.
#
# Namespaces are named pp<pid>-NAME-rx and pp<pid>-NAME-src. They go when the shell that sourced
# this file ends, whatever ends it; what a killed shell left is removed by the next lab_up.

LAB_RX_MAC=02:00:00:00:00:01
LAB_SRC_MAC=02:00:00:00:00:02
lab_made=()

lab_ns() {
	echo "pp$$-$1-$2"
}

lab_in() {
	local ns
	ns=$(lab_ns "$1" "$2")
	shift 2
	nsenter --net="/run/netns/$ns" -- "$@"
}

lab_exec() {
	local ns
	ns=$(lab_ns "$1" "$2")
	shift 2
	exec nsenter --net="/run/netns/$ns" -- "$@"
}

# End what runs inside, gently first, then take the namespace away.
lab_delete() {
	local ns=$1
	lab_signal "$ns" TERM
	for _ in $(seq 20); do
		[ -n "$(ip netns pids "$ns" 2>/dev/null)" ] || break
		sleep 0.1
	done
	lab_signal "$ns" KILL
	ip netns del "$ns" 2>/dev/null || :
}

lab_signal() {
	local pids
	pids=$(ip netns pids "$1" 2>/dev/null) || :
	# shellcheck disable=SC2086
	[ -z "$pids" ] || kill "-$2" $pids 2>/dev/null || :
}

# Namespaces of ours whose shell is gone.
lab_sweep() {
	local path ns pid
	for path in /run/netns/pp[0-9]*-*; do
		ns=${path##*/}
		pid=${ns#pp}
		pid=${pid%%-*}
		case $pid in *[!0-9]*) continue ;; esac
		if [ -e "$path" ] && [ ! -d "/proc/$pid" ]; then
			lab_delete "$ns"
		fi
	done
}

lab_down() {
	local ns
	for ns in "${lab_made[@]}"; do
		lab_delete "$ns"
	done
	lab_made=()
}

lab_add() {
	# Noted first: a signal between the two leaves nothing.
	lab_made+=("$1")
	ip netns add "$1"
	ip -n "$1" link set lo up
}

# Of a packet in skb mode the receiving end takes the sender's transmit queue less one for the
# receive queue, so CPU N sends on queue N + 1. ip netns exec brings the namespace's own /sys.
lab_steer() {
	local queue
	for queue in $(seq "$2"); do
		ip netns exec "$1" sh -c "printf %x $((1 << (queue - 1))) \
			>/sys/class/net/gen0/queues/tx-$queue/xps_cpus"
	done
}

lab_up() {
	local name=$1 queues=${2:-1} mtu=${3:-1500} mode=${4:-native} rx src
	rx=$(lab_ns "$name" rx)
	src=$(lab_ns "$name" src)
	lab_sweep
	lab_add "$rx"
	lab_add "$src"
	ip link add pp0 netns "$rx" address $LAB_RX_MAC mtu "$mtu" \
		numrxqueues "$queues" numtxqueues "$queues" type veth \
		peer name gen0 netns "$src" address $LAB_SRC_MAC mtu "$mtu" \
		numrxqueues "$queues" numtxqueues $((queues + 1))
	if [ "$mode" = skb ]; then
		lab_steer "$src" "$queues"
	else
		lab_in "$name" src ethtool -L gen0 tx "$queues"
	fi
	lab_in "$name" src sh -c 'echo 1 >/proc/sys/net/ipv6/conf/gen0/disable_ipv6'
	ip -n "$rx" link set pp0 addrgenmode none
	# A frame the kernel sends would carry half a checksum.
	lab_in "$name" src ethtool -K gen0 tx off >/dev/null 2>&1
	lab_in "$name" rx ethtool -K pp0 tx off >/dev/null 2>&1
	ip -n "$rx" addr add 192.0.2.1/24 dev pp0
	# On lo, so that pp0 has no multicast group to report.
	ip -n "$rx" addr add 2001:db8::1/128 dev lo
	ip -n "$src" addr add 192.0.2.2/24 dev gen0
	ip -n "$rx" link set pp0 up
	ip -n "$src" link set gen0 up
	ip -n "$rx" route add 2001:db8::/64 dev pp0
	ip -n "$rx" neigh replace 192.0.2.2 lladdr $LAB_SRC_MAC nud permanent dev pp0
	ip -n "$rx" neigh replace 2001:db8::2 lladdr $LAB_SRC_MAC nud permanent dev pp0
	ip -n "$src" neigh replace 192.0.2.1 lladdr $LAB_RX_MAC nud permanent dev gen0
}

lab_up_tun() {
	local name=$1 mtu=${2:-1500} rx
	rx=$(lab_ns "$name" rx)
	lab_sweep
	lab_add "$rx"
	ip -n "$rx" tuntap add dev pp0 mode tun
	ip -n "$rx" link set pp0 mtu "$mtu" addrgenmode none txqueuelen 10000 up
	ip -n "$rx" addr add 192.0.2.1/24 dev pp0
	ip -n "$rx" addr add 2001:db8::1/128 dev lo
}

trap lab_down EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
