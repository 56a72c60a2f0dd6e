/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aigw.h - the contract between a filter and whatever runs it
 *
 * A filter is a description, not a program: it names itself, says which
 * envelopes it wants, and gives three functions. It never learns which body it
 * runs in: linked into a chain, as a program between two pipes of a chain, or
 * as a program in a shell pipe. aigw-filters(7) is this page for all languages.
 */
#ifndef AIGW_H
#define AIGW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/buf.h"
#include "core/conf.h"
#include "core/err.h"
#include "core/json.h"
#include "core/log.h"
#include "core/opt.h"

struct aigw_env;   /* one line in flight: see "Envelopes" below */
struct aigw_stage; /* a filter's place in a chain: see "Services" below */
struct uv_loop_s;

/* What a line is, read off its members and never stored in it. */
enum aigw_kind {
	AIGW_REQUEST = 1 << 0,	/* none of the below */
	AIGW_CHUNK = 1 << 1,	/* "e": an event of a streamed answer */
	AIGW_RESPONSE = 1 << 2, /* "res": the answer, whole */
	AIGW_ERROR = 1 << 3,	/* "err": a refusal or failure */
	AIGW_CANCEL = 1 << 4	/* "e":"cancel": the client has gone away */
};

enum aigw_verdict {
	AIGW_FAILED = -1, /* err says why; the envelope becomes an error */
	AIGW_NEXT = 0,	  /* on to the next stage */
	AIGW_LATER = 1	  /* kept; aigw_resume() will be called exactly once */
};

/*
 * Another way to run the program: `aigw-mask --spans` reads and writes lines
 * that are no envelopes. The flag is a FLAG row of the filter's options; `run`
 * gets the opened instance and returns an exit code.
 */
struct aigw_mode {
	const char *flag;
	int (*run)(void *self, FILE *in, FILE *out, const struct aigw_log *log);
};

struct aigw_filter {
	const char *name;    /* "mask": the program is aigw-mask */
	const char *summary; /* --help, aigw list, NAME line of the man page */
	const char *examples; /* --help begins with them; lines, each "  $ …" */
	unsigned wants;	     /* kinds; others pass, byte for byte */
	bool once; /* never give it an envelope twice: it costs money */
	size_t size;	     /* instance: zeroed, options filled, then open() */
	const struct aigw_opt *opts;   /* ends with AIGW_OPT_END, or NULL */
	const struct aigw_mode *modes; /* ends with flag NULL, or NULL */
	int (*open)(void *self, struct aigw_stage *stage, struct aigw_err *err);
	enum aigw_verdict (*apply)(void *self, struct aigw_env *env,
				   struct aigw_err *err);
	void (*room)(void *self);  /* may be NULL: see aigw_emit() */
	void (*end)(void *self);   /* may be NULL: no apply() will follow */
	void (*close)(void *self); /* accepts a half-open self; may be NULL */
};

/*
 * Every filter source ends with this; filters.def names it once more. The
 * symbol is aigw_filter_mask for FILTER(mask).
 */
#define AIGW_DEFINE_FILTER(NAME) \
	extern const struct aigw_filter aigw_filter_##NAME; \
	const struct aigw_filter aigw_filter_##NAME

/*
 * Envelopes. Strings and values are borrowed until the next change of the
 * envelope. Members written by aigw_env_set() keep their place; all other
 * bytes of the line go out as they came in.
 */
enum aigw_kind aigw_env_kind(const struct aigw_env *env);
const char *aigw_env_id(const struct aigw_env *env, size_t *len);

/* A value by path: "req", "client.principal", "req.stream"; NULL if absent. */
const struct aigw_val *aigw_env_get(const struct aigw_env *env,
				    const char *path);
/* Its string, or NULL when it is absent or no string. */
const char *aigw_env_str(const struct aigw_env *env, const char *path,
			 size_t *len);
/* The bytes of a top-level member as they came in, or as the last edit left
 * them: its JSON text. NULL when it is absent. */
const char *aigw_env_text(const struct aigw_env *env, const char *member,
			  size_t *len);
/* The event of a chunk ("start", "d", …), or NULL. */
const char *aigw_env_event(const struct aigw_env *env);

/* Set the member at a path to a JSON text, to a string, to an integer; the
 * objects on the way are made. "id" and "aigw" cannot be set. */
int aigw_env_set(struct aigw_env *env, const char *path, const char *json,
		 size_t len, struct aigw_err *err) AIGW_MUST_CHECK;
int aigw_env_set_str(struct aigw_env *env, const char *path, const char *s,
		     size_t len, struct aigw_err *err) AIGW_MUST_CHECK;
int aigw_env_set_int(struct aigw_env *env, const char *path, int64_t n,
		     struct aigw_err *err) AIGW_MUST_CHECK;
int aigw_env_remove(struct aigw_env *env, const char *path,
		    struct aigw_err *err) AIGW_MUST_CHECK;

/* Rewrite strings of one top-level member: see aigw_json_map(). Returns 1 when
 * something changed, 0 when nothing did (or the member is absent), -1. */
int aigw_env_map(struct aigw_env *env, const char *member, aigw_string_fn fn,
		 void *arg, struct aigw_err *err) AIGW_MUST_CHECK;

/* Append {"by":BY,"kind":KIND, ...} to notes; `more` is NULL or the inside of
 * an object: "\"path\":\"req.n\",\"why\":\"…\"" as JSON text. */
int aigw_env_note(struct aigw_env *env, const char *by, const char *kind,
		  const char *more, size_t more_len,
		  struct aigw_err *err) AIGW_MUST_CHECK;

/* Turn the envelope into an error: `err` is set from the reason, the other
 * members stay. `origin` is "gateway" or "provider"; `phase` as in
 * aigw-envelope(5): "policy", "translate", "connect", "headers", "body" … */
int aigw_env_reject(struct aigw_env *env, const struct aigw_err *why,
		    const char *stage, const char *phase, const char *origin,
		    struct aigw_err *err) AIGW_MUST_CHECK;

/* A new chunk with the id of `of`, {"aigw":1,"id":…,"e":EVENT}; the caller
 * owns it until it is emitted. NULL when memory is out. */
struct aigw_env *aigw_env_chunk(const struct aigw_env *of,
				const char *event) AIGW_MUST_CHECK;
void aigw_env_free(struct aigw_env *env); /* NULL is fine */

/*
 * Send `more` (taken) to the stage behind this one, ahead of `env` itself.
 * `env` must be the envelope that apply() was called with and that is not yet
 * resumed. Returns false when the stages behind are full: the envelope was
 * taken all the same, but stop producing until room() is called.
 */
bool aigw_emit(struct aigw_env *env, struct aigw_env *more);

/* Give the answer that apply() put off: on the loop's thread, exactly once.
 * AIGW_FAILED wants `err`; `env` must not be touched afterwards. */
void aigw_resume(struct aigw_env *env, enum aigw_verdict verdict,
		 const struct aigw_err *err);

/*
 * Services of the runner. A cancel comes to the filters that want AIGW_CANCEL;
 * one that put envelopes off should give up the one with that id, resume it as
 * failed with class AIGW_E_CANCELLED, and let the cancel pass.
 */
struct uv_loop_s *aigw_stage_loop(struct aigw_stage *stage);
const struct aigw_log *aigw_stage_log(struct aigw_stage *stage);
/* The name in this chain: "count" or "count#2". */
const char *aigw_stage_name(const struct aigw_stage *stage);
/* At the end of the run exit with this code, unless a worse one is known. */
void aigw_stage_exit(struct aigw_stage *stage, enum aigw_exit code);

/* A UUIDv7 (RFC 9562 section 5.7) of 36 characters and a NUL. */
void aigw_uuid7(char out[37]);

#endif
