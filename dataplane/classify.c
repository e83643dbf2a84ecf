// SPDX-License-Identifier: MIT OR Apache-2.0
#include "classify_priv.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <push-packet/clock.h>

#include "bpf_values.h"
#include "classify_linear.skel.h"
#include "classify_tuple.skel.h"

#define PACKET_BYTES 64u // that nobody reads
#define LOAD_MAP ".rodata.pp_load"
#define NS_PER_MS 1e6

static const char *const program_name[PP_CLASSIFY_PROGRAMS] = {
	[PP_CLASSIFY_EMPTY_ALL] = "classify_empty_all",
	[PP_CLASSIFY_MATCH_ALL] = "classify_match_all",
	[PP_CLASSIFY_EMPTY_EACH] = "classify_empty_each",
	[PP_CLASSIFY_MATCH_EACH] = "classify_match_each",
};

static bool is_value(const char *name)
{
	return strncmp(name, "classify_", strlen("classify_")) == 0;
}

static int prepare(struct bpf_program *prog, struct bpf_prog_load_opts *opts, long cookie)
{
	(void)opts;
	(void)cookie;
	return pp_bpf_values_address(prog, is_value);
}

static int registered; // what libbpf said

static void register_section(void)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, opts, .prog_prepare_load_fn = prepare);

	registered = libbpf_register_prog_handler("classify", BPF_PROG_TYPE_XDP, BPF_XDP, &opts);
}

static int fill_load(struct pp_classify *c)
{
	struct bpf_map *map = bpf_object__find_map_by_name(c->object, LOAD_MAP);
	struct bpf_map *body = bpf_object__find_map_by_name(c->object, "classify_body");
	size_t bytes = 0;
	struct pp_load *load = map == NULL ? NULL : (void *)bpf_map__initial_value(map, &bytes);

	if (load == NULL || bytes < sizeof(*load) || body == NULL)
		return -EPROTO;
	load->image.body_bytes = c->shape.body_bytes;
	memcpy(load->config, c->shape.config, sizeof(load->config));
	return bpf_map__set_value_size(body, (uint32_t)c->shape.body_bytes);
}

static int find_programs(struct pp_classify *c)
{
	for (int i = 0; i < PP_CLASSIFY_PROGRAMS; i++) {
		struct bpf_program *program =
			bpf_object__find_program_by_name(c->object, program_name[i]);
		struct bpf_prog_info info = {0};
		uint32_t len = sizeof(info);

		if (program == NULL)
			return -EPROTO;
		c->prog_fd[i] = bpf_program__fd(program);
		if (bpf_obj_get_info_by_fd(c->prog_fd[i], &info, &len))
			return -errno;
		if (i == PP_CLASSIFY_MATCH_ALL)
			c->info.insns = info.verified_insns;
	}
	return 0;
}

static int open_maps(struct pp_classify *c)
{
	int body_fd = bpf_object__find_map_fd_by_name(c->object, "classify_body");
	int trace_fd = bpf_object__find_map_fd_by_name(c->object, "classify_trace");
	uint32_t zero = 0;
	void *trace;

	if (bpf_map_update_elem(body_fd, &zero, c->body, BPF_ANY))
		return -errno;
	trace = mmap(NULL, sizeof(*c->trace), PROT_READ | PROT_WRITE, MAP_SHARED, trace_fd, 0);
	if (trace == MAP_FAILED)
		return -errno;
	c->trace = trace;
	return 0;
}

static int load(struct pp_classify *c, struct pp_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "classify");
	uint64_t begin_ns;
	const void *bytes;
	size_t count;
	int ret;

	pthread_once(&once, register_section);
	bytes = strcmp(c->info.engine, "tuple") == 0 ? pp_classify_tuple_bpf__elf_bytes(&count)
						     : pp_classify_linear_bpf__elf_bytes(&count);
	c->object = registered < 0 ? NULL : bpf_object__open_mem(bytes, count, &opts);
	if (c->object == NULL)
		return pp_error_set(err, -EPROTO, 0, 0, "the BPF object cannot be opened");
	ret = fill_load(c);
	begin_ns = pp_clock_ns(CLOCK_MONOTONIC);
	ret = ret ?: bpf_object__load(c->object);
	c->info.load_ms = (double)(pp_clock_ns(CLOCK_MONOTONIC) - begin_ns) / NS_PER_MS;
	ret = ret ?: find_programs(c) ?: open_maps(c);
	if (ret == -EPERM)
		return pp_error_set(err, ret, 0, 0,
				    "the kernel refuses to load the programs of engine %s: this "
				    "needs root, or CAP_BPF and CAP_NET_ADMIN",
				    c->info.engine);
	return ret == 0 ? 0
			: pp_error_set(err, ret, 0, 0, "the programs of engine %s: %s",
				       c->info.engine, strerror(-ret));
}

static int compile(struct pp_classify *c,
		   const char *name,
		   const struct pp_rule *rule,
		   uint32_t count,
		   struct pp_error *err)
{
	int ret;

	c->engine = pp_engine_pick(name, NULL, count);
	if (c->engine == NULL)
		return pp_error_set(err, -EINVAL, 0, 0, "there is no engine '%s': expected %s",
				    name, pp_engine_names());
	ret = pp_classify_compile(c, rule, count, err);
	if (ret == -E2BIG && pp_engine_simpler(name, c->engine, count) != NULL) {
		c->engine = pp_engine_simpler(name, c->engine, count);
		free(c->rule);
		c->rule = NULL;
		ret = pp_classify_compile(c, rule, count, err);
	}
	c->info.engine = c->engine->ops->name;
	return ret;
}

int pp_classify_open(struct pp_classify **out,
		     const char *engine,
		     const struct pp_rule *rule,
		     uint32_t count,
		     struct pp_error *err)
{
	struct pp_classify *c = calloc(1, sizeof(*c));
	int ret;

	if (c == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	err->text[0] = '\0';
	ret = compile(c, engine, rule, count, err) ?: load(c, err);
	if (ret == 0) {
		*out = c;
		return 0;
	}
	pp_classify_close(c);
	return err->text[0] != '\0' ? ret : pp_error_set(err, ret, 0, 0, "%s", strerror(-ret));
}

void pp_classify_close(struct pp_classify *c)
{
	if (c == NULL)
		return;
	if (c->trace != NULL)
		munmap(c->trace, sizeof(*c->trace));
	bpf_object__close(c->object);
	if (c->state != NULL)
		c->engine->ops->destroy(c->state);
	free(c->body);
	free(c->rule);
	free(c);
}

const struct pp_classify_info *pp_classify_info(const struct pp_classify *c)
{
	return &c->info;
}

static uint32_t iface_of(const struct pp_classify *c, const struct pp_trace_header *header)
{
	for (uint32_t i = 0; i < c->iface_count; i++)
		if (strcmp(c->iface[i].name, header->iface) == 0)
			return i;
	// One that no rule names, or the last that there can be.
	return c->iface_count < PP_IFACES_MAX ? c->iface_count : PP_IFACES_MAX - 1;
}

void pp_classify_put(struct pp_classify *c, const struct pp_trace_header *header, uint32_t count)
{
	for (uint32_t i = 0; i < PP_CLASSIFY_KEYS; i++)
		pp_trace_key(&header[i % count], iface_of(c, &header[i % count]),
			     &c->trace->key[i]);
}

uint32_t pp_classify_answer(const struct pp_classify *c, uint32_t index)
{
	return c->trace->slot[index];
}

int pp_classify_run(struct pp_classify *c,
		    enum pp_classify_program program,
		    uint32_t shift,
		    uint32_t repeat,
		    double *ns)
{
	uint8_t packet[PACKET_BYTES] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = (int)repeat);

	c->trace->at = 0;
	c->trace->shift = shift;
	c->trace->sets = 0;
	if (bpf_prog_test_run_opts(c->prog_fd[program], &opts))
		return -errno;
	*ns = opts.duration;
	return opts.retval == XDP_DROP ? 0 : -EPROTO;
}

int pp_classify_run_each(struct pp_classify *c,
			 enum pp_classify_program program,
			 uint32_t shift,
			 uint32_t count,
			 double *ns)
{
	double all_ns;
	// One more, whose turn ends that of the last.
	int ret = pp_classify_run(c, program, shift, (count + 1) << shift, &all_ns);

	for (uint32_t i = 0; ret == 0 && i < count; i++)
		ns[i] = (double)(c->trace->time_ns[i + 1] - c->trace->time_ns[i]) /
			(double)(1u << shift);
	return ret;
}
