/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timed.c - what a shell command costs: the median of some runs
 *
 *     timed RUNS cpu COMMAND      user and system time of all its processes
 *     timed RUNS wall COMMAND     from exec to exit
 *     timed RUNS first COMMAND    from exec to the end of the first line
 *
 * Prints microseconds. A command that fails ends it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sys/resource.h>
#include <sys/wait.h>

#define RUNS_MAX 100

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "timed: %s\n", what);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double micro(struct timeval t)
{
	return (double)t.tv_sec * 1e6 + (double)t.tv_usec;
}

/* Read all that it says; when was the first line whole? */
static double read_lines(int fd)
{
	static char block[65536];
	double first = 0;
	ssize_t n;

	while ((n = read(fd, block, sizeof(block))) > 0)
		if (first == 0 && memchr(block, '\n', (size_t)n))
			first = now();
	return first;
}

static double run(const char *what, const char *command)
{
	double start = now(), first;
	struct rusage use;
	int fd[2], status;
	pid_t pid;

	if (pipe(fd))
		die("no pipe");
	pid = fork();
	if (pid < 0)
		die("no process");
	if (pid == 0) {
		dup2(fd[1], STDOUT_FILENO);
		close(fd[0]);
		close(fd[1]);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	close(fd[1]);
	first = read_lines(fd[0]);
	close(fd[0]);
	if (wait4(pid, &status, 0, &use) != pid || status)
		die(command);
	if (!strcmp(what, "cpu"))
		return micro(use.ru_utime) + micro(use.ru_stime);
	if (!strcmp(what, "first") && first == 0)
		die("it said nothing");
	return (*what == 'f' ? first : now()) - start;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	double v[RUNS_MAX];
	int i, runs = argc == 4 ? atoi(argv[1]) : 0;

	if (runs < 1 || runs > RUNS_MAX)
		die("usage: timed RUNS cpu|wall|first COMMAND");
	for (i = 0; i < runs; i++)
		v[i] = run(argv[2], argv[3]);
	qsort(v, (size_t)runs, sizeof(*v), by_value);
	printf("%.0f\n", v[runs / 2]);
	return 0;
}
