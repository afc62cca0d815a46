/* SPDX-License-Identifier: MIT */

#include "generate/name.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static char to_upper(char c)
{
	if (is_lower(c))
		c = (char)(c - 'a' + 'A');
	return c;
}

static char to_lower(char c)
{
	if (is_upper(c))
		c = (char)(c - 'A' + 'a');
	return c;
}

/* What is too long is cut: no compiler would take it either. */
static void append(struct name *name, size_t *n, char c)
{
	if (*n + 1 < sizeof(name->text))
		name->text[(*n)++] = c;
}

/* A new word begins at each capital that follows none, "HTTPThing" at one. */
static struct name words(const char *full_name, char (*turn)(char))
{
	struct name name = { 0 };
	bool was_upper = true;
	size_t n = 0;

	full_name += full_name[0] == '.';
	for (; *full_name; full_name++) {
		if (*full_name == '.') {
			append(&name, &n, '_');
			append(&name, &n, '_');
			was_upper = true;
			continue;
		}
		if (is_upper(*full_name) && !was_upper)
			append(&name, &n, '_');
		was_upper = is_upper(*full_name);
		append(&name, &n, turn(*full_name));
	}
	return name;
}

struct name name_lower(const char *full_name)
{
	return words(full_name, to_lower);
}

struct name name_upper(const char *full_name)
{
	return words(full_name, to_upper);
}

struct name name_type(const char *full_name)
{
	struct name name = { 0 };
	bool is_next_upper = true;
	size_t n = 0;
	char c;

	full_name += full_name[0] == '.';
	for (; *full_name; full_name++) {
		if (*full_name == '.') {
			append(&name, &n, '_');
			append(&name, &n, '_');
		}
		if (*full_name == '.' || *full_name == '_') {
			is_next_upper = true;
			continue;
		}
		c = *full_name;
		if (is_next_upper)
			c = to_upper(c);
		append(&name, &n, c);
		is_next_upper = false;
	}
	return name;
}

struct name name_file(const char *file_name)
{
	static const char ending[] = ".proto";
	size_t n = strlen(file_name);
	struct name name;

	if (n > strlen(ending) &&
	    !strcmp(file_name + n - strlen(ending), ending))
		n -= strlen(ending);
	snprintf(name.text, sizeof(name.text), "%.*s", (int)n, file_name);
	return name;
}

struct name name_guard(const char *file_name)
{
	static const char digits[] = "0123456789ABCDEF";
	struct name name = { 0 };
	size_t n = 0;

	for (; *file_name; file_name++) {
		unsigned char c = (unsigned char)*file_name;

		if (is_upper(*file_name) || is_lower(*file_name) ||
		    (c >= '0' && c <= '9')) {
			append(&name, &n, to_upper(*file_name));
			continue;
		}
		append(&name, &n, '_');
		append(&name, &n, digits[c >> 4]);
		append(&name, &n, digits[c & 15]);
	}
	return name;
}
