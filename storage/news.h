/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_NEWS_H
#define STORAGE_NEWS_H

/**
 * What steps mean for those who wait for something: when they are applied, and
 * when they are taken back.
 */

#include <helio/store/v1/journal.pb-c.h>

struct queue;
struct service;

/** The queue that a step drops, for after it was applied; or NULL. */
struct queue *news_look(const struct service *service,
			const Helio__Store__V1__Step *step);
/** It was applied. */
void news_tell(struct service *service, const Helio__Store__V1__Step *step,
	       struct queue *dropped);

/** What was not on disk was taken back. */
void news_reverted(struct service *service);

#endif
