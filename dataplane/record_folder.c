// SPDX-License-Identifier: MIT OR Apache-2.0
#include "record_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// What was recorded is nobody else's business.
#define FILE_MODE 0600
#define NUMBER_DIGITS_MAX 18
#define CREATE_TRIES 100

struct entry {
	uint64_t number;
	uint64_t bytes;
	char name[PP_RECORD_NAME_MAX + 1];
};

struct listing {
	struct entry *entry;
	size_t count;
	size_t room;
};

// A d in the pattern stands for a digit.
static const char *skip(const char *text, const char *pattern)
{
	for (; *pattern; pattern++, text++)
		if (*pattern == 'd' ? *text < '0' || *text > '9' : *text != *pattern)
			return NULL;
	return text;
}

bool pp_record_folder_owns(const struct pp_record_folder *folder,
			   const char *name,
			   uint64_t *number)
{
	size_t prefix = strlen(folder->name);
	uint64_t value = 0;
	const char *begin;

	if (strncmp(name, folder->name, prefix) != 0)
		return false;
	begin = name = skip(name + prefix, "-ddddddddTddddddZ-");
	for (; name != NULL && *name >= '0' && *name <= '9'; name++)
		value = value * 10 + (uint64_t)(*name - '0');
	if (name == NULL || name - begin < 6 || name - begin > NUMBER_DIGITS_MAX)
		return false;
	name = skip(name, ".pcapng");
	if (name == NULL || (*name != '\0' && strcmp(name, ".zst") != 0))
		return false;
	*number = value;
	return true;
}

static int add(struct listing *all, const char *name, uint64_t number, uint64_t bytes)
{
	if (all->count == all->room) {
		size_t room = all->room ? 2 * all->room : 64;
		struct entry *entry = reallocarray(all->entry, room, sizeof(*entry));

		if (entry == NULL)
			return -ENOMEM;
		all->entry = entry;
		all->room = room;
	}
	all->entry[all->count].number = number;
	all->entry[all->count].bytes = bytes;
	snprintf(all->entry[all->count++].name, sizeof(all->entry->name), "%s", name);
	return 0;
}

static int by_number(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return strcmp(x->name, y->name);
}

// The recording's files, oldest first.
static int list(const struct pp_record_folder *folder, DIR *dir, struct listing *all)
{
	const struct dirent *found;
	struct stat about;
	uint64_t number;
	int ret = 0;

	while (ret == 0 && (found = readdir(dir)) != NULL) {
		if (!pp_record_folder_owns(folder, found->d_name, &number) ||
		    fstatat(dirfd(dir), found->d_name, &about, AT_SYMLINK_NOFOLLOW) < 0 ||
		    !S_ISREG(about.st_mode))
			continue;
		ret = add(all, found->d_name, number, (uint64_t)about.st_size);
	}
	if (all->count > 0)
		qsort(all->entry, all->count, sizeof(all->entry[0]), by_number);
	return ret;
}

static void
format_name(const struct pp_record_folder *folder, uint64_t time_ns, uint64_t number, char *name)
{
	time_t seconds = (time_t)(time_ns / 1000000000u);
	char when[sizeof("20261126T103821Z")];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	snprintf(name, PP_RECORD_NAME_MAX + 1, "%s-%s-%06llu.pcapng%s", folder->name, when,
		 (unsigned long long)number, folder->zstd ? ".zst" : "");
}

// Another process may record under the same name: then the next number is tried.
static int create(const struct pp_record_folder *folder,
		  int dir_fd,
		  uint64_t time_ns,
		  uint64_t number,
		  char *name)
{
	int fd = -EEXIST;

	for (int i = 0; i < CREATE_TRIES && fd == -EEXIST; i++) {
		format_name(folder, time_ns, number + (uint64_t)i, name);
		fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
		if (fd < 0)
			fd = -errno;
	}
	if (fd >= 0)
		flock(fd, LOCK_EX | LOCK_NB);
	return fd;
}

int pp_record_folder_create(const struct pp_record_folder *folder,
			    uint64_t time_ns,
			    char name[PP_RECORD_NAME_MAX + 1])
{
	DIR *dir = opendir(folder->path);
	char made[PP_RECORD_NAME_MAX + 1];
	struct listing all = {0};
	int ret;

	if (dir == NULL)
		return -errno;
	ret = list(folder, dir, &all);
	if (ret == 0)
		ret = create(folder, dirfd(dir), time_ns,
			     all.count > 0 ? all.entry[all.count - 1].number + 1 : 1, made);
	if (ret >= 0)
		memcpy(name, made, sizeof(made));
	free(all.entry);
	closedir(dir);
	return ret;
}

// @return  1: deleted; 0: somebody writes it, or it is gone; -errno.
static int delete (int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int ret = 1;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		ret = 0;
	else if (unlinkat(dir_fd, name, 0) < 0)
		ret = errno == ENOENT ? 0 : -errno;
	close(fd);
	return ret;
}

int pp_record_folder_shrink(const struct pp_record_folder *folder,
			    uint64_t max_bytes,
			    uint64_t *deleted)
{
	DIR *dir = opendir(folder->path);
	struct listing all = {0};
	uint64_t bytes = 0;
	int ret;

	if (dir == NULL)
		return -errno;
	ret = list(folder, dir, &all);
	for (size_t i = 0; i < all.count; i++)
		bytes += all.entry[i].bytes;
	for (size_t i = 0; i < all.count && bytes > max_bytes; i++) {
		int gone = delete (dirfd(dir), all.entry[i].name);

		if (gone > 0) {
			bytes -= all.entry[i].bytes;
			++*deleted;
		} else if (gone < 0 && ret == 0) {
			ret = gone;
		}
	}
	free(all.entry);
	closedir(dir);
	return ret;
}

void pp_record_folder_remove(const struct pp_record_folder *folder, const char *name)
{
	int fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	unlinkat(fd, name, 0);
	close(fd);
}

int pp_record_folder_check(const char *path, struct pp_error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret = fd < 0 ? -errno : 0;

	// faccessat() asks for the effective ids, as open() does later.
	if (ret == 0 && faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0)
		ret = -errno;
	if (fd >= 0)
		close(fd);
	if (ret < 0)
		return pp_error_set(err, ret, 0, 0, "directory: cannot write files to %s: %s", path,
				    strerror(-ret));
	return 0;
}
