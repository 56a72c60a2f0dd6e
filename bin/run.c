/* SPDX-License-Identifier: Apache-2.0 */
/* run.c - aigw-run: a whole chain between stdin and stdout */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "core/chainfile.h"
#include "host.h"

#define PROGRAM "aigw-run"

struct run {
	bool linked, piped;
	int ready; /* descriptor to say so on, or -1 */
};

static const struct aigw_opt run_opts[] = {
	{ "linked", 0, AIGW_OPT_FLAG, offsetof(struct run, linked), "false",
	  .help = "run every filter in this process" },
	{ "piped", 0, AIGW_OPT_FLAG, offsetof(struct run, piped), "false",
	  .help = "run every filter as a process of its own" },
	{ 0 }
};

static void show_help(void)
{
	printf(PROGRAM
	       " - run a chain of filters between stdin and stdout\n\n"
	       "Examples:\n"
	       "  $ aigw prompt -m fast notes/*.txt | aigw run | aigw text\n"
	       "  $ aigw run -c aigw.yaml --piped <envelopes >answers\n\n"
	       "Usage: aigw run [OPTION]... <ENVELOPES >ENVELOPES\n\n"
	       "Options:\n");
	aigw_opts_help(run_opts, stdout);
	aigw_opts_help(aigw_common_opts, stdout);
	printf("\nSee aigw-run(1), aigw.yaml(5), aigw-filters(7).\n");
}

/* Defaults, then the section `run` of the configuration, then the flags. */
static int load(struct run *run, struct aigw_common *common,
		const struct aigw_conf *section, int argc, char **argv,
		struct aigw_err *err)
{
	int operands;

	aigw_opts_release(aigw_common_opts, common);
	if (aigw_opts_defaults(run_opts, run, err) ||
	    aigw_opts_defaults(aigw_common_opts, common, err) ||
	    aigw_opts_conf(aigw_common_opts, common, section, NULL, err) ||
	    aigw_opts_argv(run_opts, run, aigw_common_opts, common, argc, argv,
			   &operands, NULL, err))
		return -1;
	if (operands)
		return aigw_fail(err, "%s: no operands are taken", argv[1]);
	if (run->linked && run->piped)
		return aigw_fail(err, "--linked and --piped exclude each "
				      "other");
	return 0;
}

static int add_stage(struct aigw_chain *chain, const struct aigw_chainfile *cf,
		     struct aigw_stage_conf *sc, const struct run *run,
		     struct aigw_err *err)
{
	void *self;

	if (sc->filter && (run->linked || run->piped))
		sc->body = run->linked ? AIGW_BODY_LINKED : AIGW_BODY_PIPED;
	if (sc->body == AIGW_BODY_LINKED)
		self = aigw_stage_conf_fill(sc, NULL, err);
	else
		self = aigw_stage_conf_child(cf, sc, &aigw_filter_exec, err);
	if (!self)
		return -1;
	return aigw_chain_take(chain,
			       sc->body == AIGW_BODY_LINKED ? sc->filter :
							      &aigw_filter_exec,
			       sc->name, self, err);
}

static int run_chain(const struct aigw_chainfile *cf, const struct run *run,
		     const struct aigw_common *common,
		     const struct aigw_log *log, struct aigw_err *err)
{
	struct aigw_chain *chain;
	uv_loop_t loop;
	size_t i;

	if (uv_loop_init(&loop)) {
		aigw_fail(err, "no event loop: too few descriptors");
		return AIGW_EXIT_SOFTWARE;
	}
	chain = aigw_chain_new(&loop, log);
	if (!chain)
		return AIGW_EXIT_SOFTWARE;
	for (i = 0; i < cf->n; i++)
		if (add_stage(chain, cf, &cf->stages[i], run, err))
			break;
	if (i == cf->n && !aigw_chain_open(chain, err)) {
		aigw_ready_say(run->ready);
		return aigw_program_pump(chain, &loop, common, log);
	}
	aigw_chain_free(chain);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	return AIGW_EXIT_CONFIG;
}

static int run_with(struct aigw_chainfile *cf, struct run *run,
		    struct aigw_common *common, struct aigw_log *log, int argc,
		    char **argv, struct aigw_err *err)
{
	if (load(run, common, aigw_conf_get(cf->conf, "run"), argc, argv, err))
		return AIGW_EXIT_CONFIG;
	if (common->verbose) {
		log->level = AIGW_INFO;
		cf->log_flag = "-v";
	}
	if (common->quiet) {
		log->level = AIGW_ERR;
		cf->log_flag = "-q";
	}
	if (isatty(STDIN_FILENO)) {
		aigw_fail(err, "expected envelopes on standard input, not a "
			       "terminal; try --help");
		return AIGW_EXIT_USAGE;
	}
	return run_chain(cf, run, common, log, err);
}

int main(int argc, char **argv)
{
	struct aigw_log log = { stderr, PROGRAM, AIGW_WARNING };
	struct aigw_common common = { 0 };
	struct aigw_err err = { 0 };
	struct aigw_chainfile cf;
	struct run run = { .ready = aigw_ready_take() };
	int code;

	code = aigw_program_init(&log);
	if (code)
		return code;
	if (load(&run, &common, NULL, argc, argv, &err)) {
		code = AIGW_EXIT_USAGE;
	} else if (common.help) {
		show_help();
		code = aigw_program_said(&err);
	} else if (common.version) {
		printf(PROGRAM " %s\n", AIGW_VERSION);
		code = aigw_program_said(&err);
	} else if (aigw_chainfile_load(&cf, common.config, aigw_filters,
				       &err)) {
		code = AIGW_EXIT_CONFIG;
	} else {
		code = run_with(&cf, &run, &common, &log, argc, argv, &err);
		aigw_chainfile_release(&cf);
	}
	if (code && err.text[0])
		aigw_log(&log, AIGW_ERR, "%s", err.text);
	aigw_opts_release(aigw_common_opts, &common);
	return code;
}
