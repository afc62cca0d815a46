/* SPDX-License-Identifier: MIT */

#include "logger/service.h"

#include <helio/log/v1/log.helio.h>
#include <string.h>

#include "base/diag.h"
#include "logger/config.h"
#include "logger/consumer.h"
#include "logger/cursor_service.h"
#include "logger/import.h"
#include "logger/keeper.h"
#include "logger/logger.h"
#include "logger/logs_service.h"
#include "logger/query.h"
#include "logger/reader.h"
#include "logger/schemas.h"
#include "logger/verify.h"

enum { READERS_OF_ONE_MAX = 64 };

struct keeper *service_find(struct errand *errand)
{
	struct keeper *keeper =
		keeper_lookup(logger_of(errand), errand->resource);

	if (keeper && keeper->state != KEEPER_CLOSING)
		return keeper;
	errand_fail(errand, HELIO_NOT_FOUND, "no log is called %s",
		    errand->resource);
	return NULL;
}

struct keeper *service_log(struct errand *errand)
{
	struct keeper *keeper = service_find(errand);

	if (!keeper || keeper_is_served(keeper))
		return keeper;
	errand_fail(errand,
		    keeper->state == KEEPER_DAMAGED ? HELIO_DATA_LOSS
						    : HELIO_UNAVAILABLE,
		    "%s: %s", keeper->name, keeper_why(keeper));
	return NULL;
}

/* ---- read ---- */

static unsigned count_readers(const struct errand *errand)
{
	struct list *link;
	unsigned n = 0;

	list_for_each (link, &logger_of(errand)->readers)
		n += !strcmp(container_of(link, struct reader, link)->principal,
			     errand->principal);
	return n;
}

static void read_log(struct errand *errand)
{
	struct keeper *keeper = service_log(errand);

	if (!keeper)
		return;
	/* Cancelled while the switch was asked. */
	if (!errand->serving) {
		errand_drop(errand);
		return;
	}
	if (count_readers(errand) >= READERS_OF_ONE_MAX) {
		errand_fail(errand, HELIO_RESOURCE_EXHAUSTED,
			    "%s reads %d times already", errand->principal,
			    READERS_OF_ONE_MAX);
		return;
	}
	reader_start(keeper, errand_hand_over(errand),
		     (const void *)errand->request, errand->principal);
	errand_drop(errand);
}

/* ---- the methods ---- */

#define LOG_OF(name, type, field)                                    \
	static const char *name(const ProtobufCMessage *request)     \
	{                                                            \
		return ((const type *)(const void *)request)->field; \
	}

LOG_OF(log_of_create, Helio__Log__V1__CreateRequest, name)
LOG_OF(log_of_change, Helio__Log__V1__ChangeRequest, name)
LOG_OF(log_of_get, Helio__Log__V1__GetRequest, name)
LOG_OF(log_of_delete, Helio__Log__V1__DeleteRequest, name)
LOG_OF(log_of_read, Helio__Log__V1__ReadRequest, log)
LOG_OF(log_of_create_cursor, Helio__Log__V1__CreateCursorRequest, log)
LOG_OF(log_of_list_cursors, Helio__Log__V1__ListCursorsRequest, log)
LOG_OF(log_of_move_cursor, Helio__Log__V1__MoveCursorRequest, log)
LOG_OF(log_of_delete_cursor, Helio__Log__V1__DeleteCursorRequest, log)
LOG_OF(log_of_query, Helio__Log__V1__QueryRequest, log)
LOG_OF(log_of_verify, Helio__Log__V1__VerifyRequest, log)
LOG_OF(log_of_get_schema, Helio__Log__V1__GetSchemaRequest, log)
LOG_OF(cursor_of_create, Helio__Log__V1__CreateCursorRequest, name)
LOG_OF(cursor_of_move, Helio__Log__V1__MoveCursorRequest, name)
LOG_OF(cursor_of_delete, Helio__Log__V1__DeleteCursorRequest, name)

struct method_type {
	struct errand_type errand;                                 /* first */
	const char *(*cursor_of)(const ProtobufCMessage *request); /* or NULL */
};

static const struct method_type *method_of(const struct errand_type *type)
{
	return (const void *)type;
}

const char *service_cursor(const struct errand *errand)
{
	return method_of(errand->type)->cursor_of(errand->request);
}

static const char *fault_of(const struct errand_type *type,
			    const ProtobufCMessage *request)
{
	const struct method_type *method = method_of(type);

	if (type->resource_of && !config_is_name(type->resource_of(request)))
		return "no name of a log is given";
	if (method->cursor_of && !config_is_name(method->cursor_of(request)))
		return "no name of a cursor is given";
	return NULL;
}

#define TYPE(of, right, log, cursor, function)        \
	static const struct method_type of##_type = { \
		.errand.verb = right,                 \
		.errand.resource_of = log,            \
		.errand.fault_of = fault_of,          \
		.errand.act = function,               \
		.cursor_of = cursor,                  \
	}

TYPE(query, "log-read", log_of_query, NULL, query_start);
TYPE(verify, "log-admin", log_of_verify, NULL, verify);
TYPE(get_schema, "log-read", log_of_get_schema, NULL, schemas_get);
TYPE(create, "log-admin", log_of_create, NULL, logs_service_create);
TYPE(change, "log-admin", log_of_change, NULL, logs_service_change);
TYPE(get, "log-read", log_of_get, NULL, logs_service_get);
TYPE(list, NULL, NULL, NULL, logs_service_list);
TYPE(delete, "log-admin", log_of_delete, NULL, logs_service_delete);
TYPE(read, "log-read", log_of_read, NULL, read_log);
TYPE(create_cursor, "log-read", log_of_create_cursor, cursor_of_create,
     cursor_service_create);
TYPE(list_cursors, "log-read", log_of_list_cursors, NULL, cursor_service_list);
TYPE(move_cursor, "log-read", log_of_move_cursor, cursor_of_move,
     cursor_service_move);
TYPE(delete_cursor, "log-read", log_of_delete_cursor, cursor_of_delete,
     cursor_service_delete);

#define METHOD(method, type)                                                   \
	static void method##_method(                                           \
		struct helio_serving *serving,                                 \
		const Helio__Log__V1__##type##Request *request,                \
		void *userdata)                                                \
	{                                                                      \
		struct logger *logger = userdata;                              \
                                                                               \
		errand_start(&logger->errands, &method##_type.errand, serving, \
			     &request->base);                                  \
	}

METHOD(query, Query)
METHOD(verify, Verify)
METHOD(get_schema, GetSchema)
METHOD(create, Create)
METHOD(change, Change)
METHOD(get, Get)
METHOD(list, List)
METHOD(delete, Delete)
METHOD(read, Read)
METHOD(create_cursor, CreateCursor)
METHOD(list_cursors, ListCursors)
METHOD(move_cursor, MoveCursor)
METHOD(delete_cursor, DeleteCursor)

/* What is under way was ended already: nobody would end another. */
static bool is_ending(const struct logger *logger,
		      struct helio_serving *serving)
{
	if (!logger->is_open)
		(void)helio_serving_fail(serving, HELIO_UNAVAILABLE,
					 "the logger ends");
	return !logger->is_open;
}

static void import_method(struct helio_serving *serving,
			  const Helio__Log__V1__ImportRequest *null,
			  void *userdata)
{
	if (!is_ending(userdata, serving))
		import_start(userdata, serving);
}

static void consume_method(struct helio_serving *serving,
			   const Helio__Log__V1__ConsumeRequest *null,
			   void *userdata)
{
	if (!is_ending(userdata, serving))
		consumer_start(userdata, serving);
}

static const struct helio__log__v1__logs__server methods = {
	.create = create_method,
	.change = change_method,
	.get = get_method,
	.list = list_method,
	.delete = delete_method,
	.read = read_method,
	.consume = consume_method,
	.query = query_method,
	.verify = verify_method,
	.import = import_method,
	.get_schema = get_schema_method,
	.create_cursor = create_cursor_method,
	.list_cursors = list_cursors_method,
	.move_cursor = move_cursor_method,
	.delete_cursor = delete_cursor_method,
};

static void on_ready(struct helio_server *server, unsigned status,
		     const char *reason, void *userdata)
{
	struct logger *logger = userdata;

	if (status != HELIO_OK)
		log_error("the service is not served: %s: %s",
			  helio_status_name(status), reason);
	logger_served(logger, status == HELIO_OK);
}

int service_start(struct logger *logger)
{
	const struct helio_server_options options = {
		.program = "helio-logger",
		.version = HELIO_VERSION,
		.on_ready = on_ready,
		.userdata = logger,
	};

	return helio__log__v1__logs__server__new(logger->bus, &methods,
						 &options, &logger->server);
}
