/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - main() of every filter, and what programs that run chains share */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <uv.h>

#include "core/find.h"
#include "host.h"

#define WINDOW_MAX (1 << 20)

/* LeakSanitizer reads the process as a debugger does. */
#if defined(__SANITIZE_ADDRESS__)
#define DUMPABLE 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define DUMPABLE 1
#endif
#endif

const struct aigw_opt aigw_common_opts[] = {
	{ "config", 'c', AIGW_OPT_PATH, offsetof(struct aigw_common, config),
	  .arg = "FILE", .help = "configuration, see aigw.yaml(5)" },
	{ "keep-order", 'k', AIGW_OPT_FLAG,
	  offsetof(struct aigw_common, pump.keep_order), "false",
	  .help = "write answers in the order of the input" },
	{ "window", 0, AIGW_OPT_INT, offsetof(struct aigw_common, pump.window),
	  "256", "N", "envelopes in flight at most", .min = 1,
	  .max = WINDOW_MAX },
	{ "max-line", 0, AIGW_OPT_SIZE,
	  offsetof(struct aigw_common, pump.max_line), "16M", "SIZE",
	  "refuse longer lines", .min = 1024, .max = 16LL * AIGW_LINE_MAX },
	{ "verbose", 'v', AIGW_OPT_FLAG, offsetof(struct aigw_common, verbose),
	  "false", .help = "say more on stderr" },
	{ "quiet", 'q', AIGW_OPT_FLAG, offsetof(struct aigw_common, quiet),
	  "false", .help = "say only errors on stderr" },
	{ "help", 'h', AIGW_OPT_FLAG, offsetof(struct aigw_common, help),
	  "false", .help = "show this help" },
	{ "version", 'V', AIGW_OPT_FLAG, offsetof(struct aigw_common, version),
	  "false", .help = "show the version" },
	{ 0 }
};

int aigw_program_init(const struct aigw_log *log)
{
	struct rlimit none = { 0, 0 };
	int fd;

	for (fd = 0; fd <= 1; fd++) {
		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		aigw_log(log, AIGW_ERR, "standard %s is closed",
			 fd ? "output" : "input");
		return AIGW_EXIT_IO;
	}
	if (fcntl(STDERR_FILENO, F_GETFD) < 0)
		(void)!open("/dev/null", O_WRONLY); /* it becomes 2 */
	signal(SIGPIPE, SIG_IGN);
#ifndef DUMPABLE
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
	setrlimit(RLIMIT_CORE, &none);
	return 0;
}

int aigw_ready_take(void)
{
	const char *s = getenv("AIGW_READY_FD");
	int fd = s ? atoi(s) : -1;

	unsetenv("AIGW_READY_FD");
	return fd > STDERR_FILENO && fcntl(fd, F_GETFD) >= 0 ? fd : -1;
}

void aigw_ready_say(int fd)
{
	if (fd < 0)
		return;
	(void)!write(fd, "ready\n", 6);
	close(fd);
}

/*
 * A key nobody reads is an error: a budget under "cuont" would be none. The
 * names of the sections, without the filters themselves.
 */
static int check_sections(const struct aigw_conf *root, struct aigw_err *err)
{
	static const char *const names[] = {
		"aigw", "chain", "run",
#define FILTER(name) #name,
#include "../../filters/filters.def"
#undef FILTER
		NULL
	};
	const char *key, *const *name;
	char hint[AIGW_HINT_MAX];
	size_t i;

	for (i = 0; i < aigw_conf_len(root); i++) {
		key = aigw_conf_key(aigw_conf_at(root, i));
		for (name = names; *name && strcmp(*name, key); name++)
			;
		if (*name)
			continue;
		aigw_hint(key, names, hint);
		return aigw_fail(err, "%s: no section \"%.64s\"%s",
				 aigw_conf_key_where(aigw_conf_at(root, i)),
				 key, hint);
	}
	return 0;
}

int aigw_config_open(const char *flag, struct aigw_conf **root,
		     struct aigw_err *err)
{
	enum aigw_config_rule rule;
	char path[AIGW_PATH_MAX];
	const struct aigw_conf *version;

	*root = NULL;
	if (aigw_config_find(flag, path, &rule, err))
		return -1;
	if (rule == AIGW_CONFIG_NONE)
		return 0;
	*root = aigw_conf_load(path, err);
	if (!*root)
		return -1;
	if (aigw_conf_null(*root)) /* an empty file, or /dev/null: nothing */
		return 0;
	version = aigw_conf_get(*root, "aigw");
	if (!aigw_conf_str(version) || strcmp(aigw_conf_str(version), "1"))
		aigw_conf_fail(version ? version : *root, err,
			       "expected \"aigw: 1\", the version of this "
			       "format");
	else if (!check_sections(*root, err))
		return 0;
	aigw_conf_free(*root);
	*root = NULL;
	return -1;
}

int aigw_program_pump(struct aigw_chain *chain, uv_loop_t *loop,
		      const struct aigw_common *common,
		      const struct aigw_log *log)
{
	int signum, code;

	code = aigw_pump(chain, loop, STDIN_FILENO, STDOUT_FILENO,
			 &common->pump, log, &signum);
	aigw_chain_free(chain);
	uv_run(loop, UV_RUN_DEFAULT);
	uv_loop_close(loop);
	if (signum) {
		signal(signum, SIG_DFL);
		raise(signum);
	}
	return code;
}

int aigw_program_said(struct aigw_err *err)
{
	if (!fflush(stdout))
		return 0;
	aigw_fail(err, "standard output: %s", strerror(errno));
	return AIGW_EXIT_IO;
}

/* One filter as a program ------------------------------------------------ */

struct program {
	const struct aigw_filter *f;
	struct aigw_common common;
	struct aigw_log log;
	struct aigw_conf *conf;
	void *self;
	int ready; /* descriptor to say so on, or -1 */
	char name[64];
};

static void show_help(const struct program *p)
{
	printf("%s - %s\n\nExamples:\n%s\n", p->name, p->f->summary,
	       p->f->examples);
	printf("Usage: %s [OPTION]... <ENVELOPES >ENVELOPES\n\nOptions:\n",
	       p->name);
	aigw_opts_help(p->f->opts, stdout);
	printf("\nOptions of every filter:\n");
	aigw_opts_help(aigw_common_opts, stdout);
	printf("\nSee %s(1), aigw-filters(7), aigw-envelope(5).\n", p->name);
}

/* Defaults, then the configuration (if any), then the flags. */
static int load(struct program *p, const struct aigw_conf *section, int argc,
		char **argv, struct aigw_err *err)
{
	int operands;

	if (aigw_opts_defaults(p->f->opts, p->self, err) ||
	    aigw_opts_defaults(aigw_common_opts, &p->common, err) ||
	    aigw_opts_conf(p->f->opts, p->self, section, NULL, err) ||
	    aigw_opts_argv(p->f->opts, p->self, aigw_common_opts, &p->common,
			   argc, argv, &operands, NULL, err))
		return -1;
	if (operands)
		return aigw_fail_as(err, AIGW_E_BAD_REQUEST, "usage",
				    "%s: no operands are taken; the input is "
				    "standard input",
				    argv[1]);
	return 0;
}

static void unload(struct program *p)
{
	if (p->self)
		aigw_opts_release(p->f->opts, p->self);
	aigw_opts_release(aigw_common_opts, &p->common);
	if (p->self)
		memset(p->self, 0, p->f->size);
}

/* The command line names the configuration that lies under it: twice. */
static int load_all(struct program *p, int argc, char **argv,
		    struct aigw_err *err)
{
	const struct aigw_conf *section;

	if (load(p, NULL, argc, argv, err))
		return AIGW_EXIT_USAGE;
	if (p->common.help || p->common.version)
		return 0;
	if (aigw_config_open(p->common.config, &p->conf, err))
		return AIGW_EXIT_CONFIG;
	section = aigw_conf_get(p->conf, p->f->name);
	if (!section)
		return 0;
	unload(p);
	return load(p, section, argc, argv, err) ? AIGW_EXIT_CONFIG : 0;
}

static const struct aigw_mode *chosen_mode(const struct program *p)
{
	const struct aigw_mode *mode;
	const struct aigw_opt *opt;

	for (mode = p->f->modes; mode && mode->flag; mode++)
		for (opt = p->f->opts; opt->type != AIGW_OPT_END; opt++)
			if (!strcmp(opt->name, mode->flag) &&
			    *(const bool *)((char *)p->self + opt->offset))
				return mode;
	return NULL;
}

static int exit_of(const struct aigw_err *err)
{
	switch (err->class) {
	case AIGW_E_PERMISSION:
	case AIGW_E_AUTH:
		return AIGW_EXIT_NOPERM;
	case AIGW_E_NETWORK:
	case AIGW_E_OVERLOADED:
		return AIGW_EXIT_UNAVAILABLE;
	default:
		return AIGW_EXIT_CONFIG;
	}
}

/* A chain of one; its instance becomes the chain's. */
static int run_chain(struct program *p, struct aigw_err *err)
{
	const struct aigw_mode *mode = chosen_mode(p);
	struct aigw_chain *chain;
	void *self = p->self;
	uv_loop_t loop;
	int code;

	if (!mode && isatty(STDIN_FILENO)) {
		aigw_fail(err, "expected envelopes on standard input, not a "
			       "terminal; try --help");
		return AIGW_EXIT_USAGE;
	}
	if (uv_loop_init(&loop)) {
		aigw_fail(err, "no event loop: too few descriptors");
		return AIGW_EXIT_SOFTWARE;
	}
	p->self = NULL;
	chain = aigw_chain_new(&loop, &p->log);
	if (!chain || aigw_chain_take(chain, p->f, p->f->name, self, err))
		return AIGW_EXIT_SOFTWARE;
	if (aigw_chain_open(chain, err)) {
		code = exit_of(err);
	} else if (mode) {
		code = mode->run(self, stdin, stdout, &p->log);
	} else {
		aigw_ready_say(p->ready);
		return aigw_program_pump(chain, &loop, &p->common, &p->log);
	}
	aigw_chain_free(chain);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	return code;
}

int aigw_filter_main(const struct aigw_filter *f, int argc, char **argv)
{
	struct program p = { .f = f, .log = { stderr, NULL, AIGW_WARNING } };
	struct aigw_err err = { 0 };
	int code;

	snprintf(p.name, sizeof(p.name), "aigw-%s", f->name);
	p.log.program = p.name;
	p.ready = aigw_ready_take();
	code = aigw_program_init(&p.log);
	if (code)
		return code;
	p.self = calloc(1, f->size ? f->size : 1);
	if (!p.self)
		return AIGW_EXIT_SOFTWARE;
	code = load_all(&p, argc, argv, &err);
	if (p.common.verbose)
		p.log.level = AIGW_INFO;
	if (p.common.quiet)
		p.log.level = AIGW_ERR;
	if (!code && p.common.help) {
		show_help(&p);
		code = aigw_program_said(&err);
	} else if (!code && p.common.version) {
		printf("%s %s\n", p.name, AIGW_VERSION);
		code = aigw_program_said(&err);
	} else if (!code) {
		code = run_chain(&p, &err);
	}
	if (err.text[0] && code)
		aigw_log(&p.log, AIGW_ERR, "%s", err.text);
	if (p.self)
		aigw_opts_release(f->opts, p.self);
	free(p.self);
	aigw_opts_release(aigw_common_opts, &p.common);
	aigw_conf_free(p.conf);
	return code;
}
