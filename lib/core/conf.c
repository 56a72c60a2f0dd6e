/* SPDX-License-Identifier: Apache-2.0 */
/* conf.c - a YAML file as a tree in which every node knows its place */
#include "core/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yaml.h>

#include "core/buf.h"

#define CHUNK_BYTES (16 * 1024)
#define ALIGN _Alignof(max_align_t)

/* What the nodes are made of is never freed one by one: a list of chunks. */
struct chunk {
	struct chunk *next;
	size_t used, cap;
	_Alignas(max_align_t) char bytes[];
};

/* One per root; every node points to it. */
struct file {
	struct chunk *chunks;
	const char *name, *dir;
	struct aigw_conf *root;
};

struct aigw_conf {
	struct file *file;
	enum aigw_conf_kind kind;
	bool plain;		       /* a scalar without quotes */
	const char *text;	       /* a scalar's, with a NUL behind it */
	const char *key;	       /* or NULL */
	const char *where, *key_where; /* "file:line:column" */
	struct aigw_conf *first, *last, *next; /* siblings, in file order */
	const struct aigw_conf **items;	       /* the same as an array */
	const struct aigw_conf **sorted;       /* a map's, by key */
	size_t len;
};

/* One parse: where it stands in the tree. */
struct reader {
	yaml_parser_t yaml;
	struct file *file;
	struct aigw_conf *open[AIGW_CONF_DEPTH]; /* the containers around */
	size_t depth, events;
	const char *key, *key_where; /* read, and its value not yet */
	struct aigw_err *err;
};

static void *take(struct file *file, size_t n)
{
	struct chunk *c = file->chunks;
	size_t cap;
	char *p;

	n = (n + ALIGN - 1) / ALIGN * ALIGN;
	if (!c || c->cap - c->used < n) {
		cap = n > CHUNK_BYTES ? n : CHUNK_BYTES;
		c = malloc(sizeof(*c) + cap);
		if (!c)
			return NULL;
		*c = (struct chunk){.next = file->chunks, .cap = cap};
		file->chunks = c;
	}
	p = c->bytes + c->used;
	c->used += n;
	return memset(p, 0, n);
}

static char *copy(struct file *file, const char *s, size_t len)
{
	char *p = take(file, len + 1);

	return p ? memcpy(p, s, len) : NULL;
}

static void file_free(struct file *file)
{
	struct chunk *c, *next;

	if (!file)
		return;
	for (c = file->chunks; c; c = next) {
		next = c->next;
		free(c);
	}
	free(file);
}

static struct file *file_new(const char *path)
{
	struct file *file = calloc(1, sizeof(*file));
	const char *slash = strrchr(path, '/');

	if (!file)
		return NULL;
	file->name = copy(file, path, strlen(path));
	if (!slash)
		file->dir = ".";
	else
		file->dir = copy(file, path, slash > path ? slash - path : 1);
	if (file->name && file->dir)
		return file;
	file_free(file);
	return NULL;
}

/* People count lines and columns from 1. */
static const char *place(struct file *file, yaml_mark_t mark)
{
	size_t room = strlen(file->name) + 48;
	char *s = take(file, room);

	if (s)
		snprintf(s, room, "%s:%zu:%zu", file->name, mark.line + 1,
			 mark.column + 1);
	return s;
}

static int fail_oom(struct aigw_err *err)
{
	return aigw_fail(err, "out of memory");
}

AIGW_PRINTF(3, 4)
static int fail_at(struct reader *r, yaml_mark_t mark, const char *fmt, ...)
{
	char text[sizeof(r->err->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return aigw_fail_as(r->err, AIGW_E_INTERNAL, "invalid_config",
			    "%s:%zu:%zu: %s", r->file->name, mark.line + 1,
			    mark.column + 1, text);
}

/* libyaml gives a byte offset, no mark, for bytes that are no characters. */
static int fail_bytes(struct reader *r, const char *text, size_t len)
{
	size_t at = r->yaml.problem_offset, i;
	yaml_mark_t mark = {0};

	for (i = 0; i < at && i < len; i++) {
		if (text[i] == '\n') {
			mark.line++;
			mark.column = 0;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			mark.column++;
		}
	}
	return fail_at(r, mark, "%s", r->yaml.problem);
}

static int fail_yaml(struct reader *r, const char *text, size_t len)
{
	const yaml_parser_t *y = &r->yaml;

	if (y->error == YAML_MEMORY_ERROR || !y->problem)
		return fail_oom(r->err);
	if (y->error == YAML_READER_ERROR)
		return fail_bytes(r, text, len);
	if (!y->context)
		return fail_at(r, y->problem_mark, "%s", y->problem);
	return fail_at(r, y->problem_mark, "%s (%s that begins in line %zu)",
		       y->problem, y->context, y->context_mark.line + 1);
}

/* Put a new node where the reader stands. */
static struct aigw_conf *add(struct reader *r, enum aigw_conf_kind kind,
			     yaml_mark_t mark)
{
	struct aigw_conf *node = take(r->file, sizeof(*node)), *up;

	if (!node)
		return NULL;
	*node = (struct aigw_conf){.file = r->file,
				   .kind = kind,
				   .key = r->key,
				   .key_where = r->key_where,
				   .where = place(r->file, mark)};
	r->key = r->key_where = NULL;
	if (r->depth == 0) {
		r->file->root = node;
	} else {
		up = r->open[r->depth - 1];
		if (up->last)
			up->last->next = node;
		else
			up->first = node;
		up->last = node;
		up->len++;
	}
	return node->where ? node : NULL;
}

static bool wants_key(const struct reader *r)
{
	return r->depth > 0 && !r->key &&
	       r->open[r->depth - 1]->kind == AIGW_CONF_MAP;
}

static int read_key(struct reader *r, const yaml_event_t *e)
{
	const char *s = (const char *)e->data.scalar.value;
	size_t len = e->data.scalar.length;
	bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;

	if (plain && len == 0)
		return fail_at(r, e->start_mark, "a key is missing");
	if (plain && strcmp(s, "<<") == 0)
		return fail_at(r, e->start_mark,
			       "merge keys (<<) are not supported");
	r->key = copy(r->file, s, len);
	r->key_where = place(r->file, e->start_mark);
	return r->key && r->key_where ? 0 : fail_oom(r->err);
}

static int read_scalar(struct reader *r, const yaml_event_t *e)
{
	const char *s = (const char *)e->data.scalar.value;
	size_t len = e->data.scalar.length;
	struct aigw_conf *node;

	if (e->data.scalar.anchor)
		return fail_at(r, e->start_mark,
			       "anchors (&) are not supported");
	if (e->data.scalar.tag)
		return fail_at(r, e->start_mark, "tags (!) are not supported");
	if (memchr(s, '\0', len))
		return fail_at(r, e->start_mark, "a NUL inside a text");
	if (wants_key(r))
		return read_key(r, e);
	node = add(r, AIGW_CONF_SCALAR, e->start_mark);
	if (!node)
		return fail_oom(r->err);
	node->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->text = copy(r->file, s, len);
	return node->text ? 0 : fail_oom(r->err);
}

static int open_node(struct reader *r, const yaml_event_t *e,
		     enum aigw_conf_kind kind, const void *anchor,
		     const void *tag)
{
	struct aigw_conf *node;

	if (anchor)
		return fail_at(r, e->start_mark,
			       "anchors (&) are not supported");
	if (tag)
		return fail_at(r, e->start_mark, "tags (!) are not supported");
	if (wants_key(r))
		return fail_at(r, e->start_mark,
			       "a key must be a text, not a list or a map");
	if (r->depth == AIGW_CONF_DEPTH)
		return fail_at(r, e->start_mark,
			       "lists and maps nest deeper than %d",
			       AIGW_CONF_DEPTH);
	node = add(r, kind, e->start_mark);
	if (!node)
		return fail_oom(r->err);
	r->open[r->depth++] = node;
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct aigw_conf *x = *(const struct aigw_conf *const *)a;
	const struct aigw_conf *y = *(const struct aigw_conf *const *)b;

	return strcmp(x->key, y->key);
}

static const struct aigw_conf **array_of(const struct aigw_conf *node)
{
	const struct aigw_conf **v, *child;
	size_t n = 0;

	v = take(node->file, node->len * sizeof(*v) + 1);
	for (child = node->first; v && child; child = child->next)
		v[n++] = child;
	return v;
}

/* Sorted, a map finds keys and shows doubles without any hash to attack. */
static int close_node(struct reader *r)
{
	struct aigw_conf *node = r->open[--r->depth];
	size_t i;

	node->items = array_of(node);
	if (node->kind == AIGW_CONF_LIST)
		return node->items ? 0 : fail_oom(r->err);
	node->sorted = array_of(node);
	if (!node->items || !node->sorted)
		return fail_oom(r->err);
	qsort(node->sorted, node->len, sizeof(*node->sorted), by_key);
	for (i = 1; i < node->len; i++) {
		if (by_key(&node->sorted[i - 1], &node->sorted[i]) == 0)
			return aigw_fail_as(
				r->err, AIGW_E_INTERNAL, "invalid_config",
				"%s: the key \"%.64s\" stands here twice "
				"(also at %s)",
				node->sorted[i]->key_where,
				node->sorted[i]->key,
				node->sorted[i - 1]->key_where);
	}
	return 0;
}

static int read_event(struct reader *r, const yaml_event_t *e)
{
	switch (e->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (r->file->root)
			return fail_at(r, e->start_mark,
				       "a second document begins");
		if (e->data.document_start.tag_directives.start !=
		    e->data.document_start.tag_directives.end)
			return fail_at(r, e->start_mark,
				       "tags (%%TAG) are not supported");
		return 0;
	case YAML_ALIAS_EVENT:
		return fail_at(r, e->start_mark,
			       "aliases (*) are not supported");
	case YAML_SCALAR_EVENT:
		return read_scalar(r, e);
	case YAML_SEQUENCE_START_EVENT:
		return open_node(r, e, AIGW_CONF_LIST,
				 e->data.sequence_start.anchor,
				 e->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return open_node(r, e, AIGW_CONF_MAP,
				 e->data.mapping_start.anchor,
				 e->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_node(r);
	default:
		return 0;
	}
}

static int read_all(struct reader *r, const char *text, size_t len)
{
	yaml_event_t e;
	bool end = false;
	int rc = 0;

	while (rc == 0 && !end) {
		if (!yaml_parser_parse(&r->yaml, &e))
			return fail_yaml(r, text, len);
		end = e.type == YAML_STREAM_END_EVENT;
		if (++r->events > AIGW_CONF_EVENTS)
			rc = fail_at(r, e.start_mark,
				     "more than %d keys and values",
				     AIGW_CONF_EVENTS);
		else
			rc = read_event(r, &e);
		if (rc == 0 && end && !r->file->root && /* an empty file */
		    !add(r, AIGW_CONF_SCALAR, (yaml_mark_t){0}))
			rc = fail_oom(r->err);
		yaml_event_delete(&e);
	}
	return rc;
}

struct aigw_conf *aigw_conf_parse(const char *name, const char *text,
				  size_t len, struct aigw_err *err)
{
	struct reader r = {.file = file_new(name), .err = err};
	struct aigw_conf *root = NULL;

	if (!r.file || !yaml_parser_initialize(&r.yaml)) {
		fail_oom(err);
		file_free(r.file);
		return NULL;
	}
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* BOM */
		text += 3;
		len -= 3;
	}
	if (len > AIGW_CONF_BYTES) {
		fail_at(&r, (yaml_mark_t){0}, "more than %d bytes",
			AIGW_CONF_BYTES);
	} else {
		yaml_parser_set_encoding(&r.yaml, YAML_UTF8_ENCODING);
		yaml_parser_set_input_string(&r.yaml,
					     (const unsigned char *)text, len);
		if (read_all(&r, text, len) == 0)
			root = r.file->root;
	}
	yaml_parser_delete(&r.yaml);
	if (!root)
		file_free(r.file);
	return root;
}

static int slurp(int fd, struct aigw_buf *b)
{
	char *p = aigw_buf_room(b, b->max); /* pages cost when written */
	ssize_t n = 1;

	if (!p) {
		errno = ENOMEM;
		return -1;
	}
	while (n != 0 && b->len < b->max) {
		n = read(fd, p + b->len, b->max - b->len);
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			b->len += n;
	}
	return 0;
}

struct aigw_conf *aigw_conf_load(const char *path, struct aigw_err *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	struct aigw_conf *root = NULL;
	struct aigw_buf b;
	int fd = STDIN_FILENO;

	/* one byte more than allowed (and a BOM) tells a file that is longer */
	aigw_buf_init(&b, AIGW_CONF_BYTES + 4);
	if (!is_stdin)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || slurp(fd, &b) < 0)
		aigw_fail_as(err, AIGW_E_NOT_FOUND, "unreadable_config",
			     "%s: %s", path, strerror(errno));
	else
		root = aigw_conf_parse(is_stdin ? "stdin" : path, b.data, b.len,
				       err);
	if (!is_stdin && fd >= 0)
		close(fd);
	aigw_buf_release(&b);
	return root;
}

void aigw_conf_free(struct aigw_conf *root)
{
	if (root)
		file_free(root->file);
}

enum aigw_conf_kind aigw_conf_kind(const struct aigw_conf *node)
{
	return node ? node->kind : AIGW_CONF_SCALAR;
}

bool aigw_conf_null(const struct aigw_conf *node)
{
	if (!node)
		return true;
	if (node->kind != AIGW_CONF_SCALAR)
		return false;
	if (!node->text)
		return true;
	return node->plain &&
	       (node->text[0] == '\0' || strcmp(node->text, "~") == 0 ||
		strcmp(node->text, "null") == 0);
}

const char *aigw_conf_str(const struct aigw_conf *node)
{
	return aigw_conf_null(node) ? NULL : node->text;
}

int aigw_conf_bool(const struct aigw_conf *node, bool *b, struct aigw_err *err)
{
	const char *s = aigw_conf_str(node);

	if (s && node->plain && strcmp(s, "true") == 0)
		*b = true;
	else if (s && node->plain && strcmp(s, "false") == 0)
		*b = false;
	else
		return aigw_conf_fail(node, err, "must be true or false");
	return 0;
}

size_t aigw_conf_len(const struct aigw_conf *node)
{
	return node ? node->len : 0;
}

const struct aigw_conf *aigw_conf_at(const struct aigw_conf *node, size_t n)
{
	return node && n < node->len ? node->items[n] : NULL;
}

const char *aigw_conf_key(const struct aigw_conf *node)
{
	return node ? node->key : NULL;
}

const struct aigw_conf *aigw_conf_get(const struct aigw_conf *node,
				      const char *key)
{
	const struct aigw_conf want = {.key = key}, *p = &want;
	const struct aigw_conf **found;

	if (!node || node->kind != AIGW_CONF_MAP)
		return NULL;
	found = bsearch(&p, node->sorted, node->len, sizeof(p), by_key);
	return found ? *found : NULL;
}

const char *aigw_conf_where(const struct aigw_conf *node)
{
	return node ? node->where : "configuration";
}

const char *aigw_conf_key_where(const struct aigw_conf *node)
{
	return node && node->key_where ? node->key_where
				       : aigw_conf_where(node);
}

const char *aigw_conf_dir(const struct aigw_conf *node)
{
	return node ? node->file->dir : ".";
}

int aigw_conf_fail(const struct aigw_conf *node, struct aigw_err *err,
		   const char *fmt, ...)
{
	char text[sizeof(err->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return aigw_fail_as(err, AIGW_E_INTERNAL, "invalid_config", "%s: %s",
			    aigw_conf_where(node), text);
}
