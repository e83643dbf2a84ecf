# SPDX-License-Identifier: MIT OR Apache-2.0
"""Captures, and the filters of tcpdump: libpcap's own compiler and interpreter."""

import ctypes
import pathlib
import struct

ETHERNET = 1
RAW = 12  # as libpcap calls it; in a file it is 101
LINK_TYPES = {ETHERNET: 1, RAW: 101}

# Captures that come with other projects' packages (scripts/deps.sh test).
FOLDERS = ["/usr/share/gocode/src/github.com/google/gopacket", "/usr/share/doc/python3-dpkt",
           "/usr/share/sip-tester"]


class _Header(ctypes.Structure):
    _fields_ = [("sec", ctypes.c_long), ("usec", ctypes.c_long),
                ("caplen", ctypes.c_uint32), ("len", ctypes.c_uint32)]


class _Program(ctypes.Structure):
    _fields_ = [("len", ctypes.c_uint), ("code", ctypes.c_void_p)]


def _library():
    lib = ctypes.CDLL("libpcap.so.0.8")
    for name in ("pcap_open_offline", "pcap_open_dead"):
        getattr(lib, name).restype = ctypes.c_void_p
    lib.pcap_geterr.restype = ctypes.c_char_p
    for name in ("pcap_geterr", "pcap_close", "pcap_datalink"):
        getattr(lib, name).argtypes = [ctypes.c_void_p]
    lib.pcap_next_ex.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.POINTER(_Header)),
                                 ctypes.POINTER(ctypes.POINTER(ctypes.c_ubyte))]
    lib.pcap_compile.argtypes = [ctypes.c_void_p, ctypes.POINTER(_Program), ctypes.c_char_p,
                                 ctypes.c_int, ctypes.c_uint32]
    lib.pcap_offline_filter.argtypes = [ctypes.POINTER(_Program), ctypes.POINTER(_Header),
                                        ctypes.c_char_p]
    return lib


LIB = _library()


class Unreadable(Exception):
    """libpcap does not take the file, or not all of it."""


def read(path):
    """The link type of a capture, and its packets as (bytes, length on the wire)."""
    text = ctypes.create_string_buffer(256)
    handle = LIB.pcap_open_offline(str(path).encode(), text)
    if not handle:
        raise Unreadable(text.value.decode())
    header, data = ctypes.POINTER(_Header)(), ctypes.POINTER(ctypes.c_ubyte)()
    packets = []
    while (got := LIB.pcap_next_ex(handle, ctypes.byref(header), ctypes.byref(data))) == 1:
        packets.append((ctypes.string_at(data, header.contents.caplen), header.contents.len))
    error, link = LIB.pcap_geterr(handle).decode(), LIB.pcap_datalink(handle)
    LIB.pcap_close(handle)
    if got == -1:
        raise Unreadable(error)
    return link, packets


def write(path, link, packets):
    """Write packets, each bytes or (bytes, length on the wire)."""
    with open(path, "wb") as file:
        file.write(struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, LINK_TYPES[link]))
        for number, packet in enumerate(packets):
            data, length = packet if isinstance(packet, tuple) else (packet, len(packet))
            file.write(struct.pack("=IIII", number, 0, len(data), length) + data)


class Filter:
    """A filter expression as tcpdump takes it."""

    def __init__(self, link, expression):
        handle = LIB.pcap_open_dead(link, 262144)
        self.program = _Program()
        if LIB.pcap_compile(handle, ctypes.byref(self.program), expression.encode(), 1, 0) != 0:
            raise ValueError(f"{expression}: {LIB.pcap_geterr(handle).decode()}")
        LIB.pcap_close(handle)

    def matches(self, packet):
        data, length = packet
        header = _Header(0, 0, len(data), length)
        return LIB.pcap_offline_filter(ctypes.byref(self.program), ctypes.byref(header), data) != 0


def captures(*folders):
    """Paths of the capture files below folders."""
    return sorted(path for folder in folders for path in pathlib.Path(folder).rglob("*")
                  if path.suffix in (".pcap", ".pcapng", ".cap") and path.is_file())
