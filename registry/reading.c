/* SPDX-License-Identifier: MIT */

#include "registry/reading.h"

#include <errno.h>
#include <stdio.h>

int reading_init(struct reading *reading, const uint8_t *bytes, size_t n,
		 char error[ITEM_ERROR_BYTES])
{
	int r;

	*reading = (struct reading){ .set = NULL };
	r = descriptor_set_new(bytes, n, &reading->set);
	if (r > 0) {
		snprintf(error, ITEM_ERROR_BYTES, "%s",
			 descriptor_error_text(r));
		r = -EINVAL;
	}
	if (!r)
		r = inventory_new(reading->set, error, &reading->inventory);
	if (r < 0)
		reading_deinit(reading);
	return r;
}

void reading_deinit(struct reading *reading)
{
	reading->inventory = inventory_free(reading->inventory);
	reading->set = descriptor_set_free(reading->set);
}
