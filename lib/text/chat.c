/* SPDX-License-Identifier: Apache-2.0 */
/* chat.c - the prompt tokens of a chat request */
#include "text/chat.h"

#include <string.h>

#include "text/chat-int.h"

/* An image whose size is not in the request counts as this square. */
#define IMAGE_SIDE 1024

/* What a response format adds besides its schema: between 20 and 40. */
#define FORMAT_TOKENS 30

int chat_json(struct chat *chat, const struct aigw_val *v,
	      struct aigw_buf *text)
{
	struct aigw_json w;

	aigw_buf_init(text, CHAT_JSON_MAX);
	aigw_json_init(&w, text);
	aigw_json_val(&w, v);
	if (!aigw_json_end(&w, chat->err))
		return 0;
	chat->failed = true;
	aigw_buf_release(text);
	return -1;
}

static void count_str(struct chat *chat, const struct aigw_val *v)
{
	size_t len;
	const char *s = aigw_val_str(v, &len);

	if (s)
		chat->n += aigw_count_text(chat->counter, s, len);
}

/* What nobody has described: its strings. Depth is bounded by the document. */
static void count_any(struct chat *chat, const struct aigw_val *v)
{
	struct aigw_iter it = aigw_iter_init(v);
	const struct aigw_val *member;

	chat->exact = false;
	count_str(chat, v);
	if (aigw_val_type(v) != AIGW_ARRAY && aigw_val_type(v) != AIGW_OBJECT)
		return;
	while ((member = aigw_iter_next(&it)))
		count_any(chat, member);
}

/* {"image_url":{"url":"data:image/png;base64,...","detail":"low"}}, and
 * {"source":{"type":"base64","data":"..."}}. */
static void count_image(struct chat *chat, const struct aigw_val *part)
{
	const struct aigw_val *image = aigw_val_get(part, "image_url");
	const struct aigw_val *data = aigw_val_at(part, "source.data");
	const struct aigw_val *url = aigw_val_get(image, "url");
	uint32_t width, height;
	size_t len = 0;
	const char *s;

	chat->exact = false;
	if (data)
		url = data;
	else if (aigw_val_type(image) == AIGW_STRING)
		url = image;
	s = aigw_val_str(url, &len);
	if (s && !data) {
		const char *comma = len > 5 && !memcmp(s, "data:", 5)
					    ? memchr(s, ',', len)
					    : NULL;

		len = comma ? len - (size_t)(comma + 1 - s) : 0;
		s = comma ? comma + 1 : NULL;
	}
	if (!s || !aigw_image_size(s, len, &width, &height))
		width = height = IMAGE_SIDE;
	chat->n += aigw_image_tokens(chat->model, width, height,
				     aigw_val_is(aigw_val_get(image, "detail"),
						 "low"));
}

/* OpenAI counts 10 tokens a second; 24 kHz of 16 bits, or 128 kbit/s. */
static void count_sound(struct chat *chat, const struct aigw_val *part)
{
	bool wav = aigw_val_is(aigw_val_at(part, "input_audio.format"), "wav");
	size_t len = 0;

	chat->exact = false;
	aigw_val_str(aigw_val_at(part, "input_audio.data"), &len);
	chat->n += (len / 4 * 3) * 10 / (wav ? 48000 : 16000) + 1;
}

static void count_part(struct chat *chat, const struct aigw_val *part)
{
	const struct aigw_val *type = aigw_val_get(part, "type");

	if (aigw_val_is(type, "text"))
		count_str(chat, aigw_val_get(part, "text"));
	else if (aigw_val_is(type, "image_url") || aigw_val_is(type, "image"))
		count_image(chat, part);
	else if (aigw_val_is(type, "input_audio"))
		count_sound(chat, part);
	else
		count_any(chat, part);
}

static void count_content(struct chat *chat, const struct aigw_val *content,
			  bool pad)
{
	struct aigw_iter it = aigw_iter_init(content);
	const struct aigw_val *part;
	size_t len;
	const char *s = aigw_val_str(content, &len);

	if (s) {
		aigw_count_begin(chat->counter, AIGW_SPECIAL_TEXT);
		aigw_count_feed(chat->counter, s, len);
		if (pad)
			aigw_count_feed(chat->counter, "\n", 1);
		chat->n += aigw_count_end(chat->counter);
	} else if (aigw_val_type(content) == AIGW_ARRAY) {
		/* One text is a text; how several are joined is not known. */
		if (aigw_val_len(content) > 1 || pad)
			chat->exact = false;
		while ((part = aigw_iter_next(&it)))
			count_part(chat, part);
	} else if (aigw_val_type(content) != AIGW_NULL) {
		count_any(chat, content);
	}
}

static void count_call(struct chat *chat, const struct aigw_val *call)
{
	if (aigw_val_type(call) != AIGW_OBJECT)
		return;
	chat->n += 3;
	count_str(chat, aigw_val_get(call, "name"));
	count_str(chat, aigw_val_get(call, "arguments"));
}

static void count_calls(struct chat *chat, const struct aigw_val *calls)
{
	struct aigw_iter it = aigw_iter_init(calls);
	const struct aigw_val *v;

	while ((v = aigw_iter_next(&it))) {
		chat->exact = false;
		if (aigw_val_get(v, "function"))
			count_call(chat, aigw_val_get(v, "function"));
		else
			count_any(chat, v);
	}
}

static bool is(const char *key, size_t len, const char *s)
{
	return len == strlen(s) && !memcmp(key, s, len);
}

static void count_message(struct chat *chat, const struct aigw_val *message,
			  bool pad)
{
	struct aigw_iter it = aigw_iter_init(message);
	const struct aigw_val *v;

	chat->n += (uint64_t)chat->model->message;
	while ((v = aigw_iter_next(&it))) {
		if (aigw_val_type(v) == AIGW_NULL)
			continue;
		if (is(it.key, it.key_len, "role")) {
			count_str(chat, v);
			if (aigw_val_is(v, "function"))
				chat->n -= 2;
			if (aigw_val_is(v, "tool"))
				chat->exact = false;
		} else if (is(it.key, it.key_len, "content")) {
			count_content(chat, v, pad);
		} else if (is(it.key, it.key_len, "name")) {
			count_str(chat, v);
			chat->n += (uint64_t)(int64_t)chat->model->in_name;
		} else if (is(it.key, it.key_len, "function_call")) {
			count_call(chat, v);
		} else if (is(it.key, it.key_len, "tool_calls")) {
			count_calls(chat, v);
		} else if (!is(it.key, it.key_len, "tool_call_id")) {
			count_any(chat, v);
		}
	}
}

static int count_messages(struct chat *chat, const struct aigw_val *messages,
			  bool tools, struct aigw_err *err)
{
	struct aigw_iter it = aigw_iter_init(messages);
	const struct aigw_val *v;
	bool system = false;

	if (aigw_val_type(messages) != AIGW_ARRAY)
		return aigw_fail_as(err, AIGW_E_BAD_REQUEST, "bad_request",
				    "messages: expected an array");
	while ((v = aigw_iter_next(&it))) {
		bool first = !system &&
			     aigw_val_is(aigw_val_get(v, "role"), "system");

		if (aigw_val_type(v) != AIGW_OBJECT)
			return aigw_fail_as(err, AIGW_E_BAD_REQUEST,
					    "bad_request",
					    "messages: expected objects");
		count_message(chat, v, first && tools);
		system = system || first;
	}
	chat->n += (uint64_t)chat->model->prime;
	/* Tools are part of the first system message, with a line between. */
	if (system && tools)
		chat->n -= 4;
	return 0;
}

/* "none", "auto", "required", {"name"}, {"type":"function","function":{"name"}}
 */
static void count_choice(struct chat *chat, const struct aigw_val *choice)
{
	const struct aigw_val *name = aigw_val_at(choice, "function.name");

	if (!name)
		name = aigw_val_get(choice, "name");
	if (aigw_val_is(choice, "none")) {
		chat->n += 1;
	} else if (name) {
		chat->n += 4;
		count_str(chat, name);
	} else if (aigw_val_type(choice) != AIGW_NULL &&
		   !aigw_val_is(choice, "auto")) {
		count_any(chat, choice);
	}
}

static void count_format(struct chat *chat, const struct aigw_val *format)
{
	const struct aigw_val *schema =
		aigw_val_at(format, "json_schema.schema");
	struct aigw_buf text;

	if (aigw_val_type(format) == AIGW_NULL ||
	    aigw_val_is(aigw_val_get(format, "type"), "text"))
		return;
	chat->exact = false;
	if (!schema || chat_json(chat, schema, &text))
		return;
	chat->n += FORMAT_TOKENS +
		   aigw_count_text(chat->counter, text.data, text.len);
	aigw_buf_release(&text);
}

int aigw_chat_count(struct aigw_counter *c, const char *model, size_t len,
		    const struct aigw_val *body, struct aigw_chat_count *out,
		    struct aigw_err *err)
{
	struct chat chat = {.counter = c, .err = err};
	const char *own;
	bool tools;

	if (!model) {
		own = aigw_val_str(aigw_val_get(body, "model"), &len);
		model = own ? own : "";
		len = own ? len : 0;
	}
	chat.model = aigw_model_find(model, len);
	if (!chat.model)
		chat.model = aigw_model_assumed();
	chat.exact = chat.model->exact &&
		     !strcmp(chat.model->encoding,
			     aigw_encoding_name(aigw_counter_encoding(c)));
	tools = chat_tools(&chat, body);
	if (count_messages(&chat, aigw_val_get(body, "messages"), tools, err))
		return -1;
	count_format(&chat, aigw_val_get(body, "response_format"));
	if (chat.failed)
		return -1;
	if (tools) {
		count_choice(&chat, aigw_val_get(body, "tool_choice"));
		count_choice(&chat, aigw_val_get(body, "function_call"));
	}
	out->n = chat.n;
	out->exact = chat.exact;
	return 0;
}
