// SPDX-License-Identifier: MIT OR Apache-2.0
#include "bench_priv.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define CPU_FOLDER "/sys/devices/system/cpu"

bool pp_bench_read_line(const char *path, char *buf, size_t size)
{
	FILE *file = fopen(path, "re");
	bool good = file && fgets(buf, (int)size, file);

	if (file)
		fclose(file);
	if (!good)
		return false;
	buf[strcspn(buf, "\n")] = '\0';
	return buf[0] != '\0';
}

static void put_line(json_t *object, const char *key, const char *path)
{
	char line[256];
	json_t *text =
		pp_bench_read_line(path, line, sizeof(line)) ? json_string(line) : json_null();

	json_object_set_new(object, key, text ?: json_null());
}

// Value of a line "KEY : VALUE" of /proc/cpuinfo, of the first CPU.
static bool cpuinfo(const char *key, char *buf, size_t size)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[4096];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		const char *colon = strchr(line, ':');

		if (!colon || strncmp(line, key, strlen(key)) != 0)
			continue;
		snprintf(buf, size, "%s", colon + 1 + strspn(colon + 1, " "));
		buf[strcspn(buf, "\n")] = '\0';
		found = true;
	}
	if (file)
		fclose(file);
	return found;
}

// Linux sets the flag "hypervisor" on x86; what the machine calls itself says which one it is.
static json_t *virtualization(void)
{
	char flags[4096], vendor[128] = "", product[128] = "";

	if (!cpuinfo("flags", flags, sizeof(flags)) || !strstr(flags, " hypervisor"))
		return json_string("none");
	pp_bench_read_line("/sys/class/dmi/id/sys_vendor", vendor, sizeof(vendor));
	pp_bench_read_line("/sys/class/dmi/id/product_name", product, sizeof(product));
	if (!vendor[0] && !product[0])
		return json_string("hypervisor");
	return json_sprintf("%s %s", vendor, product);
}

static json_t *mitigations(void)
{
	json_t *object = json_object();
	DIR *dir = opendir(CPU_FOLDER "/vulnerabilities");
	const struct dirent *entry;
	char path[512];

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), CPU_FOLDER "/vulnerabilities/%s", entry->d_name);
		put_line(object, entry->d_name, path);
	}
	if (dir)
		closedir(dir);
	return object;
}

json_t *pp_bench_machine(void)
{
	json_t *machine = json_object();
	struct utsname name;
	char model[256];

	uname(&name);
	json_object_set_new(machine, "kernel", json_string(name.release));
	json_object_set_new(machine, "kernel_build", json_string(name.version));
	json_object_set_new(machine, "architecture", json_string(name.machine));
	json_object_set_new(machine, "cpu_model",
			    cpuinfo("model name", model, sizeof(model)) ? json_string(model)
									: json_null());
	json_object_set_new(machine, "cpus", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
	put_line(machine, "governor", CPU_FOLDER "/cpu0/cpufreq/scaling_governor");
	put_line(machine, "isolated", CPU_FOLDER "/isolated");
	put_line(machine, "smt", CPU_FOLDER "/smt/active");
	put_line(machine, "clocksource",
		 "/sys/devices/system/clocksource/clocksource0/current_clocksource");
	put_line(machine, "loadavg", "/proc/loadavg");
	json_object_set_new(machine, "virtualization", virtualization());
	json_object_set_new(machine, "mitigations", mitigations());
	json_object_set_new(machine, "steal_percent", json_null());
	return machine;
}
