/* SPDX-License-Identifier: MIT */
#ifndef CLI_QUEUE_VIEW_H
#define CLI_QUEUE_VIEW_H

/** A queue as people see it, or as an object of JSON. */

#include <helio/store/v1/store.pb-c.h>

/** To standard output, as `format` (enum format) says. It has a name. */
void queue_view(const Helio__Store__V1__Queue *queue, int format);

#endif
