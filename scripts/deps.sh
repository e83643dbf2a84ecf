#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Install the Debian packages that are missing, and nothing else.
#
#   scripts/deps.sh [build] [lab] [test] [bench] [kernels]        default: build lab
set -euo pipefail

build="gcc libc6-dev meson ninja-build pkg-config clang bpftool linux-libc-dev
	libbpf-dev libxdp-dev libelf-dev zlib1g-dev liburcu-dev libnuma-dev libcap-ng-dev
	libfyaml-dev libjansson-dev libevent-dev libpcap-dev scdoc"
lab="iproute2 ethtool util-linux procps libcap2-bin"
test="libcriterion-dev libclang-rt-14-dev llvm clang-format binutils python3 python3-pytest python3-scapy
	python3-pyroute2 python3-hypothesis man-db
	golang-github-google-gopacket-dev python3-dpkt sip-tester liblwip-dev iputils-ping"
bench="dpdk-dev libcap-dev python3"
kernels="qemu-system-x86 cpio xz-utils"

die() {
	echo "deps: $*" >&2
	exit 1
}

missing() {
	local package
	for package in "$@"; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
			echo "$package"
	done
}

command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
	die "this is not Debian: install the packages named in $0 by other means"

wanted=
for group in "${@:-build lab}"; do
	for name in $group; do
		case $name in
		build | lab | test | bench | kernels) wanted+=" ${!name}" ;;
		*) die "no such group: $name; there are build, lab, test, bench, kernels" ;;
		esac
	done
done

# shellcheck disable=SC2086
todo=$(missing $wanted)
[ -n "$todo" ] || exit 0
[ "$(id -u)" = 0 ] || die "run as root, or install these first:" $todo

echo "deps: installing" $todo
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
install="apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300"
# An old package list, or none, fails first: then fetch a new one.
$install $todo </dev/null >"$log" 2>&1 ||
	{ apt-get update && $install $todo; } </dev/null >"$log" 2>&1 ||
	{
		tail -n 20 "$log" >&2
		die "apt-get could not install:" $todo
	}
