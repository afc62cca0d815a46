/* SPDX-License-Identifier: MIT */

#include "cli/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/exit.h"
#include "cli/output.h"
#include "cli/session.h"
#include "proto/unpack.h"
#include "rpc/heliograph.h"

enum { ARENA_BYTES = 1 << 20 };

int control_init(struct control *control, struct helio *bus,
		 uint32_t timeout_ms)
{
	*control = (struct control){ .bus = bus, .timeout_ms = timeout_ms };
	control->arena = malloc(ARENA_BYTES);
	return control->arena ? 0 : -ENOMEM;
}

void control_deinit(struct control *control)
{
	free(control->arena);
	control->arena = NULL;
}

static int unpack_reply(struct control *control, const char *subject,
			const struct helio_message *message,
			const ProtobufCMessageDescriptor *descriptor,
			ProtobufCMessage **ret_reply)
{
	struct unpack_arena arena = { .bytes = control->arena,
				      .n_bytes = ARENA_BYTES };
	int r = unpack(descriptor, message->body, message->n_body, &arena,
		       ret_reply);

	if (r == 0)
		return EXIT_OK;
	talk("%s: the answer is %s", subject, unpack_error_text(r));
	return EXIT_INTERNAL;
}

int control_ask(struct control *control, const char *subject,
		const ProtobufCMessage *request,
		const ProtobufCMessageDescriptor *descriptor,
		ProtobufCMessage **ret_reply, struct helio_reply *ret_status)
{
	struct helio_call_options options = { .timeout_ms =
						      control->timeout_ms };
	_cleanup_(freep) uint8_t *body = NULL;
	size_t n_body;
	int r;

	*ret_status = (struct helio_reply){ .reason = "" };
	n_body = protobuf_c_message_get_packed_size(request);
	body = malloc(n_body + 1);
	if (!body)
		return session_complain(subject, -ENOMEM, NULL);
	protobuf_c_message_pack(request, body);

	r = helio_call_wait(control->bus, subject, body, n_body, &options,
			    ret_status);
	if (r < 0)
		return session_complain(subject, r, NULL);
	if (ret_status->status != HELIO_OK)
		return exit_code((int)ret_status->status);
	return unpack_reply(control, subject, ret_status->message, descriptor,
			    ret_reply);
}

int control_call(struct control *control, const char *method,
		 const ProtobufCMessage *request,
		 const ProtobufCMessageDescriptor *descriptor,
		 ProtobufCMessage **ret_reply)
{
	struct helio_reply status;
	char subject[128];
	int r;

	snprintf(subject, sizeof(subject), "helio.switch.v1.Switch.%s", method);
	r = control_ask(control, subject, request, descriptor, ret_reply,
			&status);
	if (status.status != HELIO_OK)
		return session_complain(method, (int)status.status,
					status.reason);
	return r;
}
