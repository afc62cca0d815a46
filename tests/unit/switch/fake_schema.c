/* SPDX-License-Identifier: MIT */

#include "tests/unit/switch/fake_schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { METHODS_MAX = 8 };

struct verdict *asked[ORACLE_MAX];
size_t n_asked;
size_t n_asked_ever;
int oracle_error;

static int ask(void *userdata, struct verdict *verdict)
{
	if (oracle_error)
		return oracle_error;
	assert_true(n_asked < ORACLE_MAX);
	asked[n_asked++] = verdict;
	n_asked_ever++;
	return 0;
}

void oracle_init(struct world *world)
{
	n_asked = n_asked_ever = 0;
	oracle_error = 0;
	world->bus.verdicts.ask = ask;
}

void oracle_answer(uint8_t client, uint8_t server, enum answer_kind kind,
		   const char *why)
{
	struct verdict *verdict = asked[0];
	struct bus *bus = verdict->bus;

	assert_true(n_asked > 0);
	assert_int_equal(verdict->client ? verdict->client->hash[0] : 0,
			 client);
	assert_int_equal(verdict->server->hash[0], server);
	memmove(asked, asked + 1, --n_asked * sizeof(*asked));
	verdict_answer(verdict, kind, why);
	world_settle(container_of(bus, struct world, bus));
}

/* Cut at the blanks. */
static size_t split(char *text, char *words[METHODS_MAX])
{
	size_t n = 0;
	char *rest = text;
	char *word;

	while ((word = strsep(&rest, " ")))
		words[n++] = word;
	return n;
}

void fake_serve_schema(struct fake_peer *peer, uint32_t id, const char *name,
		       const char *methods, uint8_t schema)
{
	Helio__Bus__V1__Serve serve = HELIO__BUS__V1__SERVE__INIT;
	struct frame frame = { .kind = FRAME_SERVE, .correlation = id };
	uint8_t hash[SCHEMA_HASH_BYTES];
	uint8_t body[256];
	char text[128];
	char *words[METHODS_MAX];

	memset(hash, schema, sizeof(hash));
	snprintf(text, sizeof(text), "%s", methods);
	serve.n_methods = split(text, words);
	serve.methods = words;
	serve.has_id = serve.has_credit_calls = serve.has_credit_bytes = 1;
	serve.id = id;
	serve.credit_calls = 100;
	serve.credit_bytes = 1 << 20;
	serve.has_schema_hash = schema != 0;
	serve.schema_hash.data = hash;
	serve.schema_hash.len = sizeof(hash);
	fake_send(peer, &frame, name, body,
		  helio__bus__v1__serve__pack(&serve, body));
}

void fake_expect_served(struct fake_peer *peer, uint32_t id, enum status status)
{
	static struct got got;

	fake_expect(peer, FRAME_RESULT, &got);
	assert_int_equal(got.frame.correlation, id);
	if (got.frame.status != status)
		fail_msg("%s: %s", status_name(got.frame.status),
			 (char *)got.body);
}

void fake_serve_known(struct fake_peer *peer, uint32_t id, const char *name,
		      const char *methods, uint8_t schema)
{
	fake_serve_schema(peer, id, name, methods, schema);
	if (n_asked)
		oracle_answer(0, schema, ANSWER_GOOD, NULL);
	fake_expect_served(peer, id, STATUS_OK);
}

void fake_bind_quietly(struct fake_peer *peer, uint32_t handle,
		       const char *name, uint8_t schema)
{
	Helio__Bus__V1__Bind bind = HELIO__BUS__V1__BIND__INIT;
	struct frame frame = { .kind = FRAME_BIND, .correlation = handle };
	uint8_t hash[SCHEMA_HASH_BYTES];
	uint8_t body[64];

	memset(hash, schema, sizeof(hash));
	bind.has_handle = bind.has_schema_hash = 1;
	bind.handle = handle;
	bind.schema_hash.data = hash;
	bind.schema_hash.len = sizeof(hash);
	fake_send(peer, &frame, name, body,
		  helio__bus__v1__bind__pack(&bind, body));
}

void fake_bind(struct fake_peer *peer, uint32_t handle, const char *name,
	       uint8_t schema, enum status status)
{
	static struct got got;

	fake_bind_quietly(peer, handle, name, schema);
	fake_expect(peer, FRAME_RESULT, &got);
	assert_int_equal(got.frame.correlation, handle);
	if (got.frame.status != status)
		fail_msg("%s: %s", status_name(got.frame.status),
			 (char *)got.body);
}

void fake_call_by(struct fake_peer *peer, uint64_t id, uint8_t flags,
		  uint32_t handle, const char *method)
{
	struct frame frame = { .kind = FRAME_CALL,
			       .flags = FRAME_WHOLE | flags,
			       .correlation = id,
			       .handle = handle,
			       .time_left_ms = 2000 };

	fake_send(peer, &frame, method, "question", 8);
}

void fake_expect_refusal(struct fake_peer *peer, uint64_t id,
			 enum status status, const char *in_text)
{
	static struct got got;

	fake_expect(peer, FRAME_REPLY, &got);
	assert_int_equal(got.frame.correlation, id);
	if (got.frame.status != status)
		fail_msg("%s: %s", status_name(got.frame.status),
			 (char *)got.body);
	assert_int_equal(got.frame.origin, ORIGIN_BUS);
	assert_int_equal(got.frame.handed_over, false);
	if (!strstr((char *)got.body, in_text))
		fail_msg("%s", (char *)got.body);
}
