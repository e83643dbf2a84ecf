// SPDX-License-Identifier: MIT OR Apache-2.0
// The sections of a configuration file, one reader each: struct pp_config_key.read functions.
//
// Threads, Cost, Ownership: as config_read.h.
#pragma once

#include "config_read.h"

// config_iface.c
void pp_config_interfaces(struct pp_config_reader *r, const struct pp_yaml *value, void *arg);
// config_rings.c
void pp_config_rings(struct pp_config_reader *r, const struct pp_yaml *value, void *arg);
void pp_config_umem(struct pp_config_reader *r, const struct pp_yaml *value, void *arg);
// config_engine.c
void pp_config_engine(struct pp_config_reader *r, const struct pp_yaml *value, void *arg);
void pp_config_verdict_cache(struct pp_config_reader *r, const struct pp_yaml *value, void *arg);
// config_workers.c
void pp_config_workers(struct pp_config_reader *r, const struct pp_yaml *value, void *arg);
void pp_config_timestamps(struct pp_config_reader *r, const struct pp_yaml *value, void *arg);
// config_consumers.c
void pp_config_consumers(struct pp_config_reader *r, const struct pp_yaml *value, void *arg);
// config_options.c: an option of an analyser, the index-th consumer's: its text, or a list's texts
// with blanks between.
void pp_config_read_option(struct pp_config_reader *r,
			   uint32_t index,
			   const char *key,
			   const struct pp_yaml *value);
// What consumers of a config hold.
void pp_config_free_consumers(struct pp_config *config);
// config_rules.c
void pp_config_rules(struct pp_config_reader *r, const struct pp_yaml *value, void *arg);
// config_control.c
void pp_config_control(struct pp_config_reader *r, const struct pp_yaml *value, void *arg);
