// SPDX-License-Identifier: MIT OR Apache-2.0
// JSON-RPC 2.0, one message a line: a line in, at most one line out.
//
// Stricter than the specification where a typing error would otherwise go unnoticed: a member of
// a request or of params that nobody knows is an error, and so is a key given twice. Types and
// ranges of params stand in the method's table and are checked before the method is called.
//
// A method that writes changes a state that is pending; many such changes are put in force in one
// step (commit). Until then their answers are complete but wait: the reply says which.
//
// Threads    any; methods are called in the caller's.
// Cost       control path.
// Ownership  replies are the caller's; tables are constant.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <push-packet/error.h>

enum pp_rpc_code {
	PP_RPC_PARSE_ERROR = -32700,
	PP_RPC_INVALID_REQUEST = -32600,
	PP_RPC_METHOD_NOT_FOUND = -32601,
	PP_RPC_INVALID_PARAMS = -32602,
	PP_RPC_INTERNAL_ERROR = -32603,
	PP_RPC_BUSY = -32000, // too many clients
	PP_RPC_REFUSED = -32001, // the request makes sense, but not here and now
	PP_RPC_NOT_FOUND = -32002,
	PP_RPC_DENIED = -32003, // the peer may not
	PP_RPC_IN_USE = -32004,
};

#define PP_RPC_BATCH_MAX 16
#define PP_RPC_FDS_MAX 2

struct pp_rpc_error {
	int code; // enum pp_rpc_code
	char text[1024];
	json_t *data; // owned; NULL: none
};

enum pp_rpc_type {
	PP_RPC_STRING,
	PP_RPC_INTEGER,
	PP_RPC_STRINGS, // an array
	PP_RPC_OBJECTS, // an array
};

struct pp_rpc_param {
	const char *name; // NULL ends the table
	enum pp_rpc_type type;
	bool required;
	json_int_t min, max; // of PP_RPC_INTEGER
	const char *summary;
};

// Who asks. It lives as long as the connection.
struct pp_rpc_peer {
	bool may_write;
	uint32_t events; // that it subscribed to, a bit each; the method that subscribes sets it
	char ssh[256]; // SSH_CONNECTION or SSH_CLIENT of its session; "": none
	uint32_t dumps; // that go when it goes, a bit each; the methods set it
	// Descriptors that go out with the answer. A method sets them, borrowed; who sends it clears
	// them.
	int fd[PP_RPC_FDS_MAX];
	uint32_t fd_count;
	uint32_t fd_dump; // whose they are
};

struct pp_rpc_call {
	const struct pp_rpc_method *method;
	struct pp_rpc_peer *peer;
	const json_t *params; // checked against the method's table; NULL: none
};

struct pp_rpc_method {
	const char *name;
	const char *summary;
	bool write; // changes something: the peer must be allowed to
	bool privileged; // changes no rule, but the peer must be allowed to write all the same
	const struct pp_rpc_param *params; // NULL: none
	// @return  The result; NULL: err says why.
	json_t *(*call)(void *arg, const struct pp_rpc_call *call, struct pp_rpc_error *err);
};

struct pp_rpc_service {
	const struct pp_rpc_method *const *methods; // ends with NULL
	void *arg;

	// Call a method that writes, all or nothing. NULL where none does.
	//
	// @param pending  Set: commit() must be called before the answer goes out.
	// @return         As the method's call().
	json_t *(*transact)(void *arg,
			    const struct pp_rpc_call *call,
			    bool *pending,
			    struct pp_rpc_error *err);
	// Put in force what is pending. On failure all of it is undone.
	//
	// @param generation  Set on success: what is in force now.
	// @return            0; -errno, err is set.
	int (*commit)(void *arg, uint32_t *generation, struct pp_rpc_error *err);
	// A connection is about to end: what it holds goes. NULL: nothing is held.
	void (*gone)(void *arg, struct pp_rpc_peer *peer);
};

// One message's answer.
struct pp_rpc_reply {
	json_t *message; // NULL: there is none to give
	json_t *held; // the answers in it that wait for commit(); NULL: none does
	bool pending; // commit() must be called, whether or not there is an answer
};

// @param line  len bytes, without the newline.
// @param err   Set on failure.
// @return      The message; NULL: it is no JSON, or a key is there twice.
json_t *pp_rpc_parse(const char *line, size_t len, struct pp_rpc_error *err);

// Whether something in the message wants to know the state. Behind a write of the same client,
// such a message must not be answered before commit().
bool pp_rpc_reads(const struct pp_rpc_service *service, const json_t *message);

// Answer a message. In a batch, what reads is answered from the state before what writes in it.
void pp_rpc_answer(const struct pp_rpc_service *service,
		   struct pp_rpc_peer *peer,
		   const json_t *message,
		   struct pp_rpc_reply *reply);

// commit() succeeded: held results say the generation in force.
void pp_rpc_reply_confirm(struct pp_rpc_reply *reply, uint32_t generation);
// commit() failed: held results become errors.
void pp_rpc_reply_fail(struct pp_rpc_reply *reply, const struct pp_rpc_error *err);
void pp_rpc_reply_fini(struct pp_rpc_reply *reply);

// An answer that belongs to no request.
json_t *pp_rpc_refusal(const struct pp_rpc_error *err);

// @return  The message with the newline that ends it, free() it; NULL: no memory, or no message.
char *pp_rpc_line(const json_t *message);

// Hold params (NULL: none) against a method's table.
bool pp_rpc_check_params(const struct pp_rpc_method *method,
			 const json_t *params,
			 struct pp_rpc_error *err);

// @return  NULL: there is none of that name.
const struct pp_rpc_method *pp_rpc_find(const struct pp_rpc_method *const *methods,
					const char *name);

// The table, for programs: what rpc.discover answers.
json_t *pp_rpc_discover(const struct pp_rpc_method *const *methods);

// Fill err, which has no data yet.
//
// @return  NULL, so that a method can write `return pp_rpc_fail(err, ...)`; it is false as well.
json_t *pp_rpc_fail(struct pp_rpc_error *err, enum pp_rpc_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

// Fill err from what the library said; its line and column become data.
//
// @param prefix  Goes before the text; may be "".
// @return        NULL.
json_t *pp_rpc_fail_errno(struct pp_rpc_error *err,
			  int err_no,
			  const char *prefix,
			  const struct pp_error *error);

// Say in err's data which of several inputs it is about, from 0.
void pp_rpc_add_index(struct pp_rpc_error *err, size_t index);
