/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/logger/desk.h"

void desk_join(struct desk *desk, unsigned nth, uint32_t batch)
{
	struct desk_reader *reader = &desk->readers[nth];
	struct consumer *consumer = &reader->consumer;

	*consumer = (struct consumer){ .serving = (void *)reader,
				       .cursor = desk->cursor,
				       .logger = &desk->logger,
				       .batch = batch };
	list_init(&consumer->link);
	list_init(&consumer->given);
	list_init(&consumer->wait.link);
	consumer->tokens = calloc(batch, sizeof(*consumer->tokens));
	consumer->again = calloc(batch, sizeof(*consumer->again));
	assert_true(consumer->tokens && consumer->again);
	assert_int_equal(sieve_init(&consumer->sieve, &desk->keeper, "uid:0",
				    NULL, 0, NULL, 0),
			 0);
	reader->is_there = true;
	reader->n_given = 0;
	assert_int_equal(cursor_join(desk->cursor, consumer), 0);
	desk_pump(desk);
}

void desk_leave(struct desk *desk, unsigned nth, bool is_fault)
{
	struct desk_reader *reader = &desk->readers[nth];

	reader->is_there = false;
	cursor_leave(desk->cursor, &reader->consumer, is_fault);
	assert_true(list_is_empty(&reader->consumer.given));
	sieve_deinit(&reader->consumer.sieve);
	free(reader->consumer.tokens);
	free(reader->consumer.again);
	desk_pump(desk);
}

uint64_t desk_token(const struct desk *desk, unsigned nth, uint64_t sequence)
{
	const struct desk_reader *reader = &desk->readers[nth];

	for (size_t i = reader->n_given; i-- > 0;)
		if (reader->given[i].sequence == sequence)
			return reader->given[i].token;
	fail_msg("%llu was not given out", (unsigned long long)sequence);
	return 0;
}

void desk_ack(struct desk *desk, unsigned nth, uint64_t sequence)
{
	assert_int_equal(cursor_ack(desk->cursor, &desk->readers[nth].consumer,
				    desk_token(desk, nth, sequence)),
			 0);
}

void desk_nak(struct desk *desk, unsigned nth, uint64_t sequence,
	      uint32_t delay_ms)
{
	assert_int_equal(cursor_nak(desk->cursor, &desk->readers[nth].consumer,
				    desk_token(desk, nth, sequence), delay_ms),
			 0);
}
