#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# See push-packet work: packets on a veth pair are dropped, passed, copied and routed by a real
# XDP program, and every one of them is accounted for.
#
# Run as root on Debian 12. Installs what is missing, builds in build/, makes two network
# namespaces, and ends within a minute after that; nothing of it stays. Exit status 0: all was
# as it should be.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

PACKETS=50000 # of each kind, from each of two CPUs
RATE=100k
QUEUES=$(($(nproc) > 1 ? 2 : 1))

say() {
	if [ -t 1 ]; then
		printf '\n\033[1m%s\033[0m\n' "$*"
	else
		printf '\n%s\n' "$*"
	fi
}

die() {
	echo "demo.sh: $*" >&2
	exit 1
}

[ "$(id -u)" = 0 ] || die "run as root: XDP programs and network namespaces need it"
scripts/deps.sh build lab
. scripts/lab.sh
tmp=$(mktemp -d)
trap 'lab_down; rm -rf "$tmp"' EXIT

say "Building in build/"
[ -f build/build.ninja ] || meson setup build >"$tmp/build.log" 2>&1 ||
	die "meson failed:"$'\n'"$(tail -n 20 "$tmp/build.log")"
ninja -C build app/push-packet >"$tmp/build.log" 2>&1 ||
	die "the build failed:"$'\n'"$(tail -n 40 "$tmp/build.log")"
program=$PWD/build/app/push-packet
"$program" --version

say "The rules"
cat >"$tmp/rules" <<'RULES'
drop                    proto tcp dport 23      name telnet
pass                    proto udp dport 123     name time
copy                    proto udp dport 53      name names
copy take 64            proto tcp dport 443     name web
copy take 64 then drop  src 203.0.113.0/24      name scanner
route to sink           dst 198.51.100.7        name bypass
route to mirror         proto udp dport 7       name echo
RULES
cat "$tmp/rules"
cat >"$tmp/push-packet.yaml" <<CONFIG
interfaces:
  - name: pp0
    mode: native
    queues: all
workers:
  idle: adaptive
rings:
  copy: 32MiB # what comes while the source, on the worker's CPU, does not let it
rules:
  default: pass
  files: [$tmp/rules]
consumers:
  - {name: counter, kind: count}
  - {name: sink, kind: sink}
  - {name: mirror, kind: reflect}
control:
  socket: $tmp/control
CONFIG

say "push-packet run, on one end of a veth pair with $QUEUES receive queues"
lab_up demo "$QUEUES"
lab_exec demo rx "$program" run -c "$tmp/push-packet.yaml" >"$tmp/run.log" 2>&1 &
daemon=$!
for _ in $(seq 100); do
	grep -q 'push-packet: running' "$tmp/run.log" && break
	kill -0 $daemon 2>/dev/null || die "it ended:"$'\n'"$(cat "$tmp/run.log")"
	sleep 0.1
done
grep -q 'push-packet: running' "$tmp/run.log" || die "it does not start: $(cat "$tmp/run.log")"
cat "$tmp/run.log"

say "push-packet gen, on the other end: $((2 * PACKETS)) packets of each kind"
lab_exec demo src "$program" gen --receive --interface gen0 --count $((2 * PACKETS)) \
	--drain 2s --json >"$tmp/returned.json" 2>"$tmp/receiver.log" &
receiver=$!

send() {
	local name=$1 cpu
	shift
	for cpu in 0 $((QUEUES - 1)); do
		lab_in demo src "$program" gen --interface gen0 --dst-mac $LAB_RX_MAC --json \
			--cpu $cpu --seed "$cpu" --count $PACKETS --rate $RATE "$@" >"$tmp/sent.json"
		printf '%s ' "$name" | cat - "$tmp/sent.json" | tr -d '\n' >>"$tmp/sent"
		echo >>"$tmp/sent"
	done
}
send telnet --proto tcp --dport 23
send time --dport 123
send names --dport 53 --size 512 --src 192.0.2.16/29
send web --proto tcp --dport 443 --size 1400 --flows 16
send scanner --src 203.0.113.9 --dport 22 --proto tcp
send bypass --dst 198.51.100.7 --dport 4000-4999
send echo --dport 7 --ipv6
send "(none)" --dport 9999 --vlan 100
wait $receiver || die "the receiver failed: $(cat "$tmp/receiver.log")"

"$program" stats --socket "$tmp/control" --json >"$tmp/stats.json"
for _ in $(seq 50); do
	grep -q '"balanced": true' "$tmp/stats.json" && break
	sleep 0.1
	"$program" stats --socket "$tmp/control" --json >"$tmp/stats.json"
done

say "What became of them"
/usr/bin/python3 - "$tmp" <<'PYTHON'
import json, sys

folder = sys.argv[1]
sent = {}
for line in open(f"{folder}/sent"):
    name, report = line.split(" ", 1)
    report = json.loads(report)
    # What the veth refused never reached the other end.
    sent[name] = sent.get(name, 0) + report["sent"] - (report["driver_dropped"] or 0)
stats = json.load(open(f"{folder}/stats.json"))
returned = json.load(open(f"{folder}/returned.json"))
total = stats["total"]
good = True

print(f"{'rule':<10}{'sent':>10}{'matched':>10}")
for rule in stats["rules"]:
    name = rule["name"] or "(none)"
    mark = "" if rule["packets"] == sent[name] else "   <- differs"
    good &= not mark
    print(f"{name:<10}{sent[name]:>10,}{rule['packets']:>10,}   {rule['text'].split(' name ')[0]}{mark}")
print(f"{'':<10}{sum(sent.values()):>10,}{total['seen']:>10,}   seen by the XDP program")
good &= sum(sent.values()) == total["seen"]

print(f"\n{total['copy_analysed']:,} copies analysed; {total['sink']:,} packets routed to the sink; "
      f"{total['reflected']:,} sent back,\nof which {returned['received']:,} arrived, "
      f"{returned['out_of_order']} out of order, {returned['corrupt']} damaged")
good &= returned["received"] == total["reflected"] and not returned["corrupt"]
open(f"{folder}/verdict", "w").write("good" if good else "")
PYTHON

say "The end: detach, drain, and the ledger: where every packet went"
started=$(wc -l <"$tmp/run.log")
kill -TERM $daemon
status=0
wait $daemon || status=$?
# The rules and consumers were shown above.
tail -n +$((started + 1)) "$tmp/run.log" | sed '/^rules$/,$d'
balanced=$(grep -c '"balanced": true' "$tmp/stats.json" || :)
[ $status = 0 ] || die "push-packet ended with status $status"
[ "$balanced" = 1 ] || die "the ledger does not balance"
[ "$(cat "$tmp/verdict")" = good ] || die "not every packet is where it should be"
say "The ledger balances: every packet that was sent is accounted for."
