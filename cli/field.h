/* SPDX-License-Identifier: MIT */
#ifndef CLI_FIELD_H
#define CLI_FIELD_H

/**
 * Fields of protobuf messages by their names, so that tables of names are
 * enough to show a message. A name that the message does not have is an error
 * in one of our tables: reading one gives nothing, setting one does nothing.
 */

#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

/** A number, or a bool as 0 or 1; 0 if it is absent. */
uint64_t field_number(const ProtobufCMessage *message, const char *name);

/** A string; "" if it is absent. */
const char *field_text(const ProtobufCMessage *message, const char *name);

/** Bytes, and how many they are; 0 if they are absent. */
const uint8_t *field_bytes(const ProtobufCMessage *message, const char *name,
			   size_t *ret_n);

/** Elements of a repeated field of messages, and how many they are. */
ProtobufCMessage *const *field_messages(const ProtobufCMessage *message,
					const char *name, size_t *ret_n);

void field_set_number(ProtobufCMessage *message, const char *name,
		      uint64_t number);

/** `text` is borrowed; NULL leaves the field absent. */
void field_set_text(ProtobufCMessage *message, const char *name,
		    const char *text);

#endif
