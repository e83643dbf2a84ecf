# SPDX-License-Identifier: MIT OR Apache-2.0
"""Fixtures of the black-box tests."""

import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import lab as lab_module  # noqa: E402


def pytest_configure(config):
    # A terminated run tears its laboratories down like an interrupted one.
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt()))


def pytest_collection_modifyitems(config, items):
    if not lab_module.PROGRAM.exists():
        pytest.exit(f"{lab_module.PROGRAM} is not built: scripts/test.sh netns builds it", 2)


@pytest.fixture
def lab():
    """A veth pair with one queue."""
    with lab_module.Lab() as laboratory:
        yield laboratory


@pytest.fixture
def lab2():
    """A veth pair with two queues."""
    with lab_module.Lab(queues=2) as laboratory:
        yield laboratory


@pytest.fixture
def tun():
    """A tun interface."""
    with lab_module.Lab(tun=True) as laboratory:
        yield laboratory


@pytest.fixture
def make_lab():
    """Laboratories of any shape."""
    made = []

    def make(**options):
        made.append(lab_module.Lab(**options))
        return made[-1]

    yield make
    for laboratory in made:
        laboratory.close()
