/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_JSON_SCAN_H
#define SCHEMA_JSON_SCAN_H

/**
 * JSON taken apart as it is read, without a tree of it.
 *
 * Source: RFC 8259. Numbers are handed out as they are written, so that none
 * of 64 bits loses a digit; that a key comes twice is for the caller to see.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/** What comes next. */
enum json_kind {
	JSON_END,
	JSON_OBJECT,
	JSON_ARRAY,
	JSON_STRING,
	JSON_NUMBER,
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL,
	JSON_WRONG, /* nothing that JSON knows */
};

struct json_text {
	const uint8_t *bytes;
	size_t n;
};

struct json_scan {
	const uint8_t *start;
	const uint8_t *at;
	const uint8_t *end;
	struct arena *arena; /* for strings that have escapes */
	const char *why;     /* what is wrong where `at` is, after -EINVAL */
};

/** Returns 0, or -EINVAL when the text is no UTF-8. */
int json_scan_init(struct json_scan *scan, struct arena *arena,
		   const void *text, size_t n);

/** Passes over white space. */
enum json_kind json_scan_peek(struct json_scan *scan);

/*
 * Each takes what it is called for and returns 0; -EINVAL with `why` when
 * something else is there, or what arena_error() says. Texts live as long as
 * both the arena and the text that is scanned.
 */
int json_scan_string(struct json_scan *scan, struct json_text *ret_text);
int json_scan_number(struct json_scan *scan, struct json_text *ret_text);
/** true, false and null: what json_scan_peek() said. */
int json_scan_word(struct json_scan *scan, enum json_kind kind);
/** '{' or '['. */
int json_scan_open(struct json_scan *scan, char bracket);

/**
 * The next member of an object, up to its value: 1 with its key, or 0 when the
 * object is over. *is_first is true before the first and false after.
 */
int json_scan_member(struct json_scan *scan, bool *is_first,
		     struct json_text *ret_key);
/** The same for arrays. */
int json_scan_element(struct json_scan *scan, bool *is_first);

/** Pass over a value, nested at most `depth_max` deep. */
int json_scan_skip(struct json_scan *scan, unsigned depth_max);

/** Nothing but white space may be left. */
int json_scan_end(struct json_scan *scan);

/** Whether all of the text is a number as JSON writes it. */
bool json_scan_is_number(const struct json_text *text);

/** Where `at` is, both from one on, columns in bytes. */
void json_scan_place(const struct json_scan *scan, size_t *ret_line,
		     size_t *ret_column);

#endif
