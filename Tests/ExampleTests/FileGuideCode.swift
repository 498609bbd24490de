// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Code of docs/guides/files.md: compiled here, run by FileGuideTests.

import ObjectBus
import ObjectBusFiles

func firstBytes(on bus: Bus) async throws -> Bytes {
    let files = try await bus.find(FileServer.self, named: "example/files")
    let file = try await files.open("notes/today.txt")
    return try await file.read(100)
}

func firstBytesWithoutTypes(on bus: Bus) async throws -> Bytes {
    let files = try await bus.object(named: "example/files")
    let file: RemoteObject = try await files.open("notes/today.txt")
    return try await file.read(100)
}

func firstBytes(on bus: BlockingBus) throws -> Bytes {
    let files = try bus.object(named: "example/files")
    let file: BlockingObject = try files.open("notes/today.txt")
    return try file.read(100)
}

func countLines(of file: OpenFile) async throws -> Int {
    var lines = 0
    for try await chunk in file.chunks(of: 64 * 1024) {
        lines += chunk.count { $0 == UInt8(ascii: "\n") }
    }
    return lines
}

func serveForWriting(_ folder: String, on bus: Bus) async throws -> FileServer {
    var limits = FileServer.Limits()
    limits.openFilesMax = 32
    let files = try FileServer(
        root: folder, access: .readWrite, limits: limits, actorSystem: bus)
    try await bus.publish(files, as: "inbox")
    return files
}

func deliver(_ text: String, as name: String, to files: FileServer) async throws -> Bool {
    do {
        let file = try await files.open(name, mode: .createNew)
        try await file.write(Bytes(text.utf8))
        try await file.close()
        return true
    } catch let error as FileError where error.code == .exists {
        return false
    }
}
