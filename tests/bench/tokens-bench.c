/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tokens-bench.c - how many bytes a second the token counter takes
 *
 *     tokens-bench make DIR      write DIR/cjk, base64, chat (of DIR/prose),
 *                                and 16 MB each of one character
 *     tokens-bench ENCODING FILE...
 *
 * One line a file: name, bytes, tokens, MB/s of CPU time as the median of RUNS
 * runs, and of the first one, whose caches are empty. tokens-bench.sh puts it
 * beside tiktoken.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/json.h"
#include "text/tokens.h"

#define RUNS 7
#define TEXT_BYTES (2 * 1024 * 1024)
#define ROW_BYTES (16 * 1024 * 1024)

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "tokens-bench: %s\n", what);
	exit(1);
}

static uint64_t state = 0x2545f4914f6cdd1d;

static uint32_t below(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 32) * n >> 32);
}

static FILE *create(const char *dir, const char *name)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "wb");
	if (!f)
		die(path);
	return f;
}

static char *load(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *s = NULL;
	long n;

	if (!f || fseek(f, 0, SEEK_END) || (n = ftell(f)) < 0)
		die(path);
	rewind(f);
	s = malloc((size_t)n + 1);
	if (!s || fread(s, 1, (size_t)n, f) != (size_t)n)
		die(path);
	fclose(f);
	s[n] = 0;
	*len = (size_t)n;
	return s;
}

/* Common words, the commonest first; their frequency falls as in any text. */
static void make_cjk(FILE *f)
{
	static const char *const words[] = {
		"的",	"是",	  "我们",   "在",     "了",	  "不",
		"有",	"这个",	  "人",	    "他们",   "中国",	  "大",
		"来",	"上",	  "国家",   "和",     "地方",	  "到",
		"时候", "要",	  "说",	    "可以",   "就",	  "出来",
		"会",	"自己",	  "没有",   "生活",   "因为",	  "如果",
		"问题", "工作",	  "社会",   "发展",   "经济",	  "公司",
		"市场", "管理",	  "技术",   "系统",   "研究",	  "学生",
		"老师", "学校",	  "世界",   "历史",   "文化",	  "音乐",
		"天气", "明天",	  "昨天",   "上午",   "医院",	  "医生",
		"身体", "健康",	  "孩子",   "父母",   "朋友",	  "城市",
		"北京", "上海",	  "火车",   "飞机",   "电话",	  "手机",
		"电脑", "网络",	  "信息",   "数据",   "模型",	  "语言",
		"文字", "图书馆", "大学生", "计算机", "人工智能", "环境保护",
		"继续", "认为",	  "表示",   "需要",   "希望",	  "喜欢",
		"觉得", "知道",	  "开始",   "结束",   "重要",	  "简单",
		"困难", "美丽",	  "安静",   "突然",   "虽然",	  "但是",
		"而且", "或者",	  "非常",   "已经",   "正在",	  "将会",
		"苹果", "茶叶",	  "米饭",   "葡萄",   "蝴蝶",	  "麒麟",
		"踌躇", "犹豫",
	};
	static const char *const stops[] = {"，",   "，", "，", "。",
					    "。\n", "？", "、", "："};
	const uint32_t n = sizeof(words) / sizeof(words[0]);
	long sentence = 0;

	while (ftell(f) < TEXT_BYTES) {
		uint32_t rank = below(n + 1) * below(n + 1) / (n + 1);

		fputs(words[rank < n ? rank : n - 1], f);
		if (++sentence > 3 && !below(6)) {
			fputs(stops[below(8)], f);
			sentence = 0;
		}
	}
}

static void make_base64(FILE *f)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";

	for (long i = 0; i < TEXT_BYTES; i++)
		putc(digits[below(64)], f);
}

static void message(struct aigw_json *w, const char *role, const char *prose,
		    size_t len)
{
	size_t n = 40 + below(300), at = below((uint32_t)(len - n));

	/* Whole characters. */
	while (n && (prose[at + n] & 0xc0) == 0x80)
		n--;
	while (n && (prose[at] & 0xc0) == 0x80) {
		at++;
		n--;
	}
	aigw_json_object(w);
	aigw_json_key(w, "role");
	aigw_json_str(w, role);
	aigw_json_key(w, "content");
	aigw_json_strn(w, prose + at, n);
	aigw_json_close(w);
}

static void make_chat(FILE *f, const char *dir)
{
	char path[4096];
	struct aigw_buf line;
	struct aigw_json w;
	size_t len;
	char *prose;

	snprintf(path, sizeof(path), "%s/prose", dir);
	prose = load(path, &len);
	if (len < 1000)
		die("prose is too short");
	aigw_buf_init(&line, 1024 * 1024);
	while (ftell(f) < TEXT_BYTES) {
		line.len = 0;
		aigw_json_init(&w, &line);
		aigw_json_object(&w);
		aigw_json_key(&w, "model");
		aigw_json_str(&w, "gpt-4o");
		aigw_json_key(&w, "seed");
		aigw_json_int(&w, below(1000000000));
		aigw_json_key(&w, "messages");
		aigw_json_array(&w);
		message(&w, "system", prose, len);
		message(&w, "user", prose, len);
		message(&w, "assistant", prose, len);
		aigw_json_close(&w);
		aigw_json_key(&w, "max_tokens");
		aigw_json_int(&w, below(4096));
		aigw_json_close(&w);
		if (aigw_json_end(&w, NULL))
			die("chat");
		fwrite(line.data, 1, line.len, f);
		putc('\n', f);
	}
	aigw_buf_release(&line);
	free(prose);
}

static void make(const char *dir)
{
	static const struct {
		const char *name, c;
	} rows[] = {{"row-dash", '-'},
		    {"row-space", ' '},
		    {"row-a", 'a'},
		    {"row-equals", '='},
		    {"row-line", '\n'}};
	FILE *f = create(dir, "cjk");

	make_cjk(f);
	fclose(f);
	f = create(dir, "base64");
	make_base64(f);
	fclose(f);
	f = create(dir, "chat");
	make_chat(f, dir);
	fclose(f);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f = create(dir, rows[i].name);
		for (long n = 0; n < ROW_BYTES; n++)
			putc(rows[i].c, f);
		fclose(f);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(const struct aigw_encoding *enc, const char *path)
{
	struct aigw_counter *c = aigw_counter_new(enc, NULL);
	double took[RUNS], first;
	const char *name = strrchr(path, '/');
	uint64_t tokens = 0;
	size_t len;
	char *s = load(path, &len);

	if (!c)
		die("out of memory");
	for (int i = 0; i < RUNS; i++) {
		double start = now();

		tokens = aigw_count_text(c, s, len);
		took[i] = now() - start;
	}
	first = took[0];
	qsort(took, RUNS, sizeof(took[0]), by_size);
	printf("%s %zu %llu %.1f %.1f\n", name ? name + 1 : path, len,
	       (unsigned long long)tokens, (double)len / took[RUNS / 2] / 1e6,
	       (double)len / first / 1e6);
	fflush(stdout);
	aigw_counter_free(c);
	free(s);
}

int main(int argc, char **argv)
{
	struct aigw_encoding *enc;
	struct aigw_err err;

	if (argc < 3)
		die("make DIR, or ENCODING FILE...");
	if (!strcmp(argv[1], "make")) {
		make(argv[2]);
		return 0;
	}
	enc = aigw_encoding_open(argv[1], &err);
	if (!enc)
		die(err.text);
	for (int i = 2; i < argc; i++)
		measure(enc, argv[i]);
	aigw_encoding_free(enc);
	return 0;
}
