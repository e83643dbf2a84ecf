// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_client_program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "rtt.skel.h"
#include "rtt_driver.skel.h"

#ifndef BPF_F_XDP_DEV_BOUND_ONLY
#define BPF_F_XDP_DEV_BOUND_ONLY (1u << 6) // linux/bpf.h since Linux 6.3
#endif

static int no_log(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

static int load_plain(struct pp_bench_client_program *program,
		      const struct pp_bench_client_program_params *params)
{
	struct pp_rtt_bpf *skel = pp_rtt_bpf__open();
	int ret;

	if (skel == NULL)
		return -errno;
	program->plain = skel;
	bpf_program__set_autoload(skel->progs.drop, false);
	skel->rodata->magic_offset = params->magic_offset;
	skel->rodata->stamp = params->times;
	ret = pp_rtt_bpf__load(skel);
	if (ret < 0)
		return ret;
	program->program_fd = bpf_program__fd(skel->progs.rtt);
	program->sockets_fd = bpf_map__fd(skel->maps.sockets);
	return 0;
}

static int load_driver(struct pp_bench_client_program *program,
		       const struct pp_bench_client_program_params *params,
		       uint32_t ifindex)
{
	struct pp_rtt_driver_bpf *skel = pp_rtt_driver_bpf__open();
	int ret;

	if (skel == NULL)
		return -errno;
	bpf_program__set_flags(skel->progs.rtt_driver, BPF_F_XDP_DEV_BOUND_ONLY);
	bpf_program__set_ifindex(skel->progs.rtt_driver, ifindex);
	skel->rodata->magic_offset = params->magic_offset;
	skel->rodata->stamp = true;
	ret = pp_rtt_driver_bpf__load(skel);
	if (ret < 0) {
		pp_rtt_driver_bpf__destroy(skel);
		return ret;
	}
	program->driver = skel;
	program->program_fd = bpf_program__fd(skel->progs.rtt_driver);
	program->sockets_fd = bpf_map__fd(skel->maps.sockets);
	return 0;
}

static int load(struct pp_bench_client_program *program,
		const struct pp_bench_client_program_params *params,
		uint32_t ifindex)
{
	int ret;

	if (params->driver_times && params->skb)
		snprintf(program->no_driver, sizeof(program->no_driver),
			 "generic XDP does not ask drivers");
	if (params->driver_times && !params->skb) {
		ret = load_driver(program, params, ifindex);
		if (ret == 0)
			return 0;
		snprintf(program->no_driver, sizeof(program->no_driver),
			 "the kernel does not load a program that asks for them: %s (it takes "
			 "Linux 6.3 or later with BTF, and a driver that knows XDP metadata)",
			 strerror(-ret));
	}
	return load_plain(program, params);
}

int pp_bench_client_program_open(struct pp_bench_client_program *out,
				 const struct pp_bench_client_program_params *params,
				 struct pp_error *err)
{
	uint32_t ifindex = if_nametoindex(params->iface);
	libbpf_print_fn_t log;
	int ret;

	*out = (struct pp_bench_client_program){.program_fd = -1, .sockets_fd = -1};
	if (ifindex == 0)
		return pp_error_set(err, -ENODEV, 0, 0, "%s: no such interface", params->iface);
	log = libbpf_set_print(no_log);
	ret = load(out, params, ifindex);
	libbpf_set_print(log);
	if (ret == 0)
		return 0;
	pp_bench_client_program_close(out);
	return pp_error_set(err, ret, 0, 0, "cannot load the measuring program: %s%s",
			    strerror(-ret),
			    ret == -EPERM ? " (CAP_BPF and CAP_NET_ADMIN are needed)" : "");
}

void pp_bench_client_program_close(struct pp_bench_client_program *program)
{
	pp_rtt_driver_bpf__destroy(program->driver);
	pp_rtt_bpf__destroy(program->plain);
	program->driver = NULL;
	program->plain = NULL;
}

uint64_t pp_bench_client_program_passed(const struct pp_bench_client_program *program)
{
	if (program->driver != NULL)
		return *(volatile __u64 *)&program->driver->bss->passed;
	return *(volatile __u64 *)&program->plain->bss->passed;
}

const char *pp_bench_client_program_why(const struct pp_bench_client_program *program)
{
	int error;

	if (program->driver == NULL)
		return program->no_driver[0] != '\0' ? program->no_driver : NULL;
	error = *(volatile int *)&program->driver->bss->driver_error;
	if (error == -EOPNOTSUPP)
		return "the driver has none";
	return error < 0 ? "the driver had none for some packets" : NULL;
}
