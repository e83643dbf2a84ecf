// SPDX-License-Identifier: MIT OR Apache-2.0
#include "umem.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <numa.h>

#include <push-packet/plane.h>

#define HUGEPAGE_BYTES (2u << 20)

static size_t round_up(size_t bytes, size_t unit)
{
	return (bytes + unit - 1) / unit * unit;
}

static int map_area(struct pp_umem *umem, size_t bytes, bool huge)
{
	size_t unit = huge ? HUGEPAGE_BYTES : (size_t)sysconf(_SC_PAGESIZE);
	void *area;

	bytes = round_up(bytes, unit);
	area = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | (huge ? MAP_HUGETLB : 0), -1, 0);
	if (area == MAP_FAILED)
		return -errno;
	umem->area = area;
	umem->bytes = bytes;
	umem->hugepages = huge;
	return 0;
}

int pp_umem_init(struct pp_umem *umem,
		 size_t bytes,
		 uint8_t hugepages,
		 int32_t numa_node,
		 struct pp_error *err)
{
	int ret = -ENOMEM;

	*umem = (struct pp_umem){.numa_node = -1};
	if (hugepages != PP_HUGEPAGES_OFF)
		ret = map_area(umem, bytes, true);
	if (ret < 0 && hugepages == PP_HUGEPAGES_ON)
		return pp_error_set(err, ret, 0, 0,
				    "no hugepages for a UMEM of %zu KiB; raise vm.nr_hugepages or "
				    "set hugepages: auto",
				    bytes >> 10);
	if (ret < 0)
		ret = map_area(umem, bytes, false);
	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "no memory for a UMEM of %zu KiB: %s",
				    bytes >> 10, strerror(-ret));
	if (numa_node >= 0 && numa_available() >= 0) {
		numa_tonode_memory(umem->area, umem->bytes, numa_node);
		umem->numa_node = numa_node;
	}
	// The first touch decides where a page lies, and it must not be a packet's.
	memset(umem->area, 0, umem->bytes);
	return 0;
}

void pp_umem_fini(struct pp_umem *umem)
{
	if (umem->area != NULL)
		munmap(umem->area, umem->bytes);
	umem->area = NULL;
}
