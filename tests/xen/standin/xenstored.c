/* SPDX-License-Identifier: MIT */

/*
 * To be preloaded into Debian's xenstored, which then runs without Xen: there
 * is one domain, its own, that never sends an event. Programs reach it by its
 * socket.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#define EXPORT __attribute__((visibility("default")))

enum { PAGE_BYTES = 4096 };

/* The types are opaque. */
static char nothing;

/* What the kernel of dom0 tells of its page and its port. */
static int open_memory(const char *text)
{
	int fd = memfd_create("xenstored", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, PAGE_BYTES) < 0)
		return -1;
	return pwrite(fd, text, strlen(text), 0) < 0 ? -1 : fd;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
EXPORT int open(const char *path, int flags, ...)
{
	va_list more;
	mode_t mode;

	if (!strcmp(path, "/proc/xen/xsd_port"))
		return open_memory("1");
	if (!strcmp(path, "/proc/xen/xsd_kva"))
		return open_memory("");
	va_start(more, flags);
	mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
	va_end(more);
	return openat(AT_FDCWD, path, flags, mode);
}

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
	if (first_domid)
		return 0;
	memset(info, 0, sizeof(*info));
	return 1;
}

EXPORT xenevtchn_handle *xenevtchn_open(xentoollog_logger *logger,
					unsigned int flags)
{
	return (xenevtchn_handle *)&nothing;
}

EXPORT int xenevtchn_fd(xenevtchn_handle *xce)
{
	static int fd = -1;

	if (fd < 0)
		fd = eventfd(0, EFD_CLOEXEC);
	return fd;
}

EXPORT xenevtchn_port_or_error_t xenevtchn_bind_interdomain(
	xenevtchn_handle *xce, uint32_t domid, evtchn_port_t remote_port)
{
	return 1;
}

EXPORT xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *xce,
						     unsigned int virq)
{
	return 2;
}

EXPORT xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
	errno = EAGAIN;
	return -1;
}

EXPORT int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
	return 0;
}

EXPORT int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
	return 0;
}

EXPORT int xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t port)
{
	return 0;
}

EXPORT xengnttab_handle *xengnttab_open(xentoollog_logger *logger,
					unsigned open_flags)
{
	return (xengnttab_handle *)&nothing;
}

EXPORT int xengnttab_close(xengnttab_handle *xgt)
{
	return 0;
}

EXPORT int xengnttab_set_max_grants(xengnttab_handle *xgt, uint32_t nr_grants)
{
	return 0;
}

EXPORT void *xengnttab_map_grant_ref(xengnttab_handle *xgt, uint32_t domid,
				     uint32_t ref, int prot)
{
	errno = EPERM;
	return NULL;
}

EXPORT int xengnttab_unmap(xengnttab_handle *xgt, void *start_address,
			   uint32_t count)
{
	return 0;
}
