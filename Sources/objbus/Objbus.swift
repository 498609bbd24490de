// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusCommand
import Foundation

/// The process: everything else is in `BusCommand`, where tests reach it.
@main
enum Objbus {
    static func main() async {
        exit(await ObjbusCommand.run(Array(CommandLine.arguments.dropFirst())))
    }
}
