/* SPDX-License-Identifier: MIT */

/*
 * Two sets of descriptors, the length of the first in two bytes before it.
 * Whatever they hold, they are judged; and what has not changed is broken in
 * no way, in any direction.
 */

#include "base/le.h"
#include "schema/compat.h"
#include "schema/dialogue.h"
#include "tests/fuzz/fuzz.h"

static struct inventory *inventory_of(const uint8_t *bytes, size_t n,
				      struct descriptor_set **ret_set)
{
	struct inventory *inventory = NULL;
	char error[ITEM_ERROR_BYTES] = "";

	*ret_set = NULL;
	if (descriptor_set_new(bytes, n, ret_set))
		return NULL;
	if (inventory_new(*ret_set, error, &inventory))
		FUZZ_CHECK(*error);
	return inventory;
}

static void meet(const struct inventory *client, const struct inventory *server,
		 struct findings *findings)
{
	for (size_t i = 0; i < client->n_items; i++)
		if (client->items[i].kind == ITEM_SERVICE)
			FUZZ_CHECK(!dialogue_check(client, server,
						   client->items[i].name,
						   findings));
}

static void judge(const struct inventory *from, const struct inventory *to)
{
	struct findings findings = { .total = 0 };
	struct findings same = { .total = 0 };
	char text[2048];

	compat_check(from, to, "a.v1", &findings);
	meet(from, to, &findings);
	for (size_t i = 0; i < findings_count(&findings); i++)
		finding_print(&findings.at[i], text, sizeof(text));
	compat_check(from, from, "a.v1", &same);
	meet(from, from, &same);
	FUZZ_CHECK(!same.total);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct descriptor_set *sets[2];
	struct inventory *inventories[2];
	size_t n_first = n < 2 ? 0 : le16_load(bytes);

	if (n < 2 || n_first > n - 2)
		return 0;
	bytes += 2;
	inventories[0] = inventory_of(bytes, n_first, &sets[0]);
	inventories[1] =
		inventory_of(bytes + n_first, n - 2 - n_first, &sets[1]);
	if (inventories[0] && inventories[1]) {
		judge(inventories[0], inventories[1]);
		judge(inventories[1], inventories[0]);
	}
	for (size_t i = 0; i < 2; i++) {
		inventory_free(inventories[i]);
		descriptor_set_free(sets[i]);
	}
	return 0;
}
