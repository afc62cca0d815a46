/* SPDX-License-Identifier: MIT */

/** Event channels and grants of the stand-in, two domains in one process. */

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include <cmocka.h>

#include "tests/xen/world.h"

enum { PAGE = 4096, READ_WRITE = PROT_READ | PROT_WRITE };

/* Domain 1 grants and offers, domain 2 maps and binds. */
struct pair {
	struct xen_world world;
	xenevtchn_handle *events1;
	xenevtchn_handle *events2;
	xengntshr_handle *given;
	xengnttab_handle *taken;
};

static int set_up(void **state)
{
	struct pair *pair = calloc(1, sizeof(*pair));

	assert_non_null(pair);
	assert_int_equal(xen_world_start(&pair->world), 0);
	for (uint32_t domid = 1; domid <= 3; domid++)
		assert_int_equal(
			xen_world_add(&pair->world, domid, "name", "uuid"), 0);
	xen_world_enter(&pair->world, 1);
	pair->events1 = xenevtchn_open(NULL, 0);
	pair->given = xengntshr_open(NULL, 0);
	xen_world_enter(&pair->world, 2);
	pair->events2 = xenevtchn_open(NULL, 0);
	pair->taken = xengnttab_open(NULL, 0);
	assert_true(pair->events1 && pair->given);
	assert_true(pair->events2 && pair->taken);
	*state = pair;
	return 0;
}

static int tear_down(void **state)
{
	struct pair *pair = *state;

	xenevtchn_close(pair->events1);
	xenevtchn_close(pair->events2);
	xengntshr_close(pair->given);
	xengnttab_close(pair->taken);
	xen_world_stop(&pair->world);
	free(pair);
	return 0;
}

static struct xen_count count(struct pair *pair, uint32_t domid)
{
	struct xen_count counted;

	assert_int_equal(xen_world_count(&pair->world, domid, &counted), 0);
	return counted;
}

static bool has_event(struct pair *pair, xenevtchn_handle *events)
{
	struct pollfd fd = { .fd = xenevtchn_fd(events), .events = POLLIN };

	/* The world answers when it has done what was asked before. */
	count(pair, 0);
	return poll(&fd, 1, 0) == 1;
}

static void notify(xenevtchn_handle *events, int port)
{
	assert_int_equal(xenevtchn_notify(events, (evtchn_port_t)port), 0);
}

static void unmask(xenevtchn_handle *events, int port)
{
	assert_int_equal(xenevtchn_unmask(events, (evtchn_port_t)port), 0);
}

/* A channel whose first event was taken. */
static void connect_ports(struct pair *pair, int *port1, int *port2)
{
	*port1 = xenevtchn_bind_unbound_port(pair->events1, 2);
	*port2 = xenevtchn_bind_interdomain(pair->events2, 1,
					    (evtchn_port_t)*port1);
	assert_true(*port1 > 0 && *port2 > 0);
	assert_true(has_event(pair, pair->events2));
	assert_int_equal(xenevtchn_pending(pair->events2), *port2);
	unmask(pair->events2, *port2);
}

static void test_port_is_tied_to_its_domain(void **state)
{
	struct pair *pair = *state;
	int port = xenevtchn_bind_unbound_port(pair->events1, 3);

	assert_int_equal(xenevtchn_bind_interdomain(pair->events2, 1,
						    (evtchn_port_t)port),
			 -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(xenevtchn_bind_interdomain(pair->events2, 77, 1), -1);
	assert_int_equal(errno, ESRCH);
}

static void test_port_is_bound_once(void **state)
{
	struct pair *pair = *state;
	int port1;
	int port2;

	connect_ports(pair, &port1, &port2);
	assert_int_equal(xenevtchn_bind_interdomain(pair->events2, 1,
						    (evtchn_port_t)port1),
			 -1);
	/* Free again for the same domain once the other end is closed. */
	xenevtchn_unbind(pair->events2, (evtchn_port_t)port2);
	notify(pair->events1, port1);
	port2 = xenevtchn_bind_interdomain(pair->events2, 1,
					   (evtchn_port_t)port1);
	assert_true(port2 > 0);
}

static void test_bound_port_has_an_event(void **state)
{
	struct pair *pair = *state;
	int port = xenevtchn_bind_unbound_port(pair->events1, 2);

	notify(pair->events1, port);
	assert_false(has_event(pair, pair->events1));
	xenevtchn_bind_interdomain(pair->events2, 1, (evtchn_port_t)port);
	assert_true(has_event(pair, pair->events2));
	assert_false(has_event(pair, pair->events1));
}

static void test_event_waits_for_unmask(void **state)
{
	struct pair *pair = *state;
	int port1;
	int port2;

	connect_ports(pair, &port1, &port2);
	notify(pair->events1, port1);
	notify(pair->events1, port1);
	assert_int_equal(xenevtchn_pending(pair->events2), port2);
	assert_false(has_event(pair, pair->events2));
	unmask(pair->events2, port2);
	assert_true(has_event(pair, pair->events2));
	assert_int_equal(xenevtchn_pending(pair->events2), port2);
	unmask(pair->events2, port2);
	assert_false(has_event(pair, pair->events2));
}

static void test_only_own_ports_can_be_used(void **state)
{
	struct pair *pair = *state;
	int port1;
	int port2;

	connect_ports(pair, &port1, &port2);
	assert_int_equal(xenevtchn_notify(pair->events1, 500), -1);
	assert_int_equal(errno, ENOTCONN);
	assert_int_equal(xenevtchn_unbind(pair->events1, 500), -1);
}

static void *share(struct pair *pair, int n, uint32_t *refs, int writable)
{
	void *pages = xengntshr_share_pages(pair->given, 2, n, refs, writable);

	assert_non_null(pages);
	return pages;
}

static void test_pages_are_shared(void **state)
{
	struct pair *pair = *state;
	uint32_t refs[3];
	uint8_t *given = share(pair, 3, refs, 1);
	uint8_t *taken = xengnttab_map_domain_grant_refs(pair->taken, 3, 1,
							 refs, READ_WRITE);

	assert_non_null(taken);
	assert_true(refs[0] >= 8 && refs[1] != refs[0] + 1);
	given[PAGE] = 7;
	assert_int_equal(taken[PAGE], 7);
	taken[3 * PAGE - 1] = 9;
	assert_int_equal(given[3 * PAGE - 1], 9);
	assert_int_equal(count(pair, 1).grants, 3);
	assert_int_equal(count(pair, 2).maps, 3);
	assert_int_equal(xengnttab_unmap(pair->taken, taken, 3), 0);
	assert_int_equal(xengntshr_unshare(pair->given, given, 3), 0);
	assert_int_equal(count(pair, 1).grants, 0);
	assert_int_equal(count(pair, 2).maps, 0);
	given = share(pair, 3, refs, 1);
	assert_int_equal(given[PAGE], 0);
}

static void test_grant_is_tied_to_its_domain(void **state)
{
	struct pair *pair = *state;
	uint32_t ref;
	void *given = xengntshr_share_pages(pair->given, 3, 1, &ref, 1);

	assert_non_null(given);
	assert_null(xengnttab_map_grant_ref(pair->taken, 1, ref, PROT_READ));
	assert_int_equal(errno, EINVAL);
	assert_null(xengnttab_map_grant_ref(pair->taken, 3, ref, PROT_READ));
	assert_null(xengnttab_map_grant_ref(pair->taken, 1, ~0u, PROT_READ));
	assert_null(xengnttab_map_grant_ref(pair->taken, 1, 0, PROT_READ));
	assert_null(
		xengnttab_map_grant_ref(pair->taken, 1, ref + 1, PROT_READ));
	assert_int_equal(count(pair, 2).maps, 0);
}

static void test_one_bad_reference_spoils_all(void **state)
{
	struct pair *pair = *state;
	uint32_t refs[3];

	share(pair, 2, refs, 1);
	refs[2] = 4;
	assert_null(xengnttab_map_domain_grant_refs(pair->taken, 3, 1, refs,
						    READ_WRITE));
	assert_int_equal(count(pair, 2).maps, 0);
}

static void test_read_only_pages_are(void **state)
{
	struct pair *pair = *state;
	uint32_t ref;
	uint8_t *taken;

	share(pair, 1, &ref, 0);
	assert_null(xengnttab_map_grant_ref(pair->taken, 1, ref, READ_WRITE));
	taken = xengnttab_map_grant_ref(pair->taken, 1, ref, PROT_READ);
	assert_non_null(taken);
	assert_int_equal(mprotect(taken, PAGE, READ_WRITE), -1);
}

static void test_unmapping_clears_and_notifies(void **state)
{
	struct pair *pair = *state;
	uint32_t ref;
	uint8_t *given = share(pair, 1, &ref, 1);
	uint8_t *taken;
	int port1;
	int port2;

	connect_ports(pair, &port1, &port2);
	taken = xengnttab_map_grant_ref_notify(pair->taken, 1, ref, READ_WRITE,
					       22, (evtchn_port_t)port2);
	assert_non_null(taken);
	taken[22] = 1;
	/* The port is closed by its handle first, and its last event goes. */
	xenevtchn_close(pair->events2);
	pair->events2 = NULL;
	assert_false(has_event(pair, pair->events1));
	assert_int_equal(xengnttab_unmap(pair->taken, taken, 1), 0);
	assert_int_equal(given[22], 0);
	assert_true(has_event(pair, pair->events1));
	assert_int_equal(count(pair, 2).ports, 0);
}

static void test_unsharing_clears_and_notifies(void **state)
{
	struct pair *pair = *state;
	uint32_t ref;
	uint8_t *given;
	uint8_t *taken;
	int port1;
	int port2;

	connect_ports(pair, &port1, &port2);
	given = xengntshr_share_page_notify(pair->given, 2, &ref, 1, 23,
					    (evtchn_port_t)port1);
	taken = xengnttab_map_grant_ref(pair->taken, 1, ref, READ_WRITE);
	assert_true(given && taken);
	given[23] = 1;
	assert_int_equal(xengntshr_unshare(pair->given, given, 1), 0);
	assert_int_equal(taken[23], 0);
	assert_true(has_event(pair, pair->events2));
	/* Until the other lets go the grant is there, but for nobody new. */
	assert_int_equal(count(pair, 1).grants, 1);
	assert_null(xengnttab_map_grant_ref(pair->taken, 1, ref, PROT_READ));
	xengnttab_unmap(pair->taken, taken, 1);
	assert_int_equal(count(pair, 1).grants, 0);
}

static void test_what_stays_mapped_is_found(void **state)
{
	struct pair *pair = *state;
	struct xen_census census;
	uint32_t ref;
	uint8_t *taken;

	share(pair, 1, &ref, 1);
	taken = xengnttab_map_grant_ref(pair->taken, 1, ref, PROT_READ);
	assert_non_null(taken);
	xengnttab_close(pair->taken);
	pair->taken = NULL;
	assert_int_equal(xen_world_census(&pair->world, &census), 0);
	assert_int_equal(census.orphans, 1);
	assert_int_equal(count(pair, 2).maps, 1);
	munmap(taken, PAGE);
	assert_int_equal(xen_world_census(&pair->world, &census), 0);
	assert_int_equal(census.orphans, 0);
	assert_int_equal(count(pair, 2).maps, 0);
}

static void test_grants_run_out(void **state)
{
	struct pair *pair = *state;
	uint32_t refs[4];

	assert_int_equal(xen_world_limit(&pair->world, 1, 3), 0);
	assert_null(xengntshr_share_pages(pair->given, 2, 4, refs, 1));
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(count(pair, 1).grants, 0);
	share(pair, 3, refs, 1);
}

static void test_destroyed_domain_says_nothing(void **state)
{
	struct pair *pair = *state;
	uint32_t ref;
	uint8_t *given = share(pair, 1, &ref, 1);
	uint8_t *taken;
	int port1;
	int port2;

	connect_ports(pair, &port1, &port2);
	taken = xengnttab_map_grant_ref_notify(pair->taken, 1, ref, READ_WRITE,
					       22, (evtchn_port_t)port2);
	taken[22] = 1;
	assert_int_equal(xen_world_destroy(&pair->world, 2), 0);
	assert_int_equal(given[22], 1);
	assert_false(has_event(pair, pair->events1));
	notify(pair->events1, port1);
	assert_int_equal(xengntshr_unshare(pair->given, given, 1), 0);
	assert_int_equal(count(pair, 1).grants, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_port_is_tied_to_its_domain),
		TEST(test_port_is_bound_once),
		TEST(test_bound_port_has_an_event),
		TEST(test_event_waits_for_unmask),
		TEST(test_only_own_ports_can_be_used),
		TEST(test_pages_are_shared),
		TEST(test_grant_is_tied_to_its_domain),
		TEST(test_one_bad_reference_spoils_all),
		TEST(test_read_only_pages_are),
		TEST(test_unmapping_clears_and_notifies),
		TEST(test_unsharing_clears_and_notifies),
		TEST(test_what_stays_mapped_is_found),
		TEST(test_grants_run_out),
		TEST(test_destroyed_domain_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
