/* SPDX-License-Identifier: Apache-2.0 */
/*
 * provider.c - the table of providers: where requests may go, with which key
 *
 * Destinations come from here alone: an envelope names a row, nothing more.
 */
#include "send.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "state/secret.h"

#define HEADER_MAX (80 * 1024) /* bytes of one header line */

static const struct aigw_opt rows[] = {
	{.name = "dialect",
	 .type = AIGW_OPT_STRING,
	 .offset = offsetof(struct provider, dialect_name)},
	{.name = "base_url",
	 .type = AIGW_OPT_STRING,
	 .offset = offsetof(struct provider, base_url)},
	{.name = "api_version",
	 .type = AIGW_OPT_STRING,
	 .offset = offsetof(struct provider, api_version)},
	{.name = "key",
	 .type = AIGW_OPT_TREE,
	 .offset = offsetof(struct provider, key)},
	{.name = "bearer",
	 .type = AIGW_OPT_FLAG,
	 .offset = offsetof(struct provider, bearer),
	 .fallback = "false"},
	{.name = "headers",
	 .type = AIGW_OPT_TREE,
	 .offset = offsetof(struct provider, headers_conf)},
	{.name = "ca",
	 .type = AIGW_OPT_PATH,
	 .offset = offsetof(struct provider, ca)},
	{.name = "max_tokens",
	 .type = AIGW_OPT_INT,
	 .offset = offsetof(struct provider, max_tokens),
	 .fallback = "0",
	 .max = INT32_MAX},
	{.name = "stream_usage",
	 .type = AIGW_OPT_FLAG,
	 .offset = offsetof(struct provider, stream_usage),
	 .fallback = "true"},
	{.type = AIGW_OPT_END},
};

const struct provider *provider_find(const struct providers *p,
				     const char *name, size_t len)
{
	for (size_t i = 0; i < p->n; i++)
		if (strlen(p->v[i].name) == len &&
		    memcmp(p->v[i].name, name, len) == 0)
			return &p->v[i];
	return NULL;
}

/* Headers ------------------------------------------------------------------ */

/* A control byte would end the header and begin another one. */
static bool clean(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return false;
	return true;
}

static int add_header(struct provider *p, const char *line,
		      struct aigw_err *err)
{
	struct curl_slist *more = curl_slist_append(p->headers, line);

	if (!more)
		return aigw_fail(err, "out of memory");
	p->headers = more;
	return 0;
}

static int add_key(struct provider *p, const struct aigw_secret *key,
		   struct aigw_err *err)
{
	const struct aigw_dialect *d = p->dialect;
	size_t len = 0;
	const char *bytes = aigw_secret_bytes(key, &len);
	struct aigw_buf line;
	int rc;

	if (!clean(bytes, len))
		return aigw_fail_as(err, AIGW_E_INTERNAL, "bad_key",
				    "provider %s: its key has control bytes "
				    "in it",
				    p->name);
	aigw_buf_init(&line, HEADER_MAX);
	/* room at once: growing would leave copies behind */
	if (!aigw_buf_room(&line, len + 256) ||
	    aigw_buf_str(&line, p->bearer ? "Authorization" : d->key_header) ||
	    aigw_buf_str(&line, ": ") ||
	    aigw_buf_str(&line, p->bearer ? "Bearer " : d->key_prefix) ||
	    aigw_buf_add(&line, bytes, len) || aigw_buf_add(&line, "", 1))
		rc = aigw_fail(err, "out of memory");
	else
		rc = add_header(p, line.data, err);
	if (line.data)
		explicit_bzero(line.data, line.len);
	aigw_buf_release(&line);
	return rc;
}

static int add_fixed(struct provider *p, struct aigw_err *err)
{
	const char *const *h = p->dialect->headers;

	/* no 100-continue: it stalls large bodies */
	if (add_header(p, "Content-Type: application/json", err) ||
	    add_header(p, "Expect:", err) ||
	    add_header(p, "User-Agent: aigw", err))
		return -1;
	for (; h && *h; h++)
		if (add_header(p, *h, err))
			return -1;
	return 0;
}

static int add_configured(struct provider *p, struct aigw_err *err)
{
	const struct aigw_conf *node;
	char line[1024];
	int n;

	if (aigw_conf_null(p->headers_conf))
		return 0;
	if (aigw_conf_kind(p->headers_conf) != AIGW_CONF_MAP)
		return aigw_conf_fail(p->headers_conf, err,
				      "headers must be a map");
	for (size_t i = 0; i < aigw_conf_len(p->headers_conf); i++) {
		node = aigw_conf_at(p->headers_conf, i);
		if (!aigw_conf_str(node))
			return aigw_conf_fail(node, err,
					      "a header must be a text");
		n = snprintf(line, sizeof(line), "%s: %s", aigw_conf_key(node),
			     aigw_conf_str(node));
		if (n < 0 || (size_t)n >= sizeof(line) ||
		    !clean(line, (size_t)n))
			return aigw_conf_fail(node, err, "not a header");
		if (add_header(p, line, err))
			return -1;
	}
	return 0;
}

/* One row ------------------------------------------------------------------ */

/* http or https, a host, nothing behind the path. */
static int check_url(struct provider *p, struct aigw_err *err)
{
	static const CURLUPart none[] = {CURLUPART_USER, CURLUPART_PASSWORD,
					 CURLUPART_QUERY, CURLUPART_FRAGMENT};
	CURLU *url = curl_url();
	char *scheme = NULL, *part = NULL;
	size_t len = strlen(p->base_url);
	int rc = 0;

	if (!url || curl_url_set(url, CURLUPART_URL, p->base_url, 0) ||
	    curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) ||
	    (strcmp(scheme, "https") && strcmp(scheme, "http")))
		rc = -1;
	for (size_t i = 0; !rc && i < sizeof(none) / sizeof(*none); i++) {
		if (curl_url_get(url, none[i], &part, 0) == CURLUE_OK)
			rc = -1;
		curl_free(part);
		part = NULL;
	}
	curl_free(scheme);
	curl_url_cleanup(url);
	while (len && p->base_url[len - 1] == '/')
		p->base_url[--len] = '\0';
	if (rc)
		return aigw_fail_as(err, AIGW_E_INTERNAL, "invalid_config",
				    "provider %s: base_url must be http:// or "
				    "https:// with a host and perhaps a path",
				    p->name);
	return 0;
}

static int set_dialect(struct provider *p, struct aigw_err *err)
{
	const char *name = p->dialect_name ? p->dialect_name : p->name;

	if (strcmp(name, "sandbox") == 0)
		return 0;
	p->dialect = aigw_dialect_find(name);
	if (!p->dialect)
		return aigw_fail_as(err, AIGW_E_INTERNAL, "invalid_config",
				    "provider %s: dialect must be openai, "
				    "azure, anthropic or sandbox",
				    p->name);
	if (!p->base_url && p->dialect->base_url) {
		p->base_url = strdup(p->dialect->base_url);
		if (!p->base_url)
			return aigw_fail(err, "out of memory");
	}
	if (!p->base_url)
		return aigw_fail_as(err, AIGW_E_INTERNAL, "invalid_config",
				    "provider %s: base_url is missing",
				    p->name);
	return check_url(p, err);
}

static struct provider *add_row(struct providers *p, const char *name,
				struct aigw_err *err)
{
	struct provider *more = realloc(p->v, (p->n + 1) * sizeof(*more)), *new;

	if (more)
		p->v = more;
	new = more ? &more[p->n] : NULL;
	if (new)
		*new = (struct provider){.name = strdup(name)};
	if (!new || !new->name) {
		aigw_fail(err, "out of memory");
		return NULL;
	}
	p->n++; /* from here on providers_close() frees it */
	if (aigw_opts_defaults(rows, new, err) ||
	    aigw_opts_defaults(sandbox_opts, &new->sandbox, err))
		return NULL;
	return new;
}

/* A provider with no key is one that needs none: a server of one's own. */
static int finish_row(struct provider *p, const char *key_env,
		      struct aigw_err *err)
{
	struct aigw_secret *key = NULL;
	int rc;

	if (set_dialect(p, err))
		return -1;
	if (!p->dialect)
		return 0;
	if (key_env)
		key = aigw_secret_env(key_env, err);
	else if (!aigw_conf_null(p->key))
		key = aigw_secret_conf(p->key, err);
	if (!key && (key_env || !aigw_conf_null(p->key)))
		return aigw_fail_in(err, "provider %s", p->name);
	rc = add_fixed(p, err);
	if (!rc && key)
		rc = add_key(p, key, err);
	if (!rc)
		rc = add_configured(p, err);
	aigw_secret_free(key);
	return rc;
}

/* The sandbox has options of its own, those that a model's name may carry. */
static int conf_sandbox(struct provider *row, const struct aigw_conf *map,
			struct aigw_err *err)
{
	row->dialect_name = strdup("sandbox");
	if (!row->dialect_name)
		return aigw_fail(err, "out of memory");
	for (size_t i = 0; i < aigw_conf_len(map); i++) {
		const struct aigw_conf *node = aigw_conf_at(map, i);
		const char *value = aigw_conf_str(node);

		if (strcmp(aigw_conf_key(node), "dialect") == 0)
			continue;
		if (!value)
			return aigw_conf_fail(node, err, "expected a value");
		if (aigw_opts_set(sandbox_opts, &row->sandbox,
				  aigw_conf_key(node), value, err))
			return aigw_fail_in(err, "%s", aigw_conf_where(node));
	}
	return 0;
}

static int conf_row(struct providers *p, const struct aigw_conf *node,
		    struct aigw_err *err)
{
	const char *name = aigw_conf_key(node);
	const char *dialect = aigw_conf_str(aigw_conf_get(node, "dialect"));
	struct provider *row = add_row(p, name, err);

	if (!row)
		return -1;
	if (!aigw_conf_null(node) && aigw_conf_kind(node) != AIGW_CONF_MAP)
		return aigw_conf_fail(node, err, "a provider must be a map");
	if (strcmp(dialect ? dialect : name, "sandbox") == 0)
		return conf_sandbox(row, node, err);
	return aigw_opts_conf(rows, row, node, NULL, err);
}

static int conf_rows(struct send *s, struct aigw_err *err)
{
	if (aigw_conf_null(s->conf))
		return 0;
	if (aigw_conf_kind(s->conf) != AIGW_CONF_MAP)
		return aigw_conf_fail(s->conf, err, "providers must be a map");
	for (size_t i = 0; i < aigw_conf_len(s->conf); i++)
		if (conf_row(&s->providers, aigw_conf_at(s->conf, i), err))
			return -1;
	return 0;
}

/* --provider, --base-url and --key-env: one row more, or one changed. */
static int flag_row(struct send *s, struct aigw_err *err)
{
	struct providers *p = &s->providers;
	const struct provider *found;
	struct provider *row;

	if (!s->provider) {
		if (!s->key_env && !s->base_url && !s->model)
			return 0;
		return aigw_fail_as(err, AIGW_E_INTERNAL, "usage",
				    "--model, --key-env and --base-url need "
				    "--provider");
	}
	found = provider_find(p, s->provider, strlen(s->provider));
	row = found ? &p->v[found - p->v] : add_row(p, s->provider, err);
	if (!row)
		return -1;
	if (!s->base_url)
		return 0;
	free(row->base_url);
	row->base_url = strdup(s->base_url);
	return row->base_url ? 0 : aigw_fail(err, "out of memory");
}

int providers_open(struct send *s, struct aigw_err *err)
{
	struct providers *p = &s->providers;

	if (conf_rows(s, err) || flag_row(s, err))
		return -1;
	if (!provider_find(p, "sandbox", 7) && !add_row(p, "sandbox", err))
		return -1;
	for (size_t i = 0; i < p->n; i++) {
		bool flagged =
			s->provider && !strcmp(p->v[i].name, s->provider);

		if (finish_row(&p->v[i], flagged ? s->key_env : NULL, err))
			return -1;
	}
	return 0;
}

void providers_close(struct providers *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct provider *row = &p->v[i];

		for (struct curl_slist *h = row->headers; h; h = h->next)
			explicit_bzero(h->data, strlen(h->data));
		curl_slist_free_all(row->headers);
		aigw_opts_release(rows, row);
		free(row->name);
	}
	free(p->v);
	*p = (struct providers){.n = 0};
}
