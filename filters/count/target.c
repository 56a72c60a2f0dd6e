/* SPDX-License-Identifier: Apache-2.0 */
/* target.c - which price and encoding the names in an envelope stand for */
#include <string.h>

#include "count.h"

/* What the sandbox imitates is priced as whose model it is: a rehearsal shows
 * what the performance will cost. */
static const char *const rehearsed[] = {"openai", "anthropic", "google",
					"mistral", NULL};

struct text count_text_of(const struct aigw_val *v)
{
	struct text t = {NULL, 0};

	t.s = aigw_val_str(v, &t.len);
	return t;
}

bool count_text_is(struct text t, const char *s)
{
	return t.s && strlen(s) == t.len && memcmp(s, t.s, t.len) == 0;
}

static const struct aigw_val *item(const struct aigw_val *array, size_t i)
{
	struct aigw_iter it = aigw_iter_init(array);
	const struct aigw_val *v;

	while ((v = aigw_iter_next(&it)) && i > 0)
		i--;
	return v;
}

/* "anthropic.messages": the vendor is before the point. */
static void client_target(const struct aigw_env *env, struct target *t)
{
	const struct aigw_val *api = aigw_env_get(env, "client.api");
	const char *end;

	t->model = count_text_of(aigw_env_get(env, "req.model"));
	t->provider = count_text_of(api);
	if (!t->provider.s)
		t->provider = (struct text){"openai", 6};
	end = memchr(t->provider.s, '.', t->provider.len);
	if (end)
		t->provider.len = (size_t)(end - t->provider.s);
}

static void planned(const struct aigw_val *v, struct target *t)
{
	t->provider = count_text_of(aigw_val_get(v, "provider"));
	t->model = count_text_of(aigw_val_get(v, "model"));
	t->price_as = count_text_of(aigw_val_get(v, "price_as"));
}

bool count_target_at(const struct aigw_env *env, size_t i, struct target *t)
{
	const struct aigw_val *targets = aigw_env_get(env, "plan.targets");

	memset(t, 0, sizeof(*t));
	if (aigw_val_len(targets) == 0) {
		client_target(env, t);
		return i == 0;
	}
	t->planned = true;
	planned(item(targets, i), t);
	return i < aigw_val_len(targets);
}

void count_target_answered(const struct aigw_env *env, struct target *t)
{
	const struct aigw_val *attempts = aigw_env_get(env, "attempts");
	const struct aigw_val *last;
	struct text provider, model;
	size_t n = aigw_val_len(attempts);
	int64_t i = 0;

	last = n ? item(attempts, n - 1) : NULL;
	if (!aigw_val_int(aigw_val_get(last, "target"), &i) || i < 0)
		i = 0;
	count_target_at(env, (size_t)i, t);
	provider = count_text_of(aigw_val_get(last, "provider"));
	model = count_text_of(aigw_val_get(last, "model"));
	if (provider.s)
		t->provider = provider;
	if (model.s)
		t->model = model;
}

static struct text behind(struct text name, const char *cut)
{
	return (struct text){cut + 1, (size_t)(name.s + name.len - cut - 1)};
}

struct text count_target_model(const struct target *t)
{
	struct text name = t->price_as.s ? t->price_as : t->model;
	const char *cut;

	if (!name.s)
		return (struct text){"", 0};
	/* "PROVIDER:MODEL", but "ft:gpt-4o:us:1" is one name */
	cut = memchr(name.s, ':', name.len);
	if (cut && (t->price_as.s || !t->planned) &&
	    strncmp(name.s, "ft:", 3) != 0)
		name = behind(name, cut);
	/* "openai/gpt-4o", as resellers name models */
	cut = memrchr(name.s, '/', name.len);
	return cut ? behind(name, cut) : name;
}

static const struct aigw_price *
find(const struct count *c, struct text provider, struct text model, int64_t in)
{
	struct aigw_price_key key = {.provider = provider.s,
				     .provider_len = provider.len,
				     .model = model.s,
				     .model_len = model.len,
				     .when = time(NULL),
				     .in = in};

	if (!provider.s || !model.s)
		return NULL;
	return aigw_prices_find(c->prices, &key);
}

/* The table's name for a provider of the configuration. */
static struct text table_name(const struct count *c, struct text provider)
{
	for (size_t i = 0; provider.s && i < c->price_as.n; i++) {
		const char *row = c->price_as.v[i];
		const char *cut = strchr(row, '=');
		struct text name = {row, (size_t)(cut - row)};

		if (name.len == provider.len &&
		    memcmp(name.s, provider.s, name.len) == 0)
			return (struct text){cut + 1, strlen(cut + 1)};
	}
	return provider;
}

/* By one model name at one provider. */
static const struct aigw_price *named(const struct count *c,
				      struct text provider, struct text model,
				      int64_t in)
{
	const struct aigw_price *price = find(c, provider, model, in);

	if (price || !count_text_is(provider, "sandbox"))
		return price;
	for (size_t i = 0; rehearsed[i] && !price; i++)
		price = find(c,
			     (struct text){rehearsed[i], strlen(rehearsed[i])},
			     model, in);
	return price;
}

/* "MODEL" at the provider, or "PROVIDER:MODEL". */
static const struct aigw_price *either(const struct count *c,
				       struct text provider, struct text name,
				       int64_t in)
{
	const struct aigw_price *price = named(c, provider, name, in);
	const char *cut = name.s ? memchr(name.s, ':', name.len) : NULL;

	if (price || !cut)
		return price;
	provider = (struct text){name.s, (size_t)(cut - name.s)};
	return named(c, table_name(c, provider), behind(name, cut), in);
}

const struct aigw_price *count_target_price(const struct count *c,
					    const struct target *t,
					    struct text answered, int64_t in)
{
	struct text provider = table_name(c, t->provider);
	const struct aigw_price *price;

	if (t->price_as.s)
		return either(c, provider, t->price_as, in);
	price = named(c, provider, answered, in);
	/* A deployment of Azure's has any name, also that of another model. */
	if (price || count_text_is(provider, "azure"))
		return price;
	return t->planned ? named(c, provider, t->model, in)
			  : either(c, provider, t->model, in);
}
