// SPDX-License-Identifier: MIT OR Apache-2.0
#include "trace_packet.h"

void trace_packet(const struct pp_trace_header *header, struct packet *out)
{
	packet_begin(out, PP_FRAME_ETHERNET);
	if (header->family == PP_FAMILY_IP4)
		packet_ip4(out, header->src, header->dst, 0, 0);
	else
		packet_ip6(out, header->src, header->dst);
	packet_l4(out, header->proto, header->sport, header->dport);
	packet_finish(out);
}
