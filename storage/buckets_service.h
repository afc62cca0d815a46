/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_BUCKETS_SERVICE_H
#define STORAGE_BUCKETS_SERVICE_H

/** The service helio.store.v1.Buckets. */

struct bucket;
struct helio_server_options;
struct service;
struct wish;
struct wish_type;

/** Begin to serve. Returns 0 or a negative errno. */
int buckets_service_start(struct service *service,
			  const struct helio_server_options *options);

/**
 * The bucket of a read. NULL: there is none, or it is not on disk yet; then the
 * wish was refused, or acts again.
 */
struct bucket *buckets_find(struct wish *wish, const char *name);

/* Of List and History: storage/bucket_pages.c. */
extern const struct wish_type bucket_list_type;
extern const struct wish_type bucket_history_type;

#endif
