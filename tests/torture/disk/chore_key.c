/* SPDX-License-Identifier: MIT */

#include "tests/torture/disk/chore.h"

unsigned chore_create_bucket(struct chore *chore)
{
	Helio__Store__V1__CreateBucketRequest in =
		HELIO__STORE__V1__CREATE_BUCKET_REQUEST__INIT;
	Helio__Store__V1__BucketConfig config =
		HELIO__STORE__V1__BUCKET_CONFIG__INIT;

	in.name = a_bucket(chore);
	in.config = &config;
	config.has_history = true;
	config.history = 1 + (uint32_t)below(chore, 5);
	set(&config.has_window_bytes, &config.window_bytes,
	    1 + below(chore, 30000));
	if (is(chore, 30))
		set(&config.has_ttl_ms, &config.ttl_ms,
		    1 + below(chore, 20000));
	return judge_bucket_create(chore->draft, &in, chore->out);
}

/*
 * Neither its history nor its window: what they let go of is let go of when
 * steps are on disk, so that a snapshot may have more of it.
 */
unsigned chore_change_bucket(struct chore *chore)
{
	Helio__Store__V1__ChangeBucketRequest in =
		HELIO__STORE__V1__CHANGE_BUCKET_REQUEST__INIT;
	Helio__Store__V1__BucketConfig config =
		HELIO__STORE__V1__BUCKET_CONFIG__INIT;

	in.name = a_bucket(chore);
	in.config = &config;
	set(&config.has_ttl_ms, &config.ttl_ms, below(chore, 20000));
	return judge_bucket_change(chore->draft, &in, chore->out);
}

unsigned chore_drop_bucket(struct chore *chore)
{
	Helio__Store__V1__DropBucketRequest in =
		HELIO__STORE__V1__DROP_BUCKET_REQUEST__INIT;

	in.name = a_bucket(chore);
	return judge_bucket_drop(chore->draft, &in, chore->out);
}

unsigned chore_put(struct chore *chore)
{
	Helio__Store__V1__PutRequest in = HELIO__STORE__V1__PUT_REQUEST__INIT;

	in.bucket = a_bucket(chore);
	in.key = a_key(chore);
	in.has_value = true;
	in.value = a_body(chore);
	if (is(chore, 10))
		set(&in.has_ttl_ms, &in.ttl_ms, below(chore, 5000));
	return judge_put(chore->draft, &in, chore->out);
}

unsigned chore_delete(struct chore *chore)
{
	Helio__Store__V1__DeleteRequest in =
		HELIO__STORE__V1__DELETE_REQUEST__INIT;

	in.bucket = a_bucket(chore);
	in.key = a_key(chore);
	return judge_delete(chore->draft, &in, chore->out);
}
