// Part of objbus. SPDX-License-Identifier: Apache-2.0
// A node in C, written from docs/protocol: it loads the broker with as little of its own as can be.
// It neither resumes nor sends again: where a link ends, it fails. See docs/protocol/handshake.md
// section 1, names.md section 2, calls.md section 3, references.md section 2.
//
//   peer worker ENDPOINT     publishes object 1 as "peer" and answers; prints "ready". Each line of
//                            its input, "publish FIRST COUNT", publishes so many names more
//   peer client ENDPOINT     finds "peer"; prints "ready". Each line of its input is
//                            "call OUTSTANDING CALLS WARM-UP", or "hold COUNT": take up so many
//                            references to objects of the worker
#include <unistd.h>
#include <zmq.h>

#include "clock.h"

enum { HELLO = 1, ATTACH, WELCOME, REFUSED, HEARTBEAT, GOODBYE };
enum { CALL = 16, REPLY, FAILURE, ACKNOWLEDGE = 20 };
enum { CHAIN = 1, METHOD = 4, NAME = 8 };
enum { ROW = 40, ROWS_MAX = 4096 };
struct header {  // framing.md section 3; this machine is little-endian
    uint8_t magic[2], version, kind;
    uint16_t flags, extension_length;
    uint32_t epoch;
    uint16_t reference_count, buffer_count;
    uint64_t sequence, peer, object, call;
    uint32_t behind, peer_epoch;
    uint64_t remaining;
};
_Static_assert(sizeof(struct header) == 64, "the header has 64 bytes");
struct reference {
    uint64_t owner, object;
    uint32_t generation, zero;
    uint64_t seal[2];
};
_Static_assert(sizeof(struct reference) == ROW, "a row has 40 bytes");

static void *context, *tx, *rx;
static uint64_t sent, received, self, last_call;

static void check(int result, const char *what) {
    if (result < 0) fail("peer: %s: %s", what, zmq_strerror(errno));
}

// What a message is made of, before it gets its place on the link.
struct parts {
    struct header header;
    uint8_t payload[64], extensions[128];
    uint16_t payload_length;
    const struct reference *rows;
};

static void put(struct parts *parts, const void *bytes, uint16_t count) {
    memcpy(parts->payload + parts->payload_length, bytes, count);
    parts->payload_length += count;
}

static void put_text(struct parts *parts, const char *text) {
    uint8_t head[2] = {0x78, (uint8_t)strlen(text)};
    put(parts, head, 2), put(parts, text, head[1]);
}

// Extensions must be added in the order of their flags.
static void extend(struct parts *parts, uint16_t flag, const void *bytes, uint16_t count) {
    uint8_t *end = parts->extensions + parts->header.extension_length;
    parts->header.flags |= flag;
    if (flag != CHAIN) memcpy(end, &count, 2), end += 2, parts->header.extension_length += 2;
    memcpy(end, bytes, count);
    parts->header.extension_length += count;
}

static void send_parts(void *socket, struct parts *parts) {
    struct header *header = &parts->header;
    memcpy(header->magic, "OB", 2);
    header->version = 1, header->epoch = 1;
    if (socket == tx) header->sequence = ++sent;
    size_t extensions = header->extension_length;
    size_t rows = (size_t)ROW * header->reference_count;
    size_t payload = parts->payload_length;
    zmq_msg_t message;
    zmq_msg_init_size(&message, 64 + payload + extensions + rows);
    uint8_t *bytes = zmq_msg_data(&message);
    memcpy(bytes, header, 64);
    memcpy(bytes + 64, parts->payload, payload);
    memcpy(bytes + 64 + payload, parts->extensions, extensions);
    if (rows) memcpy(bytes + 64 + payload + extensions, parts->rows, rows);
    check(zmq_msg_send(&message, socket, 0), "send");
}

static void heartbeat(void) {
    struct parts parts = {.header = {.kind = HEARTBEAT}};
    send_parts(tx, &parts);
}

// The next message but heartbeats, into `message`; nil if none came within half a second.
static struct header *receive(zmq_msg_t *message) {
    for (;;) {
        if (zmq_msg_recv(message, rx, 0) < 0) {
            if (errno != EAGAIN) check(-1, "receive");
            heartbeat();
            return NULL;
        }
        struct header *header = zmq_msg_data(message);
        if (zmq_msg_size(message) < 64) fail("peer: a message without a header");
        if (header->kind == REFUSED)
            fail("peer: REFUSED %.*s", (int)zmq_msg_size(message) - 64, (char *)(header + 1));
        if (header->epoch != 1 || header->sequence != ++received) fail("peer: a gap in the link");
        if (header->kind == FAILURE)
            fail("peer: FAILURE %.*s", (int)zmq_msg_size(message) - 64, (char *)(header + 1));
        if (header->kind != HEARTBEAT) return header;
    }
}

static struct header *receive_reply(zmq_msg_t *message, uint64_t call) {
    for (;;) {
        struct header *header = receive(message);
        if (header && header->kind == REPLY && header->call == call) return header;
    }
}

static void *connect_to(const char *endpoint) {
    void *socket = zmq_socket(context, ZMQ_DEALER);
    int never = -1, none = 0, half = 500;
    zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &never, sizeof never);
    zmq_setsockopt(socket, ZMQ_SNDHWM, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_RCVTIMEO, &half, sizeof half);
    check(zmq_connect(socket, endpoint), endpoint);
    return socket;
}

static void attach(const char *endpoint, zmq_msg_t *message) {
    context = zmq_ctx_new();
    tx = connect_to(endpoint), rx = connect_to(endpoint);
    uint64_t token = now() ^ ((uint64_t)getpid() << 40);
    struct parts parts = {.header = {.kind = ATTACH, .object = token, .call = ~token}};
    send_parts(rx, &parts);
    parts.header.kind = HELLO;
    static const char body[] =
        "\xa4\x68versions\x81\x01\x64node\x61""c\x67program\x64peer\x67process\x01";
    put(&parts, body, sizeof body - 1);
    send_parts(tx, &parts);
    struct header *welcome = receive(message);
    if (!welcome || welcome->kind != WELCOME) fail("peer: not welcome");
    self = welcome->peer;
}

static void publish(uint64_t object, const char *name) {
    struct parts parts = {.header = {.kind = CALL, .call = ++last_call, .reference_count = 1}};
    struct reference row = {.owner = self, .object = object, .generation = 1};
    parts.rows = &row;
    put(&parts, "\x83\xd9\x6f\x62\x00", 5);
    put_text(&parts, name), put_text(&parts, "Peer");
    extend(&parts, METHOD, "publish(_:as:interface:)", 24);
    send_parts(tx, &parts);
}

// Publishes `count` names, of objects of their own, 256 at a time.
static void publish_names(zmq_msg_t *message, uint64_t first, uint64_t count) {
    uint64_t before = last_call;
    for (uint64_t done = 0, next = 0; done < count;) {
        for (; next < count && next - done < 256; next++) {
            char name[32];
            snprintf(name, sizeof name, "name/%llu", (unsigned long long)(first + next));
            publish(1000000000 + first + next, name);
        }
        struct header *header = receive(message);
        if (header && header->kind == REPLY && header->call > before) done++;
    }
    printf("{\"published\": %llu}\n", (unsigned long long)count), fflush(stdout);
}

static struct reference given[ROWS_MAX];
static uint64_t last_given = 1;

// Answers with a sum, or with as many references to new objects as the only argument says.
static void answer(const struct header *call, size_t size) {
    struct parts parts = {.header = {.kind = REPLY, .peer = call->peer, .call = call->call}};
    const uint8_t *payload = (const uint8_t *)(call + 1);
    if (size > 67 && payload[0] == 0x81 && payload[1] == 0x19) {
        uint16_t count = (uint16_t)(payload[2] << 8 | payload[3]);
        for (uint16_t i = 0; i < count; i++)
            given[i] = (struct reference){.owner = self, .object = ++last_given, .generation = 1};
        parts.rows = given, parts.header.reference_count = count;
        put(&parts, "\xf6", 1);
    } else {
        put(&parts, "\x1a\x00\x01\x86\xa0", 5);
    }
    send_parts(tx, &parts);
}

static void worker(zmq_msg_t *message) {
    publish(1, "peer");
    receive_reply(message, last_call);
    puts("ready"), fflush(stdout);
    for (;;) {
        struct header *header = receive(message);
        if (header && header->kind == CALL) answer(header, zmq_msg_size(message));
        if (header) continue;
        // Nothing came for a while: is there an order?
        zmq_pollitem_t input = {.fd = 0, .events = ZMQ_POLLIN};
        char line[200];
        unsigned long long first, count;
        if (zmq_poll(&input, 1, 0) < 1) continue;
        if (!fgets(line, sizeof line, stdin)) return;
        if (sscanf(line, "publish %llu %llu", &first, &count) != 2) fail("peer: what? %s", line);
        publish_names(message, first, count);
    }
}

static struct reference target;

static void find(zmq_msg_t *message) {
    struct parts parts = {.header = {.kind = CALL, .call = ++last_call}};
    put(&parts, "\x81", 1), put_text(&parts, "peer");
    extend(&parts, METHOD, "find(_:)", 8);
    send_parts(tx, &parts);
    struct header *reply = receive_reply(message, last_call);
    if (reply->reference_count != 1) fail("peer: no reference");
    memcpy(&target, (char *)reply + zmq_msg_size(message) - ROW, ROW);
}

// Calls the worker's object as the Swift proxies do: with a chain, the method, and the name found.
static void call(uint64_t settled, const void *payload, uint16_t count) {
    struct parts parts = {.header = {.kind = CALL, .peer = target.owner, .object = target.object}};
    parts.header.call = ++last_call;
    parts.header.behind = (uint32_t)(last_call - settled);
    parts.header.remaining = 30000000000u;
    uint64_t chain[2] = {self, last_call};
    put(&parts, payload, count);
    extend(&parts, CHAIN, chain, 16);
    extend(&parts, METHOD, "add(_:_:)", 9), extend(&parts, NAME, "peer", 4);
    send_parts(tx, &parts);
}

// All calls so far are settled; while calls go on, each tells it.
static void acknowledge(void) {
    struct parts parts = {.header = {.kind = ACKNOWLEDGE, .peer = target.owner}};
    parts.header.call = last_call;
    send_parts(tx, &parts);
}

static void measure(zmq_msg_t *message, uint32_t outstanding, uint32_t calls, int is_reported) {
    uint32_t *spans = malloc(calls * sizeof *spans);
    uint64_t *times = malloc(calls * sizeof *times);
    uint64_t base = last_call + 1;
    uint64_t start = now();
    uint32_t next = 0, done = 0;
    for (; next < outstanding && next < calls; next++) {
        times[next] = now();
        call(base - 1, "\x82\x1a\x00\x01\x86\xa0\x01", 7);
    }
    while (done < calls) {
        struct header *header = receive(message);
        if (!header || header->kind != REPLY) continue;
        uint64_t time = now();
        spans[done] = (uint32_t)(time - times[header->call - base]);
        if (header->call != base + done++) fail("peer: a reply out of order");
        if (next < calls) {
            times[next++] = time;
            call(base - 1 + done, "\x82\x1a\x00\x01\x86\xa0\x01", 7);
        }
    }
    uint64_t end = now();
    acknowledge();
    if (is_reported) report(spans, calls, start, end);
    free(spans), free(times);
}

static void hold(zmq_msg_t *message, uint64_t count) {
    for (uint64_t held = 0; held < count;) {
        uint16_t part = count - held < ROWS_MAX ? (uint16_t)(count - held) : ROWS_MAX;
        uint8_t payload[4] = {0x81, 0x19, (uint8_t)(part >> 8), (uint8_t)part};
        call(last_call, payload, 4);
        if (receive_reply(message, last_call)->reference_count != part) fail("peer: not given");
        held += part;
    }
    printf("{\"held\": %llu}\n", (unsigned long long)count), fflush(stdout);
}

static void client(zmq_msg_t *message) {
    find(message);
    puts("ready"), fflush(stdout);
    for (;;) {
        zmq_pollitem_t both[] = {{.fd = 0, .events = ZMQ_POLLIN},
                                 {.socket = rx, .events = ZMQ_POLLIN}};
        check(zmq_poll(both, 2, 500), "poll");
        if (both[1].revents) receive(message);
        else if (!both[0].revents) heartbeat();
        if (!both[0].revents) continue;
        char line[200];
        uint32_t outstanding, calls, warm_up;
        unsigned long long count;
        if (!fgets(line, sizeof line, stdin)) return;
        if (sscanf(line, "call %u %u %u", &outstanding, &calls, &warm_up) == 3) {
            if (warm_up) measure(message, outstanding, warm_up, 0);
            measure(message, outstanding, calls, 1);
        } else if (sscanf(line, "hold %llu", &count) == 1) {
            hold(message, count);
        } else {
            fail("peer: what? %s", line);
        }
    }
}

int main(int count, char **arguments) {
    if (count != 3) fail("usage: peer worker|client ENDPOINT");
    setvbuf(stdin, NULL, _IONBF, 0);
    zmq_msg_t message;
    zmq_msg_init(&message);
    attach(arguments[2], &message);
    if (!strcmp(arguments[1], "worker")) worker(&message);
    else client(&message);
    struct parts goodbye = {.header = {.kind = GOODBYE}};
    send_parts(tx, &goodbye);
    zmq_close(tx), zmq_close(rx), zmq_ctx_term(context);
    return 0;
}
