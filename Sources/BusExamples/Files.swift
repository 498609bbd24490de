// Part of objbus. SPDX-License-Identifier: Apache-2.0

public import BusAPI
import Foundation

/// Why a file can't be listed, opened or read.
public struct FileProblem: Error, Hashable, Codable, Sendable, CustomStringConvertible {
    /// The path as it was given.
    public let path: String
    /// What is wrong with it.
    public let reason: String

    /// The path and what is wrong with it.
    public var description: String { "\(self.path): \(self.reason)" }
}

/// What `Files.list` tells of a file.
public struct FileEntry: Hashable, Codable, Sendable {
    /// Its name, without the folder.
    public let name: String
    /// Bytes, 0 for anything but a regular file.
    public let size: Int
    /// Whether it is a folder.
    public let isFolder: Bool
}

/// One folder of the owner's machine, to be read only; open files are objects of their own.
public distributed actor Files {
    /// File servers live on a bus.
    public typealias ActorSystem = Bus

    /// Entries that a listing has at most, so that it fits a message.
    public static let entriesMax = 10_000

    /// Absolute, without symbolic links, and without a slash at its end: "" is the whole machine.
    private let root: String

    /// Serves the folder `root` and what is below it.
    ///
    /// - Throws: `FileProblem` if there is no such folder.
    public init(root: String, actorSystem: Bus) throws {
        guard let real = realPath(root), isFolder(real) else {
            throw FileProblem(path: root, reason: "no such folder")
        }
        self.actorSystem = actorSystem
        self.root = real == "/" ? "" : real
    }

    /// What is in a folder, sorted by name.
    ///
    /// - Parameter path: Counted from the folder served, which is "".
    /// - Throws: `FileProblem`.
    public distributed func list(_ path: String = "") throws -> [FileEntry] {
        let folder = try self.resolve(path)
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
            throw FileProblem(path: path, reason: "no folder, or not readable")
        }
        guard names.count <= Self.entriesMax else {
            throw FileProblem(path: path, reason: "more than \(Self.entriesMax) entries")
        }
        return names.sorted().map { name in
            let entry = "\(folder)/\(name)"
            let attributes = try? FileManager.default.attributesOfItem(atPath: entry)
            let isRegular = attributes?[.type] as? FileAttributeType == .typeRegular
            let size = (attributes?[.size] as? NSNumber)?.intValue ?? 0
            return FileEntry(
                name: name, size: isRegular ? size : 0, isFolder: isFolder(entry))
        }
    }

    /// Opens a regular file for reading. It is closed when the last holder drops it.
    ///
    /// - Parameter path: Counted from the folder served.
    /// - Throws: `FileProblem`.
    public distributed func open(_ path: String) throws -> File {
        try File(opening: self.resolve(path), as: path, actorSystem: self.actorSystem)
    }

    /// The real path of what `path` names, which must be in the folder served.
    ///
    /// Whoever can change that folder can still move it away before it is opened.
    private func resolve(_ path: String) throws -> String {
        guard !path.utf8.contains(0) else {
            throw FileProblem(path: path, reason: "no path has a zero byte")
        }
        guard let real = realPath("\(self.root)/\(path)") else {
            throw FileProblem(path: path, reason: "no such file or folder")
        }
        guard real == self.root || real.hasPrefix("\(self.root)/") else {
            throw FileProblem(path: path, reason: "outside of the folder served")
        }
        return real
    }
}

/// `path` made absolute, without symbolic links and dots; nil if nothing is there.
private func realPath(_ path: String) -> String? {
    guard let real = realpath(path, nil) else { return nil }
    defer { free(real) }
    return String(cString: real)
}

private func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
        && isFolder.boolValue
}

extension Files: BusObjectProtocol {
    /// What `objbus introspect files` shows.
    public static let busInterface = Interface(
        name: "Files",
        documentation: """
            One folder of the owner's machine, to be read only; open files are objects of their own.
            """,
        methods: [
            .init(
                name: "list(_:)", parameters: [.positional("path", "String", hasDefault: true)],
                returns: "[FileEntry]",
                documentation: """
                    What is in a folder, sorted by name.

                    - Parameter path: Counted from the folder served, which is "".
                    """,
                throwsErrors: "any Error"),
            .init(
                name: "open(_:)", parameters: [.positional("path", "String")], returns: "File",
                documentation: """
                    Opens a regular file for reading. It is closed when the last holder drops it.
                    """,
                throwsErrors: "any Error"),
        ])

    /// Methods throw it, so that callers with the type get it as itself.
    public static let busErrorTypes: [any Error.Type] = [FileProblem.self]

    /// Runs a call by its full name.
    public static func busDispatch(
        _ call: IncomingCall, on object: isolated Files
    ) async throws -> CallResult? {
        switch call.method {
        case "list()":
            _ = try call.arguments(0)
            return try call.result(object.list())
        case "list(_:)":
            var arguments = try call.arguments(1)
            let path = try arguments.next("path", as: String.self)
            return try call.result(object.list(path))
        case "open(_:)":
            var arguments = try call.arguments(1)
            let path = try arguments.next("path", as: String.self)
            return try call.result(object.open(path))
        default:
            return nil
        }
    }
}
