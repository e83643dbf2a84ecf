// SPDX-License-Identifier: MIT OR Apache-2.0
#include "clsact.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "clsact_filters.h"
#include "log.h"

#define STUB_NAME "pp_out_stub"
#define STUB_NAME_QDISC "pp_out_stub_q" // the qdisc came with it
// Where our filter stands: "pp" as numbers, twice, for somebody who reads `tc filter show`.
#define FILTER_HANDLE 0x7070
#define FILTER_PRIORITY 0x7070

#define MOV(dst, value)                                                                            \
	{                                                                                          \
		.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (dst), .imm = (value)              \
	}

void pp_clsact_clear(struct pp_clsact *clsact)
{
	*clsact = (struct pp_clsact){.stub_fd = -1, .array_fd = -1};
}

// bpf_tail_call(skb, array, 0); return TC_ACT_UNSPEC;
static int load_stub(int array_fd, const char *name)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_LD | BPF_IMM | BPF_DW,
		 .dst_reg = BPF_REG_2,
		 .src_reg = BPF_PSEUDO_MAP_FD,
		 .imm = array_fd},
		{0},
		MOV(BPF_REG_3, 0),
		{.code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_tail_call},
		MOV(BPF_REG_0, -1),
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, name, "Dual MIT/GPL", insns,
			       sizeof(insns) / sizeof(insns[0]), NULL);

	return fd < 0 ? -errno : fd;
}

static uint32_t id_of(int prog_fd)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);

	return bpf_obj_get_info_by_fd(prog_fd, &info, &len) == 0 ? info.id : 0;
}

// @param made_qdisc  Set: whether the qdisc came with it.
static bool is_stub(uint32_t prog_id, bool *made_qdisc)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(prog_id);
	bool known = fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &len) == 0;

	if (fd >= 0)
		close(fd);
	*made_qdisc = known && strcmp(info.name, STUB_NAME_QDISC) == 0;
	return *made_qdisc || (known && strcmp(info.name, STUB_NAME) == 0);
}

// @return  The program of the filter in our place; 0: there is none.
static uint32_t filter_at(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);
	int ret;

	pp_log_hush(true);
	ret = bpf_tc_query(&hook, &opts);
	pp_log_hush(false);
	return ret == 0 ? opts.prog_id : 0;
}

static int make_qdisc(uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_EGRESS);
	int ret;

	pp_log_hush(true);
	ret = bpf_tc_hook_create(&hook);
	pp_log_hush(false);
	return ret;
}

static int add_filter(uint32_t ifindex, int prog_fd)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY,
		    .prog_fd = prog_fd);
	int ret;

	pp_log_hush(true);
	ret = bpf_tc_attach(&hook, &opts);
	pp_log_hush(false);
	return ret;
}

// The filter goes; the qdisc too if it is ours and somebody else has put nothing there.
static void remove_filter(uint32_t ifindex, bool qdisc_too)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = FILTER_HANDLE, .priority = FILTER_PRIORITY);

	pp_log_hush(true);
	bpf_tc_detach(&hook, &opts);
	// Both points stand for the whole qdisc.
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	if (qdisc_too && pp_clsact_filters_none(ifindex))
		bpf_tc_hook_destroy(&hook);
	pp_log_hush(false);
}

// What a killed process made it did not remove. Whether the qdisc is its own the stub's name says: one that
// somebody else made stays, though nothing else be in it.
void pp_clsact_sweep(uint32_t ifindex)
{
	uint32_t there = filter_at(ifindex);
	bool made_qdisc;

	if (there != 0 && is_stub(there, &made_qdisc))
		remove_filter(ifindex, made_qdisc);
}

static int make_array(struct pp_clsact *clsact, int prog_fd)
{
	clsact->array_fd = bpf_map_create(BPF_MAP_TYPE_PROG_ARRAY, "pp_out_progs", 4, 4, 1, NULL);
	if (clsact->array_fd < 0)
		return -errno;
	return pp_clsact_set(clsact, prog_fd);
}

static int make_stub(struct pp_clsact *clsact)
{
	int ret = load_stub(clsact->array_fd, clsact->made_qdisc ? STUB_NAME_QDISC : STUB_NAME);

	if (ret < 0)
		return ret;
	clsact->stub_fd = ret;
	clsact->stub_id = id_of(clsact->stub_fd);
	return 0;
}

static int put_filter(struct pp_clsact *clsact, uint32_t ifindex)
{
	int ret = make_qdisc(ifindex);

	if (ret < 0 && ret != -EEXIST)
		return ret;
	clsact->made_qdisc = ret == 0;
	ret = make_stub(clsact) ?: add_filter(ifindex, clsact->stub_fd);
	if (ret < 0 && clsact->made_qdisc)
		remove_filter(ifindex, true);
	if (ret == 0)
		clsact->ifindex = ifindex;
	return ret == -EEXIST ? -EBUSY : ret;
}

int pp_clsact_attach(struct pp_clsact *clsact,
		     uint32_t ifindex,
		     const char *name,
		     int prog_fd,
		     struct pp_error *err)
{
	int ret;

	pp_clsact_clear(clsact);
	ret = make_array(clsact, prog_fd) ?: put_filter(clsact, ifindex);
	if (ret == 0)
		return 0;
	pp_clsact_detach(clsact);
	if (ret == -EBUSY)
		return pp_error_set(err, ret, 0, 0,
				    "another filter has handle 0x%x, priority %u in clsact on what "
				    "%s sends; remove it (tc filter del dev %s egress prio %u)",
				    FILTER_HANDLE, FILTER_PRIORITY, name, name, FILTER_PRIORITY);
	return pp_error_set(err, ret, 0, 0, "cannot attach to what %s sends by clsact: %s", name,
			    strerror(-ret));
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void pp_clsact_detach(struct pp_clsact *clsact)
{
	if (clsact->ifindex != 0 && pp_clsact_alive(clsact))
		remove_filter(clsact->ifindex, clsact->made_qdisc);
	close_fd(&clsact->stub_fd);
	close_fd(&clsact->array_fd);
	pp_clsact_clear(clsact);
}

int pp_clsact_set(const struct pp_clsact *clsact, int prog_fd)
{
	const uint32_t key = 0;

	return bpf_map_update_elem(clsact->array_fd, &key, &prog_fd, BPF_ANY) ? -errno : 0;
}

bool pp_clsact_alive(const struct pp_clsact *clsact)
{
	return clsact->ifindex != 0 && filter_at(clsact->ifindex) == clsact->stub_id;
}
