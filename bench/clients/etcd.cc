/* SPDX-License-Identifier: MIT */

/*
 * etcd for keys: KV.Put by gRPC in C++, each client with a connection of its
 * own. All of a process share one completion queue, in its only thread, which
 * is the fastest way that gRPC offers.
 */

#include <cerrno>
#include <chrono>
#include <grpcpp/grpcpp.h>
#include <memory>

#include "etcd.grpc.pb.h"

extern "C" {
#include "bench/clients/harness.h"
}

using etcdserverpb::KV;
using etcdserverpb::PutRequest;
using etcdserverpb::PutResponse;

struct client {
	struct intake *intake = nullptr;
	std::unique_ptr<KV::Stub> stub;
};

namespace
{

struct asked {
	struct client *client = nullptr;
	grpc::ClientContext context;
	PutResponse response;
	grpc::Status status;
	std::unique_ptr<grpc::ClientAsyncResponseReader<PutResponse>> reader;
};

/* Made when it is first used: gRPC does not outlive a fork. */
grpc::CompletionQueue &answers()
{
	static grpc::CompletionQueue queue;

	return queue;
}

int client_open(const struct plan *plan, enum role role, struct intake *intake,
		struct client **ret_client)
{
	grpc::ChannelArguments arguments;
	std::unique_ptr<struct client> client(new struct client);

	if (role != ROLE_STORER || plan->work != WORK_PUT)
		return -ENOTSUP;
	/* Channels to one server would share a connection. */
	arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
	client->intake = intake;
	client->stub = KV::NewStub(grpc::CreateCustomChannel(
		plan->address, grpc::InsecureChannelCredentials(), arguments));
	*ret_client = client.release();
	return 0;
}

void client_close(struct client *client)
{
	delete client;
}

int client_store(struct client *client, const struct subject *key,
		 const void *body, size_t n_body)
{
	auto call = std::make_unique<asked>();
	PutRequest request;

	request.set_key(key->text, key->n_text);
	request.set_value(body, n_body);
	call->client = client;
	call->context.set_wait_for_ready(true);
	call->reader =
		client->stub->AsyncPut(&call->context, request, &answers());
	call->reader->Finish(&call->response, &call->status, call.get());
	(void)call.release();
	return 0;
}

int client_flush(struct client *client)
{
	return 0;
}

/* Of all clients; only the first answer is waited for. */
int client_turn(struct client *client, int timeout_ms)
{
	auto until = std::chrono::system_clock::now() +
		     std::chrono::milliseconds(timeout_ms);
	void *tag;
	bool is_ok;

	while (answers().AsyncNext(&tag, &is_ok, until) ==
	       grpc::CompletionQueue::GOT_EVENT) {
		std::unique_ptr<asked> call(static_cast<asked *>(tag));

		until = std::chrono::system_clock::time_point();
		if (!is_ok || !call->status.ok())
			return -EPROTO;
		call->client->intake->take(call->client->intake, nullptr, 0);
	}
	return 0;
}

int client_fd(const struct client *client)
{
	return -1;
}

const struct client_ops ETCD = {
	.name = "etcd",
	.open = client_open,
	.close = client_close,
	.begin = nullptr,
	.end = nullptr,
	.request = nullptr,
	.store = client_store,
	.replay = nullptr,
	.flush = client_flush,
	.turn = client_turn,
	.fd = client_fd,
};

} /* namespace */

int main(int argc, char **argv)
{
	return harness_main(argc, argv, &ETCD);
}
