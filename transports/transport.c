/* SPDX-License-Identifier: MIT */

#include "transports/transport.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "transports/unix.h"

enum { SCHEME_MAX = 15 };

/* A static program has this one if it was linked with what defines it. */
extern const struct transport helio_transport_vchan __attribute__((weak));

static const struct transport *const built_in[] = {
	&transport_shm,
	&transport_unix,
	&helio_transport_vchan,
};

/* The scheme becomes part of a file's name: lower-case letters only. */
static int take_scheme(const char *address, char ret_scheme[SCHEME_MAX + 1],
		       const char **ret_rest)
{
	size_t n = strspn(address, "abcdefghijklmnopqrstuvwxyz");

	if (n == 0 || n > SCHEME_MAX || address[n] != ':')
		return -EINVAL;
	memcpy(ret_scheme, address, n);
	ret_scheme[n] = '\0';
	*ret_rest = address + n + 1;
	return 0;
}

/*
 * The environment may say where modules are, but not to a program that has
 * more rights than who started it. A module stays loaded: channels of it may
 * live as long as the program.
 */
static void *open_module(const char *scheme)
{
	const char *folder = secure_getenv("HELIOGRAPH_MODULE_DIR");
	char path[PATH_MAX];
	int n;

	n = snprintf(path, sizeof(path), "%s/libheliograph-%s.so",
		     folder ? folder : HELIO_MODULE_DIR, scheme);
	if (n < 0 || (size_t)n >= sizeof(path))
		return NULL;
	return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static const struct transport *load(const char *scheme)
{
	void *module = open_module(scheme);

	return module ? dlsym(module, TRANSPORT_MODULE_SYMBOL) : NULL;
}

int transport_lookup(const char *address,
		     const struct transport **ret_transport,
		     const char **ret_rest)
{
	const struct transport *transport = NULL;
	char scheme[SCHEME_MAX + 1];
	const char *rest;
	int r;

	r = take_scheme(address, scheme, &rest);
	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++)
		if (built_in[i] && strcmp(built_in[i]->scheme, scheme) == 0)
			transport = built_in[i];
	if (!transport)
		transport = load(scheme);
	if (!transport)
		return -EPROTONOSUPPORT;
	*ret_transport = transport;
	*ret_rest = rest;
	return 0;
}

void transport_explain(const char *address, char *text, size_t n_text)
{
	char scheme[SCHEME_MAX + 1];
	const char *rest;
	const char *why;

	if (take_scheme(address, scheme, &rest) < 0) {
		snprintf(text, n_text, "it has no scheme");
		return;
	}
	/* The loader's own words name the file or the library. */
	(void)dlerror();
	(void)open_module(scheme);
	why = dlerror();
	snprintf(text, n_text, "no module for %s: %s", scheme,
		 why ? why : "it exports no transport");
}
