// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Serves the folder that its argument names, or the current one, until SIGTERM or SIGINT.

import ObjectBus
import ObjectBusFiles

let bus = try await Bus.connect()
let root = CommandLine.arguments.dropFirst().first ?? "."
let files = try FileServer(root: root, actorSystem: bus)
try await bus.publish(files, as: "example/files")
print("example/files is published")
try await bus.run()
