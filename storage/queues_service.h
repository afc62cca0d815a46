/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_QUEUES_SERVICE_H
#define STORAGE_QUEUES_SERVICE_H

/** The service helio.store.v1.Queues. */

struct helio_server_options;
struct queue;
struct service;
struct wish;
struct wish_type;

/** Begin to serve. Returns 0 or a negative errno. */
int queues_service_start(struct service *service,
			 const struct helio_server_options *options);

/**
 * The queue of a read. NULL: there is none, or it is not on disk yet; then the
 * wish was refused, or acts again.
 */
struct queue *queues_find(struct wish *wish, const char *name);

/* What reads: storage/queue_reads.c and storage/job_reads.c. */
extern const struct wish_type queue_show_type;
extern const struct wish_type queue_list_type;
extern const struct wish_type job_show_type;
extern const struct wish_type job_list_type;
extern const struct wish_type job_await_type;
extern const struct wish_type job_follow_type;

#endif
