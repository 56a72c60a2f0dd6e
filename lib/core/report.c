/* SPDX-License-Identifier: Apache-2.0 */
/* report.c - programs that read the configuration and print a page about it */
#include "core/report.h"

#include <errno.h>
#include <string.h>

struct flags {
	char *config;
	bool json, help, version;
};

#define AT(field) .offset = offsetof(struct flags, field)
static const struct aigw_opt flag_opts[] = {
	{.name = "config",
	 .letter = 'c',
	 .type = AIGW_OPT_PATH,
	 AT(config),
	 .arg = "FILE",
	 .help = "configuration, see aigw.yaml(5)"},
	{.name = "json",
	 .type = AIGW_OPT_FLAG,
	 AT(json),
	 .help = "print one JSON object"},
	{.name = "help",
	 .letter = 'h',
	 .type = AIGW_OPT_FLAG,
	 AT(help),
	 .help = "show this help"},
	{.name = "version",
	 .letter = 'V',
	 .type = AIGW_OPT_FLAG,
	 AT(version),
	 .help = "show the version"},
	{.type = AIGW_OPT_END},
};

static void show_help(const struct aigw_report *r)
{
	printf("%s - %s\n\nExamples:\n%s\nUsage: %s [OPTION]...%s\n\n"
	       "Options:\n",
	       r->program, r->summary, r->examples, r->program, r->usage);
	aigw_opts_help(flag_opts, stdout);
	printf("\nSee %s(1), aigw.yaml(5).\n", r->program);
}

static int print_page(const struct aigw_report *r, const struct flags *flags,
		      const struct aigw_filter *const *filters,
		      const struct aigw_list *words, struct aigw_err *err)
{
	struct aigw_chainfile cf;
	struct aigw_buf out;
	int code;

	if (aigw_chainfile_load(&cf, flags->config, filters, err) < 0)
		return AIGW_EXIT_CONFIG;
	aigw_buf_init(&out, AIGW_REPORT_MAX);
	code = r->print(&cf, flags->json, words, &out, err);
	if (code == 0)
		fwrite(out.data, 1, out.len, stdout);
	aigw_buf_release(&out);
	aigw_chainfile_release(&cf);
	return code;
}

static int run(const struct aigw_report *r, struct flags *flags,
	       const struct aigw_filter *const *filters, int argc, char **argv,
	       struct aigw_err *err)
{
	struct aigw_list words = {.v = argv + 1};
	int operands, code = 0;

	if (aigw_opts_argv(flag_opts, flags, NULL, NULL, argc, argv, &operands,
			   NULL, err) < 0)
		return AIGW_EXIT_USAGE;
	words.n = operands;
	if (flags->help)
		show_help(r);
	else if (flags->version)
		printf("%s %s\n", r->program, AIGW_VERSION);
	else
		code = print_page(r, flags, filters, &words, err);
	if (code == 0 && (fflush(stdout) != 0 || ferror(stdout))) {
		aigw_fail(err, "standard output: %s", strerror(errno));
		code = AIGW_EXIT_IO;
	}
	return code;
}

int aigw_report_main(const struct aigw_report *report,
		     const struct aigw_filter *const *filters, int argc,
		     char **argv)
{
	struct aigw_log log = {stderr, report->program, AIGW_WARNING};
	struct flags flags = {.config = NULL};
	struct aigw_err err = {.text = ""};
	int code = run(report, &flags, filters, argc, argv, &err);

	if (code != 0)
		aigw_log(&log, AIGW_ERR, "%s", err.text);
	aigw_opts_release(flag_opts, &flags);
	return code;
}

void aigw_report_stage(struct aigw_json *w, const struct aigw_stage_conf *sc)
{
	size_t i;

	aigw_json_object(w);
	aigw_json_key(w, "name");
	aigw_json_str(w, sc->name);
	aigw_json_key(w, "filter");
	aigw_json_str(w, sc->filter ? sc->filter->name : NULL);
	aigw_json_key(w, "body");
	aigw_json_str(w, aigw_body_name(sc->body));
	aigw_json_key(w, "at");
	aigw_json_str(w, aigw_conf_where(sc->node));
	if (!sc->filter) {
		aigw_json_key(w, "exec");
		aigw_json_array(w);
		for (i = 0; i < sc->exec.n; i++)
			aigw_json_str(w, sc->exec.v[i]);
		aigw_json_close(w);
	}
}
