/* SPDX-License-Identifier: MIT */

/*
 * The module libheliograph-vchan.so: `vchan:DOMID/PORT` between the domains of
 * a Xen host, over libxengnttab, libxenevtchn and libxenstore.
 */

#include "transports/transport.h"
#include "transports/vchan/address.h"
#include "transports/vchan/connect.h"
#include "transports/vchan/host.h"

static int module_connect(struct poller *poller, const char *rest,
			  const struct transport_options *options,
			  struct channel **ret_channel)
{
	struct vchan_address address;
	int r = vchan_address_parse(rest, false, &address);

	if (r < 0)
		return r;
	return vchan_connect(poller, &address, options, ret_channel);
}

static int module_listen(struct poller *poller, const char *rest,
			 const struct transport_options *options,
			 struct listener **ret_listener)
{
	struct vchan_address address;
	int r = vchan_address_parse(rest, true, &address);

	if (r < 0)
		return r;
	return vchan_listen(poller, &address, options, ret_listener);
}

/* Found by its name in a module, and by the other where it is linked in. */
extern const struct transport helio_transport_vchan;

__attribute__((visibility("default")))
const struct transport helio_transport_vchan = {
	.scheme = "vchan",
	.connect = module_connect,
	.listen = module_listen,
};

extern const struct transport helio_transport
	__attribute__((alias("helio_transport_vchan"), visibility("default")));
