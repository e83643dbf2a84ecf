// SPDX-License-Identifier: MIT OR Apache-2.0
// A rule's text cut into words: between blanks and tabs, up to a word that begins with '#'.
//
// Threads    any; nothing is shared.
// Cost       control path; nothing is allocated.
// Ownership  caller's storage; words borrow from the text.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <push-packet/rule.h>

#define PP_WORD_SHOWN_MAX 40

struct pp_words {
	const char *text; // NUL-terminated
	const char *next; // not yet read
	const char *end; // of the last word read
};

struct pp_word {
	const char *text; // not terminated; where the words have ended: just past the last one
	size_t len; // 0: the words have ended
	// For messages: cut after PP_WORD_SHOWN_MAX bytes, with \xNN for what is not ASCII text.
	char shown[PP_WORD_SHOWN_MAX * 4 + sizeof("...")];
};

void pp_rule_word_init(struct pp_words *words, const char *text);

// @return  Whether there was one. out is set in both cases.
bool pp_rule_word_next(struct pp_words *words, struct pp_word *out);

// Read the next word if it is the one given, else leave it.
//
// @return  Whether it was.
bool pp_rule_word_accept(struct pp_words *words, const char *text);

bool pp_rule_word_is(const struct pp_word *word, const char *text);

// Read plain decimal: no sign, no blank, no leading zero.
//
// @param text  len bytes, not terminated.
// @param out   Set on success, untouched on failure.
// @return      Whether it is a number from 0 to max.
bool pp_rule_word_number(const char *text, size_t len, uint32_t max, uint32_t *out);

// Read a NAME.
//
// @param text  len bytes, not terminated.
// @param out   Set on success, untouched on failure.
// @return      Whether it is one.
#define PP_NAME_EXPECTED "a name of 1 to 31 characters out of A-Z a-z 0-9 _ . -"
bool pp_rule_word_name(const char *text, size_t len, char out[PP_NAME_BYTES]);
