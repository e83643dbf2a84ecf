// SPDX-License-Identifier: MIT OR Apache-2.0
#include "map.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

static size_t pages(uint64_t bytes)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (bytes + page - 1) / page * page;
}

int pp_map_create(int *fd,
		  enum bpf_map_type type,
		  const char *name,
		  uint32_t value_bytes,
		  uint32_t entries,
		  const struct bpf_map_create_opts *opts,
		  struct pp_error *err)
{
	*fd = bpf_map_create(type, name, sizeof(uint32_t), value_bytes, entries, opts);
	if (*fd < 0)
		return pp_error_set(err, -errno, 0, 0, "cannot create BPF map %s: %s", name,
				    strerror(errno));
	return 0;
}

int pp_map_create_value(int *fd, const char *name, uint64_t bytes, struct pp_error *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);

	return pp_map_create(fd, BPF_MAP_TYPE_ARRAY, name, (uint32_t)bytes, 1, &opts, err);
}

int pp_map_create_outer(
	int *fd, const char *name, uint32_t entries, int template_fd, struct pp_error *err)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .inner_map_fd = (uint32_t)template_fd);

	return pp_map_create(fd, BPF_MAP_TYPE_ARRAY_OF_MAPS, name, sizeof(uint32_t), entries, &opts,
			     err);
}

int pp_map_memory(void *out, int fd, uint64_t bytes, bool writable, struct pp_error *err)
{
	void *mem = mmap(NULL, pages(bytes), writable ? PROT_READ | PROT_WRITE : PROT_READ,
			 MAP_SHARED, fd, 0);

	if (mem == MAP_FAILED)
		return pp_error_set(err, -errno, 0, 0, "cannot map a BPF array: %s",
				    strerror(errno));
	*(void **)out = mem;
	return 0;
}

void pp_map_unmap(const volatile void *mem, uint64_t bytes)
{
	if (mem != NULL)
		munmap((void *)mem, pages(bytes));
}

void pp_map_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}
