/* SPDX-License-Identifier: MIT */

/*
 * The files of the configuration: the first byte chooses which. What is wrong
 * is named by its line, and what is taken is within its bounds.
 */

#include <string.h>

#include "switch/enrolment.h"
#include "switch/quota_rules.h"
#include "switch/settings.h"
#include "tests/fuzz/fuzz.h"

static void check_listen(const struct settings_listen *listen)
{
	FUZZ_CHECK(memchr(listen->address, 0, sizeof(listen->address)));
	FUZZ_CHECK(strchr(listen->address, ':'));
	FUZZ_CHECK(listen->access.mode && listen->access.mode <= 0777);
}

static int try_settings(const char *text, size_t n, char *error, size_t n_error)
{
	struct settings settings;
	int r;

	r = settings_parse("f", text, n, error, n_error, &settings);
	if (r)
		return r;
	FUZZ_CHECK(settings.n_listens <= SETTINGS_LISTENS_MAX);
	for (size_t i = 0; i < settings.n_listens; i++)
		check_listen(&settings.listens[i]);
	FUZZ_CHECK(settings.run_folder[0] == '/');
	FUZZ_CHECK(!settings.ring_bytes ||
		   (settings.ring_bytes >= 1024 &&
		    settings.ring_bytes <= 1 << 20 &&
		    !(settings.ring_bytes & (settings.ring_bytes - 1))));
	FUZZ_CHECK(settings.deadline_max_ms && settings.calls_max &&
		   settings.stream_idle_ms && settings.message_max >= 1024);
	return 0;
}

static int try_quotas(const char *text, size_t n, char *error, size_t n_error)
{
	struct quota_rules *rules;
	struct quota_limits limits;
	int r;

	r = quota_rules_parse("f", text, n, error, n_error, &rules);
	if (r)
		return r;
	quota_rules_limits(rules, "vm:web/uid:1000", &limits);
	for (int i = 0; i < N_RESOURCES; i++)
		FUZZ_CHECK(limits.of[i] <= INT64_MAX);
	quota_rules_free(rules);
	return 0;
}

static int try_domain(const char *text, size_t n, char *error, size_t n_error)
{
	struct socket_access access;
	int r;

	r = enrolment_parse_domain("f", text, n, error, n_error, &access);
	if (r)
		return r;
	FUZZ_CHECK(access.mode && access.mode <= 0777);
	FUZZ_CHECK(access.uid != UINT32_MAX && access.gid != UINT32_MAX);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static int (*const tries[])(const char *text, size_t n, char *error,
				    size_t n_error) = {
		try_settings,
		try_quotas,
		try_domain,
	};
	char error[128] = "";
	int r;

	if (!n)
		return 0;
	r = tries[bytes[0] % 3]((const char *)bytes + 1, n - 1, error,
				sizeof(error));
	FUZZ_CHECK(r <= 0);
	FUZZ_CHECK(!r || !strncmp(error, "f:", 2));
	return 0;
}
