/* SPDX-License-Identifier: MIT */

#include "rpc/log/answers.h"

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"

void answers_deinit(struct answers *answers)
{
	free(answers->acks.at);
	free(answers->naks.at);
	free(answers->delays.at);
	free(answers->in_progress.at);
	*answers = (struct answers){ 0 };
}

int tokens_add(struct tokens *tokens, uint64_t token)
{
	if (tokens->n == tokens->n_max) {
		size_t n_max = tokens->n_max ? 2 * tokens->n_max : 64;
		uint64_t *at = reallocarray(tokens->at, n_max, sizeof(*at));

		if (!at)
			return -ENOMEM;
		tokens->at = at;
		tokens->n_max = n_max;
	}
	tokens->at[tokens->n++] = token;
	return 0;
}

bool answers_is_empty(const struct answers *answers)
{
	return answers->acks.n + answers->naks.n + answers->in_progress.n ==
		       0 &&
	       !answers->has_ack_to;
}

void answers_clear(struct answers *answers)
{
	answers->acks.n = 0;
	answers->naks.n = 0;
	answers->delays.n = 0;
	answers->in_progress.n = 0;
	answers->has_ack_to = false;
}

static void fill_naks(const struct answers *answers, Helio__Log__V1__Nak *naks,
		      Helio__Log__V1__Nak **pointers)
{
	for (size_t i = 0; i < answers->naks.n; i++) {
		helio__log__v1__nak__init(&naks[i]);
		naks[i].has_token = true;
		naks[i].token = answers->naks.at[i];
		naks[i].has_delay_ms = true;
		naks[i].delay_ms = (uint32_t)answers->delays.at[i];
		pointers[i] = &naks[i];
	}
}

int answers_send(struct answers *answers,
		 int (*send)(const Helio__Log__V1__ConsumeRequest *request,
			     void *userdata),
		 void *userdata)
{
	Helio__Log__V1__ConsumeRequest request =
		HELIO__LOG__V1__CONSUME_REQUEST__INIT;
	_cleanup_(freep) Helio__Log__V1__Nak *naks = NULL;
	_cleanup_(freep) Helio__Log__V1__Nak **pointers = NULL;
	int r;

	naks = calloc(answers->naks.n + 1, sizeof(*naks));
	pointers = calloc(answers->naks.n + 1, sizeof(Helio__Log__V1__Nak *));
	if (!naks || !pointers)
		return -ENOMEM;
	fill_naks(answers, naks, pointers);
	request.n_ack = answers->acks.n;
	request.ack = answers->acks.at;
	request.has_ack_to = answers->has_ack_to;
	request.ack_to = answers->ack_to;
	request.n_nak = answers->naks.n;
	request.nak = pointers;
	request.n_in_progress = answers->in_progress.n;
	request.in_progress = answers->in_progress.at;
	r = send(&request, userdata);
	if (r == 0)
		answers_clear(answers);
	return r;
}
