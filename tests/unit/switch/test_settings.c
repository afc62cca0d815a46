/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "switch/settings.h"

static struct settings parse(const char *text)
{
	struct settings settings;
	char error[256] = "";

	if (settings_parse("c", text, strlen(text), error, sizeof(error),
			   &settings))
		fail_msg("%s", error);
	return settings;
}

static void what_is_not_set_has_its_default(void **state)
{
	struct settings settings = parse("# nothing\n\n");

	assert_memory_equal(&settings, &settings_defaults, sizeof(settings));
}

static void each_setting_is_read(void **state)
{
	struct settings settings =
		parse("listen shm:/run/x mode 0666 group 100 owner 7\n"
		      "listen tcp://127.0.0.1:7400 plain # only here\n"
		      "listen unix:/run/y\n"
		      "run-folder /run/z\n"
		      "uplink shm:/run/up.sock\n"
		      "log debug\n"
		      "ring-bytes 64K\n"
		      "message-max 1M\n"
		      "subscriptions-max 100000\n"
		      "calls-max 5\n"
		      "open-messages-max 6\n"
		      "deadline-max-ms 7\n"
		      "schemas equal\n"
		      "stream-idle-ms 8");

	assert_int_equal(settings.n_listens, 3);
	assert_string_equal(settings.listens[0].address, "shm:/run/x");
	assert_int_equal(settings.listens[0].access.mode, 0666);
	assert_int_equal(settings.listens[0].access.uid, 7);
	assert_int_equal(settings.listens[0].access.gid, 100);
	assert_false(settings.listens[0].is_plain);
	assert_true(settings.listens[1].is_plain);
	assert_int_equal(settings.listens[2].access.mode, 0600);
	assert_int_equal(settings.listens[2].access.uid, geteuid());
	assert_string_equal(settings.run_folder, "/run/z");
	assert_true(settings.schemas_are_equal);
	assert_string_equal(settings.uplink, "shm:/run/up.sock");
	assert_int_equal(settings.log_level, DIAG_DEBUG);
	assert_int_equal(settings.ring_bytes, 65536);
	assert_int_equal(settings.message_max, 1 << 20);
	assert_int_equal(settings.subscriptions_max, 100000);
	assert_int_equal(settings.calls_max, 5);
	assert_int_equal(settings.open_messages_max, 6);
	assert_int_equal(settings.deadline_max_ms, 7);
	assert_int_equal(settings.stream_idle_ms, 8);
}

static void a_wrong_setting_is_named_with_its_fault(void **state)
{
	static const struct {
		const char *text;
		const char *error;
	} wrong[] = {
		{ "lisen x:y", "c:1: 'lisen' is no setting" },
		{ "listen", "c:1: an address is missing" },
		{ "listen /run/x", "c:1: '/run/x' is no address" },
		{ "listen shm:", "c:1: 'shm:' is no address" },
		{ "listen :x", "c:1: ':x' is no address" },
		{ "listen shm:/x plain",
		  "c:1: 'plain' is no option of shm:/x" },
		{ "listen tcp://x mode 0600",
		  "c:1: 'mode' is no option of tcp://x" },
		{ "listen shm:/x mode", "c:1: 'mode' is no option of shm:/x" },
		{ "listen shm:/x mode 0888", "c:1: '0888' is no mode" },
		{ "listen shm:/x mode 0", "c:1: '0' is no mode" },
		{ "listen shm:/x mode 1777", "c:1: '1777' is no mode" },
		{ "listen shm:/x owner root", "c:1: 'root' is no owner" },
		{ "listen shm:/x group 4294967295",
		  "c:1: '4294967295' is no group" },
		{ "uplink shm", "c:1: 'shm' is no address" },
		{ "uplink shm:", "c:1: 'shm:' is no address" },
		{ "uplink", "c:1: an address is missing" },
		{ "uplink shm:/x plain",
		  "c:1: 'plain' is no option of shm:/x" },
		{ "uplink tcp://h:1 loud",
		  "c:1: 'loud' is no option of tcp://h:1" },
		{ "uplink tcp://h:1 plain x",
		  "c:1: 'x' is no option of tcp://h:1" },
		{ "run-folder run", "c:1: 'run' does not begin with '/'" },
		{ "log loud", "c:1: 'loud' is none of error, warning, info, "
			      "debug" },
		{ "log", "c:1: a line is 'log VALUE'" },
		{ "log info info", "c:1: a line is 'log VALUE'" },
		{ "log info\nlog info", "c:2: 'log' was set in line 1" },
		{ "calls-max 1\n#\ncalls-max 1",
		  "c:3: 'calls-max' was set in line 1" },
		{ "calls-max 0", "c:1: '0' is no number from 1 to 16777216" },
		{ "ring-bytes 2M",
		  "c:1: '2M' is no number from 1024 to 1048576" },
		{ "ring-bytes 3000", "c:1: '3000' is no power of two" },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct settings settings = { .n_listens = 99 };
		char error[256] = "";

		assert_int_equal(settings_parse("c", wrong[i].text,
						strlen(wrong[i].text), error,
						sizeof(error), &settings),
				 -EINVAL);
		assert_string_equal(error, wrong[i].error);
		assert_int_equal(settings.n_listens, 99);
	}
}

static void the_command_line_may_add_an_address(void **state)
{
	struct settings settings = settings_defaults;
	char error[256];

	assert_int_equal(settings_add_listen("--listen",
					     "tcp://127.0.0.1:0 plain", error,
					     sizeof(error), &settings),
			 0);
	assert_int_equal(settings.n_listens, 1);
	assert_true(settings.listens[0].is_plain);
	assert_int_equal(settings_add_listen("--listen", "shm:/x plain", error,
					     sizeof(error), &settings),
			 -EINVAL);
	assert_string_equal(error, "--listen: 'plain' is no option of shm:/x");
	assert_int_equal(settings_add_listen("--listen", "", error,
					     sizeof(error), &settings),
			 -EINVAL);
	assert_string_equal(error, "--listen: an address is missing");
	assert_int_equal(settings.n_listens, 1);
}

static void addresses_are_bounded(void **state)
{
	struct settings settings;
	char text[512] = "";
	char error[512];
	size_t n = 0;

	for (int i = 0; i <= SETTINGS_LISTENS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "listen shm:/%d\n", i);
	assert_int_equal(
		settings_parse("c", text, n, error, sizeof(error), &settings),
		-EINVAL);
	assert_string_equal(error, "c:17: more than 16 addresses");

	memset(text, 'a', sizeof(text));
	memcpy(text, "listen shm:/", 12);
	assert_int_equal(settings_parse("c", text, 7 + 255, error,
					sizeof(error), &settings),
			 0);
	assert_int_equal(settings_parse("c", text, 7 + 256, error,
					sizeof(error), &settings),
			 -EINVAL);
	assert_non_null(strstr(error, "is longer than 255 bytes"));
	text[20] = '\0';
	assert_int_equal(
		settings_parse("c", text, 30, error, sizeof(error), &settings),
		-EINVAL);
}

static void an_address_of_vchan_is_taken_as_it_is(void **state)
{
	static const char text[] = "listen vchan:*/heliograph\n"
				   "listen vchan:7/second # one domain\n";
	struct settings settings;
	char error[256] = "";

	assert_int_equal(settings_parse("c", text, strlen(text), error,
					sizeof(error), &settings),
			 0);
	assert_int_equal(settings.n_listens, 2);
	assert_string_equal(settings.listens[0].address, "vchan:*/heliograph");
	assert_string_equal(settings.listens[1].address, "vchan:7/second");
	/* Each kind of channel has a size of its own. */
	assert_int_equal(settings.ring_bytes, 0);
	assert_int_equal(settings_parse("c", "listen vchan:*/x mode 0666\n", 27,
					error, sizeof(error), &settings),
			 -EINVAL);
	assert_string_equal(error, "c:1: 'mode' is no option of vchan:*/x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_of_vchan_is_taken_as_it_is),
		cmocka_unit_test(what_is_not_set_has_its_default),
		cmocka_unit_test(each_setting_is_read),
		cmocka_unit_test(a_wrong_setting_is_named_with_its_fault),
		cmocka_unit_test(the_command_line_may_add_an_address),
		cmocka_unit_test(addresses_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
