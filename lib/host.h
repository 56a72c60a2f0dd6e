/* SPDX-License-Identifier: Apache-2.0 */
/* host.h - what runs filters: chains, pumps, children; bin/ and lib/ only */
#ifndef AIGW_HOST_H
#define AIGW_HOST_H

#include "aigw.h"

/* Envelopes, the host's side ------------------------------------------- */

#define AIGW_LINE_MAX (16 * 1024 * 1024) /* default of --max-line, in bytes */
#define AIGW_ID_MAX 256			 /* bytes in an id */

/*
 * Read one line (without its line end): a JSON object with a string `id` and,
 * unless it is an event, "aigw":1. Takes nothing; the text is copied. NULL with
 * class AIGW_E_BAD_REQUEST and where in the line.
 */
struct aigw_env *aigw_env_parse(const char *line, size_t len,
				struct aigw_err *err) AIGW_MUST_CHECK;
/* {"aigw":1,"id":ID}; a fresh UUIDv7 when id is NULL. */
struct aigw_env *aigw_env_new(const char *id, size_t len) AIGW_MUST_CHECK;
/* Append the line and "\n". */
int aigw_env_write(const struct aigw_env *env, struct aigw_buf *out,
		   struct aigw_err *err) AIGW_MUST_CHECK;
/* The bytes it holds, for bounds. */
size_t aigw_env_size(const struct aigw_env *env);

/* Chains ---------------------------------------------------------------- */

struct aigw_chain;

/* Gets every envelope that left the last stage; takes it. */
typedef void (*aigw_sink_fn)(void *arg, struct aigw_env *env);
/* Called when aigw_chain_push() said full and there is room again. */
typedef void (*aigw_room_fn)(void *arg);

struct aigw_chain *aigw_chain_new(struct uv_loop_s *loop,
				  const struct aigw_log *log) AIGW_MUST_CHECK;
/* Where envelopes go; before the first push. */
void aigw_chain_sink(struct aigw_chain *chain, aigw_sink_fn sink,
		     aigw_room_fn room, void *arg);

/*
 * Add a stage at the end. The chain makes the instance (f->size bytes, options
 * from `conf` and then from `flags`, "name=value" strings, may be NULL) and
 * owns it. `name` is copied.
 */
int aigw_chain_add(struct aigw_chain *chain, const struct aigw_filter *f,
		   const char *name, const struct aigw_conf *conf,
		   const struct aigw_list *flags,
		   struct aigw_err *err) AIGW_MUST_CHECK;
/* The same for an instance whose options are filled already; takes it (made
 * with malloc; released with aigw_opts_release() and free). */
int aigw_chain_take(struct aigw_chain *chain, const struct aigw_filter *f,
		    const char *name, void *self,
		    struct aigw_err *err) AIGW_MUST_CHECK;
/* open() of every stage, in order. */
int aigw_chain_open(struct aigw_chain *chain,
		    struct aigw_err *err) AIGW_MUST_CHECK;

/* Takes env. False: full, wait for room(); it was taken all the same. */
bool aigw_chain_push(struct aigw_chain *chain, struct aigw_env *env);
/* The sink cannot take more (or can again): emit() and push() say full. */
void aigw_chain_hold(struct aigw_chain *chain, bool full);
size_t aigw_chain_pending(const struct aigw_chain *chain);
/* The worst code of envelopes and stages so far. */
enum aigw_exit aigw_chain_exit(const struct aigw_chain *chain);
/* No more input: children see end of file; pending ones still come out. */
void aigw_chain_end(struct aigw_chain *chain);
/* Has every stage ended? The sink was called for all that came out. */
bool aigw_chain_ended(const struct aigw_chain *chain);
void aigw_chain_free(struct aigw_chain *chain);

/* Children --------------------------------------------------------------- */

/*
 * The filter that hands envelopes to a program and back: `exec` (argv, no
 * shell), `deadline` for one envelope, `queue` in bytes. A piped filter and a
 * foreign program are the same thing to a chain.
 */
extern const struct aigw_filter aigw_filter_exec;

/* Pumps ------------------------------------------------------------------ */

struct aigw_pump_opts {
	int64_t max_line; /* bytes; a longer line is refused, not kept */
	int64_t window;	  /* envelopes in flight */
	bool keep_order;  /* -k: out in the order of the way in */
};

/*
 * Lines from `in` through the chain to `out` until the input ends and all is
 * answered. SIGINT and SIGTERM stop reading and let what is under way finish; a
 * second one ends at once. Returns the exit code; `*signum` is the signal the
 * caller should die of when it has cleaned up (SIGPIPE when the reader went
 * away), or 0. The descriptors' flags stay as they are for those who share
 * them. Ignore SIGPIPE first.
 */
int aigw_pump(struct aigw_chain *chain, struct uv_loop_s *loop, int in, int out,
	      const struct aigw_pump_opts *opts, const struct aigw_log *log,
	      int *signum);

/* Programs --------------------------------------------------------------- */

/* The options that every program has which runs a chain. */
struct aigw_common {
	struct aigw_pump_opts pump;
	char *config;
	bool help, version, verbose, quiet;
};
extern const struct aigw_opt aigw_common_opts[];

/*
 * The first thing in main(): standard descriptors that are open, SIGPIPE
 * ignored, no core dumps, nothing inherited by children that was not meant to
 * be. Returns 0, or an exit code when standard input or output is closed.
 */
int aigw_program_init(const struct aigw_log *log);

/*
 * Readiness (aigw-filters(7)): take the descriptor that AIGW_READY_FD names out
 * of the environment, or -1. Call it before anything is opened: a number that
 * nobody opened for us may soon be a descriptor of our own.
 */
int aigw_ready_take(void);
void aigw_ready_say(int fd); /* once; -1 is fine */

/* Was all that went to stdout written? An exit code, and why. */
int aigw_program_said(struct aigw_err *err);

/* Load the configuration that -c or the environment names; *root stays NULL
 * when there is none. Checks its version. The caller frees it. */
int aigw_config_open(const char *flag, struct aigw_conf **root,
		     struct aigw_err *err) AIGW_MUST_CHECK;

/* Pump a chain between stdin and stdout, then free it and close the loop; dies
 * of the signal that ended it, or returns the exit code. */
int aigw_program_pump(struct aigw_chain *chain, struct uv_loop_s *loop,
		      const struct aigw_common *common,
		      const struct aigw_log *log);

/* main() of every aigw-<name>. */
int aigw_filter_main(const struct aigw_filter *f, int argc, char **argv);

/* The linked filters, from filters.def; ends with NULL. */
extern const struct aigw_filter *const aigw_filters[];

#endif
