// SPDX-License-Identifier: MIT OR Apache-2.0
#include <string.h>

#include "command.h"

// Call print() for every command below command; a command's path begins with a blank.
static void for_each(const struct pp_command *command,
		     const char *path,
		     void (*print)(const struct pp_command *, const char *, FILE *),
		     FILE *out)
{
	char longer[128];

	for (const struct pp_command *const *sub = command->sub; sub && *sub; sub++) {
		snprintf(longer, sizeof(longer), "%s %s", path, (*sub)->name);
		print(*sub, longer, out);
		for_each(*sub, longer, print, out);
	}
}

static void print_kind(FILE *out, enum pp_complete complete, const char *words)
{
	switch (complete) {
	case PP_COMPLETE_NONE:
		fputs(" kind=none ;;\n", out);
		break;
	case PP_COMPLETE_FILE:
		fputs(" kind=file ;;\n", out);
		break;
	case PP_COMPLETE_IFACE:
		fputs(" kind=iface ;;\n", out);
		break;
	case PP_COMPLETE_COMMAND:
		fputs(" kind=command ;;\n", out);
		break;
	case PP_COMPLETE_WORDS:
		fprintf(out, " kind='words %s' ;;\n", words);
		break;
	}
}

static void print_path(const struct pp_command *command, const char *path, FILE *out)
{
	(void)command;
	fprintf(out, "\t'%s') return 0 ;;\n", path);
}

// An argument that may be left out is not waited for: the next word may be an option as well.
static void print_arguments(const struct pp_command *command, const char *path, FILE *out)
{
	for (const struct pp_option *o = command->options; o && o->name; o++) {
		if (!o->arg || o->optional)
			continue;
		if (o->letter)
			fprintf(out, "\t'%s -%c' |", path, o->letter);
		fprintf(out, "%s'%s --%s')", o->letter ? " " : "\t", path, o->name);
		print_kind(out, o->complete, o->words);
	}
}

static void print_words(const struct pp_command *command, const char *path, FILE *out)
{
	uint32_t i = 0;

	for (const struct pp_argument *a = command->arguments; a && a->name; a++, i++) {
		if (a->complete == PP_COMPLETE_NONE)
			continue;
		if (a->many)
			fprintf(out, "\t'%s '*)", path);
		else
			fprintf(out, "\t'%s %u')", path, i);
		print_kind(out, a->complete, a->words);
	}
	if (!command->sub)
		return;
	fprintf(out, "\t'%s 0') kind='words", path);
	for (const struct pp_command *const *sub = command->sub; *sub; sub++)
		fprintf(out, " %s", (*sub)->name);
	fputs("' ;;\n", out);
}

static void print_options(const struct pp_command *command, const char *path, FILE *out)
{
	fprintf(out, "\t'%s') words='", path);
	for (const struct pp_option *o = command->options; o && o->name; o++) {
		if (o->letter)
			fprintf(out, "-%c ", o->letter);
		fprintf(out, "--%s ", o->name);
	}
	fprintf(out, "-h --help%s' ;;\n", command == &pp_program ? " -V --version" : "");
}

static void print_function(FILE *out,
			   const char *name,
			   const char *of,
			   const struct pp_command *program,
			   void (*print)(const struct pp_command *, const char *, FILE *))
{
	fprintf(out, "%s()\n{\n\tcase %s in\n", name, of);
	if (print != print_path)
		print(program, "", out);
	for_each(program, "", print, out);
	fputs(print == print_path ? "\t*) return 1 ;;\n\tesac\n}\n\n" : "\tesac\n}\n\n", out);
}

static const char main_function[] =
	"_push_packet()\n"
	"{\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"\tlocal path= kind= words= i=1 word=0\n"
	"\tCOMPREPLY=()\n"
	"\t# Bash makes --option=value three words.\n"
	"\tif [[ $cur == = ]]; then\n"
	"\t\tcur=\n"
	"\telif [[ $prev == = && $COMP_CWORD -gt 2 ]]; then\n"
	"\t\tprev=${COMP_WORDS[COMP_CWORD - 2]}\n"
	"\tfi\n"
	"\twhile ((i < COMP_CWORD)) && _push_packet_path \"$path ${COMP_WORDS[i]}\"; do\n"
	"\t\tpath+=\" ${COMP_WORDS[i++]}\"\n"
	"\tdone\n"
	"\t# Words before this one that are neither options nor their arguments.\n"
	"\tfor (( ; i < COMP_CWORD; i++)); do\n"
	"\t\tkind=\n"
	"\t\t_push_packet_argument \"$path\" \"${COMP_WORDS[i - 1]}\"\n"
	"\t\t[[ ${COMP_WORDS[i]} == [-=]* || ${COMP_WORDS[i - 1]} == = || -n $kind ]] ||\n"
	"\t\t\tword=$((word + 1))\n"
	"\tdone\n"
	"\tkind=\n"
	"\t_push_packet_argument \"$path\" \"$prev\"\n"
	"\t[[ -n $kind || $cur == -* ]] || _push_packet_word \"$path\" $word\n"
	"\tcase $kind in\n"
	"\tnone) ;;\n"
	"\tfile)\n"
	"\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
	"\t\tcompopt -o filenames 2>/dev/null || :\n"
	"\t\treturn\n"
	"\t\t;;\n"
	"\tiface) words=$(cd /sys/class/net && echo *) ;;\n"
	"\tcommand)\n"
	"\t\tkind= path=\n"
	"\t\t((COMP_CWORD < 3)) || path=$(printf ' %s' \"${COMP_WORDS[@]:2:COMP_CWORD - 2}\")\n"
	"\t\t_push_packet_word \"$path\" 0\n"
	"\t\twords=${kind#words}\n"
	"\t\t;;\n"
	"\twords*) words=${kind#words} ;;\n"
	"\t*) _push_packet_options \"$path\" ;;\n"
	"\tesac\n"
	"\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	"}\n"
	"\n"
	"complete -F _push_packet push-packet\n";

void pp_command_print_bash(const struct pp_command *program, FILE *out)
{
	fputs("# push-packet: completion for bash, made by 'push-packet help --bash'.\n\n", out);
	print_function(out, "_push_packet_path", "$1", program, print_path);
	print_function(out, "_push_packet_argument", "\"$1 $2\"", program, print_arguments);
	print_function(out, "_push_packet_word", "\"$1 $2\"", program, print_words);
	print_function(out, "_push_packet_options", "$1", program, print_options);
	fputs(main_function, out);
}
