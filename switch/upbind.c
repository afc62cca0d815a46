/* SPDX-License-Identifier: MIT */

#include "switch/upbind.h"

#include <stdio.h>
#include <string.h>

#include "base/le.h"
#include "helio/bus/v1/control.pb-c.h"
#include "switch/bus.h"
#include "switch/inbound.h"
#include "switch/message.h"
#include "switch/peer.h"
#include "switch/schema.h"
#include "switch/slot.h"
#include "switch/uplink.h"

enum { BIND_MAX_BYTES = 64, TEXT_BYTES = 900 };

static void unbind(struct uplink *uplink, struct schema *schema)
{
	struct frame frame = { .kind = FRAME_UNBIND,
			       .correlation = UPBIND_ID | schema->up_handle };
	uint8_t body[4];

	le32_store(body, schema->up_handle);
	uplink_send(uplink, &frame, NULL, body, sizeof(body));
}

static void forget(struct uplink *uplink, struct schema *schema)
{
	list_unlink(&schema->up_link);
	schema->up_handle = 0;
	uplink->n_bound--;
}

static void on_free(void *userdata, struct schema *schema)
{
	struct uplink *uplink = userdata;

	if (!schema->up_handle)
		return;
	if (uplink_is_up(uplink))
		unbind(uplink, schema);
	forget(uplink, schema);
}

void upbind_init(struct uplink *uplink)
{
	list_init(&uplink->bound);
	uplink->bound_max = UPBINDS_MAX;
	uplink->bus->schemas.on_free = on_free;
	uplink->bus->schemas.userdata = uplink;
}

static void send_bind(struct uplink *uplink, struct schema *schema)
{
	Helio__Bus__V1__Bind bind = HELIO__BUS__V1__BIND__INIT;
	struct frame frame = { .kind = FRAME_BIND,
			       .correlation = UPBIND_ID | schema->up_handle };
	uint8_t body[BIND_MAX_BYTES];

	bind.has_handle = bind.has_schema_hash = 1;
	bind.handle = schema->up_handle;
	bind.schema_hash.len = SCHEMA_HASH_BYTES;
	bind.schema_hash.data = schema->hash;
	uplink_send_subject(uplink, &frame, NULL, schema->name, schema->n_name,
			    body, helio__bus__v1__bind__pack(&bind, body));
}

static struct schema *schema_at(struct list *link)
{
	return container_of(link, struct schema, up_link);
}

/* What was called by them before has its subject at the host already. */
static void make_room(struct uplink *uplink)
{
	while (uplink->n_bound >= uplink->bound_max) {
		struct schema *oldest = schema_at(uplink->bound.next);

		unbind(uplink, oldest);
		forget(uplink, oldest);
	}
}

uint32_t upbind_handle(struct uplink *uplink, struct schema *schema)
{
	if (schema->up_handle) {
		list_unlink(&schema->up_link);
	} else {
		make_room(uplink);
		uplink->n_bound++;
		schema->up_handle = ++uplink->last_bound;
		send_bind(uplink, schema);
	}
	list_push_back(&uplink->bound, &schema->up_link);
	return schema->up_handle;
}

void upbind_message(struct uplink *uplink, struct schema *schema,
		    struct message *message)
{
	size_t n = schema->n_name + 1;

	message->subject += n;
	message->n_subject -= n;
	message->n_bytes -= n;
	message->frame.n_subject = (uint16_t)message->n_subject;
	message->frame.length = (uint32_t)message->n_bytes;
	message->frame.handle = upbind_handle(uplink, schema);
}

uint8_t *upbind_frame(struct uplink *uplink, struct schema *schema,
		      uint8_t *frame)
{
	const struct frame flags = { .flags = frame[FRAME_AT_FLAGS] };
	size_t n = schema->n_name + 1;
	uint8_t *shorter = frame + n;

	memmove(shorter, frame, frame_header_bytes(&flags));
	le32_store(shorter, (uint32_t)(le32_load(shorter) - n));
	le16_store(shorter + FRAME_AT_SUBJECT_BYTES,
		   (uint16_t)(le16_load(shorter + FRAME_AT_SUBJECT_BYTES) - n));
	le32_store(shorter + FRAME_AT_HANDLE, upbind_handle(uplink, schema));
	return shorter;
}

/* It never was the host's, which says so of its handle only. */
static void fail_call(struct slot *slot, enum status status, const char *text)
{
	struct frame cancel = { .kind = FRAME_CANCEL,
				.correlation = slot->callee_id };

	peer_send(slot->callee->peer, &cancel, NULL, 0);
	map_remove(&slot->callee->peer->taken, &slot->taken_node);
	list_unlink(&slot->callee_link);
	slot->callee = NULL;
	slot_fail(slot, status, text);
}

static void fail_calls(struct uplink *uplink, const struct schema *schema,
		       const struct inbound *inbound)
{
	int n = (int)inbound_body_bytes(inbound);
	char text[TEXT_BYTES];
	struct list *link, *after;

	snprintf(text, sizeof(text), "the host binds no more: %.*s", n,
		 (const char *)inbound_settle(uplink->bus, inbound));
	list_for_each_safe (link, after, &uplink->slots) {
		struct slot *slot =
			container_of(link, struct slot, callee_link);

		if (slot->kind == SLOT_CALL && slot->schema == schema)
			fail_call(slot, (enum status)inbound->frame.status,
				  text);
	}
}

/*
 * What the host refused, for a quota of ours, say, is asked for again by the
 * next call; with one less at a time there will be room.
 */
void upbind_result(struct uplink *uplink, const struct inbound *inbound)
{
	uint32_t handle = (uint32_t)inbound->frame.correlation;
	struct list *link;

	if (!inbound->frame.status)
		return;
	list_for_each (link, &uplink->bound) {
		struct schema *schema = schema_at(link);

		if (schema->up_handle != handle)
			continue;
		forget(uplink, schema);
		uplink->bound_max = uplink->n_bound ? uplink->n_bound : 1;
		schema_ref(schema);
		fail_calls(uplink, schema, inbound);
		schema_unref(schema);
		return;
	}
}

void upbind_leave(struct uplink *uplink)
{
	while (!list_is_empty(&uplink->bound))
		forget(uplink, schema_at(uplink->bound.next));
	uplink->last_bound = 0;
	uplink->bound_max = UPBINDS_MAX;
}
