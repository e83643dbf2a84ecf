// SPDX-License-Identifier: MIT OR Apache-2.0
#include "text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROW_BYTES 65536

static int read_all(int fd, char **out, size_t *len)
{
	char *text = NULL, *grown;
	size_t used = 0;
	ssize_t n;

	do {
		grown = realloc(text, used + GROW_BYTES + 1);
		if (!grown) {
			free(text);
			return -ENOMEM;
		}
		text = grown;
		n = read(fd, text + used, GROW_BYTES);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int err = -errno;

			free(text);
			return err;
		}
		used += (size_t)n;
		if (used > PP_TEXT_FILE_BYTES_MAX) {
			free(text);
			return -EFBIG;
		}
	} while (n);

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
