// Part of objbus. SPDX-License-Identifier: Apache-2.0
// The same call by NATS: request and reply through nats-server, by its C library.
//
//   nats worker URL          answers; prints "ready"
//   nats client URL          prints "ready"; each line of its input is OUTSTANDING CALLS WARM-UP
//
// As fast as the library goes: messages are written at once where one call waits for another, and
// gathered by its flusher where many are under way; both sides read without a callback's thread.
#include <nats/nats.h>

#include "../clock.h"

static void check(natsStatus status, const char *what) {
    if (status != NATS_OK) fail("nats: %s: %s", what, natsStatus_GetText(status));
}

static natsConnection *connect_to(const char *url, int is_prompt) {
    natsOptions *options;
    natsConnection *connection;
    check(natsOptions_Create(&options), "options");
    check(natsOptions_SetURL(options, url), "url");
    check(natsOptions_SetSendAsap(options, is_prompt), "send at once");
    check(natsConnection_Connect(&connection, options), url);
    natsOptions_Destroy(options);
    return connection;
}

static natsMsg *next(natsSubscription *subscription) {
    natsMsg *message;
    natsStatus status;
    while ((status = natsSubscription_NextMsg(&message, subscription, 60000)) == NATS_TIMEOUT) {}
    check(status, "receive");
    return message;
}

static void worker(const char *url, int is_prompt) {
    natsConnection *connection = connect_to(url, is_prompt);
    natsSubscription *calls;
    check(natsConnection_SubscribeSync(&calls, connection, is_prompt ? "add1" : "addN"),
          "subscribe");
    check(natsConnection_Flush(connection), "flush");
    puts("ready"), fflush(stdout);
    for (;;) {
        natsMsg *call = next(calls);
        int64_t numbers[3];
        memcpy(numbers, natsMsg_GetData(call), sizeof numbers);
        int64_t result[2] = {numbers[0] + numbers[1], numbers[2]};
        check(natsConnection_Publish(connection, natsMsg_GetReply(call), result, sizeof result),
              "reply");
        natsMsg_Destroy(call);
    }
}

struct side {
    natsConnection *connection;
    natsSubscription *replies;
    const char *subject;
    char inbox[64];
};

static struct side side(const char *url, int is_prompt) {
    struct side side = {.subject = is_prompt ? "add1" : "addN"};
    side.connection = connect_to(url, is_prompt);
    snprintf(side.inbox, sizeof side.inbox, "_INBOX.%llu", (unsigned long long)now());
    check(natsConnection_SubscribeSync(&side.replies, side.connection, side.inbox), "subscribe");
    check(natsConnection_Flush(side.connection), "flush");
    return side;
}

static void call(struct side *side, uint32_t number) {
    int64_t numbers[3] = {number, 1, number};
    check(natsConnection_PublishRequest(
              side->connection, side->subject, side->inbox, numbers, sizeof numbers), "call");
}

static void measure(struct side *side, uint32_t outstanding, uint32_t calls, int is_reported) {
    uint32_t *spans = malloc(calls * sizeof *spans), sent = 0;
    uint64_t *times = malloc(calls * sizeof *times), start = now();
    for (; sent < outstanding && sent < calls; sent++) times[sent] = now(), call(side, sent);
    for (uint32_t done = 0; done < calls; done++) {
        natsMsg *reply = next(side->replies);
        int64_t result[2];
        memcpy(result, natsMsg_GetData(reply), sizeof result);
        natsMsg_Destroy(reply);
        uint64_t time = now();
        if (result[0] != result[1] + 1) fail("nats: a wrong sum");
        spans[result[1]] = (uint32_t)(time - times[result[1]]);
        if (sent < calls) times[sent] = time, call(side, sent++);
    }
    if (is_reported) report(spans, calls, start, now());
    free(spans), free(times);
}

int main(int count, char **arguments) {
    if (count != 3) fail("usage: nats worker|prompt-worker|client URL");
    if (!strcmp(arguments[1], "worker")) worker(arguments[2], 0);
    if (!strcmp(arguments[1], "prompt-worker")) worker(arguments[2], 1);
    struct side prompt = side(arguments[2], 1), gathering = side(arguments[2], 0);
    puts("ready"), fflush(stdout);
    char line[200];
    while (fgets(line, sizeof line, stdin)) {
        uint32_t outstanding, calls, warm_up;
        if (sscanf(line, "%u %u %u", &outstanding, &calls, &warm_up) != 3) fail("nats: %s", line);
        struct side *one = outstanding == 1 ? &prompt : &gathering;
        if (warm_up) measure(one, outstanding, warm_up, 0);
        measure(one, outstanding, calls, 1);
    }
    return 0;
}
