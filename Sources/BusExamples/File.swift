// Part of objbus. SPDX-License-Identifier: Apache-2.0

public import BusAPI
import Foundation

/// An open file, read from its start to its end.
public distributed actor File {
    /// Files live on a bus.
    public typealias ActorSystem = Bus

    /// Bytes that one call reads at most.
    public static let readMax = 1 << 20

    private let path: String
    private var handle: FileHandle?

    /// Opens a regular file.
    ///
    /// - Parameters:
    ///   - realPath: Where it is, without symbolic links.
    ///   - path: What errors call it.
    /// - Throws: `FileProblem`.
    init(opening realPath: String, as path: String, actorSystem: Bus) throws {
        // Does not wait for the writer of a pipe, and does not follow a link made meanwhile.
        let descriptor = Foundation.open(realPath, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { throw FileProblem(path: path, reason: "not readable") }
        let handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw FileProblem(path: path, reason: "no regular file")
        }
        self.actorSystem = actorSystem
        self.path = path
        self.handle = handle
    }

    /// The next bytes: `count` of them, at most 1 MiB, fewer only at the end, none after it.
    ///
    /// - Throws: `FileProblem` if the file is closed or can't be read.
    public distributed func read(_ count: Int) throws -> Bytes {
        let handle = try self.openHandle()
        do {
            let data = try handle.read(upToCount: max(0, min(count, Self.readMax)))
            return Bytes([UInt8](data ?? Data()))
        } catch {
            throw FileProblem(path: self.path, reason: "reading failed")
        }
    }

    /// Bytes in the file, as of now.
    ///
    /// - Throws: `FileProblem` if the file is closed.
    public distributed func size() throws -> Int {
        var status = stat()
        guard fstat(try self.openHandle().fileDescriptor, &status) == 0 else {
            throw FileProblem(path: self.path, reason: "its size can't be told")
        }
        return Int(status.st_size)
    }

    /// Closes the file; once more does no harm.
    public distributed func close() { self.handle = nil }

    private func openHandle() throws -> FileHandle {
        guard let handle = self.handle else {
            throw FileProblem(path: self.path, reason: "it is closed")
        }
        return handle
    }
}

extension File: BusObjectProtocol {
    /// What `objbus introspect` shows of an open file.
    public static let busInterface = Interface(
        name: "File", documentation: "An open file, read from its start to its end.",
        methods: [
            .init(
                name: "read(_:)", parameters: [.positional("count", "Int")], returns: "Bytes",
                documentation: """
                    The next bytes: `count` of them, at most 1 MiB, fewer only at the end, none \
                    after it.
                    """,
                throwsErrors: "any Error"),
            .init(
                name: "size()", returns: "Int", documentation: "Bytes in the file, as of now.",
                throwsErrors: "any Error"),
            .init(name: "close()", documentation: "Closes the file; once more does no harm."),
        ])

    /// Methods throw it, so that callers with the type get it as itself.
    public static let busErrorTypes: [any Error.Type] = [FileProblem.self]

    /// Runs a call by its full name.
    public static func busDispatch(
        _ call: IncomingCall, on object: isolated File
    ) async throws -> CallResult? {
        switch call.method {
        case "read(_:)":
            var arguments = try call.arguments(1)
            let count = try arguments.next("count", as: Int.self)
            return try call.result(object.read(count))
        case "size()":
            _ = try call.arguments(0)
            return try call.result(object.size())
        case "close()":
            _ = try call.arguments(0)
            object.close()
            return call.result()
        default:
            return nil
        }
    }
}
