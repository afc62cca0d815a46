/* SPDX-License-Identifier: MIT */

/*
 * What passes as an address is one that ZeroMQ can be given: it has a port,
 * and nothing in it but what names and numbers are made of.
 */

#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "transports/tcp/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-.:[]*/";
	struct address address;
	char text[512];

	if (n >= sizeof(text))
		return 0;
	memcpy(text, bytes, n);
	text[n] = '\0';
	for (int is_listening = 0; is_listening < 2; is_listening++) {
		const char *endpoint = address.endpoint;

		if (address_parse(text, is_listening, &address) < 0)
			continue;
		FUZZ_CHECK(!strncmp(endpoint, "tcp://", 6));
		FUZZ_CHECK(!endpoint[strspn(endpoint, letters)]);
		FUZZ_CHECK(strrchr(endpoint, ':') > endpoint + 6);
		FUZZ_CHECK(is_listening || !strchr(endpoint, '*'));
	}
	return 0;
}
