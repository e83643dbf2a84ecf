// SPDX-License-Identifier: MIT OR Apache-2.0
#include "top_label.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int nick_by_key(const void *a, const void *b)
{
	return strcmp(((const struct pp_top_nick *)a)->key, ((const struct pp_top_nick *)b)->key);
}

// The first word of a text, up to a blank or a '='.
static size_t take_word(const char **text, char *out, size_t size)
{
	const char *begin = *text + strspn(*text, " \t");
	size_t len = strcspn(begin, " \t=\n");

	*text = begin + len;
	if (len < size) {
		memcpy(out, begin, len);
		out[len] = '\0';
	}
	return len;
}

int pp_top_label_add_nick(struct pp_top_model *model, const char *text)
{
	struct pp_top_nick nick, *more;
	size_t key = take_word(&text, nick.key, sizeof(nick.key)), name;

	text += strspn(text, " \t");
	text += *text == '=';
	name = take_word(&text, nick.name, sizeof(nick.name));
	if (!key || key >= sizeof(nick.key) || !name || name >= sizeof(nick.name) ||
	    text[strspn(text, " \t\n")])
		return -EINVAL;
	more = realloc(model->nick, (model->nick_count + 1) * sizeof(*more));
	if (!more)
		return -ENOMEM;
	model->nick = more;
	more[model->nick_count++] = nick;
	qsort(more, model->nick_count, sizeof(*more), nick_by_key);
	return 0;
}

static bool is_address(const char *key)
{
	return strchr(key, ':') || (isdigit((unsigned char)key[0]) && strchr(key, '.'));
}

// Of an IPv4 address the last two bytes, of an IPv6 address what follows the second group.
static void mask(const char *key, char *buf, size_t size)
{
	char separator = strchr(key, ':') ? ':' : '.';
	const char *at = strchr(key, separator);

	at = at ? strchr(at + 1, separator) : NULL;
	snprintf(buf, size, "%.*s%s", (int)(at ? at - key : 0), key,
		 separator == ':' ? "::x" : ".x.x");
}

// An address, or a key that has none.
static void put_one(const struct pp_top_model *model, const char *key, char *buf, size_t size)
{
	const struct pp_top_nick *nick = NULL;
	struct pp_top_nick wanted;

	snprintf(wanted.key, sizeof(wanted.key), "%s", key);
	if (model->nick && !model->nicks_off)
		nick = bsearch(&wanted, model->nick, model->nick_count, sizeof(*nick), nick_by_key);
	if (nick)
		snprintf(buf, size, "%s", nick->name);
	else if (model->mask && is_address(key))
		mask(key, buf, size);
	else
		snprintf(buf, size, "%s", key);
}

// ADDRESS:PORT or [ADDRESS]:PORT.
static bool split_end(const char *end, char addr[48], char port[8])
{
	const char *colon = strrchr(end, ':');
	size_t len = colon ? (size_t)(colon - end) : 0;

	if (len > 1 && end[0] == '[' && end[len - 1] == ']') {
		end++;
		len -= 2;
	}
	if (!colon || len == 0 || len >= 48 || strlen(colon + 1) >= 8)
		return false;
	memcpy(addr, end, len);
	addr[len] = '\0';
	strcpy(port, colon + 1);
	return true;
}

bool pp_top_label_split(const char *key, struct pp_top_flow *out)
{
	char end[2][64];
	int used = 0;

	return sscanf(key, "%15s %63s %63s%n", out->proto, end[0], end[1], &used) == 3 &&
	       key[used] == '\0' && split_end(end[0], out->addr[0], out->port[0]) &&
	       split_end(end[1], out->addr[1], out->port[1]);
}

static size_t put_end(const struct pp_top_model *model,
		      const char *addr,
		      const char *port,
		      char *buf,
		      size_t size)
{
	char text[48];

	put_one(model, addr, text, sizeof(text));
	return (size_t)snprintf(buf, size, strchr(text, ':') ? " [%s]:%s" : " %s:%s", text, port);
}

const char *
pp_top_label_text(const struct pp_top_model *model, const char *key, char buf[PP_TOP_KEY_BYTES])
{
	struct pp_top_flow flow;
	size_t len;

	if (pp_top_label_split(key, &flow)) {
		len = (size_t)snprintf(buf, PP_TOP_KEY_BYTES, "%s", flow.proto);
		for (int i = 0; i < 2 && len < PP_TOP_KEY_BYTES; i++)
			len += put_end(model, flow.addr[i], flow.port[i], buf + len,
				       PP_TOP_KEY_BYTES - len);
	} else {
		put_one(model, key, buf, PP_TOP_KEY_BYTES);
	}
	for (char *c = buf; *c; c++)
		if (!isprint((unsigned char)*c))
			*c = '?';
	return buf;
}
