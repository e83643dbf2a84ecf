// SPDX-License-Identifier: MIT OR Apache-2.0
#include "ssh_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARENTS_MAX 32

// Find NAME=value in a file of NUL-terminated strings.
static bool find_in_environ(FILE *file, const char *name, char *buf, size_t size)
{
	size_t name_len = strlen(name), room = 0;
	char *entry = NULL;
	bool found = false;

	while (!found && getdelim(&entry, &room, '\0', file) > 0) {
		found = !strncmp(entry, name, name_len) && entry[name_len] == '=';
		if (found)
			snprintf(buf, size, "%s", entry + name_len + 1);
	}
	free(entry);
	return found;
}

static bool find_of_process(pid_t pid, char *buf, size_t size)
{
	static const char *const names[] = {"SSH_CONNECTION", "SSH_CLIENT"};
	char path[64];
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	for (size_t i = 0; !found && i < sizeof(names) / sizeof(names[0]); i++) {
		FILE *file = fopen(path, "re");

		if (!file)
			return false;
		found = find_in_environ(file, names[i], buf, size);
		fclose(file);
	}
	return found;
}

// 0: no more.
static pid_t parent_of(pid_t pid)
{
	char path[64], line[512];
	const char *after_name;
	pid_t parent = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	// "PID (NAME) STATE PPID ...": the name may hold anything, so look for its end.
	if (fgets(line, sizeof(line), file)) {
		after_name = strrchr(line, ')');
		if (!after_name || sscanf(after_name + 1, " %*c %d", &parent) != 1)
			parent = 0;
	}
	fclose(file);
	return parent;
}

bool pp_ssh_session_find(pid_t pid, char *buf, size_t size)
{
	for (int i = 0; pid > 0 && i < PARENTS_MAX; i++, pid = parent_of(pid)) {
		if (find_of_process(pid, buf, size))
			return true;
	}
	return false;
}
