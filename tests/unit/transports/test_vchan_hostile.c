/* SPDX-License-Identifier: MIT */

/* Peers of vchan that lie, in xenstore, in the control page, and by events. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/transports/vchan_world.h"
#include "transports/vchan/address.h"
#include "transports/vchan/doorbell.h"
#include "transports/vchan/identity.h"
#include "transports/vchan/keys.h"
#include "transports/vchan/pages.h"
#include "transports/vchan/vchan.h"

#define FOLDER "/local/domain/6/data/vchan/5/bus/"

enum { N_STORM = 2000, N_CHANGES = 4001 };

/* Another end of vchan, without what makes ours well-behaved. */
struct fiend {
	struct doorbell doorbell;
	struct vchan_pages pages;
	struct vchan_keys keys;
};

static int set_up(void **state)
{
	static struct world world;

	world_init(&world);
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	world_deinit(*state);
	return 0;
}

static void ignore(struct poll_source *source, uint32_t events)
{
}

/* What a server in DB offers to WEB. The poller is not ours, so not asked. */
static void fiend_offer(struct world *world, struct fiend *fiend)
{
	static const unsigned orders[2] = { 12, 13 };
	struct vchan_meeting meeting = { .server = DB,
					 .client = WEB,
					 .port = "bus" };
	struct ring_page *page;
	struct store store;

	*fiend = (struct fiend){ .doorbell.source.ready = ignore };
	xen_world_enter(&world->xen, DB);
	assert_int_equal(
		doorbell_offer(&fiend->doorbell, &world->server_poller, WEB),
		0);
	assert_int_equal(vchan_pages_give(&fiend->pages, WEB, orders,
					  fiend->doorbell.port,
					  &fiend->keys.ring_ref),
			 0);
	fiend->keys.event_channel = fiend->doorbell.port;
	page = fiend->pages.page;
	page->left_order = 12;
	page->right_order = 13;
	page->client_live = RING_AWAITED;
	page->server_live = RING_LIVE;
	assert_int_equal(store_open(&store, &(struct transport_options){ 0 }),
			 0);
	assert_int_equal(vchan_keys_write(&store, &meeting, &fiend->keys), 0);
	store_close(&store);
}

/* As a client in WEB that has come. */
static void fiend_join(struct world *world, struct fiend *fiend)
{
	struct vchan_meeting meeting = { .client = WEB, .port = "bus" };
	const char *reason;
	struct store store;

	*fiend = (struct fiend){ .doorbell.source.ready = ignore };
	xen_world_enter(&world->xen, WEB);
	assert_int_equal(store_open(&store, &(struct transport_options){ 0 }),
			 0);
	assert_int_equal(
		vchan_keys_read(&store, &meeting, &fiend->keys, &reason), 0);
	store_close(&store);
	assert_int_equal(doorbell_bind(&fiend->doorbell, &world->client_poller,
				       0, fiend->keys.event_channel),
			 0);
	assert_int_equal(vchan_pages_take(&fiend->pages, 0,
					  fiend->keys.ring_ref,
					  &fiend->doorbell.port),
			 0);
}

static void fiend_end(struct fiend *fiend)
{
	vchan_pages_free(&fiend->pages);
	doorbell_close(&fiend->doorbell);
}

static void expect_refusal(struct world *world, const char *reason)
{
	struct channel *channel;
	uint8_t *room;

	assert_int_equal(world_connect(world, WEB, "6/bus", &channel), 0);
	assert_int_equal(channel_reserve(channel, 1, &room), -EPROTO);
	assert_int_equal(channel_refill(channel), -EPROTO);
	assert_int_equal(channel_arm(channel, true), -EPROTO);
	assert_string_equal(channel->reason, reason);
	channel_free(channel);
	assert_int_equal(world_count(world, WEB).maps, 0);
	assert_int_equal(world_count(world, WEB).ports, 0);
}

static void keys_that_are_no_numbers_are_refused(void **state)
{
	static const char *const texts[] = { "",   "-1",         "+1",  " 1",
					     "1 ", "01",         "0x1", "1e3",
					     "1.", "4294967296", "one" };
	struct world *world = *state;

	world_put(world, FOLDER "event-channel", "1", DB, WEB);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		world_put(world, FOLDER "ring-ref", texts[i], DB, WEB);
		expect_refusal(world, "a key of vchan is no number");
	}
}

static void keys_of_another_domain_are_refused(void **state)
{
	struct world *world = *state;
	struct fiend fiend;

	fiend_offer(world, &fiend);
	world_put(world, FOLDER "ring-ref", "1", 9, WEB);
	expect_refusal(world, "a key of vchan belongs to another domain");
	world_put(world, FOLDER "ring-ref", "1", 0, WEB);
	world_put(world, FOLDER "event-channel", "1", 9, WEB);
	expect_refusal(world, "a key of vchan belongs to another domain");
	fiend_end(&fiend);
}

static void a_server_that_lies_of_its_orders_is_refused(void **state)
{
	static const uint16_t lies[][2] = {
		{ 0, 12 },  { 9, 12 },  { 12, 21 }, { 65535, 12 },
		{ 10, 10 }, { 11, 11 }, { 10, 20 }, { 20, 10 },
	};
	struct world *world = *state;
	struct fiend fiend;

	fiend_offer(world, &fiend);
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		fiend.pages.page->client_live = RING_AWAITED;
		fiend.pages.page->left_order = lies[i][0];
		fiend.pages.page->right_order = lies[i][1];
		expect_refusal(world, "orders of rings that cannot be");
	}
	fiend_end(&fiend);
}

static void a_server_that_lies_of_its_grants_is_refused(void **state)
{
	struct world *world = *state;
	struct fiend fiend;

	fiend_offer(world, &fiend);
	fiend.pages.page->grants[2] = 0xfffffff0;
	expect_refusal(world, "grants of a ring that cannot be mapped");
	fiend.pages.page->client_live = RING_AWAITED;
	fiend.pages.page->grants[2] = fiend.pages.page->grants[1];
	fiend.pages.page->grants[0] = 4000;
	expect_refusal(world, "grants of a ring that cannot be mapped");
	fiend_end(&fiend);
}

static void a_server_that_lies_of_its_indices_is_refused(void **state)
{
	struct world *world = *state;
	struct fiend fiend;

	fiend_offer(world, &fiend);
	atomic_store(&fiend.pages.page->left_prod, 5000);
	expect_refusal(world, "a ring's index ran ahead of the ring");
	fiend_end(&fiend);
}

/* A server that is gone, and one that never lets anybody in. */
static void a_server_that_lets_nobody_in_is_given_up(void **state)
{
	struct world *world = *state;
	struct channel *channel;
	struct fiend fiend;

	fiend_offer(world, &fiend);
	fiend.pages.page->server_live = RING_GONE;
	assert_int_equal(world_connect(world, WEB, "6/bus", &channel),
			 -ECONNREFUSED);
	fiend.pages.page->server_live = RING_LIVE;
	fiend.pages.page->client_live = RING_LIVE;
	assert_int_equal(world_connect(world, WEB, "6/bus", &channel), 0);
	world_await(world, channel_refill(channel) == -ECONNREFUSED);
	channel_free(channel);
	fiend_end(&fiend);
}

static void events_of_one_that_has_not_come_mean_nothing(void **state)
{
	struct world *world = *state;
	struct fiend fiend;
	struct channel *server;

	world_listen(world);
	fiend_join(world, &fiend);
	for (int i = 0; i < N_STORM; i++) {
		doorbell_ring(&fiend.doorbell);
		if (i % 100 == 0)
			world_turn(world, 0);
	}
	assert_int_equal(world->n_channels, 0);
	/* Its pages' end clears the byte: the offer is spent. */
	fiend_end(&fiend);
	world_turn(world, 100);
	channel_free(world_join(world, WEB, &server));
}

static void a_live_byte_that_means_nothing_harms_nobody(void **state)
{
	static const uint8_t bytes[] = { 0, 3, 77, 255 };
	struct world *world = *state;
	struct channel *server;

	world_listen(world);
	for (size_t i = 0; i < sizeof(bytes); i++) {
		struct fiend fiend;

		fiend_join(world, &fiend);
		atomic_store(&fiend.pages.page->client_live, bytes[i]);
		doorbell_ring(&fiend.doorbell);
		world_turn(world, 100);
		fiend_end(&fiend);
		world_turn(world, 100);
		channel_free(world_join(world, WEB, &server));
	}
}

static void a_client_that_breaks_the_ring_is_ended(void **state)
{
	struct world *world = *state;
	struct channel *channel;
	struct fiend fiend;

	world_listen(world);
	fiend_join(world, &fiend);
	atomic_store(&fiend.pages.page->left_prod, 100000);
	atomic_store(&fiend.pages.page->client_live, RING_LIVE);
	doorbell_ring(&fiend.doorbell);
	world_await(world,
		    atomic_load(&fiend.pages.page->server_live) == RING_GONE);
	assert_int_equal(world->n_channels, 0);
	assert_string_equal(world->broken,
			    "a ring's index ran ahead of the ring");
	fiend_end(&fiend);

	world_turn(world, 100);
	fiend_join(world, &fiend);
	atomic_store(&fiend.pages.page->left_prod, 1);
	atomic_store(&fiend.pages.page->client_live, RING_LIVE);
	doorbell_ring(&fiend.doorbell);
	world_await(world, world->n_channels == 1);
	channel = world->channels[0];
	/* Setup is over: what it says of that no longer matters. */
	fiend.pages.page->left_order = 30;
	memset(fiend.pages.page->grants, 0xff, 64);
	assert_int_equal(channel_refill(channel), 0);
	atomic_store(&fiend.pages.page->left_prod, 100000);
	assert_int_equal(channel_refill(channel), -EPROTO);
	fiend_end(&fiend);
}

/* The pages are gone for us, whether or not the client lets go of them. */
static void a_client_that_keeps_its_pages_keeps_nothing_else(void **state)
{
	struct world *world = *state;
	struct fiend fiend;

	world_listen(world);
	fiend_join(world, &fiend);
	atomic_store(&fiend.pages.page->left_prod, 1);
	atomic_store(&fiend.pages.page->client_live, RING_LIVE);
	doorbell_ring(&fiend.doorbell);
	world_await(world, world->n_channels == 1);
	world_drop(world, world->channels[0]);
	world->listener = listener_free(world->listener);
	assert_int_equal(world_count(world, 0).handles, 0);
	assert_int_equal(world_count(world, 0).ports, 0);
	atomic_store(&fiend.pages.page->left_prod, 7);
	fiend_end(&fiend);
	assert_int_equal(world_count(world, 0).grants, 0);
}

static void addresses_are_strict(void **state)
{
	static const char *const bad[] = {
		"",       "/",      "1",
		"1/",     "/bus",   "x/bus",
		"-1/bus", "01/bus", "+1/bus",
		"1 /bus", "**/bus", "32752/bus",
		"1/b.us", "1/b/us", "1/b us",
		"1/\xc3", "1/../x", "99999999999999999999/bus",
	};
	struct vchan_address address;
	char port[100] = "1/";

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(vchan_address_parse(bad[i], true, &address),
				 -EINVAL);
	assert_int_equal(vchan_address_parse("*/bus", false, &address),
			 -EINVAL);
	assert_int_equal(vchan_address_parse("*/bus", true, &address), 0);
	assert_true(address.is_any);
	assert_int_equal(vchan_address_parse("32751/a-Z_9", false, &address),
			 0);
	assert_int_equal(address.domid, 32751);
	assert_string_equal(address.port, "a-Z_9");
	memset(port + 2, 'p', 63);
	assert_int_equal(vchan_address_parse(port, false, &address), 0);
	port[65] = 'p';
	assert_int_equal(vchan_address_parse(port, false, &address), -EINVAL);
}

static void uuids_are_strict(void **state)
{
	static const char *const bad[] = {
		"",
		"0123456789abcdef0123456789abcdef",
		"01234567-89ab-cdef-0123-456789abcde",
		"01234567-89ab-cdef-0123-456789abcdef0",
		"01234567-89ab-cdef-0123-456789abcdeg",
		"01234567089ab-cdef-0123-456789abcdef",
		"0123456-789ab-cdef-0123-456789abcdef",
	};
	static const uint8_t right[16] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab,
					   0xcd, 0xef, 0x01, 0x23, 0x45, 0x67,
					   0x89, 0xab, 0xcd, 0xef };
	uint8_t uuid[16];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(identity_parse_uuid(bad[i], uuid), -EINVAL);
	assert_int_equal(identity_parse_uuid(
				 "01234567-89AB-cdef-0123-456789abcDEF", uuid),
			 0);
	assert_memory_equal(uuid, right, sizeof(uuid));
}

/* Another process, for the world does one thing after the other. */
static pid_t start_changing(struct world *world, uint32_t domid)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	for (int i = 0; i < N_CHANGES; i++) {
		if (i && xen_world_destroy(&world->xen, domid) < 0)
			_exit(1);
		if (xen_world_add(&world->xen, domid, i % 2 ? "db" : "web",
				  i % 2 ? DB_UUID : WEB_UUID) < 0)
			_exit(1);
	}
	_exit(0);
}

/* The next with the domid never has a name of the last. */
static void a_domid_that_changes_hands_is_never_half_another(void **state)
{
	struct world *world = *state;
	struct transport_domain domain;
	struct store store;
	unsigned n_read = 0;
	int status;
	pid_t pid;

	xen_world_enter(&world->xen, 0);
	assert_int_equal(store_open(&store, &(struct transport_options){ 0 }),
			 0);
	pid = start_changing(world, 9);
	assert_true(pid > 0);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (identity_read(&store, false, 9, &domain) < 0)
			continue;
		n_read++;
		/* While it is made it may have none yet. */
		if (domain.name[0])
			assert_string_equal(domain.name, domain.uuid[0] == 0x66
								 ? "db"
								 : "web");
	}
	assert_int_equal(status, 0);
	assert_true(n_read > 0);
	store_close(&store);
	assert_int_equal(xen_world_destroy(&world->xen, 9), 0);
	world_await(world, world_count(world, 0).connections == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define VCHAN_TEST(test) \
	cmocka_unit_test_setup_teardown(test, set_up, tear_down)
		VCHAN_TEST(keys_that_are_no_numbers_are_refused),
		VCHAN_TEST(keys_of_another_domain_are_refused),
		VCHAN_TEST(a_server_that_lies_of_its_orders_is_refused),
		VCHAN_TEST(a_server_that_lies_of_its_grants_is_refused),
		VCHAN_TEST(a_server_that_lies_of_its_indices_is_refused),
		VCHAN_TEST(a_server_that_lets_nobody_in_is_given_up),
		VCHAN_TEST(events_of_one_that_has_not_come_mean_nothing),
		VCHAN_TEST(a_live_byte_that_means_nothing_harms_nobody),
		VCHAN_TEST(a_client_that_breaks_the_ring_is_ended),
		VCHAN_TEST(a_client_that_keeps_its_pages_keeps_nothing_else),
		VCHAN_TEST(a_domid_that_changes_hands_is_never_half_another),
		cmocka_unit_test(addresses_are_strict),
		cmocka_unit_test(uuids_are_strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
