/* SPDX-License-Identifier: MIT */

#include "cli/registry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/control.h"
#include "cli/exit.h"
#include "cli/output.h"
#include "cli/session.h"

#define SERVICE "helio.registry.v1.Registry"

static int ask(struct control *control, const char *method,
	       const ProtobufCMessage *request,
	       const ProtobufCMessageDescriptor *descriptor,
	       ProtobufCMessage **ret_reply, struct helio_reply *ret_status)
{
	char subject[128];

	snprintf(subject, sizeof(subject), SERVICE ".%s", method);
	return control_ask(control, subject, request, descriptor, ret_reply,
			   ret_status);
}

/* Why there is no answer, said for those who do not know of a registry. */
static int complain(const char *method, const struct helio_reply *status)
{
	if (status->status == HELIO_UNAVAILABLE && !status->is_handed_over)
		talk("no schema without the registry: %s", status->reason);
	else
		session_complain(method, (int)status->status, status->reason);
	return exit_code((int)status->status);
}

int registry_call(struct control *control, const char *method,
		  const ProtobufCMessage *request,
		  const ProtobufCMessageDescriptor *descriptor,
		  ProtobufCMessage **ret_reply)
{
	struct helio_reply status = { 0 };
	int r = ask(control, method, request, descriptor, ret_reply, &status);

	return r != EXIT_OK && status.status ? complain(method, &status) : r;
}

int registry_get(struct control *control, const uint8_t *hash,
		 const char *package,
		 const Helio__Registry__V1__GetReply **ret_reply)
{
	Helio__Registry__V1__GetRequest request =
		HELIO__REGISTRY__V1__GET_REQUEST__INIT;
	struct helio_reply status = { 0 };
	ProtobufCMessage *reply;
	uint8_t copy[REGISTRY_HASH_BYTES];
	char name[256];
	int r;

	if (hash) {
		memcpy(copy, hash, sizeof(copy));
		request.has_hash = true;
		request.hash.data = copy;
		request.hash.len = sizeof(copy);
	} else {
		snprintf(name, sizeof(name), "%s", package);
		request.package = name;
	}
	r = ask(control, "Get", &request.base,
		&helio__registry__v1__get_reply__descriptor, &reply, &status);
	if (r == EXIT_OK) {
		*ret_reply = (const Helio__Registry__V1__GetReply *)reply;
		return EXIT_OK;
	}
	if (status.status == HELIO_NOT_FOUND)
		return EXIT_NOT_FOUND;
	return status.status ? complain("Get", &status) : r;
}

void registry_format_hash(const uint8_t *hash, size_t n,
			  char text[REGISTRY_HASH_TEXT])
{
	text[0] = '\0';
	for (size_t i = 0; i < n && i < REGISTRY_HASH_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
}

int registry_parse_hash(const char *text, uint8_t hash[REGISTRY_HASH_BYTES])
{
	static const char digits[] = "0123456789abcdef";

	if (strlen(text) != REGISTRY_HASH_TEXT - 1)
		return -EINVAL;
	for (size_t i = 0; i < REGISTRY_HASH_BYTES; i++) {
		const char *high = strchr(digits, text[2 * i]);
		const char *low = strchr(digits, text[2 * i + 1]);

		if (!high || !low)
			return -EINVAL;
		hash[i] = (uint8_t)((high - digits) << 4 | (low - digits));
	}
	return 0;
}
