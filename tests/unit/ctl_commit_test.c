// SPDX-License-Identifier: MIT OR Apache-2.0
// What clients change is put in force together, and answered then.
#include "ctl_server.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl_wire.h"

#define STALL_MS 300

// A service whose state is a number.
static int in_force, pending_sum;
static uint32_t commits;
static int fail_with;

static json_t *call_get(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	(void)arg;
	(void)call;
	(void)err;
	return json_integer(in_force);
}

static json_t *call_listen(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	(void)arg;
	(void)err;
	call->peer->events = 1;
	return json_object();
}

static json_t *call_add(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	(void)arg;
	(void)call;
	(void)err;
	pending_sum++;
	return json_object();
}

static json_t *call_refuse(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err)
{
	(void)arg;
	(void)call;
	return pp_rpc_fail(err, PP_RPC_REFUSED, "never");
}

static const struct pp_rpc_method get = {.name = "get", .call = call_get};
static const struct pp_rpc_method listen_method = {.name = "listen", .call = call_listen};
static const struct pp_rpc_method add = {.name = "add", .write = true, .call = call_add};
static const struct pp_rpc_method refuse = {.name = "refuse", .write = true, .call = call_refuse};
static const struct pp_rpc_method *const methods[] = {&get, &listen_method, &add, &refuse, NULL};

static json_t *
transact(void *arg, const struct pp_rpc_call *call, bool *pending, struct pp_rpc_error *err)
{
	json_t *result = call->method->call(arg, call, err);

	*pending = result != NULL;
	return result;
}

static int commit(void *arg, uint32_t *generation, struct pp_rpc_error *err)
{
	json_t *event;

	(void)arg;
	commits++;
	if (fail_with) {
		pending_sum = 0;
		pp_rpc_fail(err, PP_RPC_REFUSED, "not now");
		return fail_with;
	}
	in_force += pending_sum;
	pending_sum = 0;
	*generation = (uint32_t)in_force;
	event = json_pack("{s:s}", "event", "changed");
	pp_ctl_server_notify(wire.server, 1, event);
	json_decref(event);
	return 0;
}

static const struct pp_rpc_service service = {
	.methods = methods, .transact = transact, .commit = commit};

static void setup(void)
{
	wire_open(&service, STALL_MS);
}

TestSuite(ctl_commit, .init = setup, .fini = wire_close, .timeout = 30);

#define CALL(method, id) "{\"jsonrpc\":\"2.0\",\"method\":\"" method "\",\"id\":" id "}\n"
#define DONE(generation, id)                                                                       \
	"{\"jsonrpc\":\"2.0\",\"result\":{\"generation\":" generation "},\"id\":" id "}\n"
#define GOT(value, id) "{\"jsonrpc\":\"2.0\",\"result\":" value ",\"id\":" id "}\n"
#define ERROR(code, text, id)                                                                      \
	"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":" code ",\"message\":\"" text "\"},\"id\":" id   \
	"}\n"

// What was to be a result.
#define NOT_NOW(id)                                                                                \
	"{\"jsonrpc\":\"2.0\",\"id\":" id ",\"error\":{\"code\":-32001,\"message\":\"not now\"}}\n"

Test(ctl_commit, what_one_client_sends_at_once_is_one_commit)
{
	int fd = wire_dial();

	wire_say(fd, CALL("add", "1") CALL("add", "2") CALL("add", "3"));
	cr_expect_str_eq(wire_hear(fd), DONE("3", "1") DONE("3", "2") DONE("3", "3"));
	cr_expect_eq(commits, 1);
	close(fd);
}

Test(ctl_commit, what_many_clients_send_at_once_is_one_commit)
{
	int fd[PP_CTL_CLIENTS_MAX];

	for (int i = 0; i < PP_CTL_CLIENTS_MAX; i++) {
		fd[i] = wire_dial();
		wire_turn();
	}
	for (int i = 0; i < PP_CTL_CLIENTS_MAX; i++)
		wire_say(fd[i], CALL("add", "1"));
	for (int i = 0; i < PP_CTL_CLIENTS_MAX; i++) {
		cr_expect_str_eq(wire_hear(fd[i]), DONE("32", "1"));
		close(fd[i]);
	}
	cr_expect_eq(commits, 1);
}

Test(ctl_commit, question_behind_a_change_is_answered_from_the_state_with_it)
{
	int fd = wire_dial();

	wire_say(fd, CALL("get", "1") CALL("add", "2") CALL("get", "3") CALL("add", "4")
			     CALL("get", "5"));
	cr_expect_str_eq(wire_hear(fd),
			 GOT("0", "1") DONE("1", "2") GOT("1", "3") DONE("2", "4") GOT("2", "5"));
	close(fd);
}

Test(ctl_commit, refused_change_is_answered_in_its_place)
{
	int fd = wire_dial();

	wire_say(fd, CALL("add", "1") CALL("refuse", "2") "junk\n" CALL("add", "3"));
	cr_expect_str_eq(wire_hear(fd),
			 DONE("2", "1") ERROR("-32001", "never", "2")
				 ERROR("-32700", "no JSON: invalid token near 'junk'", "null")
					 DONE("2", "3"));
	cr_expect_eq(commits, 1);
	close(fd);
}

Test(ctl_commit, failed_commit_is_told_to_all_who_wait)
{
	int a = wire_dial(), b = wire_dial();

	wire_turn();
	fail_with = -EIO;
	wire_say(a, CALL("add", "1"));
	wire_say(b, CALL("add", "2") CALL("get", "3"));
	cr_expect_str_eq(wire_hear(a), NOT_NOW("1"));
	cr_expect_str_eq(wire_hear(b), NOT_NOW("2") GOT("0", "3"));
	close(a);
	close(b);
}

Test(ctl_commit, batch_waits_as_a_whole)
{
	int fd = wire_dial();

	wire_say(fd, "[{\"jsonrpc\":\"2.0\",\"method\":\"get\",\"id\":1},"
		     "{\"jsonrpc\":\"2.0\",\"method\":\"add\",\"id\":2}]\n");
	cr_expect_str_eq(wire_hear(fd),
			 "[{\"jsonrpc\":\"2.0\",\"result\":0,\"id\":1},"
			 "{\"jsonrpc\":\"2.0\",\"result\":{\"generation\":1},\"id\":2}]\n");
	close(fd);
}

Test(ctl_commit, change_without_id_is_put_in_force_too)
{
	int fd = wire_dial();

	wire_say(fd, "{\"jsonrpc\":\"2.0\",\"method\":\"add\"}\n" CALL("get", "1"));
	cr_expect_str_eq(wire_hear(fd), GOT("1", "1"));
	close(fd);
}

Test(ctl_commit, change_of_a_client_that_left_is_in_force)
{
	int fd = wire_dial();

	wire_say(fd, CALL("add", "1"));
	close(fd);
	wire_turn();
	cr_expect_eq(in_force, 1);
	cr_expect_eq(pp_ctl_server_client_count(wire.server), 0);
}

Test(ctl_commit, end_of_input_waits_for_the_answers)
{
	int fd = wire_dial();

	wire_say(fd, CALL("add", "1") CALL("get", "2"));
	shutdown(fd, SHUT_WR);
	cr_expect_str_eq(wire_hear(fd), DONE("1", "1") GOT("1", "2"));
	cr_expect(wire_hung_up(fd));
	close(fd);
}

Test(ctl_commit, ten_thousand_changes_on_a_connection_are_all_answered)
{
	static const char line[] = CALL("add", "1");
	const size_t count = 10000, len = count * (sizeof(line) - 1);
	char *text = malloc(len), answers[65536];
	size_t sent = 0, lines = 0;
	int fd = wire_dial();
	ssize_t n;

	for (size_t i = 0; i < count; i++)
		memcpy(text + i * (sizeof(line) - 1), line, sizeof(line) - 1);
	for (int i = 0; i < 1000 && lines < count; i++) {
		n = send(fd, text + sent, len - sent, MSG_NOSIGNAL);
		sent += n > 0 ? (size_t)n : 0;
		wire_turn();
		while ((n = recv(fd, answers, sizeof(answers), 0)) > 0) {
			for (ssize_t c = 0; c < n; c++)
				lines += answers[c] == '\n';
		}
	}
	cr_expect_eq(lines, count);
	cr_expect_eq(in_force, (int)count);
	cr_expect_lt(commits, 100);
	free(text);
	close(fd);
}

Test(ctl_commit, subscriber_is_told_behind_its_answers)
{
	int a = wire_dial(), b = wire_dial();

	wire_say(a, CALL("listen", "1"));
	cr_expect_str_eq(wire_hear(a), GOT("{}", "1"));
	wire_say(a, CALL("add", "2"));
	cr_expect_str_eq(wire_hear(a), DONE("1", "2") "{\"event\":\"changed\"}\n");
	wire_say(b, CALL("add", "3"));
	cr_expect_str_eq(wire_hear(b), DONE("2", "3"));
	cr_expect_str_eq(wire_hear(a), "{\"event\":\"changed\"}\n");
	close(a);
	close(b);
}

Test(ctl_commit, subscriber_that_does_not_read_is_dropped)
{
	int a = wire_dial(), b = wire_dial();
	static char text[65536];
	json_t *event;

	memset(text, 'x', sizeof(text));
	event = json_pack("{s:s%}", "text", text, sizeof(text));
	wire_say(a, CALL("listen", "1"));
	wire_hear(a);
	for (int i = 0; i < 100; i++)
		pp_ctl_server_notify(wire.server, 1, event);
	wire_say(b, CALL("get", "1"));
	cr_expect_str_eq(wire_hear(b), GOT("0", "1"));
	cr_expect_eq(pp_ctl_server_client_count(wire.server), 1);
	json_decref(event);
	close(a);
	close(b);
}

// Somebody who asks without a pause leaves the loop no quiet moment.
Test(ctl_commit, flood_of_questions_does_not_keep_a_change_waiting)
{
	int a = wire_dial(), b = wire_dial();
	char sink[65536];

	wire_turn();
	wire_say(a, CALL("add", "1"));
	for (int i = 0; i < 200 && !in_force; i++) {
		for (int j = 0; j < 50; j++)
			wire_say(b, CALL("get", "1"));
		event_base_loop(wire.base, EVLOOP_ONCE);
		while (recv(b, sink, sizeof(sink), 0) > 0)
			;
	}
	cr_expect_eq(in_force, 1);
	close(a);
	close(b);
}
