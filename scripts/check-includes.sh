#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Includes that go the wrong way must not compile: app stands on the library's public headers,
# the library on bpf/abi.h, and neither on anything behind them. Compiles one include each with
# the flags that the build uses. Needs build/.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

[ -f build/compile_commands.json ] || {
	echo "check-includes.sh: no build/compile_commands.json; run meson setup build" >&2
	exit 1
}
probe=$(mktemp --suffix .c)
trap 'rm -f "$probe"' EXIT

# compiles FILE-WHOSE-FLAGS HEADER
compiles() {
	local flags
	flags=$(/usr/bin/python3 -c '
import json, shlex, sys
for entry in json.load(open("build/compile_commands.json")):
    if entry["file"].endswith("/" + sys.argv[1]):
        print(shlex.join(a for a in shlex.split(entry["command"]) if a.startswith(("-I", "-D"))))
        break
else:
    sys.exit(sys.argv[1] + " is not compiled")' "$1") || exit 1
	printf '#include %s\n' "$2" >"$probe"
	(cd build && eval cc -std=gnu17 -fsyntax-only "$flags" "$probe") 2>/dev/null
}

wrong=0
# A right way first: a check that refuses everything would see nothing.
for way in 'app/main.c <push-packet/plane.h>' 'app/main.c "command.h"' \
	'dataplane/worker.c "port.h"' 'dataplane/worker.c <push-packet/abi.h>'; do
	compiles "${way%% *}" "${way#* }" || {
		echo "${way%% *} cannot include ${way#* }"
		wrong=1
	}
done
for way in 'app/main.c "worker.h"' 'app/main.c "parse.bpf.h"' \
	'dataplane/worker.c "command.h"' 'dataplane/worker.c "act.bpf.h"' \
	'dataplane/worker.c "parse.bpf.h"'; do
	if compiles "${way%% *}" "${way#* }"; then
		echo "${way%% *} can include ${way#* }"
		wrong=1
	fi
done
[ $wrong = 0 ] && echo "includes: one way only"
exit $wrong
