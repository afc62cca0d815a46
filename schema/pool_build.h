/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_POOL_BUILD_H
#define SCHEMA_POOL_BUILD_H

/** How a pool comes about: part of schema/pool.c, in files of their own. */

#include "schema/pool.h"

struct pool_build {
	struct pool *pool;
	char *error; /* POOL_ERROR_BYTES */
};

/** Say what is wrong with `where` in `file`. Returns -EINVAL. */
__attribute__((format(printf, 4, 5))) int pool_build_complain(
	const struct pool_build *build, const struct pool_file *file,
	const char *where, const char *format, ...);

/** What to return when the arena gave nothing; says why. */
int pool_build_no_room(const struct pool_build *build);

/** Give every declaration its place and its name. Returns as pool_new(). */
int pool_build_names(const struct pool_build *build);

/** After that, fields and methods. */
int pool_build_message(const struct pool_build *build,
		       struct pool_message *message);
int pool_build_service(const struct pool_build *build,
		       struct pool_service *service);

/** What JSON knows a message as, which has its fields already. */
enum pool_known pool_known_of(const struct pool_message *message);

/** As a field's type names it: with a dot before. NULL: not in the set. */
const struct pool_symbol *pool_build_lookup(const struct pool_build *build,
					    const char *type_name,
					    enum pool_kind kind);

#endif
