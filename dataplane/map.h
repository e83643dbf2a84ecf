// SPDX-License-Identifier: MIT OR Apache-2.0
// BPF maps: create, map into memory, close.
//
// Threads    control thread.
// Cost       control path.
// Ownership  descriptors and mappings are the caller's; close and unmap are safe for what never was.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/bpf.h>

#include <push-packet/error.h>

struct bpf_map_create_opts;

// What the verifier lets a program address from one pointer (BPF_MAX_VAR_OFF).
#define PP_MAP_BYTES_MAX (512u << 20)

// @param fd  Set to the map, or to -1.
// @return    0; -errno, with err set.
int pp_map_create(int *fd,
		  enum bpf_map_type type,
		  const char *name,
		  uint32_t value_bytes,
		  uint32_t entries,
		  const struct bpf_map_create_opts *opts,
		  struct pp_error *err);

// One element that both sides address as memory.
int pp_map_create_value(int *fd, const char *name, uint64_t bytes, struct pp_error *err);

// An array of maps of the kind of template_fd.
int pp_map_create_outer(
	int *fd, const char *name, uint32_t entries, int template_fd, struct pp_error *err);

// @param out       Set to the address: a pointer to a pointer of any type.
// @param writable  For writing too.
int pp_map_memory(void *out, int fd, uint64_t bytes, bool writable, struct pp_error *err);
void pp_map_unmap(const volatile void *mem, uint64_t bytes);
void pp_map_close(int *fd);
