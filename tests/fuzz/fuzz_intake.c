/* SPDX-License-Identifier: MIT */

/*
 * What a stranger sends as a request. The first byte of the input chooses the
 * message and how much of it is allowed. What is taken must be as small as was
 * said, hold nothing but UTF-8 in its strings, and pack and unpack again.
 */

#include <string.h>

#include "base/utf8.h"
#include "google/protobuf/descriptor.pb-c.h"
#include "helio/registry/v1/registry.pb-c.h"
#include "helio/service/v1/instance.pb-c.h"
#include "rpc/typed/intake.h"
#include "tests/fuzz/fuzz.h"

enum { DEPTH_MAX = 12 };

static const ProtobufCMessageDescriptor *const descriptors[] = {
	&google__protobuf__file_descriptor_set__descriptor,
	&helio__registry__v1__judgement__descriptor,
	&helio__registry__v1__get_reply__descriptor,
	&helio__service__v1__info_reply__descriptor,
};

static const struct helio_unpack_limits limits[] = {
	{ 0 },
	{ .depth_max = DEPTH_MAX, .n_fields_max = 64, .bytes_max = 4096 },
	{ .depth_max = 1 },
	{ .bytes_max = 64 },
};

/* The fields of strings, one level deep: that is where names are. */
static void check_texts(const ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *descriptor = message->descriptor;

	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
		const char *const *at =
			(const void *)((const uint8_t *)message +
				       field->offset);

		if (field->type == PROTOBUF_C_TYPE_STRING &&
		    field->label != PROTOBUF_C_LABEL_REPEATED && *at)
			FUZZ_CHECK(utf8_is_valid(*at, strlen(*at)));
	}
}

static void check_again(const ProtobufCMessage *message)
{
	size_t n = protobuf_c_message_get_packed_size(message);
	uint8_t *packed = malloc(n ? n : 1);
	const ProtobufCMessage *again;
	struct intake intake;

	FUZZ_CHECK(packed);
	FUZZ_CHECK(protobuf_c_message_pack(message, packed) == n);
	intake_init(&intake, &(struct helio_unpack_limits){
				     .depth_max = 64,
				     .bytes_max = 64 * 1024 * 1024,
			     });
	FUZZ_CHECK(intake_unpack(&intake, message->descriptor, packed, n, "it",
				 &again) == HELIO_OK);
	intake_deinit(&intake);
	free(packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	const ProtobufCMessage *message = NULL;
	struct intake intake;
	unsigned status;

	if (!n)
		return 0;
	intake_init(&intake, &limits[bytes[0] >> 2 & 3]);
	status = intake_unpack(&intake, descriptors[bytes[0] & 3], bytes + 1,
			       n - 1, "it", &message);
	FUZZ_CHECK(status == HELIO_OK || status == HELIO_INVALID_ARGUMENT ||
		   status == HELIO_RESOURCE_EXHAUSTED);
	FUZZ_CHECK(!status == !!message);
	if (message) {
		check_texts(message);
		check_again(message);
	} else {
		FUZZ_CHECK(strncmp(intake.reason, "it: ", 4) == 0);
	}
	intake_deinit(&intake);
	return 0;
}
