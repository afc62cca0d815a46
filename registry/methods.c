/* SPDX-License-Identifier: MIT */

#include "registry/methods.h"

#include "helio/registry/v1/registry.pb-c.h"

const struct method methods[] = {
	{ "Put", &helio__registry__v1__put_request__descriptor, method_put,
	  method_put_proceed },
	{ "Admit", &helio__registry__v1__admit_request__descriptor,
	  method_admit, method_admit_proceed },
	{ "Judge", &helio__registry__v1__judge_request__descriptor,
	  method_judge, method_judge_proceed },
	{ "Get", &helio__registry__v1__get_request__descriptor, method_get,
	  method_get_proceed },
	{ "List", &helio__registry__v1__list_request__descriptor, method_list,
	  method_list_proceed },
	{ "Diff", &helio__registry__v1__diff_request__descriptor, method_diff,
	  method_diff_proceed },
	{ "Pin", &helio__registry__v1__pin_request__descriptor, method_pin,
	  method_pin_proceed },
	{ "Forget", &helio__registry__v1__forget_request__descriptor,
	  method_forget, method_forget_proceed },
	{ .name = NULL },
};
