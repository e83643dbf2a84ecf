// SPDX-License-Identifier: MIT OR Apache-2.0
// Which capabilities the dataplane needs and this process lacks.
//
// Threads    any.
// Cost       control path.
#pragma once

#include <push-packet/error.h>

// @return  0; -EPERM: err names every missing capability and what it is for.
int pp_caps_check(struct pp_error *err);
