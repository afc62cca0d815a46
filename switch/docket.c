/* SPDX-License-Identifier: MIT */

#include "switch/docket.h"

#include <string.h>

#include "base/clock.h"
#include "switch/quota.h"
#include "switch/speaker.h"
#include "switch/verdict.h"

int docket_init(struct docket *docket, uint64_t now_ns)
{
	list_init(&docket->turns);
	docket->n_asked = 0;
	for (unsigned i = 0; i < N_ASKERS; i++) {
		struct asker *asker = &docket->askers[i];

		*asker = (struct asker){
			.n_questions = QUESTIONS_BURST,
			.filled_ns = now_ns,
		};
		list_init(&asker->waiting);
		list_init(&asker->turn);
	}
	return hash_key_draw(&docket->key);
}

struct asker *docket_asker(struct docket *docket, const struct speaker *speaker)
{
	const struct account *account = speaker->account;

	while (account->parent)
		account = account->parent;
	return &docket->askers[hash_bytes(&docket->key, account->owner,
					  strlen(account->owner)) %
			       N_ASKERS];
}

bool asker_take_question(struct asker *asker, uint64_t now_ns)
{
	uint64_t n =
		(now_ns - asker->filled_ns) * QUESTIONS_PER_SECOND / NS_PER_S;

	if (now_ns - asker->filled_ns >
	    QUESTIONS_BURST / QUESTIONS_PER_SECOND * NS_PER_S)
		n = QUESTIONS_BURST;
	if (n) {
		n += asker->n_questions;
		asker->n_questions =
			(uint32_t)(n < QUESTIONS_BURST ? n : QUESTIONS_BURST);
		asker->filled_ns = now_ns;
	}
	if (!asker->n_questions || asker->n_waiting >= QUESTIONS_WAITING_MAX)
		return false;
	asker->n_questions--;
	return true;
}

static bool may_ask(const struct asker *asker)
{
	return asker->n_asked < QUESTIONS_OF_ONE_MAX;
}

bool docket_has_room(const struct docket *docket, const struct asker *asker)
{
	return docket->n_asked < QUESTIONS_OF_ALL_MAX && may_ask(asker) &&
	       list_is_empty(&asker->waiting);
}

static void enter(struct docket *docket, struct asker *asker)
{
	if (!list_is_linked(&asker->turn))
		list_push_back(&docket->turns, &asker->turn);
	asker->n_waiting++;
}

void docket_remove(struct verdict *verdict)
{
	struct asker *asker = verdict->asker;

	list_unlink(&verdict->docket_link);
	asker->n_waiting--;
	if (list_is_empty(&asker->waiting))
		list_unlink(&asker->turn);
}

void docket_push(struct docket *docket, struct verdict *verdict)
{
	list_push_back(&verdict->asker->waiting, &verdict->docket_link);
	enter(docket, verdict->asker);
}

void docket_charge(struct verdict *verdict, struct asker *asker)
{
	verdict->asker->n_verdicts--;
	verdict->asker = asker;
	asker->n_verdicts++;
}

bool docket_adopt(struct docket *docket, struct verdict *verdict,
		  struct asker *asker, uint64_t now_ns)
{
	if (asker == verdict->asker || !may_ask(asker) ||
	    !asker_take_question(asker, now_ns))
		return false;
	docket_remove(verdict);
	docket_charge(verdict, asker);
	list_push_front(&asker->waiting, &verdict->docket_link);
	enter(docket, asker);
	return true;
}

static struct verdict *first_of(const struct asker *asker)
{
	return container_of(asker->waiting.next, struct verdict, docket_link);
}

/* Who had a turn is behind the others. */
static struct verdict *take_turn(struct docket *docket, struct asker *asker)
{
	struct verdict *verdict = first_of(asker);

	list_unlink(&asker->turn);
	list_push_back(&docket->turns, &asker->turn);
	docket_remove(verdict);
	return verdict;
}

struct verdict *docket_next(struct docket *docket)
{
	struct list *link;

	if (docket->n_asked >= QUESTIONS_OF_ALL_MAX)
		return NULL;
	list_for_each (link, &docket->turns) {
		struct asker *asker = container_of(link, struct asker, turn);

		if (may_ask(asker))
			return take_turn(docket, asker);
	}
	return NULL;
}

struct verdict *docket_pop(struct docket *docket)
{
	struct verdict *verdict;

	if (list_is_empty(&docket->turns))
		return NULL;
	verdict =
		first_of(container_of(docket->turns.next, struct asker, turn));
	docket_remove(verdict);
	return verdict;
}

void docket_begin(struct docket *docket, struct verdict *verdict)
{
	docket->n_asked++;
	verdict->asker->n_asked++;
}

void docket_end(struct docket *docket, struct verdict *verdict)
{
	docket->n_asked--;
	verdict->asker->n_asked--;
}
