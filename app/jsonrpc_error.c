// SPDX-License-Identifier: MIT OR Apache-2.0
#include "jsonrpc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

json_t *pp_rpc_fail(struct pp_rpc_error *err, enum pp_rpc_code code, const char *fmt, ...)
{
	va_list ap;

	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return NULL;
}

static enum pp_rpc_code code_of(int err_no)
{
	switch (err_no) {
	case -ENOENT:
		return PP_RPC_NOT_FOUND;
	case -EBUSY:
		return PP_RPC_IN_USE;
	case -ENOMEM:
		return PP_RPC_INTERNAL_ERROR;
	default:
		return PP_RPC_REFUSED;
	}
}

json_t *pp_rpc_fail_errno(struct pp_rpc_error *err,
			  int err_no,
			  const char *prefix,
			  const struct pp_error *error)
{
	const char *text = error->text[0] ? error->text : strerrordesc_np(-err_no);

	if (error->line)
		err->data = json_pack("{s:I, s:I}", "line", (json_int_t)error->line, "col",
				      (json_int_t)error->col);
	return pp_rpc_fail(err, code_of(err_no), "%s%s", prefix, text ? text : "it failed");
}

void pp_rpc_add_index(struct pp_rpc_error *err, size_t index)
{
	if (!err->data)
		err->data = json_object();
	json_object_set_new(err->data, "index", json_integer((json_int_t)index));
}
