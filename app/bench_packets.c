// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_packets.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ether.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define SPORT_DEFAULT 1024u
#define DPORT_DEFAULT 9u
#define ETHER_BYTES 14u
#define MAC_BYTES 6

void pp_bench_packets_init(struct pp_bench_packets *packets)
{
	*packets = (struct pp_bench_packets){.sizes = {1, {PP_GEN_SIZE_DEFAULT}},
					     .flows = 1,
					     .sport = SPORT_DEFAULT,
					     .dport = DPORT_DEFAULT};
}

static void
set_default(struct pp_bench_address *address, uint8_t family, const char *v4, const char *v6)
{
	if (address->family != 0)
		return;
	address->family = family;
	inet_pton(family == 6 ? AF_INET6 : AF_INET, family == 6 ? v6 : v4, address->byte);
}

int pp_bench_packets_check(struct pp_bench_packets *packets, struct pp_error *err)
{
	uint8_t family = packets->dst.family ?: packets->src.family ?: 4;

	set_default(&packets->src, family, "192.0.2.2", "2001:db8::2");
	set_default(&packets->dst, family, "192.0.2.1", "2001:db8::1");
	if (packets->src.family != packets->dst.family)
		return pp_error_set(err, -EINVAL, 0, 0,
				    "--src and --dst: expected addresses of one family");
	if (packets->sport + packets->flows - 1 > UINT16_MAX)
		return pp_error_set(
			err, -EINVAL, 0, 0, "--flows %u: from --sport %u on there are %u ports",
			packets->flows, packets->sport, UINT16_MAX + 1 - packets->sport);
	return 0;
}

// Look an IPv4 address up in the neighbour table of this thread's namespace.
static bool find_neighbour(const uint8_t address[4], const char *iface, uint8_t mac[MAC_BYTES])
{
	char line[256], name[64], text[64], device[64], wanted[INET_ADDRSTRLEN];
	FILE *file = fopen("/proc/thread-self/net/arp", "re");
	struct ether_addr addr;
	bool found = false;

	if (file == NULL)
		return false;
	inet_ntop(AF_INET, address, wanted, sizeof(wanted));
	while (!found && fgets(line, sizeof(line), file) != NULL)
		found = sscanf(line, "%63s %*s %*s %63s %*s %63s", name, text, device) == 3 &&
			strcmp(name, wanted) == 0 && strcmp(device, iface) == 0 &&
			ether_aton_r(text, &addr) != NULL;
	fclose(file);
	if (found)
		memcpy(mac, addr.ether_addr_octet, MAC_BYTES);
	return found;
}

static int find_mac(const struct pp_bench_packets *packets,
		    const struct pp_gen_link *link,
		    uint8_t mac[MAC_BYTES],
		    struct pp_error *err)
{
	struct pp_gen_link peer;

	if (packets->dst_mac.given) {
		memcpy(mac, packets->dst_mac.byte, MAC_BYTES);
		return 0;
	}
	if (pp_gen_link_peer(link, &peer) == 0) {
		memcpy(mac, peer.mac, MAC_BYTES);
		return 0;
	}
	if (packets->dst.family == 4 && find_neighbour(packets->dst.byte, link->name, mac))
		return 0;
	return pp_error_set(err, -EHOSTUNREACH, 0, 0,
			    "%s: the MAC address to send to is not known: expected --dst-mac",
			    link->name);
}

int pp_bench_packets_plan(struct pp_gen_plan *plan,
			  struct pp_gen_link *link,
			  const struct pp_bench_packets *packets,
			  const char *iface,
			  uint32_t size_bytes,
			  uint32_t size_max,
			  struct pp_error *err)
{
	struct pp_gen_spec spec = {
		.size_bytes = size_bytes,
		.ethertype = -1,
		.family = packets->dst.family,
		.src.prefix_bits = packets->dst.family == 6 ? 128 : 32,
		.dst.prefix_bits = packets->dst.family == 6 ? 128 : 32,
		.sport = {(uint16_t)packets->sport,
			  (uint16_t)(packets->sport + packets->flows - 1)},
		.dport = {(uint16_t)packets->dport, (uint16_t)packets->dport},
		.proto = IPPROTO_UDP,
		.flows = packets->flows,
		.seq = packets->numbered,
	};
	int ret = pp_gen_link_get(iface, link);

	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "%s: %s", iface,
				    ret == -ENODEV ? "no such interface" : strerror(-ret));
	if (pp_gen_link_is_raw_ip(link))
		return pp_error_set(err, -EINVAL, 0, 0, "%s: expected an Ethernet interface",
				    iface);
	if (!link->up)
		return pp_error_set(err, -ENETDOWN, 0, 0, "%s is down: ip link set %s up", iface,
				    iface);
	memcpy(spec.src_mac, link->mac, MAC_BYTES);
	memcpy(spec.src.base, packets->src.byte, sizeof(spec.src.base));
	memcpy(spec.dst.base, packets->dst.byte, sizeof(spec.dst.base));
	ret = find_mac(packets, link, spec.dst_mac, err);
	if (ret < 0)
		return ret;
	if (size_max > link->mtu_bytes + ETHER_BYTES)
		size_max = link->mtu_bytes + ETHER_BYTES;
	return pp_gen_plan_init(plan, &spec, size_max, err);
}
