// SPDX-License-Identifier: MIT OR Apache-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "ctl_options.h"
#include "table_text.h"

#define MS_NS 1000000ull
#define PAGE_ENTRIES 10000

struct set_options {
	struct pp_ctl_options ctl;
	bool json;
	uint64_t ttl_ns; // 0: for ever
};

static json_t *entries_of(char **words)
{
	json_t *entries = json_array();

	for (; *words; words++)
		json_array_append_new(entries, json_string(*words));
	return entries;
}

// Ask for a change and say what it changed.
//
// @param params  Stolen.
// @param counts  Members of the result, end with NULL.
static int change(const struct set_options *o,
		  const char *path,
		  const char *method,
		  json_t *params,
		  const char *const *counts)
{
	json_t *result;
	int status = pp_ctl_options_ask(&o->ctl, path, method, params, PP_CTL_LONG_MS, &result);

	if (status)
		return status;
	for (size_t i = 0; counts[i]; i++)
		printf("%s%" JSON_INTEGER_FORMAT " %s", i ? ", " : "",
		       pp_ctl_options_number(result, counts[i]), counts[i]);
	putchar('\n');
	json_decref(result);
	return PP_EXIT_OK;
}

static int run_add(const struct pp_command *command, int argc, char **argv)
{
	static const char *const counts[] = {"added", "renewed", NULL};
	struct set_options o = {0};
	json_t *params;
	char **words;
	int status = pp_command_parse(command, argc, argv, &o, &words);

	if (status != PP_PARSED)
		return status;
	params = json_pack("{s:s, s:o}", "name", words[0], "entries", entries_of(words + 1));
	if (o.ttl_ns)
		json_object_set_new(params, "ttl_ms",
				    json_integer((json_int_t)((o.ttl_ns + MS_NS - 1) / MS_NS)));
	return change(&o, argv[0], "sets.add", params, counts);
}

static int run_del(const struct pp_command *command, int argc, char **argv)
{
	static const char *const counts[] = {"deleted", NULL};
	struct set_options o = {0};
	json_t *params;
	char **words;
	int status = pp_command_parse(command, argc, argv, &o, &words);

	if (status != PP_PARSED)
		return status;
	params = json_pack("{s:s}", "name", words[0]);
	if (words[1])
		json_object_set_new(params, "entries", entries_of(words + 1));
	return change(&o, argv[0], "sets.delete", params, counts);
}

static int run_load(const struct pp_command *command, int argc, char **argv)
{
	static const char *const counts[] = {"added", "deleted", "entries", NULL};
	struct set_options o = {0};
	struct pp_error err;
	json_t *params;
	char **words, *file;
	int status = pp_command_parse(command, argc, argv, &o, &words);

	if (status != PP_PARSED)
		return status;
	// The daemon reads the file itself, and it stands in another folder.
	file = realpath(words[1], NULL);
	if (!file) {
		pp_error_set(&err, -errno, 0, 0, "%s: %m", words[1]);
		return pp_ctl_options_complain(&err);
	}
	params = json_pack("{s:s, s:s}", "name", words[0], "file", file);
	free(file);
	if (!params)
		return pp_ctl_options_complain(
			&(struct pp_error){.text = "the name of a file must be UTF-8"});
	return change(&o, argv[0], "sets.replace", params, counts);
}

static void put_set(struct pp_table *table, const json_t *set)
{
	static const char *const numbers[] = {"entries", "ip4", "ip6", "rules"};
	char buf[PP_TABLE_NUMBER_BYTES];

	pp_table_put(table, pp_ctl_options_string(set, "name"));
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		pp_table_put(table, pp_table_number(pp_ctl_options_number(set, numbers[i]), buf));
	pp_table_put(table, json_is_true(json_object_get(set, "protected")) ? "yes" : "no");
	pp_table_put(table, pp_ctl_options_string(set, "origin"));
}

static int print_sets(const json_t *result)
{
	static const struct pp_table_column columns[] = {
		{"set", false},	 {"entries", true},    {"ip4", true},	 {"ip6", true},
		{"rules", true}, {"protected", false}, {"origin", false}};
	struct pp_table table;
	const json_t *set;
	size_t i;
	int err;

	pp_table_init(&table, columns, sizeof(columns) / sizeof(columns[0]));
	json_array_foreach(json_object_get(result, "sets"), i, set) put_set(&table, set);
	err = pp_table_print(&table, stdout);
	pp_table_fini(&table);
	return err;
}

static int list_sets(const struct set_options *o, struct pp_ctl_client *client)
{
	json_t *result;
	int status = pp_ctl_options_call(client, "sets.list", NULL, PP_CTL_TIMEOUT_MS, &result);

	if (status)
		return status;
	if (o->json)
		pp_ctl_options_print_json(result);
	else if (print_sets(result))
		status = pp_ctl_options_complain(&(struct pp_error){.text = "out of memory"});
	json_decref(result);
	return status;
}

// As it stands in a file of a set.
static void print_entry(const json_t *entry)
{
	const json_t *ttl = json_object_get(entry, "ttl_ms");

	fputs(pp_ctl_options_string(entry, "prefix"), stdout);
	if (json_is_integer(ttl))
		printf(" ttl %" JSON_INTEGER_FORMAT "s", (json_integer_value(ttl) + 999) / 1000);
	putchar('\n');
}

static void print_entry_json(const json_t *entry, bool first)
{
	fputs(first ? "\n" : ",\n", stdout);
	json_dumpf(entry, stdout, JSON_COMPACT);
}

// A page at a time, so that a large set needs no memory here.
static int
print_entries(const struct set_options *o, struct pp_ctl_client *client, const char *name)
{
	json_int_t offset = 0, next = 0;
	json_t *result, *entry;
	size_t i;
	int status;

	do {
		offset = next;
		status = pp_ctl_options_call(client, "sets.entries",
					     json_pack("{s:s, s:I, s:i}", "name", name, "offset",
						       offset, "limit", PAGE_ENTRIES),
					     PP_CTL_TIMEOUT_MS, &result);
		if (status)
			return status;
		if (o->json && !offset)
			printf("{\"name\":\"%s\",\"entries\":[", name);
		json_array_foreach(json_object_get(result, "entries"), i, entry)
		{
			if (o->json)
				print_entry_json(entry, !offset && !i);
			else
				print_entry(entry);
		}
		next = pp_ctl_options_number(result, "next");
		json_decref(result);
	} while (next > offset);
	if (o->json)
		puts("\n]}");
	return PP_EXIT_OK;
}

static int run_list(const struct pp_command *command, int argc, char **argv)
{
	struct pp_ctl_client *client = NULL;
	struct set_options o = {0};
	char **words;
	int status = pp_command_parse(command, argc, argv, &o, &words);

	if (status != PP_PARSED)
		return status;
	status = pp_ctl_options_open(&o.ctl, argv[0], &client);
	if (!status)
		status = words[0] ? print_entries(&o, client, words[0]) : list_sets(&o, client);
	pp_ctl_client_close(client);
	return status;
}

static const struct pp_option add_options[] = {
	{.name = "ttl",
	 .letter = 't',
	 .arg = "TIME",
	 .help = "let the entries go by themselves after this time: 30s, 10m, 24h",
	 .read = pp_option_duration,
	 .offset = offsetof(struct set_options, ttl_ns)},
	PP_CTL_OPTIONS,
	{0}};

static const struct pp_option list_options[] = {{.name = "json",
						 .letter = 'j',
						 .help = "for programs: one JSON document",
						 .read = pp_option_flag,
						 .offset = offsetof(struct set_options, json)},
						PP_CTL_OPTIONS,
						{0}};

static const struct pp_argument add_arguments[] = {
	{.name = "NAME"}, {.name = "ENTRY", .many = true}, {0}};
static const struct pp_argument del_arguments[] = {
	{.name = "NAME"}, {.name = "ENTRY", .optional = true, .many = true}, {0}};
static const struct pp_argument list_arguments[] = {{.name = "NAME", .optional = true}, {0}};
static const struct pp_argument load_arguments[] = {
	{.name = "NAME"}, {.name = "FILE", .complete = PP_COMPLETE_FILE}, {0}};

static const struct pp_command add = {
	.name = "add",
	.summary = "put addresses and prefixes into a set",
	.synopsis = "[--ttl TIME] " PP_CTL_SYNOPSIS " NAME ENTRY...",
	.description = "Put addresses and prefixes, IPv4 and IPv6, into a set; the set is made if "
		       "it is not there. An entry that is there already gets the new ttl.",
	.options = add_options,
	.arguments = add_arguments,
	.exit_status = PP_CTL_EXIT_STATUS,
	.examples = "push-packet set add bad 192.0.2.7 198.51.100.0/24 2001:db8::/32 --ttl 1h",
	.run = run_add,
};

static const struct pp_command del = {
	.name = "del",
	.summary = "take entries out of a set, or delete the set",
	.synopsis = PP_CTL_SYNOPSIS " NAME [ENTRY...]",
	.description = "Take entries out of a set, all of those named or, if one is not there, "
		       "none. Without entries delete the set itself, which no rule may name.",
	.options = pp_ctl_options_only,
	.arguments = del_arguments,
	.exit_status = PP_CTL_EXIT_STATUS,
	.examples = "push-packet set del bad 192.0.2.7\npush-packet set del bad",
	.run = run_del,
};

static const struct pp_command list = {
	.name = "list",
	.summary = "show the sets, or the entries of one",
	.synopsis = "[--json] " PP_CTL_SYNOPSIS " [NAME]",
	.description =
		"Show the sets: how many entries, how many rules name them, whether they are "
		"protected. With NAME, show the entries of that set, one a line, with the "
		"ttl that is left: as in a file that 'set load' reads.",
	.options = list_options,
	.arguments = list_arguments,
	.exit_status = PP_CTL_EXIT_STATUS,
	.examples = "push-packet set list\npush-packet set list bad --json",
	.run = run_list,
};

static const struct pp_command load = {
	.name = "load",
	.summary = "make a set what a file says",
	.synopsis = PP_CTL_SYNOPSIS " NAME FILE",
	.description =
		"Make the entries of a set those of a file, in one step; the set is made if it is "
		"not there. The file has addresses and prefixes between blanks, commas or line "
		"ends, each with a ttl if need be ('192.0.2.7 ttl 10m'); '#' begins a comment. The "
		"daemon reads it, so the daemon's user must be allowed to.",
	.options = pp_ctl_options_only,
	.arguments = load_arguments,
	.exit_status = PP_CTL_EXIT_STATUS,
	.examples = "push-packet set load bad /var/lib/blocklist.txt",
	.run = run_load,
};

static const struct pp_command *const commands[] = {&add, &del, &list, &load, NULL};

const struct pp_command pp_command_set = {
	.name = "set",
	.summary = "change and list the sets of addresses that rules name",
	.synopsis = "add|del|list|load ...",
	.description =
		"Change and show the sets of a running push-packet. A rule names a set by 'src "
		"@NAME' or 'dst @NAME'. Each command is one transaction.",
	.exit_status = PP_CTL_EXIT_STATUS,
	.examples = "push-packet set load bad /var/lib/blocklist.txt\n"
		    "push-packet rule add 'drop src @bad'",
	.sub = commands,
};
