/* SPDX-License-Identifier: MIT */

#include "tests/torture/disk/content.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	abort();
}

static void set_page_count(struct content *content, size_t n)
{
	for (size_t i = n; i < content->n_pages; i++)
		free(content->pages[i]);
	content->pages =
		realloc(content->pages, (n + 1) * sizeof(*content->pages));
	if (!content->pages)
		die("content");
	for (size_t i = content->n_pages; i < n; i++)
		content->pages[i] = NULL;
	content->n_pages = n;
}

static uint8_t *page_at(struct content *content, size_t index)
{
	if (!content->pages[index])
		content->pages[index] = calloc(1, CONTENT_PAGE);
	if (!content->pages[index])
		die("content");
	return content->pages[index];
}

void content_deinit(struct content *content)
{
	for (size_t i = 0; i < content->n_pages; i++)
		free(content->pages[i]);
	free(content->pages);
	*content = (struct content){ 0 };
}

void content_copy(const struct content *content, struct content *ret_copy)
{
	*ret_copy = (struct content){ .n = content->n };
	set_page_count(ret_copy, content->n_pages);
	for (size_t i = 0; i < content->n_pages; i++)
		if (content->pages[i])
			memcpy(page_at(ret_copy, i), content->pages[i],
			       CONTENT_PAGE);
}

void content_resize(struct content *content, uint64_t n)
{
	size_t n_pages = (size_t)((n + CONTENT_PAGE - 1) / CONTENT_PAGE);
	size_t rest = (size_t)(n % CONTENT_PAGE);

	set_page_count(content, n_pages);
	content->n = n;
	/* Behind the end there are zeros, should it become longer again. */
	if (rest && content->pages[n_pages - 1])
		memset(content->pages[n_pages - 1] + rest, 0,
		       CONTENT_PAGE - rest);
}

void content_write(struct content *content, uint64_t offset,
		   const uint8_t *bytes, size_t n)
{
	if (offset + n > content->n)
		content_resize(content, offset + n);
	while (n) {
		size_t index = (size_t)(offset / CONTENT_PAGE);
		size_t begin = (size_t)(offset % CONTENT_PAGE);
		size_t n_here =
			CONTENT_PAGE - begin < n ? CONTENT_PAGE - begin : n;

		if (bytes)
			memcpy(page_at(content, index) + begin, bytes, n_here);
		else if (content->pages[index])
			memset(content->pages[index] + begin, 0, n_here);
		offset += n_here;
		n -= n_here;
		bytes = bytes ? bytes + n_here : NULL;
	}
}

void content_soil(struct content *content, uint64_t offset, struct dice *dice)
{
	uint8_t bytes[CONTENT_SECTOR];
	uint64_t at =
		(offset + CONTENT_SECTOR - 1) / CONTENT_SECTOR * CONTENT_SECTOR;

	for (; at + CONTENT_SECTOR <= content->n; at += CONTENT_SECTOR) {
		const uint8_t *page = content->pages[at / CONTENT_PAGE];
		static const uint8_t ZEROS[CONTENT_SECTOR];

		if (page && memcmp(page + at % CONTENT_PAGE, ZEROS,
				   CONTENT_SECTOR) != 0)
			continue;
		if (!dice_is(dice, 10))
			continue;
		dice_fill(dice, bytes, sizeof(bytes));
		content_write(content, at, bytes, sizeof(bytes));
	}
}

void content_load(struct content *content, const char *path)
{
	uint8_t page[CONTENT_PAGE];
	uint64_t at = 0;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die(path);
	content_deinit(content);
	while ((n = pread(fd, page, sizeof(page), (off_t)at)) > 0) {
		content_write(content, at, page, (size_t)n);
		at += (uint64_t)n;
	}
	close(fd);
}

static void save_pages(const struct content *content, int fd, const char *path)
{
	for (size_t i = 0; i < content->n_pages; i++) {
		uint64_t at = (uint64_t)i * CONTENT_PAGE;
		size_t n = content->n - at < CONTENT_PAGE
				   ? (size_t)(content->n - at)
				   : CONTENT_PAGE;

		if (content->pages[i] &&
		    pwrite(fd, content->pages[i], n, (off_t)at) != (ssize_t)n)
			die(path);
	}
}

void content_save(const struct content *content, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		die(path);
	save_pages(content, fd, path);
	if (ftruncate(fd, (off_t)content->n) < 0)
		die(path);
	close(fd);
}
