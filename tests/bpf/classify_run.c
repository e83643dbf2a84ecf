// SPDX-License-Identifier: MIT OR Apache-2.0
#include "classify_run.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#define PACKET_BYTES 64u // that nobody reads
#define LOAD_MAP ".rodata.pp_load"

static const char *const program_name[CLASSIFY_PROGRAMS] = {
	[CLASSIFY_EMPTY_ALL] = "classify_empty_all",
	[CLASSIFY_MATCH_ALL] = "classify_match_all",
	[CLASSIFY_EMPTY_EACH] = "classify_empty_each",
	[CLASSIFY_MATCH_EACH] = "classify_match_each",
};

static bool is_value_map(int fd)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(fd, &info, &len) == 0 &&
	       strncmp(info.name, "classify_", strlen("classify_")) == 0;
}

// Maps of one element are addressed as memory, as in dataplane/tap_object.c.
static int prepare(struct bpf_program *prog, struct bpf_prog_load_opts *opts, long cookie)
{
	size_t count = bpf_program__insn_cnt(prog);
	struct bpf_insn *insn = malloc(count * sizeof(*insn));
	int ret;

	(void)opts;
	(void)cookie;
	if (insn == NULL)
		return -ENOMEM;
	memcpy(insn, bpf_program__insns(prog), count * sizeof(*insn));
	for (size_t i = 0; i + 1 < count; i++)
		if (insn[i].code == (BPF_LD | BPF_IMM | BPF_DW) &&
		    insn[i].src_reg == BPF_PSEUDO_MAP_FD && is_value_map(insn[i].imm))
			insn[i].src_reg = BPF_PSEUDO_MAP_VALUE;
	ret = bpf_program__set_insns(prog, insn, count);
	free(insn);
	return ret;
}

static int registered; // what libbpf said

static void register_section(void)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, opts, .prog_prepare_load_fn = prepare);

	registered = libbpf_register_prog_handler("classify", BPF_PROG_TYPE_XDP, BPF_XDP, &opts);
}

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int fill_load(struct bpf_object *object, const struct engine_case *c)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, LOAD_MAP);
	struct bpf_map *body = bpf_object__find_map_by_name(object, "classify_body");
	size_t bytes = 0;
	struct pp_load *load = map == NULL ? NULL : (void *)bpf_map__initial_value(map, &bytes);

	if (load == NULL || bytes < sizeof(*load) || body == NULL)
		return -EPROTO;
	load->image.body_bytes = c->shape.body_bytes;
	memcpy(load->config, c->shape.config, sizeof(load->config));
	return bpf_map__set_value_size(body, (uint32_t)c->shape.body_bytes);
}

static int find_programs(struct classify_run *run)
{
	for (int i = 0; i < CLASSIFY_PROGRAMS; i++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(run->object, program_name[i]);
		struct bpf_prog_info info = {0};
		uint32_t len = sizeof(info);

		if (program == NULL)
			return -EPROTO;
		run->prog_fd[i] = bpf_program__fd(program);
		if (bpf_obj_get_info_by_fd(run->prog_fd[i], &info, &len))
			return -errno;
		run->insns[i] = info.verified_insns;
	}
	return 0;
}

static int open_maps(struct classify_run *run, const struct engine_case *c)
{
	int body_fd = bpf_object__find_map_fd_by_name(run->object, "classify_body");
	int trace_fd = bpf_object__find_map_fd_by_name(run->object, "classify_trace");
	uint32_t zero = 0;
	void *trace;

	if (bpf_map_update_elem(body_fd, &zero, c->body, BPF_ANY))
		return -errno;
	trace = mmap(NULL, sizeof(*run->trace), PROT_READ | PROT_WRITE, MAP_SHARED, trace_fd, 0);
	if (trace == MAP_FAILED)
		return -errno;
	run->trace = trace;
	return 0;
}

int classify_run_open(struct classify_run *run,
		      const struct classify_engine *engine,
		      const struct engine_case *c,
		      struct pp_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "classify");
	const void *bytes;
	double begin_ms;
	size_t count;
	int ret;

	*run = (struct classify_run){0};
	pthread_once(&once, register_section);
	bytes = engine->object(&count);
	run->object = registered < 0 ? NULL : bpf_object__open_mem(bytes, count, &opts);
	if (run->object == NULL)
		return pp_error_set(err, -EPROTO, 0, 0, "the BPF object cannot be opened");
	ret = fill_load(run->object, c);
	begin_ms = now_ms();
	ret = ret ?: bpf_object__load(run->object);
	run->load_ms = now_ms() - begin_ms;
	ret = ret ?: find_programs(run) ?: open_maps(run, c);
	if (ret == 0)
		return 0;
	classify_run_close(run);
	return pp_error_set(err, ret, 0, 0, "the programs of engine %s: %s",
			    engine->lookup->ops->name, strerror(-ret));
}

void classify_run_close(struct classify_run *run)
{
	if (run->trace != NULL)
		munmap(run->trace, sizeof(*run->trace));
	bpf_object__close(run->object);
	*run = (struct classify_run){0};
}

int classify_run_all(struct classify_run *run,
		     enum classify_program program,
		     uint32_t shift,
		     uint32_t repeat,
		     double *ns)
{
	uint8_t packet[PACKET_BYTES] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = (int)repeat);

	run->trace->at = 0;
	run->trace->shift = shift;
	run->trace->sets = 0;
	if (bpf_prog_test_run_opts(run->prog_fd[program], &opts))
		return -errno;
	*ns = opts.duration;
	return opts.retval == XDP_DROP ? 0 : -EPROTO;
}

int classify_run_each(struct classify_run *run,
		      enum classify_program program,
		      uint32_t shift,
		      uint32_t count,
		      double *ns)
{
	double all_ns;
	// One more, whose turn ends that of the last.
	int ret = classify_run_all(run, program, shift, (count + 1) << shift, &all_ns);

	for (uint32_t i = 0; ret == 0 && i < count; i++)
		ns[i] = (double)(run->trace->time_ns[i + 1] - run->trace->time_ns[i]) /
			(double)(1u << shift);
	return ret;
}
