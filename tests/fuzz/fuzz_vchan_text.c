/* SPDX-License-Identifier: MIT */

/*
 * Texts of xenstore and of addresses, as vchan reads them: what passes as a
 * number, an address or a uuid is written in one way only, so that written
 * anew it is the same.
 */

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "tests/fuzz/fuzz.h"
#include "transports/vchan/address.h"
#include "transports/vchan/identity.h"

static void check_number(const char *text)
{
	char again[16];
	uint32_t number;

	if (vchan_number_parse(text, UINT32_MAX, &number) < 0)
		return;
	snprintf(again, sizeof(again), "%u", number);
	FUZZ_CHECK(!strcmp(text, again));
	FUZZ_CHECK(!number ||
		   vchan_number_parse(text, number - 1, &number) < 0);
}

static void check_address(const char *text)
{
	struct vchan_address address;
	char again[128];

	if (vchan_address_parse(text, true, &address) < 0)
		return;
	if (address.is_any)
		snprintf(again, sizeof(again), "*/%s", address.port);
	else
		snprintf(again, sizeof(again), "%u/%s", address.domid,
			 address.port);
	FUZZ_CHECK(!strcmp(text, again));
	FUZZ_CHECK(!strpbrk(address.port, "/. "));
}

static void check_uuid(const char *text)
{
	uint8_t uuid[16];
	char again[64];
	int n = 0;

	if (identity_parse_uuid(text, uuid) < 0)
		return;
	for (int i = 0; i < 16; i++)
		n += snprintf(again + n, sizeof(again) - (size_t)n, "%s%02x",
			      i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
			      uuid[i]);
	FUZZ_CHECK(!strcasecmp(text, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	char text[256];

	if (n >= sizeof(text))
		return 0;
	memcpy(text, bytes, n);
	text[n] = '\0';
	check_number(text);
	check_address(text);
	check_uuid(text);
	return 0;
}
