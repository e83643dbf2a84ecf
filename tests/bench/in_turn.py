# SPDX-License-Identifier: MIT OR Apache-2.0
"""Both sides alive, each in a lab of its own, the one whose turn it is not stopped by SIGSTOP.

A run can then be short, and its partner follows at once: what the machine does from one second to
the next, it does to both. What was delivered in a turn is asked of the driver, and what the program
says at its end has to agree.
"""

import contextlib
import signal
import time

import lab as labs
from receivers import driver_count

SETTLE_SECONDS = 0.03  # after a process goes on, and for what is still on its way


class Side:
    """A receiver that runs in turn() only."""

    def __init__(self, receiver):
        self.receiver = receiver
        self.delivered = 0
        self.lab = labs.Lab()
        try:
            receiver.start(self.lab)
        except BaseException:
            self.lab.close()
            raise
        self.signal(signal.SIGSTOP)

    def signal(self, number):
        for process in self.lab.processes:
            if process.poll() is None:
                process.send_signal(number)

    @contextlib.contextmanager
    def turn(self):
        self.signal(signal.SIGCONT)
        time.sleep(SETTLE_SECONDS)
        yield self.lab
        time.sleep(SETTLE_SECONDS)
        self.signal(signal.SIGSTOP)

    def since(self):
        """Packets that the driver delivered since it was asked last."""
        before = self.delivered
        self.delivered = driver_count(self.lab, self.receiver.driver_counts)
        return self.delivered - before

    def finish(self, end):
        self.signal(signal.SIGCONT)
        try:
            return end(self.receiver)
        finally:
            self.lab.close()
