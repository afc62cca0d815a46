/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bench/clients/payload.h"

static struct payload_filler filler;
static uint8_t body[PAYLOAD_MAX];

static int fill(void **state)
{
	payload_filler_init(&filler);
	return 0;
}

static void takes_a_whole_body_of_any_length(void **state)
{
	for (size_t n = PAYLOAD_MIN; n <= 2048; n++) {
		payload_write(body, n, n, &filler);
		assert_true(payload_is_whole(body, n));
		assert_int_equal(payload_word(body, 0), n);
	}
}

static void sees_a_body_cut_short(void **state)
{
	payload_write(body, 1024, 7, &filler);
	assert_false(payload_is_whole(body, 1023));
	assert_false(payload_is_whole(body, PAYLOAD_MIN - 1));
}

static void sees_another_number_in_front(void **state)
{
	payload_write(body, 100, 7, &filler);
	body[0]++;
	assert_false(payload_is_whole(body, 100));
}

/* As when a receiver reads a ring that its writer has come round to again. */
static void sees_the_halves_of_two_bodies(void **state)
{
	payload_write(body, 1024, 7, &filler);
	payload_write(body + 1024, 1024, 8, &filler);
	memcpy(body + 512, body + 1024 + 512, 512);
	assert_false(payload_is_whole(body, 1024));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_a_whole_body_of_any_length),
		cmocka_unit_test(sees_a_body_cut_short),
		cmocka_unit_test(sees_another_number_in_front),
		cmocka_unit_test(sees_the_halves_of_two_bodies),
	};

	return cmocka_run_group_tests_name("payload", tests, fill, NULL);
}
