/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "transports/keyfile.h"

/* The server's public key in ZeroMQ's zmq_curve(7). */
#define KEY "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
static const uint8_t public_bytes[] = {
	0x54, 0xfc, 0xba, 0x24, 0xe9, 0x32, 0x49, 0x96, 0x93, 0x16, 0xfb,
	0x61, 0x7c, 0x87, 0x2b, 0xb0, 0xc1, 0xd1, 0xff, 0x14, 0x80, 0x04,
	0x27, 0xc5, 0x94, 0xcb, 0xfa, 0xcf, 0x1b, 0xc2, 0xd6, 0x52,
};

static char folder[64];

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int make_folder(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/test_keyfile.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	(void)unlink(path_of("a.pub"));
	(void)unlink(path_of("a.key"));
	return rmdir(folder);
}

static void encodes_and_decodes_the_published_example(void **state)
{
	char text[KEYFILE_TEXT_CHARS + 1];
	uint8_t key[TRANSPORT_KEY_BYTES];

	assert_int_equal(keyfile_decode(KEY, 40, key), 0);
	assert_memory_equal(key, public_bytes, sizeof(key));
	keyfile_encode(key, text);
	assert_string_equal(text, KEY);
}

static void refuses_what_is_no_key(void **state)
{
	static const char *const texts[] = {
		"",
		"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf",
		"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf77",
		"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf\"",
		/* The last group is 2^32. */
		"rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H%nSc1",
	};
	uint8_t key[TRANSPORT_KEY_BYTES] = { 7 };

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(
			keyfile_parse_public(texts[i], strlen(texts[i]), key),
			-EINVAL);
	assert_int_equal(key[0], 7);
}

static void takes_a_public_key_with_or_without_its_newline(void **state)
{
	uint8_t key[TRANSPORT_KEY_BYTES];

	assert_int_equal(keyfile_parse_public(KEY "\n", 41, key), 0);
	assert_memory_equal(key, public_bytes, sizeof(key));
	assert_int_equal(keyfile_parse_public(KEY, 40, key), 0);
}

static int parse_pair(const char *text, struct key_pair *ret_pair)
{
	return keyfile_parse_pair(text, strlen(text), ret_pair);
}

static void takes_a_pair_in_any_order_and_nothing_else(void **state)
{
	struct key_pair pair;

	assert_int_equal(parse_pair("public " KEY "\nsecret " KEY "\n", &pair),
			 0);
	assert_int_equal(parse_pair("secret " KEY "\npublic " KEY, &pair), 0);
	assert_memory_equal(pair.secret_key, public_bytes, 32);
	assert_int_equal(parse_pair("public " KEY "\npublic " KEY "\n", &pair),
			 -EINVAL);
	assert_int_equal(parse_pair("public " KEY "\n", &pair), -EINVAL);
	assert_int_equal(
		parse_pair("public " KEY "\nsecret " KEY "\nx\n", &pair),
		-EINVAL);
	assert_int_equal(
		parse_pair("public " KEY "\n\nsecret " KEY "\n", &pair),
		-EINVAL);
}

static void loads_what_it_saved_and_never_writes_over(void **state)
{
	struct key_pair pair, loaded;
	uint8_t key[TRANSPORT_KEY_BYTES];

	memcpy(key, public_bytes, sizeof(key));
	memcpy(pair.public_key, public_bytes, 32);
	memset(pair.secret_key, 0x5a, 32);
	assert_int_equal(keyfile_save_pair(path_of("a.key"), &pair), 0);
	assert_int_equal(keyfile_save_pair(path_of("a.key"), &pair), -EEXIST);
	assert_int_equal(keyfile_load_pair(path_of("a.key"), &loaded), 0);
	assert_memory_equal(&loaded, &pair, sizeof(pair));

	assert_int_equal(keyfile_save_public(path_of("a.pub"), key), 0);
	assert_int_equal(keyfile_save_public(path_of("a.pub"), key), -EEXIST);
	assert_int_equal(
		keyfile_load_public(path_of("a.pub"), loaded.public_key), 0);
	assert_memory_equal(loaded.public_key, key, 32);
}

static void refuses_a_secret_that_others_can_read(void **state)
{
	struct key_pair pair = { { 1 }, { 2 } };

	assert_int_equal(keyfile_save_pair(path_of("a.key"), &pair), 0);
	assert_int_equal(chmod(path_of("a.key"), 0640), 0);
	assert_int_equal(keyfile_load_pair(path_of("a.key"), &pair), -EACCES);
	assert_int_equal(chmod(path_of("a.key"), 0600), 0);
	assert_int_equal(keyfile_load_pair(path_of("a.key"), &pair), 0);
}

static void refuses_a_file_that_is_too_long(void **state)
{
	FILE *file = fopen(path_of("a.pub"), "w");
	uint8_t key[TRANSPORT_KEY_BYTES];

	assert_non_null(file);
	fprintf(file, "%s\n%0300d", KEY, 0);
	fclose(file);
	assert_int_equal(keyfile_load_public(path_of("a.pub"), key), -EINVAL);
	assert_int_equal(keyfile_load_public(path_of("b.pub"), key), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_and_decodes_the_published_example),
		cmocka_unit_test(refuses_what_is_no_key),
		cmocka_unit_test(
			takes_a_public_key_with_or_without_its_newline),
		cmocka_unit_test(takes_a_pair_in_any_order_and_nothing_else),
		cmocka_unit_test_setup_teardown(
			loads_what_it_saved_and_never_writes_over, make_folder,
			remove_folder),
		cmocka_unit_test_setup_teardown(
			refuses_a_secret_that_others_can_read, make_folder,
			remove_folder),
		cmocka_unit_test_setup_teardown(refuses_a_file_that_is_too_long,
						make_folder, remove_folder),
	};

	return cmocka_run_group_tests_name("keyfile", tests, NULL, NULL);
}
