/* SPDX-License-Identifier: MIT */

#include "tests/xen/world/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/xen/world/domain.h"
#include "tests/xen/world/grant.h"
#include "tests/xen/world/port.h"

static void reply_with(struct handle *handle, struct wire_reply *reply,
		       const int *fds, size_t n_fds)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int) * WIRE_MAX_FDS)];
	} control = { 0 };
	struct iovec piece = { .iov_base = reply,
			       .iov_len = WIRE_BYTES(reply) };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };

	if (n_fds) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(&control.header), fds, sizeof(int) * n_fds);
	}
	/* Who does not take its replies gets none: it asks one by one. */
	sendmsg(handle->source.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void reply(struct handle *handle, int r, uint32_t value)
{
	struct wire_reply answer = { .error = -r, .value = value };

	reply_with(handle, &answer, NULL, 0);
}

static void open_ports(struct handle *handle)
{
	struct wire_reply answer = { 0 };
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0) {
		reply(handle, -errno, 0);
		return;
	}
	/* Only the writing end: the reading one blocks, as the device's. */
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	handle->events_fd = ends[1];
	reply_with(handle, &answer, &ends[0], 1);
	close(ends[0]);
}

static void open_kind(struct handle *handle, uint32_t kind)
{
	struct wire_reply answer = { 0 };

	if (handle->kind) {
		reply(handle, -EBUSY, 0);
		return;
	}
	handle->kind = kind;
	if (kind == WIRE_OPEN_PORTS)
		open_ports(handle);
	else if (kind == WIRE_OPEN_GRANTS)
		reply_with(handle, &answer, &handle->domain->memory_fd, 1);
	else
		reply_with(handle, &answer, NULL, 0);
}

static void bind_port(struct handle *handle, const struct wire_request *request)
{
	struct port *port = NULL;
	int r;

	if (request->op == WIRE_BIND_UNBOUND)
		r = port_bind_unbound(handle, request->domid, &port);
	else
		r = port_bind_interdomain(handle, request->domid, request->port,
					  &port);
	reply(handle, r, r < 0 ? 0 : port->number);
}

static void use_port(struct handle *handle, const struct wire_request *request)
{
	struct port *port = port_lookup(handle->domain, request->port);

	if (port && port->owner != handle)
		port = NULL;
	if (port && request->op == WIRE_NOTIFY)
		port_notify(port);
	if (port && request->op == WIRE_UNMASK)
		port_unmask(port);
	if (request->op == WIRE_UNBIND) {
		if (port)
			port_release(port);
		reply(handle, port ? 0 : -ENOTCONN, 0);
	}
}

static void share_or_map(struct handle *handle,
			 const struct wire_request *request)
{
	struct wire_reply answer = { 0 };
	int fds[WIRE_MAX_FDS];
	size_t n_fds = 0;
	int r;

	if (request->op == WIRE_GRANT) {
		r = grant_share(handle, request, &answer);
	} else {
		r = grant_map(handle, request, &answer, fds);
		while (r == 0 && n_fds < WIRE_MAX_FDS && fds[n_fds] >= 0)
			n_fds++;
	}
	answer.error = -r;
	reply_with(handle, &answer, fds, n_fds);
}

static void end_pages(struct handle *handle, const struct wire_request *request)
{
	struct holding *holding = holding_lookup(
		&handle->holdings, request->address, request->value);

	if (holding)
		holding_end(holding, false);
	reply(handle, holding ? 0 : -ENOENT, 0);
}

/* Pages first: a port on which they send an event is held until then. */
static void let_go(struct handle *handle)
{
	struct domain *domain = handle->domain;

	while (!list_is_empty(&handle->holdings))
		holding_orphan(domain->world,
			       container_of(handle->holdings.next,
					    struct holding, link));
	for (uint32_t i = 0; i < DOMAIN_PORTS; i++)
		if (domain->ports[i] && domain->ports[i]->owner == handle)
			port_release(domain->ports[i]);
}

static void handle_free(struct handle *handle)
{
	list_unlink(&handle->link);
	loop_remove(&handle->domain->world->loop, &handle->source);
	if (handle->events_fd >= 0)
		close(handle->events_fd);
	free(handle);
}

static bool is_of_kind(const struct handle *handle, uint32_t op)
{
	switch (op) {
	case WIRE_GRANT:
	case WIRE_UNGRANT:
		return handle->kind == WIRE_OPEN_GRANTS;
	case WIRE_MAP:
	case WIRE_UNMAP:
		return handle->kind == WIRE_OPEN_MAPS;
	default:
		return handle->kind == WIRE_OPEN_PORTS;
	}
}

static void obey(struct handle *handle, const struct wire_request *request)
{
	switch (request->op) {
	case WIRE_OPEN_PORTS:
	case WIRE_OPEN_GRANTS:
	case WIRE_OPEN_MAPS:
		open_kind(handle, request->op);
		return;
	case WIRE_CLOSE:
		let_go(handle);
		reply(handle, 0, 0);
		return;
	}
	if (!is_of_kind(handle, request->op)) {
		reply(handle, -ENOTTY, 0);
		return;
	}
	switch (request->op) {
	case WIRE_BIND_UNBOUND:
	case WIRE_BIND_INTERDOMAIN:
		bind_port(handle, request);
		break;
	case WIRE_UNBIND:
	case WIRE_NOTIFY:
	case WIRE_UNMASK:
		use_port(handle, request);
		break;
	case WIRE_GRANT:
	case WIRE_MAP:
		share_or_map(handle, request);
		break;
	case WIRE_UNGRANT:
	case WIRE_UNMAP:
		end_pages(handle, request);
		break;
	default:
		reply(handle, -ENOTTY, 0);
	}
}

static void on_ready(struct source *source, uint32_t events)
{
	struct handle *handle = container_of(source, struct handle, source);
	struct wire_request request = { 0 };
	ssize_t n = recv(source->fd, &request, sizeof(request), MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n < (ssize_t)offsetof(struct wire_request, pages) ||
	    request.n_pages > WIRE_MAX_PAGES) {
		let_go(handle);
		handle_free(handle);
		return;
	}
	obey(handle, &request);
}

void handle_accept(struct domain *domain, int fd)
{
	struct handle *handle = calloc(1, sizeof(*handle));

	if (!handle) {
		close(fd);
		return;
	}
	handle->source.fd = fd;
	handle->source.on_ready = on_ready;
	handle->domain = domain;
	handle->pid = domain_peer_pid(fd);
	handle->events_fd = -1;
	list_init(&handle->holdings);
	list_push_back(&domain->handles, &handle->link);
	domain_join(domain, handle->pid);
	loop_add(&domain->world->loop, &handle->source, EPOLLIN);
}

void handle_drop(struct handle *handle)
{
	while (!list_is_empty(&handle->holdings))
		holding_end(container_of(handle->holdings.next, struct holding,
					 link),
			    true);
	handle_free(handle);
}
