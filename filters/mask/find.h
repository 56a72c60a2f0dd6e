/* SPDX-License-Identifier: Apache-2.0 */
/* find.h - where in a text personal data and secrets stand */
#ifndef MASK_FIND_H
#define MASK_FIND_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "text/patterns.h"

/*
 * How sure a kind is: a checksum, a fixed prefix or self-delimiting syntax; a
 * strong syntax with few collisions; something that needs a word beside it.
 */
enum mask_class { MASK_A, MASK_B, MASK_C };

/* The types of the table in entities.c; user types follow MASK_TYPES. */
enum mask_type {
	MASK_EMAIL,
	MASK_CREDIT_CARD,
	MASK_IBAN,
	MASK_PHONE,
	MASK_IP,
	MASK_US_SSN,
	MASK_URL_PASSWORD,
	MASK_JWT,
	MASK_PRIVATE_KEY,
	MASK_AWS_KEY,
	MASK_GITHUB_TOKEN,
	MASK_OPENAI_KEY,
	MASK_ANTHROPIC_KEY,
	MASK_AZURE_KEY,
	MASK_AIGW_KEY,
	MASK_SECRET, /* other services' tokens with a fixed prefix */
	MASK_TERM,   /* a term of the user's list */
	MASK_TYPES
};

struct mask_type_info {
	const char *name; /* as in tokens and options: UPPER_SNAKE */
	bool secret;	  /* by default nothing restores it */
};
extern const struct mask_type_info mask_types[MASK_TYPES];

/* Bytes [start, end) of the text, on character boundaries. */
struct mask_span {
	size_t start, end;
	unsigned type;
	enum mask_class class;
};

/* What one search found so far. */
struct mask_hits {
	struct mask_span *v;
	size_t n, cap;
};
void mask_hits_release(struct mask_hits *hits);

/* One text being searched. */
struct mask_find {
	const char *s;
	size_t len;
	struct mask_hits *hits;
	enum mask_class class; /* of the pattern whose match is looked at */
	size_t pem_until;      /* a PEM block reaches to here */
	bool pem_open;	       /* no END follows from here on */
	bool nomem;
};

void mask_found(struct mask_find *f, unsigned type, enum mask_class class,
		size_t start, size_t end);

/*
 * Looks closer at a match of its pattern, and reports with mask_found() what
 * is real in it: nothing, the match, part of it, more than it. Reads a bounded
 * number of bytes beyond the match.
 */
typedef void (*mask_check_fn)(struct mask_find *f, unsigned type, size_t start,
			      size_t end);

struct mask_entity {
	enum mask_type type;
	enum mask_class class;
	const char *regex;
	mask_check_fn check; /* NULL: the match is the entity */
};
extern const struct mask_entity mask_entities[];
extern const size_t mask_entities_n;

/* checks.c */
void mask_check_email(struct mask_find *f, unsigned type, size_t a, size_t b);
void mask_check_card(struct mask_find *f, unsigned type, size_t a, size_t b);
void mask_check_iban(struct mask_find *f, unsigned type, size_t a, size_t b);
void mask_check_ssn(struct mask_find *f, unsigned type, size_t a, size_t b);
void mask_check_password(struct mask_find *f, unsigned type, size_t a,
			 size_t b);
/* tokens of services: secrets.c */
void mask_check_jwt(struct mask_find *f, unsigned type, size_t a, size_t b);
void mask_check_pem(struct mask_find *f, unsigned type, size_t a, size_t b);
void mask_check_random(struct mask_find *f, unsigned type, size_t a, size_t b);
/* address.c */
void mask_check_ipv4(struct mask_find *f, unsigned type, size_t a, size_t b);
void mask_check_ipv6(struct mask_find *f, unsigned type, size_t a, size_t b);
/* phone.c */
void mask_check_phone(struct mask_find *f, unsigned type, size_t a, size_t b);
void mask_check_phone_00(struct mask_find *f, unsigned type, size_t a,
			 size_t b);
void mask_check_phone_us(struct mask_find *f, unsigned type, size_t a,
			 size_t b);
void mask_check_phone_home(struct mask_find *f, unsigned type, size_t a,
			   size_t b);

/* Is the number, of digits only, a payment card's? */
bool mask_is_card(const char *digits, size_t n);

/* chars.c: of one byte, or of the text around a place */
static inline bool mask_digit(char c)
{
	return c >= '0' && c <= '9';
}
static inline bool mask_alpha(char c)
{
	return ((unsigned char)c | 32) >= 'a' && ((unsigned char)c | 32) <= 'z';
}
static inline bool mask_alnum(char c)
{
	return mask_digit(c) || mask_alpha(c);
}
/* Does a letter, digit or _ stand directly before, or at, `at`? A letter is
 * one of ASCII or of the alphabets that UTF-8 writes in two bytes; scripts
 * without spaces between words glue nothing. */
bool mask_glued_before(const struct mask_find *f, size_t at);
bool mask_glued_after(const struct mask_find *f, size_t at);
/* Is one of the words, lower case, among the five before `at`? */
bool mask_context(const struct mask_find *f, size_t at,
		  const char *const *words);

/*
 * The searcher: the table above, minus types switched off, plus user patterns
 * and terms. Borrows nothing.
 */
struct mask_finder;
struct mask_words;

struct mask_user_pattern {
	unsigned type;
	const char *regex;
};

struct mask_finder_opts {
	const bool *off; /* [MASK_TYPES], or NULL */
	const struct mask_user_pattern *patterns;
	size_t patterns_n;
	const struct mask_words *deny, *allow; /* NULL: none; must outlive it */
	bool keep_local_ip;
};

struct mask_finder *mask_finder_new(const struct mask_finder_opts *opts,
				    struct aigw_err *err) AIGW_MUST_CHECK;
void mask_finder_free(struct mask_finder *finder);

/*
 * Fill `hits` (emptied first) with what is in the text, in its order, without
 * overlaps: the longest wins, then class A over B over C. -1 when a pattern
 * could not be decided or memory is out: then nothing is known of the text.
 */
int mask_find(struct mask_finder *finder, const char *s, size_t len,
	      struct mask_hits *hits, struct aigw_err *err) AIGW_MUST_CHECK;

/* words.c: terms found as whole words, case folded */
struct mask_words *mask_words_new(void);
void mask_words_free(struct mask_words *words);
/* White space inside counts as one space. Empty terms are ignored. */
int mask_words_add(struct mask_words *words, const char *s, size_t len,
		   struct aigw_err *err) AIGW_MUST_CHECK;
/* One term a line; # begins a comment line. */
int mask_words_load(struct mask_words *words, const char *path,
		    struct aigw_err *err) AIGW_MUST_CHECK;
bool mask_words_has(const struct mask_words *words, const char *s, size_t len);
void mask_words_find(const struct mask_words *words, struct mask_find *f);
size_t mask_words_count(const struct mask_words *words);

#endif
