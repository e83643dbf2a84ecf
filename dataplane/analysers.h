// SPDX-License-Identifier: MIT OR Apache-2.0
// Which analysers are built in.
//
// Threads    any; tables are constant.
#pragma once

#include <push-packet/analyser.h>

extern const struct pp_analyser_ops pp_count_ops;
extern const struct pp_analyser_ops pp_null_ops;
extern const struct pp_analyser_ops pp_histogram_ops;
extern const struct pp_analyser_ops pp_flows_ops;

// @param kind  enum pp_consumer_kind.
// @return      NULL: it is no analyser, or a plug-in.
const struct pp_analyser_ops *pp_analysers_find(uint8_t kind);
