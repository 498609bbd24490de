// Part of objbus. SPDX-License-Identifier: Apache-2.0
// By hand, as the command shows these objects, and is built without the macro.

public import BusAPI

extension FileServer: BusObjectProtocol {
    /// What `objbus introspect` shows.
    public static let busInterface = Interface(
        name: "FileServer",
        documentation: "One folder of the owner's machine; open files are objects of their own.",
        methods: [
            .init(
                name: "list(_:)",
                parameters: [.init(label: "_", name: "path", type: "String", hasDefault: true)],
                returns: "[FileEntry]",
                documentation: """
                    What is in a folder, sorted by name.

                    - Parameter path: Counted from the folder served, which is "".
                    """,
                throwsErrors: "any Error"),
            .init(
                name: "open(_:mode:)",
                parameters: [
                    .init(label: "_", name: "path", type: "String"),
                    .init(label: "mode", name: "mode", type: "FileMode", hasDefault: true),
                ],
                returns: "OpenFile",
                documentation: """
                    Opens a regular file. It is closed when the last holder drops it.

                    - Parameters:
                      - path: Counted from the folder served.
                      - mode: read, update, create, createNew or append.
                    """,
                throwsErrors: "any Error"),
        ])

    /// Methods throw it, so that callers with the type get it as itself.
    public static let busErrorTypes: [any Error.Type] = [FileError.self]

    /// Runs a call by its full name.
    public static func busDispatchSync(
        _ call: IncomingCall, on object: isolated FileServer
    ) throws -> CallResult? {
        switch call.method {
        case "list()":
            _ = try call.arguments(0)
            return try call.result(object.list())
        case "list(_:)":
            var arguments = try call.arguments(1)
            return try call.result(object.list(arguments.next("path")))
        case "open(_:)":
            var arguments = try call.arguments(1)
            return try call.result(object.open(arguments.next("path")))
        case "open(_:mode:)":
            var arguments = try call.arguments(2)
            let path: String = try arguments.next("path")
            return try call.result(object.open(path, mode: arguments.next("mode")))
        default:
            return nil
        }
    }
}
