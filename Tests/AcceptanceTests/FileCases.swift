// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import ObjectBus
import ObjectBusFiles
import TestPrograms
import Testing

@Suite(.timeLimit(.minutes(2))) struct FileCases {
    /// Runs `body` with a folder that is served under the name "files": by a process of its own
    /// where there are processes.
    private func serving(
        _ world: World, _ body: (Stage, String, Program?) async throws -> Void
    ) async throws {
        let root = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: root) }
        try await Stage.run(world) { stage in
            guard stage.url.isEmpty else {
                let worker = try Program(
                    "TestWorker", ["files", root], environment: ["OBJBUS_URL": stage.url])
                defer { worker.kill() }
                _ = try await worker.line { $0 == "ready" }
                return try await body(stage, root, worker)
            }
            let bus = try await stage.attach(name: "server")
            let files = try FileServer(root: root, access: .readWrite, actorSystem: bus)
            try await bus.publish(files, as: "files")
            try await body(stage, root, nil)
            withExtendedLifetime(files) {}
        }
    }

    @Test(arguments: World.allCases)
    func `D2 M20 a file is opened by its path, read, written and closed through its reference`(
        world: World
    ) async throws {
        try await self.serving(world) { stage, root, _ in
            try Data("desk\n".utf8).write(to: URL(fileURLWithPath: "\(root)/hostname"))
            let files = try await stage.client.find(FileServer.self, named: "files")
            let name = try await files.open("hostname")
            #expect(try await name.read() == Bytes(Array("desk\n".utf8)))
            let file = try await files.open("notes", mode: .createNew)
            try await file.write(Bytes(Array("hello world".utf8)))
            #expect(try await file.size() == 11)
            try await file.write(Bytes(Array("W".utf8)), at: 6)
            #expect(try await file.seek(-5, from: .end) == 6)
            #expect(try await file.read(3) == Bytes(Array("Wor".utf8)))
            try await file.truncate(to: 5)
            try await file.close()
            #expect(try String(contentsOfFile: "\(root)/notes", encoding: .utf8) == "hello")
            #expect(
                try await files.list() == [
                    FileEntry(name: "hostname", kind: .file, size: 5),
                    FileEntry(name: "notes", kind: .file, size: 5),
                ])
            let closed = await #expect(throws: FileError.self) { try await file.read() }
            #expect(closed?.code == .closed)
            let outside = await #expect(throws: FileError.self) {
                try await files.open("../\(root)/notes")
            }
            #expect(outside?.code == .outside)
        }
    }

    @Test(arguments: World.allCases)
    func `D2 M20 the same without types`(world: World) async throws {
        try await self.serving(world) { stage, root, _ in
            let files = try await stage.client.object(named: "files")
            let file: RemoteObject = try await files.open("notes", mode: "create")
            try await file.write(Bytes(Array("hello".utf8)))
            try await file.seek(1)
            let bytes: Bytes = try await file.read(2)
            #expect(bytes == Bytes(Array("el".utf8)))
            let size: Int = try await file.size()
            #expect(size == 5)
            try await file.close()
            #expect(try String(contentsOfFile: "\(root)/notes", encoding: .utf8) == "hello")
            let unknown = await #expect(throws: RemoteError.self) { try await file.read() }
            #expect(unknown?.message == "notes: it is closed")
            stage.client.register(error: FileError.self)
            let known = await #expect(throws: FileError.self) { try await file.read() }
            #expect(known?.code == .closed)
            #expect(try await files.interface() == FileServer.busInterface)
            #expect(try await file.interface() == OpenFile.busInterface)
        }
    }

    @Test(arguments: World.allCases)
    func `D2 M20 the same from a thread that blocks`(world: World) async throws {
        try await self.serving(world) { stage, root, _ in
            try await onOwnThread {
                let files = try BlockingBus(stage.client).object(named: "files")
                let file: BlockingObject = try files.open("notes", mode: "append")
                let _: Value = try file.write(Bytes(Array("hello".utf8)))
                let bytes: Bytes = try file.read(2, at: 1)
                #expect(bytes == Bytes(Array("el".utf8)))
                let size: Int = try file.size()
                #expect(size == 5)
                let _: Value = try file.close()
                #expect(throws: RemoteError.self) { try file.size() as Int }
            }
            #expect(try String(contentsOfFile: "\(root)/notes", encoding: .utf8) == "hello")
        }
    }

    @Test(arguments: [World.ipc, .tcp])
    func `M20 a file is closed when its last holder drops it`(world: World) async throws {
        try await self.serving(world) { stage, root, worker in
            let worker = try #require(worker)
            try Data("x".utf8).write(to: URL(fileURLWithPath: "\(root)/kept"))
            let other = try await stage.attach(name: "other")
            let own = SharedHolder()
            own.file = try await stage.client.find(FileServer.self, named: "files").open("kept")
            #expect(worker.hasOpen("\(root)/kept"))
            // A third party gets it, and holds it alone then.
            let box = other.list([RemoteObject]())
            try await other.publish(box, as: "holder")
            try await self.hand(own, to: stage.client)
            own.file = nil
            let size: Int = try await box.copy().first?.size() ?? 0
            #expect(size == 1)
            #expect(worker.hasOpen("\(root)/kept"))
            try await box.removeAll()
            #expect(await worker.closes("\(root)/kept"))
            other.close()
        }
    }

    private func hand(_ own: SharedHolder, to client: Bus) async throws {
        let file = try #require(own.file)
        let box = try await client.find(SharedList<RemoteObject>.self, named: "holder")
        try await box.append(RemoteObject(file))
    }

    @Test(arguments: [World.ipc, .tcp])
    func `M20 a file is closed when the process that holds it is killed`(
        world: World
    ) async throws {
        try await self.serving(world) { stage, root, worker in
            let worker = try #require(worker)
            try Data("x".utf8).write(to: URL(fileURLWithPath: "\(root)/kept"))
            let client = try Program(
                "TestWorker", ["open", "kept"], environment: ["OBJBUS_URL": stage.url])
            _ = try await client.line { $0 == "open" }
            #expect(worker.hasOpen("\(root)/kept"))
            client.kill()
            #expect(await worker.closes("\(root)/kept"))
            // The server goes on.
            let files = try await stage.client.find(FileServer.self, named: "files")
            #expect(try await files.open("kept").size() == 1)
        }
    }

    /// Each chunk is written, and later read, when the one before has arrived: nowhere are many.
    @Test(arguments: [World.ipc, .tcp])
    func `M20 100 MB are written and read without being kept in memory`(
        world: World
    ) async throws {
        try await self.serving(world) { stage, _, worker in
            let worker = try #require(worker)
            let files = try await stage.client.find(FileServer.self, named: "files")
            let file = try await files.open("large", mode: .createNew)
            try worker.resetPeak()
            let before = try worker.peak()
            let chunk = Bytes((0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 / 7) })
            for _ in 0..<100 { try await file.write(chunk) }
            #expect(try await file.size() == 100_000_000)
            var (count, isEqual) = (0, true)
            for try await bytes in file.chunks(of: 1_000_000) {
                isEqual = isEqual && bytes == chunk
                count += bytes.count
            }
            #expect(count == 100_000_000 && isEqual)
            #expect(try worker.peak() - before < 50_000_000)
        }
    }
}

/// Holds a file until it is told not to, also where a variable's scope would be longer.
private final class SharedHolder {
    var file: OpenFile?
}

extension Program {
    /// Whether the process has a descriptor of the file.
    fileprivate func hasOpen(_ path: String) -> Bool {
        let folder = "/proc/\(self.processID)/fd"
        let numbers = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return numbers.contains {
            (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\($0)")) == path
        }
    }

    /// Waits until the process has no descriptor of the file, or for so long that it never will.
    fileprivate func closes(_ path: String) async -> Bool {
        let end = ContinuousClock.now + .seconds(20)
        while self.hasOpen(path), .now < end { await Task.yield() }
        return !self.hasOpen(path)
    }

    /// The most memory, in bytes, that the process has had since `resetPeak`.
    fileprivate func peak() throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(self.processID)/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return try #require(line.flatMap { Int($0.filter(\.isNumber)) }) * 1_024
    }

    fileprivate func resetPeak() throws {
        try Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/\(self.processID)/clear_refs"))
    }
}
