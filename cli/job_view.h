/* SPDX-License-Identifier: MIT */
#ifndef CLI_JOB_VIEW_H
#define CLI_JOB_VIEW_H

/** A job as people see it, or as an object of JSON. */

#include <helio/store/v1/store.pb-c.h>
#include <stdio.h>

/** "waiting", and so on. */
const char *job_view_state(Helio__Store__V1__JobState state);

/** An object in a line of its own. */
void job_view_json(const Helio__Store__V1__Job *job, FILE *out);

/** Lines for people. */
void job_view_text(const Helio__Store__V1__Job *job);

#endif
