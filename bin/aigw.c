/* SPDX-License-Identifier: Apache-2.0 */
/* aigw.c - `aigw NAME` runs aigw-NAME */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/find.h"
#include "core/log.h"
#include "core/opt.h"

#define FOUND_MAX 64 /* programs of others that are named */

struct command {
	const char *name, *summary; /* without a name: a heading */
};

static const struct command commands[] = {
	{NULL, "The ends of a pipe"},
	{"prompt", "turn prompts into envelopes"},
	{"text", "print the answers of envelopes"},
	{NULL, "Filters"},
	{"auth", "say who asks, and refuse who may not"},
	{"mask",
	 "hide personal data and secrets in prompts, restore them in answers"},
	{"route", "decide which provider and model a request goes to"},
	{"count", "count tokens and money, before and after the send"},
	{"send", "ask the model that the plan names"},
	{"echo", "pass envelopes on: the filter to copy for a new one"},
	{NULL, "Chains of filters"},
	{"run", "run a chain of filters between standard input and output"},
	{"list", "show the filters, the chain and what its processes hold"},
	{"explain", "show every option in effect and where it was set"},
	{"check-stage", "test whether a program is a good filter"},
	{NULL, "Tools"},
	{"keys", "make, list, revoke and rotate API keys"},
	{"tokens", "count the tokens of texts and chat requests"},
};
#define COMMANDS (sizeof(commands) / sizeof(*commands))

/* Programs that no row above names: anybody may add an aigw-NAME. */
struct found {
	char names[FOUND_MAX][64];
	size_t n;
};

static bool is_known(const struct found *found, const char *name)
{
	size_t i;

	for (i = 0; i < COMMANDS; i++) {
		if (commands[i].name && strcmp(commands[i].name, name) == 0)
			return true;
	}
	for (i = 0; i < found->n; i++) {
		if (strcmp(found->names[i], name) == 0)
			return true;
	}
	return false;
}

static int note(void *arg, const char *program)
{
	const char *name = program + strlen("aigw-");
	struct found *found = arg;

	if (strlen(name) >= sizeof(found->names[0]) || is_known(found, name))
		return 0;
	strcpy(found->names[found->n++], name);
	return found->n == FOUND_MAX;
}

static void show_help(void)
{
	struct found found = {.n = 0};
	size_t i;

	fputs("aigw - an AI gateway made of Unix filters\n\n"
	      "Examples:\n"
	      "  $ aigw prompt -e 'Say hello' | aigw run | aigw text\n"
	      "  $ aigw prompt *.txt | aigw auth | aigw mask | aigw route "
	      "|\n"
	      "        aigw count | aigw send | aigw count | aigw mask | "
	      "aigw text\n"
	      "  $ aigw explain mask\n\n"
	      "Usage: aigw COMMAND [ARGUMENT]...\n",
	      stdout);
	for (i = 0; i < COMMANDS; i++) {
		if (commands[i].name)
			printf("  %-12s%s\n", commands[i].name,
			       commands[i].summary);
		else
			printf("\n%s:\n", commands[i].summary);
	}
	aigw_programs_each(note, &found);
	if (found.n > 0)
		puts("\nAlso found:");
	for (i = 0; i < found.n; i++)
		printf("  %s\n", found.names[i]);
	puts("\nSee aigw COMMAND --help, aigw-COMMAND(1), aigw-filters(7).");
}

static int finish(const struct aigw_log *log)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return AIGW_EXIT_OK;
	aigw_log(log, AIGW_ERR, "standard output: %s", strerror(errno));
	return AIGW_EXIT_IO;
}

static int fail_unknown(const struct aigw_log *log, const char *name)
{
	const char *words[COMMANDS + FOUND_MAX + 1];
	struct found found = {.n = 0};
	char hint[AIGW_HINT_MAX];
	size_t n = 0, i;

	if (is_known(&found, name)) {
		aigw_log(log, AIGW_ERR, "aigw-%s is not installed", name);
		return AIGW_EXIT_UNAVAILABLE;
	}
	aigw_programs_each(note, &found);
	for (i = 0; i < COMMANDS; i++) {
		if (commands[i].name)
			words[n++] = commands[i].name;
	}
	for (i = 0; i < found.n; i++)
		words[n++] = found.names[i];
	words[n] = NULL;
	aigw_hint(name, words, hint);
	aigw_log(log, AIGW_ERR, "no command \"%.64s\"%s%s", name, hint,
		 *hint ? "" : "; try aigw --help");
	return AIGW_EXIT_USAGE;
}

/* Comes back only when the program could not be started. */
static int run(const struct aigw_log *log, char **argv)
{
	char name[80], path[AIGW_PATH_MAX];
	int n = snprintf(name, sizeof(name), "aigw-%s", argv[0]);

	if (n < 0 || (size_t)n >= sizeof(name) || !argv[0][0] ||
	    aigw_program_find(name, path, NULL) < 0)
		return fail_unknown(log, argv[0]);
	argv[0] = name;
	execv(path, argv);
	aigw_log(log, AIGW_ERR, "%s: %s", path, strerror(errno));
	return AIGW_EXIT_UNAVAILABLE;
}

int main(int argc, char **argv)
{
	const struct aigw_log log = {stderr, "aigw", AIGW_WARNING};
	const char *word = argc > 1 ? argv[1] : "--help";
	char *ask[] = {argc > 2 ? argv[2] : NULL, "--help", NULL};

	if (strcmp(word, "help") == 0 && argc > 2)
		return run(&log, ask);
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
	    strcmp(word, "help") == 0) {
		show_help();
		return finish(&log);
	}
	if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
		printf("aigw %s\n", AIGW_VERSION);
		return finish(&log);
	}
	if (word[0] != '-')
		return run(&log, argv + 1);
	aigw_log(&log, AIGW_ERR, "%.64s: no such option; try aigw --help",
		 word);
	return AIGW_EXIT_USAGE;
}
