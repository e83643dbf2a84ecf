#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Everything that can be tested here, and one line at the end: `N passed, N failed`.
#
#   scripts/test.sh [unit] [fuzz] [bpf] [stress] [netns] [checks]       default: all of these
#   scripts/test.sh kernels
#
#   unit    what needs no kernel: under AddressSanitizer and UndefinedBehaviorSanitizer
#   fuzz    a fixed number of inputs from a fixed seed
#   bpf     verdicts of the XDP program, by BPF_PROG_TEST_RUN
#   stress  what several threads share: under ThreadSanitizer
#   netns   the program on real interfaces, in network namespaces of their own
#   checks  style, README, and what the datapath may call
#   kernels the programs on other kernels, in qemu: some minutes, most of it the verifier's time
#
# Installs what is missing. Builds in build/, build-asan/ and build-tsan/. Needs root.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

parts="${*:-unit fuzz bpf stress netns checks}"
passed=0 failed=0 skipped=0
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

export ASAN_OPTIONS=log_path=$logs/sanitizer.asan
export UBSAN_OPTIONS=log_path=$logs/sanitizer.ubsan:print_stacktrace=1
export TSAN_OPTIONS=log_path=$logs/sanitizer.tsan

# fail NAME LOG [LINES]: show what went wrong; the names come again at the end.
failures=()
fail() {
	failures+=("$1")
	echo "FAILED: $1"
	sed 's/^/    /' "$2" | tail -n "${3:-60}"
}

# build DIR [MESON OPTION...]
build() {
	local dir=$1 log=$logs/$1.log
	shift
	[ -f "$dir/build.ninja" ] || rm -rf "$dir"
	[ -d "$dir" ] || meson setup "$dir" "$@" >"$log" 2>&1 || {
		fail "meson setup $dir" "$log"
		return 1
	}
	ninja -C "$dir" all meson-test-prereq >"$log" 2>&1 || {
		fail "ninja -C $dir" "$log"
		return 1
	}
}

# Lines `NAME<tab>PROTOCOL<tab>TIMEOUT<tab>COMMAND...` of the tests of one suite.
tests_of() {
	meson introspect --tests "$1" | /usr/bin/python3 -c '
import json, shlex, sys
for t in json.load(sys.stdin):
    if any(s.split(":")[-1] == sys.argv[1] for s in t["suite"]):
        env = [f"{k}={v}" for k, v in t["env"].items()]
        command = (["env", *env] if env else []) + t["cmd"]
        print(t["name"], t["protocol"], t["timeout"], shlex.join(command), sep="\t")
' "$2"
}

# A sanitizer that had something to say fails the test, whatever the test said.
sanitizer_spoke() {
	local found=1 report
	for report in "$logs"/sanitizer.*; do
		[ -s "$report" ] || continue
		fail "$1: sanitizer" "$report" 80
		rm -f "$report"
		found=0
	done
	return $found
}

# run_one DIR NAME PROTOCOL TIMEOUT COMMAND: count test cases where the test tells them.
run_one() {
	local dir=$1 log=$logs/$2.log ok=0 not_ok=0 skip=0 status
	shift
	(cd "$dir" && exec timeout --kill-after=10 $(($3 * 4)) bash -c "exec $4") \
		>"$log" 2>&1 </dev/null
	status=$?
	if [ "$2" = tap ]; then
		skip=$(grep -ciE '^ok\b.*# *skip' "$log")
		ok=$(($(grep -cE '^ok\b' "$log") - skip))
		not_ok=$(grep -cE '^not ok\b' "$log")
	elif [ $status = 77 ]; then
		skip=1
	elif [ $status = 0 ]; then
		ok=1
	fi
	# Dead without a word, or done without a test: that is a failure too.
	[ $not_ok -gt 0 ] || { [ $status = 0 ] && [ $((ok + skip)) -gt 0 ]; } ||
		[ $status = 77 ] || not_ok=1
	[ $not_ok = 0 ] || fail "$1 (exit status $status)" "$log"
	! sanitizer_spoke "$1" || not_ok=$((not_ok + 1))
	passed=$((passed + ok)) failed=$((failed + not_ok)) skipped=$((skipped + skip))
}

# run_suite DIR SUITE
run_suite() {
	local name protocol seconds command
	while IFS=$'\t' read -r -u 3 name protocol seconds command; do
		run_one "$1" "$name" "$protocol" "$seconds" "$command"
	done 3< <(tests_of "$1" "$2")
}

# The tests that failed, each with the first line of why; then the counts of good, bad and skipped.
READ_XML='
import sys, xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot().find("testsuite")
for case in suite.iter("testcase"):
    for bad in (*case.iter("failure"), *case.iter("error")):
        why = bad.get("message", "").partition("\n")[0][:160]
        print(case.get("classname").split(".")[-1] + ".py::" + case.get("name") + ": " + why)
total, *bad, skipped = (int(suite.get(k)) for k in ("tests", "failures", "errors", "skipped"))
print(total - sum(bad) - skipped, sum(bad), skipped)'

run_netns() {
	local log=$logs/netns.log xml=$logs/netns.xml status result counts
	/usr/bin/python3 -m pytest tests/netns -q --tb=short -p no:cacheprovider \
		--junitxml="$xml" >"$log" 2>&1 </dev/null
	status=$?
	mapfile -t result < <(/usr/bin/python3 -c "$READ_XML" "$xml" 2>/dev/null)
	counts="0 0 0"
	[ ${#result[@]} = 0 ] || {
		counts=${result[-1]}
		unset 'result[-1]'
	}
	# shellcheck disable=SC2086
	set -- $counts
	if [ $status != 0 ]; then
		[ ${#result[@]} = 0 ] || printf 'FAILED: %s\n' "${result[@]}"
		failures+=("${result[@]}")
		# Without the dots of those that passed.
		sed -i '/^[.sFE]* *\[ *[0-9]*%\]$/d' "$log"
		fail "pytest tests/netns (exit status $status)" "$log" 200
		[ "$2" -gt 0 ] || set -- "$1" 1 "$3"
	fi
	passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
}

run_checks() {
	local check log=$logs/check.log
	for check in scripts/check-*.sh; do
		if "$check" >"$log" 2>&1 </dev/null; then
			passed=$((passed + 1))
		else
			fail "$check" "$log"
			failed=$((failed + 1))
		fi
	done
}

run_kernels() {
	local log=$logs/kernels.log status bad
	scripts/kernels.sh >"$log" 2>&1 </dev/null
	status=$?
	bad=$(grep -c '  FAILED: ' "$log")
	# Dead without a word is a failure too.
	[ $status = 0 ] || [ $status = 77 ] || [ "$bad" -gt 0 ] || bad=1
	[ "$bad" = 0 ] || fail "scripts/kernels.sh (exit status $status)" "$log" 200
	grep ' skipped: ' "$log"
	passed=$((passed + $(grep -c '  ok$' "$log"))) failed=$((failed + bad))
	skipped=$((skipped + $(grep -c ' skipped: ' "$log")))
}

# part NAME BUILD-DIRECTORY COMMAND [ARGUMENT...] -- [MESON OPTION...]
part() {
	local name=$1 dir=$2 before_ok=$passed before_bad=$failed seconds=$SECONDS command=()
	case " $parts " in *" $name "*) ;; *) return ;; esac
	shift 2
	while [ "$1" != -- ]; do
		command+=("$1")
		shift
	done
	shift
	if build "$dir" "$@"; then
		"${command[@]}"
	else
		failed=$((failed + 1))
	fi
	printf '%-7s %5d good, %d bad, %d s\n' "$name" $((passed - before_ok)) \
		$((failed - before_bad)) $((SECONDS - seconds))
}

for name in $parts; do
	case $name in
	unit | fuzz | bpf | stress | netns | checks | kernels) ;;
	*)
		echo "test.sh: no such part: $name" >&2
		exit 2
		;;
	esac
done
[ "$(id -u)" = 0 ] || {
	echo "test.sh: run as root: XDP programs and network namespaces need it" >&2
	exit 2
}
scripts/deps.sh build lab test || exit 1

asan=(-Db_sanitize=address,undefined -Db_lundef=false)
part unit build-asan run_suite build-asan unit -- "${asan[@]}"
part fuzz build-asan run_suite build-asan fuzz -- "${asan[@]}"
part bpf build-asan run_suite build-asan bpf -- "${asan[@]}"
part stress build-tsan run_suite build-tsan stress -- -Db_sanitize=thread -Db_lundef=false
part netns build run_netns --
part checks build run_checks --
part kernels build run_kernels --

[ ${#failures[@]} = 0 ] || printf 'failed: %s\n' "${failures[@]}"
summary="$passed passed, $failed failed"
[ $skipped = 0 ] || summary+=", $skipped skipped"
echo "$summary"
[ $failed = 0 ] && [ $passed -gt 0 ]
