#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The house style, as far as a program can see it: formatting, licence lines, sizes, layout.
# Needs nothing built.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

status=0
wrong() {
	echo "$*"
	status=1
}

# File and function that must read as a table of contents.
contents="
dataplane/worker.c worker_run
bpf/tap.bpf.h pp_tap_packet
"
CONTENTS_LINES=40
FUNCTION_LINES=60
FILE_LINES=500

mapfile -t files < <(git ls-files --cached --others --exclude-standard | sort -u)
[ ${#files[@]} -gt 0 ] || wrong "git lists no files"

c=() code=()
for file in "${files[@]}"; do
	[ -f "$file" ] || continue
	case $file in
	*.c | *.h) c+=("$file") code+=("$file") ;;
	*.sh | *.py | *.build | .ci/run) code+=("$file") ;;
	esac
done

clang-format --dry-run -Werror "${c[@]}" 2>&1 | grep -E 'error:' | head -n 20
[ "${PIPESTATUS[0]}" = 0 ] || wrong "clang-format would change the files above: clang-format -i FILE"

for file in "${code[@]}"; do
	case $file in
	bpf/* | *.bpf.c | *.bpf.h) licence='GPL-2.0-only OR MIT' ;;
	*) licence='MIT OR Apache-2.0' ;;
	esac
	# A script's first line is its interpreter.
	head -n 2 "$file" | grep -qE "^(//|#|/\*) SPDX-License-Identifier: $licence( \*/)?$" ||
		wrong "$file: the first line is not SPDX-License-Identifier: $licence"
	lines=$(wc -l <"$file")
	[ "$lines" -le $FILE_LINES ] || wrong "$file: $lines lines, the limit is $FILE_LINES"
	grep -nE '[[:space:]]+$' "$file" /dev/null | head -n 3 | grep . &&
		wrong "$file: white space at the end of a line"
done

# BoxFort forgets, and leaks, a test's timeout when another with a shorter one starts beside it.
grep -nE '^Test\(.*\.timeout' tests/unit/*_test.c tests/bpf/*_test.c | grep . &&
	wrong "a timeout of one test: Criterion wants one for all of a program, on its TestSuite"

for entry in $(printf '%s\n' "${files[@]}" | cut -d/ -f1 | sort -u); do
	case $entry in
	.* | app | bpf | conf | dataplane | scripts | tests | meson.build | README.md | LICENSE) ;;
	*) wrong "$entry: not one of the fixed entries of the top level" ;;
	esac
done

# Lines of a function: from its name in column 1 to the brace in column 1.
function_lines() {
	awk -v name="$2" '
		!inside && $0 ~ "^[a-z_].*[ *]" name "\\(" || !inside && $0 ~ "^" name "\\(" {
			start = FNR; inside = 1 }
		inside && /;$/ && !body { inside = 0 }
		inside && /^\{/ { body = 1 }
		inside && /^}/ { print FNR - start + 1; exit }' "$1"
}

while read -r file function; do
	[ -n "$file" ] || continue
	lines=$(function_lines "$file" "$function" 2>/dev/null)
	if [ -z "$lines" ]; then
		wrong "$file: no function $function(), which must stay under $CONTENTS_LINES lines"
	elif [ "$lines" -ge $CONTENTS_LINES ]; then
		wrong "$file: $function() has $lines lines, it must stay under $CONTENTS_LINES"
	fi
done <<<"$contents"

# No function beyond what one reads at a glance, but for a few.
long=$(awk '
	FNR == 1 { body = 0 }
	/^\{/ { body = FNR }
	/^}/ { if (body && FNR - body > '$FUNCTION_LINES') print FILENAME ":" body ": " FNR - body " lines"; body = 0 }
' "${c[@]}" | grep -v '^tests/' || :)
[ "$(printf '%s' "$long" | grep -c .)" -le 3 ] ||
	wrong "more than three functions of over $FUNCTION_LINES lines:"$'\n'"$long"

[ $status != 0 ] || echo "style: ${#code[@]} files are fine"
exit $status
