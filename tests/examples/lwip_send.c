// SPDX-License-Identifier: MIT OR Apache-2.0
// A thread of the program's own sends datagrams by lwIP while another waits for packets in
// pp_lwip_poll(). Everything that comes in on the interface is lwIP's, ARP too.
//
//   lwip_send INTERFACE ADDRESS MASK PEER PORT COUNT      one line of numbers at the end
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <lwip/tcpip.h>
#include <lwip/udp.h>

#include <push-packet/channel.h>
#include <push-packet/lwip.h>
#include <push-packet/setup.h>

#define PAYLOAD_BYTES 20
#define TRIES 100000

struct job {
	struct udp_pcb *pcb;
	ip_addr_t peer;
	u16_t port;
	unsigned long count;
	unsigned long sent; // without an error of lwIP
	int done; // atomic
};

static err_t send_one(struct job *job)
{
	struct pbuf *pbuf;
	err_t ret = ERR_MEM;

	LOCK_TCPIP_CORE();
	pbuf = pbuf_alloc(PBUF_TRANSPORT, PAYLOAD_BYTES, PBUF_RAM);
	if (pbuf != NULL) {
		memset(pbuf->payload, 0, PAYLOAD_BYTES);
		ret = udp_sendto(job->pcb, pbuf, &job->peer, job->port);
		pbuf_free(pbuf);
	}
	UNLOCK_TCPIP_CORE();
	return ret;
}

static void *send_all(void *arg)
{
	const struct timespec arp_answers = {.tv_nsec = 300000000}, moment = {.tv_nsec = 1};
	struct job *job = arg;

	for (unsigned long i = 0; i < job->count; i++) {
		job->sent += send_one(job) == ERR_OK;
		nanosleep(i == 0 ? &arp_answers : &moment, NULL);
	}
	__atomic_store_n(&job->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

static int begin(struct job *job, char **argv)
{
	job->port = (u16_t)atoi(argv[5]);
	job->count = strtoul(argv[6], NULL, 10);
	LOCK_TCPIP_CORE();
	job->pcb = udp_new();
	UNLOCK_TCPIP_CORE();
	return job->pcb != NULL && ipaddr_aton(argv[4], &job->peer) ? 0 : -EINVAL;
}

static int poll_until_done(struct pp_lwip *lwip, struct job *job)
{
	int ret = 0;

	while (ret >= 0 && !__atomic_load_n(&job->done, __ATOMIC_ACQUIRE))
		ret = pp_lwip_poll(lwip, 1);
	return ret < 0 ? ret : 0;
}

static void report(struct pp_channel *channel, struct pp_lwip *lwip, const struct job *job)
{
	struct pp_channel_stats frames;
	struct pp_lwip_stats stats;

	// What is on its way out is not held.
	for (int i = 0; i < TRIES && pp_channel_flush(channel) > 0; i++)
		;
	pp_lwip_stats(lwip, &stats);
	pp_channel_stats(channel, &frames);
	printf("received %llu asked %lu sent %llu lost %llu held %u\n",
	       (unsigned long long)stats.rx_pkts, job->sent, (unsigned long long)stats.tx_pkts,
	       (unsigned long long)stats.tx_lost, frames.held);
}

static int serve(struct pp_plane *plane, char **argv, struct pp_error *err)
{
	struct pp_lwip_config config = {.mac = {2, 0, 0, 0, 0, 0x77},
					.addr_be = inet_addr(argv[2]),
					.mask_be = inet_addr(argv[3])};
	struct pp_channel *channel;
	struct pp_lwip *lwip;
	struct job job = {0};
	pthread_t thread;
	int ret = pp_channel_open(&channel, plane, 0, 0, err);

	ret = ret ?: pp_lwip_open(&lwip, channel, &config, err);
	ret = ret ?: begin(&job, argv);
	ret = ret ?: -pthread_create(&thread, NULL, send_all, &job);
	if (ret < 0)
		return ret;
	ret = poll_until_done(lwip, &job);
	pthread_join(thread, NULL);
	report(channel, lwip, &job);
	pp_lwip_close(lwip);
	return ret;
}

static int open_plane(struct pp_plane **plane, const char *iface, struct pp_error *err)
{
	struct pp_setup *setup;
	int ret = pp_setup_create(&setup);

	if (ret < 0)
		return ret;
	ret = pp_setup_interface(setup, iface, err);
	if (ret >= 0)
		ret = pp_setup_rules(setup, "route any", err);
	if (ret == 0)
		ret = pp_setup_open(setup, plane, err);
	pp_setup_destroy(setup);
	return ret;
}

int main(int argc, char **argv)
{
	struct pp_error err = {0};
	struct pp_plane *plane;
	int ret;

	if (argc != 7) {
		fprintf(stderr, "usage: lwip_send INTERFACE ADDRESS MASK PEER PORT COUNT\n");
		return 2;
	}
	ret = open_plane(&plane, argv[1], &err);
	if (ret == 0) {
		ret = serve(plane, argv, &err);
		pp_plane_close(plane);
	}
	if (ret < 0)
		fprintf(stderr, "lwip_send: %s\n", err.text[0] ? err.text : strerror(-ret));
	return ret < 0;
}
