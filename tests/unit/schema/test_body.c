/* SPDX-License-Identifier: MIT */

/* Which message a body is, and pools by the hashes of their schemas. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "schema/body.h"
#include "schema/pool_cache.h"
#include "tests/schema/sample.h"

static void assert_name(const char *content_type, const char *expected)
{
	size_t n = 0;
	const char *name =
		body_message_name(content_type, strlen(content_type), &n);

	if (!expected) {
		assert_null(name);
		return;
	}
	assert_non_null(name);
	assert_int_equal(n, strlen(expected));
	assert_memory_equal(name, expected, n);
}

static void a_content_type_names_a_message(void **state)
{
	assert_name("application/protobuf; message=foo.v1.A", "foo.v1.A");
	assert_name("application/x-protobuf;charset=x; messageType=\"B\"", "B");
	assert_name("application/x.y;proto=C; message=D", "C");
	assert_name("text/plain; message=x", NULL);
	assert_name("application/protobuf", NULL);
	assert_name("application/protobuf;", NULL);
	assert_name("application/protobuf; message=", NULL);
	assert_name("application/protobuf; message=\"", NULL);
	assert_name("", NULL);
}

static void a_method_names_two(void **state)
{
	_cleanup_(pool_freep) struct pool *pool = sample_pool();
	const struct pool_message *machine = sample_type(pool, "Machine");
	const char *at = "sample.v1.Machines.Get";
	const char *instance = "$inst.12.sample.v1.Machines.Get";

	assert_ptr_equal(body_type_of_call(pool, at, strlen(at), false),
			 sample_type(pool, "GetRequest"));
	assert_ptr_equal(body_type_of_call(pool, at, strlen(at), true),
			 machine);
	assert_ptr_equal(
		body_type_of_call(pool, instance, strlen(instance), true),
		machine);
	assert_null(body_type_of_call(pool, at, strlen(at) - 1, true));
	assert_null(body_type_of_call(pool, "Get", 3, true));
	assert_null(body_type_of_call(pool, "$inst.", 6, true));
	assert_null(body_type_of_call(pool, "", 0, true));
}

/* ---- pools ---- */

struct source {
	uint8_t *set;
	size_t n;
	unsigned n_loaded;
	int r;
};

/* Hashes that begin with 255 are of no schema, with 254 of a broken one. */
static int load(void *userdata, const uint8_t *hash, const uint8_t **ret_set,
		size_t *ret_n)
{
	struct source *source = userdata;

	source->n_loaded++;
	*ret_set = source->set;
	*ret_n = hash[0] == 254 ? source->n - 1 : source->n;
	return source->r < 0 ? source->r : hash[0] != 255;
}

static int get(struct pool_cache *cache, uint8_t first)
{
	const uint8_t hash[POOL_CACHE_HASH_BYTES] = { first };
	const struct pool *pool = NULL;
	int r = pool_cache_get(cache, hash, &pool);

	assert_true((r == 1) == (pool != NULL));
	return r;
}

static void a_pool_is_read_once(void **state)
{
	struct source source = { 0 };
	struct pool_cache cache;

	source.set = sample_read(&source.n);
	pool_cache_init(&cache, 1 << 30, load, &source);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(get(&cache, 1), 1);
		assert_int_equal(get(&cache, 254), 0);
		assert_int_equal(get(&cache, 255), 0);
	}
	assert_int_equal(source.n_loaded, 3);
	source.r = -EIO;
	assert_int_equal(get(&cache, 1), 1);
	assert_int_equal(get(&cache, 2), -EIO);
	source.r = 0;
	assert_int_equal(get(&cache, 2), 1);
	pool_cache_deinit(&cache);
	free(source.set);
}

static void the_one_used_last_stays(void **state)
{
	struct source source = { 0 };
	struct pool_cache cache;

	source.set = sample_read(&source.n);
	pool_cache_init(&cache, 1 << 30, load, &source);
	for (unsigned i = 1; i <= POOL_CACHE_MAX; i++) {
		assert_int_equal(get(&cache, (uint8_t)i), 1);
		assert_int_equal(get(&cache, 1), 1);
	}
	assert_int_equal(cache.n_freed, 0);
	assert_int_equal(get(&cache, 100), 1);
	assert_int_equal(cache.n_freed, 1);
	source.n_loaded = 0;
	assert_int_equal(get(&cache, 1), 1);
	assert_int_equal(source.n_loaded, 0);
	assert_int_equal(get(&cache, 2), 1);
	assert_int_equal(source.n_loaded, 1);
	pool_cache_deinit(&cache);
	free(source.set);
}

static void memory_is_bounded(void **state)
{
	struct source source = { 0 };
	struct pool_cache cache;

	source.set = sample_read(&source.n);
	pool_cache_init(&cache, 1, load, &source);
	for (uint8_t i = 1; i < 50; i++) {
		assert_int_equal(get(&cache, i), 1);
		assert_int_equal(cache.n_entries, 1);
	}
	pool_cache_deinit(&cache);
	free(source.set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_content_type_names_a_message),
		cmocka_unit_test(a_method_names_two),
		cmocka_unit_test(a_pool_is_read_once),
		cmocka_unit_test(the_one_used_last_stays),
		cmocka_unit_test(memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
