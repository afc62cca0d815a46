/* SPDX-License-Identifier: MIT */
#ifndef TESTS_XEN_STANDIN_WIRE_H
#define TESTS_XEN_STANDIN_WIRE_H

/**
 * What the stand-in for Xen's libraries asks the world's process.
 *
 * Each handle (of event channels, of grants given, of grants mapped) is one
 * SOCK_SEQPACKET connection to `hypervisor` in the domain's folder, so the
 * socket says which domain asks and its end says that the process is gone,
 * SIGKILL included. NOTIFY and UNMASK have no reply; all others have one. A
 * domain's memory is one memfd; a page of it is named by its frame number.
 */

#include <stdint.h>

enum {
	WIRE_PAGE_BYTES = 4096,
	WIRE_MAX_PAGES = 1024, /* of one request */
	WIRE_MAX_FDS = 16,     /* of one reply */
};

#define WIRE_ENV_WORLD "XEN_WORLD" /* the world's folder */
#define WIRE_ENV_DOMID "XEN_DOMID" /* the domain of this process */

enum wire_op {
	WIRE_OPEN_PORTS = 1, /* reply: the reading end of the ports' pipe */
	WIRE_OPEN_GRANTS,    /* reply: the domain's memory */
	WIRE_OPEN_MAPS,
	WIRE_CLOSE,
	WIRE_BIND_UNBOUND,     /* domid; reply: value is the port */
	WIRE_BIND_INTERDOMAIN, /* domid, port; reply: value is the port */
	WIRE_UNBIND,           /* port */
	WIRE_NOTIFY,           /* port */
	WIRE_UNMASK,           /* port */
	WIRE_GRANT,            /* domid, address, value, flags; reply: pages */
	WIRE_UNGRANT,          /* address, value */
	WIRE_MAP,   /* address, flags, pages; reply: pages, memories */
	WIRE_UNMAP, /* address, value */
};

enum wire_flags {
	WIRE_WRITABLE = 1,
	WIRE_CLEAR_BYTE = 2, /* at clear_offset, when the pages go away */
	WIRE_SEND_EVENT = 4, /* on `port`, when the pages go away */
};

/** A granted page. */
struct wire_page {
	/* To map: of domain `where` reference `what`. Mapped: in the reply's
	 * memory number `where` frame `what`. Granted: reference `where` for
	 * frame `what` of one's own memory. */
	uint32_t where;
	uint32_t what;
};

struct wire_request {
	uint32_t op;
	uint32_t domid;
	uint32_t port;
	uint32_t flags;
	uint32_t clear_offset; /* from the first page's beginning */
	uint32_t value;        /* WIRE_GRANT, _UNGRANT, _UNMAP: of pages */
	uint32_t n_pages;      /* in `pages` */
	uint32_t reserved;
	uint64_t address; /* where in the process the pages are */
	struct wire_page pages[WIRE_MAX_PAGES];
};

struct wire_reply {
	int32_t error; /* 0 or an errno */
	uint32_t value;
	uint32_t n_pages;
	uint32_t reserved;
	struct wire_page pages[WIRE_MAX_PAGES];
};

#define WIRE_BYTES(message)                        \
	(offsetof(__typeof__(*(message)), pages) + \
	 (message)->n_pages * sizeof((message)->pages[0]))

#endif
