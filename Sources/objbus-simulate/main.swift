// Part of objbus. SPDX-License-Identifier: Apache-2.0
// The simulator as a process: exits 0 if every promise was kept, 1 if not, 2 for wrong arguments.

import BusSimulation
import Glibc

do {
    let arguments = Array(CommandLine.arguments.dropFirst())
    exit(try SimulationRun.run(arguments) { print($0) } ? 0 : 1)
} catch {
    print(error)
    exit(2)
}
