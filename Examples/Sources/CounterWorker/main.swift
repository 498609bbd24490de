// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Publishes a counter and serves it until SIGTERM or SIGINT.

import CounterService
import ObjectBus

let bus = try await Bus.connect()
let counter = Counter(actorSystem: bus)
try await bus.publish(counter, as: "example/counter")
print("example/counter is published")
try await bus.run()
