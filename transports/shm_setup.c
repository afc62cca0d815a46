/* SPDX-License-Identifier: MIT */

#include "transports/shm_setup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cleanup.h"

enum {
	VERSION = 1,
	N_FDS = 2,
	N_FDS_ROOM = 4, /* so that too many show as too many */
	SEALS = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL,
};

static bool is_order(unsigned order)
{
	return order >= RING_ORDER_MIN && order <= RING_ORDER_MAX;
}

int shm_setup_of_bytes(uint32_t ring_bytes, struct shm_setup *ret_setup)
{
	unsigned order = RING_ORDER_MAX;

	if (ring_bytes) {
		order = (unsigned)__builtin_ctz(ring_bytes);
		if (!is_order(order) || ring_bytes != UINT32_C(1) << order)
			return -EINVAL;
	}
	ret_setup->left_order = (uint8_t)order;
	ret_setup->right_order =
		(uint8_t)(ring_orders_are_legal(order, order) ? order
							      : order + 1);
	return 0;
}

void shm_setup_encode(const struct shm_setup *setup,
		      uint8_t ret_bytes[SHM_SETUP_BYTES])
{
	memcpy(ret_bytes, SHM_SETUP_MAGIC, SHM_SETUP_MAGIC_BYTES);
	ret_bytes[4] = VERSION;
	ret_bytes[5] = setup->left_order;
	ret_bytes[6] = setup->right_order;
	ret_bytes[7] = 0;
}

int shm_setup_decode(const uint8_t bytes[SHM_SETUP_BYTES],
		     struct shm_setup *ret_setup)
{
	if (memcmp(bytes, SHM_SETUP_MAGIC, SHM_SETUP_MAGIC_BYTES) != 0)
		return -EPROTO;
	if (bytes[4] != VERSION || bytes[7] != 0)
		return -EPROTO;
	if (!is_order(bytes[5]) || !is_order(bytes[6]))
		return -EPROTO;
	*ret_setup = (struct shm_setup){ .left_order = bytes[5],
					 .right_order = bytes[6] };
	return 0;
}

static uint8_t smaller(uint8_t a, uint8_t b)
{
	return a < b ? a : b;
}

int shm_setup_grant(const struct shm_setup *asked, const struct shm_setup *most,
		    struct shm_setup *ret_setup)
{
	struct shm_setup setup = {
		.left_order = smaller(asked->left_order, most->left_order),
		.right_order = smaller(asked->right_order, most->right_order),
	};

	/* Two of order 11 can shrink; of two of order 10 one has to grow. */
	if (!ring_orders_are_legal(setup.left_order, setup.right_order)) {
		if (setup.right_order > RING_ORDER_MIN)
			setup.right_order--;
		else if (asked->right_order > RING_ORDER_MIN)
			setup.right_order++;
		else if (asked->left_order > RING_ORDER_MIN)
			setup.left_order++;
		else
			return -EPROTO;
	}
	*ret_setup = setup;
	return 0;
}

static size_t memory_bytes(const struct shm_setup *setup)
{
	return RING_PAGE_BYTES + ring_pages_bytes(setup->left_order) +
	       ring_pages_bytes(setup->right_order);
}

int shm_memory_new(const struct shm_setup *setup, int *ret_fd)
{
	_cleanup_(close_fdp) int fd = -1;

	fd = memfd_create("heliograph-rings", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)memory_bytes(setup)) < 0)
		return -errno;
	if (fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return -errno;
	*ret_fd = take_fd(fd);
	return 0;
}

static int check_memory(int fd, const struct shm_setup *setup)
{
	struct stat stat;
	int seals;

	seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0 || (seals & SEALS) != SEALS)
		return -EPROTO;
	if (fstat(fd, &stat) < 0)
		return -errno;
	return stat.st_size == (off_t)memory_bytes(setup) ? 0 : -EPROTO;
}

static int map_ring(struct mirror *mirror, int fd, off_t offset, unsigned order,
		    bool is_writable)
{
	size_t n_bytes = ring_pages_bytes(order);

	if (!n_bytes)
		return 0;
	return mirror_init_fd(mirror, fd, offset, n_bytes, is_writable);
}

int shm_pages_map(struct shm_pages *pages, int fd, enum ring_role role,
		  const struct shm_setup *setup)
{
	off_t left_at = RING_PAGE_BYTES;
	off_t right_at = left_at + (off_t)ring_pages_bytes(setup->left_order);
	struct shm_pages mapped = { 0 };
	void *page;
	int r;

	r = check_memory(fd, setup);
	if (r < 0)
		return r;
	page = mmap(NULL, RING_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		    fd, 0);
	if (page == MAP_FAILED)
		return -errno;

	mapped.page = page;
	r = map_ring(&mapped.left, fd, left_at, setup->left_order,
		     role == RING_CLIENT);
	if (!r)
		r = map_ring(&mapped.right, fd, right_at, setup->right_order,
			     role == RING_SERVER);
	if (r < 0) {
		shm_pages_unmap(&mapped);
		return r;
	}
	*pages = mapped;
	return 0;
}

void shm_pages_unmap(struct shm_pages *pages)
{
	mirror_deinit(&pages->left);
	mirror_deinit(&pages->right);
	if (pages->page)
		munmap(pages->page, RING_PAGE_BYTES);
	pages->page = NULL;
}

int shm_setup_send(int socket_fd, const struct shm_setup *setup, int memory_fd,
		   int event_fd)
{
	uint8_t bytes[SHM_SETUP_BYTES];
	int fds[N_FDS] = { memory_fd, event_fd };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(fds))] = { 0 };
	struct iovec iov = { .iov_base = bytes, .iov_len = sizeof(bytes) };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	ssize_t n;

	shm_setup_encode(setup, bytes);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(header), fds, sizeof(fds));
	n = sendmsg(socket_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return -errno;
	return n == sizeof(bytes) ? 0 : -EIO;
}

/* Takes all descriptors out of a message. Returns how many there were. */
static size_t take_fds(struct msghdr *message, int ret_fds[N_FDS_ROOM])
{
	size_t n_fds = 0;

	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header;
	     header = CMSG_NXTHDR(message, header)) {
		size_t n;

		if (header->cmsg_level != SOL_SOCKET ||
		    header->cmsg_type != SCM_RIGHTS)
			continue;
		n = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		if (n > N_FDS_ROOM - n_fds)
			n = N_FDS_ROOM - n_fds;
		memcpy(ret_fds + n_fds, CMSG_DATA(header), n * sizeof(int));
		n_fds += n;
	}
	return n_fds;
}

static int check_answer(const struct shm_setup *asked,
			const struct shm_setup *given)
{
	if (given->left_order > asked->left_order ||
	    given->right_order > asked->right_order)
		return -EPROTO;
	return ring_orders_are_legal(given->left_order, given->right_order)
		       ? 0
		       : -EPROTO;
}

int shm_setup_recv(int socket_fd, const struct shm_setup *asked,
		   struct shm_setup *ret_setup, int *ret_memory_fd,
		   int *ret_event_fd)
{
	uint8_t bytes[SHM_SETUP_BYTES];
	int fds[N_FDS_ROOM];
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(fds))];
	struct iovec iov = { .iov_base = bytes, .iov_len = sizeof(bytes) };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct shm_setup given = { 0 };
	size_t n_fds;
	ssize_t n;
	int r;

	n = recvmsg(socket_fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (n < 0)
		return errno == ECONNRESET ? -ECONNREFUSED : -errno;
	if (n == 0)
		return -ECONNREFUSED;

	n_fds = take_fds(&message, fds);
	r = n == sizeof(bytes) && n_fds == N_FDS
		    ? shm_setup_decode(bytes, &given)
		    : -EPROTO;
	if (!r)
		r = check_answer(asked, &given);
	if (r < 0) {
		for (size_t i = 0; i < n_fds; i++)
			close(fds[i]);
		return r;
	}
	*ret_setup = given;
	*ret_memory_fd = fds[0];
	*ret_event_fd = fds[1];
	return 0;
}
