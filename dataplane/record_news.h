// SPDX-License-Identifier: MIT OR Apache-2.0
// Lines from one thread to another. When nobody fetches them, the oldest go.
//
// Threads    any; there is a lock.
// Cost       a copy of a line.
// Ownership  the caller's storage.
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <push-packet/analyser.h>

#define PP_RECORD_NEWS 8

struct pp_record_news {
	pthread_mutex_t lock;
	uint32_t first;
	uint32_t count;
	char text[PP_RECORD_NEWS][PP_ANALYSER_NEWS_BYTES];
};

void pp_record_news_init(struct pp_record_news *news);
void pp_record_news_add(struct pp_record_news *news, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
// @return  Whether there was one; the oldest.
bool pp_record_news_take(struct pp_record_news *news, char text[PP_ANALYSER_NEWS_BYTES]);
