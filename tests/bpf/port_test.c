// SPDX-License-Identifier: MIT OR Apache-2.0
// AF_XDP sockets over one UMEM: whose frame is where, on two veth pairs in a namespace of the
// test's own.
#include <criterion/criterion.h>

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <push-packet/plane.h>

#include "port.h"

#define PORTS 2
#define FRAME_BYTES 100u
#define POLLS 2000 // of a millisecond

static struct pp_port *port[PORTS];
static struct pp_pool *pool;
static struct pp_plane_config config;
static struct pp_error err;
static int sniffer = -1; // on the other end of the second pair

static void init(void)
{
	struct sockaddr_ll to = {.sll_family = AF_PACKET,
				 .sll_protocol = __builtin_bswap16(0x88b5)};
	struct timeval wait = {.tv_sec = 2};

	cr_assert_eq(unshare(CLONE_NEWNET), 0, "needs root");
	cr_assert_eq(system("for i in A B; do ip link add ${i}0 type veth peer name ${i}1 && "
			    "ip link set ${i}0 addrgenmode none up && "
			    "ip link set ${i}1 addrgenmode none up; done"),
		     0);
	sniffer = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, to.sll_protocol);
	to.sll_ifindex = (int)if_nametoindex("B1");
	cr_assert_eq(bind(sniffer, (struct sockaddr *)&to, sizeof(to)), 0);
	setsockopt(sniffer, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	pp_plane_config_init(&config);
	config.rx_slots = config.tx_slots = config.fill_slots = config.completion_slots = 64;
}

static void fini(void)
{
	for (int i = 0; i < PORTS; i++)
		pp_port_close(port[i]);
	close(sniffer);
}

TestSuite(port, .init = init, .fini = fini, .timeout = 30);

static int open_port(uint32_t at, const char *name, uint32_t shared_ports)
{
	const struct pp_port_params params = {
		.iface_name = name,
		.row = at,
		.numa_node = -1,
		.can_send = true,
		.bind = PP_BIND_COPY,
		.patient = true,
		.shared = shared_ports > 0 ? &pool : NULL,
		.shared_ports = shared_ports,
		.config = &config,
	};
	enum pp_where_kind where;

	return pp_port_open(&port[at], &params, &where, &err);
}

static void open_both(uint32_t shared_ports)
{
	cr_assert_eq(open_port(0, "A0", shared_ports), 0, "%s", err.text);
	cr_assert_eq(open_port(1, "B0", shared_ports), 0, "%s", err.text);
}

// Frames that the counts know of, sent ones under the port that sends them.
static uint32_t known(uint32_t at)
{
	struct pp_port_counts counts;

	pp_port_count(port[at], &counts);
	return counts.free + counts.receiving + counts.held + counts.away + counts.returned;
}

static void fill(uint8_t *data, uint8_t number)
{
	memset(data, 0xff, 12);
	data[12] = 0x88;
	data[13] = 0xb5;
	memset(data + 14, number, FRAME_BYTES - 14);
}

// Take n frames from one port and send them by another.
static void send_frames(uint32_t from, uint32_t by, uint32_t n)
{
	struct pp_port_rx tx[PP_BURST];

	for (uint32_t i = 0; i < n; i++) {
		tx[i].data = pp_port_alloc(port[from]);
		tx[i].len_bytes = FRAME_BYTES;
		cr_assert_not_null(tx[i].data);
		fill(tx[i].data, (uint8_t)i);
	}
	cr_assert_eq(pp_port_tx_burst(port[by], tx, n), n);
}

static void reclaim_all(uint32_t by)
{
	const struct timespec pause = {.tv_nsec = 1000 * 1000};

	for (int i = 0; i < POLLS && pp_port_sending(port[by]) > 0; i++) {
		pp_port_kick(port[by]);
		pp_port_tx_reclaim(port[by]);
		nanosleep(&pause, NULL);
	}
	cr_assert_eq(pp_port_sending(port[by]), 0);
}

static void expect_arrived(uint32_t n)
{
	uint8_t packet[2048];

	for (uint32_t i = 0; i < n; i++) {
		cr_assert_eq(recv(sniffer, packet, sizeof(packet), 0), FRAME_BYTES);
		for (uint32_t j = 14; j < FRAME_BYTES; j++)
			cr_assert_eq(packet[j], i);
	}
}

Test(port, sends_what_another_one_has_and_it_comes_home)
{
	open_both(PORTS);
	cr_assert(pp_port_shares(port[0], port[1]));
	send_frames(0, 1, 32);
	cr_expect_eq(pp_pool_count(pool, 0, PP_FRAME_AWAY), 32);
	reclaim_all(1);
	expect_arrived(32);
	cr_expect_eq(pp_pool_count(pool, 0, PP_FRAME_RETURNED), 32);
	pp_port_refill(port[0]);
	cr_expect_eq(pp_pool_count(pool, 0, PP_FRAME_RETURNED), 0);
	cr_expect_eq(known(0), pp_port_info(port[0])->frames);
	cr_expect_eq(known(1), pp_port_info(port[1])->frames);
}

Test(port, sends_its_own_from_shared_memory)
{
	open_both(PORTS);
	send_frames(1, 1, 20);
	reclaim_all(1);
	expect_arrived(20);
	cr_expect_eq(pp_pool_count(pool, 1, PP_FRAME_AWAY), 0);
	cr_expect_eq(known(1), pp_port_info(port[1])->frames);
}

Test(port, opens_again_without_what_is_away_and_gets_it_later)
{
	uint32_t frames;

	open_both(PORTS);
	frames = pp_port_info(port[1])->frames;
	send_frames(1, 0, 16);
	pp_port_close(port[1]);
	port[1] = NULL;
	cr_assert_eq(open_port(1, "B0", PORTS), 0, "%s", err.text);
	cr_assert(pp_port_shares(port[0], port[1]));
	cr_expect_eq(known(1), frames);
	cr_expect_eq(pp_pool_count(pool, 1, PP_FRAME_AWAY), 16);
	reclaim_all(0);
	pp_port_refill(port[1]);
	cr_expect_eq(pp_pool_count(pool, 1, PP_FRAME_AWAY), 0);
	cr_expect_eq(known(1), frames);
}

Test(port, that_finds_no_room_has_memory_of_its_own)
{
	open_both(1);
	cr_expect_not(pp_port_shares(port[0], port[1]));
	send_frames(1, 1, 20);
	reclaim_all(1);
	expect_arrived(20);
	pp_port_close(port[1]);
	port[1] = NULL;
	cr_assert_not_null(pool);
	pp_port_close(port[0]);
	port[0] = NULL;
	cr_assert_null(pool);
}

static void expect_none_lost(uint8_t layout)
{
	struct pp_port_counts counts;

	config.layout = layout;
	open_both(PORTS);
	cr_expect_eq(pp_port_info(port[0])->spread, layout == PP_LAYOUT_SPREAD);
	for (int round = 0; round < 1000; round++) {
		send_frames(0, 1, 16);
		send_frames(1, 0, 16);
		reclaim_all(0);
		reclaim_all(1);
		pp_port_refill(port[0]);
		pp_port_refill(port[1]);
	}
	for (uint32_t i = 0; i < PORTS; i++) {
		pp_port_count(port[i], &counts);
		cr_expect_eq(counts.free + counts.receiving, counts.frames);
	}
}

Test(port, loses_no_frame_in_a_thousand_rounds)
{
	expect_none_lost(PP_LAYOUT_ALIGNED);
}

Test(port, loses_no_spread_frame_in_a_thousand_rounds)
{
	expect_none_lost(PP_LAYOUT_SPREAD);
}

Test(port, gives_the_kernel_no_more_frames_than_it_can_use)
{
	struct pp_port_counts counts;

	config.fill_slots = 1024;
	open_both(0);
	for (int i = 0; i < 3; i++)
		pp_port_refill_all(port[0]);
	pp_port_count(port[0], &counts);
	cr_expect_eq(counts.receiving, config.rx_slots + 2 * PP_BURST);
	cr_expect_eq(counts.free + counts.receiving, counts.frames);
}

Test(port, memory_that_no_umem_can_have_is_refused)
{
	config.frames = 1u << 26;
	cr_expect_eq(open_port(0, "A0", 0), -EINVAL);
	cr_expect_not_null(strstr(err.text, "64 GiB"), "%s", err.text);
	config.frames = 1u << 20;
	cr_expect_eq(open_port(0, "A0", 1u << 12), -EINVAL);
	cr_expect_not_null(strstr(err.text, "64 GiB"), "%s", err.text);
}
