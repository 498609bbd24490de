// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import Foundation
import ObjectBusFiles

/// A folder on disk, its server on one bus, and a client's view of that from another one.
struct ServedFolder {
    /// Beside the folder served: what must not be reached.
    let outside: String
    /// The folder served.
    let root: String
    let files: FileServer
    let client: Bus

    /// Runs `body` with a folder that has `below/file`, which says "inside", next to a file
    /// `secret`, which says "outside".
    static func run(
        _ access: FileServer.Access = .readOnly, limits: FileServer.Limits = .init(),
        _ body: (ServedFolder) async throws -> Void
    ) async throws {
        let outside = FileManager.default.temporaryDirectory.path + "/objbus-\(UUID().uuidString)"
        let root = "\(outside)/served"
        defer { try? FileManager.default.removeItem(atPath: outside) }
        try FileManager.default.createDirectory(
            atPath: "\(root)/below", withIntermediateDirectories: true)
        try Data("outside".utf8).write(to: URL(fileURLWithPath: "\(outside)/secret"))
        try Data("inside".utf8).write(to: URL(fileURLWithPath: "\(root)/below/file"))
        let bus = try await Bus.embedded()
        let client = try await bus.attach(name: "client")
        let server = try FileServer(root: root, access: access, limits: limits, actorSystem: bus)
        try await bus.publish(server, as: "files")
        let files = try await client.find(FileServer.self, named: "files")
        try await body(ServedFolder(outside: outside, root: root, files: files, client: client))
        client.close()
        bus.close()
    }

    /// Makes a symbolic link in the folder.
    func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(
            atPath: "\(self.root)/\(name)", withDestinationPath: target)
    }

    /// What is in a file on disk.
    func text(_ path: String) throws -> String {
        try String(contentsOfFile: "\(self.root)/\(path)", encoding: .utf8)
    }
}

extension Bytes {
    init(text: String) { self.init(Array(text.utf8)) }

    var text: String { String(decoding: Array(self), as: UTF8.self) }
}
