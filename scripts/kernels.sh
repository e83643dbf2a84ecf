#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The programs on other kernels: load each, count what the verifier walked through, shoot packets;
# then `push-packet run` between the ends of a veth pair, to the last packet, what it sends included: by
# clsact in 6.1, which has no tcx.
#
#   scripts/kernels.sh [--quick] [--keep] [KERNEL...]     host 6.1 6.12; default: all of them
#
#   host      the kernel that runs: load only, scripts/test.sh netns does the rest
#   6.1 6.12  Debian's, in qemu without KVM: any x86-64 machine will do
#   --quick   of each engine the program that does most
#   --keep    leave what the guests printed, and say where
#
# A line for each program: instructions of the xdp and of the xdp.frags variant and of the tc program, the budget, the
# time to load both. The kernels stay in ${XDG_CACHE_HOME:-/var/cache}/push-packet-kernels; remove
# it to get newer ones. Exit status 0: all good; 1: not; 77: good, but a kernel could not be had.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit

GUEST_SECONDS=600 # the limit; on an idle machine two take 60 together with --quick, 150 without
MIRROR=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
MODULES='veth sch_ingress cls_bpf' # in the order in which the guest loads them
# A folder for each set of modules.
cache=${XDG_CACHE_HOME:-/var/cache}/push-packet-kernels/${MODULES// /+}

# Instructions of the larger variant: 1.3 times what was measured, below the 1,000,000 of Linux.
#       program                       host    6.1   6.12
BUDGETS="
	linear/ethernet                      80000 103000 80000
	linear/ethernet+time                 80000 103000 80000
	linear/raw-ip                        80000 103000 80000
	linear+sets/ethernet                 92000 167000 92000
	linear+sets/ethernet+time            92000 167000 92000
	linear+sets/raw-ip                   92000 158000 92000
	linear+1024+sets+cache/ethernet      900000 900000 900000
	linear+1024+sets+cache/ethernet+time 900000 900000 900000
	linear+1024+sets+cache/raw-ip        900000 900000 900000
	tuple/ethernet                       463000 990000 463000
	tuple/ethernet+time                  463000 990000 463000
	tuple/raw-ip                         463000 990000 463000
	tuple+sets+cache/ethernet            480000 990000 480000
	tuple+sets+cache/ethernet+time       480000 990000 480000
	tuple+sets+cache/raw-ip              480000 990000 480000
"
QUICK='+sets+cache/ethernet+time$'

die() {
	echo "kernels.sh: $*" >&2
	exit 2
}

# Which Debian has the kernel.
suite_of() {
	case $1 in
	6.1) echo bookworm ;;
	6.12) echo trixie ;;
	esac
}

# budgets_of KERNEL: lines of program and budget.
budgets_of() {
	local column
	case $1 in
	host) column=2 ;;
	6.1) column=3 ;;
	6.12) column=4 ;;
	esac
	awk -v column=$column 'NF { print $1, $column }' <<<"$BUDGETS"
}

programs() {
	awk 'NF { print $1 }' <<<"$BUDGETS" | if [ "$quick" ]; then grep -e "$QUICK"; else cat; fi
}

# apt_in SUITE COMMAND...: apt with lists of its own, so that the system's stay as they are.
apt_in() {
	local dir=$tmp/apt-$1 command=$2
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	echo "deb [arch=amd64 signed-by=$KEYRING] $MIRROR $1 main" >"$dir/sources.list"
	shift 2
	"$command" -q -o Dir::Etc::sourcelist="$dir/sources.list" -o Dir::Etc::sourceparts=- \
		-o Dir::State::lists="$dir/lists" -o Dir::Cache="$dir/cache" \
		-o APT::Architecture=amd64 -o APT::Sandbox::User=root \
		-o APT::Update::Error-Mode=any -o Acquire::http::Timeout=20 "$@"
}

# download SUITE PACKAGE DIR: unpack a package without installing it.
download() {
	mkdir -p "$3" && (cd "$3" && apt_in "$1" apt-get download "$2") &&
		dpkg-deb -x "$3"/*.deb "$3" && rm -f "$3"/*.deb
}

fetch_kernel() {
	local suite dir=$tmp/fetch-$1 package module name
	suite=$(suite_of "$1")
	apt_in "$suite" apt-get update || return
	package=$(apt_in "$suite" apt-cache show linux-image-cloud-amd64 |
		sed -n 's/^Depends: \([^ ,]*\).*/\1/p' | head -n 1)
	case $package in
	"linux-image-$1".*) ;;
	*)
		echo "$suite has $package in place of Linux $1"
		return 1
		;;
	esac
	download "$suite" "$package" "$dir/package" && download "$suite" busybox-static "$dir/busybox" ||
		return
	mkdir "$dir/good"
	cp "$dir"/package/boot/vmlinuz-* "$dir/good/vmlinuz" &&
		cp "$(find "$dir/busybox" -path '*/bin/busybox')" "$dir/good/busybox" || return
	for name in $MODULES; do
		module=$(find "$dir/package" -name "$name.ko*")
		case $module in
		*.xz) xz -dc "$module" >"$dir/good/$name.ko" ;;
		*) cp "$module" "$dir/good/$name.ko" ;;
		esac || return
	done
	# All or nothing, also when two do this at once.
	mkdir -p "$cache"
	mv -T "$dir/good" "$cache/$1" 2>/dev/null || [ -f "$cache/$1/vmlinuz" ]
}

# image KERNEL: the guest's files; in /host the programs of this machine, with their libraries.
image() {
	local root=$tmp/root-$1 program library
	mkdir -p "$root"/{bin,dev,host,proc,run,sys,tmp}
	cp "$cache/$1/busybox" "$root/bin/"
	cp build/tests/bpf/load_test build/app/push-packet "$(command -v ip)" "$root/host/"
	for program in "$root"/host/*; do
		for library in $(ldd "$program" | grep -oE '/[^ ]+'); do
			mkdir -p "$root/${library%/*}"
			cp -L "$library" "$root$library"
		done
	done
	cp "$cache/$1"/*.ko tests/kernels/push-packet.yaml "$root/"
	printf '/%s.ko\n' $MODULES >"$root/modules"
	cp tests/kernels/init.sh "$root/init"
	programs >"$root/programs"
	(cd "$root" && find . | cpio -o -H newc --quiet) >"$tmp/initramfs-$1"
}

# The guests run side by side; timeout ends qemu when its time is over or when it is told to end.
guests=()
boot() {
	timeout --kill-after=5 $GUEST_SECONDS qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 \
		-m 2G -nodefaults -no-user-config -display none -no-reboot -nic none \
		-serial "file:$tmp/$1.log" -kernel "$cache/$1/vmlinuz" -initrd "$tmp/initramfs-$1" \
		-append "console=ttyS0 loglevel=1 panic=-1" </dev/null >"$tmp/$1.qemu" 2>&1 &
	guests+=($!)
}

clean_up() {
	local pid
	for pid in "${guests[@]}"; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	if [ "$keep" ]; then
		rm -rf "$tmp"/root-* "$tmp"/apt-* "$tmp"/fetch-*
		echo "kernels.sh: what the guests printed is in $tmp"
	else
		rm -rf "$tmp"
	fi
}

skip() {
	printf '%-6s skipped: %s\n' "$1" "$2"
	skipped=1
}

# What a failed guest had to say, without what was reported.
show_log() {
	grep -avE '^(ok|sent|stats|done)\b' "$tmp/$1.log" | cut -c 1-200 | tail -n 60 | sed 's/^/    /'
	sed 's/^/    /' "$tmp/$1.qemu" 2>/dev/null
}

report() {
	# shellcheck disable=SC2046
	tests/kernels/report.py "$1" "$tmp/$1.log" "$(budgets_of "$1")" $(programs) && return
	show_log "$1"
	failed=1
}

build() {
	[ -f build/build.ninja ] || meson setup build || return
	# Configured before Criterion was installed it has no tests.
	ninja -C build -t query tests/bpf/load_test >/dev/null 2>&1 ||
		meson setup --reconfigure build || return
	ninja -C build tests/bpf/load_test app/push-packet
}

# get KERNEL: into the cache, and say why not.
get() {
	[ "$(dpkg --print-architecture)" = amd64 ] || {
		skip "$1" "this machine is not x86-64"
		return 1
	}
	[ -f "$cache/$1/vmlinuz" ] || fetch_kernel "$1" >"$tmp/fetch.log" 2>&1 || {
		skip "$1" "cannot be fetched: $(grep -v '^W:' "$tmp/fetch.log" | tail -n 1)"
		return 1
	}
}

quick='' keep='' failed='' skipped='' kernels=()
for word in "$@"; do
	case $word in
	--quick) quick=1 ;;
	--keep) keep=1 ;;
	host | 6.1 | 6.12) kernels+=("$word") ;;
	*) die "no such kernel or option: $word" ;;
	esac
done
[ ${#kernels[@]} -gt 0 ] || kernels=(host 6.1 6.12)
[ "$(id -u)" = 0 ] || die "run as root: XDP programs need it"

tmp=$(mktemp -d)
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

scripts/deps.sh build lab test || exit 1
build >"$tmp/build.log" 2>&1 || {
	tail -n 40 "$tmp/build.log"
	exit 1
}

booted=() host=
for kernel in "${kernels[@]}"; do
	if [ "$kernel" = host ]; then
		host=1
	elif ! scripts/deps.sh kernels; then
		skip "$kernel" "qemu cannot be installed"
	elif get "$kernel"; then
		image "$kernel" && boot "$kernel" && booted+=("$kernel")
	fi
done
if [ "$host" ]; then
	# shellcheck disable=SC2046
	build/tests/bpf/load_test $(programs) >"$tmp/host.log" 2>"$tmp/host.qemu"
	report host
fi
wait "${guests[@]}"
guests=()
for kernel in "${booted[@]}"; do
	report "$kernel"
done
[ -z "$failed" ] || exit 1
[ -z "$skipped" ] || exit 77
