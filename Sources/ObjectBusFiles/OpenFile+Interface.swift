// Part of objbus. SPDX-License-Identifier: Apache-2.0
// By hand, as the command shows these objects, and is built without the macro.

public import BusAPI

extension OpenFile: BusObjectProtocol {
    private static let offset = Interface.Parameter(
        label: "at", name: "offset", type: "Int?", hasDefault: true)

    /// What `objbus introspect` shows.
    public static let busInterface = Interface(
        name: "OpenFile",
        documentation: "An open file. Whoever holds it shares its place with the others.",
        methods: [
            .init(
                name: "read(_:at:)",
                parameters: [
                    .init(label: "_", name: "count", type: "Int", hasDefault: true), offset,
                ],
                returns: "Bytes",
                documentation: """
                    Reads `count` bytes, at most 1 MiB; fewer only at the file's end, none behind.

                    - Parameter offset: Where; else behind what was read or written last.
                    """,
                throwsErrors: "any Error"),
            .init(
                name: "write(_:at:)",
                parameters: [.init(label: "_", name: "bytes", type: "Bytes"), offset],
                documentation: """
                    Writes all of `bytes`. Where that fails, a part of them may have been written.

                    - Parameter offset: Where; else behind what was read or written last.
                    """,
                throwsErrors: "any Error"),
            .init(
                name: "seek(_:from:)",
                parameters: [
                    .init(label: "_", name: "offset", type: "Int"),
                    .init(label: "from", name: "origin", type: "FileOrigin", hasDefault: true),
                ],
                returns: "Int",
                documentation: """
                    Sets where the next byte is read or written, and says where that is.

                    - Parameter origin: What it is counted from: start, current or end.
                    """,
                throwsErrors: "any Error"),
            .init(
                name: "size()", returns: "Int", documentation: "Bytes in the file, as of now.",
                throwsErrors: "any Error"),
            .init(
                name: "truncate(to:)",
                parameters: [.init(label: "to", name: "size", type: "Int")],
                documentation:
                    "Cuts the file off at `size` bytes, or fills it with zeros up to there.",
                throwsErrors: "any Error"),
            .init(
                name: "close()",
                documentation: "Closes the file for all who hold it; once more does no harm."),
        ])

    /// Methods throw it, so that callers with the type get it as itself.
    public static let busErrorTypes: [any Error.Type] = [FileError.self]

    /// Runs a call by its full name.
    public static func busDispatchSync(
        _ call: IncomingCall, on object: isolated OpenFile
    ) throws -> CallResult? {
        switch call.method {
        case "read()":
            _ = try call.arguments(0)
            return try call.result(object.read())
        case "read(_:)":
            var arguments = try call.arguments(1)
            return try call.result(object.read(arguments.next("count")))
        case "read(at:)":
            var arguments = try call.arguments(1)
            return try call.result(object.read(at: arguments.next("offset")))
        case "read(_:at:)":
            var arguments = try call.arguments(2)
            let count: Int = try arguments.next("count")
            return try call.result(object.read(count, at: arguments.next("offset")))
        case "write(_:)":
            var arguments = try call.arguments(1)
            try object.write(arguments.next("bytes"))
            return call.result()
        case "write(_:at:)":
            var arguments = try call.arguments(2)
            let bytes: Bytes = try arguments.next("bytes")
            try object.write(bytes, at: arguments.next("offset"))
            return call.result()
        default:
            return try object.dispatchRest(call)
        }
    }

    /// The methods that move no bytes.
    private func dispatchRest(_ call: IncomingCall) throws -> CallResult? {
        switch call.method {
        case "seek(_:)":
            var arguments = try call.arguments(1)
            return try call.result(self.seek(arguments.next("offset")))
        case "seek(_:from:)":
            var arguments = try call.arguments(2)
            let offset: Int = try arguments.next("offset")
            return try call.result(self.seek(offset, from: arguments.next("origin")))
        case "size()":
            _ = try call.arguments(0)
            return try call.result(self.size())
        case "truncate(to:)":
            var arguments = try call.arguments(1)
            try self.truncate(to: arguments.next("size"))
            return call.result()
        case "close()":
            _ = try call.arguments(0)
            self.close()
            return call.result()
        default:
            return nil
        }
    }
}
