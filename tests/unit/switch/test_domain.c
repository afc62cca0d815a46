/* SPDX-License-Identifier: MIT */

/* Domains of the hypervisor: who they are, and what is told of them. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "helio/bus/v1/control.pb-c.h"
#include "helio/switch/v1/events.pb-c.h"
#include "proto/unpack.h"
#include "switch/config.h"
#include "switch/domain.h"
#include "switch/peer.h"
#include "switch/policy.h"
#include "switch/quota.h"
#include "switch/report.h"
#include "tests/unit/switch/fake_peer.h"
#include "transports/channel.h"
#include "transports/pair.h"

#define UUID_1 "01000000-0000-0000-0000-000000000001"
#define UUID_2 "02000000-0000-0000-0000-000000000002"

static struct world world;
static struct got got;
static unsigned teller;

static int set_up(void **state)
{
	world_init(&world, NULL);
	assert_int_equal(domains_add_teller(&world.bus.domains, &teller), 0);
	return 0;
}

static int tear_down(void **state)
{
	world_deinit(&world);
	return 0;
}

/* A domain whose uuid and incarnation are made of its numbers. */
static struct transport_domain domain_of(uint32_t domid, uint8_t life,
					 const char *name)
{
	struct transport_domain domain = {
		.domid = domid,
		.uuid = { life, [15] = life },
		.incarnation = UINT64_C(1000) + life,
	};

	snprintf(domain.name, sizeof(domain.name), "%s", name);
	return domain;
}

static struct transport_domain come(uint32_t domid, uint8_t life,
				    const char *name)
{
	struct transport_domain domain = domain_of(domid, life, name);

	domains_tell(&world.bus, teller, &domain, true);
	return domain;
}

static void go(const struct transport_domain *domain)
{
	domains_tell(&world.bus, teller, domain, false);
}

static const char *path_of(const struct transport_domain *domain)
{
	const struct domain *known =
		domains_lookup(&world.bus.domains, domain->incarnation);

	return known ? known->path : "nobody";
}

/* Returns what bus_add_channel() does. */
static int try_connect(const struct transport_domain *domain,
		       struct fake_peer *ret_peer)
{
	struct channel *theirs;
	int r;

	*ret_peer = (struct fake_peer){ .world = &world };
	assert_int_equal(pair_new(65536, &ret_peer->channel, &theirs), 0);
	theirs->evidence.kind = EVIDENCE_DOMAIN;
	theirs->evidence.domid = domain->domid;
	theirs->evidence.incarnation = domain->incarnation;
	memcpy(theirs->evidence.uuid, domain->uuid, sizeof(domain->uuid));
	memcpy(theirs->evidence.name, domain->name, sizeof(domain->name));
	r = bus_add_channel(&world.bus, theirs);
	if (r < 0)
		channel_free(theirs);
	return r;
}

static void be_welcome(struct fake_peer *peer, const char *principal,
		       uint64_t incarnation)
{
	struct unpack_arena arena = { .bytes = world.bus.arena,
				      .n_bytes = sizeof(world.bus.arena) };
	struct frame frame = { .kind = FRAME_HELLO };
	static const uint8_t hello[] = { 8, 1, 16, 1 };
	const Helio__Bus__V1__Welcome *welcome;
	ProtobufCMessage *unpacked;

	fake_send(peer, &frame, "", hello, sizeof(hello));
	fake_expect(peer, FRAME_WELCOME, &got);
	assert_int_equal(unpack(&helio__bus__v1__welcome__descriptor, got.body,
				got.n_body, &arena, &unpacked),
			 0);
	welcome = (const void *)unpacked;
	assert_string_equal(welcome->principal, principal);
	assert_int_equal(welcome->incarnation, incarnation);
}

static void expect_event(struct fake_peer *peer, const char *subject,
			 const char *principal,
			 const struct transport_domain *domain)
{
	struct unpack_arena arena = { .bytes = world.bus.arena,
				      .n_bytes = sizeof(world.bus.arena) };
	char uuid[PRINCIPAL_UUID_CHARS + 1];
	const Helio__Switch__V1__DomainEvent *event;
	ProtobufCMessage *unpacked;

	fake_expect(peer, FRAME_MESSAGE, &got);
	assert_string_equal(got.subject, subject);
	assert_int_equal(unpack(&helio__switch__v1__domain_event__descriptor,
				got.body, got.n_body, &arena, &unpacked),
			 0);
	event = (const void *)unpacked;
	principal_format_uuid(domain->uuid, uuid);
	assert_string_equal(event->principal, principal);
	assert_string_equal(event->uuid, uuid);
	assert_string_equal(event->name, domain->name);
	assert_int_equal(event->domid, domain->domid);
	assert_int_equal(event->incarnation, domain->incarnation);
}

static void expect_renamed(struct fake_peer *peer)
{
	world_settle(&world);
	fake_expect_end(peer, "its domain is called otherwise now");
}

static void a_name_that_is_no_token_is_not_used(void **state)
{
	static const char too_long[] =
		"a-name-that-is-far-too-long-to-be-one-token-of-sixty-four-"
		"bytes-at-most";
	static const char *const names[] = {
		"",     "a b",      "a.b",  "a/b",      "*",
		"$sys", "\xc3\xa4", UUID_2, "Domain-0", too_long,
	};
	struct transport_domain web = come(1, 1, "web");

	assert_string_equal(path_of(&web), "vm:web");
	go(&web);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		struct transport_domain domain = come(1, 1, names[i]);

		assert_string_equal(path_of(&domain), "vm:" UUID_1);
		go(&domain);
	}
	web = come(0, 2, "Domain-0");
	assert_string_equal(path_of(&web), "vm:Domain-0");
}

static void a_channel_is_who_its_domain_is(void **state)
{
	struct transport_domain web = come(1, 1, "web");
	struct transport_domain liar;
	struct fake_peer peer;
	struct fake_peer other;

	assert_int_equal(try_connect(&web, &peer), 0);
	be_welcome(&peer, "vm:web", web.incarnation);
	assert_int_equal(
		domain_n_channels(&world.bus, domains_lookup(&world.bus.domains,
							     web.incarnation)),
		1);

	/* Nobody is believed whom the table does not have. */
	liar = domain_of(1, 2, "web");
	assert_int_equal(try_connect(&liar, &other), -EACCES);
	channel_free(other.channel);
	liar = web;
	liar.uuid[3] = 9;
	assert_int_equal(try_connect(&liar, &other), -EACCES);
	channel_free(other.channel);
	liar = web;
	liar.domid = 2;
	assert_int_equal(try_connect(&liar, &other), -EACCES);
	channel_free(other.channel);
	fake_leave(&peer);
}

/* Of the only peer. */
static const char *account_of_the_peer(void)
{
	struct list *link = world.bus.peers.next;

	assert_int_equal(world.bus.n_peers, 1);
	return container_of(link, struct peer, link)->self.account->owner;
}

static void a_name_given_to_another_takes_no_account_along(void **state)
{
	struct transport_domain web = come(1, 1, "web");
	struct fake_peer peer;

	assert_int_equal(try_connect(&web, &peer), 0);
	assert_string_equal(account_of_the_peer(), "vm:" UUID_1);
	fake_leave(&peer);
	go(&web);
	web = come(1, 2, "web");
	assert_string_equal(path_of(&web), "vm:web");
	assert_int_equal(try_connect(&web, &peer), 0);
	assert_string_equal(account_of_the_peer(), "vm:" UUID_2);
	fake_leave(&peer);
}

static void of_two_with_one_name_the_first_has_it(void **state)
{
	struct transport_domain first = come(1, 1, "web");
	struct transport_domain second = come(2, 2, "web");
	struct fake_peer peer;

	assert_string_equal(path_of(&first), "vm:web");
	assert_string_equal(path_of(&second), "vm:" UUID_2);
	assert_int_equal(try_connect(&second, &peer), 0);
	be_welcome(&peer, "vm:" UUID_2, second.incarnation);

	go(&first);
	assert_string_equal(path_of(&second), "vm:web");
	expect_renamed(&peer);
	fake_leave(&peer);
}

static void who_is_renamed_comes_back_under_the_new_name(void **state)
{
	struct transport_domain web = come(1, 1, "web--incoming");
	struct fake_peer peer;

	assert_int_equal(try_connect(&web, &peer), 0);
	be_welcome(&peer, "vm:web--incoming", web.incarnation);
	fake_subscribe(&peer, 1, "news", 10, STATUS_OK);
	web = come(1, 1, "web");
	expect_renamed(&peer);
	fake_leave(&peer);
	assert_int_equal(try_connect(&web, &peer), 0);
	be_welcome(&peer, "vm:web", web.incarnation);
	fake_leave(&peer);
}

static bool is_web(void *userdata, const char *name)
{
	const bool *is_enrolled = userdata;

	return *is_enrolled && !strcmp(name, "web");
}

static void an_enrolled_domain_keeps_its_name(void **state)
{
	struct transport_domain web;
	bool is_enrolled = true;
	struct fake_peer peer;
	struct fake_peer enrolled;

	world.bus.domains.is_enrolled = is_web;
	world.bus.domains.userdata = &is_enrolled;
	web = come(1, 1, "web");
	assert_string_equal(path_of(&web), "vm:" UUID_1);

	/* It is enrolled no longer, but one that was is still there. */
	fake_join(&world, "web", &enrolled);
	is_enrolled = false;
	domains_judge_again(&world.bus);
	assert_string_equal(path_of(&web), "vm:" UUID_1);
	fake_leave(&enrolled);
	domains_judge_again(&world.bus);
	assert_string_equal(path_of(&web), "vm:web");

	assert_int_equal(try_connect(&web, &peer), 0);
	be_welcome(&peer, "vm:web", web.incarnation);
	is_enrolled = true;
	domains_judge_again(&world.bus);
	expect_renamed(&peer);
	fake_leave(&peer);
	world.bus.domains.is_enrolled = NULL;
}

static void starts_and_stops_are_told_once(void **state)
{
	struct transport_domain web = domain_of(1, 1, "web");
	struct transport_domain again;
	struct fake_peer ops;
	unsigned second;

	fake_join(&world, "ops", &ops);
	fake_subscribe(&ops, 1, "$sys.domain.>", 100, STATUS_OK);
	assert_int_equal(domains_add_teller(&world.bus.domains, &second), 0);
	assert_int_not_equal(second, teller);

	domains_tell(&world.bus, teller, &web, true);
	domains_tell(&world.bus, second, &web, true);
	expect_event(&ops, "$sys.domain.started", "vm:web", &web);
	fake_expect_silence(&ops);

	/* The same domid, and another life. */
	domains_tell(&world.bus, second, &web, false);
	domains_tell(&world.bus, teller, &web, false);
	again = come(1, 2, "web");
	expect_event(&ops, "$sys.domain.stopped", "vm:web", &web);
	expect_event(&ops, "$sys.domain.started", "vm:web", &again);
	fake_expect_silence(&ops);
	fake_leave(&ops);
}

static void what_nobody_watches_is_forgotten_in_silence(void **state)
{
	struct transport_domain web = domain_of(1, 1, "web");
	struct transport_domain db = domain_of(2, 2, "db");
	struct fake_peer ops;
	unsigned second;

	fake_join(&world, "ops", &ops);
	assert_int_equal(domains_add_teller(&world.bus.domains, &second), 0);
	domains_tell(&world.bus, teller, &web, true);
	domains_tell(&world.bus, second, &web, true);
	domains_tell(&world.bus, second, &db, true);
	fake_subscribe(&ops, 1, "$sys.domain.>", 100, STATUS_OK);
	domains_remove_teller(&world.bus, second);
	assert_string_equal(path_of(&web), "vm:web");
	assert_string_equal(path_of(&db), "nobody");
	fake_expect_silence(&ops);
	fake_leave(&ops);
}

/* Its listener is gone, its channel is not: nobody else gets the name. */
static void a_name_is_borne_while_a_channel_has_it(void **state)
{
	struct transport_domain web = domain_of(1, 1, "web");
	struct transport_domain thief;
	struct fake_peer peer;
	unsigned second;

	assert_int_equal(domains_add_teller(&world.bus.domains, &second), 0);
	domains_tell(&world.bus, second, &web, true);
	assert_int_equal(try_connect(&web, &peer), 0);
	be_welcome(&peer, "vm:web", web.incarnation);
	domains_remove_teller(&world.bus, second);
	assert_string_equal(path_of(&web), "vm:web");
	thief = come(2, 2, "web");
	assert_string_equal(path_of(&thief), "vm:" UUID_2);
	fake_leave(&peer);
	domains_judge_again(&world.bus);
	assert_string_equal(path_of(&web), "nobody");
	assert_string_equal(path_of(&thief), "vm:web");
}

static void tellers_are_bounded(void **state)
{
	struct domains *domains = &world.bus.domains;
	unsigned one;

	for (unsigned i = 1; i < DOMAIN_TELLERS_MAX; i++) {
		assert_int_equal(domains_add_teller(domains, &one), 0);
		assert_int_equal(one, i);
	}
	assert_int_equal(domains_add_teller(domains, &one), -ENOSPC);
	domains_remove_teller(&world.bus, 63);
	assert_int_equal(domains_add_teller(domains, &one), 0);
	assert_int_equal(one, 63);
}

static void who_may_do_nothing_is_not_served(void **state)
{
	static const char text[] = "allow vm:web publish news.>\n";
	struct transport_domain web = come(1, 1, "web");
	struct transport_domain db = come(2, 2, "db");
	struct policy *policy;
	char error[128];

	assert_int_equal(policy_parse("p", text, strlen(text), error,
				      sizeof(error), &policy),
			 0);
	bus_set_policy(&world.bus, policy);
	assert_true(
		domain_is_served(&world.bus, domains_lookup(&world.bus.domains,
							    web.incarnation)));
	assert_false(
		domain_is_served(&world.bus, domains_lookup(&world.bus.domains,
							    db.incarnation)));
}

static void domains_are_listed_in_pages(void **state)
{
	struct enrolled_domain enrolled[] = { { .name = "a" },
					      { .name = "b" },
					      { .name = "c" } };
	struct config config = { .enrolment = { .domains = enrolled,
						.n_domains = 3 },
				 .settings.run_folder = "/run/x" };
	struct report_page page = { .limit = 2 };
	struct report_domain entries[2];
	struct transport_domain web = come(5, 1, "web");
	struct transport_domain mail;
	struct fake_peer peer;

	come(6, 2, "db");
	mail = come(7, 3, "mail");
	assert_int_equal(try_connect(&web, &peer), 0);
	assert_int_equal(report_domains(&world.bus, &config, &page, entries),
			 2);
	assert_string_equal(entries[0].domain.principal, "vm:a");
	assert_string_equal(entries[1].domain.socket, "/run/x/domains/b.sock");
	assert_true(page.has_more);

	page.has_more = false;
	assert_int_equal(report_domains(&world.bus, &config, &page, entries),
			 2);
	assert_string_equal(entries[0].domain.name, "c");
	assert_false(entries[0].domain.has_domid);
	assert_string_equal(entries[1].domain.principal, "vm:web");
	assert_string_equal(entries[1].domain.uuid, UUID_1);
	assert_string_equal(entries[1].domain.transport, "vchan");
	assert_int_equal(entries[1].domain.domid, 5);
	assert_int_equal(entries[1].domain.peers, 1);
	assert_true(entries[1].domain.served);
	assert_true(page.has_more);

	/* What goes meanwhile is missed, what stays is listed once. */
	go(&mail);
	page.has_more = false;
	assert_int_equal(report_domains(&world.bus, &config, &page, entries),
			 1);
	assert_string_equal(entries[0].domain.name, "db");
	assert_false(page.has_more);
	fake_leave(&peer);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_name_that_is_no_token_is_not_used),
		TEST(a_channel_is_who_its_domain_is),
		TEST(a_name_given_to_another_takes_no_account_along),
		TEST(of_two_with_one_name_the_first_has_it),
		TEST(who_is_renamed_comes_back_under_the_new_name),
		TEST(an_enrolled_domain_keeps_its_name),
		TEST(starts_and_stops_are_told_once),
		TEST(what_nobody_watches_is_forgotten_in_silence),
		TEST(a_name_is_borne_while_a_channel_has_it),
		TEST(tellers_are_bounded),
		TEST(who_may_do_nothing_is_not_served),
		TEST(domains_are_listed_in_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
