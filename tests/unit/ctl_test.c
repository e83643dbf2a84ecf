// SPDX-License-Identifier: MIT OR Apache-2.0
#include "ctl_client.h"
#include "ctl_path.h"
#include "ctl_server.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ctl_wire.h"

#define STALL_MS 300
#define BIG_BYTES (2u << 20)

static json_t *call_echo(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	(void)arg;
	(void)err;
	return json_incref(json_object_get(call->params, "value"));
}

static json_t *call_big(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	char *text = malloc(BIG_BYTES);
	json_t *value;

	(void)arg;
	(void)call;
	(void)err;
	memset(text, 'x', BIG_BYTES);
	value = json_stringn(text, BIG_BYTES);
	free(text);
	return value;
}

static const struct pp_rpc_param echo_params[] = {
	{"value", PP_RPC_INTEGER, true, 0, 100, "what comes back"}, {0}};
static const struct pp_rpc_method echo = {.name = "echo", .params = echo_params, .call = call_echo};
static const struct pp_rpc_method big = {.name = "big", .call = call_big};
static const struct pp_rpc_method *const methods[] = {&echo, &big, NULL};
static const struct pp_rpc_service service = {.methods = methods};

static void setup(void)
{
	wire_open(&service, STALL_MS);
}

TestSuite(ctl, .init = setup, .fini = wire_close, .timeout = 30);

static void expect_answer(const char *message, const char *answer)
{
	int fd = wire_dial();

	wire_say(fd, message);
	cr_expect_str_eq(wire_hear(fd), answer, "to %s", message);
	close(fd);
	wire_turn();
}

static void expect_code(const char *message, int code)
{
	char want[32];
	const char *text;
	int fd = wire_dial();

	wire_say(fd, message);
	text = wire_hear(fd);
	snprintf(want, sizeof(want), "\"code\":%d,", code);
	cr_expect(strstr(text, want), "no %s in '%s' to %s", want, text, message);
	cr_expect(*text && strchr(text, '\n') == text + strlen(text) - 1, "one line, not '%s'",
		  text);
	close(fd);
	wire_turn();
}

#define CALL(id) "{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{\"value\":7},\"id\":" id "}"
#define RESULT(id) "{\"jsonrpc\":\"2.0\",\"result\":7,\"id\":" id "}"

Test(ctl, call_gets_its_result)
{
	expect_answer(CALL("1") "\n", RESULT("1") "\n");
	expect_answer(CALL("\"a\"") "\r\n", RESULT("\"a\"") "\n");
	expect_answer(CALL("1") "\n" CALL("2") "\n", RESULT("1") "\n" RESULT("2") "\n");
}

Test(ctl, notification_gets_no_answer)
{
	expect_answer("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{\"value\":7}}\n", "");
	expect_answer("{\"jsonrpc\":\"2.0\",\"method\":\"nonesuch\"}\n", "");
}

Test(ctl, batch_gets_one_array)
{
	expect_answer("[" CALL("1") "," CALL("2") "]\n", "[" RESULT("1") "," RESULT("2") "]\n");
	expect_answer("[{\"jsonrpc\":\"2.0\",\"method\":\"big\"}]\n", "");
	expect_code("[]\n", -32600);
	expect_code("[1]\n", -32600);
	expect_code("[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]\n", -32600);
}

Test(ctl, bad_messages_get_the_code_of_the_specification)
{
	expect_code("{\"jsonrpc\n", -32700);
	expect_code("\n", -32700);
	expect_code("\xff\xfe\n", -32700);
	expect_code(CALL("1") CALL("2") "\n", -32700);
	expect_code("1\n", -32600);
	expect_code("{}\n", -32600);
	expect_code("{\"jsonrpc\":\"1.0\",\"method\":\"echo\",\"id\":1}\n", -32600);
	expect_code("{\"jsonrpc\":\"2.0\",\"method\":1,\"id\":1}\n", -32600);
	expect_code("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":[]}\n", -32600);
	expect_code("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":1,\"id\":1}\n", -32600);
	expect_code("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"parms\":{},\"id\":1}\n", -32600);
	expect_code("{\"jsonrpc\":\"2.0\",\"method\":\"nonesuch\",\"id\":1}\n", -32601);
	expect_code("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":[7],\"id\":1}\n", -32602);
	expect_code("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{\"v\":7},\"id\":1}\n",
		    -32602);
	expect_code(
		"{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{\"value\":\"7\"},\"id\":1}\n",
		-32602);
	expect_code(
		"{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":{\"value\":101},\"id\":1}\n",
		-32602);
	expect_code("{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"id\":1}\n", -32602);
	expect_code("{\"jsonrpc\":\"2.0\",\"method\":\"echo\","
		    "\"params\":{\"value\":7,\"value\":8},\"id\":1}\n",
		    -32602);
}

Test(ctl, half_a_message_at_the_end_is_a_parse_error)
{
	int fd = wire_dial();

	wire_say(fd, "{\"jsonrpc\":\"2.0\",");
	shutdown(fd, SHUT_WR);
	cr_expect(strstr(wire_hear(fd), "-32700"));
	cr_expect(wire_hung_up(fd));
	close(fd);
}

Test(ctl, last_message_needs_no_newline)
{
	int fd = wire_dial();

	wire_say(fd, CALL("1"));
	shutdown(fd, SHUT_WR);
	cr_expect_str_eq(wire_hear(fd), RESULT("1") "\n");
	cr_expect(wire_hung_up(fd));
	close(fd);
}

Test(ctl, long_line_gets_an_error_and_the_connection_ends)
{
	const ssize_t size = PP_CTL_LINE_BYTES_MAX + 100000;
	char *line = malloc((size_t)size);
	int fd = wire_dial();

	memset(line, 'x', (size_t)size);
	for (ssize_t sent = 0, n; sent<size; sent += n> 0 ? n : 0) {
		n = send(fd, line + sent, (size_t)(size - sent), MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			break;
		wire_turn();
	}
	cr_expect(strstr(wire_hear(fd), "1 MiB"));
	cr_expect_eq(pp_ctl_server_client_count(wire.server), 0);
	close(fd);
	free(line);
}

Test(ctl, line_of_1_mib_is_read)
{
	char *line = malloc(PP_CTL_LINE_BYTES_MAX + 2);
	int fd = wire_dial();

	memset(line, ' ', PP_CTL_LINE_BYTES_MAX);
	memcpy(line, CALL("1"), strlen(CALL("1")));
	strcpy(line + PP_CTL_LINE_BYTES_MAX, "\n");
	for (size_t sent = 0, n; sent <= PP_CTL_LINE_BYTES_MAX; sent += n) {
		ssize_t ret = send(fd, line + sent, PP_CTL_LINE_BYTES_MAX + 1 - sent, MSG_NOSIGNAL);

		n = ret > 0 ? (size_t)ret : 0;
		wire_turn();
	}
	cr_expect_str_eq(wire_hear(fd), RESULT("1") "\n");
	close(fd);
	free(line);
}

Test(ctl, client_that_does_not_read_is_dropped)
{
	int fd = wire_dial();

	for (int i = 0; i < 10; i++)
		wire_say(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"big\",\"id\":1}\n");
	wire_turn();
	cr_assert_eq(pp_ctl_server_client_count(wire.server), 1);
	for (int i = 0; i < 100 && pp_ctl_server_client_count(wire.server); i++)
		wire_turn();
	cr_expect_eq(pp_ctl_server_client_count(wire.server), 0);
	close(fd);
}

Test(ctl, client_that_reads_slowly_gets_every_answer)
{
	const size_t answer =
		BIG_BYTES + strlen("{\"jsonrpc\":\"2.0\",\"result\":\"\",\"id\":1}\n");
	char *sink = malloc(BIG_BYTES);
	size_t got = 0;
	int fd = wire_dial();
	ssize_t n;

	for (int i = 0; i < 5; i++)
		wire_say(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"big\",\"id\":1}\n");
	for (int i = 0; i < 2000 && got < 5 * answer; i++) {
		wire_turn();
		while ((n = recv(fd, sink, BIG_BYTES, 0)) > 0)
			got += (size_t)n;
	}
	cr_expect_eq(got, 5 * answer);
	close(fd);
	free(sink);
}

Test(ctl, client_too_many_is_told_so)
{
	int fd[PP_CTL_CLIENTS_MAX + 1];

	for (int i = 0; i <= PP_CTL_CLIENTS_MAX; i++) {
		fd[i] = wire_dial();
		wire_turn();
	}
	cr_expect_eq(pp_ctl_server_client_count(wire.server), PP_CTL_CLIENTS_MAX);
	cr_expect(strstr(wire_hear(fd[PP_CTL_CLIENTS_MAX]), "too many clients"));
	cr_expect(wire_hung_up(fd[PP_CTL_CLIENTS_MAX]));
	close(fd[0]);
	wire_turn();
	cr_expect_eq(pp_ctl_server_client_count(wire.server), PP_CTL_CLIENTS_MAX - 1);
	for (int i = 1; i <= PP_CTL_CLIENTS_MAX; i++)
		close(fd[i]);
}

static void *serve(void *arg)
{
	event_base_loop(arg, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static void end_serve(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

Test(ctl, client_calls_the_daemon)
{
	struct timeval limit = {.tv_sec = 1};
	struct pp_ctl_client *client = NULL;
	struct pp_error err = {0};
	json_t *result = NULL;
	pthread_t thread;

	event_base_once(wire.base, -1, EV_TIMEOUT, end_serve, wire.base, &limit);
	cr_assert_eq(pthread_create(&thread, NULL, serve, wire.base), 0);
	cr_assert_eq(pp_ctl_client_open(&client, wire.control.socket, &err), 0);
	cr_expect_eq(pp_ctl_client_call(client, "big", NULL, 5000, &result, &err), 0, "%s",
		     err.text);
	cr_expect_eq(json_string_length(result), BIG_BYTES);
	json_decref(result);
	cr_expect_eq(pp_ctl_client_call(client, "echo", NULL, 5000, &result, &err), -EREMOTEIO);
	cr_expect(strstr(err.text, "echo needs the parameter value"));
	pthread_join(thread, NULL);
	cr_expect_eq(pp_ctl_client_call(client, "echo", NULL, 50, &result, &err), -ETIMEDOUT);
	pp_ctl_client_close(client);
	wire_turn();
}

Test(ctl, second_daemon_is_refused_and_the_first_goes_on)
{
	struct pp_ctl_server *second = NULL;
	struct pp_error err = {0};

	cr_expect_eq(
		pp_ctl_server_open(&second, wire.base, &wire.control, &service, STALL_MS, &err),
		-EADDRINUSE);
	cr_expect(strstr(err.text, "another push-packet answers on"));
	wire_turn();
	expect_answer(CALL("1") "\n", RESULT("1") "\n");
}

Test(ctl, mode_of_the_socket_is_as_configured)
{
	struct stat st;

	cr_assert_eq(stat(wire.control.socket, &st), 0);
	cr_expect_eq(st.st_mode & 0777, 0640);
}

Test(ctl, closing_leaves_a_successors_socket_alone)
{
	struct pp_ctl_path other;
	struct pp_error err;

	cr_assert_eq(unlink(wire.control.socket), 0);
	cr_assert_eq(pp_ctl_path_listen(wire.control.socket, 0600, (gid_t)-1, &other, &err), 0);
	pp_ctl_server_close(wire.server);
	wire.server = NULL;
	cr_expect_eq(access(wire.control.socket, F_OK), 0);
	pp_ctl_path_close(&other);
}

Test(ctl, socket_of_a_dead_daemon_is_taken_over)
{
	char path[64];
	struct pp_ctl_path place;
	struct pp_error err;
	int status;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/dead", wire.dir);
	pid = fork();
	if (!pid)
		_exit(pp_ctl_path_listen(path, 0600, (gid_t)-1, &place, &err) != 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
	cr_assert_eq(access(path, F_OK), 0, "the dead left it");
	cr_expect_eq(pp_ctl_path_listen(path, 0600, (gid_t)-1, &place, &err), 0, "%s", err.text);
	pp_ctl_path_close(&place);
}

// Whoever starts at the same moment over a dead socket: one gets it.
Test(ctl, of_many_starters_one_wins)
{
	char path[64];
	int wins = 0, status;

	snprintf(path, sizeof(path), "%s/race", wire.dir);
	for (int i = 0; i < 20; i++) {
		if (!fork()) {
			struct pp_ctl_path place;
			struct pp_error err;
			int ret = pp_ctl_path_listen(path, 0600, (gid_t)-1, &place, &err);

			if (!ret)
				usleep(500000);
			_exit(ret ? 1 : 0);
		}
	}
	while (wait(&status) > 0)
		wins += status == 0;
	cr_expect_eq(wins, 1);
	unlink(path);
}

Test(ctl, path_that_is_no_socket_is_left_alone)
{
	char path[64];
	struct pp_ctl_path place;
	struct pp_error err;
	FILE *file;

	snprintf(path, sizeof(path), "%s/file", wire.dir);
	file = fopen(path, "we");
	cr_assert_not_null(file);
	fclose(file);
	cr_expect_eq(pp_ctl_path_listen(path, 0600, (gid_t)-1, &place, &err), -EADDRINUSE);
	cr_expect_eq(unlink(path), 0);
	snprintf(path, sizeof(path), "%s/none/ctl", wire.dir);
	cr_expect_eq(pp_ctl_path_listen(path, 0600, (gid_t)-1, &place, &err), -ENOENT);
}
