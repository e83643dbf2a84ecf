// SPDX-License-Identifier: MIT OR Apache-2.0
#include "text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_BYTES 65536

// One more read, into a buffer that doubles when it is full. Returns what read() did, or -errno.
static ssize_t read_some(int fd, char **text, size_t used, size_t *room)
{
	char *grown;
	ssize_t n;

	if (used + 1 >= *room) {
		*room = *room ? *room * 2 : FIRST_BYTES;
		grown = realloc(*text, *room);
		if (!grown)
			return -ENOMEM;
		*text = grown;
	}
	do
		n = read(fd, *text + used, *room - used - 1);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static int read_all(int fd, char **out, size_t *len)
{
	size_t used = 0, room = 0;
	char *text = NULL;
	ssize_t n;

	while ((n = read_some(fd, &text, used, &room)) > 0) {
		used += (size_t)n;
		if (used > PP_TEXT_FILE_BYTES_MAX) {
			n = -EFBIG;
			break;
		}
	}
	if (n < 0) {
		free(text);
		return (int)n;
	}
	text[used] = '\0';
	*out = text;
	*len = used;
	return 0;
}

// Bytes of the UTF-8 character at s; 0: it is none. Overlong forms and surrogates are left to
// the parser: this tells text from junk.
static size_t utf8_bytes(const unsigned char *s)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	}
	return n;
}

static bool is_text(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text, *end = s + len;

	while (s < end) {
		size_t n = *s ? utf8_bytes(s) : 0;

		if (!n)
			return false;
		s += n;
	}
	return true;
}

int pp_text_file_read_fd(int fd, char **out, size_t *len)
{
	char *text = NULL;
	size_t used = 0;
	int err = read_all(fd, &text, &used);

	if (err)
		return err;
	if (!is_text(text, used)) {
		free(text);
		return -EILSEQ;
	}
	*out = text;
	*len = used;
	return 0;
}

int pp_text_file_read(const char *path, char **out, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = pp_text_file_read_fd(fd, out, len);
	close(fd);
	return err;
}

const char *pp_text_file_why(int err)
{
	switch (err) {
	case -EISDIR:
		return "it is a directory, expected a text file";
	case -EFBIG:
		return "it is longer than 64 MiB";
	case -EILSEQ:
		return "it is not a text file in UTF-8";
	default:
		return strerror(-err);
	}
}
