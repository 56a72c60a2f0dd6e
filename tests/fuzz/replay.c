/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.c - run a fuzz target over its corpus, without libFuzzer
 *
 *     fuzz-NAME [FILE...]
 *
 * Without FILE it takes every file of $srcdir/tests/fuzz/corpus/NAME. One TAP
 * line a file; the plan comes first, so that a crash shows as missing tests.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_BYTES (16 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A buffer of just the file's size lets ASan see a read past the end. */
static int replay(const char *path)
{
	FILE *f = fopen(path, "rb");
	struct stat st;
	uint8_t *data = NULL;
	int rc = -1;

	if (!f || fstat(fileno(f), &st) < 0)
		goto out;
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_BYTES) {
		errno = EFBIG;
		goto out;
	}
	data = malloc(st.st_size ? (size_t)st.st_size : 1);
	if (!data)
		goto out;
	if (fread(data, 1, (size_t)st.st_size, f) != (size_t)st.st_size)
		goto out;
	LLVMFuzzerTestOneInput(data, (size_t)st.st_size);
	rc = 0;
out:
	if (rc < 0)
		printf("# %s: %s\n", path, strerror(errno));
	free(data);
	if (f)
		fclose(f);
	return rc;
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int replay_all(char **files, int n)
{
	int failed = n == 0;

	printf("1..%d\n", n ? n : 1);
	if (n == 0)
		printf("not ok 1 - the corpus is empty\n");
	for (int i = 0; i < n; i++) {
		const char *base = strrchr(files[i], '/');
		int bad;

		fflush(stdout);
		bad = replay(files[i]) < 0;
		printf("%sok %d - %s\n", bad ? "not " : "", i + 1,
		       base ? base + 1 : files[i]);
		failed |= bad;
	}
	return failed;
}

int main(int argc, char **argv)
{
	const char *srcdir = getenv("srcdir");
	const char *name = strstr(argv[0], "fuzz-");
	struct dirent **found = NULL;
	char dir[4096];
	char **files;
	int n, rc;

	if (argc > 1)
		return replay_all(argv + 1, argc - 1);
	/* the last one: folders may be called fuzz-... too */
	for (const char *s = name; s; s = strstr(s + 1, "fuzz-"))
		name = s;
	snprintf(dir, sizeof(dir), "%s/tests/fuzz/corpus/%s",
		 srcdir ? srcdir : ".", name ? name + strlen("fuzz-") : "");
	n = scandir(dir, &found, visible, alphasort);
	files = calloc(n > 0 ? (size_t)n : 1, sizeof(*files));
	if (n < 0 || !files) {
		printf("1..1\nnot ok 1 - %s: %s\n", dir, strerror(errno));
		free(files);
		return 1;
	}
	for (int i = 0; i < n; i++) {
		if (asprintf(&files[i], "%s/%s", dir, found[i]->d_name) < 0)
			exit(1);
		free(found[i]);
	}
	free(found);
	rc = replay_all(files, n);
	for (int i = 0; i < n; i++)
		free(files[i]);
	free(files);
	return rc;
}
