/* SPDX-License-Identifier: MIT */

#include "rpc/store/transaction.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS_MAX = 4 * 128 };

/* One of them, and the pointer to it. */
union part {
	Helio__Store__V1__Condition condition;
	Helio__Store__V1__Write write;
	Helio__Store__V1__Message message;
	Helio__Store__V1__SubmitRequest submit;
};

/* protobuf-c's texts are not const, and are not written to. */
static char *text_of(const char *text)
{
	char *copy;

	memcpy(&copy, &text, sizeof(copy));
	return copy;
}

static ProtobufCBinaryData bytes_of(const void *bytes, size_t n)
{
	return (ProtobufCBinaryData){ n, (uint8_t *)text_of(bytes) };
}

static int set_condition(Helio__Store__V1__Condition *to,
			 const struct helio_store_condition *from)
{
	helio__store__v1__condition__init(to);
	to->bucket = text_of(from->bucket);
	to->key = text_of(from->key);
	to->has_revision = from->has_revision;
	to->revision = from->revision;
	to->has_value = from->has_value;
	to->value = bytes_of(from->value, from->n_value);
	return from->bucket && from->key ? 0 : -EINVAL;
}

static int set_write(Helio__Store__V1__Write *to,
		     const struct helio_store_write *from)
{
	helio__store__v1__write__init(to);
	to->bucket = text_of(from->bucket);
	to->key = text_of(from->key);
	to->has_value = !from->is_delete;
	to->value = bytes_of(from->value, from->n_value);
	to->has_ttl_ms = from->has_ttl;
	to->ttl_ms = from->ttl_ms;
	return from->bucket && from->key ? 0 : -EINVAL;
}

static int set_message(Helio__Store__V1__Message *to,
		       const struct helio_store_message *from)
{
	helio__store__v1__message__init(to);
	to->subject = text_of(from->subject);
	to->has_body = true;
	to->body = bytes_of(from->body, from->n_body);
	to->content_type = text_of(from->content_type);
	to->has_is_plain = from->is_plain;
	to->is_plain = from->is_plain;
	return from->subject ? 0 : -EINVAL;
}

static int set_submit(Helio__Store__V1__SubmitRequest *to,
		      const struct helio_store_submit *from)
{
	helio__store__v1__submit_request__init(to);
	to->queue = text_of(from->queue);
	to->has_body = true;
	to->body = bytes_of(from->body, from->n_body);
	to->content_type = text_of(from->content_type);
	to->key = text_of(from->key);
	to->order_key = text_of(from->order_key);
	to->has_priority = from->priority != 0;
	to->priority = from->priority;
	to->has_delay_ms = from->delay_ms > 0;
	to->delay_ms = from->delay_ms;
	return from->queue ? 0 : -EINVAL;
}

/* Where the next part goes, and the pointer to it. */
struct room {
	union part *part;
	void **pointer;
};

#define ADD_ALL(n_, list_, n_from, from_, member, set)                 \
	do {                                                           \
		(n_) = (n_from);                                       \
		memcpy(&(list_), &room.pointer, sizeof(room.pointer)); \
		for (size_t i = 0; r == 0 && i < (n_from); i++) {      \
			*room.pointer++ = &room.part->member;          \
			r = set(&room.part++->member, &(from_)[i]);    \
		}                                                      \
	} while (0)

static int fill(Helio__Store__V1__Transaction *to, struct room room,
		const struct helio_store_transaction *from)
{
	int r = 0;

	ADD_ALL(to->n_conditions, to->conditions, from->n_conditions,
		from->conditions, condition, set_condition);
	ADD_ALL(to->n_writes, to->writes, from->n_writes, from->writes, write,
		set_write);
	ADD_ALL(to->n_messages, to->messages, from->n_messages, from->messages,
		message, set_message);
	ADD_ALL(to->n_submits, to->submits, from->n_submits, from->submits,
		submit, set_submit);
	return r;
}

int transaction_set(struct transaction *transaction,
		    const struct helio_store_transaction *from)
{
	size_t n = from->n_conditions + from->n_writes + from->n_messages +
		   from->n_submits;
	union part *parts;
	struct room room;
	int r;

	if (n > PARTS_MAX)
		return -EINVAL;
	parts = calloc(n + 1, sizeof(*parts) + sizeof(void *));
	if (!parts)
		return -ENOMEM;
	room = (struct room){ parts, (void **)(parts + n + 1) };
	helio__store__v1__transaction__init(&transaction->message);
	transaction->parts = parts;
	r = fill(&transaction->message, room, from);
	if (r < 0)
		transaction_deinit(transaction);
	return r;
}

void transaction_deinit(struct transaction *transaction)
{
	free(transaction->parts);
	transaction->parts = NULL;
}
