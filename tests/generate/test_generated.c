/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "many/v1/part.helio.h"
#include "many/v1/thing.helio.h"
#include "other/v1/shape.helio.h"
#include "schema/canonical.h"
#include "schema/descriptor.h"
#include "tests/generate/notes.h"

static Many__V1__StartRequest request = MANY__V1__START_REQUEST__INIT;
static Many__V1__HTTPReplyIn2Words reply = MANY__V1__HTTPREPLY_IN2_WORDS__INIT;
static Many__V1__Part part = MANY__V1__PART__INIT;

static const void *seen;
static int userdata;

static int forget(void **state)
{
	notes = (struct notes){ 0 };
	notes_response = NULL;
	notes_service.descriptor = &many__v1__httpthings2__descriptor;
	seen = NULL;
	return 0;
}

static void types_say_what_the_file_says(void **state)
{
	const struct helio_service_type *type = &many__v1__httpthings2__type;
	static const struct {
		const char *name;
		bool is_client_streaming, is_server_streaming, is_idempotent;
	} wanted[] = {
		{ "Start", false, false, true },
		{ "GetXMLOf", false, false, true },
		{ "watch_it", false, true, false },
		{ "Upload", true, false, false },
		{ "Chat", true, true, false },
	};

	assert_string_equal(type->name, "many.v1.HTTPThings2");
	assert_ptr_equal(type->schema, &many__v1__schema);
	assert_ptr_equal(type->descriptor, &many__v1__httpthings2__descriptor);
	assert_int_equal(type->n_methods, 5);
	for (unsigned i = 0; i < 5; i++) {
		const struct helio_method_type *method = &type->methods[i];

		assert_string_equal(method->name, wanted[i].name);
		assert_string_equal(method->name,
				    type->descriptor->methods[i].name);
		assert_ptr_equal(method->input,
				 type->descriptor->methods[i].input);
		assert_ptr_equal(method->output,
				 type->descriptor->methods[i].output);
		assert_int_equal(method->is_client_streaming,
				 wanted[i].is_client_streaming);
		assert_int_equal(method->is_server_streaming,
				 wanted[i].is_server_streaming);
		assert_int_equal(method->is_idempotent,
				 wanted[i].is_idempotent);
	}
	assert_ptr_equal(many__v1__parts__type.schema, &many__v1__schema);
	assert_ptr_equal(many__v1__parts__type.methods[1].output,
			 &google__protobuf__timestamp__descriptor);
	assert_int_equal(many__v1__nothing__type.n_methods, 0);
	assert_string_equal(many__v1__nothing__type.name, "many.v1.Nothing");
}

static void check_schema(const struct helio_schema *schema, const char *package,
			 size_t n_files)
{
	_cleanup_(descriptor_set_freep) struct descriptor_set *set = NULL;
	struct canonical_reason reason;
	struct canonical canonical;

	assert_string_equal(schema->package, package);
	assert_int_equal(canonical_init(&canonical, schema->set, schema->n_set,
					package, &reason),
			 0);
	assert_int_equal(canonical.n_set, schema->n_set);
	assert_memory_equal(canonical.set, schema->set, schema->n_set);
	assert_memory_equal(canonical.hash, schema->hash, 32);
	canonical_deinit(&canonical);
	assert_int_equal(descriptor_set_new(schema->set, schema->n_set, &set),
			 0);
	assert_int_equal(set->files->n_file, n_files);
}

static void schemas_are_canonical(void **state)
{
	check_schema(&many__v1__schema, "many.v1", 5);
	check_schema(&other__v1__schema, "other.v1", 1);
}

static void a_client_waits_with_its_types(void **state)
{
	const Many__V1__HTTPReplyIn2Words *got = NULL;

	assert_int_equal(
		many__v1__httpthings2__start__wait(NULL, &request, &got),
		HELIO_NOT_FOUND);
	assert_null(got);
	notes_response = &reply.base;
	assert_int_equal(
		many__v1__httpthings2__start__wait(NULL, &request, &got),
		HELIO_OK);
	assert_ptr_equal(got, &reply);
	assert_ptr_equal(notes.message, &request.base);
	assert_int_equal(notes.method_index, 0);
}

static void on_part(struct helio_stream *stream, const Many__V1__Part *got,
		    void *data)
{
	assert_ptr_equal(data, &userdata);
	seen = got;
}

static void on_watched(struct helio_stream *stream,
		       const struct helio_reply *answer,
		       const Many__V1__Part *null, void *data)
{
	assert_ptr_equal(data, &userdata);
	seen = answer;
}

static void on_uploaded(struct helio_stream *stream,
			const struct helio_reply *answer,
			const Many__V1__HTTPReplyIn2Words *response, void *data)
{
	assert_ptr_equal(data, &userdata);
	seen = response;
}

static void on_writable(struct helio_stream *stream, void *data)
{
	assert_ptr_equal(data, &userdata);
	seen = data;
}

static void a_client_takes_a_stream(void **state)
{
	static const struct many__v1__httpthings2__watch_it__events events = {
		.on_message = on_part,
		.on_end = on_watched,
	};
	const struct helio_reply answer = { 0 };
	struct helio_stream *stream;

	assert_int_equal(many__v1__httpthings2__watch_it__stream(
				 NULL, &request, &events, &userdata, &stream),
			 0);
	assert_string_equal(notes.called, "helio_client_stream");
	assert_int_equal(notes.method_index, 2);
	assert_ptr_equal(notes.message, &request.base);
	assert_ptr_equal(notes.userdata, &userdata);
	assert_null(notes.stream.on_writable);
	notes.stream.on_message(NULL, &part.base, &userdata);
	assert_ptr_equal(seen, &part);
	notes.stream.on_end(NULL, &answer, NULL, &userdata);
	assert_ptr_equal(seen, &answer);
}

static void a_client_sends_a_stream(void **state)
{
	static const struct many__v1__httpthings2__upload__events events = {
		.on_writable = on_writable,
		.on_end = on_uploaded,
	};
	struct helio_stream *stream;

	assert_int_equal(many__v1__httpthings2__upload__stream(
				 NULL, &events, &userdata, &stream),
			 0);
	assert_int_equal(notes.method_index, 3);
	assert_null(notes.message);
	assert_null(notes.stream.on_message);
	notes.stream.on_writable(NULL, &userdata);
	assert_ptr_equal(seen, &userdata);
	notes.stream.on_end(NULL, NULL, &reply.base, &userdata);
	assert_ptr_equal(seen, &reply);
	assert_int_equal(many__v1__httpthings2__upload__send(NULL, &part), 0);
	assert_string_equal(notes.called, "helio_stream_send");
	assert_ptr_equal(notes.message, &part.base);
}

static void a_client_of_another_service_is_refused(void **state)
{
	const Many__V1__HTTPReplyIn2Words *got;
	struct helio_stream *stream;

	notes_service.descriptor = &many__v1__parts__descriptor;
	assert_int_equal(
		many__v1__httpthings2__start__wait(NULL, &request, &got),
		-EINVAL);
	assert_int_equal(many__v1__httpthings2__watch_it__stream(
				 NULL, &request, NULL, NULL, &stream),
			 -EINVAL);
	assert_int_equal(
		many__v1__httpthings2__chat__stream(NULL, NULL, NULL, &stream),
		-EINVAL);
	assert_null(notes.called);
}

static void start(struct helio_serving *serving,
		  const Many__V1__StartRequest *got, void *data)
{
	seen = got;
}

static void chat(struct helio_serving *serving,
		 const Many__V1__StartRequest *null, void *data)
{
	seen = data;
}

static void a_server_has_its_methods_in_order(void **state)
{
	static const struct many__v1__httpthings2__server methods = {
		.start = start,
		.chat = chat,
	};
	struct helio_server *server;

	assert_int_equal(many__v1__httpthings2__server__new(NULL, &methods,
							    NULL, &server),
			 0);
	assert_ptr_equal(notes.type, &many__v1__httpthings2__type);
	notes.methods[0](NULL, &request.base, NULL);
	assert_ptr_equal(seen, &request);
	for (int i = 1; i < 4; i++)
		assert_null(notes.methods[i]);
	notes.methods[4](NULL, NULL, &userdata);
	assert_ptr_equal(seen, &userdata);
}

static void on_request(struct helio_serving *serving, const Many__V1__Part *got,
		       void *data)
{
	assert_ptr_equal(data, &userdata);
	seen = got;
}

static void on_finish(struct helio_serving *serving, void *data)
{
	seen = data;
}

static void a_server_takes_a_stream_and_answers(void **state)
{
	static const struct many__v1__httpthings2__upload__requests events = {
		.on_message = on_request,
		.on_finish = on_finish,
	};

	many__v1__httpthings2__upload__listen(NULL, &events, &userdata);
	assert_string_equal(notes.called, "helio_serving_listen");
	notes.serving.on_message(NULL, &part.base, notes.userdata);
	assert_ptr_equal(seen, &part);
	notes.serving.on_finish(NULL, notes.userdata);
	assert_ptr_equal(seen, &userdata);
	assert_null(notes.serving.on_cancelled);

	assert_int_equal(many__v1__httpthings2__upload__reply(NULL, &reply), 0);
	assert_string_equal(notes.called, "helio_serving_reply");
	assert_ptr_equal(notes.message, &reply.base);
	assert_int_equal(many__v1__httpthings2__chat__send_reply(NULL, &reply),
			 0);
	assert_string_equal(notes.called, "helio_serving_send");
	assert_ptr_equal(notes.message, &reply.base);
	assert_int_equal(many__v1__httpthings2__chat__finish(NULL), 0);
	assert_string_equal(notes.called, "helio_serving_reply");
	assert_null(notes.message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(types_say_what_the_file_says, forget),
		cmocka_unit_test_setup(schemas_are_canonical, forget),
		cmocka_unit_test_setup(a_client_waits_with_its_types, forget),
		cmocka_unit_test_setup(a_client_takes_a_stream, forget),
		cmocka_unit_test_setup(a_client_sends_a_stream, forget),
		cmocka_unit_test_setup(a_client_of_another_service_is_refused,
				       forget),
		cmocka_unit_test_setup(a_server_has_its_methods_in_order,
				       forget),
		cmocka_unit_test_setup(a_server_takes_a_stream_and_answers,
				       forget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
