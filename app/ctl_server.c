// SPDX-License-Identifier: MIT OR Apache-2.0
#include "ctl_server.h"

#include <errno.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl_conn.h"
#include "ctl_path.h"
#include "ctl_peer.h"

struct pp_ctl_server {
	struct pp_ctl_path place;
	struct pp_control_config control;
	const struct pp_rpc_service *service;
	struct pp_ctl_conn_host host;
	struct evconnlistener *listener;
	struct event *retry; // accept() ran out of descriptors or memory
	struct event *quiet; // something is pending, and nothing more is to be read
	struct event *due; // something has been pending for PP_CTL_COLLECT_MS
	bool pending;
	uint32_t conn_count;
	struct pp_ctl_conn *conn[PP_CTL_CLIENTS_MAX];
};

static void on_wrote(void *arg)
{
	struct timeval limit = {.tv_usec = PP_CTL_COLLECT_MS * 1000};
	struct pp_ctl_server *server = arg;

	if (server->pending)
		return;
	server->pending = true;
	event_active(server->quiet, EV_TIMEOUT, 0);
	event_add(server->due, &limit);
}

static void on_gone(void *arg, struct pp_ctl_conn *conn)
{
	struct pp_ctl_server *server = arg;
	uint32_t i = 0;

	while (server->conn[i] != conn)
		i++;
	server->conn[i] = server->conn[--server->conn_count];
}

// A connection may go while it is looked at, and the last one then takes its place: from the end,
// that is one that has been looked at.
int pp_ctl_server_commit(struct pp_ctl_server *server)
{
	const struct pp_rpc_service *service = server->service;
	struct pp_rpc_error err = {0};
	uint32_t generation = 0;
	int ret;

	server->pending = false;
	event_del(server->quiet);
	event_del(server->due);
	ret = service->commit(service->arg, &generation, &err);
	// It may have taken long, and clients have their time to read from now on.
	event_base_update_cache_time(evconnlistener_get_base(server->listener));
	for (uint32_t i = server->conn_count; i-- > 0;)
		pp_ctl_conn_release(server->conn[i], generation, ret ? &err : NULL);
	json_decref(err.data);
	return ret;
}

static void on_commit(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	pp_ctl_server_commit(arg);
}

void pp_ctl_server_notify(struct pp_ctl_server *server, uint32_t events, const json_t *message)
{
	for (uint32_t i = server->conn_count; i-- > 0;) {
		if (pp_ctl_conn_events(server->conn[i]) & events)
			pp_ctl_conn_send(server->conn[i], message);
	}
}

static void refuse_client(int fd, enum pp_rpc_code code, const char *text)
{
	struct pp_rpc_error err = {0};
	json_t *message;
	ssize_t ignored;
	char *line;

	pp_rpc_fail(&err, code, "%s", text);
	message = pp_rpc_refusal(&err);
	line = pp_rpc_line(message);
	ignored = line ? write(fd, line, strlen(line)) : 0;
	(void)ignored;
	free(line);
	json_decref(message);
	close(fd);
}

static void on_client(struct evconnlistener *listener,
		      evutil_socket_t fd,
		      struct sockaddr *addr,
		      int len,
		      void *arg)
{
	struct pp_ctl_server *server = arg;
	struct pp_ctl_conn *conn;
	struct pp_rpc_peer peer;

	(void)addr;
	(void)len;
	if (pp_ctl_peer_identify(fd, &server->control, &peer)) {
		refuse_client(fd, PP_RPC_DENIED, "you are in no group that may use this socket");
		return;
	}
	if (server->conn_count == PP_CTL_CLIENTS_MAX) {
		refuse_client(fd, PP_RPC_BUSY, "too many clients");
		return;
	}
	conn = pp_ctl_conn_create(evconnlistener_get_base(listener), fd, &peer, &server->host);
	if (conn)
		server->conn[server->conn_count++] = conn;
	else
		close(fd);
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

static void free_event(struct event *event)
{
	if (event)
		event_free(event);
}

static int make_events(struct pp_ctl_server *server, struct event_base *base)
{
	server->retry = evtimer_new(base, on_retry, server);
	server->quiet = event_new(base, -1, 0, on_commit, server);
	server->due = evtimer_new(base, on_commit, server);
	// The socket listens already (backlog 0), and is closed with its path.
	server->listener = evconnlistener_new(base, on_client, server, LEV_OPT_CLOSE_ON_EXEC, 0,
					      server->place.fd);
	if (!server->retry || !server->quiet || !server->due || !server->listener)
		return -ENOMEM;
	evconnlistener_set_error_cb(server->listener, on_accept_error);
	if (event_priority_set(server->quiet, PP_CTL_PRIORITY_LAST) ||
	    event_priority_set(server->due, PP_CTL_PRIORITY_FIRST))
		return -EINVAL;
	return 0;
}

static void free_events(struct pp_ctl_server *server)
{
	if (server->listener)
		evconnlistener_free(server->listener);
	free_event(server->due);
	free_event(server->quiet);
	free_event(server->retry);
}

int pp_ctl_server_open(struct pp_ctl_server **out,
		       struct event_base *base,
		       const struct pp_control_config *control,
		       const struct pp_rpc_service *service,
		       uint32_t stall_ms,
		       struct pp_error *err)
{
	struct pp_ctl_server *server = calloc(1, sizeof(*server));
	int ret;

	if (!server)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	server->control = *control;
	server->service = service;
	server->host = (struct pp_ctl_conn_host){service, stall_ms, server, on_wrote, on_gone};
	ret = pp_ctl_path_listen(control->socket,
				 pp_ctl_path_mode(control->mode, control->read_group),
				 control->group, &server->place, err);
	if (ret)
		goto free_server;
	ret = make_events(server, base);
	if (ret) {
		pp_error_set(err, ret, 0, 0, "cannot make the control socket's events");
		goto close_place;
	}
	*out = server;
	return 0;

close_place:
	free_events(server);
	pp_ctl_path_close(&server->place);
free_server:
	free(server);
	return ret;
}

void pp_ctl_server_close(struct pp_ctl_server *server)
{
	if (!server)
		return;
	while (server->conn_count)
		pp_ctl_conn_destroy(server->conn[0]);
	free_events(server);
	pp_ctl_path_close(&server->place);
	free(server);
}

uint32_t pp_ctl_server_client_count(const struct pp_ctl_server *server)
{
	return server->conn_count;
}
