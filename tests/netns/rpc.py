# SPDX-License-Identifier: MIT OR Apache-2.0
"""A client of the control socket."""

import json
import socket


class Refused(Exception):
    """The daemon answered with an error."""

    def __init__(self, error):
        super().__init__(error["message"])
        self.code = error["code"]
        self.data = error.get("data")


class Client:
    """One connection. Requests may be sent before the answers to those before are read."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.file = self.socket.makefile("r")
        self.id = 0

    def send(self, method, **params):
        self.id += 1
        line = json.dumps({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params})
        self.socket.sendall(line.encode() + b"\n")

    def receive(self):
        answer = json.loads(self.file.readline())
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    def call(self, method, **params):
        self.send(method, **params)
        return self.receive()

    def close(self):
        self.socket.close()
