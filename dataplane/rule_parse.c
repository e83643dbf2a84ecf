// SPDX-License-Identifier: MIT OR Apache-2.0
#include <push-packet/rule.h>

#include <errno.h>
#include <string.h>

#include "duration.h"
#include "prefix.h"
#include "proto.h"
#include "rule_word.h"

#define WHERE_EXPECTED "an address, a prefix such as 192.0.2.0/24, or @SET"
#define PORT_PROTOS "tcp, udp, sctp and udplite"
#define PORTS_EXPECTED "a port or a range N-M, 0 to 65535,"
#define TAKE_MAX "65536"
_Static_assert(PP_COPY_BYTES_MAX == 65536, "TAKE_MAX is its text");
#define SAMPLE_MAX "1000000"
#define LIMIT_MAX "100000000"
_Static_assert(PP_SAMPLE_MAX == 1000000 && PP_LIMIT_MAX == 100000000, "these are their texts");
_Static_assert(PP_PRIO_MAX == 1000000, "read_prio() says so");
_Static_assert(PP_NAME_BYTES == 32 && IFNAMSIZ == 16, "messages say so");

struct parse {
	struct pp_words words;
	const char *at; // where the keyword of the item being read stands
	uint32_t seen; // bits of enum item_id
	const char *family_from; // the keyword that fixed the address family
	struct pp_rule rule;
	struct pp_error *err;
};

enum item_id {
	ITEM_ANY,
	ITEM_ON,
	ITEM_DIRECTION,
	ITEM_FAMILY,
	ITEM_SRC,
	ITEM_DST,
	ITEM_SPORT,
	ITEM_DPORT,
	ITEM_PROTO,
	ITEM_PRIO,
	ITEM_TO,
	ITEM_NAME,
	ITEM_TTL,
	ITEMS,
};

struct item {
	enum item_id id;
	const char *word;
	int (*read)(struct parse *p, const struct item *item);
};

#define BIT(id) (1u << (id))
// Conditions that only an IP packet can meet.
#define IP_CONDITIONS                                                                              \
	(BIT(ITEM_FAMILY) | BIT(ITEM_SRC) | BIT(ITEM_DST) | BIT(ITEM_SPORT) | BIT(ITEM_DPORT) |    \
	 BIT(ITEM_PROTO))
#define CONDITIONS (IP_CONDITIONS | BIT(ITEM_ANY) | BIT(ITEM_ON))

#define FAIL(p, at, ...)                                                                           \
	pp_error_set((p)->err, -EINVAL, 1, (uint32_t)((at) - (p)->words.text) + 1, __VA_ARGS__)

static int expected(struct parse *p, const char *key, const char *what, const struct pp_word *word)
{
	if (word->len == 0)
		return FAIL(p, word->text, "expected %s after '%s'", what, key);
	return FAIL(p, word->text, "expected %s after '%s', not '%s'", what, key, word->shown);
}

static int read_name(struct parse *p, const char *key, char out[PP_NAME_BYTES])
{
	struct pp_word word;

	if (!pp_rule_word_next(&p->words, &word) || !pp_rule_word_name(word.text, word.len, out))
		return expected(p, key, PP_NAME_EXPECTED, &word);
	return 0;
}

static const char *family_name(uint8_t family)
{
	return family == PP_FAMILY_IP4 ? "IPv4" : "IPv6";
}

// The first item that implies an address family fixes it.
static int set_family(struct parse *p, const char *key, const struct pp_word *word, uint8_t family)
{
	if (p->rule.family != PP_FAMILY_NONE && p->rule.family != family)
		return FAIL(p, word->text, "%s is %s but %s is %s: a rule has one address family",
			    key, family_name(family), p->family_from, family_name(p->rule.family));
	if (p->rule.family == PP_FAMILY_NONE)
		p->family_from = key;
	p->rule.family = family;
	return 0;
}

static int check_ports(struct parse *p, const char *at)
{
	bool ports = p->rule.sport.set || p->rule.dport.set;
	const char *name;

	if (!ports || p->rule.proto < 0 || pp_proto_has_ports((uint8_t)p->rule.proto))
		return 0;
	name = pp_proto_name((uint8_t)p->rule.proto);
	if (name == NULL)
		return FAIL(p, at, "proto %d has no ports: only " PORT_PROTOS " carry ports",
			    p->rule.proto);
	return FAIL(p, at, "proto %s has no ports: only " PORT_PROTOS " carry ports", name);
}

static int read_any(struct parse *p, const struct item *item)
{
	(void)item;
	p->rule.any = true;
	return 0;
}

static int read_on(struct parse *p, const struct item *item)
{
	struct pp_word word;
	bool good = pp_rule_word_next(&p->words, &word) && word.len < IFNAMSIZ;

	// What the kernel allows, less what is not ASCII.
	for (size_t i = 0; good && i < word.len; i++)
		good = word.text[i] > ' ' && word.text[i] < 0x7f && word.text[i] != '/' &&
		       word.text[i] != ':';
	if (!good || pp_rule_word_is(&word, ".") || pp_rule_word_is(&word, ".."))
		return expected(p, item->word, "an interface name of 1 to 15 characters", &word);
	memcpy(p->rule.on, word.text, word.len);
	return 0;
}

// AF_XDP is a receive path: there is no socket that a packet on its way out could be redirected to.
static int read_direction(struct parse *p, const struct item *item)
{
	struct pp_word word;

	pp_rule_word_next(&p->words, &word);
	if (pp_rule_word_is(&word, "in"))
		p->rule.direction = PP_DIRECTION_IN;
	else if (pp_rule_word_is(&word, "out"))
		p->rule.direction = PP_DIRECTION_OUT;
	else
		return expected(p, item->word, "in or out", &word);
	if (p->rule.direction == PP_DIRECTION_OUT && p->rule.verdict == PP_VERDICT_ROUTE)
		return FAIL(
			p, word.text,
			"a packet that is sent cannot be routed: AF_XDP takes packets where they "
			"are received; 'direction out' goes with pass, drop and copy");
	return 0;
}

static int read_family(struct parse *p, const struct item *item)
{
	struct pp_word word;

	pp_rule_word_next(&p->words, &word);
	if (pp_rule_word_is(&word, "ip4"))
		return set_family(p, item->word, &word, PP_FAMILY_IP4);
	if (pp_rule_word_is(&word, "ip6"))
		return set_family(p, item->word, &word, PP_FAMILY_IP6);
	return expected(p, item->word, "ip4 or ip6", &word);
}

static int read_set(struct parse *p, const struct item *item, const struct pp_word *word)
{
	char *name = item->id == ITEM_SRC ? p->rule.src_set : p->rule.dst_set;

	if (!pp_rule_word_name(word->text + 1, word->len - 1, name))
		return FAIL(p, word->text, "expected the name of a set after '@' in '%s'",
			    word->shown);
	return 0;
}

static int read_where(struct parse *p, const struct item *item)
{
	struct pp_prefix prefix;
	enum pp_prefix_fault fault;
	struct pp_word word;
	int ret;

	if (!pp_rule_word_next(&p->words, &word))
		return expected(p, item->word, WHERE_EXPECTED, &word);
	if (word.text[0] == '@')
		return read_set(p, item, &word);
	fault = pp_prefix_read(word.text, word.len, &prefix);
	if (fault == PP_PREFIX_NO_ADDRESS)
		return expected(p, item->word, WHERE_EXPECTED, &word);
	if (fault != PP_PREFIX_GOOD) {
		ret = pp_prefix_error(fault, word.shown, &prefix, p->err);
		if (p->err != NULL)
			p->err->col = (uint32_t)(word.text - p->words.text) + 1;
		return ret;
	}
	*(item->id == ITEM_SRC ? &p->rule.src : &p->rule.dst) = prefix;
	return set_family(p, item->word, &word, prefix.family);
}

static int read_ports(struct parse *p, const struct item *item)
{
	struct pp_ports *ports = item->id == ITEM_SPORT ? &p->rule.sport : &p->rule.dport;
	struct pp_word word;
	const char *dash;
	uint32_t lo, hi;
	size_t lo_len;

	pp_rule_word_next(&p->words, &word);
	dash = memchr(word.text, '-', word.len);
	lo_len = dash != NULL ? (size_t)(dash - word.text) : word.len;
	if (!pp_rule_word_number(word.text, lo_len, UINT16_MAX, &lo))
		return expected(p, item->word, PORTS_EXPECTED, &word);
	hi = lo;
	if (dash != NULL && !pp_rule_word_number(dash + 1, word.len - lo_len - 1, UINT16_MAX, &hi))
		return expected(p, item->word, PORTS_EXPECTED, &word);
	if (lo > hi)
		return FAIL(p, word.text, "port range '%s' is reversed: write %u-%u", word.shown,
			    hi, lo);
	*ports = (struct pp_ports){.set = true, .lo = (uint16_t)lo, .hi = (uint16_t)hi};
	return check_ports(p, p->at);
}

static int read_proto(struct parse *p, const struct item *item)
{
	struct pp_word word;
	uint32_t number;
	int proto;

	pp_rule_word_next(&p->words, &word);
	proto = pp_proto_find(word.text, word.len);
	if (proto < 0) {
		if (!pp_rule_word_number(word.text, word.len, UINT8_MAX, &number))
			return expected(p, item->word,
					"a protocol such as tcp, udp or icmp, or 0 to 255", &word);
		proto = (int)number;
	}
	p->rule.proto = (int16_t)proto;
	return check_ports(p, word.text);
}

static int read_prio(struct parse *p, const struct item *item)
{
	struct pp_word word;

	pp_rule_word_next(&p->words, &word);
	if (!pp_rule_word_number(word.text, word.len, PP_PRIO_MAX, &p->rule.prio))
		return expected(p, item->word, "a number from 0 to 1000000", &word);
	return 0;
}

static int read_to(struct parse *p, const struct item *item)
{
	if (p->rule.verdict == PP_VERDICT_ROUTE)
		return read_name(p, item->word, p->rule.route_to);
	if (p->rule.copy)
		return read_name(p, item->word, p->rule.copy_to);
	return FAIL(p, p->at,
		    "'to' names who gets a copied or routed packet: %s gives it to nobody",
		    p->rule.verdict == PP_VERDICT_DROP ? "drop" : "pass");
}

static int read_rule_name(struct parse *p, const struct item *item)
{
	return read_name(p, item->word, p->rule.name);
}

static int read_ttl(struct parse *p, const struct item *item)
{
	struct pp_word word;

	pp_rule_word_next(&p->words, &word);
	if (!pp_duration_parse(word.text, word.len, &p->rule.ttl_ns))
		return expected(p, item->word, PP_DURATION_EXPECTED, &word);
	return 0;
}

static const struct item items[ITEMS] = {
	{ITEM_ANY, "any", read_any},
	{ITEM_ON, "on", read_on},
	{ITEM_DIRECTION, "direction", read_direction},
	{ITEM_FAMILY, "family", read_family},
	{ITEM_SRC, "src", read_where},
	{ITEM_DST, "dst", read_where},
	{ITEM_SPORT, "sport", read_ports},
	{ITEM_DPORT, "dport", read_ports},
	{ITEM_PROTO, "proto", read_proto},
	{ITEM_PRIO, "prio", read_prio},
	{ITEM_TO, "to", read_to},
	{ITEM_NAME, "name", read_rule_name},
	{ITEM_TTL, "ttl", read_ttl},
};

static int read_take(struct parse *p)
{
	struct pp_word word;

	pp_rule_word_next(&p->words, &word);
	if (pp_rule_word_is(&word, "0"))
		return FAIL(p, word.text,
			    "'take 0' copies nothing: write 1 to " TAKE_MAX
			    ", or leave 'take' out to copy whole packets");
	if (!pp_rule_word_number(word.text, word.len, PP_COPY_BYTES_MAX, &p->rule.take_bytes))
		return expected(p, "take", "a number of bytes from 1 to " TAKE_MAX, &word);
	return 0;
}

// 1/N. A rate of one in one is no sampling.
static int read_sample(struct parse *p)
{
	static const char what[] = "1/N with N from 2 to " SAMPLE_MAX ", or flow 1/N";
	struct pp_word word;

	p->rule.sample_flow = pp_rule_word_accept(&p->words, "flow");
	pp_rule_word_next(&p->words, &word);
	if (pp_rule_word_is(&word, "1/1"))
		return FAIL(p, word.text, "'sample 1/1' copies every packet: leave it out");
	if (word.len < 3 || memcmp(word.text, "1/", 2) != 0 ||
	    !pp_rule_word_number(word.text + 2, word.len - 2, PP_SAMPLE_MAX, &p->rule.sample) ||
	    p->rule.sample == 0)
		return expected(p, p->rule.sample_flow ? "sample flow" : "sample",
				p->rule.sample_flow ? "1/N with N from 2 to " SAMPLE_MAX : what,
				&word);
	return 0;
}

static int read_limit(struct parse *p)
{
	struct pp_word word;
	bool good;

	pp_rule_word_next(&p->words, &word);
	good = word.len > 2 && memcmp(word.text + word.len - 2, "/s", 2) == 0 &&
	       pp_rule_word_number(word.text, word.len - 2, PP_LIMIT_MAX, &p->rule.limit_per_s);
	if (good && p->rule.limit_per_s == 0)
		return FAIL(p, word.text,
			    "'limit 0/s' copies nothing: leave the copy out, or write 1/s or more");
	if (!good)
		return expected(p, "limit", "copies a second, 1/s to " LIMIT_MAX "/s", &word);
	return 0;
}

static const struct option {
	const char *word;
	int (*read)(struct parse *p);
} options[] = {{"take", read_take}, {"sample", read_sample}, {"limit", read_limit}};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

// What stands behind `copy`: in any order, each at most once.
static int read_options(struct parse *p)
{
	bool seen[OPTIONS] = {false};
	size_t i = 0;
	int err = 0;

	while (err == 0 && i < OPTIONS) {
		struct pp_words before = p->words;
		struct pp_word word;

		for (i = 0; i < OPTIONS; i++)
			if (pp_rule_word_accept(&p->words, options[i].word))
				break;
		if (i == OPTIONS)
			break;
		pp_rule_word_next(&before, &word);
		if (seen[i])
			return FAIL(p, word.text, "'%s' stands twice", options[i].word);
		seen[i] = true;
		err = options[i].read(p);
	}
	return err;
}

static int read_then(struct parse *p)
{
	struct pp_word word;

	pp_rule_word_next(&p->words, &word);
	if (pp_rule_word_is(&word, "drop"))
		p->rule.verdict = PP_VERDICT_DROP;
	else if (pp_rule_word_is(&word, "route"))
		p->rule.verdict = PP_VERDICT_ROUTE;
	else if (pp_rule_word_is(&word, "pass"))
		return FAIL(p, word.text,
			    "copy passes the packet on anyway: leave 'then pass' out");
	else
		return expected(p, "then", "drop or route", &word);
	return 0;
}

static int read_copy(struct parse *p)
{
	bool to = false;
	int err;

	p->rule.copy = true;
	err = read_options(p);
	if (err == 0 && pp_rule_word_accept(&p->words, "to")) {
		to = true;
		err = read_name(p, "to", p->rule.copy_to);
	}
	if (err == 0 && pp_rule_word_accept(&p->words, "then"))
		err = read_then(p);
	// `copy to A then route` leaves the item `to` for the route.
	if (to && p->rule.verdict != PP_VERDICT_ROUTE)
		p->seen |= BIT(ITEM_TO);
	return err;
}

static int read_action(struct parse *p)
{
	struct pp_word word;

	if (!pp_rule_word_next(&p->words, &word))
		return FAIL(p, word.text, "empty rule: expected pass, drop, copy or route");
	if (pp_rule_word_is(&word, "copy"))
		return read_copy(p);
	if (pp_rule_word_is(&word, "pass"))
		p->rule.verdict = PP_VERDICT_PASS;
	else if (pp_rule_word_is(&word, "drop"))
		p->rule.verdict = PP_VERDICT_DROP;
	else if (pp_rule_word_is(&word, "route"))
		p->rule.verdict = PP_VERDICT_ROUTE;
	else
		return FAIL(p, word.text, "unknown action '%s': expected pass, drop, copy or route",
			    word.shown);
	return 0;
}

static int unknown_item(struct parse *p, const struct pp_word *word)
{
	if (pp_rule_word_is(word, "take") || pp_rule_word_is(word, "sample") ||
	    pp_rule_word_is(word, "limit") || pp_rule_word_is(word, "then"))
		return FAIL(p, word->text,
			    "'%s' belongs to the action, which comes first: "
			    "copy [take N] [sample [flow] 1/N] [limit N/s] [to NAME] "
			    "[then drop|route]",
			    word->shown);
	return FAIL(
		p, word->text,
		"unknown word '%s': expected any, on, direction, family, src, dst, sport, dport, proto, "
		"prio, to, name or ttl",
		word->shown);
}

static int read_item(struct parse *p, const struct pp_word *word)
{
	const struct item *item = items;

	while (item < items + ITEMS && !pp_rule_word_is(word, item->word))
		item++;
	if (item == items + ITEMS)
		return unknown_item(p, word);
	if ((p->seen & BIT(item->id)) != 0)
		return FAIL(p, word->text, "'%s' stands twice", item->word);
	p->seen |= BIT(item->id);
	if ((p->seen & BIT(ITEM_ANY)) != 0 && (p->seen & IP_CONDITIONS) != 0)
		return FAIL(p, word->text,
			    "'any' matches every frame: no condition but 'on' can stand with it");
	p->at = word->text;
	return item->read(p, item);
}

int pp_rule_parse(const char *text, struct pp_rule *out, struct pp_error *err)
{
	struct parse p = {.err = err};
	struct pp_word word;
	int ret;

	pp_rule_word_init(&p.words, text);
	p.rule.prio = PP_PRIO_DEFAULT;
	p.rule.take_bytes = PP_TAKE_ALL;
	p.rule.proto = -1;

	ret = read_action(&p);
	while (ret == 0 && pp_rule_word_next(&p.words, &word))
		ret = read_item(&p, &word);
	if (ret < 0)
		return ret;
	if ((p.seen & CONDITIONS) == 0)
		return FAIL(&p, p.words.end, "expected a condition, or 'any' to match every frame");
	*out = p.rule;
	return 0;
}
