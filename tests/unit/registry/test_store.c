/* SPDX-License-Identifier: MIT */

/*
 * What is kept is there whatever happens: the process is killed before each
 * of its system calls in turn, each of them fails, any byte is damaged.
 */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "registry/store.h"
#include "tests/fault.h"
#include "tests/unit/registry/sample.h"

/* What the n-th system call that changes something does. */
static struct {
	unsigned n_left;
	bool is_armed;
	bool has_struck;
	int fault; /* an errno, or 0: the process is killed before it */
} strike;

static bool strikes(void)
{
	if (!strike.is_armed || strike.n_left-- > 0)
		return false;
	strike.is_armed = false;
	strike.has_struck = true;
	if (!strike.fault)
		kill(getpid(), SIGKILL);
	errno = strike.fault;
	return true;
}

static void strike_at(unsigned n, int fault)
{
	strike.n_left = n;
	strike.fault = fault;
	strike.has_struck = false;
	strike.is_armed = true;
}

ssize_t __real_write(int fd, const void *bytes, size_t n);
ssize_t __wrap_write(int fd, const void *bytes, size_t n);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_renameat(int from, const char *old, int to, const char *new);
int __wrap_renameat(int from, const char *old, int to, const char *new);
int __real_unlinkat(int fd, const char *path, int flags);
int __wrap_unlinkat(int fd, const char *path, int flags);

/* A part is written before the disk is full, or the process gone. */
ssize_t __wrap_write(int fd, const void *bytes, size_t n)
{
	if (strike.is_armed && strike.n_left == 0 && n > 1)
		(void)__real_write(fd, bytes, n / 2);
	return strikes() ? -1 : __real_write(fd, bytes, n);
}

int __wrap_fsync(int fd)
{
	return strikes() ? -1 : __real_fsync(fd);
}

int __wrap_renameat(int from, const char *old, int to, const char *new)
{
	return strikes() ? -1 : __real_renameat(from, old, to, new);
}

int __wrap_unlinkat(int fd, const char *path, int flags)
{
	return strikes() ? -1 : __real_unlinkat(fd, path, flags);
}

static char folder[] = "/tmp/helio-store-XXXXXX";

static void empty(void)
{
	char command[100];

	snprintf(command, sizeof(command), "rm -rf %s/*", folder);
	assert_int_equal(system(command), 0);
}

static struct store *opened(void)
{
	struct store *store;

	assert_int_equal(store_open(folder, &store), 0);
	return store;
}

/* Returns what store_add() does. */
static int add(struct store *store, const char *package, unsigned n_fields)
{
	struct draft *draft = sample_draft(package, n_fields, "vm:a");
	int r = store_add(store, draft->entry, draft->canonical.set);

	if (!r)
		draft->entry = NULL;
	draft_free(draft);
	return r;
}

static struct entry *find(const struct store *store, const char *package,
			  unsigned n_fields)
{
	struct draft *draft = sample_draft(package, n_fields, "");
	struct entry *entry = store_lookup(store, draft->canonical.hash,
					   CANONICAL_HASH_BYTES);

	draft_free(draft);
	return entry;
}

/* Returns whether it is there, and then whole. */
static bool is_kept(struct store *store, const char *package, unsigned n_fields)
{
	struct entry *entry = find(store, package, n_fields);
	uint8_t *bytes;
	const uint8_t *set;

	if (!entry)
		return false;
	assert_false(entry->is_damaged);
	assert_string_equal(entry->package, package);
	assert_string_equal(entry->principal, "vm:a");
	assert_int_equal(entry->services.n, 1);
	assert_int_equal(store_read(store, entry, &bytes, &set), 0);
	free(bytes);
	return true;
}

static void test_what_was_added_is_there_again(void **state)
{
	struct store *store;

	empty();
	store = opened();
	assert_int_equal(add(store, "a.v1", 1), 0);
	assert_int_equal(add(store, "b.v1", 1), 0);
	assert_int_equal(add(store, "a.v1", 2), 0);
	assert_int_equal(store_pin(store, find(store, "a.v1", 1), true), 0);
	store_free(store);
	store = opened();
	assert_int_equal(store->n_entries, 3);
	assert_true(is_kept(store, "a.v1", 1));
	assert_true(is_kept(store, "b.v1", 1));
	assert_true(is_kept(store, "a.v1", 2));
	assert_ptr_equal(store_base(store, "a.v1"), find(store, "a.v1", 1));
	assert_true(find(store, "a.v1", 2)->number == 3);
	assert_int_equal(store_pin(store, find(store, "a.v1", 1), false), 0);
	assert_ptr_equal(store_base(store, "a.v1"), find(store, "a.v1", 2));
	assert_null(store_base(store, "a"));
	store_free(store);
}

static void test_who_has_the_folder_has_it_alone(void **state)
{
	struct store *store, *other;

	empty();
	store = opened();
	assert_int_equal(store_open(folder, &other), -EWOULDBLOCK);
	store_free(store);
	store_free(opened());
}

/* One that is there; another is added and pinned instead, and one removed. */
static void change(struct store *store)
{
	struct entry *added;

	if (add(store, "a.v1", 2) < 0)
		return;
	added = find(store, "a.v1", 2);
	if (store_pin(store, added, true) < 0)
		return;
	(void)store_forget(store, find(store, "b.v1", 1));
}

static void prepare(void)
{
	struct store *store;

	empty();
	store = opened();
	assert_int_equal(add(store, "a.v1", 1), 0);
	assert_int_equal(add(store, "b.v1", 1), 0);
	assert_int_equal(store_pin(store, find(store, "a.v1", 1), true), 0);
	store_free(store);
}

/* In order, each as a whole or not at all. */
static void check_order(void)
{
	struct store *store = opened();
	const struct entry *base = store_base(store, "a.v1");
	bool is_added = is_kept(store, "a.v1", 2);
	bool is_removed = !is_kept(store, "b.v1", 1);
	bool is_moved = base == find(store, "a.v1", 2);

	assert_true(is_kept(store, "a.v1", 1));
	assert_non_null(base);
	assert_true(base->is_pinned);
	assert_true(is_added || !is_moved);
	assert_true(is_moved || !is_removed);
	store_free(store);
}

static void test_killed_before_each_step(void **state)
{
	unsigned n_killed = 0;
	int status = SIGKILL;

	for (unsigned n = 0; status; n++) {
		pid_t child;

		prepare();
		child = fork();
		assert_true(child >= 0);
		if (child == 0) {
			struct store *store = opened();

			strike_at(n, 0);
			change(store);
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(status == 0 || WTERMSIG(status) == SIGKILL);
		n_killed += status != 0;
		check_order();
	}
	/* Two files and what makes their names last; a name less. */
	assert_int_equal(n_killed, 2 * 4 + 2);
}

static void fail_each_step(int fault)
{
	for (unsigned n = 0; n == 0 || strike.has_struck; n++) {
		struct store *store;

		prepare();
		store = opened();
		strike_at(n, fault);
		change(store);
		strike.is_armed = false;
		/* What it says in memory is true, and it goes on. */
		assert_true(is_kept(store, "a.v1", 1));
		assert_true(store_base(store, "a.v1")->is_pinned);
		if (!find(store, "a.v1", 2))
			assert_int_equal(add(store, "a.v1", 2), 0);
		store_free(store);
		check_order();
		store = opened();
		assert_true(is_kept(store, "a.v1", 2));
		store_free(store);
	}
}

static void test_each_step_fails(void **state)
{
	fail_each_step(EIO);
	fail_each_step(ENOSPC);
}

static void file_path(const struct entry *entry, char path[256])
{
	snprintf(path, 256, "%s/%s", folder, entry->name);
}

static void flip(const char *path, off_t at)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	close(fd);
}

static void assert_damaged(unsigned n_entries)
{
	struct store *store = opened();
	struct entry *entry = find(store, "a.v1", 1);
	const uint8_t *set;
	uint8_t *bytes;

	assert_int_equal(store->n_entries, n_entries);
	assert_non_null(entry);
	assert_true(entry->is_damaged);
	assert_int_equal(store_read(store, entry, &bytes, &set), -EBADMSG);
	store_free(store);
}

static void test_any_byte_is_damaged(void **state)
{
	struct store *store;
	struct stat about;
	char path[256];

	empty();
	store = opened();
	assert_int_equal(add(store, "a.v1", 1), 0);
	file_path(find(store, "a.v1", 1), path);
	store_free(store);
	assert_int_equal(stat(path, &about), 0);
	for (off_t i = 0; i < about.st_size; i++) {
		flip(path, i);
		assert_damaged(1);
		flip(path, i);
	}
	store = opened();
	assert_true(is_kept(store, "a.v1", 1));
	store_free(store);
	for (off_t n = about.st_size - 1; n >= 0; n -= 7) {
		assert_int_equal(truncate(path, n), 0);
		assert_damaged(1);
	}
}

static void test_damage_is_seen_while_it_runs(void **state)
{
	struct store *store;
	struct entry *entry;
	const uint8_t *set;
	uint8_t *bytes;
	char path[256];

	empty();
	store = opened();
	assert_int_equal(add(store, "a.v1", 1), 0);
	entry = find(store, "a.v1", 1);
	file_path(entry, path);
	flip(path, 100);
	assert_int_equal(store_read(store, entry, &bytes, &set), -EBADMSG);
	assert_true(entry->is_damaged);
	/* Registered again, it is whole. */
	assert_int_equal(add(store, "a.v1", 1), 0);
	assert_int_equal(store->n_entries, 1);
	assert_true(is_kept(store, "a.v1", 1));
	store_free(store);
}

static void test_damaged_pins_are_no_pins(void **state)
{
	struct store *store;
	char path[256];

	prepare();
	snprintf(path, sizeof(path), "%s/pins", folder);
	for (off_t at = 0; at < 100; at += 9) {
		flip(path, at);
		store = opened();
		assert_false(store_base(store, "a.v1")->is_pinned);
		store_free(store);
		flip(path, at);
	}
	store = opened();
	assert_true(store_base(store, "a.v1")->is_pinned);
	store_free(store);
}

static void test_a_pin_stays_on_what_is_damaged(void **state)
{
	struct store *store;
	char path[256];

	prepare();
	store = opened();
	assert_int_equal(add(store, "a.v1", 2), 0);
	file_path(find(store, "a.v1", 1), path);
	store_free(store);
	flip(path, 0);
	store = opened();
	assert_true(store_base(store, "a.v1")->is_damaged);
	store_free(store);
}

static void test_other_files_are_left_alone(void **state)
{
	struct store *store;
	char path[256];
	FILE *file;

	empty();
	snprintf(path, sizeof(path), "%s/README", folder);
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	store = opened();
	assert_int_equal(store->n_entries, 0);
	store_free(store);
	assert_int_equal(access(path, F_OK), 0);
}

static void test_owners_have_what_is_below_them(void **state)
{
	static const char *const principals[] = { "vm:a", "vm:a/uid:1",
						  "vm:a/uid:2", "vm:ab",
						  "uid:0" };
	char owner[ENTRY_TEXT_BYTES];
	struct store *store;

	empty();
	store = opened();
	for (unsigned i = 0; i < 5; i++) {
		struct draft *draft =
			sample_draft("a.v1", i + 1, principals[i]);

		assert_int_equal(
			store_add(store, draft->entry, draft->canonical.set),
			0);
		draft->entry = NULL;
		draft_free(draft);
	}
	assert_int_equal(store_count_owned(store, "vm:a/uid:7", owner), 3);
	assert_string_equal(owner, "vm:a");
	assert_int_equal(store_count_owned(store, "vm:ab", owner), 1);
	assert_int_equal(store_count_owned(store, "vm:abc", owner), 0);
	store_free(store);
}

static void test_without_memory(void **state)
{
	struct store *store;
	int r = 0;

	prepare();
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		store = NULL;
		fault_arm(n);
		r = store_open(folder, &store);
		fault_disarm();
		if (fault_hit())
			assert_int_equal(r, -ENOMEM);
		assert_true((r == 0) == (store != NULL));
		if (store && fault_hit())
			fail_msg("it opened without memory");
		store_free(store);
	}
	store = opened();
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct draft *draft = sample_draft("a.v1", 2, "vm:a");

		fault_arm(n);
		r = store_add(store, draft->entry, draft->canonical.set);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		if (!r)
			draft->entry = NULL;
		draft_free(draft);
	}
	store_free(store);
}

static int make_folder(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	empty();
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_added_is_there_again),
		cmocka_unit_test(test_who_has_the_folder_has_it_alone),
		cmocka_unit_test(test_killed_before_each_step),
		cmocka_unit_test(test_each_step_fails),
		cmocka_unit_test(test_any_byte_is_damaged),
		cmocka_unit_test(test_damage_is_seen_while_it_runs),
		cmocka_unit_test(test_damaged_pins_are_no_pins),
		cmocka_unit_test(test_a_pin_stays_on_what_is_damaged),
		cmocka_unit_test(test_other_files_are_left_alone),
		cmocka_unit_test(test_owners_have_what_is_below_them),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
