/* SPDX-License-Identifier: MIT */

/* Sets of strangers, resolved: refused with a reason, or whole. */

#include <string.h>

#include "schema/pool.h"
#include "tests/fuzz/fuzz.h"

static void check_message(const struct pool *pool,
			  const struct pool_message *message)
{
	const char *name = message->symbol.name;

	FUZZ_CHECK(pool_message_lookup(pool, name, strlen(name)) == message);
	for (size_t i = 0; i < message->n_fields; i++) {
		const struct pool_field *field = &message->fields[i];

		FUZZ_CHECK(pool_field_by_number(message, field->number) ==
			   field);
		FUZZ_CHECK(pool_field_lookup(message, field->name,
					     strlen(field->name)));
		FUZZ_CHECK(!pool_type_is_message(field->type) ||
			   field->message);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	char error[POOL_ERROR_BYTES] = "";
	struct pool *pool = NULL;
	int r = pool_read(bytes, n, &pool, error);

	FUZZ_CHECK(r <= 0 && (r == 0 || *error));
	for (size_t i = 0; r == 0 && i < pool->n_messages; i++)
		check_message(pool, &pool->messages[i]);
	pool_free(pool);
	return 0;
}
