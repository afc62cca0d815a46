/* SPDX-License-Identifier: MIT */

#include "tests/torture/bus/voice.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "rpc/heliograph.h"
#include "tests/torture/bus/world.h"
#include "tests/torture/complaint.h"

enum {
	CONNECT_MS = 10000,
	ACK_MS = 20000,
	MAGIC = 0x56454f49,
	HEAD_BYTES = 12,
	BODY_MAX = 6000,
	CHECKED_MAX = 8192,
};

/* ---- bodies ---- */

/* The same whenever it is asked for: a repeat says what the first said. */
static size_t make_body(unsigned index, uint32_t number, uint8_t *body)
{
	struct dice dice = dice_new(number, 1000 + index);
	uint32_t head[3] = { MAGIC, index, number };
	size_t n = HEAD_BYTES + (size_t)dice_below(&dice, 150);

	if (dice_is(&dice, 3))
		n = HEAD_BYTES +
		    (size_t)dice_below(&dice, BODY_MAX - HEAD_BYTES);
	memcpy(body, head, HEAD_BYTES);
	dice_fill(&dice, body + HEAD_BYTES, n - HEAD_BYTES);
	return n;
}

uint32_t voice_of(const void *body, size_t n_body)
{
	uint32_t head[3];

	if (n_body < HEAD_BYTES)
		return UINT32_MAX;
	memcpy(head, body, HEAD_BYTES);
	return head[0] == MAGIC ? head[1] : UINT32_MAX;
}

/* ---- making ---- */

static void on_refused(struct helio *bus, unsigned status, const char *reason,
		       void *userdata)
{
	/* A plain one that the switch did not take: the log has it not. */
}

void voice_init(struct voice *voice, const struct world *world, unsigned index,
		enum voice_kind kind, uint64_t seed)
{
	struct helio_options options = {
		.program = "voice",
		.no_reconnect = true,
		.on_refused = on_refused,
	};
	char address[256], domain[16];
	int r;

	*voice = (struct voice){
		.index = index,
		.kind = kind,
		.dice = dice_new(seed, 50 + index),
		.window = 16,
		.sure_from = UINT32_MAX,
	};
	snprintf(domain, sizeof(domain), "voice%u", index);
	world_address(world, domain, address);
	r = helio_open(address, &options, &voice->bus);
	if (r >= 0)
		r = helio_connect_wait(voice->bus, CONNECT_MS);
	if (r < 0)
		complain("voice %u: %s", index, strerror(-r));
}

void voice_deinit(struct voice *voice)
{
	helio_close(voice->bus);
	free(voice->said);
}

static struct said *add_said(struct voice *voice)
{
	if (voice->n_said == voice->n_said_max) {
		voice->n_said_max =
			voice->n_said_max ? 2 * voice->n_said_max : 1024;
		voice->said = realloc(voice->said,
				      voice->n_said_max * sizeof(*voice->said));
		if (!voice->said)
			complain("no memory");
	}
	voice->said[voice->n_said] = (struct said){ 0 };
	return &voice->said[voice->n_said++];
}

void voice_set_life(struct voice *voice, uint32_t life)
{
	voice->life = life;
	voice->sure_from = UINT32_MAX;
}

/* ---- answers ---- */

/*
 * What was said plainly after this logger had acknowledged something, and
 * before another message that it has, went the same way and has to be there as
 * well.
 */
static void settle_plain(struct voice *voice, uint32_t number)
{
	if (voice->said[number].life != voice->life)
		return;
	if (voice->sure_from == UINT32_MAX) {
		voice->sure_from = voice->n_said;
		return;
	}
	for (; voice->sure_from < number; voice->sure_from++)
		if (voice->said[voice->sure_from].state == SAID_PLAIN)
			voice->said[voice->sure_from].is_sure = true;
}

static void take_stored(struct voice *voice, uint32_t number,
			const struct helio_ack *ack)
{
	struct said *said = &voice->said[number];

	said->state = SAID_STORED;
	said->sequence = ack->sequence;
	voice->n_stored++;
	voice->n_duplicates += ack->is_duplicate;
	if (!ack->sequence)
		complain("voice %u: message %u is stored as nothing",
			 voice->index, number);
	if (ack->sequence > voice->last_sequence)
		voice->last_sequence = ack->sequence;
	if (said->found && said->found != said->sequence)
		complain("voice %u: message %u stands at %llu and is "
			 "acknowledged as %llu",
			 voice->index, number, (unsigned long long)said->found,
			 (unsigned long long)said->sequence);
	if (voice->kind == VOICE_MIXED)
		settle_plain(voice, number);
}

static void take_bad(struct voice *voice, uint32_t number,
		     const struct helio_ack *ack)
{
	struct said *said = &voice->said[number];

	voice->is_held_up = true;
	switch (ack->status) {
	case HELIO_UNAVAILABLE:
		voice->n_unknown++;
		said->state = SAID_UNKNOWN;
		return;
	case HELIO_FAILED_PRECONDITION:
	case HELIO_RESOURCE_EXHAUSTED:
		/* Once it may have been stored, a refusal changes nothing. */
		voice->n_refused++;
		said->was_refused = true;
		if (said->state == SAID_WAITING)
			said->state = SAID_REFUSED;
		return;
	default:
		complain("voice %u: message %u: %s: %s", voice->index, number,
			 helio_status_name(ack->status), ack->reason);
	}
}

/* What a busy machine took is not the fault of who was late for it. */
static void take_full(struct voice *voice, size_t place)
{
	uint64_t took_ns = clock_now_ns() - voice->asked_ns[place];
	uint64_t stalled_ns = 0;

	voice->n_full++;
	voice->n_late += took_ns > VOICE_LATE_NS;
	if (took_ns > voice->slowest_ns)
		voice->slowest_ns = took_ns;
	if (!voice->stalled_ns)
		return;
	stalled_ns = *voice->stalled_ns - voice->stalled_before_ns[place];
	if (took_ns > VOICE_LATE_NS + stalled_ns)
		complain("voice %u: that the disk is full was told after %.1f "
			 "ms, of which the machine had %.1f",
			 voice->index, (double)took_ns / 1e6,
			 (double)stalled_ns / 1e6);
}

static void take_ack(struct helio *bus, const struct helio_ack *ack,
		     void *userdata)
{
	struct voice_waiting *waiting = userdata;
	struct voice *voice = waiting->voice;

	waiting->is_used = false;
	voice->n_waiting--;
	if (ack->status == HELIO_OK) {
		take_stored(voice, waiting->number, ack);
		return;
	}
	if (ack->status == HELIO_RESOURCE_EXHAUSTED)
		take_full(voice, (size_t)(waiting - voice->waiting));
	take_bad(voice, waiting->number, ack);
}

/* ---- publishing ---- */

static bool is_repeating(const struct voice *voice)
{
	return voice->kind == VOICE_KEYED || voice->kind == VOICE_PRODUCER;
}

static bool asks(struct voice *voice)
{
	if (voice->kind == VOICE_MIXED)
		return dice_is(&voice->dice, 30);
	return voice->kind != VOICE_PLAIN;
}

static struct voice_waiting *lookup_free(struct voice *voice)
{
	for (unsigned i = 0; i < VOICE_WINDOW_MAX; i++)
		if (!voice->waiting[i].is_used)
			return &voice->waiting[i];
	return NULL;
}

/* Repeating begins at the first that is not stored, once all have answered. */
static bool is_ready(struct voice *voice)
{
	if (!voice->is_held_up)
		return voice->n_waiting < voice->window;
	if (voice->n_waiting)
		return false;
	voice->is_held_up = false;
	if (!is_repeating(voice))
		return true;
	while (voice->next > 0 &&
	       voice->said[voice->next - 1].state != SAID_STORED)
		voice->next--;
	return true;
}

static void fill_key(const struct voice *voice, uint32_t number, char key[32])
{
	if (voice->kind == VOICE_PRODUCER)
		snprintf(key, 32, "producer:%u", number + 1);
	else
		snprintf(key, 32, "message-%u", number);
}

static void note_asked(struct voice *voice, size_t place)
{
	voice->asked_ns[place] = clock_now_ns();
	if (voice->stalled_ns)
		voice->stalled_before_ns[place] = *voice->stalled_ns;
}

static int publish(struct voice *voice, uint32_t number, bool is_asking)
{
	struct voice_waiting *waiting = lookup_free(voice);
	struct helio_publish_options options = { 0 };
	uint8_t body[BODY_MAX];
	size_t n_body = make_body(voice->index, number, body);
	char subject[48], key[32];
	int r;

	if (is_asking) {
		*waiting = (struct voice_waiting){ voice, number, true };
		options.flags = HELIO_ACK_STORED;
		options.timeout_ms = ACK_MS;
		options.on_ack = take_ack;
		options.userdata = waiting;
		note_asked(voice, (size_t)(waiting - voice->waiting));
	}
	if (is_repeating(voice)) {
		fill_key(voice, number, key);
		options.idempotency_key = key;
	}
	snprintf(subject, sizeof(subject), "torture.voice%u.s%u", voice->index,
		 number % 7);
	r = helio_publish(voice->bus, subject, body, n_body, &options);
	if (r < 0 && is_asking)
		waiting->is_used = false;
	return r;
}

/* Returns whether there was room for it. */
static bool speak_once(struct voice *voice)
{
	bool is_asking = asks(voice);
	bool is_new = voice->next == voice->n_said;
	struct said *said =
		is_new ? add_said(voice) : &voice->said[voice->next];
	int r;

	r = publish(voice, voice->next, is_asking);
	if (r < 0) {
		voice->n_said -= is_new;
		if (r != -EAGAIN)
			complain("voice %u: publish: %s", voice->index,
				 strerror(-r));
		return false;
	}
	/* One that may be stored already stays so while it is repeated. */
	if (said->state != SAID_UNKNOWN)
		said->state = is_asking ? SAID_WAITING : SAID_PLAIN;
	said->life = voice->life;
	voice->n_waiting += is_asking;
	voice->next++;
	return true;
}

void voice_speak(struct voice *voice, unsigned n_max)
{
	if (dice_is(&voice->dice, 5))
		voice->window = (unsigned)dice_between(&voice->dice, 1,
						       VOICE_WINDOW_MAX);
	while (n_max-- && is_ready(voice) && speak_once(voice))
		;
}

void voice_listen(struct voice *voice)
{
	int r = helio_dispatch(voice->bus);

	if (r < 0)
		complain("voice %u: %s: %s", voice->index, strerror(-r),
			 helio_error(voice->bus));
}

/* ---- what is in the log ---- */

void voice_found(struct voice *voice, uint64_t sequence, const void *body,
		 size_t n_body)
{
	uint8_t right[BODY_MAX];
	uint32_t number;
	struct said *said;
	size_t n;

	memcpy(&number, (const uint8_t *)body + 8, sizeof(number));
	n = make_body(voice->index, number, right);
	if (number >= voice->n_said || n != n_body || memcmp(body, right, n))
		complain("record %llu is not what voice %u said",
			 (unsigned long long)sequence, voice->index);
	said = &voice->said[number];
	if (said->found)
		complain("voice %u: message %u stands at %llu and at %llu",
			 voice->index, number, (unsigned long long)said->found,
			 (unsigned long long)sequence);
	said->found = sequence;
	if (said->state == SAID_REFUSED)
		complain("voice %u: message %u was refused and stands at %llu",
			 voice->index, number, (unsigned long long)sequence);
	if (said->state == SAID_STORED && said->sequence != sequence)
		complain("voice %u: message %u stands at %llu and not at %llu",
			 voice->index, number, (unsigned long long)sequence,
			 (unsigned long long)said->sequence);
	if (said->was_refused)
		return;
	if (number < voice->order_number)
		complain("voice %u: message %u stands after %u", voice->index,
			 number, voice->order_number);
	voice->order_number = number;
}

void voice_gap(struct voice *voice)
{
	for (uint32_t i = voice->n_checked; i < voice->n_said; i++) {
		struct said *said = &voice->said[i];

		if (!said->is_sure || said->found)
			continue;
		if (i < voice->order_number)
			complain("voice %u: plain message %u was lost without "
				 "a word",
				 voice->index, i);
		said->is_sure = false;
	}
	voice->sure_from = UINT32_MAX;
}

static void check_said(const struct voice *voice, uint32_t number,
		       uint64_t sequence)
{
	const struct said *said = &voice->said[number];

	if (said->found)
		return;
	if (said->state == SAID_STORED && said->sequence <= sequence)
		complain("voice %u: message %u was acknowledged as %llu and is "
			 "not there",
			 voice->index, number,
			 (unsigned long long)said->sequence);
	if (said->is_sure && number < voice->order_number)
		complain("voice %u: plain message %u was lost without a word",
			 voice->index, number);
}

void voice_check(struct voice *voice, uint64_t sequence)
{
	for (uint32_t i = voice->n_checked; i < voice->n_said; i++)
		check_said(voice, i, sequence);
	/* Nobody goes back further than that. */
	if (voice->n_said > CHECKED_MAX)
		voice->n_checked = voice->n_said - CHECKED_MAX;
}
