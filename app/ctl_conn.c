// SPDX-License-Identifier: MIT OR Apache-2.0
#include "ctl_conn.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "ctl_fds.h"
#include "ctl_server.h"

// With more than this waiting, a client's next request is not looked at.
#define OUTPUT_BYTES_MAX (1u << 20)
// A client that subscribed and does not read is dropped with more than this: nobody asked for
// the next notification.
#define UNREAD_BYTES_MAX (4u << 20)
#define READ_AT_ONCE_BYTES (64u << 10)
#define WAITING_MAX 512

struct waiting {
	struct pp_rpc_reply reply;
	STAILQ_ENTRY(waiting) link;
};

struct pp_ctl_conn {
	const struct pp_ctl_conn_host *host;
	struct pp_rpc_peer peer;
	struct bufferevent *bev;
	bool eof; // it sent all that it will
	bool closing; // what is in the output buffer goes out, then it is dropped
	bool waits; // for a commit
	json_t *next; // a message that must not be answered before the commit
	uint32_t waiting_count;
	STAILQ_HEAD(, waiting) waiting;
};

static void free_waiting(struct pp_ctl_conn *conn, struct waiting *waiting)
{
	STAILQ_REMOVE_HEAD(&conn->waiting, link);
	conn->waiting_count--;
	pp_rpc_reply_fini(&waiting->reply);
	free(waiting);
}

void pp_ctl_conn_destroy(struct pp_ctl_conn *conn)
{
	const struct pp_rpc_service *service = conn->host->service;

	conn->host->gone(conn->host->arg, conn);
	if (service->gone)
		service->gone(service->arg, &conn->peer);
	while (!STAILQ_EMPTY(&conn->waiting))
		free_waiting(conn, STAILQ_FIRST(&conn->waiting));
	json_decref(conn->next);
	bufferevent_free(conn->bev);
	free(conn);
}

static size_t unsent_bytes(const struct pp_ctl_conn *conn)
{
	return evbuffer_get_length(bufferevent_get_output(conn->bev));
}

static void write_line(struct pp_ctl_conn *conn, const json_t *message)
{
	char *line = pp_rpc_line(message);

	if (line)
		bufferevent_write(conn->bev, line, strlen(line));
	free(line);
}

// An answer with descriptors goes out at once, or the connection ends: what waits in the buffer has
// no place for them.
static void send_fds(struct pp_ctl_conn *conn, struct pp_rpc_reply *reply)
{
	char *line = conn->waits || unsent_bytes(conn) ? NULL : pp_rpc_line(reply->message);
	struct pp_rpc_peer *peer = &conn->peer;

	if (!line || pp_ctl_fds_send(bufferevent_getfd(conn->bev), line, strlen(line), peer->fd,
				     peer->fd_count))
		conn->closing = true;
	peer->fd_count = 0;
	free(line);
	pp_rpc_reply_fini(reply);
}

// Takes over what reply holds. Without memory the answer is lost, and the order with it, so
// there is nothing left to say.
static void queue(struct pp_ctl_conn *conn, const struct pp_rpc_reply *reply)
{
	struct waiting *waiting = malloc(sizeof(*waiting));

	if (!waiting) {
		json_decref(reply->held);
		json_decref(reply->message);
		conn->closing = true;
		return;
	}
	waiting->reply = *reply;
	STAILQ_INSERT_TAIL(&conn->waiting, waiting, link);
	conn->waiting_count++;
}

static void put(struct pp_ctl_conn *conn, struct pp_rpc_reply *reply)
{
	if (conn->waits) {
		queue(conn, reply);
	} else {
		write_line(conn, reply->message);
		pp_rpc_reply_fini(reply);
	}
}

static void refuse(struct pp_ctl_conn *conn, const struct pp_rpc_error *err)
{
	struct pp_rpc_reply reply = {.message = pp_rpc_refusal(err)};

	put(conn, &reply);
}

static void refuse_long_line(struct pp_ctl_conn *conn)
{
	struct pp_rpc_error err = {0};

	bufferevent_disable(conn->bev, EV_READ);
	pp_rpc_fail(&err, PP_RPC_INVALID_REQUEST, "a line has at most 1 MiB");
	refuse(conn, &err);
	conn->closing = true;
}

static void answer(struct pp_ctl_conn *conn, const json_t *message)
{
	struct pp_rpc_reply reply;

	pp_rpc_answer(conn->host->service, &conn->peer, message, &reply);
	conn->waits |= reply.pending;
	if (reply.pending)
		conn->host->wrote(conn->host->arg);
	if (conn->peer.fd_count)
		send_fds(conn, &reply);
	else
		put(conn, &reply);
}

// Take the next line, or at the end of the input what is left of one.
static char *next_line(struct pp_ctl_conn *conn, size_t *len)
{
	struct evbuffer *input = bufferevent_get_input(conn->bev);
	char *line = evbuffer_readln(input, len, EVBUFFER_EOL_LF);
	size_t rest = evbuffer_get_length(input);

	if (line || !conn->eof || !rest)
		return line;
	line = malloc(rest);
	if (line)
		*len = (size_t)evbuffer_remove(input, line, rest);
	return line;
}

static void take(struct pp_ctl_conn *conn, const char *line, size_t len)
{
	struct pp_rpc_error err = {0};
	json_t *message;

	if (len > PP_CTL_LINE_BYTES_MAX) {
		refuse_long_line(conn);
		return;
	}
	message = pp_rpc_parse(line, len, &err);
	if (!message) {
		refuse(conn, &err);
	} else if (conn->waits && pp_rpc_reads(conn->host->service, message)) {
		conn->next = message;
		return;
	} else {
		answer(conn, message);
	}
	json_decref(message);
}

// @return  Whether there was a line.
static bool serve_line(struct pp_ctl_conn *conn)
{
	size_t len;
	char *line = next_line(conn, &len);

	if (!line)
		return false;
	take(conn, line, len);
	free(line);
	return true;
}

// Answer what came in, as far as the buffers go; the rest waits for on_written() and the commit.
static void serve(struct pp_ctl_conn *conn)
{
	struct evbuffer *input = bufferevent_get_input(conn->bev);
	bool all = false;

	while (!all && !conn->closing && !conn->next && conn->waiting_count < WAITING_MAX &&
	       unsent_bytes(conn) < OUTPUT_BYTES_MAX)
		all = !serve_line(conn);
	if (all && !conn->closing) {
		if (evbuffer_get_length(input) > PP_CTL_LINE_BYTES_MAX)
			refuse_long_line(conn);
		conn->closing |= conn->eof;
	}
	if (conn->closing && !conn->waits && !unsent_bytes(conn))
		pp_ctl_conn_destroy(conn);
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
	struct pp_ctl_conn *conn = arg;

	(void)bev;
	if (what & (BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)) {
		pp_ctl_conn_destroy(conn);
	} else if (what & BEV_EVENT_EOF) {
		conn->eof = true;
		serve(conn);
	}
}

struct pp_ctl_conn *pp_ctl_conn_create(struct event_base *base,
				       int fd,
				       const struct pp_rpc_peer *peer,
				       const struct pp_ctl_conn_host *host)
{
	struct timeval stall = {host->stall_ms / 1000, host->stall_ms % 1000 * 1000};
	struct pp_ctl_conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
	if (!conn->bev) {
		free(conn);
		return NULL;
	}
	conn->host = host;
	conn->peer = *peer;
	STAILQ_INIT(&conn->waiting);
	bufferevent_setcb(conn->bev, on_readable, on_written, on_event, conn);
	// One more than a line may have, so that a longer one shows.
	bufferevent_setwatermark(conn->bev, EV_READ, 0, PP_CTL_LINE_BYTES_MAX + 1);
	bufferevent_set_max_single_read(conn->bev, READ_AT_ONCE_BYTES);
	bufferevent_set_timeouts(conn->bev, NULL, &stall);
	bufferevent_enable(conn->bev, EV_READ | EV_WRITE);
	return conn;
}

void pp_ctl_conn_send(struct pp_ctl_conn *conn, const json_t *message)
{
	struct pp_rpc_reply reply = {.message = json_incref((json_t *)message)};

	if (unsent_bytes(conn) < UNREAD_BYTES_MAX && conn->waiting_count < 2 * WAITING_MAX) {
		put(conn, &reply);
		return;
	}
	pp_rpc_reply_fini(&reply);
	pp_ctl_conn_destroy(conn);
}

void pp_ctl_conn_release(struct pp_ctl_conn *conn,
			 uint32_t generation,
			 const struct pp_rpc_error *err)
{
	struct waiting *waiting;
	json_t *next = conn->next;

	if (!conn->waits)
		return;
	conn->waits = false;
	conn->next = NULL;
	while ((waiting = STAILQ_FIRST(&conn->waiting))) {
		if (err)
			pp_rpc_reply_fail(&waiting->reply, err);
		else
			pp_rpc_reply_confirm(&waiting->reply, generation);
		write_line(conn, waiting->reply.message);
		free_waiting(conn, waiting);
	}
	if (next)
		answer(conn, next);
	json_decref(next);
	serve(conn);
}

uint32_t pp_ctl_conn_events(const struct pp_ctl_conn *conn)
{
	return conn->peer.events;
}
