// SPDX-License-Identifier: MIT OR Apache-2.0
#include "plane_priv.h"

#include <stdio.h>

#include "analyser_files.h"
#include "analysis.h"
#include "record_options.h"

int pp_consumer_check_options(const struct pp_consumer_config *consumer,
			      uint32_t *at,
			      struct pp_error *err)
{
	const struct pp_analyser_ops *ops = pp_analysis_ops(consumer);
	struct pp_error unseen;

	*at = 0;
	err = err ?: &unseen;
	// An analyser's check() is not told of threads, which share the buffer of a capture.
	if (consumer->kind == PP_CONSUMER_CAPTURE)
		return pp_record_options_check(consumer->option, consumer->option_count,
					       consumer->threads, at, err);
	if (ops != NULL && ops->check != NULL)
		return ops->check(consumer->option, consumer->option_count, at, err);
	if (consumer->option_count == 0)
		return 0;
	return pp_error_set(err, -EINVAL, 0, 0, "kind %s has no '%s'",
			    pp_consumer_kind_name(consumer->kind), consumer->option[0].key);
}

static struct pp_analysis *find(const struct pp_plane *plane, uint32_t consumer)
{
	return consumer < plane->config.consumer_count ? plane->consumer[consumer].analysis : NULL;
}

int pp_plane_analyser(const struct pp_plane *plane,
		      uint32_t consumer,
		      int32_t thread,
		      struct pp_analyser_info *out)
{
	const struct pp_analysis *analysis = find(plane, consumer);

	if (analysis == NULL ||
	    (thread >= 0 && (uint32_t)thread >= plane->config.consumer[consumer].threads))
		return -EINVAL;
	pp_analysis_info(analysis, thread, out);
	return 0;
}

int pp_plane_analyser_top(const struct pp_plane *plane,
			  uint32_t consumer,
			  const struct pp_analyser_query *query,
			  struct pp_analyser_top *out,
			  struct pp_error *err)
{
	struct pp_analysis *analysis = find(plane, consumer);
	const struct pp_analyser_ops *ops;
	struct pp_error unseen = {0};

	if (analysis == NULL)
		return pp_error_set(err, -EINVAL, 0, 0, "no such analyser");
	ops = pp_analysis_ops(&plane->config.consumer[consumer]);
	if (ops->top == NULL)
		return pp_error_set(err, -EOPNOTSUPP, 0, 0, "analyser %s (%s) has nothing to list",
				    plane->config.consumer[consumer].name, ops->name);
	return ops->top(pp_analysis_state(analysis), query, out, err ?: &unseen);
}

uint32_t pp_plane_analyser_numbers(const struct pp_plane *plane,
				   uint32_t consumer,
				   struct pp_analyser_number number[],
				   uint32_t max)
{
	struct pp_analysis *analysis = find(plane, consumer);
	const struct pp_analyser_ops *ops;

	if (analysis == NULL)
		return 0;
	ops = pp_analysis_ops(&plane->config.consumer[consumer]);
	return ops->numbers != NULL ? ops->numbers(pp_analysis_state(analysis), number, max) : 0;
}

bool pp_plane_news(const struct pp_plane *plane, char text[PP_PLANE_NEWS_BYTES])
{
	for (uint32_t i = 0; i < plane->config.consumer_count; i++) {
		const struct pp_analyser_ops *ops = pp_analysis_ops(&plane->config.consumer[i]);
		struct pp_analysis *analysis = plane->consumer[i].analysis;
		char line[PP_ANALYSER_NEWS_BYTES] = "";

		if (analysis == NULL || ops->news == NULL ||
		    !ops->news(pp_analysis_state(analysis), line))
			continue;
		line[sizeof(line) - 1] = '\0';
		snprintf(text, PP_PLANE_NEWS_BYTES, "consumer %s: %s",
			 plane->config.consumer[i].name, line);
		return true;
	}
	return false;
}
