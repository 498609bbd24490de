// Part of objbus. SPDX-License-Identifier: Apache-2.0
// The same call by D-Bus: a method call through dbus-daemon, by sd-bus of libsystemd.
//
//   dbus worker ADDRESS      owns the name org.objbus.Bench and answers; prints "ready"
//   dbus client ADDRESS      prints "ready"; each line of its input is OUTSTANDING CALLS WARM-UP
#include <systemd/sd-bus.h>

#include "../clock.h"

#define NAME "org.objbus.Bench"
#define PATH "/org/objbus/Bench"

static void check(int result, const char *what) {
    if (result < 0) fail("dbus: %s: %s", what, strerror(-result));
}

static sd_bus *connect_to(const char *address) {
    sd_bus *bus;
    check(sd_bus_new(&bus), "bus");
    check(sd_bus_set_address(bus, address), address);
    check(sd_bus_set_bus_client(bus, 1), "client");
    check(sd_bus_start(bus), "start");
    return bus;
}

static int add(sd_bus_message *call, void *data, sd_bus_error *error) {
    (void)data, (void)error;
    int64_t one, other;
    int result = sd_bus_message_read(call, "xx", &one, &other);
    return result < 0 ? result : sd_bus_reply_method_return(call, "x", one + other);
}

static const sd_bus_vtable methods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD("Add", "xx", "x", add, SD_BUS_VTABLE_UNPRIVILEGED),
    SD_BUS_VTABLE_END,
};

// Handles what has come; waits if nothing has.
static void turn(sd_bus *bus) {
    int result = sd_bus_process(bus, NULL);
    check(result, "process");
    if (result == 0) check(sd_bus_wait(bus, UINT64_MAX), "wait");
}

static void worker(sd_bus *bus) {
    check(sd_bus_add_object_vtable(bus, NULL, PATH, NAME, methods, NULL), "object");
    check(sd_bus_request_name(bus, NAME, 0), "name");
    puts("ready"), fflush(stdout);
    for (;;) turn(bus);
}

static uint32_t sent, done, count_of_calls;
static uint32_t *spans;
static uint64_t *times;
static sd_bus *client_bus;

static int replied(sd_bus_message *reply, void *data, sd_bus_error *error);

static void call(void) {
    times[sent] = now();
    check(sd_bus_call_method_async(
              client_bus, NULL, NAME, PATH, NAME, "Add", replied, (void *)(uintptr_t)sent, "xx",
              (int64_t)sent, (int64_t)1), "call");
    sent++;
}

static int replied(sd_bus_message *reply, void *data, sd_bus_error *error) {
    (void)error;
    uint32_t number = (uint32_t)(uintptr_t)data;
    int64_t sum;
    if (sd_bus_message_is_method_error(reply, NULL))
        fail("dbus: %s", sd_bus_message_get_error(reply)->message);
    check(sd_bus_message_read(reply, "x", &sum), "sum");
    if (sum != (int64_t)number + 1) fail("dbus: a wrong sum");
    spans[number] = (uint32_t)(now() - times[number]);
    done++;
    if (sent < count_of_calls) call();
    return 0;
}

static void measure_blocking(int is_reported) {
    uint64_t start = now();
    for (; done < count_of_calls; done++) {
        sd_bus_message *reply;
        int64_t sum;
        uint64_t before = now();
        check(sd_bus_call_method(
                  client_bus, NAME, PATH, NAME, "Add", NULL, &reply, "xx", (int64_t)done,
                  (int64_t)1), "call");
        check(sd_bus_message_read(reply, "x", &sum), "sum");
        if (sum != (int64_t)done + 1) fail("dbus: a wrong sum");
        sd_bus_message_unref(reply);
        spans[done] = (uint32_t)(now() - before);
    }
    if (is_reported) report(spans, count_of_calls, start, now());
}

static void measure(uint32_t outstanding, uint32_t calls, int is_reported) {
    spans = malloc(calls * sizeof *spans), times = malloc(calls * sizeof *times);
    sent = done = 0, count_of_calls = calls;
    if (outstanding == 1) {
        measure_blocking(is_reported);
    } else {
        uint64_t start = now();
        while (sent < outstanding && sent < calls) call();
        while (done < calls) turn(client_bus);
        if (is_reported) report(spans, calls, start, now());
    }
    free(spans), free(times);
}

int main(int count, char **arguments) {
    if (count != 3) fail("usage: dbus worker|client ADDRESS");
    client_bus = connect_to(arguments[2]);
    if (!strcmp(arguments[1], "worker")) worker(client_bus);
    puts("ready"), fflush(stdout);
    char line[200];
    while (fgets(line, sizeof line, stdin)) {
        uint32_t outstanding, calls, warm_up;
        if (sscanf(line, "%u %u %u", &outstanding, &calls, &warm_up) != 3) fail("dbus: %s", line);
        if (warm_up) measure(outstanding, warm_up, 0);
        measure(outstanding, calls, 1);
    }
    return 0;
}
