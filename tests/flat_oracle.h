// SPDX-License-Identifier: MIT OR Apache-2.0
// What the rules say of a packet, for large rule sets: every rule is looked at, eight at a time, as
// tests/oracle.h looks at one. It shares no code with the engines.
//
// Threads    any; a table does not change.
// Cost       some 4 us for 10,000 rules that do not match; 96 bytes a rule.
// Ownership  flat_oracle_destroy() frees a table; rules are copied.
#pragma once

#include <push-packet/rule.h>

#include "oracle.h"

#define FLAT_ORACLE_NONE UINT32_MAX

struct flat_oracle;

// @param rule  In match order. `on` names interfaces of rule_gen.h, a set named sN is number N.
// @return      0; -ENOMEM.
int flat_oracle_create(struct flat_oracle **out, const struct pp_rule *rule, uint32_t count);
// NULL is allowed.
void flat_oracle_destroy(struct flat_oracle *table);

// @param src_sets, dst_sets  Bit N: the address is in set number N.
// @return                    The index of the first rule that matches; FLAT_ORACLE_NONE.
uint32_t flat_oracle_match(const struct flat_oracle *table,
			   const struct oracle_packet *packet,
			   uint32_t src_sets,
			   uint32_t dst_sets);
