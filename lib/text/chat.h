/* SPDX-License-Identifier: Apache-2.0 */
/* chat.h - what a whole chat request counts: text, roles, tools, images */
#ifndef AIGW_TEXT_CHAT_H
#define AIGW_TEXT_CHAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"
#include "core/json.h"
#include "text/models.h"
#include "text/tokens.h"

struct aigw_chat_count {
	uint64_t n;
	bool exact; /* else an estimate */
};

/*
 * The prompt tokens of a request of OpenAI's chat completions: messages, tools,
 * functions, tool_choice, function_call, response_format. `model` decides what
 * is added to the text (data/models.tsv); NULL: the body's own. `exact` where
 * the rules reproduced every published bill: text, names, function tools; not
 * for images, sound, calls made earlier, schemas of answers, models that are
 * not in the table, or an encoding that is not the model's. What is not known
 * is counted by its strings, never left out. -1 (bad_request) when there is no
 * array of messages, or one is no object.
 *
 * Rules: OpenAI cookbook, How_to_count_tokens_with_tiktoken; the form of tools
 * as in npm openai-chat-tokens, whose cases were compared with bills.
 */
int aigw_chat_count(struct aigw_counter *c, const char *model, size_t len,
		    const struct aigw_val *body, struct aigw_chat_count *out,
		    struct aigw_err *err) AIGW_MUST_CHECK;

/*
 * The size in pixels from the first bytes of a PNG, JPEG, GIF or WebP image
 * in base64; false when it is none of them.
 */
bool aigw_image_size(const char *base64, size_t len, uint32_t *width,
		     uint32_t *height);

/* What an image of that size counts with a model. `low`: detail "low". */
uint64_t aigw_image_tokens(const struct aigw_model *m, uint32_t width,
			   uint32_t height, bool low);

#endif
