// SPDX-License-Identifier: MIT OR Apache-2.0
#include "ctl_client.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <push-packet/clock.h>

#include "ctl_fds.h"

#define ANSWER_BYTES_MAX (64u << 20)
#define GROW_BYTES 65536

struct pp_ctl_client {
	int fd;
	uint32_t last_id;
	int passed[PP_CTL_FDS_MAX]; // descriptors that came with the last answer and were not taken
	uint32_t passed_count;
	json_t *refusal; // NULL: the last call was not refused
};

int pp_ctl_client_open(struct pp_ctl_client **out, const char *path, struct pp_error *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct pp_ctl_client *client;
	int ret;

	if (strlen(path) >= sizeof(addr.sun_path))
		return pp_error_set(err, -ENAMETOOLONG, 0, 0,
				    "the path of a socket has at most %zu characters",
				    sizeof(addr.sun_path) - 1);
	strcpy(addr.sun_path, path);
	client = calloc(1, sizeof(*client));
	if (!client)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");

	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0) {
		ret = pp_error_set(err, -errno, 0, 0, "cannot create a unix socket: %m");
		goto free_client;
	}
	if (connect(client->fd, (struct sockaddr *)&addr, sizeof(addr))) {
		ret = pp_error_set(
			err, -errno, 0, 0,
			"no push-packet answers on %s: %m; is it running, and is that its "
			"control.socket?",
			path);
		goto close_fd;
	}
	*out = client;
	return 0;

close_fd:
	close(client->fd);
free_client:
	free(client);
	return ret;
}

static void close_passed(struct pp_ctl_client *client)
{
	while (client->passed_count)
		close(client->passed[--client->passed_count]);
}

void pp_ctl_client_close(struct pp_ctl_client *client)
{
	if (!client)
		return;
	json_decref(client->refusal);
	close_passed(client);
	close(client->fd);
	free(client);
}

const json_t *pp_ctl_client_refusal(const struct pp_ctl_client *client)
{
	return client->refusal;
}

static uint64_t now_ms(void)
{
	return pp_clock_ns(CLOCK_MONOTONIC) / 1000000;
}

static int wait_for(int fd, short events, uint64_t deadline_ms, struct pp_error *err)
{
	struct pollfd pfd = {.fd = fd, .events = events};
	uint64_t now;
	int n;

	do {
		now = now_ms();
		n = now >= deadline_ms ? 0 : poll(&pfd, 1, (int)(deadline_ms - now));
	} while (n < 0 && errno == EINTR);
	if (n > 0)
		return 0;
	if (n < 0)
		return pp_error_set(err, -errno, 0, 0, "poll: %m");
	return pp_error_set(err, -ETIMEDOUT, 0, 0, "the daemon does not answer");
}

static int
send_all(int fd, const char *text, size_t len, uint64_t deadline_ms, struct pp_error *err)
{
	while (len) {
		ssize_t n;
		int ret = wait_for(fd, POLLOUT, deadline_ms, err);

		if (ret)
			return ret;
		n = send(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return pp_error_set(err, -ECONNRESET, 0, 0, "the daemon hung up: %m");
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int
receive_some(struct pp_ctl_client *client, char *text, size_t *used, struct pp_error *err)
{
	ssize_t n = pp_ctl_fds_receive(client->fd, text + *used, GROW_BYTES, client->passed,
				       &client->passed_count);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return pp_error_set(err, -ECONNRESET, 0, 0, "the daemon hung up");
	*used += (size_t)n;
	return 0;
}

// One line, without its newline. There is never more than one answer on its way.
static int receive_line(struct pp_ctl_client *client,
			uint64_t deadline_ms,
			char **out,
			size_t *len,
			struct pp_error *err)
{
	char *text = NULL, *grown;
	size_t used = 0;
	int ret = 0;

	while (!ret && (!used || text[used - 1] != '\n')) {
		grown = used < ANSWER_BYTES_MAX ? realloc(text, used + GROW_BYTES) : NULL;
		if (!grown) {
			ret = pp_error_set(err, -ENOMEM, 0, 0, "the answer is too long");
			break;
		}
		text = grown;
		ret = wait_for(client->fd, POLLIN, deadline_ms, err);
		if (!ret)
			ret = receive_some(client, text, &used, err);
	}
	if (ret) {
		free(text);
		return ret;
	}
	*out = text;
	*len = used - 1;
	return 0;
}

static int read_answer(struct pp_ctl_client *client,
		       const char *text,
		       size_t len,
		       json_t **result,
		       struct pp_error *err)
{
	json_t *answer = json_loadb(text, len, 0, NULL);
	json_t *error = json_object_get(answer, "error"),
	       *value = json_object_get(answer, "result");
	const char *message = json_string_value(json_object_get(error, "message"));
	int ret = 0;

	client->refusal = message ? json_incref(error) : NULL;
	if (message)
		ret = pp_error_set(err, -EREMOTEIO, 0, 0, "the daemon refused: %s", message);
	else if (!value)
		ret = pp_error_set(err, -EPROTO, 0, 0, "the daemon's answer is no JSON-RPC");
	else
		*result = json_incref(value);
	json_decref(answer);
	return ret;
}

static char *request_line(struct pp_ctl_client *client, const char *method, json_t *params)
{
	json_t *request = json_pack("{s:s, s:s, s:i, s:o*}", "jsonrpc", "2.0", "method", method,
				    "id", ++client->last_id, "params", params);
	char *text = request ? json_dumps(request, JSON_COMPACT) : NULL, *line = NULL;

	if (text && asprintf(&line, "%s\n", text) < 0)
		line = NULL;
	free(text);
	json_decref(request);
	return line;
}

int pp_ctl_client_call(struct pp_ctl_client *client,
		       const char *method,
		       json_t *params,
		       uint32_t timeout_ms,
		       json_t **result,
		       struct pp_error *err)
{
	uint64_t deadline_ms = now_ms() + timeout_ms;
	char *line = request_line(client, method, params), *answer;
	size_t len;
	int ret;

	json_decref(client->refusal);
	client->refusal = NULL;
	if (!line)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	ret = send_all(client->fd, line, strlen(line), deadline_ms, err);
	free(line);
	if (ret)
		return ret;
	close_passed(client);
	ret = receive_line(client, deadline_ms, &answer, &len, err);
	if (ret)
		return ret;
	ret = read_answer(client, answer, len, result, err);
	free(answer);
	return ret;
}

uint32_t pp_ctl_client_take_fds(struct pp_ctl_client *client, int fd[], uint32_t max)
{
	uint32_t count = client->passed_count;

	if (count > max)
		count = max;
	for (uint32_t i = 0; i < count; i++)
		fd[i] = client->passed[i];
	while (client->passed_count > count)
		close(client->passed[--client->passed_count]);
	client->passed_count = 0;
	return count;
}

int pp_ctl_client_fd(const struct pp_ctl_client *client)
{
	return client->fd;
}
