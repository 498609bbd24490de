// Part of objbus. SPDX-License-Identifier: Apache-2.0

import SwiftCompilerPlugin
import SwiftSyntaxMacros

@main
struct ObjectBusPlugin: CompilerPlugin {
    let providingMacros: [any Macro.Type] = [BusObjectMacro.self]
}
