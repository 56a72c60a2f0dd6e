/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox_fit.c - a JSON value that fits a JSON Schema
 *
 * The part of JSON Schema 2020-12 that structured outputs and tool parameters
 * use: type, enum, const, properties, required, items, minItems, anyOf, oneOf,
 * allOf, $ref within the document, minimum, minLength, maxLength, format. Every
 * property is given, required or not, but for those that are deep inside: there
 * a schema may contain itself. `pattern` is not read.
 */
#include <string.h>

#include "sandbox.h"

#define FIT_DEEP 6	/* from here on only what is required */
#define FIT_DEPTH 32	/* references and containers inside each other */
#define FIT_VALUES 4096 /* values in all: anyOf of anyOf of … ends here */
#define FIT_ITEMS 16	/* of an array, whatever minItems says */
#define FIT_TEXT 256	/* bytes of a free string */
#define FIT_MAX (1024 * 1024)

struct fit {
	const struct aigw_val *root;
	const char *text;
	size_t len;
	unsigned depth, values;
	struct aigw_json w;
};

static const struct {
	const char *format, *value;
} formats[] = {
	{"date-time", "2026-01-01T00:00:00Z"},
	{"date", "2026-01-01"},
	{"time", "00:00:00Z"},
	{"duration", "P1D"},
	{"email", "sandbox@example.com"},
	{"hostname", "example.com"},
	{"ipv4", "192.0.2.1"},
	{"ipv6", "2001:db8::1"},
	{"uri", "https://example.com/"},
	{"uuid", "00000000-0000-4000-8000-000000000000"},
};

static void value(struct fit *f, const struct aigw_val *schema);

/* The start of a text in at most `max` code points and FIT_TEXT bytes. */
static size_t head(const char *s, size_t len, int64_t max)
{
	size_t n = 0;

	while (n < len && n < FIT_TEXT && max-- > 0) {
		n++;
		while (n < len && ((unsigned char)s[n] & 0xc0) == 0x80)
			n++;
	}
	return n;
}

static void string(struct fit *f, const struct aigw_val *schema)
{
	const struct aigw_val *format = aigw_val_get(schema, "format");
	int64_t min = 0, max = FIT_TEXT;
	char pad[FIT_TEXT];
	size_t n;

	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		if (!aigw_val_is(format, formats[i].format))
			continue;
		aigw_json_str(&f->w, formats[i].value);
		return;
	}
	aigw_val_int(aigw_val_get(schema, "minLength"), &min);
	aigw_val_int(aigw_val_get(schema, "maxLength"), &max);
	n = head(f->text, f->len, max);
	if (min > (int64_t)n && min <= (int64_t)sizeof(pad)) {
		memset(pad, '-', sizeof(pad)); /* ASCII: bytes are points */
		aigw_json_strn(&f->w, pad, (size_t)min);
		return;
	}
	aigw_json_strn(&f->w, f->text, n);
}

static void number(struct fit *f, const struct aigw_val *schema)
{
	const struct aigw_val *min = aigw_val_get(schema, "minimum");
	const struct aigw_val *max = aigw_val_get(schema, "maximum");
	int64_t n = 1, limit;

	if (aigw_val_type(min) == AIGW_NUMBER && !aigw_val_int(min, &n)) {
		aigw_json_val(&f->w, min); /* 0.5: the limit itself fits */
		return;
	}
	if (aigw_val_int(aigw_val_get(schema, "exclusiveMinimum"), &limit) &&
	    limit < INT64_MAX)
		n = limit + 1;
	if (aigw_val_int(max, &limit) && limit < n)
		n = limit;
	aigw_json_int(&f->w, n);
}

static bool required(const struct aigw_val *schema, const char *name)
{
	const struct aigw_val *list = aigw_val_get(schema, "required"), *v;
	struct aigw_iter it = aigw_iter_init(list);

	while (aigw_val_type(list) == AIGW_ARRAY && (v = aigw_iter_next(&it)))
		if (aigw_val_is(v, name))
			return true;
	return false;
}

static void object(struct fit *f, const struct aigw_val *schema)
{
	const struct aigw_val *props = aigw_val_get(schema, "properties"), *v;
	struct aigw_iter it = aigw_iter_init(props);

	aigw_json_object(&f->w);
	while (aigw_val_type(props) == AIGW_OBJECT &&
	       (v = aigw_iter_next(&it))) {
		if (f->depth > FIT_DEEP && !required(schema, it.key))
			continue;
		aigw_json_keyn(&f->w, it.key, it.key_len);
		value(f, v);
	}
	aigw_json_close(&f->w);
}

static void array(struct fit *f, const struct aigw_val *schema)
{
	int64_t n = 1, max;

	aigw_val_int(aigw_val_get(schema, "minItems"), &n);
	if (n < 1)
		n = 1;
	if (aigw_val_int(aigw_val_get(schema, "maxItems"), &max) && max < n)
		n = max;
	aigw_json_array(&f->w);
	for (int64_t i = 0; i < n && i < FIT_ITEMS; i++)
		value(f, aigw_val_get(schema, "items"));
	aigw_json_close(&f->w);
}

/* "#/$defs/name", one segment at a time. */
static const struct aigw_val *resolve(const struct fit *f, const char *ref)
{
	const struct aigw_val *v = f->root;
	char key[256];

	if (*ref++ != '#')
		return NULL;
	while (*ref == '/') {
		size_t n = strcspn(++ref, "/");

		if (n >= sizeof(key))
			return NULL;
		memcpy(key, ref, n);
		key[n] = '\0';
		v = aigw_val_get(v, key);
		ref += n;
	}
	return v;
}

static const struct aigw_val *first(const struct aigw_val *list)
{
	struct aigw_iter it = aigw_iter_init(list);

	return aigw_val_type(list) == AIGW_ARRAY ? aigw_iter_next(&it) : NULL;
}

/* What stands in for the schema itself, or NULL. */
static const struct aigw_val *instead(const struct fit *f,
				      const struct aigw_val *schema)
{
	static const char *const lists[] = {"anyOf", "oneOf", "allOf"};
	const char *ref = aigw_val_str(aigw_val_get(schema, "$ref"), NULL);
	const struct aigw_val *v;

	if (ref)
		return resolve(f, ref);
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		v = first(aigw_val_get(schema, lists[i]));
		if (v)
			return v;
	}
	return NULL;
}

/* The type; of a list of types the first that is not null. */
static const struct aigw_val *type_of(const struct aigw_val *schema)
{
	const struct aigw_val *type = aigw_val_get(schema, "type"), *v;
	struct aigw_iter it = aigw_iter_init(type);

	if (aigw_val_type(type) != AIGW_ARRAY)
		return type;
	while ((v = aigw_iter_next(&it)))
		if (!aigw_val_is(v, "null"))
			return v;
	return first(type);
}

static void typed(struct fit *f, const struct aigw_val *schema)
{
	const struct aigw_val *type = type_of(schema);

	if (aigw_val_is(type, "object") || aigw_val_get(schema, "properties"))
		object(f, schema);
	else if (aigw_val_is(type, "array"))
		array(f, schema);
	else if (aigw_val_is(type, "integer") || aigw_val_is(type, "number"))
		number(f, schema);
	else if (aigw_val_is(type, "boolean"))
		aigw_json_bool(&f->w, true);
	else if (aigw_val_is(type, "null"))
		aigw_json_null(&f->w);
	else
		string(f, schema);
}

static void value(struct fit *f, const struct aigw_val *schema)
{
	const struct aigw_val *constant = aigw_val_get(schema, "const");
	const struct aigw_val *one = first(aigw_val_get(schema, "enum"));
	const struct aigw_val *other = instead(f, schema);

	if (f->depth >= FIT_DEPTH || f->values >= FIT_VALUES) {
		aigw_json_null(&f->w); /* a schema that contains itself */
		return;
	}
	f->depth++;
	f->values++;
	if (constant || one)
		aigw_json_val(&f->w, constant ? constant : one);
	else if (other)
		value(f, other);
	else
		typed(f, schema);
	f->depth--;
}

int sandbox_fit(const struct aigw_val *schema, const char *text, size_t len,
		struct aigw_buf *out, struct aigw_err *err)
{
	struct fit f = {.root = schema, .text = text, .len = len};

	aigw_json_init(&f.w, out);
	if (aigw_val_type(schema) == AIGW_OBJECT)
		value(&f, schema);
	else
		object(&f, NULL);
	return aigw_json_end(&f.w, err);
}
