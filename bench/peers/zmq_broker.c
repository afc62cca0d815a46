/* SPDX-License-Identifier: MIT */

/*
 * The ZeroMQ brokers that people write: zmq_broker pubsub|router FRONT BACK
 * [curve]. Binds both, prints the two addresses, and the public key with
 * `curve`, one a line, and runs zmq_proxy() until it is ended.
 */

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <zmq.h>

enum { KEY_TEXT_BYTES = 41 };

struct keys {
	char public_key[KEY_TEXT_BYTES];
	char secret_key[KEY_TEXT_BYTES];
};

static int socket_set_keys(void *socket, const struct keys *keys)
{
	int on = 1;

	if (zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &on, sizeof(on)) < 0)
		return -1;
	return zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key,
			      strlen(keys->secret_key));
}

/* Prints the address that it got, for `tcp://127.0.0.1:*`. */
static void *socket_bind(void *context, int type, const char *address,
			 const struct keys *keys)
{
	void *socket = zmq_socket(context, type);
	char bound[256];
	size_t n_bound = sizeof(bound);
	int unlimited = 0;

	if (!socket ||
	    zmq_setsockopt(socket, ZMQ_SNDHWM, &unlimited, sizeof(unlimited)) ||
	    zmq_setsockopt(socket, ZMQ_RCVHWM, &unlimited, sizeof(unlimited)) ||
	    (keys && socket_set_keys(socket, keys) < 0) ||
	    zmq_bind(socket, address) < 0 ||
	    zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, bound, &n_bound) < 0)
		return NULL;
	printf("%s\n", bound);
	return socket;
}

int main(int argc, char **argv)
{
	bool is_curve = argc == 5 && !strcmp(argv[4], "curve");
	bool is_router = argc > 1 && !strcmp(argv[1], "router");
	void *context, *front, *back;
	struct keys keys;

	if (argc != 4 && !is_curve) {
		fprintf(stderr, "usage: %s pubsub|router FRONT BACK [curve]\n",
			argv[0]);
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	context = zmq_ctx_new();
	if (!context || zmq_curve_keypair(keys.public_key, keys.secret_key) < 0)
		return EXIT_FAILURE;
	front = socket_bind(context, is_router ? ZMQ_ROUTER : ZMQ_XSUB, argv[2],
			    is_curve ? &keys : NULL);
	back = socket_bind(context, is_router ? ZMQ_DEALER : ZMQ_XPUB, argv[3],
			   is_curve ? &keys : NULL);
	if (!front || !back) {
		fprintf(stderr, "%s: %s\n", argv[0], zmq_strerror(zmq_errno()));
		return EXIT_FAILURE;
	}
	printf("%s\n", is_curve ? keys.public_key : "");
	fflush(stdout);
	zmq_proxy(front, back, NULL);
	return EXIT_SUCCESS;
}
