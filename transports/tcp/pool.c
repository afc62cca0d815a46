/* SPDX-License-Identifier: MIT */

#include "transports/tcp/pool.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct pool {
	pthread_mutex_t lock;
	void *kept[POOL_KEPT_MAX];
	unsigned n_kept;
	size_t n_taken;
	bool is_freed;
};

struct pool *pool_new(void)
{
	struct pool *pool = calloc(1, sizeof(*pool));

	if (pool)
		pthread_mutex_init(&pool->lock, NULL);
	return pool;
}

static void destroy(struct pool *pool)
{
	while (pool->n_kept)
		free(pool->kept[--pool->n_kept]);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

void pool_free(struct pool *pool)
{
	bool is_last;

	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->is_freed = true;
	is_last = !pool->n_taken;
	pthread_mutex_unlock(&pool->lock);
	if (is_last)
		destroy(pool);
}

void *pool_take(struct pool *pool)
{
	void *block = NULL;

	pthread_mutex_lock(&pool->lock);
	if (pool->n_kept)
		block = pool->kept[--pool->n_kept];
	else
		block = malloc(POOL_BLOCK_BYTES);
	if (block)
		pool->n_taken++;
	pthread_mutex_unlock(&pool->lock);
	return block;
}

void pool_give(void *block, void *of_pool)
{
	struct pool *pool = of_pool;
	bool is_last;

	pthread_mutex_lock(&pool->lock);
	if (pool->n_kept < POOL_KEPT_MAX) {
		pool->kept[pool->n_kept++] = block;
		block = NULL;
	}
	pool->n_taken--;
	is_last = pool->is_freed && !pool->n_taken;
	pthread_mutex_unlock(&pool->lock);
	free(block);
	if (is_last)
		destroy(pool);
}
