// SPDX-License-Identifier: MIT OR Apache-2.0
#include <criterion/criterion.h>

#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <push-packet/channel.h>
#include <push-packet/plane.h>

#include "channel_lab.h"

#define POLLS 3000 // of a millisecond

struct pp_plane *plane;
struct pp_channel *channel[PAIRS];
struct pp_error err;
static int peer[PAIRS] = {-1, -1}; // AF_PACKET on the other ends

// On an other end that may be new.
void lab_listen_again(int pair)
{
	struct timeval wait = {.tv_sec = 2};
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
				 .sll_protocol = __builtin_bswap16(0x0800)};

	if (peer[pair] >= 0)
		close(peer[pair]);
	peer[pair] = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, to.sll_protocol);
	to.sll_ifindex = (int)if_nametoindex(pair == 0 ? "A1" : "B1");
	cr_assert_eq(bind(peer[pair], (struct sockaddr *)&to, sizeof(to)), 0);
	setsockopt(peer[pair], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
}

void lab_init(void)
{
	cr_assert_eq(unshare(CLONE_NEWNET), 0, "needs root");
	cr_assert_eq(system("for i in A B; do ip link add ${i}0 type veth peer name ${i}1 && "
			    "ip link set ${i}0 addrgenmode none up && "
			    "ip link set ${i}1 addrgenmode none up; done"),
		     0);
	for (int i = 0; i < PAIRS; i++)
		lab_listen_again(i);
}

void lab_configure(struct pp_plane_config *config, struct pp_iface_config iface[PAIRS])
{
	memset(iface, 0, PAIRS * sizeof(iface[0]));
	for (int i = 0; i < PAIRS; i++) {
		strcpy(iface[i].name, i == 0 ? "A0" : "B0");
		iface[i].bind = PP_BIND_COPY;
		iface[i].queues_all = true;
	}
	pp_plane_config_init(config);
	config->iface = iface;
	config->iface_count = PAIRS;
	config->copy = PP_COPY_OFF;
	config->route = PP_ROUTE_CHANNEL;
	config->rx_slots = config->tx_slots = config->fill_slots = config->completion_slots = 64;
}

int lab_open_with(const struct pp_plane_config *config, const char *text)
{
	struct pp_ruleset *rules;
	struct pp_rule rule;
	int ret;

	cr_assert_eq(pp_ruleset_create(&rules), 0);
	cr_assert_eq(pp_rule_parse(text, &rule, &err), 0, "%s", err.text);
	pp_ruleset_add(rules, &rule, PP_ORIGIN_CONFIG, 0, NULL, &err);
	ret = pp_plane_open(&plane, config, rules, NULL, &err);
	pp_ruleset_destroy(rules);
	return ret;
}

void lab_open_channels(bool shared)
{
	struct pp_iface_config iface[PAIRS];
	struct pp_plane_config config;

	lab_configure(&config, iface);
	config.umem_shared = shared;
	config.timestamps = true;
	cr_assert_eq(lab_open_with(&config, "route proto udp dport 7"), 0, "%s", err.text);
	for (uint32_t i = 0; i < PAIRS; i++)
		cr_assert_eq(pp_channel_open(&channel[i], plane, i, 0, &err), 0, "%s", err.text);
}

// Every frame that is not with the kernel to receive into is free.
void lab_expect_all_home(void)
{
	for (int i = 0; i < PAIRS; i++) {
		struct pp_channel_stats stats;

		if (channel[i] == NULL)
			continue;
		pp_channel_stats(channel[i], &stats);
		cr_expect_eq(
			stats.free + stats.receiving + stats.returned, stats.frames,
			"%u free, %u receiving, %u returned, %u held, %u away, %u sending of %u",
			stats.free, stats.receiving, stats.returned, stats.held, stats.away,
			stats.sending, stats.frames);
	}
}

void lab_fini(void)
{
	pp_plane_close(plane);
	for (int i = 0; i < PAIRS; i++)
		close(peer[i]);
}

size_t lab_build(uint8_t *packet, uint8_t number)
{
	static const uint8_t head[] = {
		2,    0,
		0,    0,
		0,    1,
		2,    0,
		0,    0,
		0,    2,
		8,    0, // Ethernet
		0x45, 0,
		0,    PACKET_BYTES - 14,
		0,    0,
		0,    0,
		64,   17,
		0,    0, // IPv4, UDP
		192,  0,
		2,    1,
		198,  51,
		100,  1, // to TEST-NET-2
		0x30, 0x39,
		0,    7,
		0,    PACKET_BYTES - 34,
		0,    0, // from 12345 to 7
	};

	memcpy(packet, head, sizeof(head));
	memset(packet + sizeof(head), number, PACKET_BYTES - sizeof(head));
	return PACKET_BYTES;
}

void lab_send_packets(int pair, uint32_t n)
{
	uint8_t packet[PACKET_BYTES];

	for (uint32_t i = 0; i < n; i++) {
		lab_build(packet, (uint8_t)i);
		cr_assert_eq(send(peer[pair], packet, sizeof(packet), 0), PACKET_BYTES);
	}
}

// Receive n packets, in order.
void lab_receive_packets(int pair, struct pp_frame *frame, uint32_t n)
{
	uint32_t got = 0;

	while (got < n) {
		int ret = pp_channel_receive_wait(channel[pair], frame + got, n - got, 2000);

		cr_assert_gt(ret, 0, "%d after %u", ret, got);
		got += (uint32_t)ret;
	}
	for (uint32_t i = 0; i < n; i++) {
		cr_assert_eq(frame[i].len_bytes, PACKET_BYTES);
		cr_assert_eq(frame[i].data[PACKET_BYTES - 1], (uint8_t)i);
	}
}

void lab_flush(int pair)
{
	const struct timespec pause = {.tv_nsec = 1000 * 1000};
	int n = 1;

	for (int i = 0; i < POLLS && (n = pp_channel_flush(channel[pair])) > 0; i++)
		nanosleep(&pause, NULL);
	cr_assert_eq(n, 0);
}

// What arrives at the other end.
void lab_expect_arrived(int pair, uint32_t n)
{
	uint8_t packet[2048];
	struct sockaddr_ll from;
	socklen_t len = sizeof(from);

	for (uint32_t i = 0; i < n;) {
		ssize_t got = recvfrom(peer[pair], packet, sizeof(packet), 0,
				       (struct sockaddr *)&from, &len);

		cr_assert_eq(got, PACKET_BYTES, "%zd, packet %u", got, i);
		if (from.sll_pkttype == PACKET_OUTGOING)
			continue;
		cr_assert_eq(packet[PACKET_BYTES - 1], (uint8_t)i);
		i++;
	}
}
