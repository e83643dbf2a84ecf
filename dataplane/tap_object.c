// SPDX-License-Identifier: MIT OR Apache-2.0
#include "tap_object.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "bpf_values.h"
#include "engine.h"
#include "log.h"
#include "maps.h"

#define LOAD_MAP ".rodata.pp_load"
#define LOG_BYTES (1u << 20)
// Of the verifier's words, how many lines and characters of the end are told: the instruction that it
// refused, the source line of that, and why.
#define LOG_LINES 5
#define LOG_CHARS 360
#ifdef __x86_64__
#define STORES_ORDERED 1
#else
#define STORES_ORDERED 0
#endif

static const char *const program_name[PP_TAP_PROGRAMS] = {"pp_tap", "pp_tap_frags", "pp_tap_out"};

struct shared_map {
	const char *name;
	int fd;
};
#define SHARED_MAPS 11

static void list_shared(struct shared_map map[SHARED_MAPS], const struct pp_maps *maps)
{
	const struct shared_map list[SHARED_MAPS] = {
		{"pp_image", maps->images.fd},
		{"pp_rows", maps->counts.now.fd},
		{"pp_cache", maps->images.cache.fd},
		{"pp_copy_rings", maps->copy_rings_fd},
		{"pp_copy_bells", maps->copy_bells_fd},
		{"pp_records", maps->records_fd},
		{"pp_wake", maps->wake_fd},
		{"pp_xsks", maps->xsks_fd},
		{"pp_dumps", maps->dumps.array_fd[0]},
		{"pp_dumps_frags", maps->dumps.array_fd[1]},
		{"pp_dump_notes", maps->dumps.notes_fd},
	};

	memcpy(map, list, sizeof(list));
}

static bool is_value(const char *name)
{
	return strcmp(name, "pp_image") == 0 || strcmp(name, "pp_rows") == 0 ||
	       strcmp(name, "pp_cache") == 0;
}

// @param cookie  Flags of the program.
static int prepare(struct bpf_program *prog, struct bpf_prog_load_opts *opts, long cookie)
{
	opts->prog_flags |= (uint32_t)cookie;
	return pp_bpf_values_address(prog, is_value);
}

static int registered; // what libbpf said

static void register_sections(void)
{
	LIBBPF_OPTS(libbpf_prog_handler_opts, plain, .prog_prepare_load_fn = prepare);
	LIBBPF_OPTS(libbpf_prog_handler_opts, frags, .cookie = BPF_F_XDP_HAS_FRAGS,
		    .prog_prepare_load_fn = prepare);

	registered = libbpf_register_prog_handler("pp_xdp", BPF_PROG_TYPE_XDP, BPF_XDP, &plain);
	if (registered >= 0)
		registered = libbpf_register_prog_handler("pp_xdp.frags", BPF_PROG_TYPE_XDP,
							  BPF_XDP, &frags);
	if (registered >= 0)
		registered =
			libbpf_register_prog_handler("pp_tc", BPF_PROG_TYPE_SCHED_CLS, 0, &plain);
}

static int unfit(const struct pp_engine *engine, struct pp_error *err, const char *what)
{
	return pp_error_set(err, -EPROTO, 0, 0,
			    "the BPF object of engine %s has no %s: was it "
			    "built with push-packet's headers?",
			    engine->ops->name, what);
}

static struct pp_load *load_data(struct bpf_object *object)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, LOAD_MAP);
	size_t bytes = 0;
	void *data = map == NULL ? NULL : (void *)bpf_map__initial_value(map, &bytes);

	// Its first two fields say whether the rest is there.
	if (bytes < offsetof(struct pp_load, engine) ||
	    (((struct pp_load *)data)->bytes == sizeof(struct pp_load) &&
	     bytes < sizeof(struct pp_load)))
		return NULL;
	return data;
}

static int
check_load(const struct pp_load *load, const struct pp_engine *engine, struct pp_error *err)
{
	if (load->abi != PP_LOAD_ABI || load->bytes != sizeof(*load))
		return pp_error_set(err, -EPROTO, 0, 0,
				    "the BPF object of engine %s was built for version %u of the "
				    "interface (%u bytes), and this is version %u (%zu bytes)",
				    engine->ops->name, load->abi, load->bytes, PP_LOAD_ABI,
				    sizeof(*load));
	if (strncmp(load->engine, engine->ops->name, sizeof(load->engine)) != 0)
		return pp_error_set(err, -EPROTO, 0, 0,
				    "the BPF object of engine %s is that of engine %.*s",
				    engine->ops->name, (int)sizeof(load->engine), load->engine);
	return 0;
}

static int
check_object(struct bpf_object *object, const struct pp_engine *engine, struct pp_error *err)
{
	static const struct pp_maps none;
	struct shared_map map[SHARED_MAPS];
	const struct pp_load *load = load_data(object);

	int ret;

	if (load == NULL)
		return unfit(engine, err, "variable pp_load");
	ret = check_load(load, engine, err);
	if (ret < 0)
		return ret;
	list_shared(map, &none);
	for (int i = 0; i < PP_TAP_PROGRAMS; i++)
		if (bpf_object__find_program_by_name(object, program_name[i]) == NULL)
			return unfit(engine, err, program_name[i]);
	for (int i = 0; i < SHARED_MAPS; i++)
		if (bpf_object__find_map_by_name(object, map[i].name) == NULL)
			return unfit(engine, err, map[i].name);
	return 0;
}

static int open_object(struct bpf_object **out,
		       const struct pp_engine *engine,
		       char *log,
		       struct pp_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "pp", .kernel_log_buf = log,
		    .kernel_log_size = log != NULL ? LOG_BYTES : 0);
	struct bpf_object *object;
	char why[128];
	const void *bytes;
	size_t count;
	int ret;

	pp_log_install();
	pthread_once(&once, register_sections);
	if (registered < 0)
		return pp_error_set(err, registered, 0, 0, "libbpf takes no section handler: %s",
				    strerror(-registered));
	bytes = pp_engine_object(engine, &count);
	object = bpf_object__open_mem(bytes, count, &opts);
	if (object == NULL) {
		libbpf_strerror(errno, why, sizeof(why));
		return pp_error_set(err, -EPROTO, 0, 0,
				    "the BPF object of engine %s cannot be read: %s",
				    engine->ops->name, why);
	}
	ret = check_object(object, engine, err);
	if (ret < 0)
		bpf_object__close(object);
	else
		*out = object;
	return ret;
}

int pp_tap_object_check(const struct pp_engine *engine, struct pp_error *err)
{
	struct bpf_object *object;
	int ret = open_object(&object, engine, NULL, err);

	if (ret == 0)
		bpf_object__close(object);
	return ret;
}

static int share_maps(struct bpf_object *object, const struct pp_maps *maps)
{
	struct shared_map map[SHARED_MAPS];
	int ret = 0;

	list_shared(map, maps);
	for (int i = 0; ret == 0 && i < SHARED_MAPS; i++)
		ret = bpf_map__reuse_fd(bpf_object__find_map_by_name(object, map[i].name),
					map[i].fd);
	return ret;
}

static void
fill_load(struct pp_load *load, const struct pp_maps *maps, const struct pp_tap_config *config)
{
	load->tap = *config;
	load->tap.cpu_mask = maps->counts.cpu_count - 1;
	load->rows = maps->counts.now.layout;
	load->image = maps->images.layout;
	load->cache = maps->images.cache.layout;
	load->copy = (struct pp_copy_ring_layout){maps->copy_ring_bytes, STORES_ORDERED};
	_Static_assert(sizeof(load->config) == sizeof(maps->images.shape.config), "as many words");
	memcpy(load->config, maps->images.shape.config, sizeof(load->config));
}

// Put a line in front of those that are there, unless there is no room.
static bool prepend(char words[LOG_CHARS], const char *line)
{
	const char *between = words[0] != '\0' ? " | " : "";
	size_t used = strlen(words), len = strlen(line), more;

	while (len > 0 && line[len - 1] == ' ')
		len--;
	if (used == 0 && len >= LOG_CHARS)
		len = LOG_CHARS - 1;
	more = len + strlen(between);
	if (used + more >= LOG_CHARS)
		return false;
	memmove(words + more, words, used + 1);
	memcpy(words + len, between, strlen(between));
	memcpy(words, line, len);
	return true;
}

// What the verifier counted, whatever it thinks of the program.
static bool is_statistics(const char *line)
{
	static const char *const begin[] = {"processed ", "verification time ", "stack depth "};

	for (size_t i = 0; i < sizeof(begin) / sizeof(begin[0]); i++)
		if (strncmp(line, begin[i], strlen(begin[i])) == 0)
			return true;
	return false;
}

// The last lines of what the verifier said.
static void last_words(char *log, char words[LOG_CHARS])
{
	int lines = 0;
	char *end;

	words[0] = '\0';
	while (lines < LOG_LINES && log[0] != '\0') {
		const char *line = log;

		end = strrchr(log, '\n');
		if (end != NULL)
			line = end + 1;
		if (line[0] != '\0' && !is_statistics(line)) {
			if (!prepend(words, line))
				return;
			lines++;
		}
		*(end ?: log) = '\0';
	}
}

static void
choose_program(struct bpf_object *object, enum pp_tap_program program, uint32_t log_level)
{
	for (int i = 0; i < PP_TAP_PROGRAMS; i++) {
		struct bpf_program *prog =
			bpf_object__find_program_by_name(object, program_name[i]);

		bpf_program__set_autoload(prog, i == (int)program);
		bpf_program__set_log_level(prog, log_level);
	}
}

// @param log_level  Of the verifier; 0: nothing, and everything if it refuses.
static int load_object(struct bpf_object **out,
		       const struct pp_maps *maps,
		       const struct pp_tap_config *config,
		       enum pp_tap_program program,
		       uint32_t log_level,
		       char *log,
		       struct pp_error *err)
{
	const char *name = maps->images.engine->ops->name;
	struct bpf_object *object;
	char words[LOG_CHARS];
	int ret = open_object(&object, maps->images.engine, log, err);

	if (ret < 0)
		return ret;
	fill_load(load_data(object), maps, config);
	choose_program(object, program, log_level);
	ret = share_maps(object, maps) ?: bpf_object__load(object);
	if (ret == 0) {
		*out = object;
		return 0;
	}
	bpf_object__close(object);
	last_words(log, words);
	return pp_error_set(err, ret, 0, 0, "the kernel refused the program of engine %s: %s%s%s",
			    name, strerror(-ret), words[0] != '\0' ? ": " : "", words);
}

int pp_tap_object_open(struct bpf_object **out,
		       const struct pp_maps *maps,
		       const struct pp_tap_config *config,
		       enum pp_tap_program program,
		       struct pp_error *err)
{
	char *log = calloc(1, LOG_BYTES);
	int ret;

	if (log == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	ret = load_object(out, maps, config, program, 0, log, err);
	// Kernels before 6.4 keep the beginning of a log that is too long, and say no more than
	// that. Without its way there (BPF_LOG_STATS) what it refuses is a few lines.
	if (ret == -ENOSPC)
		ret = load_object(out, maps, config, program, 4, log, err);
	free(log);
	return ret;
}

int pp_tap_object_prog_fd(const struct bpf_object *object, enum pp_tap_program program)
{
	return bpf_program__fd(bpf_object__find_program_by_name(object, program_name[program]));
}
