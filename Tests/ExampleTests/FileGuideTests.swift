// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import ObjectBus
import ObjectBusFiles
import TestPrograms
import Testing

/// That the code of the guide to files does what it says.
@Suite struct FileGuideTests {
    @Test(.timeLimit(.minutes(1)))
    func `the worker serves a folder, and files are read by all three ways`() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/objbus-\(UUID().uuidString)"
        let notes = "\(folder)/served/notes"
        try FileManager.default.createDirectory(atPath: notes, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data("buy milk\nand bread\n".utf8).write(
            to: URL(fileURLWithPath: "\(notes)/today.txt"))
        let url = "ipc://\(folder)/bus"
        let broker = try Program("objbus", ["broker", "--listen", url, "--state", folder])
        _ = try await broker.line(with: "listening on")
        let worker = try Program(
            "/usr/bin/env",
            [
                "stdbuf", "--output=L", Program.products.appending(path: "FileWorker").path,
                "\(folder)/served",
            ], environment: ["OBJBUS_URL": url])
        #expect(try await worker.line() == "example/files is published")

        let bus = try await Bus.connect(to: url, name: "client")
        let text = Bytes(Array("buy milk\nand bread\n".utf8))
        #expect(try await firstBytes(on: bus) == text)
        #expect(try await firstBytesWithoutTypes(on: bus) == text)
        let blocking = try await onOwnThread { try firstBytes(on: BlockingBus(bus)) }
        #expect(blocking == text)
        let files = try await bus.find(FileServer.self, named: "example/files")
        #expect(try await countLines(of: files.open("notes/today.txt")) == 2)
        bus.close()
        worker.signal(SIGTERM)
        #expect(try await worker.exitStatus() == 0)
        withExtendedLifetime(broker) {}
    }

    @Test func `what is delivered is there once`() async throws {
        let folder = FileManager.default.temporaryDirectory.path + "/objbus-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let bus = try await Bus.embedded()
        let client = try await bus.attach(name: "client")
        let own = try await serveForWriting(folder, on: bus)
        let files = try await client.find(FileServer.self, named: "inbox")
        #expect(try await deliver("first", as: "letter", to: files))
        #expect(try await deliver("second", as: "letter", to: files) == false)
        #expect(try String(contentsOfFile: "\(folder)/letter", encoding: .utf8) == "first")
        withExtendedLifetime(own) {}
        client.close()
        bus.close()
    }
}
