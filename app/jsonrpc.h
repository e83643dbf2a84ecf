// SPDX-License-Identifier: MIT OR Apache-2.0
// JSON-RPC 2.0, one message a line: a line in, at most one line out.
//
// Stricter than the specification where a typing error would otherwise go unnoticed: a member of
// a request or of params that nobody knows is an error, and so is a key given twice.
//
// Threads    any; methods are called in the caller's.
// Cost       control path.
// Ownership  answers are the caller's to free.
#pragma once

#include <jansson.h>
#include <stddef.h>

enum pp_rpc_code {
	PP_RPC_PARSE_ERROR = -32700,
	PP_RPC_INVALID_REQUEST = -32600,
	PP_RPC_METHOD_NOT_FOUND = -32601,
	PP_RPC_INVALID_PARAMS = -32602,
	PP_RPC_INTERNAL_ERROR = -32603,
	PP_RPC_BUSY = -32000, // too many clients
};

#define PP_RPC_BATCH_MAX 16

struct pp_rpc_error {
	int code; // enum pp_rpc_code
	char text[200];
};

struct pp_rpc_method {
	const char *name; // NULL ends the table
	const char *const *params; // names it takes, ends with NULL; all are optional
	// @param params  An object with no other members than the named ones, or NULL.
	// @return        The result; NULL: err says why.
	json_t *(*call)(void *arg, const json_t *params, struct pp_rpc_error *err);
};

// Answer one message.
//
// @param line  len bytes, without the newline.
// @return      The answer with its newline, free() it; NULL: there is none to give, or no memory.
char *pp_rpc_answer(const struct pp_rpc_method *methods, void *arg, const char *line, size_t len);

// @return  An answer that belongs to no request, with its newline; free() it. NULL: no memory.
char *pp_rpc_refusal(enum pp_rpc_code code, const char *text);
