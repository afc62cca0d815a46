/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/transports/unix_world.h"
#include "transports/unix.h"
#include "transports/unix_socket.h"

static void an_address_in_use_is_left_alone(void **state)
{
	struct transport_options options = { 0 };
	struct listener *second;
	struct world world;

	world_init(&world);
	assert_int_equal(world_listen(&world, &options), 0);
	assert_int_equal(transport_shm.listen(&world.poller, world.path,
					      &options, &second),
			 -EADDRINUSE);
	close(call_in(&world));
	world_deinit(&world);
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
	struct transport_options options = { 0 };
	struct world world;
	int fd;

	world_init(&world);
	fd = open(world.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(world_listen(&world, &options), -EADDRINUSE);
	assert_int_equal(unlink(world.path), 0);
	world_deinit(&world);
}

static void a_stale_socket_is_replaced(void **state)
{
	struct transport_options options = { 0 };
	struct unix_socket stale;
	struct world world;

	world_init(&world);
	assert_int_equal(unix_socket_listen(world.path, &options, &stale), 0);
	close(stale.fd);
	assert_int_equal(world_listen(&world, &options), 0);
	close(call_in(&world));
	world_deinit(&world);
}

static void only_its_own_socket_is_removed(void **state)
{
	struct transport_options options = { 0 };
	struct listener *first;
	struct world world;

	world_init(&world);
	assert_int_equal(world_listen(&world, &options), 0);
	first = world.listener;
	assert_int_equal(unlink(world.path), 0);
	assert_int_equal(world_listen(&world, &options), 0);
	listener_free(first);
	assert_int_equal(access(world.path, F_OK), 0);
	world_deinit(&world);
}

static mode_t mode_of(const char *path)
{
	struct stat stat;

	assert_int_equal(lstat(path, &stat), 0);
	return stat.st_mode & 07777;
}

static void mode_and_owner_are_as_asked(void **state)
{
	struct transport_options options = { .mode = 0666 };
	struct stat stat;
	struct world world;

	world_init(&world);
	if (geteuid() == 0)
		options.uid = options.gid = 12345;
	assert_int_equal(world_listen(&world, &options), 0);
	assert_int_equal(mode_of(world.path), 0666);
	assert_int_equal(lstat(world.path, &stat), 0);
	assert_int_equal(stat.st_uid, options.uid ?: geteuid());
	assert_int_equal(stat.st_gid, options.gid ?: getegid());
	world.listener = listener_free(world.listener);

	options = (struct transport_options){ 0 };
	assert_int_equal(world_listen(&world, &options), 0);
	assert_int_equal(mode_of(world.path), 0600);
	world_deinit(&world);
}

static void bad_options_and_paths_are_refused(void **state)
{
	struct transport_options options = { .ring_bytes = 3000 };
	struct channel *channel;
	struct world world;
	char path[200];

	world_init(&world);
	assert_int_equal(world_listen(&world, &options), -EINVAL);
	assert_int_equal(transport_shm.connect(&world.poller, world.path,
					       &options, &channel),
			 -EINVAL);
	options.ring_bytes = 512;
	assert_int_equal(world_listen(&world, &options), -EINVAL);
	options.ring_bytes = 1 << 21;
	assert_int_equal(world_listen(&world, &options), -EINVAL);
	options.ring_bytes = 0;
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(
		transport_unix.connect(&world.poller, path, &options, &channel),
		-ENAMETOOLONG);
	assert_int_equal(
		transport_unix.connect(&world.poller, "", &options, &channel),
		-EINVAL);
	world_deinit(&world);
}

static void an_address_names_its_transport(void **state)
{
	const struct transport *transport;
	const char *rest;
	char why[256];

	assert_int_equal(transport_lookup("shm:/a:b", &transport, &rest), 0);
	assert_ptr_equal(transport, &transport_shm);
	assert_string_equal(rest, "/a:b");
	assert_int_equal(transport_lookup("unix:", &transport, &rest), 0);
	assert_ptr_equal(transport, &transport_unix);
	assert_string_equal(rest, "");

	assert_int_equal(transport_lookup("", &transport, &rest), -EINVAL);
	assert_int_equal(transport_lookup("shm", &transport, &rest), -EINVAL);
	assert_int_equal(transport_lookup(":x", &transport, &rest), -EINVAL);
	assert_int_equal(transport_lookup("../tcp:x", &transport, &rest),
			 -EINVAL);
	assert_int_equal(transport_lookup("SHM:x", &transport, &rest), -EINVAL);
	assert_int_equal(
		transport_lookup("abcdefghijklmnop:x", &transport, &rest),
		-EINVAL);
	assert_int_equal(transport_lookup("nosuch:x", &transport, &rest),
			 -EPROTONOSUPPORT);
	transport_explain("nosuch:x", why, sizeof(why));
	assert_non_null(strstr(why, "no module for nosuch: "));
	assert_non_null(strstr(why, "libheliograph-nosuch.so"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_in_use_is_left_alone),
		cmocka_unit_test(a_file_that_is_no_socket_is_left_alone),
		cmocka_unit_test(a_stale_socket_is_replaced),
		cmocka_unit_test(only_its_own_socket_is_removed),
		cmocka_unit_test(mode_and_owner_are_as_asked),
		cmocka_unit_test(bad_options_and_paths_are_refused),
		cmocka_unit_test(an_address_names_its_transport),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
