// Part of objbus. SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BusAPI
import Foundation

/// `objbus interface`: an object's interface, to be kept.
struct InterfaceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "interface",
        abstract: "Print an object's interface as JSON, to be kept and compared later.",
        discussion: """
            Like 'objbus introspect --json', but exactly what 'objbus diff' reads.

            Examples:
              objbus interface counter > counter.json
              objbus interface counter | objbus diff counter.json -
            """)

    @OptionGroup var shared: SharedOptions

    @Argument(
        help: "The object: a published name, or a reference's tag.",
        completion: .custom(Completion.objects))
    var object: String

    func run() async throws {
        try await self.shared.withBus { bus in
            let interface = try await bus.object(self.object).knownInterface()
            self.shared.print(json: try Value(cbor: ValueEncoder().encode(interface)))
        }
    }
}

/// `objbus diff`: what changed between two interfaces, and whom it hurts.
struct DiffCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Compare two saved interfaces: would callers of the older one still work?",
        discussion: """
            Ends with code 0 if every change is harmless, with code 1 if one breaks callers of the \
            older interface, and with code 2 if a file is no interface. Types are compared as they \
            are written: what changed inside a type is not seen.

            Examples:
              objbus diff counter-1.json counter-2.json
              objbus interface counter | objbus diff counter-1.json -
            """)

    @Flag(help: "Print the changes as a JSON array.")
    var json = false

    @Argument(help: "The older interface: a file, or - for the standard input.")
    var older: String

    @Argument(help: "The newer interface: a file, or - for the standard input.")
    var newer: String

    func run() async throws {
        let changes = try Self.read(self.older).changes(to: Self.read(self.newer))
        if self.json {
            let rows = try changes.map { try Value(cbor: ValueEncoder().encode($0)) }
            Terminal.print(Value.array(rows).json(pretty: true))
        } else {
            Terminal.print(
                Text.table(
                    changes.map {
                        [$0.effect.rawValue, $0.method.isEmpty ? "-" : $0.method, $0.text]
                    }
                ))
            if changes.isEmpty { Terminal.report("no difference") }
        }
        guard changes.contains(where: { $0.effect == .breaking }) else { return }
        throw ExitStatus(code: 1)
    }

    private static func read(_ path: String) throws -> Interface {
        let data: Data
        do {
            data =
                path == "-"
                ? try FileHandle.standardInput.readToEnd() ?? Data()
                : try Data(contentsOf: URL(filePath: path))
        } catch {
            throw CommandFailure.usage("can't read \(path)")
        }
        do {
            let value = try Value(json: String(decoding: data, as: UTF8.self))
            return try ValueDecoder().decode(Interface.self, from: value.encoded())
        } catch {
            throw CommandFailure.usage(
                "\(path) is no interface as 'objbus interface' prints it: \(error)")
        }
    }
}
