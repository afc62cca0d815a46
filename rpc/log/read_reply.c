/* SPDX-License-Identifier: MIT */

#include "rpc/log/read_reply.h"

#include <helio/log/v1/log.pb-c.h>
#include <string.h>

enum {
	RUN_TAG = 1 << 3 | 2, /* field 1, of bytes */
	LENGTH_BYTES_MAX = 5,
};

/* Where the run begins, if it is all that there is; else 0. */
static size_t find_run(const uint8_t *bytes, size_t n)
{
	uint64_t length = 0;
	size_t at = 1;

	if (n < 2 || bytes[0] != RUN_TAG)
		return 0;
	for (unsigned i = 0; i < LENGTH_BYTES_MAX && at < n; i++) {
		length |= (uint64_t)(bytes[at] & 0x7f) << (7 * i);
		if (!(bytes[at++] & 0x80))
			return length && length == n - at ? at : 0;
	}
	return 0;
}

static int keep(struct backlog *backlog, const Helio__Log__V1__ReadReply *reply)
{
	int r = 0;

	if (reply->has_expired_to)
		r = backlog_push(backlog, BACKLOG_EXPIRED, reply->expired_to,
				 NULL, 0);
	if (r == 0 && reply->has_run)
		r = backlog_push(backlog, BACKLOG_RUN, 0, reply->run.data,
				 reply->run.len);
	if (r == 0 && reply->has_next)
		r = backlog_push(backlog, BACKLOG_NEXT, reply->next, NULL, 0);
	if (r == 0 && reply->is_live)
		r = backlog_push(backlog, BACKLOG_LIVE, 0, NULL, 0);
	return r;
}

static unsigned unpack_and_keep(struct backlog *backlog, struct intake *intake,
				const uint8_t *bytes, size_t n,
				const char **ret_reason)
{
	const ProtobufCMessage *message;
	unsigned status;

	status = intake_unpack(intake, &helio__log__v1__read_reply__descriptor,
			       bytes, n, "a message of the stream", &message);
	*ret_reason = intake->reason;
	if (status == HELIO_INVALID_ARGUMENT)
		return HELIO_INTERNAL;
	if (status)
		return status;
	*ret_reason = "no memory";
	return keep(backlog, (const Helio__Log__V1__ReadReply *)message) < 0
		       ? HELIO_RESOURCE_EXHAUSTED
		       : HELIO_OK;
}

/* Copied before it is looked at: the other side may still write to it. */
static struct backlog_item *make_item(struct backlog *backlog,
				      struct helio_stream *stream,
				      const void *bytes, size_t n)
{
	void *memory = helio_stream_keep(stream);

	return memory ? backlog_item_adopt(backlog, memory, bytes, n)
		      : backlog_item_copy(backlog, bytes, n);
}

unsigned read_reply_keep(struct backlog *backlog, struct intake *intake,
			 struct helio_stream *stream, const void *bytes,
			 size_t n, const char **ret_reason)
{
	struct backlog_item *item = make_item(backlog, stream, bytes, n);
	unsigned status;

	*ret_reason = "no memory";
	if (!item)
		return HELIO_RESOURCE_EXHAUSTED;
	item->start = find_run(item->bytes, n);
	if (item->start) {
		backlog_add(backlog, item);
		return HELIO_OK;
	}
	status = unpack_and_keep(backlog, intake, item->bytes, n, ret_reason);
	backlog_item_free(backlog, item);
	return status;
}
