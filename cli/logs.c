/* SPDX-License-Identifier: MIT */

#include "cli/logs.h"

#include <errno.h>
#include <helio/registry/v1/registry.pb-c.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/exit.h"
#include "cli/output.h"

int logs_open(struct logs *logs, const struct common *common)
{
	uint32_t timeout_ms =
		common->timeout_ms ? common->timeout_ms : TIMEOUT_DEFAULT_MS;
	int r = session_open(&logs->session, common, true);

	if (r != EXIT_OK)
		return r;
	r = control_init(&logs->control, logs->session.bus, timeout_ms);
	return r < 0 ? session_complain("log", r, NULL) : EXIT_OK;
}

void logs_close(struct logs *logs)
{
	session_close(&logs->session);
	control_deinit(&logs->control);
}

int logs_call(struct logs *logs, const char *method,
	      const ProtobufCMessage *request,
	      const ProtobufCMessageDescriptor *descriptor,
	      ProtobufCMessage **ret_reply)
{
	struct helio_reply status;
	char subject[128];
	int r;

	snprintf(subject, sizeof(subject), "helio.log.v1.Logs.%s", method);
	r = control_ask(&logs->control, subject, request, descriptor, ret_reply,
			&status);
	if (r == EXIT_OK || status.status == HELIO_OK)
		return r;
	if (status.status == HELIO_UNAVAILABLE && !status.is_handed_over)
		talk("no logs without the logger: %s", status.reason);
	else
		session_complain(method, (int)status.status, status.reason);
	return exit_code((int)status.status);
}

static int list_first(struct logs *logs, uint32_t limit,
		      const Helio__Log__V1__ListReply **ret_reply)
{
	Helio__Log__V1__ListRequest request =
		HELIO__LOG__V1__LIST_REQUEST__INIT;
	ProtobufCMessage *reply;
	int r;

	request.has_limit = true;
	request.limit = limit;
	r = logs_call(logs, "List", &request.base,
		      &helio__log__v1__list_reply__descriptor, &reply);
	if (r == EXIT_OK)
		*ret_reply = (const Helio__Log__V1__ListReply *)reply;
	return r;
}

static int set_name(struct logs *logs, const char *name)
{
	if (!name || strlen(name) >= sizeof(logs->name)) {
		talk("%s: not the name of a log", name ? name : "");
		return EXIT_USAGE;
	}
	snprintf(logs->name, sizeof(logs->name), "%s", name);
	return EXIT_OK;
}

int logs_find(struct logs *logs, const char *name)
{
	const Helio__Log__V1__ListReply *reply;
	int r;

	if (name)
		return set_name(logs, name);
	r = list_first(logs, 16, &reply);
	if (r != EXIT_OK)
		return r;
	if (reply->n_logs == 1)
		return set_name(logs, reply->logs[0]->name);
	if (reply->n_logs == 0) {
		talk("there is no log; `helio log create` makes one");
		return EXIT_NOT_FOUND;
	}
	talk("which log?");
	for (size_t i = 0; i < reply->n_logs; i++)
		talk("  %s", reply->logs[i]->name ? reply->logs[i]->name : "");
	if (reply->next)
		talk("  and more: `helio log ls`");
	return EXIT_USAGE;
}

int logs_get(struct logs *logs, const Helio__Log__V1__Log **ret_log)
{
	Helio__Log__V1__GetRequest request = HELIO__LOG__V1__GET_REQUEST__INIT;
	ProtobufCMessage *reply;
	int r;

	request.name = logs->name;
	r = logs_call(logs, "Get", &request.base,
		      &helio__log__v1__get_reply__descriptor, &reply);
	if (r != EXIT_OK)
		return r;
	*ret_log = ((const Helio__Log__V1__GetReply *)reply)->log;
	if (*ret_log)
		return EXIT_OK;
	talk("%s: the logger's answer has no log", logs->name);
	return EXIT_INTERNAL;
}

static bool schema_of_log(struct logs *logs, ProtobufCBinaryData hash,
			  ProtobufCBinaryData *ret_set)
{
	Helio__Log__V1__GetSchemaRequest request =
		HELIO__LOG__V1__GET_SCHEMA_REQUEST__INIT;
	struct helio_reply status;
	ProtobufCMessage *reply;

	request.log = logs->name;
	request.has_hash = true;
	request.hash = hash;
	if (control_ask(&logs->control, "helio.log.v1.Logs.GetSchema",
			&request.base,
			&helio__log__v1__get_schema_reply__descriptor, &reply,
			&status) != EXIT_OK)
		return false;
	*ret_set = ((const Helio__Log__V1__GetSchemaReply *)reply)->set;
	return true;
}

static bool schema_of_registry(struct logs *logs, ProtobufCBinaryData hash,
			       ProtobufCBinaryData *ret_set)
{
	Helio__Registry__V1__GetRequest request =
		HELIO__REGISTRY__V1__GET_REQUEST__INIT;
	struct helio_reply status;
	ProtobufCMessage *reply;

	request.has_hash = true;
	request.hash = hash;
	if (control_ask(&logs->control, "helio.registry.v1.Registry.Get",
			&request.base,
			&helio__registry__v1__get_reply__descriptor, &reply,
			&status) != EXIT_OK)
		return false;
	*ret_set = ((const Helio__Registry__V1__GetReply *)reply)->set;
	return true;
}

bool logs_schema(struct logs *logs, const uint8_t hash[LOGS_HASH_BYTES],
		 ProtobufCBinaryData *ret_set)
{
	uint8_t copy[LOGS_HASH_BYTES];
	ProtobufCBinaryData bytes = { sizeof(copy), copy };

	memcpy(copy, hash, sizeof(copy));
	return schema_of_log(logs, bytes, ret_set) ||
	       schema_of_registry(logs, bytes, ret_set);
}
