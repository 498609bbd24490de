// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Calls the worker's counter: by its interface, with an error, and without its type.

import CounterInterface
import ObjectBus

let bus = try await Bus.connect()
let counter = try await bus.find($Counting.self, named: "example/counter")
print("3 more make \(try await counter.add(3))")

bus.register(error: NotEnough.self)
do {
    _ = try await counter.take(1000)
} catch let error as NotEnough {
    print("\(error.wanted) can't be taken from \(error.present)")
}

let remote = try await bus.object(named: "example/counter")
let total: Int = try await remote.add(4)
print("4 more make \(total)")

bus.close()
