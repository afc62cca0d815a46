/* SPDX-License-Identifier: MIT */

#include "switch/upbind.h"

#include <string.h>

#include "base/le.h"
#include "helio/bus/v1/control.pb-c.h"
#include "switch/bus.h"
#include "switch/inbound.h"
#include "switch/message.h"
#include "switch/schema.h"
#include "switch/uplink.h"

enum { BIND_MAX_BYTES = 64 };

static void forget(void *userdata, struct schema *schema)
{
	struct uplink *uplink = userdata;
	struct frame frame = { .kind = FRAME_UNBIND,
			       .correlation = UPBIND_ID | schema->up_handle };
	uint8_t body[4];

	if (!schema->up_handle || !uplink_is_up(uplink))
		return;
	le32_store(body, schema->up_handle);
	uplink_send(uplink, &frame, NULL, body, sizeof(body));
}

void upbind_init(struct uplink *uplink)
{
	uplink->bus->schemas.on_free = forget;
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

uint32_t upbind_handle(struct uplink *uplink, struct schema *schema)
{
	if (schema->up_handle)
		return schema->up_handle;
	schema->up_handle = ++uplink->last_bound;
	send_bind(uplink, schema);
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

/* What the host refused, for a quota of ours, say, is asked for again. */
void upbind_result(struct uplink *uplink, const struct inbound *inbound)
{
	uint32_t handle = (uint32_t)inbound->frame.correlation;
	struct map_node *node = NULL;

	if (!inbound->frame.status)
		return;
	while ((node = map_walk(&uplink->bus->schemas.by_name, node))) {
		struct schema *schema = container_of(node, struct schema, node);

		if (schema->up_handle == handle)
			schema->up_handle = 0;
	}
}

void upbind_leave(struct uplink *uplink)
{
	struct map_node *node = NULL;

	while ((node = map_walk(&uplink->bus->schemas.by_name, node)))
		container_of(node, struct schema, node)->up_handle = 0;
	uplink->last_bound = 0;
}
