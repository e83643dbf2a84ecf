// SPDX-License-Identifier: MIT OR Apache-2.0
// The format of ClassBench's filter sets, which librte_acl's test program reads as well, one rule a
// line, first match wins:
//
//   @SRC/LEN  DST/LEN  SPORT_LO : SPORT_HI  DPORT_LO : DPORT_HI  PROTO/PROTO_MASK  [...]
//
// PROTO and PROTO_MASK are hexadecimal, the mask is 0xFF or 0x00. What follows them (TCP flags) is
// not read. Addresses are IPv4 or IPv6, both of the same family; bits beyond LEN are ignored. Ports
// 0 : 65535 are no condition, so packets without ports match, too. Empty lines and lines that begin
// with '#' are skipped.
//
// Threads    any; nothing is shared.
// Cost       control path.
// Ownership  caller's storage, but for pp_classbench_read().
#pragma once

#include <sys/cdefs.h>

#include <push-packet/error.h>
#include <push-packet/rule.h>

__BEGIN_DECLS

#define PP_CLASSBENCH_LINE_BYTES 256 // enough for any line that pp_classbench_format() writes

// Read one line. The rule drops; its prio is PP_PRIO_DEFAULT.
//
// @param out  Set on success, untouched on failure.
// @param err  May be NULL. line is 1.
// @return     0; -EINVAL.
int pp_classbench_parse(const char *line, struct pp_rule *out, struct pp_error *err);

// Read a whole text.
//
// @param out  Set on success; free() it.
// @param err  May be NULL. line is that of the fault.
// @return     0; -EINVAL; -ENOMEM.
int pp_classbench_read(const char *text,
		       struct pp_rule **out,
		       uint32_t *count,
		       struct pp_error *err);

// Write a rule's conditions as a line without newline. IPv6 addresses have all eight groups, as
// librte_acl's test program wants them.
//
// @return  Characters written; -EINVAL: the format has no word for `on`, sets, `any`, or a rule for
//          both families.
int pp_classbench_format(const struct pp_rule *rule, char *buf, size_t size);

__END_DECLS
