// Part of objbus. SPDX-License-Identifier: Apache-2.0
// The floor: the same topology in plain libzmq, client DEALER -> broker ROUTER -> worker DEALER and
// back. Each process is one thread and one socket, and does nothing that it could leave out.
//
//   floor broker ENDPOINT...      relays by the number in the header; prints "ready"
//   floor worker ENDPOINT         answers; prints "ready"
//   floor client ENDPOINT         measures; each line of its input is
//                                 OUTSTANDING CALLS WARM-UP REQUEST-BYTES REPLY-BYTES BUFFER-BYTES
//
// A message has a header of 64 bytes, as ours has, and then as many bytes as ours carries for the
// same call. A buffer is a frame of its own, shared and not copied, as ours is.
#include <zmq.h>

#include "clock.h"

enum { HEADER = 64, PEERS = 64 };
struct header {  // the fields used; the rest of the 64 bytes travels too
    uint64_t peer;  // to the broker: whose; from the broker: whence
    uint64_t call;
    uint32_t reply_bytes, kind;  // kind 1: a worker says that it is there
    uint8_t rest[HEADER - 24];
};

static void check(int result, const char *what) {
    if (result < 0) fail("floor: %s: %s", what, zmq_strerror(errno));
}

static void *dealer(void *context, const char *endpoint) {
    void *socket = zmq_socket(context, ZMQ_DEALER);
    int none = 0;
    zmq_setsockopt(socket, ZMQ_SNDHWM, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &none, sizeof none);
    check(zmq_connect(socket, endpoint), endpoint);
    return socket;
}

static void broker(void *context, char **endpoints) {
    void *socket = zmq_socket(context, ZMQ_ROUTER);
    int none = 0;
    zmq_setsockopt(socket, ZMQ_SNDHWM, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &none, sizeof none);
    for (; *endpoints; endpoints++) check(zmq_bind(socket, *endpoints), *endpoints);
    puts("ready"), fflush(stdout);
    static uint8_t ids[PEERS][5];  // what libzmq calls a peer; place 0 is the worker
    int count = 1;
    zmq_msg_t id, body;
    zmq_msg_init(&id), zmq_msg_init(&body);
    for (;;) {
        check(zmq_msg_recv(&id, socket, 0), "receive");
        check(zmq_msg_recv(&body, socket, 0), "receive");
        struct header *header = zmq_msg_data(&body);
        if (header->kind == 1) {
            memcpy(ids[0], zmq_msg_data(&id), 5);
            continue;
        }
        int from = 0;
        while (from < count && memcmp(ids[from], zmq_msg_data(&id), 5)) from++;
        if (from == count) {
            if (count == PEERS) fail("floor: too many clients");
            memcpy(ids[count++], zmq_msg_data(&id), 5);
        }
        uint64_t to = header->peer;
        header->peer = (uint64_t)from;
        check(zmq_send(socket, ids[to], 5, ZMQ_SNDMORE), "send");
        int more = zmq_msg_more(&body);
        check(zmq_msg_send(&body, socket, more ? ZMQ_SNDMORE : 0), "send");
        for (; more; check(zmq_msg_send(&body, socket, more ? ZMQ_SNDMORE : 0), "send")) {
            check(zmq_msg_recv(&body, socket, 0), "receive");
            more = zmq_msg_more(&body);
        }
    }
}

static void worker(void *context, const char *endpoint) {
    void *socket = dealer(context, endpoint);
    struct header hello = {.kind = 1};
    check(zmq_send(socket, &hello, sizeof hello, 0), "send");
    puts("ready"), fflush(stdout);
    zmq_msg_t call, reply;
    zmq_msg_init(&call);
    for (;;) {
        check(zmq_msg_recv(&call, socket, 0), "receive");
        struct header *header = zmq_msg_data(&call);
        if (header->kind == 1) continue;
        int more = zmq_msg_more(&call);
        zmq_msg_init_size(&reply, header->reply_bytes);
        memset((char *)zmq_msg_data(&reply) + HEADER, 0, header->reply_bytes - HEADER);
        memcpy(zmq_msg_data(&reply), header, HEADER);  // peer is whence it came, so whose it is
        check(zmq_msg_send(&reply, socket, more ? ZMQ_SNDMORE : 0), "send");
        while (more) {
            check(zmq_msg_recv(&call, socket, 0), "receive");
            more = zmq_msg_more(&call);
            check(zmq_msg_send(&call, socket, more ? ZMQ_SNDMORE : 0), "send");
        }
    }
}

static void *socket_of_client;
static zmq_msg_t buffer;

static void send_call(uint64_t call, uint32_t request, uint32_t reply, uint32_t buffer_bytes) {
    zmq_msg_t message;
    zmq_msg_init_size(&message, request);
    struct header header = {.peer = 0, .call = call, .reply_bytes = reply};
    memset((char *)zmq_msg_data(&message) + HEADER, 0, request - HEADER);
    memcpy(zmq_msg_data(&message), &header, HEADER);
    check(zmq_msg_send(&message, socket_of_client, buffer_bytes ? ZMQ_SNDMORE : 0), "send");
    if (!buffer_bytes) return;
    zmq_msg_init(&message);
    zmq_msg_copy(&message, &buffer);
    check(zmq_msg_send(&message, socket_of_client, 0), "send");
}

static void measure(uint32_t outstanding, uint32_t calls, uint32_t request, uint32_t reply,
                    uint32_t bytes, int is_reported) {
    uint32_t *spans = malloc(calls * sizeof *spans);
    uint64_t *sent = malloc(calls * sizeof *sent);
    uint32_t next = 0;
    zmq_msg_t message;
    zmq_msg_init(&message);
    uint64_t start = now();
    for (; next < outstanding && next < calls; next++) {
        sent[next] = now();
        send_call(next, request, reply, bytes);
    }
    for (uint32_t done = 0; done < calls; done++) {
        check(zmq_msg_recv(&message, socket_of_client, 0), "receive");
        if (zmq_msg_size(&message) != reply) fail("floor: a reply of another size");
        uint64_t call = ((struct header *)zmq_msg_data(&message))->call;
        if (bytes) check(zmq_msg_recv(&message, socket_of_client, 0), "receive");
        if (bytes && zmq_msg_size(&message) != bytes) fail("floor: a buffer of another size");
        uint64_t time = now();
        spans[call] = (uint32_t)(time - sent[call]);
        if (next < calls) {
            sent[next] = outstanding == 1 ? time : now();
            send_call(next++, request, reply, bytes);
        }
    }
    if (is_reported) report(spans, calls, start, now());
    zmq_msg_close(&message);
    free(spans), free(sent);
}

int main(int count, char **arguments) {
    if (count < 3) fail("usage: floor broker|worker|client ENDPOINT...");
    void *context = zmq_ctx_new();
    if (!strcmp(arguments[1], "broker")) broker(context, arguments + 2);
    if (!strcmp(arguments[1], "worker")) worker(context, arguments[2]);
    socket_of_client = dealer(context, arguments[2]);
    puts("ready"), fflush(stdout);
    char line[200];
    while (fgets(line, sizeof line, stdin)) {
        uint32_t outstanding, calls, warm_up, request, reply, bytes;
        if (sscanf(line, "%u %u %u %u %u %u", &outstanding, &calls, &warm_up, &request, &reply,
                   &bytes) != 6 || request < HEADER || reply < HEADER || !calls)
            fail("floor: not a measurement: %s", line);
        zmq_msg_init_size(&buffer, bytes);
        memset(zmq_msg_data(&buffer), 7, bytes);
        if (warm_up) measure(outstanding, warm_up, request, reply, bytes, 0);
        measure(outstanding, calls, request, reply, bytes, 1);
        zmq_msg_close(&buffer);
    }
    return 0;
}
