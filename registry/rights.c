/* SPDX-License-Identifier: MIT */

#include "registry/rights.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"

static void on_told(struct check *check, int r,
		    const struct check_verdict *told);

void rights_init(struct rights *rights, struct helio *bus,
		 const char *principal, rights_fn on_verdict, void *userdata)
{
	*rights = (struct rights){ .bus = bus,
				   .principal = principal,
				   .check.on_verdict = on_told,
				   .on_verdict = on_verdict,
				   .userdata = userdata };
}

void rights_deinit(struct rights *rights)
{
	check_cancel(&rights->check);
	free(rights->asked);
	rights->asked = NULL;
}

void rights_clear(struct rights *rights)
{
	rights->n_asked = 0;
	rights->next = 0;
	*rights->refusal = '\0';
}

int rights_add(struct rights *rights, const char *verb, const char *format, ...)
{
	struct right *right;
	va_list arguments;

	if (rights->n_asked == RIGHTS_MAX)
		return 0;
	if (!rights->asked)
		rights->asked = calloc(RIGHTS_MAX, sizeof(*rights->asked));
	if (!rights->asked)
		return -ENOMEM;
	right = &rights->asked[rights->n_asked++];
	right->verb = verb;
	va_start(arguments, format);
	vsnprintf(right->resource, sizeof(right->resource), format, arguments);
	va_end(arguments);
	return 0;
}

static void tell(struct rights *rights, enum rights_verdict verdict,
		 const char *text)
{
	rights->on_verdict(rights->userdata, verdict, text);
}

/* Several are asked about when any of them shows a package. */
static void refuse(struct rights *rights, const char *why)
{
	const struct right *right = &rights->asked[rights->next];

	snprintf(rights->refusal, sizeof(rights->refusal),
		 "%s may not %s %s%s: %s", rights->principal, right->verb,
		 right->resource,
		 rights->n_asked > 1 ? ", nor call any of it" : "", why);
}

static void on_told(struct check *check, int r,
		    const struct check_verdict *told)
{
	struct rights *rights = container_of(check, struct rights, check);
	char text[RIGHTS_TEXT_BYTES];

	if (r < 0) {
		snprintf(text, sizeof(text), "the switch cannot be asked: %s",
			 told->text);
		tell(rights, RIGHTS_UNKNOWN, text);
		return;
	}
	if (told->is_allowed) {
		tell(rights, RIGHTS_YES, "");
		return;
	}
	if (!*rights->refusal)
		refuse(rights, told->text);
	if (++rights->next == rights->n_asked)
		tell(rights, RIGHTS_NO, rights->refusal);
	else if (rights_ask(rights) < 0)
		tell(rights, RIGHTS_UNKNOWN, "the switch cannot be asked");
}

int rights_ask(struct rights *rights)
{
	const struct right *right = &rights->asked[rights->next];

	return check_start(&rights->check, rights->bus, rights->principal,
			   right->verb, right->resource);
}
