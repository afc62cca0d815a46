/* SPDX-License-Identifier: MIT */

#include "rpc/registration.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/le.h"
#include "rpc/client.h"

enum {
	CREDIT_ENTRY_BYTES = 16,
	CREDIT_ENTRIES_MAX = 256,
	IDS_FIRST = 16,
};

void registrations_init(struct registrations *registrations)
{
	*registrations = (struct registrations){ 0 };
	list_init(&registrations->all);
	list_init(&registrations->owing);
}

void registrations_deinit(struct registrations *registrations)
{
	free(registrations->by_id);
	registrations->by_id = NULL;
	registrations->n_room = 0;
}

static int grow(struct registrations *registrations)
{
	size_t n_old = registrations->n_room;
	size_t n = n_old ? n_old * 2 : IDS_FIRST;
	struct registration **by_id;

	by_id = realloc(registrations->by_id, n * sizeof(*by_id));
	if (!by_id)
		return -ENOMEM;
	memset(by_id + n_old, 0, (n - n_old) * sizeof(*by_id));
	registrations->by_id = by_id;
	registrations->n_room = n;
	registrations->last_id = n_old;
	return 0;
}

/* Ids are used again as late as the table allows. */
static int draw_id(struct registrations *registrations, uint32_t *ret_id)
{
	size_t id = registrations->last_id;
	int r;

	for (size_t i = 0; i < registrations->n_room; i++) {
		if (++id >= registrations->n_room)
			id = 1;
		if (id < registrations->n_room && !registrations->by_id[id])
			goto found;
	}
	r = grow(registrations);
	if (r < 0)
		return r;
	id = registrations->last_id ? registrations->last_id : 1;
found:
	registrations->last_id = id;
	*ret_id = (uint32_t)id;
	return 0;
}

static size_t write_id(const struct registration *registration, uint8_t *out)
{
	if (out)
		le32_store(out, registration->id);
	return 4;
}

static size_t write_closing(struct inquiry *inquiry, uint8_t *out)
{
	return write_id(container_of(inquiry, struct registration, closing),
			out);
}

/*
 * Take it out of everything. It is freed at the end of the turn, for it may be
 * the one whose callback is running.
 */
static void release(struct registration *registration)
{
	struct helio *bus = registration->bus;

	bus->registrations.by_id[registration->id] = NULL;
	assemblies_drop(&bus->assemblies, registration->id);
	list_unlink(&registration->link);
	list_unlink(&registration->owing_link);
	list_unlink(&registration->opening.link);
	list_unlink(&registration->closing.link);
	list_unlink(&registration->draining.link);
	list_push_back(&bus->dead, &registration->link);
	if (!bus->is_in_turn)
		registrations_reap(bus);
}

void registrations_reap(struct helio *bus)
{
	struct list *link;

	while ((link = list_pop_front(&bus->dead))) {
		struct registration *registration;

		registration = container_of(link, struct registration, link);
		free(registration->subject);
		registration->free(registration);
	}
}

static void note_refusal(struct registration *registration,
			 const struct result *result)
{
	registration->state = REGISTRATION_REFUSED;
	registration->refusal = client_errno(result->status);
	client_set_error(registration->bus, result->reason,
			 strlen(result->reason));
}

static void tell_ready(struct registration *registration,
		       const struct result *result)
{
	if (!registration->on_ready ||
	    registration->told == (int)result->status)
		return;
	registration->told = (int)result->status;
	registration->on_ready(registration->bus, result->status,
			       result->reason, registration->userdata);
}

static void on_opened(struct inquiry *inquiry, const struct result *result)
{
	struct registration *registration =
		container_of(inquiry, struct registration, opening);

	if (!result || registration->state == REGISTRATION_CLOSING)
		return;
	if (result->status) {
		note_refusal(registration, result);
	} else {
		registration->state = REGISTRATION_STANDING;
		registration->refusal = 0;
		registration->on_opened(registration, result);
	}
	tell_ready(registration, result);
}

/* The id of the registration stands where the switch puts what it draws. */
int registration_end(struct helio *bus, const struct frame *frame,
		     const struct result *result)
{
	uint64_t id = frame->correlation & ~FRAME_SWITCH_DRAWN;
	struct registration *registration = NULL;

	if (id <= INT32_MAX)
		registration =
			registration_lookup(&bus->registrations, (uint32_t)id);
	if (!registration)
		return client_violation(bus, "RESULT that was not asked for");
	/* One that the program is done with is about to be released. */
	if (registration->state != REGISTRATION_STANDING)
		return 0;
	list_unlink(&registration->owing_link);
	assemblies_drop(&bus->assemblies, registration->id);
	note_refusal(registration, result);
	tell_ready(registration, result);
	return 0;
}

static void on_closed(struct inquiry *inquiry, const struct result *result)
{
	(void)result;
	release(container_of(inquiry, struct registration, closing));
}

static void ask(struct registration *registration)
{
	registration->state = REGISTRATION_ASKED;
	registration->owed_messages = 0;
	registration->owed_bytes = 0;
	inquiry_ask(&registration->opening, registration->bus);
}

static bool is_welcome(const struct helio *bus)
{
	return bus->phase == PHASE_RENEWING || bus->phase == PHASE_CONNECTED;
}

int registration_open(struct registration *registration, struct helio *bus,
		      const char *subject)
{
	struct registrations *registrations = &bus->registrations;
	char *copy;
	int r;

	r = draw_id(registrations, &registration->id);
	if (r < 0)
		return r;
	copy = strdup(subject);
	if (!copy)
		return -ENOMEM;

	registration->bus = bus;
	registration->told = -1;
	registration->subject = copy;
	registration->opening.subject = copy;
	registration->opening.on_result = on_opened;
	registration->closing.write = write_closing;
	registration->closing.on_result = on_closed;
	list_init(&registration->opening.link);
	list_init(&registration->closing.link);
	list_init(&registration->draining.link);
	list_init(&registration->owing_link);
	list_push_back(&registrations->all, &registration->link);
	registrations->by_id[registration->id] = registration;
	if (is_welcome(bus))
		ask(registration);
	return 0;
}

static bool is_unsent(const struct registration *registration)
{
	return registration->state == REGISTRATION_ASKED &&
	       !registration->opening.correlation;
}

void registration_ask_again(struct registration *registration)
{
	if (registration->state != REGISTRATION_REFUSED ||
	    !is_welcome(registration->bus))
		return;
	registration->told = -1;
	ask(registration);
}

void registration_close(struct registration *registration)
{
	enum registration_state state = registration->state;

	if (state == REGISTRATION_CLOSING)
		return;
	if (state == REGISTRATION_IDLE || state == REGISTRATION_REFUSED ||
	    is_unsent(registration)) {
		registration->state = REGISTRATION_CLOSING;
		release(registration);
		return;
	}
	registration->state = REGISTRATION_CLOSING;
	list_unlink(&registration->owing_link);
	inquiry_ask(&registration->closing, registration->bus);
}

void registrations_renew(struct helio *bus)
{
	struct list *link;

	list_for_each (link, &bus->registrations.all) {
		struct registration *registration =
			container_of(link, struct registration, link);

		if (!registration->is_draining)
			ask(registration);
	}
}

/* Those that are closing are released by inquiries_lose(), which comes first.
 */
void registrations_lose(struct helio *bus)
{
	struct list *link;

	list_for_each (link, &bus->registrations.all) {
		struct registration *registration =
			container_of(link, struct registration, link);

		if (registration->state == REGISTRATION_STANDING)
			registration->was_lost = true;
		registration->state = REGISTRATION_IDLE;
		registration->opening.correlation = 0;
		list_unlink(&registration->owing_link);
	}
}

/* What is left must always let the longest frame pass. */
static bool is_half_owed(const struct registration *registration)
{
	uint64_t n_bytes = registration->owed_bytes;

	return registration->owed_messages * UINT64_C(2) >=
		       registration->credit_messages ||
	       n_bytes >= registration->credit_bytes / 2 ||
	       registration->credit_bytes - n_bytes < FRAME_MAX_BYTES;
}

static void owe_if_half(struct registration *registration)
{
	if (registration->is_paused ||
	    registration->state == REGISTRATION_CLOSING ||
	    list_is_linked(&registration->owing_link))
		return;
	if (!is_half_owed(registration))
		return;
	registration->bus->is_armed = false;
	list_push_back(&registration->bus->registrations.owing,
		       &registration->owing_link);
}

void registration_owe(struct registration *registration, uint32_t n_messages,
		      uint64_t n_bytes)
{
	registration->owed_messages += n_messages;
	registration->owed_bytes += n_bytes;
	owe_if_half(registration);
}

void registration_pause(struct registration *registration)
{
	registration->is_paused = true;
	list_unlink(&registration->owing_link);
}

void registration_resume(struct registration *registration)
{
	registration->is_paused = false;
	owe_if_half(registration);
}

static void write_entry(struct registration *registration, uint8_t *out)
{
	le32_store(out, registration->id);
	le32_store(out + 4, registration->owed_messages);
	le64_store(out + 8, registration->owed_bytes);
	registration->owed_messages = 0;
	registration->owed_bytes = 0;
}

/* How many entries one frame takes: not more than the channel's room does. */
static size_t count_entries(const struct helio *bus)
{
	const struct list *owing = &bus->registrations.owing;
	size_t n_max = (bus->channel->n_out_max - FRAME_HEADER_BYTES) /
		       CREDIT_ENTRY_BYTES;
	const struct list *link;
	size_t n = 0;

	if (n_max > CREDIT_ENTRIES_MAX)
		n_max = CREDIT_ENTRIES_MAX;
	list_for_each (link, owing)
		if (n++ == n_max)
			return n_max;
	return n;
}

static int give_credit(struct helio *bus)
{
	struct frame frame = { .kind = FRAME_CREDIT };
	size_t n = count_entries(bus);
	uint8_t *room;
	int r;

	frame_set_body(&frame, n * CREDIT_ENTRY_BYTES);
	r = outbox_reserve_urgent(bus, frame.length, &room);
	if (r < 0)
		return r;
	room += frame_encode(&frame, room);
	for (size_t i = 0; i < n; i++) {
		struct list *link = list_pop_front(&bus->registrations.owing);

		write_entry(container_of(link, struct registration, owing_link),
			    room + i * CREDIT_ENTRY_BYTES);
	}
	outbox_commit(bus, frame.length);
	return 0;
}

void registrations_give_credit(struct helio *bus)
{
	while (!list_is_empty(&bus->registrations.owing))
		if (give_credit(bus) < 0)
			return;
}
