/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entities.c - what is looked for: a pattern that is quick to run, and a check
 *
 * A pattern only has to find the places; whether a card number is one is the
 * check's business. Every repeat is bounded or possessive, so that no text can
 * make PCRE2 backtrack for long.
 */
#include "find.h"

const struct mask_type_info mask_types[MASK_TYPES] = {
	[MASK_EMAIL] = {"EMAIL", false},
	[MASK_CREDIT_CARD] = {"CREDIT_CARD", false},
	[MASK_IBAN] = {"IBAN", false},
	[MASK_PHONE] = {"PHONE", false},
	[MASK_IP] = {"IP", false},
	[MASK_US_SSN] = {"US_SSN", false},
	[MASK_URL_PASSWORD] = {"URL_PASSWORD", true},
	[MASK_JWT] = {"JWT", true},
	[MASK_PRIVATE_KEY] = {"PRIVATE_KEY", true},
	[MASK_AWS_KEY] = {"AWS_KEY", true},
	[MASK_GITHUB_TOKEN] = {"GITHUB_TOKEN", true},
	[MASK_OPENAI_KEY] = {"OPENAI_KEY", true},
	[MASK_ANTHROPIC_KEY] = {"ANTHROPIC_KEY", true},
	[MASK_AZURE_KEY] = {"AZURE_KEY", true},
	[MASK_AIGW_KEY] = {"AIGW_KEY", true},
	[MASK_SECRET] = {"SECRET", true},
	[MASK_TERM] = {"TERM", false},
};

/* A letter of the alphabets that UTF-8 writes in two bytes. */
#define LETTER2 "[\\xC3-\\xD4][\\x80-\\xBF]"
/* Not in the middle of a word. */
#define FRONT "(?<![A-Za-z0-9_]|" LETTER2 ")"
#define BACK "(?![A-Za-z0-9_]|" LETTER2 ")"
#define ASSIGN "[\"']?[ \\t]{0,4}[:=][ \\t]{0,4}[\"']?"

/* clang-format off */
const struct mask_entity mask_entities[] = {
	{MASK_EMAIL, MASK_A,
	 "(?<![A-Za-z0-9._%+'-]|" LETTER2 ")"
	 "(?:[A-Za-z0-9._%+'-]|" LETTER2 "){1,64}+@(?=[A-Za-z0-9]|" LETTER2 ")",
	 mask_check_email},
	{MASK_CREDIT_CARD, MASK_A,
	 "(?<![A-Za-z0-9_+]|" LETTER2 ")[0-9](?:[ .-]?[0-9]){11}",
	 mask_check_card},
	{MASK_IBAN, MASK_A,
	 FRONT "[A-Za-z]{2}[0-9]{2}(?=[ -]?[A-Za-z0-9])", mask_check_iban},
	{MASK_PHONE, MASK_B,
	 "(?<![A-Za-z0-9_+])\\+[ (]{0,2}[1-9]", mask_check_phone},
	{MASK_PHONE, MASK_B,
	 "(?<![A-Za-z0-9_+.,-])00[ ]?[1-9][0-9 ().-]{6}", mask_check_phone_00},
	{MASK_PHONE, MASK_C,
	 "(?<![A-Za-z0-9_+.(-])(?:1[ .-])?\\(?[2-9][0-9]{2}\\)?[ .-]{0,2}"
	 "[2-9][0-9]{2}[ .-]?[0-9]{4}(?![A-Za-z0-9_]|[.-][0-9])",
	 mask_check_phone_us},
	{MASK_PHONE, MASK_C,
	 "(?<![A-Za-z0-9_+.,-])\\(?0[1-9][0-9 ()./-]{5}",
	 mask_check_phone_home},
	{MASK_IP, MASK_B,
	 "(?<![A-Za-z0-9_.])[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}\\.[0-9]{1,3}"
	 "(?![A-Za-z0-9_]|\\.[0-9])",
	 mask_check_ipv4},
	{MASK_IP, MASK_A,
	 "(?<![A-Za-z0-9_:.])[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:"
	 "[0-9A-Fa-f:.]{0,40}",
	 mask_check_ipv6},
	{MASK_US_SSN, MASK_B,
	 "(?<![A-Za-z0-9_.-])[0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{4}"
	 "(?![A-Za-z0-9_]|[.-][0-9])",
	 mask_check_ssn},
	{MASK_URL_PASSWORD, MASK_A,
	 "://[^\\s/?#@:\"'<>]{0,128}:([^\\s/?#\"'<>]{1,256})@",
	 mask_check_password},
	{MASK_URL_PASSWORD, MASK_A,
	 "(?i)[?&;](?:access_?token|id_token|refresh_token|token|api[_-]?key|"
	 "apikey|key|sig|signature|x-amz-signature|password|passwd|pwd|secret|"
	 "client_secret)=([^&\\s#\"'<>]{6,2048})",
	 mask_check_password},
	{MASK_JWT, MASK_A,
	 "(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]++\\.[A-Za-z0-9_-]++"
	 "(?:\\.[A-Za-z0-9_-]*+){1,3}",
	 mask_check_jwt},
	{MASK_PRIVATE_KEY, MASK_A,
	 "-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----",
	 mask_check_pem},
	{MASK_AWS_KEY, MASK_A,
	 FRONT "(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}" BACK, NULL},
	{MASK_AWS_KEY, MASK_B,
	 "(?i)secret_?(?:access_?)?key" ASSIGN
	 "([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])",
	 mask_check_random},
	{MASK_GITHUB_TOKEN, MASK_A,
	 FRONT "gh[pousr]_[A-Za-z0-9]{20,255}" BACK, NULL},
	{MASK_GITHUB_TOKEN, MASK_A,
	 FRONT "github_pat_[A-Za-z0-9_]{22,255}" BACK, NULL},
	{MASK_OPENAI_KEY, MASK_A,
	 FRONT "sk-(?:proj|svcacct|admin|None|or-v1)-[A-Za-z0-9_-]{20,255}",
	 mask_check_random},
	{MASK_OPENAI_KEY, MASK_B,
	 FRONT "sk-[A-Za-z0-9]{20,64}(?![A-Za-z0-9_-])", mask_check_random},
	{MASK_ANTHROPIC_KEY, MASK_A,
	 FRONT "sk-ant-[A-Za-z0-9_-]{20,255}", mask_check_random},
	{MASK_AZURE_KEY, MASK_A,
	 "(?i)(?:Account|SharedAccess|Access)Key=([A-Za-z0-9+/]{40,88}={0,2})",
	 mask_check_random},
	{MASK_AZURE_KEY, MASK_A,
	 FRONT "[A-Za-z0-9]{52}JQQJ9[A-Za-z0-9]{27}" BACK, NULL},
	{MASK_AZURE_KEY, MASK_A,
	 "(?<![A-Za-z0-9_~.-])[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}"
	 "(?![A-Za-z0-9_~-])",
	 NULL},
	{MASK_AZURE_KEY, MASK_B,
	 "(?i)(?:api|subscription|openai)[_-]?key" ASSIGN
	 "([0-9a-f]{32})" BACK,
	 NULL},
	{MASK_AIGW_KEY, MASK_A,
	 FRONT "aigw_live_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,40}" BACK, NULL},
	{MASK_SECRET, MASK_A, FRONT "glpat-[A-Za-z0-9_-]{20,64}", NULL},
	{MASK_SECRET, MASK_A,
	 FRONT "xox[abeprs]-[A-Za-z0-9-]{10,255}", mask_check_random},
	{MASK_SECRET, MASK_A,
	 FRONT "AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])", NULL},
	{MASK_SECRET, MASK_A, FRONT "hf_[A-Za-z0-9]{30,64}" BACK, NULL},
	{MASK_SECRET, MASK_A, FRONT "npm_[A-Za-z0-9]{36}" BACK, NULL},
	{MASK_SECRET, MASK_A, FRONT "pypi-AgEI[A-Za-z0-9_-]{40,255}", NULL},
	{MASK_SECRET, MASK_A,
	 FRONT "[rs]k_live_[A-Za-z0-9]{20,255}" BACK, NULL},
	{MASK_SECRET, MASK_A,
	 FRONT "SG\\.[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])",
	 NULL},
};
/* clang-format on */

const size_t mask_entities_n = sizeof(mask_entities) / sizeof(*mask_entities);
