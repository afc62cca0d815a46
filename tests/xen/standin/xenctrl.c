/* SPDX-License-Identifier: MIT */

/** As much of libxenctrl as a domain has that may ask nothing by it. */

#include <errno.h>
#include <xenctrl.h>

#define EXPORT __attribute__((visibility("default")))

/* The type is opaque, and nothing is ever looked up in it. */
static char nothing;

EXPORT xc_interface *xc_interface_open(xentoollog_logger *logger,
				       xentoollog_logger *dombuild_logger,
				       unsigned open_flags)
{
	return (xc_interface *)&nothing;
}

EXPORT int xc_interface_close(xc_interface *xch)
{
	return 0;
}

EXPORT int xc_domain_getinfo(xc_interface *xch, uint32_t first_domid,
			     unsigned int max_doms, xc_dominfo_t *info)
{
	errno = EPERM;
	return -1;
}
