/* SPDX-License-Identifier: MIT */

/*
 * gRPC in C++, without anything between the two sides: the responder is the
 * server, over a Unix socket. Both use completion queues from one thread, which
 * is the fastest way that gRPC offers; with `sync:` before the address the
 * server is written as most are, with a thread of gRPC's for each call.
 */

#include <cerrno>
#include <chrono>
#include <cstring>
#include <grpcpp/grpcpp.h>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "echo.grpc.pb.h"

extern "C" {
#include "bench/clients/harness.h"
}

namespace
{

using bench::v1::Echo;
using bench::v1::Payload;

enum { CALLS_READY = 128 };

struct served;

/* What the threads of a `sync:` server do. */
struct simple_echo : Echo::Service {
	grpc::Status Say(grpc::ServerContext *context, const Payload *request,
			 Payload *reply) override
	{
		*reply = *request;
		return grpc::Status::OK;
	}
};

/* A call of ours; they are told to the harness in the order of asking. */
struct asked {
	grpc::ClientContext context;
	Payload reply;
	grpc::Status status;
	std::unique_ptr<grpc::ClientAsyncResponseReader<Payload>> reader;
	bool is_done = false;
};

} /* namespace */

struct client {
	struct intake *intake = nullptr;

	/* Of the requester. */
	std::unique_ptr<Echo::Stub> stub;
	grpc::CompletionQueue answers;
	std::vector<std::unique_ptr<asked>> in_flight;

	/* Of the responder. */
	simple_echo simple;
	Echo::AsyncService service;
	std::unique_ptr<grpc::ServerCompletionQueue> questions;
	std::unique_ptr<grpc::Server> server;
	std::vector<std::unique_ptr<served>> ready;
};

namespace
{

/* A place for a call that may come; used again when it was answered. */
struct served {
	std::unique_ptr<grpc::ServerContext> context;
	Payload request;
	std::unique_ptr<grpc::ServerAsyncResponseWriter<Payload>> writer;
	bool is_answered = false;

	void await(struct client *client)
	{
		is_answered = false;
		context = std::make_unique<grpc::ServerContext>();
		writer = std::make_unique<
			grpc::ServerAsyncResponseWriter<Payload>>(
			context.get());
		client->service.RequestSay(
			context.get(), &request, writer.get(),
			client->questions.get(), client->questions.get(), this);
	}

	void turn(struct client *client)
	{
		if (is_answered) {
			await(client);
			return;
		}
		is_answered = true;
		client->intake->take(client->intake,
				     reinterpret_cast<const uint8_t *>(
					     request.body().data()),
				     request.body().size());
		writer->Finish(request, grpc::Status::OK, this);
	}
};

const char SYNC[] = "sync:";

bool is_sync(const struct plan *plan)
{
	return !strncmp(plan->address, SYNC, strlen(SYNC));
}

const char *address_of(const struct plan *plan)
{
	return plan->address + (is_sync(plan) ? strlen(SYNC) : 0);
}

int responder_open(struct client *client, const struct plan *plan)
{
	grpc::ServerBuilder builder;

	builder.AddListeningPort(address_of(plan),
				 grpc::InsecureServerCredentials());
	if (is_sync(plan)) {
		builder.RegisterService(&client->simple);
	} else {
		builder.RegisterService(&client->service);
		client->questions = builder.AddCompletionQueue();
	}
	client->server = builder.BuildAndStart();
	if (!client->server)
		return -EADDRINUSE;
	for (int i = 0; client->questions && i < CALLS_READY; i++) {
		client->ready.push_back(std::make_unique<served>());
		client->ready.back()->await(client);
	}
	return 0;
}

int client_open(const struct plan *plan, enum role role, struct intake *intake,
		struct client **ret_client)
{
	std::unique_ptr<struct client> client(new struct client);
	int r = 0;

	client->intake = intake;
	if (role == ROLE_RESPONDER)
		r = responder_open(client.get(), plan);
	else if (role == ROLE_REQUESTER)
		client->stub = Echo::NewStub(grpc::CreateChannel(
			address_of(plan), grpc::InsecureChannelCredentials()));
	else
		r = -ENOTSUP;
	if (!r)
		*ret_client = client.release();
	return r;
}

void client_close(struct client *client)
{
	void *tag;
	bool is_ok;

	if (client->server)
		client->server->Shutdown(std::chrono::system_clock::now());
	if (client->questions) {
		client->questions->Shutdown();
		while (client->questions->Next(&tag, &is_ok))
			;
	}
	client->answers.Shutdown();
	while (client->answers.Next(&tag, &is_ok))
		;
	delete client;
}

int client_request(struct client *client, const void *body, size_t n_body)
{
	auto call = std::make_unique<asked>();
	Payload request;

	request.set_body(body, n_body);
	call->context.set_wait_for_ready(true);
	call->reader = client->stub->AsyncSay(&call->context, request,
					      &client->answers);
	call->reader->Finish(&call->reply, &call->status, call.get());
	client->in_flight.push_back(std::move(call));
	return 0;
}

/* What has come is handed on as far as it is in order. */
int hand_on(struct client *client)
{
	while (!client->in_flight.empty() &&
	       client->in_flight.front()->is_done) {
		std::unique_ptr<asked> call =
			std::move(client->in_flight.front());

		client->in_flight.erase(client->in_flight.begin());
		if (!call->status.ok())
			return -EPROTO;
		client->intake->take(client->intake,
				     reinterpret_cast<const uint8_t *>(
					     call->reply.body().data()),
				     call->reply.body().size());
	}
	return 0;
}

int client_flush(struct client *client)
{
	return 0;
}

/* All that is there; only the first is waited for. */
int client_turn(struct client *client, int timeout_ms)
{
	auto until = std::chrono::system_clock::now() +
		     std::chrono::milliseconds(timeout_ms);
	grpc::CompletionQueue *queue =
		client->questions ? client->questions.get() : &client->answers;
	void *tag;
	bool is_ok;

	while (queue->AsyncNext(&tag, &is_ok, until) ==
	       grpc::CompletionQueue::GOT_EVENT) {
		until = std::chrono::system_clock::time_point();
		if (!client->server) {
			static_cast<asked *>(tag)->is_done = true;
			if (hand_on(client) < 0)
				return -EPROTO;
		} else if (is_ok) {
			static_cast<served *>(tag)->turn(client);
		}
	}
	return 0;
}

int client_fd(const struct client *client)
{
	return -1;
}

const struct client_ops GRPC = {
	.name = "grpc",
	.open = client_open,
	.close = client_close,
	.begin = nullptr,
	.end = nullptr,
	.request = client_request,
	.store = nullptr,
	.replay = nullptr,
	.flush = client_flush,
	.turn = client_turn,
	.fd = client_fd,
};

} /* namespace */

int main(int argc, char **argv)
{
	return harness_main(argc, argv, &GRPC);
}
