/* SPDX-License-Identifier: Apache-2.0 */
/* check-stage.c - aigw-check-stage: does a program keep aigw-filters(7)? */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/wait.h>

#include "host.h"

#define PROGRAM "aigw-check-stage"
#define OUTPUT_MAX (256 * 1024 * 1024) /* bytes kept of a program's output */
#define MANY 2000		       /* envelopes in the longer checks */
#define STALL_MAX (64 * 1024 * 1024)   /* bytes taken from a stalled pipe */
#define STALL_MS 1500
#define EVENTS 200		       /* of each of two streams */
#define BIG (4 * 1024 * 1024)
#define ERROR_LINE \
	"{\"aigw\":1,\"id\":\"check-0\",\"req\":{\"model\":\"m\"}," \
	"\"err\":{\"class\":\"policy\",\"message\":\"no\"}}\n"

struct options {
	int64_t deadline;
	bool help, version;
};

static const struct aigw_opt opts[] = {
	{ "deadline", 0, AIGW_OPT_TIME, offsetof(struct options, deadline),
	  "5s", "TIME", "how long one check may take", .min = 1,
	  .max = 600000 },
	{ "help", 'h', AIGW_OPT_FLAG, offsetof(struct options, help), "false",
	  .help = "show this help" },
	{ "version", 'V', AIGW_OPT_FLAG, offsetof(struct options, version),
	  "false", .help = "show the version" },
	{ 0 }
};

/* One run of the program: what it is given and what came of it. */
struct trial {
	char **argv;
	const char *input;
	size_t len;
	size_t hold;	 /* keep stdin open until so many lines came out */
	size_t read_max; /* close its stdout after so many bytes; 0: never */
	bool stall;	 /* read nothing until it takes no more */
	int64_t deadline;

	struct aigw_buf out;
	size_t lines, taken;
	bool timed_out;
	int status; /* exit code, or 128 + signal */
};

static int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static pid_t start(char **argv, int *in, int *out)
{
	int to[2], from[2];
	pid_t pid;

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		return -1;
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		dup2(to[0], 0);
		dup2(from[1], 1);
		signal(SIGPIPE, SIG_DFL);
		execvp(argv[0], argv);
		_exit(errno == ENOENT ? 127 : 126);
	}
	close(to[0]);
	close(from[1]);
	fcntl(to[1], F_SETFL, O_NONBLOCK);
	fcntl(from[0], F_SETFL, O_NONBLOCK);
	*in = to[1];
	*out = from[0];
	return pid;
}

static void shut(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void feed(struct trial *t, int *in)
{
	ssize_t n = write(*in, t->input + t->taken, t->len - t->taken);

	if (n > 0)
		t->taken += (size_t)n;
	else if (n < 0 && errno != EAGAIN)
		shut(in);
	if (t->taken == t->len && t->lines >= t->hold)
		shut(in);
}

static void drain(struct trial *t, int *in, int *out)
{
	char *to = aigw_buf_room(&t->out, 65536), *p, *end;
	ssize_t n = to ? read(*out, to, 65536) : -1;

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			shut(out);
		return;
	}
	t->out.len += (size_t)n;
	for (p = to, end = to + n; (p = memchr(p, '\n', (size_t)(end - p)));
	     p++)
		t->lines++;
	if (t->taken == t->len && t->lines >= t->hold)
		shut(in);
	if (t->read_max && t->out.len >= t->read_max)
		shut(out);
}

static int wait_for(pid_t pid, int64_t until, bool *timed_out)
{
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (clock_ms() > until) {
			*timed_out = true;
			kill(-pid, SIGKILL);
			waitpid(pid, &status, 0);
			break;
		}
		usleep(2000);
	}
	kill(-pid, SIGKILL);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) :
				     WEXITSTATUS(status);
}

/* With `stall`, reading starts when nothing was taken for STALL_MS. */
static bool may_read(struct trial *t, int64_t *idle, size_t *before)
{
	if (!t->stall)
		return true;
	if (t->taken != *before) {
		*before = t->taken;
		*idle = clock_ms();
	}
	if (t->taken >= STALL_MAX || t->taken == t->len ||
	    clock_ms() - *idle > STALL_MS)
		t->stall = false;
	return !t->stall;
}

static void run(struct trial *t)
{
	int64_t until = clock_ms() + t->deadline, idle = clock_ms();
	struct pollfd p[2];
	int in = -1, out = -1;
	size_t before = 0;
	pid_t pid;

	aigw_buf_init(&t->out, OUTPUT_MAX);
	pid = start(t->argv, &in, &out);
	while (pid > 0 && (in >= 0 || out >= 0) && clock_ms() < until) {
		bool reading = may_read(t, &idle, &before);

		p[0].fd = t->taken < t->len ? in : -1;
		p[0].events = POLLOUT;
		p[1].fd = reading ? out : -1;
		p[1].events = POLLIN;
		poll(p, 2, 20);
		if (p[0].fd >= 0 && p[0].revents)
			feed(t, &in);
		if (p[1].fd >= 0 && p[1].revents)
			drain(t, &in, &out);
		if (in >= 0 && !t->len)
			shut(&in);
		if (t->read_max && out < 0 && in < 0)
			break;
	}
	t->timed_out = pid < 0 || (in >= 0 && !t->read_max);
	shut(&in);
	shut(&out);
	t->status = pid < 0 ? 126 : wait_for(pid, until, &t->timed_out);
}

/* Lines to give ------------------------------------------------------------ */

/* A request with members nobody knows and numbers that are easily bent. */
#define UNKNOWN \
	"\"x-unknown\":{\"big\":9007199254740993,\"dec\":1.10,\"e\":1E5}," \
	"\"x-text\":\"\\u0000 caf\xc3\xa9 \xf0\x9f\x98\x80\""

static int put_request(struct aigw_buf *b, unsigned n, size_t pad)
{
	char head[160];
	char *to;
	int len = snprintf(head, sizeof(head),
			   "{\"aigw\":1,\"id\":\"check-%u\",\"op\":\"chat\","
			   "\"req\":{\"model\":\"m\",\"messages\":[{\"role\":"
			   "\"user\",\"content\":\"",
			   n);

	if (aigw_buf_add(b, head, (size_t)len) || !(to = aigw_buf_room(b, pad)))
		return -1;
	memset(to, 'x', pad);
	b->len += pad;
	return aigw_buf_str(b, "\"}]}," UNKNOWN "}\n");
}

static int put_requests(struct aigw_buf *b, unsigned n, size_t pad)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (put_request(b, i, pad))
			return -1;
	return 0;
}

/* What came out --------------------------------------------------------------- */

/* Call `fn` with each line, parsed; false when one is no envelope. */
typedef bool (*line_fn)(void *arg, const struct aigw_env *env);

static bool each_line(const struct trial *t, line_fn fn, void *arg)
{
	const char *p = t->out.data, *end = p + t->out.len, *nl;
	struct aigw_env *env;
	struct aigw_err err;
	bool good = true;

	for (; good && p < end; p = nl + 1) {
		/* As the last line in, the last line out may lack its end. */
		nl = memchr(p, '\n', (size_t)(end - p));
		nl = nl ? nl : end;
		env = aigw_env_parse(p, (size_t)(nl - p), &err);
		good = env && fn(arg, env);
		aigw_env_free(env);
	}
	return good;
}

static bool number_of(const struct aigw_env *env, unsigned *n)
{
	const char *id = aigw_env_id(env, NULL);

	return sscanf(id, "check-%u", n) == 1;
}

struct tally {
	unsigned n, total;
	unsigned char seen[MANY];
};

static bool count_line(void *arg, const struct aigw_env *env)
{
	struct tally *tally = arg;
	unsigned i;

	if (!number_of(env, &i) || i >= tally->n || tally->seen[i])
		return false;
	tally->seen[i] = 1;
	tally->total++;
	return true;
}

static bool each_once(const struct trial *t, unsigned n)
{
	struct tally tally = { .n = n };

	return each_line(t, count_line, &tally) && tally.total == n;
}

static bool clean_end(const struct trial *t)
{
	return t->status == 0 || t->status == 1;
}

/* The checks: what is given, and what is right ----------------------------- */

struct check {
	const char *name;
	struct trial how; /* hold, read_max, stall */
	int (*give)(struct aigw_buf *b);
	bool (*good)(const struct trial *t); /* of one that ended in time */
};

static int give_many(struct aigw_buf *b)
{
	return put_requests(b, MANY, 1500);
}

static bool all_answered(const struct trial *t)
{
	return clean_end(t) && each_once(t, MANY);
}

/* The events of two streams, and their answers behind them. */
static int give_streams(struct aigw_buf *b)
{
	char line[200];
	int i;

	for (i = 0; i < 2 * EVENTS + 2; i++) {
		snprintf(line, sizeof(line),
			 "{\"aigw\":1,\"id\":\"check-%d\",%s,\"seq\":%d}\n", i % 2,
			 i < 2 * EVENTS ? "\"e\":\"d\",\"i\":0,\"t\":\"x\"" :
					  "\"res\":{\"blocks\":[]}",
			 i / 2);
		if (aigw_buf_str(b, line))
			return -1;
	}
	return 0;
}

static bool order_line(void *arg, const struct aigw_env *env)
{
	int64_t seq, *next = arg;
	unsigned i;

	return number_of(env, &i) && i < 2 &&
	       aigw_val_int(aigw_env_get(env, "seq"), &seq) &&
	       seq == next[i]++;
}

static bool in_order(const struct trial *t)
{
	int64_t next[2] = { 0, 0 };

	return clean_end(t) && each_line(t, order_line, next) &&
	       next[0] == EVENTS + 1 && next[1] == EVENTS + 1;
}

static int give_three(struct aigw_buf *b)
{
	return put_requests(b, 3, 10);
}

static bool has_unknown(void *arg, const struct aigw_env *env)
{
	static const char text[] = "\0 caf\xc3\xa9 \xf0\x9f\x98\x80";
	size_t len;
	const char *s = aigw_env_str(env, "x-text", &len);

	(void)arg;
	return s && len == sizeof(text) - 1 && !memcmp(s, text, len) &&
	       aigw_env_get(env, "x-unknown.big");
}

static bool unknown_kept(const struct trial *t)
{
	return t->lines == 3 && each_line(t, has_unknown, NULL);
}

static bool is_spelled(const struct aigw_env *env, const char *path,
		       const char *as)
{
	const char *s = aigw_val_num(aigw_env_get(env, path), NULL);

	return s && !strcmp(s, as);
}

static bool has_numbers(void *arg, const struct aigw_env *env)
{
	(void)arg;
	return is_spelled(env, "x-unknown.big", "9007199254740993") &&
	       is_spelled(env, "x-unknown.dec", "1.10") &&
	       is_spelled(env, "x-unknown.e", "1E5");
}

static bool numbers_kept(const struct trial *t)
{
	return t->lines == 3 && each_line(t, has_numbers, NULL);
}

static int give_error(struct aigw_buf *b)
{
	return aigw_buf_str(b, ERROR_LINE);
}

static bool same_error(const struct trial *t)
{
	return clean_end(t) && t->out.len == strlen(ERROR_LINE) &&
	       !memcmp(t->out.data, ERROR_LINE, t->out.len);
}

static int give_one(struct aigw_buf *b)
{
	return put_requests(b, 1, 10);
}

static bool ended(const struct trial *t)
{
	(void)t;
	return true;
}

static int give_cancel(struct aigw_buf *b)
{
	return put_request(b, 0, 10) ||
			       aigw_buf_str(b, "{\"id\":\"check-0\","
					       "\"e\":\"cancel\"}\n") ||
			       put_request(b, 1, 10) ?
		       -1 :
		       0;
}

static bool three_lines(const struct trial *t)
{
	return clean_end(t) && t->lines == 3;
}

static int give_nothing(struct aigw_buf *b)
{
	(void)b;
	return 0;
}

static bool nothing_out(const struct trial *t)
{
	return t->status == 0 && t->out.len == 0;
}

static int give_torn(struct aigw_buf *b)
{
	int rc = put_requests(b, 2, 10);

	b->len--; /* no line end behind the last */
	return rc;
}

static bool two_answered(const struct trial *t)
{
	return clean_end(t) && each_once(t, 2);
}

static int give_garbage(struct aigw_buf *b)
{
	return put_request(b, 0, 10) ||
			       aigw_buf_str(b, "{\"aigw\":1, not json\n") ||
			       put_request(b, 1, 10) ?
		       -1 :
		       0;
}

/* It may pass garbage on, refuse it or fail loudly; not swallow it. */
static bool not_swallowed(const struct trial *t)
{
	return t->lines >= 3 || t->status != 0;
}

static int give_much(struct aigw_buf *b)
{
	return put_requests(b, MANY, 50000);
}

static int give_big(struct aigw_buf *b)
{
	return put_requests(b, 1, BIG);
}

static bool big_passed(const struct trial *t)
{
	return clean_end(t) && t->lines == 1 && t->out.len > BIG &&
	       each_line(t, has_unknown, NULL);
}

static const struct check checks[] = {
	{ "each request is answered once, under its id", { 0 }, give_many,
	  all_answered },
	{ "events of a stream keep their order", { 0 }, give_streams,
	  in_order },
	{ "unknown members and NUL are kept", { 0 }, give_three,
	  unknown_kept },
	{ "numbers keep their spelling", { 0 }, give_three, numbers_kept },
	{ "an error envelope passes byte for byte", { 0 }, give_error,
	  same_error },
	{ "an answer is flushed while the input is open", { .hold = 1 },
	  give_one, ended },
	{ "a cancel passes and does no harm", { 0 }, give_cancel,
	  three_lines },
	{ "no input is no output and exit code 0", { 0 }, give_nothing,
	  nothing_out },
	{ "a last line without line end is answered", { 0 }, give_torn,
	  two_answered },
	{ "it ends when its reader has gone", { .read_max = 1 }, give_many,
	  ended },
	{ "garbage is refused, passed on or fatal, not swallowed", { 0 },
	  give_garbage, not_swallowed },
	{ "a slow reader loses nothing", { .stall = true }, give_much,
	  all_answered },
	{ "a line of 4 MB passes", { 0 }, give_big, big_passed },
};

/* The exit codes of start() and of shells: there is nothing to test. */
static bool no_program(const struct trial *t)
{
	return t->lines == 0 && (t->status == 126 || t->status == 127);
}

/* `*none`: the program cannot be run at all. */
static bool run_check(const struct check *check, char **argv, int64_t deadline,
		      bool *none)
{
	struct trial t = check->how;
	struct aigw_buf input;
	bool good = false;

	aigw_buf_init(&input, OUTPUT_MAX);
	if (check->give(&input)) {
		printf("# out of memory\n");
		goto out;
	}
	t.argv = argv;
	t.input = input.data;
	t.len = input.len;
	t.deadline = deadline + (t.stall ? STALL_MS : 0);
	run(&t);
	good = !t.timed_out && check->good(&t);
	*none = !good && no_program(&t);
	if (t.timed_out)
		printf("# no end within the deadline; --deadline allows more "
		       "time\n");
	else if (!good)
		printf("# exit code %d, %zu lines out\n", t.status, t.lines);
	aigw_buf_release(&t.out);
out:
	aigw_buf_release(&input);
	return good;
}

static void show_help(void)
{
	printf(PROGRAM " - does a program keep the filter protocol?\n\n"
		       "Examples:\n"
		       "  $ aigw check-stage -- jq -c --unbuffered .\n"
		       "  $ aigw check-stage --deadline 20s -- ./my-filter\n\n"
		       "Usage: aigw check-stage [OPTION]... -- PROGRAM "
		       "[ARGUMENT]...\n\nOptions:\n");
	aigw_opts_help(opts, stdout);
	printf("\nThe output is TAP. See aigw-filters(7).\n");
}

static int run_checks(char **argv, int64_t deadline)
{
	size_t i, n = sizeof(checks) / sizeof(*checks), failed = 0;
	bool none = false;

	printf("TAP version 13\n1..%zu\n", n);
	for (i = 0; i < n && !none; i++) {
		bool good = run_check(&checks[i], argv, deadline, &none);

		printf("%s %zu - %s\n", good ? "ok" : "not ok", i + 1,
		       checks[i].name);
		fflush(stdout);
		failed += !good;
	}
	if (none)
		printf("Bail out! %s cannot be run\n", argv[0]);
	return failed ? AIGW_EXIT_RECORDS : 0;
}

int main(int argc, char **argv)
{
	struct aigw_log log = { stderr, PROGRAM, AIGW_WARNING };
	struct options options = { 0 };
	struct aigw_err err = { 0 };
	int i, end, operands, code = 0;

	/* Options of the program behind "--" are not ours. */
	for (end = 1; end < argc && strcmp(argv[end], "--"); end++)
		;
	signal(SIGPIPE, SIG_IGN);
	if (aigw_opts_defaults(opts, &options, &err) ||
	    aigw_opts_argv(opts, &options, NULL, NULL, end, argv, &operands,
			   NULL, &err)) {
		code = AIGW_EXIT_USAGE;
	} else if (options.help) {
		show_help();
		code = aigw_program_said(&err);
	} else if (options.version) {
		printf(PROGRAM " %s\n", AIGW_VERSION);
		code = aigw_program_said(&err);
	} else if (operands || end + 1 >= argc) {
		aigw_fail(&err, "expected `-- PROGRAM [ARGUMENT]...`; try "
				"--help");
		code = AIGW_EXIT_USAGE;
	} else {
		for (i = end + 1; i < argc; i++)
			argv[i - end - 1] = argv[i];
		argv[argc - end - 1] = NULL;
		code = run_checks(argv, options.deadline);
	}
	if (err.text[0])
		aigw_log(&log, AIGW_ERR, "%s", err.text);
	aigw_opts_release(opts, &options);
	return code;
}
