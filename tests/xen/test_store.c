/* SPDX-License-Identifier: MIT */

/** The world's xenstored, seen by unmodified libxenstore. */

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#include <cmocka.h>

#include "tests/xen/world.h"

enum { WAIT_MS = 5000 };

struct stores {
	struct xen_world world;
	struct xs_handle *dom0;
	struct xs_handle *one;
	struct xs_handle *two;
};

static struct xs_handle *open_in(struct stores *stores, uint32_t domid)
{
	struct xs_handle *xs;

	xen_world_enter(&stores->world, domid);
	xs = xs_open(0);
	assert_non_null(xs);
	return xs;
}

static int set_up(void **state)
{
	struct stores *stores = calloc(1, sizeof(*stores));

	assert_non_null(stores);
	assert_int_equal(xen_world_start(&stores->world), 0);
	assert_int_equal(xen_world_add(&stores->world, 1, "one", "u-1"), 0);
	assert_int_equal(xen_world_add(&stores->world, 2, "two", "u-2"), 0);
	stores->dom0 = open_in(stores, 0);
	stores->one = open_in(stores, 1);
	stores->two = open_in(stores, 2);
	*state = stores;
	return 0;
}

static int tear_down(void **state)
{
	struct stores *stores = *state;

	xs_close(stores->dom0);
	xs_close(stores->one);
	xs_close(stores->two);
	xen_world_stop(&stores->world);
	free(stores);
	return 0;
}

static void expect_text(struct xs_handle *xs, const char *path,
			const char *value)
{
	unsigned n;
	char *got = xs_read(xs, XBT_NULL, path, &n);

	assert_non_null(got);
	assert_string_equal(got, value);
	assert_int_equal(n, strlen(value));
	free(got);
}

static void expect_error(struct xs_handle *xs, const char *path, int error)
{
	unsigned n;

	assert_null(xs_read(xs, XBT_NULL, path, &n));
	assert_int_equal(errno, error);
}

static bool put(struct xs_handle *xs, xs_transaction_t t, const char *path,
		const char *value)
{
	return xs_write(xs, t, path, value, (unsigned)strlen(value));
}

static void allow(struct xs_handle *xs, const char *path, unsigned owner,
		  unsigned reader)
{
	struct xs_permissions perms[] = { { owner, XS_PERM_NONE },
					  { reader, XS_PERM_READ } };

	assert_true(xs_set_permissions(xs, XBT_NULL, path, perms, 2));
}

static void expect_watch(struct xs_handle *xs, const char *path,
			 const char *token)
{
	struct pollfd fd = { .fd = xs_fileno(xs), .events = POLLIN };
	char **event = NULL;

	while (!event) {
		assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
		event = xs_check_watch(xs);
	}
	assert_string_equal(event[XS_WATCH_PATH], path);
	assert_string_equal(event[XS_WATCH_TOKEN], token);
	free(event);
}

/* An answer comes after the events that were there before the question. */
static void expect_no_watch(struct xs_handle *xs)
{
	char **event;

	free(xs_get_domain_path(xs, 0));
	event = xs_check_watch(xs);
	assert_null(event);
}

static void test_keys_of_a_domain(void **state)
{
	struct stores *stores = *state;

	expect_text(stores->one, "domid", "1");
	expect_text(stores->one, "/local/domain/1/name", "one");
	expect_text(stores->one, "vm", "/vm/u-1");
	expect_text(stores->dom0, "domid", "0");
	expect_text(stores->dom0, "/vm/u-2/uuid", "u-2");
	expect_error(stores->one, "/local/domain/2/name", EACCES);
	expect_error(stores->one, "nothing", ENOENT);
	expect_error(stores->one, "/local/domain/2/data/x", EACCES);
	expect_error(stores->dom0, "/local/domain/2/data/x", ENOENT);
	expect_error(stores->dom0, "bad//path", EINVAL);
}

static void test_guest_writes_its_own_only(void **state)
{
	struct stores *stores = *state;

	assert_true(put(stores->one, XBT_NULL, "data/a/b", "x"));
	expect_text(stores->one, "/local/domain/1/data/a/b", "x");
	expect_error(stores->two, "/local/domain/1/data/a/b", EACCES);
	assert_false(put(stores->one, XBT_NULL, "name", "zwei"));
	assert_int_equal(errno, EACCES);
	assert_false(put(stores->one, XBT_NULL, "else", "x"));
	assert_int_equal(errno, EACCES);
	assert_false(put(stores->one, XBT_NULL, "/local/domain/2/data/a", ""));
	assert_int_equal(errno, EACCES);
	assert_true(xs_mkdir(stores->one, XBT_NULL, "data/dir"));
	assert_true(xs_rm(stores->one, XBT_NULL, "data/a"));
	expect_error(stores->one, "data/a/b", ENOENT);
	assert_true(xs_rm(stores->one, XBT_NULL, "data/a"));
	assert_false(xs_rm(stores->one, XBT_NULL, "name"));
}

static void test_permissions_open_a_key(void **state)
{
	struct stores *stores = *state;
	const char *path = "/local/domain/1/data/key";
	struct xs_permissions *perms;
	struct xs_permissions other = { 2, XS_PERM_NONE };
	unsigned n;

	assert_true(put(stores->one, XBT_NULL, path, "x"));
	allow(stores->one, path, 1, 2);
	expect_text(stores->two, path, "x");
	assert_false(put(stores->two, XBT_NULL, path, "y"));
	perms = xs_get_permissions(stores->two, XBT_NULL, path, &n);
	assert_non_null(perms);
	assert_int_equal(n, 2);
	assert_int_equal(perms[0].id, 1);
	assert_int_equal(perms[1].perms, XS_PERM_READ);
	free(perms);
	assert_false(
		xs_set_permissions(stores->one, XBT_NULL, path, &other, 1));
	assert_int_equal(errno, EPERM);
	assert_false(
		xs_set_permissions(stores->two, XBT_NULL, path, &other, 1));
	assert_int_equal(errno, EACCES);
}

static void test_directory_larger_than_a_packet(void **state)
{
	struct stores *stores = *state;
	char path[64];
	char **names;
	unsigned n;

	for (unsigned i = 0; i < 600; i++) {
		snprintf(path, sizeof(path), "/local/domain/1/data/name-%05u",
			 i);
		assert_true(put(stores->dom0, XBT_NULL, path, ""));
	}
	names = xs_directory(stores->one, XBT_NULL, "data", &n);
	assert_non_null(names);
	assert_int_equal(n, 600);
	assert_string_equal(names[599], "name-00599");
	free(names);
}

static void test_watch_fires(void **state)
{
	struct stores *stores = *state;
	const char *key = "/local/domain/1/data/key";

	assert_true(xs_watch(stores->one, "data", "mine"));
	expect_watch(stores->one, "data", "mine");
	assert_true(xs_watch(stores->two, key, "its"));
	expect_watch(stores->two, key, "its");
	assert_true(put(stores->one, XBT_NULL, key, "x"));
	expect_watch(stores->one, "data/key", "mine");
	/* Unreadable, and its parent too: the watch does not tell. */
	expect_no_watch(stores->two);
	allow(stores->one, key, 1, 2);
	expect_watch(stores->two, key, "its");
	assert_true(xs_rm(stores->dom0, XBT_NULL, "/local/domain/1/data"));
	expect_watch(stores->two, key, "its");
	assert_false(xs_watch(stores->two, key, "its"));
	assert_int_equal(errno, EEXIST);
	assert_true(xs_unwatch(stores->two, key, "its"));
	assert_false(xs_unwatch(stores->two, key, "its"));
}

static void test_transaction(void **state)
{
	struct stores *stores = *state;
	xs_transaction_t t = xs_transaction_start(stores->one);

	assert_int_not_equal(t, XBT_NULL);
	assert_true(put(stores->one, t, "data/a/b", "1"));
	assert_true(put(stores->one, t, "data/a/c", "2"));
	expect_error(stores->one, "data/a/b", ENOENT);
	assert_true(xs_transaction_end(stores->one, t, false));
	expect_text(stores->one, "data/a/c", "2");

	t = xs_transaction_start(stores->one);
	assert_true(put(stores->one, t, "data/a/b", "3"));
	assert_true(xs_transaction_end(stores->one, t, true));
	expect_text(stores->one, "data/a/b", "1");

	t = xs_transaction_start(stores->one);
	assert_true(put(stores->one, t, "data/a/b", "4"));
	assert_true(
		put(stores->dom0, XBT_NULL, "/local/domain/1/data/a/b", "5"));
	assert_false(xs_transaction_end(stores->one, t, false));
	assert_int_equal(errno, EAGAIN);
	expect_text(stores->one, "data/a/b", "5");

	/* What it did not look at may change. */
	t = xs_transaction_start(stores->one);
	assert_true(put(stores->one, t, "data/a/b", "6"));
	assert_true(put(stores->dom0, XBT_NULL, "/local/domain/2/data/x", ""));
	assert_true(xs_transaction_end(stores->one, t, false));
	expect_text(stores->one, "data/a/b", "6");
}

static void test_quotas(void **state)
{
	struct stores *stores = *state;
	struct xen_count count;
	char token[16];

	for (unsigned i = 0; i < 128; i++) {
		snprintf(token, sizeof(token), "%u", i);
		assert_true(xs_watch(stores->one, "data", token));
	}
	assert_false(xs_watch(stores->one, "data", "more"));
	assert_int_equal(errno, E2BIG);
	for (unsigned i = 0; i < 10; i++)
		assert_int_not_equal(xs_transaction_start(stores->one), 0);
	assert_int_equal(xs_transaction_start(stores->one), XBT_NULL);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(xen_world_count(&stores->world, 1, &count), 0);
	assert_int_equal(count.watches, 128);
	assert_int_equal(count.transactions, 10);
	assert_int_equal(count.connections, 1);
}

static void test_domains_come_and_go(void **state)
{
	struct stores *stores = *state;
	struct xs_permissions perms[] = { { 0, XS_PERM_NONE },
					  { 2, XS_PERM_READ } };

	assert_true(xs_watch(stores->dom0, "@introduceDomain", "in"));
	expect_watch(stores->dom0, "@introduceDomain", "in");
	assert_true(xs_watch(stores->dom0, "@releaseDomain", "out"));
	expect_watch(stores->dom0, "@releaseDomain", "out");
	assert_true(xs_watch(stores->two, "@releaseDomain", "out"));
	expect_watch(stores->two, "@releaseDomain", "out");
	assert_int_equal(xen_world_add(&stores->world, 9, "n", "u-9"), 0);
	expect_watch(stores->dom0, "@introduceDomain", "in");
	assert_true(xs_is_domain_introduced(stores->dom0, 9));
	assert_int_equal(xen_world_destroy(&stores->world, 9), 0);
	expect_watch(stores->dom0, "@releaseDomain", "out");
	assert_false(xs_is_domain_introduced(stores->dom0, 9));
	expect_error(stores->dom0, "/local/domain/9/name", ENOENT);
	/* Who is nobody hears of it only by the grace of domain 0. */
	expect_no_watch(stores->two);
	assert_false(xs_set_permissions(stores->two, XBT_NULL, "@releaseDomain",
					perms, 2));
	assert_true(xs_set_permissions(stores->dom0, XBT_NULL, "@releaseDomain",
				       perms, 2));
	assert_int_equal(xen_world_shutdown(&stores->world, 1), 0);
	expect_watch(stores->two, "@releaseDomain", "out");
	expect_text(stores->dom0, "/local/domain/1/name", "one");
}

static void test_rename(void **state)
{
	struct stores *stores = *state;

	assert_true(xs_watch(stores->dom0, "/local/domain/1/name", "t"));
	expect_watch(stores->dom0, "/local/domain/1/name", "t");
	assert_int_equal(xen_world_rename(&stores->world, 1, "uno"), 0);
	expect_watch(stores->dom0, "/local/domain/1/name", "t");
	expect_text(stores->one, "name", "uno");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_keys_of_a_domain),
		TEST(test_guest_writes_its_own_only),
		TEST(test_permissions_open_a_key),
		TEST(test_directory_larger_than_a_packet),
		TEST(test_watch_fires),
		TEST(test_transaction),
		TEST(test_quotas),
		TEST(test_domains_come_and_go),
		TEST(test_rename),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
