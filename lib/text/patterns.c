/* SPDX-License-Identifier: Apache-2.0 */
/* patterns.c - many regular expressions over one text, in linear time */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "patterns.h"

#include <pcre2.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "triggers.h"

#define WORDS_MAX 64 /* of 64 trigger bytes each: some 800 patterns */
#define STACK_MIN (32 * 1024)
#define STACK_MAX (512 * 1024)

struct member {
	pcre2_code *code;
	bool triggered;
	uint32_t groups;
	/* A match begins at most `far` and at least `near` bytes before the
	 * byte behind one of its triggers. One range for all triggers of a
	 * pattern: so its windows come in the order of the text. */
	size_t far, near;
	size_t next; /* where the next match may begin, during a scan */
};

/*
 * Shift-And: bit k of a word says that the text so far ends in the first bytes
 * of a trigger, up to the one that has bit k.
 */
struct aigw_patterns {
	struct member *v;
	size_t n, words;
	uint64_t first[WORDS_MAX], last[WORDS_MAX];
	uint64_t *step;	 /* [256][words]: the bits whose set has the byte */
	unsigned *owner; /* [words * 64]: the pattern of a last bit */
	pcre2_match_data *data;
	pcre2_match_context *context;
	pcre2_jit_stack *stack;
};

/* One scan. */
struct scan {
	struct aigw_patterns *set;
	const char *text;
	size_t len;
	aigw_match_fn fn;
	void *arg;
	struct aigw_err *err;
};

static int compile(struct member *m, const char *regex, size_t i,
		   struct aigw_err *err)
{
	PCRE2_UCHAR why[120];
	PCRE2_SIZE offset;
	uint32_t empty = 0;
	int code;

	m->code = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED,
				PCRE2_NEVER_UTF | PCRE2_NEVER_BACKSLASH_C |
					PCRE2_NO_START_OPTIMIZE |
					PCRE2_USE_OFFSET_LIMIT,
				&code, &offset, NULL);
	if (!m->code) {
		pcre2_get_error_message(code, why, sizeof(why));
		return aigw_fail(err, "pattern %zu: %s at offset %zu", i + 1,
				 (char *)why, offset);
	}
	pcre2_pattern_info(m->code, PCRE2_INFO_CAPTURECOUNT, &m->groups);
	pcre2_pattern_info(m->code, PCRE2_INFO_MATCHEMPTY, &empty);
	if (empty)
		return aigw_fail(err, "pattern %zu: it matches nothing at all",
				 i + 1);
	code = pcre2_jit_compile(m->code, PCRE2_JIT_COMPLETE);
	if (code && code != PCRE2_ERROR_JIT_BADOPTION)
		return aigw_fail(err, "pattern %zu: cannot be compiled", i + 1);
	return 0;
}

/* Give a trigger its bits; they stay within one word. */
static int place(struct aigw_patterns *set, const struct aigw_trigger *t,
		 unsigned pattern, size_t *used, struct aigw_err *err)
{
	if (*used % 64 + t->len > 64)
		*used += 64 - *used % 64;
	size_t w = *used / 64, bit = *used % 64;

	if (w >= WORDS_MAX)
		return aigw_fail(err, "too many patterns");
	set->first[w] |= UINT64_C(1) << bit;
	set->last[w] |= UINT64_C(1) << (bit + t->len - 1);
	set->owner[*used + t->len - 1] = pattern;
	for (unsigned k = 0; k < t->len; k++) {
		for (unsigned c = 0; c < 256; c++) {
			if (aigw_bytes_has(&t->at[k], (unsigned char)c))
				set->step[c * WORDS_MAX + w] |= UINT64_C(1)
								<< (bit + k);
		}
	}
	*used += t->len;
	return 0;
}

static int add_triggers(struct aigw_patterns *set, unsigned i,
			const char *regex, size_t *used, struct aigw_err *err)
{
	struct aigw_trigger t[AIGW_TRIGGERS];
	size_t n = aigw_triggers_derive(regex, strlen(regex), t);
	struct member *m = &set->v[i];

	m->triggered = n > 0;
	m->near = SIZE_MAX;
	for (size_t k = 0; k < n; k++) {
		if (m->far < t[k].before_max + t[k].len)
			m->far = t[k].before_max + t[k].len;
		if (m->near > t[k].before_min + t[k].len)
			m->near = t[k].before_min + t[k].len;
		if (place(set, &t[k], i, used, err))
			return -1;
	}
	return 0;
}

/* Rows of WORDS_MAX become rows of `words`: what a scan reads stays small. */
static void pack(struct aigw_patterns *set, size_t used)
{
	set->words = (used + 63) / 64;
	for (size_t c = 0; c < 256; c++)
		memmove(&set->step[c * set->words], &set->step[c * WORDS_MAX],
			set->words * sizeof(*set->step));
}

static int prepare(struct aigw_patterns *set)
{
	set->data = pcre2_match_data_create(2, NULL);
	set->context = pcre2_match_context_create(NULL);
	set->stack = pcre2_jit_stack_create(STACK_MIN, STACK_MAX, NULL);
	if (!set->data || !set->context || !set->stack)
		return -1;
	pcre2_set_match_limit(set->context, AIGW_MATCH_LIMIT);
	pcre2_set_depth_limit(set->context, AIGW_MATCH_LIMIT);
	pcre2_jit_stack_assign(set->context, NULL, set->stack);
	return 0;
}

struct aigw_patterns *aigw_patterns_new(const char *const *regex, size_t n,
					struct aigw_err *err)
{
	struct aigw_patterns *set = calloc(1, sizeof(*set));
	size_t used = 0;

	if (!set)
		goto nomem;
	set->v = calloc(n ? n : 1, sizeof(*set->v));
	set->step = calloc(256 * WORDS_MAX, sizeof(*set->step));
	set->owner = calloc(WORDS_MAX * 64, sizeof(*set->owner));
	if (!set->v || !set->step || !set->owner || prepare(set))
		goto nomem;
	for (; set->n < n; set->n++) {
		size_t i = set->n;

		if (compile(&set->v[i], regex[i], i, err) ||
		    add_triggers(set, (unsigned)i, regex[i], &used, err)) {
			pcre2_code_free(set->v[i].code);
			goto out;
		}
	}
	pack(set, used);
	return set;
nomem:
	aigw_fail(err, "out of memory");
out:
	aigw_patterns_free(set);
	return NULL;
}

void aigw_patterns_free(struct aigw_patterns *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->n; i++)
		pcre2_code_free(set->v[i].code);
	pcre2_match_data_free(set->data);
	pcre2_match_context_free(set->context);
	pcre2_jit_stack_free(set->stack);
	free(set->owner);
	free(set->step);
	free(set->v);
	free(set);
}

int aigw_patterns_triggered(const struct aigw_patterns *set, size_t i)
{
	return set->v[i].triggered;
}

static int give_up(const struct scan *s, unsigned i, int rc, size_t at)
{
	return aigw_fail_as(s->err, AIGW_E_POLICY, "cannot_verify",
			    "pattern %u gave up (%d) at byte %zu", i + 1, rc,
			    at);
}

/*
 * The JIT of 10.42 can leave in a possessive group what an attempt further to
 * the left had put there. So where a group is the span, the interpreter looks
 * at the one place where the JIT found the match.
 */
static int regroup(const struct scan *s, const struct member *m)
{
	pcre2_set_offset_limit(s->set->context, PCRE2_UNSET);
	return pcre2_match(m->code, (PCRE2_SPTR)s->text, s->len,
			   pcre2_get_startchar(s->set->data),
			   PCRE2_NOTEMPTY | PCRE2_ANCHORED | PCRE2_NO_JIT,
			   s->set->data, s->set->context);
}

static int tell(const struct scan *s, unsigned i)
{
	const PCRE2_SIZE *o = pcre2_get_ovector_pointer(s->set->data);
	const struct member *m = &s->set->v[i];
	const int rc = m->groups ? regroup(s, m) : 1;
	const bool inner =
		rc != 1 && o[2] >= o[0] && o[3] > o[2] && o[3] <= o[1];
	struct aigw_match found = {i, o[inner ? 2 : 0], o[inner ? 3 : 1]};

	return rc < 0 ? give_up(s, i, rc, o[0]) : s->fn(s->arg, &found, s->err);
}

/* All matches of pattern `i` that begin in [from, to] and not before `next`. */
static int run(const struct scan *s, unsigned i, size_t from, size_t to)
{
	struct member *m = &s->set->v[i];
	const PCRE2_SIZE *o = pcre2_get_ovector_pointer(s->set->data);

	if (from < m->next)
		from = m->next;
	while (from <= to) {
		pcre2_set_offset_limit(s->set->context, to);
		int rc = pcre2_match(m->code, (PCRE2_SPTR)s->text, s->len, from,
				     PCRE2_NOTEMPTY, s->set->data,
				     s->set->context);

		if (rc == PCRE2_ERROR_NOMATCH)
			break;
		if (rc < 0)
			return give_up(s, i, rc, from);
		from = o[1] > from ? o[1] : from + 1;
		m->next = from;
		if (tell(s, i))
			return -1;
	}
	if (m->next <= to)
		m->next = to + 1;
	return 0;
}

/* The text ends, at byte `end`, in the triggers of `hits`. */
static int windows(const struct scan *s, size_t w, uint64_t hits, size_t end)
{
	for (; hits; hits &= hits - 1) {
		size_t bit = w * 64 + (size_t)__builtin_ctzll(hits);
		unsigned i = s->set->owner[bit];
		const struct member *m = &s->set->v[i];

		if (end < m->near || end - m->near < m->next)
			continue;
		if (run(s, i, end < m->far ? 0 : end - m->far, end - m->near))
			return -1;
	}
	return 0;
}

/* `words` is a constant wherever this is expanded: the loops unroll. */
static inline __attribute__((always_inline)) int hunt(const struct scan *s,
						      const size_t words)
{
	const struct aigw_patterns *set = s->set;
	const unsigned char *text = (const unsigned char *)s->text;
	uint64_t now[WORDS_MAX] = {0};

	for (size_t pos = 0; pos < s->len; pos++) {
		const uint64_t *step = &set->step[text[pos] * words];
		uint64_t any = 0;

		for (size_t w = 0; w < words; w++) {
			now[w] = (now[w] << 1 | set->first[w]) & step[w];
			any |= now[w] & set->last[w];
		}
		if (__builtin_expect(any == 0, 1))
			continue;
		for (size_t w = 0; w < words; w++) {
			uint64_t hits = now[w] & set->last[w];

			if (hits && windows(s, w, hits, pos + 1))
				return -1;
		}
	}
	return 0;
}

int aigw_patterns_scan(struct aigw_patterns *set, const char *text, size_t len,
		       aigw_match_fn fn, void *arg, struct aigw_err *err)
{
	const struct scan s = {set, text, len, fn, arg, err};

	if (!len)
		return 0;
	for (size_t i = 0; i < set->n; i++) {
		set->v[i].next = 0;
		if (!set->v[i].triggered && run(&s, (unsigned)i, 0, len - 1))
			return -1;
	}
	switch (set->words) {
	case 0:
		return 0;
	case 1:
		return hunt(&s, 1);
	case 2:
		return hunt(&s, 2);
	case 3:
		return hunt(&s, 3);
	case 4:
		return hunt(&s, 4);
	default:
		return hunt(&s, set->words);
	}
}

int aigw_patterns_scan_full(struct aigw_patterns *set, const char *text,
			    size_t len, aigw_match_fn fn, void *arg,
			    struct aigw_err *err)
{
	const struct scan s = {set, text, len, fn, arg, err};

	for (size_t i = 0; len && i < set->n; i++) {
		set->v[i].next = 0;
		if (run(&s, (unsigned)i, 0, len - 1))
			return -1;
	}
	return 0;
}
