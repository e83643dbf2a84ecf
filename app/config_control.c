// SPDX-License-Identifier: MIT OR Apache-2.0
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>

#include "config_sections.h"

static void read_socket(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	const char *text = pp_config_read_text(r, value, "the path of a socket");

	(void)arg;
	if (!text)
		return;
	if (*text != '/')
		pp_config_error(r, value, "expected an absolute path, found '%.40s'", text);
	else if (strlen(text) >= PP_CONFIG_SOCKET_BYTES)
		pp_config_error(r, value, "the path of a socket has at most %u characters",
				PP_CONFIG_SOCKET_BYTES - 1);
	else
		strcpy(r->config->control.socket, text);
}

static void read_mode(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	static const char expected[] = "an octal mode from 0600 to 0777";
	const char *text = pp_config_read_text(r, value, expected);
	unsigned long mode;
	char *end;

	(void)arg;
	if (!text)
		return;
	mode = strtoul(text, &end, 8);
	if (strspn(text, "01234567") != strlen(text) || *end || mode > 0777 ||
	    (mode & 0600) != 0600) {
		pp_config_error(r, value, "expected %s, found '%.40s'", expected, text);
		return;
	}
	r->config->control.mode = (mode_t)mode;
}

static bool parse_gid(const char *text, gid_t *out)
{
	unsigned long gid;
	char *end;

	if (strspn(text, "0123456789") != strlen(text) || !*text)
		return false;
	errno = 0;
	gid = strtoul(text, &end, 10);
	if (errno || gid >= UINT32_MAX)
		return false;
	*out = (gid_t)gid;
	return true;
}

static void read_gid(struct pp_config_reader *r, const struct pp_yaml *value, gid_t *out)
{
	const char *text;
	struct group *group;

	if (value->kind == PP_YAML_NULL)
		return;
	text = pp_config_read_text(r, value, "a group");
	if (!text || parse_gid(text, out))
		return;
	group = getgrnam(text);
	if (group)
		*out = group->gr_gid;
	else
		pp_config_error(r, value, "there is no group '%.40s'", text);
}

static void read_group(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	(void)arg;
	read_gid(r, value, &r->config->control.group);
}

static void read_read_group(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	(void)arg;
	read_gid(r, value, &r->config->control.read_group);
}

void pp_config_control(struct pp_config_reader *r, const struct pp_yaml *value, void *arg)
{
	static const struct pp_config_key keys[] = {
		{"socket", read_socket, PP_ITEM_SOCKET},
		{"mode", read_mode, PP_ITEM_MODE},
		{"group", read_group, PP_ITEM_GROUP},
		{"read-group", read_read_group, PP_ITEM_READ_GROUP},
		{0}};

	pp_config_read_map(r, value, keys, arg);
}
