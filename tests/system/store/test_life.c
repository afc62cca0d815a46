/* SPDX-License-Identifier: MIT */

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/system/store/scene.h"
#include "tests/torture/stall.h"

enum {
	KEYS = 64,
	LIVES = 6,
	DISK_BYTES = 24 * 1024 * 1024,
	QUICK_MS = 100,
};

static struct scene scene;

/* ---- acknowledged is there ---- */

/* Of each key the last number that was acknowledged, and the last tried. */
struct writer {
	unsigned acked[KEYS], tried[KEYS];
	unsigned n_under_way;
	unsigned n_acked;
	bool is_over;
};

struct
try {
	struct writer *writer;
	unsigned key;
	unsigned number;
};

static void write_next(struct writer *writer, unsigned key);

static void on_put(const Helio__Store__V1__PutReply *reply, void *userdata)
{
	struct try *try = userdata;
	struct writer *writer = try->writer;
	unsigned key = try->key;

	writer->n_under_way--;
	if (reply) {
		writer->acked[key] = try->number;
		writer->n_acked++;
	}
	free(try);
	if (!writer->is_over && reply)
		write_next(writer, key);
}

/* One at a time for each key. */
static void write_next(struct writer *writer, unsigned key)
{
	Helio__Store__V1__PutRequest request =
		HELIO__STORE__V1__PUT_REQUEST__INIT;
	struct try *try = malloc(sizeof(*try));
	char name[16], value[300];

	assert_non_null(try);
	*try = (struct try){ writer, key, ++writer->tried[key] };
	snprintf(name, sizeof(name), "k%u", key);
	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	value[snprintf(value, sizeof(value), "%u", try->number)] = ' ';
	request.bucket = field("lab");
	request.key = name;
	request.has_value = 1;
	request.value = bytes_of(value);
	writer->n_under_way++;
	helio__store__v1__buckets__put(helio_client_service(scene.buckets),
				       &request, on_put, try);
}

static void write_on(struct writer *writer, unsigned n_more)
{
	unsigned until = writer->n_acked + n_more;

	for (unsigned i = 0; i < KEYS; i++)
		write_next(writer, i);
	wait_until(&scene, writer->n_acked >= until);
}

/* What was tried and not acknowledged may be there, or not. */
static void check(const struct writer *writer)
{
	char name[16];

	for (unsigned i = 0; i < KEYS; i++) {
		struct got got;
		unsigned number;

		snprintf(name, sizeof(name), "k%u", i);
		got = get(&scene, "lab", name, 0);
		assert_int_equal(got.status, HELIO_OK);
		number = number_of(got.value);
		assert_true(number >= writer->acked[i]);
		assert_true(number <= writer->tried[i]);
	}
}

static void live_and_die(const char *snapshot_after, int signal)
{
	struct writer writer = { 0 };

	scene_open_bus(&scene, NULL);
	scene.store.more[0] = "--snapshot-after";
	scene.store.more[1] = snapshot_after;
	scene_start(&scene);
	assert_int_equal(bucket_create(&scene, "lab", NULL), HELIO_OK);
	for (int i = 0; i < LIVES; i++) {
		write_on(&writer, 2000);
		daemon_process_stop(&scene.store, signal);
		wait_until(&scene, !writer.n_under_way);
		daemon_process_start(&scene.store);
		check(&writer);
	}
	scene_close(&scene);
}

static void test_killed(void **state)
{
	(void)state;
	live_and_die("1G", SIGKILL);
}

static void test_killed_with_snapshots(void **state)
{
	(void)state;
	live_and_die("100K", SIGKILL);
}

static void test_ended(void **state)
{
	(void)state;
	live_and_die("300K", SIGTERM);
}

/* Nobody has two stores on one folder. */
static void test_two_of_them(void **state)
{
	struct daemon_process second;
	char command[512];

	(void)state;
	scene_open(&scene, NULL);
	daemon_process_init(&second, STORE_PATH, scene.store.state,
			    scene.bus_process.shm);
	snprintf(command, sizeof(command),
		 "%s --state %s --address %s 2>&1 |"
		 " grep -q 'another store has it'",
		 STORE_PATH, second.state, second.address);
	assert_int_equal(system(command), 0);
	scene_close(&scene);
}

/* Nor two stores on one bus, of which each caller would reach any. */
static void test_a_second_on_the_bus(void **state)
{
	struct daemon_process second;
	char folder[128], command[768];

	(void)state;
	scene_open(&scene, NULL);
	snprintf(folder, sizeof(folder), "%s/second", scene.bus_process.folder);
	daemon_process_init(&second, STORE_PATH, folder, scene.bus_process.shm);
	snprintf(
		command, sizeof(command),
		"timeout 20 %s --state %s --address %s 2>%s.log; test $? = 5 &&"
		" grep -q 'uid:.* serves a store already' %s.log",
		STORE_PATH, second.state, second.address, folder, folder);
	assert_int_equal(system(command), 0);
	assert_int_equal(bucket_create(&scene, "still", NULL), HELIO_OK);
	daemon_process_stop(&scene.store, SIGKILL);
	/* Now it is the only one. */
	daemon_process_start(&second);
	daemon_process_stop(&second, SIGTERM);
	scene_close(&scene);
}

/* ---- quotas ---- */

static void test_a_quota(void **state)
{
	static char value[64 * 1024];
	struct scene guest;
	uint64_t revision = NO_REVISION, gone;
	int n = 0, r;

	(void)state;
	scene_open_bus(&scene, NULL);
	scene.store.more[0] = "--principal-bytes-max";
	scene.store.more[1] = "1M";
	scene.store.more[2] = "--bytes-max";
	scene.store.more[3] = "1536K";
	scene_start(&scene);
	scene_visit(&scene, true, &guest);
	assert_int_equal(bucket_create(&scene, "lab", NULL), HELIO_OK);
	memset(value, 'x', sizeof(value) - 1);
	do {
		char key[16];

		snprintf(key, sizeof(key), "k%d", n++);
		revision = NO_REVISION;
		r = put(&scene, "lab", key, value, &revision);
	} while (r == HELIO_OK);
	assert_int_equal(r, HELIO_RESOURCE_EXHAUSTED);
	assert_non_null(strstr(why(&scene), "quota of bytes"));
	assert_true(n > 12 && n < 17);
	/* Others still have room, until there is none for anybody. */
	put_ok(&guest, "lab", "guest", value);
	for (n = 0, r = HELIO_OK; r == HELIO_OK && n < 20; n++) {
		char key[16];

		snprintf(key, sizeof(key), "g%d", n);
		revision = NO_REVISION;
		r = put(&guest, "lab", key, value, &revision);
	}
	assert_int_equal(r, HELIO_RESOURCE_EXHAUSTED);
	assert_non_null(strstr(why(&guest), "of the whole store"));
	/* Reading and deleting takes none. */
	assert_int_equal(get(&scene, "lab", "k0", 0).status, HELIO_OK);
	assert_int_equal(delete_key(&scene, "lab", "k0", &gone), HELIO_OK);
	scene_leave(&guest);
	scene_close(&scene);
}

/* ---- disks ---- */

/* A small one, which nobody else sees. */
static void mount_disk(char *path, size_t n_path)
{
	char options[64];
	int flags = CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0);

	assert_int_equal(unshare(flags), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	snprintf(path, n_path, "%s/disk", scene.bus_process.folder);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(options, sizeof(options), "size=%d", DISK_BYTES);
	assert_int_equal(mount("tmpfs", path, "tmpfs", 0, options), 0);
}

static void open_on_disk(char *path, size_t n_path)
{
	scene_open_bus(&scene, NULL);
	mount_disk(path, n_path);
	snprintf(scene.store.state, sizeof(scene.store.state), "%.100s/store",
		 path);
	scene_start(&scene);
	assert_int_equal(bucket_create(&scene, "lab", NULL), HELIO_OK);
	put_ok(&scene, "lab", "a", "before");
}

static void close_on_disk(const char *path)
{
	daemon_process_stop(&scene.store, SIGTERM);
	assert_int_equal(umount2(path, MNT_DETACH), 0);
	scene_close(&scene);
}

static void fill(const char *path)
{
	static const char block[4096];
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	while (write(fd, block, sizeof(block)) > 0)
		;
	close(fd);
}

/* What the machine gave to others while those of a put were ready to run. */
static uint64_t stalled_ms(void)
{
	return (stall_ns(getpid()) + stall_ns(scene.bus_process.pid) +
		stall_ns(scene.store.pid)) /
	       NS_PER_MS;
}

static uint64_t less(uint64_t ms, uint64_t less_ms)
{
	return ms > less_ms ? ms - less_ms : 0;
}

/* Until it fails: its status, and how long it took to say so. */
static int put_until_it_fails(uint64_t *ret_ms)
{
	static char value[16 * 1024];
	int r = HELIO_OK;

	memset(value, 'x', sizeof(value) - 1);
	for (int i = 0; i < 4000 && r == HELIO_OK; i++) {
		uint64_t begun_ms = scene_now_ms();
		uint64_t before_ms = stalled_ms();
		uint64_t revision = NO_REVISION;

		r = put(&scene, "lab", "big", value, &revision);
		*ret_ms = less(scene_now_ms() - begun_ms,
			       stalled_ms() - before_ms);
	}
	return r;
}

static bool can_put(const char *value)
{
	uint64_t revision = NO_REVISION;

	return put(&scene, "lab", "a", value, &revision) == HELIO_OK;
}

static void test_a_full_disk(void **state)
{
	char path[128], ballast[160];
	uint64_t took_ms = 0;

	(void)state;
	open_on_disk(path, sizeof(path));
	snprintf(ballast, sizeof(ballast), "%s/ballast", path);
	fill(ballast);
	assert_int_equal(put_until_it_fails(&took_ms),
			 HELIO_RESOURCE_EXHAUSTED);
	assert_in_range(took_ms, 0, QUICK_MS);
	assert_string_equal(why(&scene), "the disk is full");
	/* Reads go on, and see what is on disk. */
	expect(&scene, "lab", "a", "before");
	unlink(ballast);
	wait_until(&scene, can_put("after"));
	expect(&scene, "lab", "a", "after");
	scene_kill_store(&scene);
	expect(&scene, "lab", "a", "after");
	close_on_disk(path);
}

#ifdef DISK_SHIM_PATH
static void set_fault(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int try_to_put(const char *value)
{
	uint64_t revision = NO_REVISION;

	return put(&scene, "lab", "a", value, &revision);
}

/*
 * One that does not sync, and one that does nothing at all any more. What of a
 * commit that failed is on disk is found out, and what is told then lasts.
 */
static void test_a_disk_that_fails(void **state)
{
	char fault[128];
	struct got got;

	(void)state;
	scene_open_bus(&scene, NULL);
	snprintf(fault, sizeof(fault), "%s/fault", scene.bus_process.folder);
	setenv("HELIO_TEST_FAULT", fault, 1);
	setenv("LD_PRELOAD", DISK_SHIM_PATH, 1);
	scene_start(&scene);
	unsetenv("LD_PRELOAD");
	assert_int_equal(bucket_create(&scene, "lab", NULL), HELIO_OK);
	put_ok(&scene, "lab", "a", "1");
	for (int i = 0; i < 2; i++) {
		set_fault(fault, i ? "all" : "");
		assert_int_equal(try_to_put("2"), HELIO_UNAVAILABLE);
		assert_int_equal(try_to_put("3"), HELIO_UNAVAILABLE);
		expect(&scene, "lab", "a", "1");
		unlink(fault);
		wait_until(&scene, try_to_put("1") == HELIO_OK);
	}
	got = get(&scene, "lab", "a", 0);
	assert_string_equal(got.value, "1");
	scene_kill_store(&scene);
	assert_true(get(&scene, "lab", "a", 0).revision == got.revision);
	scene_close(&scene);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_killed_with_snapshots),
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_two_of_them),
		cmocka_unit_test(test_a_second_on_the_bus),
		cmocka_unit_test(test_a_quota),
		cmocka_unit_test(test_a_full_disk),
#ifdef DISK_SHIM_PATH
		cmocka_unit_test(test_a_disk_that_fails),
#endif
	};

	return cmocka_run_group_tests_name("store_life", tests, NULL, NULL);
}
