#!/bin/busybox sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# /init of the guests of scripts/kernels.sh. What it prints on the serial console is read by
# tests/kernels/report.py. Commands without a path are busybox's own, those in /host are the ones of
# the machine that started the guest.

/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
exec >/dev/ttyS0 2>&1
stty -onlcr </dev/ttyS0

# Milliseconds since the boot.
now() {
	sed 's/\.\(..\) .*/\10/' /proc/uptime
}

echo "kernel $(uname -r)"
# shellcheck disable=SC2046
/host/load_test $(cat /programs) 2>/tmp/load.err
tail -n 40 /tmp/load.err | sed 's/^/load_test: /'

# Nothing crosses the veth pair but what gen sends: no address, no neighbour discovery.
while read -r module; do
	insmod "$module"
done </modules
echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
/host/ip link set lo up
/host/ip link add pp0 address 02:00:00:00:00:01 numrxqueues 2 numtxqueues 2 type veth \
	peer name gen0 address 02:00:00:00:00:02 numrxqueues 2 numtxqueues 2
/host/ip link set pp0 up
/host/ip link set gen0 up

# The daemon's last words, then the guest's.
end() {
	kill -TERM $daemon 2>/dev/null
	wait $daemon
	echo "run ended with status $?"
	sed 's/^/run: /' /tmp/run.log
	echo done
	poweroff -f
}

begin=$(now)
/host/push-packet run -c /push-packet.yaml >/tmp/run.log 2>&1 &
daemon=$!
while ! grep -q 'push-packet: running' /tmp/run.log && kill -0 $daemon 2>/dev/null; do
	usleep 50000
done
kill -0 $daemon 2>/dev/null || end
echo "started $(($(now) - begin)) ms"

# send NAME OPTION...: some from each CPU, so that both queues have some.
send() {
	name=$1
	shift
	for cpu in 0 1; do
		/host/push-packet gen --interface gen0 --dst-mac 02:00:00:00:00:01 --cpu $cpu \
			--seed $cpu --count 1000 --rate 20k --json "$@" >/tmp/sent
		echo "sent $name $(tr -d '\n' </tmp/sent)"
	done
}
send telnet --proto tcp --dport 23
send time --dport 123
send names --dport 53 --size 512 --src 192.0.2.16/29
send web --proto tcp --dport 443 --size 1400 --flows 16
send scanner --src 203.0.113.9 --dport 22 --proto tcp
send bypass --dst 198.51.100.7 --dport 4000-4999
send echo --dport 7 --ipv6
send - --dport 9999 --vlan 100

# What the kernel sends itself by pp0. Nobody answers.
/host/ip address add 192.0.2.1/24 dev pp0
/host/ip neighbour replace 192.0.2.2 lladdr 02:00:00:00:00:02 nud permanent dev pp0
ping -q -c 50 -i 0.02 -W 1 192.0.2.2 | sed -n 's/^\([0-9]*\) packets transmitted.*/out \1/p'

for _ in $(seq 50); do
	/host/push-packet stats -s /tmp/control --json >/tmp/stats 2>/tmp/stats.err
	grep -q '"balanced": true' /tmp/stats && break
	usleep 100000
done
cat /tmp/stats.err
echo "stats $(tr -d '\n' </tmp/stats)"
end
