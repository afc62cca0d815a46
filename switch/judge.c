/* SPDX-License-Identifier: MIT */

#include "switch/judge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "switch/policy.h"

enum { EXIT_YES = 0, EXIT_NO = 1, EXIT_BAD = 2, FILE_MAX_BYTES = 1 << 20 };

static int load_file(const char *path, char *error, size_t n_error,
		     struct policy **ret_policy)
{
	_cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_(freep) char *text = malloc(FILE_MAX_BYTES);
	ssize_t n;

	n = fd < 0 || !text ? -1 : read(fd, text, FILE_MAX_BYTES);
	if (n < 0) {
		snprintf(error, n_error, "%s: %s", path, strerror(errno));
		return -errno;
	}
	return policy_parse(path, text, (size_t)n, error, n_error, ret_policy);
}

int judge_check(const char *path)
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	struct stat about;
	char error[512];
	int r;

	if (!stat(path, &about) && S_ISDIR(about.st_mode))
		r = policy_load(path, error, sizeof(error), &policy);
	else
		r = load_file(path, error, sizeof(error), &policy);
	puts(r < 0 ? error : "ok");
	return r < 0 ? EXIT_BAD : EXIT_YES;
}

int judge_say(const char *folder, char *const question[3])
{
	_cleanup_(policy_freep) struct policy *policy = NULL;
	struct policy_verdict verdict;
	enum verb verb;
	char path[4096];
	char text[512];

	snprintf(path, sizeof(path), "%s/policy", folder);
	if (policy_load(path, text, sizeof(text), &policy) < 0) {
		puts(text);
		return EXIT_BAD;
	}
	if (verb_from_name(question[1], &verb) < 0) {
		printf("%s is no verb\n", question[1]);
		return EXIT_BAD;
	}
	verdict = policy_judge(policy, question[0], verb, question[2],
			       strlen(question[2]));
	policy_verdict_text(&verdict, text, sizeof(text));
	puts(text);
	return verdict.is_allowed ? EXIT_YES : EXIT_NO;
}
