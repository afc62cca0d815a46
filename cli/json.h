/* SPDX-License-Identifier: MIT */
#ifndef CLI_JSON_H
#define CLI_JSON_H

/**
 * JSON out, written as it is told: no tree, no allocation. Commas are set by
 * the writer; that every bracket is closed is the caller's affair.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json {
	FILE *out;
	bool needs_comma;
};

void json_open(struct json *json, char bracket);
void json_close(struct json *json, char bracket);

/** What follows is the value of `key`. */
void json_key(struct json *json, const char *key);

/** `n` bytes of UTF-8; anything else in them becomes U+FFFD. */
void json_text(struct json *json, const void *bytes, size_t n);
void json_string(struct json *json, const char *text);
void json_number(struct json *json, uint64_t number);
void json_real(struct json *json, double number);
void json_bool(struct json *json, bool value);
void json_null(struct json *json);

/** 16 hexadecimal digits: of 64 bits most readers of JSON lose some. */
void json_id(struct json *json, const char *key, uint64_t id);
/** Nothing at all if the text is NULL. */
void json_optional(struct json *json, const char *key, const char *text);

/** `n` bytes that are a value of JSON already. */
void json_raw(struct json *json, const char *text, size_t n);

/**
 * Any bytes, under `key` if they are UTF-8, else in base64 under `key_base64`,
 * so that nothing is lost and nothing is guessed.
 */
void json_bytes(struct json *json, const char *key, const void *bytes,
		size_t n);

#endif
