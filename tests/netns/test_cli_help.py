# SPDX-License-Identifier: MIT OR Apache-2.0
"""How the command line explains itself: help, man pages, completion."""

import os
import re
import shutil
import subprocess

import pytest

from cli import run
from lab import PROGRAM, ROOT


def subcommands(*path):
    """The words that help lists below a command."""
    text = run(*path, "--help").stdout
    if "\ncommands:\n" not in text:
        return []
    return re.findall(r"^  (\w+) ", text.split("\ncommands:\n")[1].split("\n\n")[0], re.MULTILINE)


def all_commands(*path):
    found = []
    for name in subcommands(*path):
        found += [(*path, name), *all_commands(*path, name)]
    return found


def options_of(path):
    return re.findall(r"^  (?:-\w, |    )(--[\w-]+)", run(*path, "--help").stdout, re.MULTILINE)


def test_every_command_explains_itself():
    commands = all_commands()
    assert ("rule", "add") in commands and ("set", "load") in commands and len(commands) > 15
    for path in commands:
        done = run(*path, "--help")
        assert done.returncode == 0
        assert done.stdout.startswith("usage: push-packet " + " ".join(path))
        assert "exit status: 0" in done.stdout and "examples:\n  push-packet " in done.stdout
        assert max(map(len, done.stdout.splitlines())) <= 100
        assert run("help", *path).stdout == done.stdout


def page_of(*path):
    """What a reader of the man page sees."""
    source = run("help", "--man", *path).stdout
    page = subprocess.run(["scdoc"], input=source, capture_output=True, text=True, check=True)
    shown = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-"],
                           input=page.stdout, capture_output=True, text=True, check=True,
                           env={**os.environ, "MANWIDTH": "100", "LC_ALL": "C.UTF-8",
                                "GROFF_NO_SGR": "1"})
    assert shown.stderr == ""
    return re.sub(".\b", "", shown.stdout)


@pytest.mark.skipif(not (shutil.which("scdoc") and shutil.which("man")), reason="no scdoc or man")
@pytest.mark.parametrize("command", [None, *subcommands()])
def test_man_pages_have_what_help_has(command):
    path = [command] if command else []
    page = page_of(*path)
    assert "NAME" in page and "push-packet" in page
    for other in [path, *([*path, name] for name in subcommands(*path) if command)]:
        for option in options_of(other):
            assert option in page, (other, option)
    for name in subcommands(*path):
        assert name in page


def test_every_command_has_a_man_page():
    names = (ROOT / "app" / "doc" / "meson.build").read_text(encoding="utf-8")
    listed = re.search(r"foreach name : \[(.*?)\]", names, re.DOTALL)[1]
    assert sorted(re.findall(r"'(\w*)'", listed)) == sorted(["", *subcommands()])


def complete(*words, folder="/"):
    """What bash offers for the last word."""
    script = ('source <("$0" help --bash); COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
              '_push_packet; printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-eu", "-c", script, PROGRAM, "push-packet", *words],
                          capture_output=True, text=True, cwd=folder, check=False, timeout=20)
    assert done.stderr == ""
    return done.stdout.split()


def complete_file(*words, folder):
    return sorted(complete(*words, folder=folder))


def test_commands_are_completed():
    assert complete("") == subcommands()
    assert complete("re") == ["reload"]
    assert complete("rule", "") == subcommands("rule")
    assert complete("rule", "re") == ["replace"]
    assert complete("help", "set", "l") == ["list", "load"]
    assert complete("help", "") == subcommands()


@pytest.mark.parametrize("path", all_commands(), ids=" ".join)
def test_options_are_completed(path):
    offered = complete(*path, "--")
    assert offered == (options_of(path) or ["--help"])


def test_arguments_are_completed(tmp_path):
    (tmp_path / "one.rules").touch()
    (tmp_path / "other.rules").touch()
    assert complete("default", "") == ["pass", "drop"]
    assert complete("default", "-s", "x", "d") == ["drop"]
    assert complete_file("rule", "replace", "on", folder=tmp_path) == ["one.rules"]
    assert complete_file("rule", "add", "-f", "o", folder=tmp_path) == ["one.rules", "other.rules"]
    assert complete_file("rule", "add", "--file", "=", folder=tmp_path) == ["one.rules", "other.rules"]
    assert complete_file("run", "--config", "=", "on", folder=tmp_path) == ["one.rules"]
    assert complete_file("set", "load", "bad", "on", folder=tmp_path) == ["one.rules"]
    assert complete_file("set", "load", "on", folder=tmp_path) == []
    assert "lo" in complete("gen", "--interface", "")
    assert complete("gen", "--via", "t") == ["tun", "tap"]
    assert complete("rule", "add", "--ttl", "") == []
