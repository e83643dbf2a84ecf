// SPDX-License-Identifier: MIT OR Apache-2.0
#include "engine_files.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine.h"

#define FILE_BYTES_MAX (64u << 20)

static int read_error(int ret, const char *path, struct pp_error *err)
{
	return pp_error_set(err, ret, 0, 0, "cannot read %s: %s", path, strerror(-ret));
}

static int read_all(int fd, uint8_t *bytes, size_t count)
{
	while (count > 0) {
		ssize_t got = read(fd, bytes, count);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		bytes += got;
		count -= (size_t)got;
	}
	return 0;
}

static int read_open(struct pp_engine_file *file, int fd, struct pp_error *err)
{
	struct stat st;
	int ret;

	if (fstat(fd, &st))
		return read_error(-errno, file->path, err);
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > FILE_BYTES_MAX)
		return pp_error_set(err, -EINVAL, 0, 0, "%s is no file of 1 to %u bytes",
				    file->path, FILE_BYTES_MAX);
	file->bytes = malloc((size_t)st.st_size);
	if (file->bytes == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	file->count = (size_t)st.st_size;
	ret = read_all(fd, file->bytes, file->count);
	return ret < 0 ? read_error(ret, file->path, err) : 0;
}

int pp_engine_file_read(struct pp_engine_file *file, const char *path, struct pp_error *err)
{
	int fd, ret;

	file->path = strdup(path);
	if (file->path == NULL)
		return pp_error_set(err, -ENOMEM, 0, 0, "out of memory");
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return read_error(-errno, path, err);
	ret = read_open(file, fd, err);
	close(fd);
	return ret;
}

// The linker knows a library that it has by its name, and a file that is written over changes under
// who has mapped it. So each load gets a copy, and a name that no other has: the descriptor stays.
static int copy_library(struct pp_engine_files *files, struct pp_error *err)
{
	const struct pp_engine_file *file = &files->library;
	size_t done = 0;

	files->library_fd = memfd_create("engine", MFD_CLOEXEC);
	if (files->library_fd < 0)
		return pp_error_set(err, -errno, 0, 0, "cannot copy %s: %s", file->path,
				    strerror(errno));
	while (done < file->count) {
		ssize_t n = write(files->library_fd, file->bytes + done, file->count - done);

		if (n <= 0)
			return pp_error_set(err, -ENOMEM, 0, 0, "cannot copy %s: %s", file->path,
					    strerror(errno));
		done += (size_t)n;
	}
	return 0;
}

// dlerror() without the name of the copy.
static const char *linker_words(const char *copy)
{
	const char *text = dlerror();
	size_t len = strlen(copy);

	if (text == NULL)
		return "the linker does not say why";
	if (strncmp(text, copy, len) == 0 && strncmp(text + len, ": ", 2) == 0)
		return text + len + 2;
	return text;
}

// The linker takes an object for another machine for one that is not there.
static bool is_shared_object(const struct pp_engine_file *file)
{
	Elf64_Ehdr head;

	if (file->count < sizeof(head))
		return false;
	memcpy(&head, file->bytes, sizeof(head));
	return memcmp(head.e_ident, ELFMAG, SELFMAG) == 0 && head.e_type == ET_DYN;
}

int pp_engine_files_link(struct pp_engine_files *files, struct pp_error *err)
{
	char copy[64];
	int ret;

	if (!is_shared_object(&files->library))
		return pp_error_set(err, -EINVAL, 0, 0, "%s is not a shared object",
				    files->library.path);
	ret = copy_library(files, err);
	if (ret < 0)
		return ret;
	snprintf(copy, sizeof(copy), "/proc/self/fd/%d", files->library_fd);
	files->handle = dlopen(copy, RTLD_NOW | RTLD_LOCAL);
	if (files->handle == NULL)
		return pp_error_set(err, -EINVAL, 0, 0, "cannot load %s: %s", files->library.path,
				    linker_words(copy));
	return 0;
}

void pp_engine_hold(const struct pp_engine_own *own)
{
	if (own->files != NULL)
		own->files->holders++;
}

static void close_files(struct pp_engine_files *files)
{
	if (files->handle != NULL)
		dlclose(files->handle);
	if (files->library_fd >= 0)
		close(files->library_fd);
	free(files->library.path);
	free(files->library.bytes);
	free(files->object.path);
	free(files->object.bytes);
	free(files);
}

void pp_engine_unload(struct pp_engine_own *own)
{
	if (own->files != NULL && --own->files->holders == 0)
		close_files(own->files);
	*own = (struct pp_engine_own){0};
}

static bool same_file(const struct pp_engine_file *a, const struct pp_engine_file *b)
{
	return strcmp(a->path, b->path) == 0 && a->count == b->count &&
	       memcmp(a->bytes, b->bytes, a->count) == 0;
}

bool pp_engine_same(const struct pp_engine_own *a, const struct pp_engine_own *b)
{
	if (a->files == NULL || b->files == NULL || a->files == b->files)
		return a->files == b->files && a->ops == b->ops && a->object == b->object &&
		       a->object_bytes == b->object_bytes;
	return same_file(&a->files->object, &b->files->object) &&
	       same_file(&a->files->library, &b->files->library);
}
