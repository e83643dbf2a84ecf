// SPDX-License-Identifier: MIT OR Apache-2.0
#include "record_news.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void pp_record_news_init(struct pp_record_news *news)
{
	*news = (struct pp_record_news){.lock = PTHREAD_MUTEX_INITIALIZER};
}

void pp_record_news_add(struct pp_record_news *news, const char *fmt, ...)
{
	char text[PP_ANALYSER_NEWS_BYTES];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	pthread_mutex_lock(&news->lock);
	if (news->count == PP_RECORD_NEWS) {
		news->first = (news->first + 1) % PP_RECORD_NEWS;
		news->count--;
	}
	memcpy(news->text[(news->first + news->count++) % PP_RECORD_NEWS], text, sizeof(text));
	pthread_mutex_unlock(&news->lock);
}

bool pp_record_news_take(struct pp_record_news *news, char text[PP_ANALYSER_NEWS_BYTES])
{
	bool found;

	pthread_mutex_lock(&news->lock);
	found = news->count > 0;
	if (found) {
		memcpy(text, news->text[news->first], PP_ANALYSER_NEWS_BYTES);
		news->first = (news->first + 1) % PP_RECORD_NEWS;
		news->count--;
	}
	pthread_mutex_unlock(&news->lock);
	return found;
}
