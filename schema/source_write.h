/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_SOURCE_WRITE_H
#define SCHEMA_SOURCE_WRITE_H

/** Inside of schema/source.c, which is in two files. */

#include "schema/source.h"

/** `depth` is how far in a line stands, in steps. */
void source_indent(struct buffer *out, unsigned depth);

/** As a literal of .proto files. */
void source_quote(struct buffer *out, const char *text);

/** As it is called in `file`. */
void source_type_name(struct buffer *out, const struct pool_file *file,
		      const struct pool_symbol *symbol);

/** Begins the brackets, or goes on in them; who called has to close them. */
void source_option(struct buffer *out, unsigned *n_options, const char *name);

/** Both ends are in it. */
struct source_range {
	int32_t first;
	int32_t last;
	int32_t max; /* what is called so */
};

void source_range(struct buffer *out, struct source_range range,
		  bool *is_first);
void source_reserved_names(struct buffer *out, unsigned depth,
			   char *const *names, size_t n);

void source_enum_at(struct buffer *out, unsigned depth,
		    const struct pool_enum *enumeration);
void source_message_at(struct buffer *out, unsigned depth,
		       const struct pool_message *message);

#endif
