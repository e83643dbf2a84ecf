// SPDX-License-Identifier: MIT OR Apache-2.0
// The memory that an AF_XDP socket's frames live in.
//
// Threads    control thread.
// Cost       control path: pages are taken at once, so that no packet waits for one.
// Ownership  pp_umem owns the mapping; frames are numbered by their offset in it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <push-packet/error.h>

struct pp_umem {
	uint8_t *area;
	size_t bytes; // of the mapping; a whole number of pages of its kind
	bool hugepages;
	int32_t numa_node; // -1: where the kernel likes
};

// @param bytes      Wanted.
// @param hugepages  enum pp_hugepages.
// @param numa_node  -1: any.
// @return           0; -ENOMEM, with err set.
int pp_umem_init(struct pp_umem *umem,
		 size_t bytes,
		 uint8_t hugepages,
		 int32_t numa_node,
		 struct pp_error *err);
void pp_umem_fini(struct pp_umem *umem);
