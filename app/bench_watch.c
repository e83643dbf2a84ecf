// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_priv.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CPU_FOLDER "/sys/devices/system/cpu"
#define STEAL_MAX 0.5 // percent
#define DRIFT_MAX 0.02

static bool is_used(const struct pp_bench_run *run, uint32_t cpu)
{
	json_t *used = pp_bench_get(run, "cpus_used"), *value;
	const char *role;

	json_object_foreach(used, role, value)
	{
		if (json_integer_value(value) == cpu)
			return true;
	}
	return json_object_size(used) == 0;
}

static uint64_t frequency_khz(uint32_t cpu)
{
	char path[128], line[32];

	snprintf(path, sizeof(path), CPU_FOLDER "/cpu%u/cpufreq/scaling_cur_freq", cpu);
	return pp_bench_read_line(path, line, sizeof(line)) ? strtoull(line, NULL, 10) : 0;
}

// The line "cpuN user nice system idle iowait irq softirq steal ..." (proc(5)).
static bool read_ticks(const char *line, uint32_t *cpu, struct pp_bench_cpu *out)
{
	uint64_t tick[8];

	if (sscanf(line,
		   "cpu%" SCNu32 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %" SCNu64 " %" SCNu64 " %" SCNu64,
		   cpu, &tick[0], &tick[1], &tick[2], &tick[3], &tick[4], &tick[5], &tick[6],
		   &tick[7]) != 9 ||
	    *cpu >= PP_BENCH_CPUS_MAX)
		return false;
	*out = (struct pp_bench_cpu){.steal = tick[7]};
	for (size_t i = 0; i < 8; i++)
		out->total += tick[i];
	return true;
}

static void read_cpus(struct pp_bench_cpu cpus[PP_BENCH_CPUS_MAX])
{
	FILE *file = fopen("/proc/stat", "re");
	struct pp_bench_cpu one;
	char line[512];
	uint32_t cpu;

	memset(cpus, 0, PP_BENCH_CPUS_MAX * sizeof(cpus[0]));
	while (file && fgets(line, sizeof(line), file)) {
		if (strncmp(line, "cpu", 3) != 0 || !read_ticks(line, &cpu, &one))
			continue;
		one.khz = frequency_khz(cpu);
		cpus[cpu] = one;
	}
	if (file)
		fclose(file);
}

void pp_bench_watch_begin(struct pp_bench_run *run)
{
	read_cpus(run->watch.before);
}

void pp_bench_watch_end(struct pp_bench_run *run)
{
	struct pp_bench_watch *watch = &run->watch;
	struct pp_bench_cpu after[PP_BENCH_CPUS_MAX];

	read_cpus(after);
	for (uint32_t i = 0; i < PP_BENCH_CPUS_MAX; i++) {
		const struct pp_bench_cpu *before = &watch->before[i];
		double drift = 0;

		if (!before->total || !after[i].total || !is_used(run, i))
			continue;
		watch->steal += after[i].steal - before->steal;
		watch->total += after[i].total - before->total;
		if (before->khz)
			drift = fabs((double)after[i].khz / (double)before->khz - 1);
		if (drift > watch->drift) {
			watch->drift = drift;
			watch->drift_cpu = i;
		}
	}
}

void pp_bench_watch_report(struct pp_bench_run *run)
{
	const struct pp_bench_watch *watch = &run->watch;
	double steal = watch->total ? 100.0 * (double)watch->steal / (double)watch->total : 0;

	if (!watch->total)
		return;
	json_object_set_new(pp_bench_get(run, "machine"), "steal_percent", json_real(steal));
	if (steal > STEAL_MAX)
		pp_bench_warn(run,
			      "the hypervisor took %.1f %% of the CPU time (steal): repeat, or "
			      "trust medians of many pairs only",
			      steal);
	if (watch->drift > DRIFT_MAX)
		pp_bench_warn(run, "the frequency of CPU %u changed by %.0f %% while measuring",
			      watch->drift_cpu, watch->drift * 100);
}

static void check_governor(struct pp_bench_run *run, uint32_t cpu)
{
	char path[128], governor[64];

	snprintf(path, sizeof(path), CPU_FOLDER "/cpu%u/cpufreq/scaling_governor", cpu);
	if (pp_bench_read_line(path, governor, sizeof(governor)) &&
	    strcmp(governor, "performance") != 0)
		pp_bench_warn(run,
			      "CPU %u has the frequency governor %s: set it to performance while "
			      "measuring",
			      cpu, governor);
}

// The list of CPUs that share a core, "0,4" or "0-1".
static bool same_core(uint32_t one, uint32_t other)
{
	char path[128], a[128], b[128];

	snprintf(path, sizeof(path), CPU_FOLDER "/cpu%u/topology/thread_siblings_list", one);
	if (!pp_bench_read_line(path, a, sizeof(a)))
		return false;
	snprintf(path, sizeof(path), CPU_FOLDER "/cpu%u/topology/thread_siblings_list", other);
	return pp_bench_read_line(path, b, sizeof(b)) && strcmp(a, b) == 0;
}

static void
check_pair(struct pp_bench_run *run, const char *role, uint32_t cpu, const char *name, uint32_t two)
{
	if (cpu == two)
		pp_bench_warn(run, "%s and %s share CPU %u: each takes time from the other", role,
			      name, cpu);
	else if (same_core(cpu, two))
		pp_bench_warn(run, "%s (CPU %u) and %s (CPU %u) are threads of one core", role, cpu,
			      name, two);
}

static void check_cpus(struct pp_bench_run *run)
{
	json_t *used = pp_bench_get(run, "cpus_used"), *value, *other;
	const char *role, *name;

	json_object_foreach(used, role, value)
	{
		uint32_t cpu = (uint32_t)json_integer_value(value);
		void *later = json_object_iter_at(used, role);

		check_governor(run, cpu);
		for (later = json_object_iter_next(used, later); later;
		     later = json_object_iter_next(used, later)) {
			name = json_object_iter_key(later);
			other = json_object_iter_value(later);
			check_pair(run, role, cpu, name, (uint32_t)json_integer_value(other));
		}
	}
}

static void check_interface(struct pp_bench_run *run, const json_t *iface)
{
	const char *name = pp_bench_text(iface, "name"), *key;
	json_t *on;
	char list[128] = "";

	if (!strcmp(pp_bench_text(iface, "mode"), "skb"))
		pp_bench_warn(run,
			      "%s: XDP runs in generic (skb) mode: these are not the figures "
			      "of a driver with native XDP",
			      name);
	json_object_foreach(json_object_get(iface, "offloads"), key, on)
	{
		size_t len = strlen(list);

		if (json_is_true(on) && strstr("gro lro gso tso", key))
			snprintf(list + len, sizeof(list) - len, "%s%s", len ? ", " : "", key);
	}
	if (list[0])
		pp_bench_warn(run,
			      "%s: %s on: what the kernel sends or receives may be merged (ethtool "
			      "-K %s ... off)",
			      name, list, name);
}

void pp_bench_check(struct pp_bench_run *run)
{
	const json_t *iface;
	size_t i;

	check_cpus(run);
	json_array_foreach(pp_bench_get(run, "interfaces"), i, iface) check_interface(run, iface);
}
