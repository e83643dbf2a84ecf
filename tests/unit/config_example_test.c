// SPDX-License-Identifier: MIT OR Apache-2.0
// conf/push-packet.yaml says of every value that it is the default: it must be.
#include "config.h"

#include <criterion/criterion.h>

#include <string.h>

static struct pp_report report;
static struct pp_config *config;

static void setup(void)
{
	pp_report_init(&report);
	if (pp_config_load(PP_CONF_DIR "/push-packet.yaml", &config, &report))
		pp_report_print(&report, stderr);
	cr_assert_not_null(config);
}

static void teardown(void)
{
	pp_config_destroy(config);
	pp_report_fini(&report);
}

TestSuite(config_example, .init = setup, .fini = teardown);

Test(config_example, values_are_the_defaults)
{
	const struct pp_plane_config *have = &config->plane;
	struct pp_plane_config want;

	pp_plane_config_init(&want);
	cr_expect_str_eq(have->engine, want.engine);
	cr_expect_eq(have->cache, want.cache);
	cr_expect_eq(have->worker_count, want.worker_count);
	cr_expect_eq(have->worker_cpu_count, want.worker_cpu_count);
	cr_expect_eq(have->idle, want.idle);
	cr_expect_eq(have->timestamps, want.timestamps);
	cr_expect_eq(have->rx_slots, want.rx_slots);
	cr_expect_eq(have->tx_slots, want.tx_slots);
	cr_expect_eq(have->fill_slots, want.fill_slots);
	cr_expect_eq(have->completion_slots, want.completion_slots);
	cr_expect_eq(have->handoff_bytes, want.handoff_bytes);
	cr_expect_eq(have->copy_ring_bytes, want.copy_ring_bytes);
	cr_expect_eq(have->chunk_bytes, want.chunk_bytes);
	cr_expect_eq(have->frames, want.frames);
	cr_expect_eq(have->layout, want.layout);
	cr_expect_eq(have->hugepages, want.hugepages);
	cr_expect_str_eq(config->control.socket, PP_CONFIG_SOCKET);
	cr_expect_eq(config->control.mode, 0600);
	cr_expect_eq(config->control.group, (gid_t)-1);
	cr_expect_eq(pp_ruleset_default(config->rules), PP_VERDICT_PASS);
}

Test(config_example, shows_rules_files_and_consumers)
{
	cr_expect_geq(pp_ruleset_count(config->rules), 4);
	cr_expect_geq(config->file_count, 2);
	cr_expect_geq(config->plane.consumer_count, 3);
	cr_expect_str_eq(config->plane.iface[0].name, "eth0");
	cr_expect_eq(config->plane.iface[0].mode, PP_XDP_NATIVE);
	cr_expect_eq(config->plane.iface[0].bind, PP_BIND_AUTO);
	cr_expect(config->plane.iface[0].queues_all);
}
