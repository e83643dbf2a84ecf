// SPDX-License-Identifier: MIT OR Apache-2.0
// A plane put together step by step: interfaces, rules, what is switched off, then open.
//
// It begins with what a program that embeds the library wants: no interface and no rule, default action
// pass; native XDP where the interface has it and skb mode elsewhere, sockets on every queue, zero-copy where it
// is granted; copies read by receivers (receiver.h), routed packets by channels (channel.h), no threads.
// pp_setup_config() has everything else.
//
//   pp_setup_create(&setup);
//   pp_setup_interface(setup, "eth0", &err);
//   pp_setup_rules(setup, "copy take 128 proto udp dport 53", &err);
//   pp_setup_open(setup, &plane, &err);
//   pp_setup_destroy(setup);
//
// Threads    one for a setup.
// Cost       control path; pp_setup_open() as pp_plane_open().
// Ownership  the setup owns its configuration and rules, and lends the configuration. A plane that was
//            opened is independent of it; one setup may open several, one after another.
#pragma once

#include <stdint.h>
#include <sys/cdefs.h>

#include <push-packet/error.h>
#include <push-packet/plane.h>
#include <push-packet/rule.h>

__BEGIN_DECLS

struct pp_setup;

// @return  0; -ENOMEM.
int pp_setup_create(struct pp_setup **out);
// NULL is allowed.
void pp_setup_destroy(struct pp_setup *setup);

// Add an interface. config->iface[index] has its mode, bind and queues.
//
// @return  Its index, from 0, which events and channels have; -ENODEV: there is none; -EEXIST: it was
//          added before; -ENOSPC: PP_IFACES_MAX are there; -errno of the kernel.
int pp_setup_interface(struct pp_setup *setup, const char *name, struct pp_error *err);
// The same by the kernel's number, in the calling thread's network namespace.
int pp_setup_interface_index(struct pp_setup *setup, uint32_t ifindex, struct pp_error *err);

// Add rules, sets and protection from a text: one or several lines, see ruleset.h.
//
// @param text  NUL-terminated.
// @return      0; as pp_statements_read(). Nothing was added on failure. What only fits the plane or not
//              - a consumer's name, a set that is nowhere - is seen by pp_setup_open().
int pp_setup_rules(struct pp_setup *setup, const char *text, struct pp_error *err);
// Add a rule from a struct, as pp_rule_parse() leaves it.
int pp_setup_rule(struct pp_setup *setup, const struct pp_rule *rule, struct pp_error *err);

// @param verdict  PP_VERDICT_PASS or PP_VERDICT_DROP.
// @return         0; -EINVAL.
int pp_setup_default(struct pp_setup *setup, uint8_t verdict, struct pp_error *err);

// Give a name to packets for `to NAME`, which struct pp_meta has as the consumer's index.
//
// @param kind  enum pp_consumer_kind; PP_CONSUMER_PROGRAM is what channels and receivers get.
// @return      The index; -ENOSPC: PP_CONSUMERS_MAX are there; -EINVAL: not 1 to PP_NAME_BYTES - 1
//              letters, digits and . _ -
int pp_setup_consumer(struct pp_setup *setup, const char *name, uint8_t kind, struct pp_error *err);

// Everything else, to be changed in place: copy and route (switched off: no memory is taken for them),
// ring sizes, umem_shared, layout, hugepages, timestamps, engine, workers. Borrowed until pp_setup_destroy().
struct pp_plane_config *pp_setup_config(struct pp_setup *setup);

// Open a plane. pp_plane_start() is needed only where it has workers; pp_plane_close() closes it.
//
// @return  0; as pp_statements_apply() and pp_plane_open(): nothing is attached then.
int pp_setup_open(const struct pp_setup *setup, struct pp_plane **out, struct pp_error *err);

__END_DECLS
