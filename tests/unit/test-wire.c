/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-wire.c - requests out, answers and streams in, errors, per dialect
 *
 * The expected bytes are written from the providers' public specifications, by
 * way of facts/providers.md 1.1 to 1.4, not from what the code prints.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wire/sse.h"
#include "wire/wire.h"

#define MAX (1024 * 1024)

/* Requests ------------------------------------------------------------------
 */

static void note(void *arg, const char *kind, const char *path, const char *why)
{
	struct aigw_buf *b = arg;

	assert_non_null(why);
	assert_int_equal(aigw_buf_str(b, kind), 0);
	assert_int_equal(aigw_buf_str(b, " "), 0);
	assert_int_equal(aigw_buf_str(b, path), 0);
	assert_int_equal(aigw_buf_str(b, ";"), 0);
}

struct request_case {
	const char *dialect, *api, *model;
	bool stream;
	const char *req, *want, *notes; /* want NULL: it fails */
};

static void check_text(const struct aigw_buf *got, const char *want)
{
	char text[16384];

	assert_true(got->len < sizeof(text));
	memcpy(text, got->data ? got->data : "", got->len);
	text[got->len] = '\0';
	assert_string_equal(text, want);
}

static void check_request(const struct request_case *c)
{
	const struct aigw_dialect *d = aigw_dialect_find(c->dialect);
	struct aigw_buf out, notes;
	struct aigw_err err;
	struct aigw_doc *doc;
	struct aigw_ask ask = {.api = c->api,
			       .text = c->req,
			       .len = strlen(c->req),
			       .model = c->model,
			       .model_len = strlen(c->model),
			       .stream = c->stream,
			       .stream_usage = true,
			       .max_tokens = 4096,
			       .note = note,
			       .note_arg = &notes};

	aigw_buf_init(&out, MAX);
	aigw_buf_init(&notes, MAX);
	doc = aigw_doc_parse(c->req, strlen(c->req), &err);
	assert_non_null(doc);
	ask.req = aigw_doc_root(doc);
	if (!c->want) {
		assert_int_equal(d->request(&ask, &out, &err), -1);
		assert_true(err.class == AIGW_E_TRANSLATE ||
			    err.class == AIGW_E_BAD_REQUEST);
	} else {
		assert_int_equal(d->request(&ask, &out, &err), 0);
		check_text(&out, c->want);
		check_text(&notes, c->notes ? c->notes : "");
	}
	aigw_doc_free(doc);
	aigw_buf_release(&out);
	aigw_buf_release(&notes);
}

#define OAI "openai.chat"
#define ANT "anthropic.messages"
#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define HI_OUT \
	"\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\"," \
	"\"text\":\"hi\"}]}]"
#define HEAD "{\"model\":\"m\",\"max_tokens\":9,"
#define USER(text) \
	"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"" text \
	"\"}]}"

static const struct request_case same[] = {
	/* everything but the model stays, byte for byte */
	{"openai", OAI, "m", false,
	 "{ \"a\" : 1.10,\"model\":\"x\" ,\"z\":\"\\u00e9\",\"b\":1e3}",
	 "{ \"a\" : 1.10,\"model\":\"m\" ,\"z\":\"\\u00e9\",\"b\":1e3}", NULL},
	{"openai", OAI, "m", true, "{\"model\":\"x\"}",
	 "{\"model\":\"m\",\"stream\":true,"
	 "\"stream_options\":{\"include_usage\":true}}",
	 NULL},
	{"openai", OAI, "m", true,
	 "{\"model\":\"x\",\"stream\":false,"
	 "\"stream_options\":{\"include_usage\":false,\"x\":1}}",
	 "{\"model\":\"m\",\"stream\":true,"
	 "\"stream_options\":{\"include_usage\":true,\"x\":1}}",
	 NULL},
	{"openai", OAI, "m", false,
	 "{\"stream_options\":{},\"model\":\"x\",\"stream\":true}",
	 "{\"model\":\"m\",\"stream\":false}", NULL},
	{"azure", OAI, "m\"", false, "{\"ext\":{\"a\":1},\"n\":2}",
	 "{\"n\":2,\"model\":\"m\\\"\"}", NULL},
	{"anthropic", ANT, "m", true, "{\"model\":\"x\",\"top_k\":1}",
	 "{\"model\":\"m\",\"top_k\":1,\"stream\":true}", NULL},
	{"openai", ANT, "m", false, "{}", NULL, NULL},
	{"anthropic", "x.y", "m", false, "{}", NULL, NULL},
};

static const struct request_case translated[] = {
	{"anthropic", OAI, "m", false, "{" HI "}",
	 "{\"model\":\"m\",\"max_tokens\":4096," HI_OUT "}",
	 "added req.max_tokens;"},
	{"anthropic", OAI, "m", true, "{\"max_completion_tokens\":9," HI "}",
	 HEAD HI_OUT ",\"stream\":true}", NULL},
	/* roles */
	{"anthropic", OAI, "m", false,
	 "{\"max_tokens\":9,\"messages\":["
	 "{\"role\":\"system\",\"content\":\"a\"},"
	 "{\"role\":\"developer\",\"content\":[{\"type\":\"text\","
	 "\"text\":\"b\"}]},{\"role\":\"user\",\"content\":\"hi\"}]}",
	 HEAD "\"system\":[{\"type\":\"text\",\"text\":\"a\"},"
	      "{\"type\":\"text\",\"text\":\"b\"}]," HI_OUT "}",
	 NULL},
	{"anthropic", OAI, "m", false,
	 "{\"max_tokens\":9,\"messages\":["
	 "{\"role\":\"user\",\"content\":\"a\"},"
	 "{\"role\":\"system\",\"content\":\"s\"},"
	 "{\"role\":\"user\",\"content\":\"\"},"
	 "{\"role\":\"user\",\"content\":\"b\"},"
	 "{\"role\":\"assistant\",\"content\":\"\"},"
	 "{\"role\":\"assistant\",\"content\":\"c\",\"refusal\":\"no\"}]}",
	 HEAD "\"system\":[{\"type\":\"text\",\"text\":\"s\"}],\"messages\":["
	      "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
	      "\"a\"},{\"type\":\"text\",\"text\":\"b\"}]},"
	      "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\","
	      "\"text\":\"c\"},{\"type\":\"text\",\"text\":\"no\"}]}]}",
	 "changed req.messages;"},
	{"anthropic", OAI, "m", false,
	 "{\"messages\":[{\"role\":\"oracle\",\"content\":\"a\"}]}", NULL,
	 NULL},
	{"anthropic", OAI, "m", false, "{\"messages\":3}", NULL, NULL},
	{"anthropic", OAI, "m", false, "{\"n\":2," HI "}", NULL, NULL},
	/* tool calls and their results: first, together, the last one counts */
	{"anthropic", OAI, "m", false,
	 "{\"max_tokens\":9,\"messages\":[" USER(
		 "q") ","
		      "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":["
		      "{\"id\":\"1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
		      "\"arguments\":\"{\\\"n\\\": 1.10}\"}},"
		      "{\"id\":\"2\",\"type\":\"function\",\"function\":{\"name\":\"g\","
		      "\"arguments\":\"\"}}]},"
		      "{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"old\"},"
		      "{\"role\":\"user\",\"content\":\"and\"},"
		      "{\"role\":\"tool\",\"tool_call_id\":\"2\",\"content\":\"\"},"
		      "{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"new\"}]}",
	 HEAD "\"messages\":[" USER(
		 "q") ","
		      "{\"role\":\"assistant\",\"content\":["
		      "{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"f\",\"input\":"
		      "{\"n\":1.10}},{\"type\":\"tool_use\",\"id\":\"2\",\"name\":"
		      "\"g\",\"input\":{}}]},{\"role\":\"user\",\"content\":["
		      "{\"type\":\"tool_result\",\"tool_use_id\":\"2\"},"
		      "{\"type\":\"tool_result\",\"tool_use_id\":\"1\",\"content\":"
		      "[{\"type\":\"text\",\"text\":\"new\"}]},"
		      "{\"type\":\"text\",\"text\":\"and\"}]}]}",
	 "dropped req.messages;"},
	{"anthropic", OAI, "m", false,
	 "{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\","
	 "\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}]}]}",
	 NULL, NULL},
	/* media */
	{"anthropic", OAI, "m", false,
	 "{\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":["
	 "{\"type\":\"image_url\",\"image_url\":{\"url\":"
	 "\"data:image/png;base64,QUJD\"}},"
	 "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y\"}},"
	 "{\"type\":\"file\",\"file\":{\"file_data\":"
	 "\"data:application/pdf;base64,QQ==\"}},"
	 "{\"type\":\"input_audio\",\"input_audio\":{}},"
	 "{\"type\":\"text\",\"text\":\"t\"}]}]}",
	 HEAD "\"messages\":[{\"role\":\"user\",\"content\":["
	      "{\"type\":\"image\",\"source\":{\"type\":\"base64\","
	      "\"media_type\":\"image/png\",\"data\":\"QUJD\"}},"
	      "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":"
	      "\"https://x/y\"}},{\"type\":\"document\",\"source\":{\"type\":"
	      "\"base64\",\"media_type\":\"application/pdf\",\"data\":\"QQ==\""
	      "}},{\"type\":\"text\",\"text\":\"t\"}]}]}",
	 "dropped req.messages;"},
	{"anthropic", OAI, "m", false,
	 "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
	 "\"image_url\",\"image_url\":{\"url\":\"data:image/png,x\"}}]}]}",
	 NULL, NULL},
	/* tools */
	{"anthropic", OAI, "m", false,
	 "{\"max_tokens\":9," HI ",\"tools\":[{\"type\":\"function\","
	 "\"function\":{\"name\":\"f\",\"description\":\"d\",\"strict\":true,"
	 "\"parameters\":{\"type\":\"object\",\"x\":1.0}}},{\"type\":"
	 "\"function\",\"function\":{\"name\":\"g\"}},{\"type\":\"custom\"}],"
	 "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":"
	 "\"f\"}},\"parallel_tool_calls\":false}",
	 HEAD HI_OUT ",\"tools\":[{\"name\":\"f\",\"description\":\"d\","
		     "\"input_schema\":{\"type\":\"object\",\"x\":1.0},"
		     "\"strict\":true},{\"name\":\"g\",\"input_schema\":"
		     "{\"type\":\"object\"}}],\"tool_choice\":{\"type\":"
		     "\"tool\",\"name\":\"f\",\"disable_parallel_tool_use\":"
		     "true}}",
	 "dropped req.tools;"},
	{"anthropic", OAI, "m", false,
	 "{\"max_tokens\":9," HI ",\"tools\":[{\"function\":{\"name\":\"f\"}}],"
	 "\"tool_choice\":\"required\"}",
	 HEAD HI_OUT ",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":"
		     "\"object\"}}],\"tool_choice\":{\"type\":\"any\"}}",
	 NULL},
	{"anthropic", OAI, "m", false,
	 "{\"max_tokens\":9," HI ",\"tools\":[{\"function\":{\"name\":\"f\"}}],"
	 "\"parallel_tool_calls\":false}",
	 HEAD HI_OUT ",\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":"
		     "\"object\"}}],\"tool_choice\":{\"type\":\"auto\","
		     "\"disable_parallel_tool_use\":true}}",
	 NULL},
	/* numbers and words */
	{"anthropic", OAI, "claude-sonnet-4-5", false,
	 "{\"max_tokens\":9," HI ",\"stop\":\"E\",\"temperature\":1.7,"
	 "\"top_p\":0.10,\"user\":\"u\",\"seed\":1,\"logit_bias\":{},"
	 "\"logprobs\":null}",
	 "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":9," HI_OUT
	 ",\"stop_sequences\":[\"E\"],\"temperature\":1,\"top_p\":0.10,"
	 "\"metadata\":{\"user_id\":\"u\"}}",
	 "changed req.temperature;dropped req.seed;dropped req.logit_bias;"},
	{"anthropic", OAI, "claude-opus-4-7", false,
	 "{\"max_tokens\":9," HI ",\"stop\":[\"E\",\"F\"],\"temperature\":1}",
	 "{\"model\":\"claude-opus-4-7\",\"max_tokens\":9," HI_OUT
	 ",\"stop_sequences\":[\"E\",\"F\"]}",
	 "dropped req.temperature;"},
	/* thinking and schemas, by model */
	{"anthropic", OAI, "claude-opus-4-6", false,
	 "{\"max_tokens\":9," HI ",\"reasoning_effort\":\"high\","
	 "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":"
	 "{\"name\":\"n\",\"schema\":{\"type\":\"object\"}}}}",
	 "{\"model\":\"claude-opus-4-6\",\"max_tokens\":9," HI_OUT
	 ",\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":"
	 "\"high\",\"format\":{\"type\":\"json_schema\",\"schema\":{\"type\":"
	 "\"object\"}}}}",
	 NULL},
	{"anthropic", OAI, "claude-sonnet-4-5", false,
	 "{\"max_tokens\":9000," HI ",\"reasoning_effort\":\"low\","
	 "\"response_format\":{\"type\":\"json_object\"}}",
	 "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":9000," HI_OUT
	 ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2048}}",
	 "dropped req.response_format;"},
	{"anthropic", OAI, "claude-3-5-haiku", false,
	 "{\"max_tokens\":9," HI ",\"reasoning_effort\":\"high\"}",
	 "{\"model\":\"claude-3-5-haiku\",\"max_tokens\":9," HI_OUT "}",
	 "dropped req.reasoning_effort;"},
	/* extras: laid over, but not over what policies looked at */
	{"anthropic", OAI, "m", false,
	 "{" HI ",\"temperature\":0,\"ext\":{\"anthropic\":{\"top_k\":5,"
	 "\"temperature\":0.5,\"max_tokens\":7,\"model\":\"evil\","
	 "\"messages\":[]},\"x\":1}}",
	 "{\"model\":\"m\"," HI_OUT
	 ",\"top_k\":5,\"temperature\":0.5,\"max_tokens\":7}",
	 NULL},
};

static void test_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++)
		check_request(&same[i]);
}

static void test_translated(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(translated) / sizeof(*translated); i++)
		check_request(&translated[i]);
}

static void test_urls(void **state)
{
	static const struct {
		const char *dialect, *base, *version, *model, *want;
	} cases[] = {
		{"openai", "https://h/v1", NULL, "m",
		 "https://h/v1/chat/completions"},
		{"anthropic", "https://h", NULL, "m", "https://h/v1/messages"},
		{"azure", "https://h", NULL, "m",
		 "https://h/openai/v1/chat/completions"},
		{"azure", "https://h", "2024-10-21", "m",
		 "https://h/openai/deployments/m/chat/completions"
		 "?api-version=2024-10-21"},
		{"azure", "https://h", "v&x", "a/../b?c#d e",
		 "https://h/openai/deployments/a%2F..%2Fb%3Fc%23d%20e/"
		 "chat/completions?api-version=v%26x"},
		{"azure", "https://h", "v", "..",
		 "https://h/openai/deployments/%2E%2E/chat/completions"
		 "?api-version=v"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct aigw_place at = {
			.base_url = cases[i].base,
			.api_version = cases[i].version,
			.model = cases[i].model,
			.model_len = strlen(cases[i].model),
		};
		struct aigw_buf out;

		aigw_buf_init(&out, MAX);
		assert_int_equal(
			aigw_dialect_find(cases[i].dialect)->url(&at, &out), 0);
		check_text(&out, cases[i].want);
		aigw_buf_release(&out);
	}
	assert_null(aigw_dialect_find("nobody"));
}

/* Answers and streams -------------------------------------------------------
 */

/* The answer as `res`, a blank, `usage`; what the sink heard must agree. */
struct heard {
	struct aigw_buf text[8];
	size_t blocks, ends;
};

static void hear(void *arg, struct aigw_answer *a, const struct aigw_event *ev)
{
	struct heard *h = arg;

	(void)a;
	if (ev->kind == AIGW_EV_BLOCK)
		assert_int_equal(ev->i, h->blocks++);
	else if (ev->kind == AIGW_EV_END)
		h->ends++;
	else if (ev->part <= AIGW_PART_ARGS && ev->i < 8)
		assert_int_equal(aigw_buf_add(&h->text[ev->i], ev->s, ev->len),
				 0);
}

static void print(const struct aigw_answer *a, struct aigw_buf *out)
{
	struct aigw_json w;
	struct aigw_err err;

	aigw_json_init(&w, out);
	aigw_answer_write(a, &w);
	assert_int_equal(aigw_json_end(&w, &err), 0);
	if (!a->has_usage)
		return;
	assert_int_equal(aigw_buf_str(out, " "), 0);
	aigw_json_init(&w, out);
	aigw_answer_write_usage(a, &w);
	assert_int_equal(aigw_json_end(&w, &err), 0);
}

static void agree(const struct aigw_answer *a, struct heard *h)
{
	assert_int_equal(h->blocks, a->n);
	assert_int_equal(h->ends, a->n);
	for (size_t i = 0; i < a->n && i < 8; i++) {
		bool tool = a->blocks[i].type == AIGW_TOOL_CALL;
		const struct aigw_buf *b =
			&a->blocks[i]
				 .part[tool ? AIGW_PART_ARGS : AIGW_PART_TEXT];

		assert_int_equal(b->len, h->text[i].len);
		if (b->len)
			assert_memory_equal(b->data, h->text[i].data, b->len);
		aigw_buf_release(&h->text[i]);
	}
}

static void start(struct aigw_answer *a, struct heard *h)
{
	memset(h, 0, sizeof(*h));
	for (size_t i = 0; i < 8; i++)
		aigw_buf_init(&h->text[i], MAX);
	aigw_answer_init(a, MAX, hear, h);
}

struct answer_case {
	const char *dialect, *in, *want; /* want NULL: it fails */
};

static void check_answer(const struct answer_case *c)
{
	const struct aigw_dialect *d = aigw_dialect_find(c->dialect);
	struct aigw_answer a;
	struct aigw_buf out;
	struct aigw_err err;
	struct heard h;
	struct aigw_doc *doc = aigw_doc_parse(c->in, strlen(c->in), &err);

	assert_non_null(doc);
	start(&a, &h);
	aigw_buf_init(&out, MAX);
	if (!c->want) {
		assert_int_equal(d->answer(&a, aigw_doc_root(doc), &err), -1);
		assert_int_equal(err.class, AIGW_E_UPSTREAM);
	} else {
		assert_int_equal(d->answer(&a, aigw_doc_root(doc), &err), 0);
		print(&a, &out);
		check_text(&out, c->want);
		agree(&a, &h);
	}
	for (size_t i = 0; i < 8; i++)
		aigw_buf_release(&h.text[i]);
	aigw_buf_release(&out);
	aigw_answer_release(&a);
	aigw_doc_free(doc);
}

static const struct answer_case answers[] = {
	{"openai",
	 "{\"id\":\"i\",\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":"
	 "{\"role\":\"assistant\",\"content\":\"Hi\",\"refusal\":null},"
	 "\"finish_reason\":\"length\"}],\"usage\":{\"prompt_tokens\":5,"
	 "\"completion_tokens\":3,\"prompt_tokens_details\":{\"cached_tokens\":"
	 "2},\"completion_tokens_details\":{\"reasoning_tokens\":1}}}",
	 "{\"id\":\"i\",\"model\":\"m\",\"blocks\":[{\"type\":\"text\","
	 "\"text\":\"Hi\"}],\"finish\":\"length\",\"finish_raw\":\"length\"} "
	 "{\"in\":5,\"out\":3,\"cached\":2,\"reasoning\":1,\"source\":"
	 "\"provider\",\"raw\":{\"prompt_tokens\":5,\"completion_tokens\":3,"
	 "\"prompt_tokens_details\":{\"cached_tokens\":2},"
	 "\"completion_tokens_details\":{\"reasoning_tokens\":1}}}"},
	{"azure", /* reasoning, refusal, calls; arguments keep their spelling */
	 "{\"choices\":[{\"message\":{\"content\":null,\"reasoning_content\":"
	 "\"hm\",\"refusal\":\"no\",\"tool_calls\":[{\"id\":\"1\",\"function\":"
	 "{\"name\":\"f\",\"arguments\":\"{ \\\"a\\\":1.0}\"}},{\"id\":\"2\","
	 "\"function\":{\"name\":\"g\",\"arguments\":{\"b\":1.10}}}]},"
	 "\"finish_reason\":\"tool_calls\"}]}",
	 "{\"blocks\":[{\"type\":\"reasoning\",\"text\":\"hm\"},{\"type\":"
	 "\"refusal\",\"text\":\"no\"},{\"type\":\"tool_call\",\"id\":\"1\","
	 "\"name\":\"f\",\"args\":\"{ \\\"a\\\":1.0}\"},{\"type\":"
	 "\"tool_call\",\"id\":\"2\",\"name\":\"g\",\"args\":"
	 "\"{\\\"b\\\":1.10}\"}],\"finish\":\"tool_calls\",\"finish_raw\":"
	 "\"tool_calls\"}"},
	{"openai", /* n = 2 */
	 "{\"choices\":[{\"index\":0,\"message\":{\"content\":\"a\"},"
	 "\"finish_reason\":\"stop\"},{\"index\":1,\"message\":{\"content\":"
	 "\"b\"},\"finish_reason\":\"content_filter\"}]}",
	 "{\"blocks\":[{\"type\":\"text\",\"text\":\"a\"},{\"choice\":1,"
	 "\"type\":\"text\",\"text\":\"b\"}],\"finish\":\"stop\","
	 "\"finish_raw\":\"stop\",\"finishes\":[\"stop\","
	 "\"content_filter\"]}"},
	{"openai", "{\"choices\":[{\"message\":{\"content\":\"a\"}}]}", NULL},
	{"openai", "{\"choices\":[]}", NULL},
	{"openai", "{\"ok\":true}", NULL},
	{"openai", "[]", NULL},
	{"openai",
	 "{\"choices\":[{\"index\":128,\"message\":{\"content\":\"a\"},"
	 "\"finish_reason\":\"stop\"}]}",
	 NULL},
	{"anthropic", /* usage leaves the cache out; ours takes it in */
	 "{\"id\":\"i\",\"model\":\"m\",\"content\":[{\"type\":\"thinking\","
	 "\"thinking\":\"hm\",\"signature\":\"S\"},{\"type\":"
	 "\"redacted_thinking\",\"data\":\"R\"},{\"type\":\"text\",\"text\":"
	 "\"Hi\"},{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"f\",\"input\":"
	 "{}},{\"type\":\"server_tool_use\",\"id\":\"2\",\"input\":{\"q\":"
	 "1.0}}],\"stop_reason\":\"tool_use\",\"usage\":{\"input_tokens\":1,"
	 "\"cache_creation_input_tokens\":10,\"cache_read_input_tokens\":100,"
	 "\"output_tokens\":7,\"output_tokens_details\":{\"thinking_tokens\":"
	 "4}}}",
	 "{\"id\":\"i\",\"model\":\"m\",\"blocks\":[{\"type\":\"reasoning\","
	 "\"text\":\"hm\",\"signature\":\"S\"},{\"type\":\"reasoning\","
	 "\"text\":\"\",\"redacted\":\"R\"},{\"type\":\"text\",\"text\":\"Hi\"}"
	 ",{\"type\":\"tool_call\",\"id\":\"1\",\"name\":\"f\",\"args\":"
	 "\"{}\"},{\"type\":\"x.anthropic.server_tool_use\",\"raw\":{\"type\":"
	 "\"server_tool_use\",\"id\":\"2\",\"input\":{\"q\":1.0}}}],"
	 "\"finish\":\"tool_calls\",\"finish_raw\":\"tool_use\"} "
	 "{\"in\":111,\"out\":7,\"cached\":100,\"cache_write\":10,"
	 "\"reasoning\":4,\"source\":\"provider\",\"raw\":{\"input_tokens\":1,"
	 "\"cache_creation_input_tokens\":10,\"cache_read_input_tokens\":100,"
	 "\"output_tokens\":7,\"output_tokens_details\":{\"thinking_tokens\":"
	 "4}}}"},
	{"anthropic",
	 "{\"content\":[{\"type\":\"text\",\"text\":\"\"}],\"stop_reason\":"
	 "\"refusal\"}",
	 "{\"blocks\":[{\"type\":\"text\",\"text\":\"\"}],\"finish\":"
	 "\"content_filter\",\"finish_raw\":\"refusal\"}"},
	{"anthropic",
	 "{\"content\":[],\"stop_reason\":\"model_context_window_exceeded\"}",
	 "{\"blocks\":[],\"finish\":\"length\",\"finish_raw\":"
	 "\"model_context_window_exceeded\"}"},
	{"anthropic", "{\"content\":[]}", NULL},
	{"anthropic", "{\"content\":[{}],\"stop_reason\":\"end_turn\"}", NULL},
};

static void test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++)
		check_answer(&answers[i]);
}

/* 1: the dialect said it was over; 0: the bytes ended; -1: a fault. */
static int run_stream(const struct aigw_dialect *d, const char *in, size_t len,
		      size_t at, struct aigw_answer *a, struct aigw_fault *f)
{
	struct aigw_sse s;
	struct aigw_sse_event ev;
	struct aigw_err err;
	int rc = 0, got;

	aigw_sse_init(&s, MAX);
	aigw_fault_init(f, "stream");
	for (size_t i = 0; rc == 0 && i <= len;) {
		size_t n = i < at ? at : len - i;

		assert_int_equal(aigw_sse_feed(&s, in + i, n, &err), 0);
		i += n;
		while (rc == 0 &&
		       (got = i == len ? aigw_sse_finish(&s, &ev, &err)
				       : aigw_sse_next(&s, &ev, &err)) > 0)
			rc = d->event(a, ev.data, ev.data_len, f);
		if (i == len)
			break;
	}
	aigw_sse_release(&s);
	return rc;
}

static void check_stream(const struct answer_case *c, int over)
{
	const struct aigw_dialect *d = aigw_dialect_find(c->dialect);
	size_t len = strlen(c->in);

	for (size_t at = 0; at <= len; at++) {
		struct aigw_answer a;
		struct aigw_fault f;
		struct aigw_buf out;
		struct heard h;

		start(&a, &h);
		aigw_buf_init(&out, MAX);
		assert_int_equal(run_stream(d, c->in, len, at, &a, &f), over);
		assert_int_equal(aigw_answer_complete(&a), c->want != NULL);
		if (c->want) {
			print(&a, &out);
			check_text(&out, c->want);
			agree(&a, &h);
		}
		for (size_t i = 0; i < 8; i++)
			aigw_buf_release(&h.text[i]);
		aigw_buf_release(&out);
		aigw_answer_release(&a);
	}
}

#define D(json) "data: " json "\n\n"
#define DELTA(json) \
	D("{\"choices\":[{\"index\":0,\"delta\":" json \
	  ",\"finish_reason\":null}]}")
#define STOP(word) \
	D("{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" word \
	  "\"}]}")
#define CALL(json) DELTA("{\"tool_calls\":[" json "]}")

static const struct answer_case streams_done[] = {
	{"azure", /* Azure's first chunk has no choices; usage comes last */
	 D("{\"id\":\"\",\"model\":\"\",\"choices\":[],"
	   "\"prompt_filter_results\":[]}")
		 D("{\"id\":\"i\",\"model\":\"m\",\"choices\":[{\"index\":0,"
		   "\"delta\":{\"role\":\"assistant\",\"content\":\"\"},"
		   "\"finish_reason\":null}],\"usage\":null}")
			 DELTA("{\"content\":\"H\xc3\xa4\"}") DELTA(
				 "{\"content\":\"llo\"}") STOP("stop")
				 D("{\"choices\":[],\"usage\":"
				   "{\"prompt_tokens\":5,"
				   "\"completion_tokens\":0}}") D("[DONE]"),
	 "{\"id\":\"i\",\"model\":\"m\",\"blocks\":[{\"type\":\"text\","
	 "\"text\":\"H\xc3\xa4llo\"}],\"finish\":\"stop\",\"finish_raw\":"
	 "\"stop\"} {\"in\":5,\"out\":0,\"source\":\"provider\",\"raw\":"
	 "{\"prompt_tokens\":5,\"completion_tokens\":0}}"},
	{"openai", /* interleaved calls, by index */
	 CALL("{\"index\":0,\"id\":\"1\",\"function\":{\"name\":\"f\","
	      "\"arguments\":\"\"}}")
		 CALL("{\"index\":1,\"id\":\"2\",\"function\":{\"name\":\"g\","
		      "\"arguments\":\"[\"}}")
			 CALL("{\"index\":0,\"function\":{\"arguments\":"
			      "\"{}\"}}") CALL("{\"index\":1,\"function\":"
					       "{\"arguments\":\"]\"}}")
				 STOP("tool_calls") D("[DONE]"),
	 "{\"blocks\":[{\"type\":\"tool_call\",\"id\":\"1\",\"name\":\"f\","
	 "\"args\":\"{}\"},{\"type\":\"tool_call\",\"id\":\"2\",\"name\":"
	 "\"g\",\"args\":\"[]\"}],\"finish\":\"tool_calls\",\"finish_raw\":"
	 "\"tool_calls\"}"},
	{"openai", /* all calls on index 0; then none has an index */
	 CALL("{\"index\":0,\"id\":\"1\",\"function\":{\"name\":\"f\","
	      "\"arguments\":\"{\"}}")
		 CALL("{\"index\":0,\"function\":{\"arguments\":\"}\"}}") CALL(
			 "{\"index\":0,\"id\":\"2\",\"function\":"
			 "{\"name\":\"g\",\"arguments\":\"a\"}}")
			 CALL("{\"id\":\"3\",\"function\":{\"name\":"
			      "\"h\",\"arguments\":\"b\"}}")
				 CALL("{\"function\":{\"arguments\":"
				      "\"c\"}}") STOP("stop") D("[DONE]"),
	 "{\"blocks\":[{\"type\":\"tool_call\",\"id\":\"1\",\"name\":\"f\","
	 "\"args\":\"{}\"},{\"type\":\"tool_call\",\"id\":\"2\",\"name\":"
	 "\"g\",\"args\":\"a\"},{\"type\":\"tool_call\",\"id\":\"3\",\"name\":"
	 "\"h\",\"args\":\"bc\"}],\"finish\":\"stop\",\"finish_raw\":"
	 "\"stop\"}"},
	{"openai", /* order of kinds; comments, no blank, CR LF, no last LF */
	 ": hi\r\n\r\ndata:{\"choices\":[{\"delta\":{\"reasoning\":\"r\"}}]}"
	 "\r\n\r\ndata:{\"choices\":[{\"delta\":{\"content\":\"t\"}}]}\r\n\r\n"
	 "data:\r\n\r\n" STOP("length") "data: [DONE]",
	 "{\"blocks\":[{\"type\":\"reasoning\",\"text\":\"r\"},{\"type\":"
	 "\"text\",\"text\":\"t\"}],\"finish\":\"length\",\"finish_raw\":"
	 "\"length\"}"},
	{"anthropic",
	 "event: message_start\n" D(
		 "{\"type\":\"message_start\",\"message\":{\"id\":\"i\","
		 "\"model\":\"m\",\"usage\":{\"input_tokens\":1,"
		 "\"cache_read_input_tokens\":4,\"output_tokens\":1}}}")
		 D("{\"type\":\"ping\"}") D(
			 "{\"type\":\"content_block_start\",\"index\":0,"
			 "\"content_block\":{\"type\":\"thinking\","
			 "\"thinking\":\"\"}}") D("{\"type\":\"content_block_delta\",\"index\":0,"
						  "\"delta\":{\"type\":\"thinking_delta\","
						  "\"thinking\":\"hm\"}}")
			 D("{\"type\":\"content_block_delta\","
			   "\"index\":0,\"delta\":{\"type\":"
			   "\"signature_delta\",\"signature\":\"S\"}}") D("{\"type\":\"content_block_stop\","
									  "\"index\":0}")
				 D("{\"type\":\"content_block_start\",\"index\":1,\"content_block\":"
				   "{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"f\",\"input\":{}}}")
					 D("{\"type\":\"content_block_stop\",\"index\":1}")
						 D("{\"type\":\"message_delta\",\"delta\":"
						   "{\"stop_reason\":\"tool_use\"},\"usage\":"
						   "{\"output_tokens\":9}}")
							 D("{\"type\":"
							   "\"message_stop\"}"),
	 "{\"id\":\"i\",\"model\":\"m\",\"blocks\":[{\"type\":\"reasoning\","
	 "\"text\":\"hm\",\"signature\":\"S\"},{\"type\":\"tool_call\","
	 "\"id\":\"1\",\"name\":\"f\",\"args\":\"{}\"}],\"finish\":"
	 "\"tool_calls\",\"finish_raw\":\"tool_use\"} {\"in\":5,\"out\":9,"
	 "\"cached\":4,\"source\":\"provider\",\"raw\":{\"input_tokens\":1,"
	 "\"cache_read_input_tokens\":4,\"output_tokens\":9}}"},
};

/* No [DONE], but every choice has said how it ended. */
static const struct answer_case streams_ended[] = {
	{"openai", DELTA("{\"content\":\"a\"}") STOP("stop"),
	 "{\"blocks\":[{\"type\":\"text\",\"text\":\"a\"}],\"finish\":"
	 "\"stop\",\"finish_raw\":\"stop\"}"},
	/* cut: never a success */
	{"openai", DELTA("{\"content\":\"a\"}"), NULL},
	{"openai", "", NULL},
	{"anthropic",
	 D("{\"type\":\"message_start\",\"message\":{\"id\":\"i\"}}"), NULL},
};

static const struct answer_case streams_bad[] = {
	{"openai",
	 DELTA("{\"content\":\"a\"}") D("{\"error\":{\"message\":"
					"\"x\"}}"),
	 NULL},
	{"openai", D("{nonsense"), NULL},
	{"anthropic",
	 D("{\"type\":\"content_block_delta\",\"index\":3,\"delta\":{\"text\":"
	   "\"a\"}}"),
	 NULL},
	{"anthropic",
	 D("{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
	   "\"message\":\"x\"}}"),
	 NULL},
};

static void test_streams(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(streams_done) / sizeof(*streams_done); i++)
		check_stream(&streams_done[i], 1);
	for (i = 0; i < sizeof(streams_ended) / sizeof(*streams_ended); i++)
		check_stream(&streams_ended[i], 0);
	for (i = 0; i < sizeof(streams_bad) / sizeof(*streams_bad); i++)
		check_stream(&streams_bad[i], -1);
}

/* Errors --------------------------------------------------------------------
 */

static void test_faults(void **state)
{
	static const struct {
		const char *dialect;
		int status;
		const char *body;
		enum aigw_class class;
		int out; /* the status towards the client */
		bool retryable, dead;
		const char *code, *text;
	} cases[] = {
		{"openai", 400,
		 "{\"error\":{\"message\":\"bad\",\"type\":\"t\",\"param\":"
		 "null,\"code\":null}}",
		 AIGW_E_BAD_REQUEST, 400, false, false, "t", "bad"},
		{"openai", 401,
		 "{\"error\":{\"message\":\"key sk-abc\",\"code\":"
		 "\"invalid_api_key\"}}",
		 AIGW_E_AUTH, 502, false, true, "invalid_api_key",
		 "the provider refused the gateway's credentials"},
		{"openai", 403, "", AIGW_E_PERMISSION, 502, false, true, "",
		 "the provider does not permit this to the gateway's "
		 "credentials"},
		{"openai", 429,
		 "{\"error\":{\"message\":\"m\",\"code\":"
		 "\"insufficient_quota\"}}",
		 AIGW_E_QUOTA, 402, false, true, "insufficient_quota", "m"},
		{"openai", 429, "{\"error\":{\"message\":\"slow\\u0007\"}}",
		 AIGW_E_RATE_LIMIT, 429, true, false, "", "slow "},
		{"openai", 429, "{\"error\":{\"message\":\"m\",\"code\":429}}",
		 AIGW_E_RATE_LIMIT, 429, true, false, "429", "m"},
		{"openai", 400, "{\"error\":\"flat\"}", AIGW_E_BAD_REQUEST, 400,
		 false, false, "", "flat"},
		{"openai", 400,
		 "{\"object\":\"error\",\"message\":\"old\",\"type\":\"x\"}",
		 AIGW_E_BAD_REQUEST, 400, false, false, "x", "old"},
		{"azure", 400,
		 "{\"error\":{\"message\":\"m\",\"code\":\"content_filter\"}}",
		 AIGW_E_CONTENT_FILTER, 400, false, false, "content_filter",
		 "m"},
		{"azure", 500, "<html>", AIGW_E_UPSTREAM, 502, true, false, "",
		 "the provider answered with status 500"},
		{"openai", 302, "", AIGW_E_UPSTREAM, 502, false, false, "",
		 "the provider answered with status 302"},
		{"openai", 413, "", AIGW_E_TOO_LARGE, 413, false, false, "",
		 "the provider answered with status 413"},
		{"openai", 503, "", AIGW_E_OVERLOADED, 503, true, false, "",
		 "the provider answered with status 503"},
		{"anthropic", 529,
		 "{\"type\":\"error\",\"error\":{\"type\":"
		 "\"overloaded_error\",\"message\":\"m\"}}",
		 AIGW_E_OVERLOADED, 503, true, false, "overloaded_error", "m"},
		{"anthropic", 429,
		 "{\"type\":\"error\",\"error\":{\"type\":"
		 "\"rate_limit_error\",\"message\":\"m\",\"details\":"
		 "{\"error_code\":\"enforced_spend_limit_reached\"}}}",
		 AIGW_E_QUOTA, 402, false, true, "enforced_spend_limit_reached",
		 "m"},
		{"anthropic", 404, "[1]", AIGW_E_NOT_FOUND, 404, false, false,
		 "", "the provider answered with status 404"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct aigw_fault f;

		aigw_fault_init(&f, "headers");
		aigw_fault_read(aigw_dialect_find(cases[i].dialect),
				cases[i].status, cases[i].body,
				strlen(cases[i].body), &f);
		assert_int_equal(f.why.class, cases[i].class);
		assert_int_equal(aigw_fault_status(&f), cases[i].out);
		assert_int_equal(f.retryable, cases[i].retryable);
		assert_int_equal(f.dead, cases[i].dead);
		assert_string_equal(f.code, cases[i].code);
		assert_string_equal(f.why.text, cases[i].text);
		assert_int_equal(f.status, cases[i].status);
	}
}

static void test_bounds(void **state)
{
	struct aigw_answer a;
	struct aigw_err err;
	struct aigw_block_new new = {.type = AIGW_TEXT};

	(void)state;
	aigw_answer_init(&a, 10, NULL, NULL);
	assert_int_equal(aigw_answer_block(&a, &new, &err), 0);
	assert_int_equal(
		aigw_answer_delta(&a, 0, AIGW_PART_TEXT, "123456", 6, &err), 0);
	assert_int_equal(aigw_answer_block(&a, &new, &err), 1);
	assert_int_equal(
		aigw_answer_delta(&a, 1, AIGW_PART_TEXT, "12345", 5, &err), -1);
	assert_int_equal(err.class, AIGW_E_TOO_LARGE);
	while (a.n < AIGW_BLOCKS_MAX)
		assert_true(aigw_answer_block(&a, &new, &err) > 0);
	assert_int_equal(aigw_answer_block(&a, &new, &err), -1);
	aigw_answer_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),
		cmocka_unit_test(test_translated),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
