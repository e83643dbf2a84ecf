# SPDX-License-Identifier: MIT OR Apache-2.0
"""The program as an operator runs it: by itself, in no network namespace."""

import subprocess

from lab import PROGRAM


def run(*argv, **options):
    return subprocess.run([PROGRAM, *map(str, argv)], capture_output=True, text=True, timeout=20,
                          check=False, **{"stdin": subprocess.DEVNULL, **options})
