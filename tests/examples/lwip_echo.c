// SPDX-License-Identifier: MIT OR Apache-2.0
// A host of its own on an interface that the kernel keeps: lwIP answers ARP and ping, and echoes what
// comes to a TCP port, on an address that the kernel does not own. All other traffic is the kernel's.
//
//   lwip_echo INTERFACE ADDRESS MASK PORT      until SIGTERM or SIGINT
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <lwip/tcp.h>
#include <lwip/tcpip.h>

#include <push-packet/channel.h>
#include <push-packet/lwip.h>
#include <push-packet/receiver.h>
#include <push-packet/setup.h>

static volatile sig_atomic_t ended;

static void on_end(int number)
{
	(void)number;
	ended = 1;
}

// A connection: what was received and not yet sent back. Reading goes on as the peer takes it.
struct echo {
	struct pbuf *waiting;
	bool closing; // the peer has said all; what waits is still sent
};

static err_t echo_end(struct tcp_pcb *pcb, struct echo *echo)
{
	tcp_arg(pcb, NULL);
	tcp_recv(pcb, NULL);
	tcp_sent(pcb, NULL);
	tcp_poll(pcb, NULL, 0);
	tcp_err(pcb, NULL);
	free(echo);
	if (tcp_close(pcb) == ERR_OK)
		return ERR_OK;
	tcp_abort(pcb);
	return ERR_ABRT;
}

static err_t echo_send(struct tcp_pcb *pcb, struct echo *echo)
{
	while (echo->waiting != NULL) {
		struct pbuf *pbuf = echo->waiting;

		if (pbuf->len > tcp_sndbuf(pcb) ||
		    tcp_write(pcb, pbuf->payload, pbuf->len, TCP_WRITE_FLAG_COPY) != ERR_OK)
			break;
		tcp_recved(pcb, pbuf->len);
		echo->waiting = pbuf->next;
		if (pbuf->next != NULL)
			pbuf_ref(pbuf->next);
		pbuf_free(pbuf);
	}
	tcp_output(pcb);
	if (!echo->closing || echo->waiting != NULL)
		return ERR_OK;
	return echo_end(pcb, echo);
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
	(void)len;
	return echo_send(pcb, arg);
}

static err_t on_poll(void *arg, struct tcp_pcb *pcb)
{
	return echo_send(pcb, arg);
}

static err_t on_receive(void *arg, struct tcp_pcb *pcb, struct pbuf *pbuf, err_t status)
{
	struct echo *echo = arg;

	(void)status;
	if (pbuf == NULL)
		echo->closing = true;
	else if (echo->waiting == NULL)
		echo->waiting = pbuf;
	else
		pbuf_cat(echo->waiting, pbuf);
	return echo_send(pcb, echo);
}

// The connection is gone already.
static void on_error(void *arg, err_t status)
{
	struct echo *echo = arg;

	(void)status;
	if (echo == NULL)
		return;
	if (echo->waiting != NULL)
		pbuf_free(echo->waiting);
	free(echo);
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t status)
{
	struct echo *echo = status == ERR_OK ? calloc(1, sizeof(*echo)) : NULL;

	(void)arg;
	if (echo == NULL)
		return ERR_MEM;
	tcp_arg(pcb, echo);
	tcp_recv(pcb, on_receive);
	tcp_sent(pcb, on_sent);
	tcp_poll(pcb, on_poll, 1);
	tcp_err(pcb, on_error);
	return ERR_OK;
}

static int listen_on(const char *address, const char *port)
{
	struct tcp_pcb *pcb, *listening = NULL;
	ip_addr_t at;

	LOCK_TCPIP_CORE();
	pcb = tcp_new();
	if (pcb != NULL && ipaddr_aton(address, &at) &&
	    tcp_bind(pcb, &at, (u16_t)atoi(port)) == ERR_OK)
		listening = tcp_listen_with_backlog(pcb, 255);
	if (listening != NULL)
		tcp_accept(listening, on_accept);
	UNLOCK_TCPIP_CORE();
	return listening == NULL ? -EADDRINUSE : 0;
}

// The channel of every queue would need a flow's packets to stay on one; this example has one queue.
static int
open_plane(struct pp_plane **plane, const char *iface, const char *address, struct pp_error *err)
{
	struct pp_setup *setup;
	char rules[256];
	int ret;

	snprintf(rules, sizeof(rules),
		 "route dst %s\n"
		 "pass family ip4\n"
		 "pass family ip6\n"
		 "copy any\n", // ARP, for the kernel and for lwIP
		 address);
	ret = pp_setup_create(&setup);
	if (ret < 0)
		return ret;
	ret = pp_setup_interface(setup, iface, err);
	if (ret >= 0)
		ret = pp_setup_rules(setup, rules, err);
	if (ret == 0)
		ret = pp_setup_open(setup, plane, err);
	pp_setup_destroy(setup);
	return ret;
}

static int read_mac(const char *iface, uint8_t mac[6])
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), ret = 0;
	struct ifreq request = {0};

	if (fd < 0)
		return -errno;
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", iface);
	if (ioctl(fd, SIOCGIFHWADDR, &request) < 0)
		ret = -errno;
	else
		memcpy(mac, request.ifr_hwaddr.sa_data, 6);
	close(fd);
	return ret;
}

static int serve(struct pp_plane *plane, char **argv, struct pp_error *err)
{
	struct pp_lwip_config config = {.addr_be = inet_addr(argv[2]),
					.mask_be = inet_addr(argv[3])};
	struct pp_lwip_stats stats;
	struct pp_channel *channel;
	struct pp_lwip *lwip;
	int ret = read_mac(argv[1], config.mac);

	if (ret == 0)
		ret = pp_channel_open(&channel, plane, 0, 0, err);
	if (ret == 0)
		ret = pp_receiver_open(&config.receiver, plane, PP_RECEIVER_ALL, err);
	if (ret == 0)
		ret = pp_lwip_open(&lwip, channel, &config, err);
	if (ret == 0)
		ret = listen_on(argv[2], argv[4]);
	if (ret < 0)
		return ret;
	printf("listening\n");
	fflush(stdout);
	while (!ended && ret >= 0) {
		ret = pp_lwip_poll(lwip, 1000);
		if (ret == -EINTR)
			ret = 0;
	}
	pp_lwip_stats(lwip, &stats);
	printf("received %llu lost %llu sent %llu lost %llu held %u\n",
	       (unsigned long long)stats.rx_pkts, (unsigned long long)stats.rx_lost,
	       (unsigned long long)stats.tx_pkts, (unsigned long long)stats.tx_lost, stats.held);
	pp_lwip_close(lwip);
	return ret < 0 ? ret : 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_end};
	struct pp_error err = {0};
	struct pp_plane *plane;
	int ret;

	if (argc != 5) {
		fprintf(stderr, "usage: lwip_echo INTERFACE ADDRESS MASK PORT\n");
		return 2;
	}
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	ret = open_plane(&plane, argv[1], argv[2], &err);
	if (ret == 0) {
		ret = serve(plane, argv, &err);
		pp_plane_close(plane);
	}
	if (ret < 0)
		fprintf(stderr, "lwip_echo: %s\n", err.text[0] ? err.text : strerror(-ret));
	return ret < 0;
}
