// SPDX-License-Identifier: MIT OR Apache-2.0
// One rule: a verdict with conditions that are ANDed, and its text form.
//
//   RULE    = ACTION {ITEM}                     items in any order, each at most once
//   ACTION  = pass | drop | route | copy {OPTION} [to NAME] [then (drop | route)]
//   OPTION  = take N | sample [flow] 1/N | limit N/s          in any order, each at most once
//   ITEM    = any | on IFACE | direction in|out | family ip4|ip6 | src WHERE | dst WHERE
//           | sport PORTS | dport PORTS | proto NAME|0-255
//           | prio N | to NAME | name NAME | ttl DURATION
//   WHERE   = PREFIX | @SET
//   PREFIX  = address or CIDR, IPv4 or IPv6
//   DURATION= N(ms|s|m|h|d), 1ms to 3650d: the rule is gone so long after it was added
//   PORTS   = N or N-M, inclusive, 0-65535
//   NAME    = 1 to 31 characters out of A-Z a-z 0-9 _ . -
//
// Words stand between blanks and tabs; '#' at the beginning of a word starts a comment. Numbers
// are plain decimal without leading zeros.
//
// `sample 1/N` copies one packet of each N that a CPU sees, chosen at random, so that the number of
// copies is that of packets / N to within one for each CPU. `sample flow 1/N` copies all packets of
// some flows, in both directions, which ones a hash of addresses, protocol and ports decides: of many
// flows one in N. A later fragment has no ports, so it counts to a flow without; frames that are not
// IP are sampled as packets. `limit N/s` copies no more: each CPU that has seen packets of the rule
// within two seconds has the same share of N and may save up a tenth of a second's copies, at least
// one; the shares are set once a second (pp_plane_poll()), a new rule begins with those for all CPUs.
// So in any time T at most N * (T + 0.1 s) packets are copied while the CPUs that see packets stay the
// same, and as many as that if each of them sees enough. What `sample` or `limit` keeps from being
// copied is counted, and the rest of the rule (`then`) is done to every packet.
//
// `to NAME` before `then` names the consumer of the copy; elsewhere that of the route when the
// verdict is route, else that of the copy. Ranges are inclusive. A rule needs a condition or
// `any`; `any` may stand with `on` and `direction`, and with no other condition.
//
// A rule is about packets that an interface receives, or with `direction out` about those that it
// sends; direction is no condition. What is sent cannot be routed.
//
// A rule without `any` whose only condition is `on` matches every frame of that interface, those
// that are not IP included, as if `any` stood there: `on` says nothing about IP. Any other
// condition matches IP packets only. A plain address is a prefix of 32 or 128 bits; 0.0.0.0/0
// and ::/0 match every packet of their family. A port condition matches packets that carry
// ports: not a later fragment; so it goes with no other protocol than tcp, udp, sctp, udplite.
// A set matches IP packets of both families, each against the set's entries of its family.
//
// Threads    any; nothing is shared.
// Cost       control path; nothing is allocated.
// Ownership  caller's storage.
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/cdefs.h>

#include <push-packet/abi.h>
#include <push-packet/error.h>

__BEGIN_DECLS

#define PP_NAME_BYTES 32 // names of rules and consumers, with the final NUL
#define PP_PRIO_DEFAULT 1000u
#define PP_PRIO_MAX 1000000u
#define PP_SAMPLE_MAX 1000000u // of `sample 1/N`, from 2
#define PP_LIMIT_MAX 100000000u // of `limit N/s`, from 1
#define PP_RULE_TEXT_BYTES 512 // enough for any formatted rule

struct pp_prefix {
	uint8_t family; // enum pp_family; PP_FAMILY_NONE: no condition
	uint8_t len_bits;
	uint8_t addr[16]; // network order; IPv4 in the first four; host bits are 0
};

struct pp_ports {
	bool set;
	uint16_t lo; // host order, inclusive
	uint16_t hi;
};

struct pp_rule {
	uint32_t prio; // lower is first
	uint8_t verdict; // enum pp_verdict
	bool copy;
	uint32_t take_bytes; // of a copy: 1 to PP_COPY_BYTES_MAX, or PP_TAKE_ALL; else PP_TAKE_ALL
	uint32_t sample; // of a copy: one in so many, 2 to PP_SAMPLE_MAX; 0: all
	bool sample_flow; // flows and not packets
	uint32_t limit_per_s; // copies a second, 1 to PP_LIMIT_MAX; 0: no limit
	char copy_to[PP_NAME_BYTES]; // "": the first consumer of its kind
	char route_to[PP_NAME_BYTES];
	char name[PP_NAME_BYTES]; // "": none
	bool any; // `any` was written: frames that are not IP match too
	char on[IFNAMSIZ]; // "": every interface
	uint8_t direction; // enum pp_direction
	uint8_t family; // enum pp_family, given or implied by an address
	struct pp_prefix src;
	struct pp_prefix dst;
	char src_set[PP_NAME_BYTES]; // "": no condition; else src.family is PP_FAMILY_NONE
	char dst_set[PP_NAME_BYTES];
	struct pp_ports sport;
	struct pp_ports dport;
	int16_t proto; // 0-255; -1: any
	uint64_t ttl_ns; // 0: stays
};

// Read one rule.
//
// @param text   One line, NUL-terminated; '#' starts a comment at the beginning of a word.
// @param out    Set on success, untouched on failure.
// @param err    May be NULL. line is 1; col is where the offending word starts.
// @return       0; -EINVAL: err says what was expected.
int pp_rule_parse(const char *text, struct pp_rule *out, struct pp_error *err);

// Write a rule so that pp_rule_parse() reads the same rule back.
//
// @param rule   As pp_rule_parse() leaves it.
// @param buf    PP_RULE_TEXT_BYTES hold any rule; in less the text is cut.
// @return       Characters written, without the NUL.
size_t pp_rule_format(const struct pp_rule *rule, char *buf, size_t size);

__END_DECLS
