// SPDX-License-Identifier: MIT OR Apache-2.0
// Which cache lines of the image of engine `tuple` a trace reads.
//
// Threads    one thread.
// Cost       tests only.
// Ownership  all is borrowed.
#pragma once

#include "engine_case.h"
#include "oracle.h"

// Print for each part of the image, IPv4's and what is shared: its bytes, those of its lines and pages
// that are read by the headers at all, and how many lines one header reads.
//
// @param c  Of engine `tuple`.
// @return   0; -ENOMEM.
int classify_lines(const struct engine_case *c, const struct oracle_packet *header, uint32_t count);
