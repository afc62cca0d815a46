/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/transports/descriptors.h"
#include "transports/channel.h"
#include "transports/poller.h"
#include "transports/shm.h"

enum {
	TEST_MAX_S = 30,
	N_FDS_MAX = 4,
	SERVER_LIVE_AT = offsetof(struct ring_page, server_live),
};

static const struct shm_setup asked = { .left_order = 14, .right_order = 12 };

/* A channel and, at the other end of its socket, somebody who lies. */
struct world {
	struct poller poller;
	struct channel *channel;
	int liar; /* a socket */
	unsigned n_ready;
	size_t n_descriptors;
};

static void note_ready(struct channel *channel)
{
	struct world *world = channel->owner;

	world->n_ready++;
}

static int world_init(struct world *world)
{
	int fds[2];

	alarm(TEST_MAX_S);
	*world = (struct world){ .n_descriptors = count_descriptors() };
	assert_int_equal(poller_init(&world->poller), 0);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	world->liar = fds[0];
	return fds[1];
}

static void world_deinit(struct world *world)
{
	channel_free(world->channel);
	close(world->liar);
	poller_deinit(&world->poller);
	assert_int_equal(count_descriptors(), world->n_descriptors);
}

static void open_client(struct world *world)
{
	uint8_t request[SHM_SETUP_BYTES];
	int fd = world_init(world);

	assert_int_equal(
		shm_new_client(&world->poller, fd, &asked, &world->channel), 0);
	world->channel->owner = world;
	world->channel->on_ready = note_ready;
	assert_int_equal(read(world->liar, request, sizeof(request)),
			 sizeof(request));
	assert_memory_equal(request, "HSHM\1\16\14\0", sizeof(request));
}

static void answer(struct world *world, const void *bytes, size_t n,
		   const int *fds, size_t n_fds)
{
	_Alignas(struct cmsghdr) char
		control[CMSG_SPACE(N_FDS_MAX * sizeof(int))] = { 0 };
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes,
			     .iov_len = n };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *header;

	if (n_fds) {
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(header), fds, n_fds * sizeof(int));
	}
	assert_int_equal(sendmsg(world->liar, &message, MSG_NOSIGNAL), n);
}

/* What the client makes of an answer, and of all that it was sent with. */
static int judge(const char bytes[SHM_SETUP_BYTES], size_t n, int *fds,
		 size_t n_fds)
{
	struct world world;
	uint8_t *room;
	int r;

	open_client(&world);
	answer(&world, bytes, n, fds, n_fds);
	for (size_t i = 0; i < n_fds; i++)
		close(fds[i]);
	world.n_descriptors -= n_fds;
	assert_int_equal(poller_dispatch(&world.poller, 1000), 1);
	assert_int_equal(world.n_ready, 1);
	r = channel_refill(world.channel);
	if (r < 0) {
		assert_int_equal(channel_arm(world.channel, true), r);
		assert_int_equal(channel_reserve(world.channel, 1, &room), r);
	}
	if (r == -EPROTO)
		assert_non_null(world.channel->reason);
	world_deinit(&world);
	return r;
}

static int memory(size_t n_bytes, int seals)
{
	int fd = memfd_create("liar", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)n_bytes), 0);
	if (n_bytes)
		assert_int_equal(pwrite(fd, "\1", 1, SERVER_LIVE_AT), 1);
	if (seals)
		assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

enum {
	ALL_SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL,
	RIGHT_SIZE = 4096 + (1 << 14) + (1 << 12),
};

static const char right_answer[] = "HSHM\1\16\14\0";

static int judge_memory(size_t n_bytes, int seals)
{
	int fds[] = { memory(n_bytes, seals), eventfd(0, EFD_CLOEXEC) };

	return judge(right_answer, 8, fds, 2);
}

static void memory_of_the_right_size_and_sealed_is_taken(void **state)
{
	assert_int_equal(judge_memory(RIGHT_SIZE, ALL_SEALS), 0);
}

static void memory_of_another_size_is_refused(void **state)
{
	assert_int_equal(judge_memory(RIGHT_SIZE - 1, ALL_SEALS), -EPROTO);
	assert_int_equal(judge_memory(RIGHT_SIZE + 4096, ALL_SEALS), -EPROTO);
	assert_int_equal(judge_memory(0, ALL_SEALS), -EPROTO);
}

static void memory_that_may_change_its_size_is_refused(void **state)
{
	assert_int_equal(judge_memory(RIGHT_SIZE, 0), -EPROTO);
	assert_int_equal(judge_memory(RIGHT_SIZE, F_SEAL_GROW | F_SEAL_SEAL),
			 -EPROTO);
	assert_int_equal(judge_memory(RIGHT_SIZE, F_SEAL_SHRINK | F_SEAL_SEAL),
			 -EPROTO);
	assert_int_equal(judge_memory(RIGHT_SIZE, F_SEAL_SHRINK | F_SEAL_GROW),
			 -EPROTO);
}

static void what_is_no_memory_is_refused(void **state)
{
	int fds[] = { eventfd(0, EFD_CLOEXEC), eventfd(0, EFD_CLOEXEC) };

	assert_int_equal(judge(right_answer, 8, fds, 2), -EPROTO);
}

static int judge_answer(const char bytes[SHM_SETUP_BYTES], size_t n)
{
	size_t n_left = (size_t)1 << bytes[5];
	size_t n_right = (size_t)1 << bytes[6];
	int fds[] = { memory(RING_PAGE_BYTES + n_left + n_right, ALL_SEALS),
		      eventfd(0, EFD_CLOEXEC) };

	return judge(bytes, n, fds, 2);
}

static void an_answer_to_something_else_is_refused(void **state)
{
	assert_int_equal(judge_answer("HSHX\1\16\14\0", 8), -EPROTO);
	assert_int_equal(judge_answer("HSHM\2\16\14\0", 8), -EPROTO);
	assert_int_equal(judge_answer("HSHM\1\16\14\1", 8), -EPROTO);
	assert_int_equal(judge_answer("HSHM\1\17\14\0", 8), -EPROTO);
	assert_int_equal(judge_answer("HSHM\1\16\15\0", 8), -EPROTO);
	assert_int_equal(judge_answer("HSHM\1\12\12\0", 8), -EPROTO);
	assert_int_equal(judge_answer("HSHM\1\11\14\0", 8), -EPROTO);
	assert_int_equal(judge_answer("HSHM\1\16\14\0", 7), -EPROTO);
}

static void any_other_number_of_descriptors_is_refused(void **state)
{
	for (size_t n = 0; n <= N_FDS_MAX; n++) {
		int fds[N_FDS_MAX];

		if (n == 2)
			continue;
		for (size_t i = 0; i < n; i++)
			fds[i] = i ? eventfd(0, EFD_CLOEXEC)
				   : memory(RIGHT_SIZE, ALL_SEALS);
		assert_int_equal(judge(right_answer, 8, fds, n), -EPROTO);
	}
}

static void a_listener_that_hangs_up_refuses(void **state)
{
	struct world world;

	open_client(&world);
	assert_int_equal(channel_refill(world.channel), 0);
	assert_int_equal(channel_arm(world.channel, true), 0);
	shutdown(world.liar, SHUT_RDWR);
	assert_int_equal(poller_dispatch(&world.poller, 1000), 1);
	assert_int_equal(channel_refill(world.channel), -ECONNREFUSED);
	world_deinit(&world);
}

/* The switch's side, and the page and eventfd that the liar was given. */
static void open_server(struct world *world, struct ring_page **ret_page,
			int *ret_event_fd)
{
	struct channel_evidence nobody = { .kind = EVIDENCE_NONE };
	struct shm_setup given;
	int fd = world_init(world);
	int memory_fd;
	void *page;

	assert_int_equal(shm_new_server(&world->poller, fd, &asked, &nobody,
					&world->channel),
			 0);
	world->channel->owner = world;
	world->channel->on_ready = note_ready;
	assert_int_equal(shm_setup_recv(world->liar, &asked, &given, &memory_fd,
					ret_event_fd),
			 0);
	page = mmap(NULL, RING_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		    memory_fd, 0);
	assert_ptr_not_equal(page, MAP_FAILED);
	close(memory_fd);
	*ret_page = page;
}

static void close_server(struct world *world, struct ring_page *page,
			 int event_fd)
{
	munmap(page, RING_PAGE_BYTES);
	close(event_fd);
	world_deinit(world);
}

/* Neither a full socket nor a full eventfd without O_NONBLOCK stops us. */
static void a_client_that_takes_no_wakeups_blocks_nobody(void **state)
{
	struct ring_page *page;
	struct world world;
	int event_fd;

	open_server(&world, &page, &event_fd);
	assert_int_equal(eventfd_write(event_fd, UINT64_MAX - 1), 0);
	assert_int_equal(fcntl(event_fd, F_SETFL, 0), 0);
	for (int i = 0; i < 2000; i++) {
		uint8_t *room;

		atomic_store(&page->server_notify, 3);
		assert_int_equal(channel_reserve(world.channel, 1, &room), 0);
		channel_commit(world.channel, 1);
		assert_int_equal(channel_flush(world.channel), 0);
	}
	close_server(&world, page, event_fd);
}

static void chatter_on_the_socket_wakes_nobody(void **state)
{
	struct ring_page *page;
	struct world world;
	int event_fd;

	open_server(&world, &page, &event_fd);
	poller_dispatch(&world.poller, 0);
	world.n_ready = 0;
	for (int i = 0; i < 100; i++)
		assert_int_equal(send(world.liar, "chatter", 7, 0), 7);
	assert_int_equal(poller_dispatch(&world.poller, 20), 0);
	assert_int_equal(world.n_ready, 0);
	close_server(&world, page, event_fd);
}

static void a_storm_of_wakeups_is_one_event_per_turn(void **state)
{
	struct ring_page *page;
	struct world world;
	int event_fd;

	open_server(&world, &page, &event_fd);
	poller_dispatch(&world.poller, 0);
	world.n_ready = 0;
	for (unsigned i = 1; i <= 10; i++) {
		for (int j = 0; j < 100; j++)
			assert_int_equal(eventfd_write(event_fd, 1), 0);
		assert_int_equal(poller_dispatch(&world.poller, 1000), 1);
		assert_int_equal(world.n_ready, i);
	}
	close_server(&world, page, event_fd);
}

static void half_a_hang_up_is_the_end(void **state)
{
	struct ring_page *page;
	struct world world;
	int event_fd;

	open_server(&world, &page, &event_fd);
	atomic_store(&page->client_live, RING_LIVE);
	assert_int_equal(channel_arm(world.channel, false), 0);
	shutdown(world.liar, SHUT_WR);
	assert_int_equal(poller_dispatch(&world.poller, 1000), 1);
	assert_int_equal(channel_refill(world.channel), -EPIPE);
	close_server(&world, page, event_fd);
}

static void orders_changed_in_the_page_change_nothing(void **state)
{
	struct ring_page *page;
	struct world world;
	int event_fd;

	open_server(&world, &page, &event_fd);
	assert_int_equal(page->left_order, asked.left_order);
	page->left_order = 20;
	page->right_order = 10;
	atomic_store(&page->left_prod, (1 << 14) + 1);
	assert_int_equal(channel_refill(world.channel), -EPROTO);
	close_server(&world, page, event_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_of_the_right_size_and_sealed_is_taken),
		cmocka_unit_test(memory_of_another_size_is_refused),
		cmocka_unit_test(memory_that_may_change_its_size_is_refused),
		cmocka_unit_test(what_is_no_memory_is_refused),
		cmocka_unit_test(an_answer_to_something_else_is_refused),
		cmocka_unit_test(any_other_number_of_descriptors_is_refused),
		cmocka_unit_test(a_listener_that_hangs_up_refuses),
		cmocka_unit_test(a_client_that_takes_no_wakeups_blocks_nobody),
		cmocka_unit_test(chatter_on_the_socket_wakes_nobody),
		cmocka_unit_test(a_storm_of_wakeups_is_one_event_per_turn),
		cmocka_unit_test(half_a_hang_up_is_the_end),
		cmocka_unit_test(orders_changed_in_the_page_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
