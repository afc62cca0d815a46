/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_METHOD_H
#define STORAGE_METHOD_H

/**
 * A method of the store's services, in a line: its name in the server's table,
 * and the type of its request without `Request`. Each line makes NAME_method(),
 * which starts a wish.
 *
 *	static void answer_put(struct change *change) { ... }
 *
 *	METHOD_CHANGE(put, Put, judge_put, "kv-write", bucket)
 *
 *	static const struct helio__store__v1__buckets__server methods = {
 *		.put = put_method,
 *	};
 */

#include <helio/store/v1/store.helio.h>
#include <stdbool.h>

#include "storage/change.h"
#include "storage/rights.h"
#include "storage/wish.h"

/** Its wish's type stands elsewhere. */
#define METHOD_OF(name, Type, its_type)                                     \
	static void name##_method(                                          \
		struct helio_serving *serving,                              \
		const Helio__Store__V1__##Type##Request *request,           \
		void *userdata)                                             \
	{                                                                   \
		wish_start(userdata, &(its_type), serving, &request->base); \
	}

/** By may_NAME() and act_NAME(). */
#define METHOD(name, Type, changes)                   \
	static const struct wish_type name##_type = { \
		.may = may_##name,                    \
		.act = act_##name,                    \
		.is_change = changes,                 \
	};                                            \
	METHOD_OF(name, Type, name##_type)

/** may_NAME(): who has a right on what the request's `field` names. */
#define METHOD_MAY(name, Type, right, field)                        \
	static int may_##name(struct wish *wish)                    \
	{                                                           \
		return rights_ask(wish, right,                      \
				  WISH_REQUEST(wish, Type)->field); \
	}

/** The same of the request's bucket and key. */
#define METHOD_MAY_KEY(name, Type, right)                               \
	static int may_##name(struct wish *wish)                        \
	{                                                               \
		return rights_ask_key(wish, right,                      \
				      WISH_REQUEST(wish, Type)->bucket, \
				      WISH_REQUEST(wish, Type)->key);   \
	}

/** act_NAME(): judged, applied, and answered by answer_NAME(&change). */
#define METHOD_ACT(name, Type, judge)                                          \
	static void act_##name(struct wish *wish)                              \
	{                                                                      \
		struct change change;                                          \
                                                                               \
		change_begin(&change, wish);                                   \
		change.status = judge(&change.draft, WISH_REQUEST(wish, Type), \
				      &change.judgement);                      \
		if (change_apply(&change))                                     \
			answer_##name(&change);                                \
		change_end(&change);                                           \
	}

/** A read, by act_NAME(). */
#define METHOD_READ(name, Type, right, field) \
	METHOD_MAY(name, Type, right, field)  \
	METHOD(name, Type, false)

/** The same of a key. */
#define METHOD_READ_KEY(name, Type, right) \
	METHOD_MAY_KEY(name, Type, right)  \
	METHOD(name, Type, false)

#define METHOD_CHANGE_KEY(name, Type, judge, right) \
	METHOD_MAY_KEY(name, Type, right)           \
	METHOD_ACT(name, Type, judge)               \
	METHOD(name, Type, true)

/** A change, by answer_NAME(). */
#define METHOD_CHANGE(name, Type, judge, right, field) \
	METHOD_MAY(name, Type, right, field)           \
	METHOD_ACT(name, Type, judge)                  \
	METHOD(name, Type, true)

#endif
