// SPDX-License-Identifier: MIT OR Apache-2.0
#include "ctl_server.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "ctl_path.h"

// With more than this waiting, a client's next request is not looked at.
#define OUTPUT_BYTES_MAX (1u << 20)

struct client {
	struct pp_ctl_server *server;
	struct bufferevent *bev;
	bool eof; // it sent all that it will
	bool closing; // what is in the output buffer goes out, then it is dropped
	LIST_ENTRY(client) link;
};

struct pp_ctl_server {
	struct pp_ctl_path place;
	struct evconnlistener *listener;
	struct event *retry; // accept() ran out of descriptors or memory
	const struct pp_rpc_method *methods;
	void *arg;
	struct timeval stall;
	uint32_t client_count;
	LIST_HEAD(, client) clients;
};

static void drop(struct client *client)
{
	LIST_REMOVE(client, link);
	client->server->client_count--;
	bufferevent_free(client->bev);
	free(client);
}

static size_t waiting_bytes(const struct client *client)
{
	return evbuffer_get_length(bufferevent_get_output(client->bev));
}

static void send_line(struct client *client, char *line)
{
	if (line)
		bufferevent_write(client->bev, line, strlen(line));
	free(line);
}

// Take the next message: a line, or at the end of the input what is left of one.
static char *next_message(struct client *client, size_t *len)
{
	struct evbuffer *input = bufferevent_get_input(client->bev);
	char *line = evbuffer_readln(input, len, EVBUFFER_EOL_LF);
	size_t rest = evbuffer_get_length(input);

	if (line || !client->eof || !rest)
		return line;
	line = malloc(rest);
	if (line)
		*len = (size_t)evbuffer_remove(input, line, rest);
	return line;
}

static void refuse_long_line(struct client *client)
{
	bufferevent_disable(client->bev, EV_READ);
	send_line(client, pp_rpc_refusal(PP_RPC_INVALID_REQUEST, "a line has at most 64 KiB"));
	client->closing = true;
}

// Answer what came in, as far as the output buffer goes; the rest waits for on_written().
static void serve(struct client *client)
{
	struct pp_ctl_server *server = client->server;
	struct evbuffer *input = bufferevent_get_input(client->bev);
	char *line = NULL;
	size_t len;

	while (!client->closing && waiting_bytes(client) < OUTPUT_BYTES_MAX) {
		line = next_message(client, &len);
		if (!line)
			break;
		if (len > PP_CTL_LINE_BYTES_MAX)
			refuse_long_line(client);
		else
			send_line(client, pp_rpc_answer(server->methods, server->arg, line, len));
		free(line);
	}
	if (!client->closing && !line) {
		if (evbuffer_get_length(input) > PP_CTL_LINE_BYTES_MAX)
			refuse_long_line(client);
		client->closing |= client->eof;
	}
	if (client->closing && !waiting_bytes(client))
		drop(client);
}

static void on_readable(struct bufferevent *bev, void *arg)
{
	(void)bev;
	serve(arg);
}

static void on_written(struct bufferevent *bev, void *arg)
{
	(void)bev;
	serve(arg);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct client *client = arg;

	(void)bev;
	if (what & (BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)) {
		drop(client);
	} else if (what & BEV_EVENT_EOF) {
		client->eof = true;
		serve(client);
	}
}

static void refuse_client(evutil_socket_t fd)
{
	char *line = pp_rpc_refusal(PP_RPC_BUSY, "too many clients");
	ssize_t ignored = line ? write(fd, line, strlen(line)) : 0;

	(void)ignored;
	free(line);
	close(fd);
}

static void on_client(struct evconnlistener *listener,
		      evutil_socket_t fd,
		      struct sockaddr *addr,
		      int len,
		      void *arg)
{
	struct pp_ctl_server *server = arg;
	struct client *client;

	(void)addr;
	(void)len;
	if (server->client_count == PP_CTL_CLIENTS_MAX) {
		refuse_client(fd);
		return;
	}
	client = calloc(1, sizeof(*client));
	if (client)
		client->bev = bufferevent_socket_new(evconnlistener_get_base(listener), fd,
						     BEV_OPT_CLOSE_ON_FREE);
	if (!client || !client->bev) {
		free(client);
		close(fd);
		return;
	}
	client->server = server;
	LIST_INSERT_HEAD(&server->clients, client, link);
	server->client_count++;
	bufferevent_setcb(client->bev, on_readable, on_written, on_event, client);
	// One more than a line may have, so that a longer one shows.
	bufferevent_setwatermark(client->bev, EV_READ, 0, PP_CTL_LINE_BYTES_MAX + 1);
	bufferevent_set_timeouts(client->bev, NULL, &server->stall);
	bufferevent_enable(client->bev, EV_READ | EV_WRITE);
}

// Out of descriptors: the listener would spin, so let it rest.
static void on_accept_error(struct evconnlistener *listener, void *arg)
{
	struct pp_ctl_server *server = arg;
	struct timeval second = {.tv_sec = 1};

	evconnlistener_disable(listener);
	event_add(server->retry, &second);
}

static void on_retry(evutil_socket_t fd, short what, void *arg)
{
	struct pp_ctl_server *server = arg;

	(void)fd;
	(void)what;
	evconnlistener_enable(server->listener);
}

int pp_ctl_server_open(struct pp_ctl_server **out,
		       struct event_base *base,
		       const struct pp_control_config *control,
		       const struct pp_rpc_method *methods,
		       void *arg,
		       uint32_t stall_ms,
		       struct pp_error *err)
{
	struct pp_ctl_server *server = calloc(1, sizeof(*server));
	int ret;

	if (!server)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	LIST_INIT(&server->clients);
	server->methods = methods;
	server->arg = arg;
	server->stall = (struct timeval){stall_ms / 1000, stall_ms % 1000 * 1000};

	ret = pp_ctl_path_listen(control->socket, control->mode, control->group, &server->place,
				 err);
	if (ret)
		goto free_server;
	server->retry = evtimer_new(base, on_retry, server);
	// The socket listens already (backlog 0), and is closed with its path.
	server->listener = evconnlistener_new(base, on_client, server, LEV_OPT_CLOSE_ON_EXEC, 0,
					      server->place.fd);
	if (!server->retry || !server->listener) {
		ret = pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
		goto close_place;
	}
	evconnlistener_set_error_cb(server->listener, on_accept_error);
	*out = server;
	return 0;

close_place:
	if (server->listener)
		evconnlistener_free(server->listener);
	if (server->retry)
		event_free(server->retry);
	pp_ctl_path_close(&server->place);
free_server:
	free(server);
	return ret;
}

void pp_ctl_server_close(struct pp_ctl_server *server)
{
	if (!server)
		return;
	while (!LIST_EMPTY(&server->clients))
		drop(LIST_FIRST(&server->clients));
	evconnlistener_free(server->listener);
	event_free(server->retry);
	pp_ctl_path_close(&server->place);
	free(server);
}

uint32_t pp_ctl_server_client_count(const struct pp_ctl_server *server)
{
	return server->client_count;
}
