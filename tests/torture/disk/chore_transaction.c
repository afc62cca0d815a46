/* SPDX-License-Identifier: MIT */

#include "storage/state/state.h"
#include "tests/torture/disk/chore.h"

static void add_write(struct chore *chore, struct transaction *transaction)
{
	size_t n = transaction->in.n_writes;
	Helio__Store__V1__Write *write = &transaction->writes[n];

	if (n == CHORE_PARTS)
		return;
	*write = (Helio__Store__V1__Write)HELIO__STORE__V1__WRITE__INIT;
	write->bucket = a_bucket(chore);
	write->key = a_key(chore);
	write->has_value = is(chore, 80);
	write->value = a_body(chore);
	transaction->write_list[transaction->in.n_writes++] = write;
}

static char subject[] = "vm.web.told";

static void add_message(struct chore *chore, struct transaction *transaction)
{
	size_t n = transaction->in.n_messages;
	Helio__Store__V1__Message *message = &transaction->messages[n];

	if (n == CHORE_PARTS)
		return;
	*message = (Helio__Store__V1__Message)HELIO__STORE__V1__MESSAGE__INIT;
	message->subject = subject;
	message->has_body = true;
	message->body = a_body(chore);
	transaction->message_list[transaction->in.n_messages++] = message;
}

void chore_fill_submit(struct chore *chore, Helio__Store__V1__SubmitRequest *in)
{
	*in = (Helio__Store__V1__SubmitRequest)
		HELIO__STORE__V1__SUBMIT_REQUEST__INIT;
	in->queue = a_queue(chore);
	in->has_body = true;
	in->body = a_body(chore);
	in->has_priority = is(chore, 40);
	in->priority = (int32_t)below(chore, 5) - 2;
	if (is(chore, 30))
		in->key = a_name(chore, 'j', 1000);
	if (is(chore, 30))
		in->order_key = a_name(chore, 'o', 4);
	if (is(chore, 20))
		set(&in->has_delay_ms, &in->delay_ms, below(chore, 3000));
	if (is(chore, 20))
		set(&in->has_timeout_ms, &in->timeout_ms,
		    1 + below(chore, 20000));
}

static void add_submit(struct chore *chore, struct transaction *transaction)
{
	size_t n = transaction->in.n_submits;

	if (n == CHORE_PARTS)
		return;
	chore_fill_submit(chore, &transaction->submits[n]);
	transaction->submit_list[transaction->in.n_submits++] =
		&transaction->submits[n];
}

void chore_fill(struct chore *chore, struct transaction *transaction)
{
	transaction->in = (Helio__Store__V1__Transaction)
		HELIO__STORE__V1__TRANSACTION__INIT;
	transaction->in.writes = transaction->write_list;
	transaction->in.messages = transaction->message_list;
	transaction->in.submits = transaction->submit_list;
	for (unsigned i = 0; i < CHORE_PARTS; i++) {
		if (is(chore, 60))
			add_write(chore, transaction);
		if (is(chore, 20))
			add_message(chore, transaction);
		if (is(chore, 20))
			add_submit(chore, transaction);
	}
}

unsigned chore_transact(struct chore *chore)
{
	struct transaction transaction;

	chore_fill(chore, &transaction);
	return judge_transaction(chore->draft, &transaction.in, chore->out);
}

unsigned chore_send(struct chore *chore)
{
	uint64_t numbers[CHORE_DUE_MAX];
	const struct list *link = NULL;
	size_t n = 0;

	list_for_each (link, &chore->draft->state->outgoing) {
		const struct outgoing *outgoing =
			const_container_of(link, struct outgoing, link);

		if (n < CHORE_DUE_MAX && is(chore, 50))
			numbers[n++] = outgoing->number;
	}
	return judge_sent(chore->draft, numbers, n);
}
