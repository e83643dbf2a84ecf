// SPDX-License-Identifier: MIT OR Apache-2.0
#include "explain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <push-packet/explain.h>

#include "capture.h"
#include "command.h"
#include "explain_print.h"

static int explain_packets(const struct pp_explain_rules *rules,
			   struct pp_explain *explain,
			   struct pp_capture *capture,
			   struct pp_explain_sum *sum,
			   bool json,
			   struct pp_error *err)
{
	struct pp_capture_packet packet;
	int ret;

	while ((ret = pp_capture_next(capture, &packet, err)) == 1) {
		struct pp_explain_line line = {.index = sum->pkts + 1,
					       .cap_bytes = packet.cap_bytes,
					       .len_bytes = packet.len_bytes};

		ret = pp_explain_packet(explain, packet.data, packet.cap_bytes, &line.result, err);
		line.too_long = ret == -EMSGSIZE;
		if (ret && !line.too_long)
			return ret;
		pp_explain_sum_add(sum, &line);
		pp_explain_print_line(rules, &line, json);
		if (ferror(stdout))
			return pp_error_set(err, -EPIPE, 0, 0, "cannot write: %s", strerror(errno));
	}
	return ret;
}

static int open_program(const struct pp_explain_rules *rules,
			const struct pp_capture *capture,
			struct pp_explain **out,
			struct pp_error *err)
{
	const struct pp_explain_config config = {.iface = rules->iface,
						 .iface_count = rules->iface_count,
						 .consumer = rules->consumer,
						 .consumer_count = rules->consumer_count,
						 .engine = rules->engine,
						 .own = rules->own,
						 .in = rules->in,
						 .direction = rules->direction,
						 .frame_kind = pp_capture_frame_kind(capture)};

	return pp_explain_open(out, &config, rules->rules, NULL, err);
}

static int run(const struct pp_explain_rules *rules,
	       struct pp_capture *capture,
	       bool json,
	       struct pp_error *err)
{
	struct pp_explain_sum *sum = calloc(1, sizeof(*sum));
	struct pp_explain *explain = NULL;
	int ret;

	if (!sum)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	ret = open_program(rules, capture, &explain, err);
	if (!ret) {
		ret = explain_packets(rules, explain, capture, sum, json, err);
		if (pp_explain_print_sum(rules, sum, json) && !ret)
			ret = pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	}
	pp_explain_close(explain);
	free(sum);
	return ret;
}

static int complain(const char *file, const struct pp_error *err)
{
	struct pp_error with_file;

	pp_error_set(&with_file, 0, 0, 0, "%s: %s", file, err->text);
	return pp_ctl_options_complain(&with_file);
}

int pp_explain_capture(const struct pp_explain_rules *rules, const char *file, bool json)
{
	struct pp_capture *capture;
	struct pp_error err;
	int ret;

	if (pp_capture_open(&capture, file, &err))
		return complain(file, &err);
	ret = run(rules, capture, json, &err);
	pp_capture_close(capture);
	if (ret == -EIO)
		return complain(file, &err);
	return ret ? pp_ctl_options_complain(&err) : PP_EXIT_OK;
}

int pp_explain_rule(const char *rule, const char *capture, bool json)
{
	struct pp_explain_rules *rules = malloc(sizeof(*rules));
	int status;

	if (!rules)
		return pp_ctl_options_complain(&(struct pp_error){.text = "out of memory"});
	pp_explain_rules_init(rules);
	status = pp_explain_rules_from_text(rules, rule);
	// One rule names one interface at most.
	if (!status && rules->iface_count)
		status = pp_explain_rules_enter(rules, rules->iface[0].name);
	status = status ?: pp_explain_capture(rules, capture, json);
	pp_explain_rules_fini(rules);
	free(rules);
	return status;
}
