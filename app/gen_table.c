// SPDX-License-Identifier: MIT OR Apache-2.0
#include "gen_table.h"

#include "gen_options.h"

const char pp_gen_description[] =
	"Send packets of which every one can be told apart, and say exactly how many were sent; or "
	"receive them and say whether all came, in order and intact.\n"
	"\n"
	"Ways to send (--via):\n"
	"live: XDP frames made in the kernel, for a veth whose other end has native XDP or GRO "
	"(without either they vanish; gen finds out with the first packet). The frame must fit the "
	"MTUs and about 3,400 bytes. Millions per second. A veth's queue of 256 drops when the "
	"other side is too slow: counted as driver_dropped. The receive queue at the other end is "
	"the sending CPU's number modulo the queues: see --cpu. With --rate it spins: give it a "
	"core.\n"
	"socket: AF_PACKET, any interface; waits while a queue is full.\n"
	"tun: writes into /dev/net/tun and reads what comes back. The device is one made by "
	"'ip tuntap add', or it is created (and gone at the end) when it does not exist; it has "
	"carrier only while gen holds it open. 'tap' creates a tap.\n"
	"auto: tun for a tun or tap device; live for a veth where it works and --rate is not given "
	"or above 1M; else socket.\n"
	"\n"
	"With --receive packets are read by AF_PACKET, so after XDP: those that were passed, or "
	"sent back. 'receiving on IF' on standard error says that it is ready.\n"
	"\n"
	"One of SIGINT, SIGTERM, SIGHUP ends it too. In the result, sent is what the interface was "
	"given; sent minus driver_dropped is what the other end got. driver_dropped is null where "
	"the driver does not tell.";

const struct pp_option pp_gen_options[] = {
	{.name = "interface",
	 .arg = "IF",
	 .required = true,
	 .help = "where to send or receive",
	 .complete = PP_COMPLETE_IFACE,
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_INTERFACE},
	{.name = "count",
	 .arg = "N",
	 .help = "packets to send, 1 and up (default 1000000); 10k and 1M are numbers; "
		 "with --receive: stop after N of them",
	 .heading = "How many",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_COUNT},
	{.name = "for",
	 .arg = "TIME",
	 .help = "stop after this time (500ms, 60s, 10m); with --count: what comes "
		 "first",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_FOR},
	{.name = "rate",
	 .arg = "PPS",
	 .help = "evenly, in bursts of at most 64 (default: as fast as possible); a "
		 "socket or tun then runs in real time (SCHED_FIFO) where it may",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_RATE},
	{.name = "size",
	 .arg = "BYTES",
	 .help = "frame without FCS, Ethernet header included; on a tun: IP packet "
		 "(default 64, or the least that holds the headers); with --receive: "
		 "every packet must have this length",
	 .heading = "Packets",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_SIZE},
	{.name = "src-mac",
	 .arg = "MAC",
	 .help = "default: the interface's own",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_SRC_MAC},
	{.name = "dst-mac",
	 .arg = "MAC",
	 .help = "default: the peer's, when the interface is a veth whose other end "
		 "can be seen from here; else ff:ff:ff:ff:ff:ff",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_DST_MAC},
	{.name = "vlan",
	 .arg = "ID[,ID]",
	 .help = "one tag (0x8100), or an outer (0x88a8) and an inner one",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_VLAN},
	{.name = "ethertype",
	 .arg = "N",
	 .help = "frames that are not IP: the payload follows the Ethernet header",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_ETHERTYPE},
	{.name = "src",
	 .arg = "ADDR[/LEN]",
	 .help = "default 192.0.2.1 or 2001:db8:1::1; with a prefix, flows take its "
		 "addresses in turn, from ADDR on",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_SRC},
	{.name = "dst",
	 .arg = "ADDR[/LEN]",
	 .help = "as --src; default 198.51.100.1 or 2001:db8:2::1",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_DST},
	{.name = "ipv6",
	 .letter = '6',
	 .help = "IPv6 with the default addresses",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_IPV6},
	{.name = "proto",
	 .arg = "P",
	 .help = "udp (default), tcp, icmp, sctp, udplite or a number; a number "
		 "without a name has no header of its own",
	 .complete = PP_COMPLETE_WORDS,
	 .words = "udp tcp icmp sctp udplite",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_PROTO},
	{.name = "sport",
	 .arg = "N[-M]",
	 .help = "default 1024, or 1024 and up for --flows; ICMP: echo identifier",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_SPORT},
	{.name = "dport",
	 .arg = "N[-M]",
	 .help = "default 9",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_DPORT},
	{.name = "flows",
	 .arg = "N",
	 .help = "distinct flows, one packet of each in turn: source port turns "
		 "fastest, then destination port, source, destination address "
		 "(default: as many as the ranges give)",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_FLOWS},
	{.name = "fragment",
	 .arg = "WHICH",
	 .help = "first, later, or both: pairs of which each packet counts",
	 .complete = PP_COMPLETE_WORDS,
	 .words = "first later both",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_FRAGMENT},
	{.name = "options",
	 .arg = "N",
	 .help = "bytes of IPv4 options, a multiple of 4 up to 40",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_OPTIONS},
	{.name = "ext",
	 .arg = "LIST",
	 .help = "IPv6 extension headers in order: hbh,dst,rt,frag,ah",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_EXT},
	{.name = "payload",
	 .arg = "WHAT",
	 .help = "seq (default): magic, flow, sequence number and bytes that depend on "
		 "them, for --receive; none: bytes that never change",
	 .complete = PP_COMPLETE_WORDS,
	 .words = "seq none",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_PAYLOAD},
	{.name = "seed",
	 .arg = "N",
	 .help = "another pattern in the payload; --receive must be told the same",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_SEED},
	{.name = "via",
	 .arg = "WAY",
	 .help = "auto (default), live, socket, tun or tap: see above",
	 .heading = "How",
	 .complete = PP_COMPLETE_WORDS,
	 .words = "auto live socket tun tap",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_VIA},
	{.name = "cpu",
	 .arg = "N",
	 .help = "run on this CPU",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_CPU},
	{.name = "wait-xdp",
	 .arg = "TIME",
	 .optional = true,
	 .help = "first wait (default 10s) until the receiving end of the interface "
		 "has an XDP program: of a veth the peer, of a tun or tap the device",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_WAIT_XDP},
	{.name = "start-delay",
	 .arg = "TIME",
	 .help = "then wait this long; a tun is open already",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_START_DELAY},
	{.name = "drain",
	 .arg = "TIME",
	 .help = "tun: after the last packet go on reading until nothing came for this "
		 "long (default 500ms); with --receive: stop when nothing came for "
		 "this long after the first packet",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_DRAIN},
	{.name = "hold",
	 .arg = "TIME",
	 .help = "tun: then keep the device open this long",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_HOLD},
	{.name = "receive",
	 .help = "count packets that carry our payload, per flow in order or not",
	 .heading = "Result",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_RECEIVE},
	{.name = "json",
	 .help = "the result as one JSON object",
	 .read = pp_gen_option_read,
	 .id = PP_GEN_OPTION_JSON},
	{0}};
