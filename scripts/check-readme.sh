#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Does README speak of what is there: the path of a packet, configuration keys, ledger columns,
# commands, files. Needs nothing built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec /usr/bin/python3 - README.md <<'PYTHON'
import pathlib
import re
import sys

readme = pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")
root = pathlib.Path(".")
wrong = []


def section(title):
    found = re.search(rf"^(#+) {re.escape(title)}\s*$(.*?)(?=^#{{1,3}} |\Z)", readme,
                      re.MULTILINE | re.DOTALL)
    if not found:
        wrong.append(f"no section '{title}'")
        return ""
    return found[2]


def source(*patterns):
    return "\n".join(path.read_text(encoding="utf-8") for pattern in patterns
                     for path in sorted(root.glob(pattern)))


def defines(path, function):
    """A definition starts in column 1 and its parameters are followed by a brace."""
    text = pathlib.Path(path).read_text(encoding="utf-8")
    head = rf"^(?![#/\s])[^;(){{}}]*?\b{re.escape(function)}\([^;{{}}]*\)\s*\{{"
    return re.search(head, text, re.MULTILINE)


# Life of a packet: ten lines, each naming a function where it is.
steps = re.findall(r"^(\d+)\. `([\w./-]+): (\w+)\(\)`", section("Life of a packet"), re.MULTILINE)
if [int(number) for number, _, _ in steps] != list(range(1, 11)):
    wrong.append(f"'Life of a packet' has the lines {[n for n, _, _ in steps]}, not 1 to 10 of the"
                 " form N. `file: function()` ...")
for number, path, function in steps:
    if not pathlib.Path(path).is_file():
        wrong.append(f"Life of a packet, line {number}: there is no {path}")
    elif not defines(path, function):
        wrong.append(f"Life of a packet, line {number}: {path} does not define {function}()")

# Every key that the configuration knows, and no other in the YAML that README shows.
keys = set(re.findall(r'\{"([\w-]+)",\s*(?:read|pp_config)_\w+,', source("app/config*.c")))
if len(keys) < 20:
    wrong.append(f"only {len(keys)} configuration keys found in app/config*.c: the check is blind")
for key in sorted(keys):
    if not re.search(rf"\b{key}\b", readme):
        wrong.append(f"the configuration key '{key}' is not explained")
for block in re.findall(r"^```yaml\n(.*?)^```", readme, re.MULTILINE | re.DOTALL):
    for key in re.findall(r"(?:^|[{,])[ \t]*(?:- +)?([a-z_-]+):(?=\s|$)", block, re.MULTILINE):
        if key not in keys:
            wrong.append(f"the YAML shows the key '{key}', which the program does not know")

# Columns of the ledger.
enum = re.search(r"enum pp_ledger_column \{(.*?)\};", source("dataplane/include/push-packet/*.h"),
                 re.DOTALL)[1]
for column in re.findall(r"PP_LEDGER_(\w+),", enum):
    if column != "COLUMNS" and not re.search(rf"\b{column.lower()}\b", readme):
        wrong.append(f"the ledger column '{column.lower()}' is not explained")

# Commands, wherever README writes code.
commands = set(re.findall(r"&pp_command_(\w+),", source("app/command.c")))
code = re.findall(r"^```.*?^```|`[^`\n]+`", readme, re.MULTILINE | re.DOTALL)
for command in sorted(set(re.findall(r"\bpush-packet ([a-z]+)\b", "\n".join(code)))):
    if command not in commands:
        wrong.append(f"there is no command 'push-packet {command}'")

# C code is quoted from the examples, which the tests compile and run.
examples = source("tests/examples/*.c")
for block in re.findall(r"^```c\n(.*?)^```", readme, re.MULTILINE | re.DOTALL):
    if block not in examples:
        wrong.append(f"this code stands in no example: {block.splitlines()[0].strip()}")

# Files.
links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", readme)
names = re.findall(r"`((?:app|bpf|conf|dataplane|scripts|tests)/[\w./-]*)`", readme)
for path in sorted({*links, *names}):
    if not (root / path).exists():
        wrong.append(f"there is no {path}")

print("\n".join(f"README.md: {text}" for text in wrong) or "README.md: as it says")
sys.exit(bool(wrong))
PYTHON
