/* SPDX-License-Identifier: MIT */

#include "tests/held_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

void held_writer_init(struct held_writer *writer)
{
	list_init(&writer->to_do);
	list_init(&writer->run);
	writer->is_stopped = false;
}

void held_writer_push(struct held_writer *writer, struct task *task)
{
	list_init(&task->link);
	if (!writer->is_stopped) {
		list_push_back(&writer->to_do, &task->link);
		return;
	}
	task->run(task);
	task->done(task);
}

static struct task *pop(struct list *tasks)
{
	struct list *link = list_pop_front(tasks);

	assert_non_null(link);
	return container_of(link, struct task, link);
}

void held_writer_run_one(struct held_writer *writer)
{
	struct task *task = pop(&writer->to_do);

	task->run(task);
	list_push_back(&writer->run, &task->link);
}

void held_writer_tell_one(struct held_writer *writer)
{
	struct task *task = pop(&writer->run);

	task->done(task);
}

void held_writer_catch_up(struct held_writer *writer)
{
	while (!list_is_empty(&writer->to_do))
		held_writer_run_one(writer);
	while (!list_is_empty(&writer->run))
		held_writer_tell_one(writer);
}
