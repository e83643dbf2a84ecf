// SPDX-License-Identifier: MIT OR Apache-2.0
// A count table that is read while it is written: no torn address, no number that goes back.
#include "count.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>

#include "packet.h"
#include "rule_table.h"
#include "tap_output.h"

#define PACKETS 3000000u
#define SOURCES 3000u

static struct pp_count_table *table;
static bool running; // atomic

// Sources 192.0.2.x and 2001:db8::x, told by the last bytes.
static void set_source(struct packet *packet, uint32_t source)
{
	uint8_t *ip = packet->data + packet->ip_at;
	uint32_t be = htonl(source);

	memcpy(ip[0] >> 4 == 4 ? ip + 12 : ip + 8 + 12, &be, 4);
}

static void *write_table(void *arg)
{
	static const struct pp_rule_page page; // all five slots are rule 0's
	static const struct pp_rule_table rules = {.page = {&page}};
	static struct packet packet[2];

	(void)arg;
	packet_udp(&packet[0], "192.0.2.0", "198.51.100.1", 1, 2);
	packet_udp(&packet[1], "2001:db8::", "2001:db8::1", 1, 2);
	for (uint32_t i = 0; i < PACKETS; i++) {
		struct packet *p = &packet[i & 1];
		struct pp_meta meta = {.slot = (uint16_t)(i % 5),
				       .len_bytes = p->len_bytes,
				       .cap_bytes = p->len_bytes};

		set_source(p, 1 + i / 2 % SOURCES);
		pp_count_packet(table, &rules, &meta, p->data);
	}
	__atomic_store_n(&running, false, __ATOMIC_RELEASE);
	return NULL;
}

struct view {
	uint64_t pkts;
	uint32_t sources;
	bool good;
};

static void see(void *arg, const struct pp_source_stats *source)
{
	static const uint8_t ip6[12] = {0x20, 0x01, 0x0d, 0xb8};
	struct view *view = arg;
	uint32_t be, number;

	memcpy(&be, source->family == PP_FAMILY_IP4 ? source->addr : source->addr + 12, 4);
	number = ntohl(be);
	if (source->family != PP_FAMILY_IP4 &&
	    (source->family != PP_FAMILY_IP6 || memcmp(source->addr, ip6, 12) != 0))
		view->good = false;
	if (number < 1 || number > SOURCES)
		view->good = false;
	view->pkts += source->count.pkts;
	view->sources++;
}

static uint64_t rule_pkts(void)
{
	struct pp_count_stats sum = {0};

	for (uint32_t slot = 0; slot < 5; slot++)
		pp_count_rule(table, slot, &sum);
	return sum.pkts;
}

// Sums only grow, and each source read makes sense.
static bool read_while_written(void)
{
	struct view last = {.good = true};
	uint64_t last_pkts = 0;

	while (__atomic_load_n(&running, __ATOMIC_ACQUIRE)) {
		struct view view = {.good = true};
		uint64_t pkts = rule_pkts();

		pp_count_each_source(table, see, &view);
		if (!view.good || view.pkts < last.pkts || view.sources < last.sources ||
		    pkts < last_pkts)
			return false;
		last = view;
		last_pkts = pkts;
	}
	return true;
}

int main(void)
{
	static const uint8_t frame_kind[PP_IFACES_MAX];
	struct pp_count_stats other = {0};
	struct view view = {.good = true};
	pthread_t thread;
	bool good;

	tap_plan(2);
	running = true;
	if (pp_count_create(&table, frame_kind) || pthread_create(&thread, NULL, write_table, NULL))
		return 1;
	good = read_while_written();
	pthread_join(thread, NULL);
	tap_result(good, "count: every snapshot makes sense, and none is behind the one before");
	pp_count_each_source(table, see, &view);
	pp_count_other(table, &other);
	tap_result(view.good && view.pkts + other.pkts == PACKETS && rule_pkts() == PACKETS &&
			   view.sources <= 2 * SOURCES,
		   "count: in the end every packet is counted once");
	pp_count_destroy(table);
	return tap_end();
}
