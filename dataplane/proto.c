// SPDX-License-Identifier: MIT OR Apache-2.0
#include "proto.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

// Of several names for one number the first is the one that is written.
static const struct {
	const char *name;
	uint8_t proto;
} protos[] = {
	{"icmp", IPPROTO_ICMP},
	{"igmp", IPPROTO_IGMP},
	{"ipip", IPPROTO_IPIP},
	{"tcp", IPPROTO_TCP},
	{"udp", IPPROTO_UDP},
	{"dccp", IPPROTO_DCCP},
	{"ipv6", IPPROTO_IPV6},
	{"rsvp", IPPROTO_RSVP},
	{"gre", IPPROTO_GRE},
	{"esp", IPPROTO_ESP},
	{"ah", IPPROTO_AH},
	{"icmp6", IPPROTO_ICMPV6},
	{"ipv6-icmp", IPPROTO_ICMPV6},
	{"icmpv6", IPPROTO_ICMPV6},
	{"eigrp", 88},
	{"ospf", 89},
	{"pim", IPPROTO_PIM},
	{"ipcomp", IPPROTO_COMP},
	{"vrrp", 112},
	{"l2tp", 115},
	{"sctp", IPPROTO_SCTP},
	{"udplite", IPPROTO_UDPLITE},
	{"mpls", IPPROTO_MPLS},
};
#define PROTOS (sizeof(protos) / sizeof(protos[0]))

int pp_proto_find(const char *name, size_t len)
{
	for (size_t i = 0; i < PROTOS; i++)
		if (strlen(protos[i].name) == len && memcmp(protos[i].name, name, len) == 0)
			return protos[i].proto;
	return -ENOENT;
}

const char *pp_proto_name(uint8_t proto)
{
	for (size_t i = 0; i < PROTOS; i++)
		if (protos[i].proto == proto)
			return protos[i].name;
	return NULL;
}

bool pp_proto_has_ports(uint8_t proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
	       proto == IPPROTO_UDPLITE;
}
