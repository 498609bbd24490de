// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import Foundation
import ObjectBusFiles
import Testing

@Suite(.timeLimit(.minutes(1))) struct FileServerTests {
    @Test func `a file is read from its place, and at any other`() async throws {
        try await ServedFolder.run { served in
            let file = try await served.files.open("below/file")
            #expect(try await file.size() == 6)
            #expect(try await file.read(2).text == "in")
            #expect(try await file.read(3, at: 3).text == "ide")
            #expect(try await file.read(2).text == "si")
            #expect(try await file.seek(-1, from: .current) == 3)
            #expect(try await file.read().text == "ide")
            #expect(try await file.read().isEmpty)
            #expect(try await file.seek(1) == 1)
            #expect(try await file.read(0).isEmpty)
            #expect(try await file.seek(-2, from: .end) == 4)
            #expect(try await file.read(.max).text == "de")
            await self.expect(.invalid) { try await file.read(1, at: .max) }
            #expect(try await file.read(1, at: 100).isEmpty)
        }
    }

    @Test func `each mode makes, keeps and changes what it says`() async throws {
        try await ServedFolder.run(.readWrite) { served in
            let made = try await served.files.open("new", mode: .createNew)
            try await made.write(Bytes(text: "one"))
            try await made.write(Bytes(text: "two"))
            #expect(try await made.read(3, at: 1).text == "net")
            let again = await #expect(throws: FileError.self) {
                try await served.files.open("new", mode: .createNew)
            }
            #expect(again?.code == .exists)
            let updated = try await served.files.open("new", mode: .update)
            try await updated.write(Bytes(text: "ON"))
            try await updated.write(Bytes(text: "O"), at: 5)
            #expect(try served.text("new") == "ONetwO")
            let appended = try await served.files.open("new", mode: .append)
            try await updated.truncate(to: 3)
            try await appended.write(Bytes(text: "+"))
            try await updated.truncate(to: 5)
            try await appended.write(Bytes(text: "+"))
            #expect(try served.text("new") == "ONe+\0+")
            #expect(try await appended.read(at: 3).text == "+\0+")
            #expect(try await served.files.open("new", mode: .create).size() == 0)
            #expect(try served.text("new") == "")
            let missing = await #expect(throws: FileError.self) {
                try await served.files.open("none", mode: .update)
            }
            #expect(missing?.code == .notFound)
        }
    }

    @Test func `who serves a folder to be read lets nobody write`() async throws {
        try await ServedFolder.run { served in
            for mode in FileMode.allCases where mode != .read {
                for path in ["below/file", "new"] {
                    let error = await #expect(throws: FileError.self) {
                        try await served.files.open(path, mode: mode)
                    }
                    #expect(error?.code == .readOnly)
                }
            }
            let file = try await served.files.open("below/file")
            await self.expect(.readOnly) { try await file.write(Bytes(text: "x")) }
            await self.expect(.readOnly) { try await file.truncate(to: 0) }
            #expect(try await served.files.list().map(\.name) == ["below"])
            #expect(try served.text("below/file") == "inside")
        }
    }

    @Test func `what is opened to be read is not written where others may`() async throws {
        try await ServedFolder.run(.readWrite) { served in
            let file = try await served.files.open("below/file")
            await self.expect(.readOnly) { try await file.write(Bytes(text: "x"), at: 0) }
            await self.expect(.readOnly) { try await file.truncate(to: 0) }
            #expect(try served.text("below/file") == "inside")
        }
    }

    @Test func `one call reads so much at most`() async throws {
        try await ServedFolder.run { served in
            let content = Data((0..<OpenFile.readMax + 5).map { UInt8(truncatingIfNeeded: $0) })
            try content.write(to: URL(fileURLWithPath: "\(served.root)/large"))
            let file = try await served.files.open("large")
            let first = try await file.read(.max)
            #expect(first.count == OpenFile.readMax)
            #expect(Data(first) == content.prefix(OpenFile.readMax))
            let rest = try await file.read()
            #expect(Data(rest) == content.suffix(5))
        }
    }

    @Test func `so many files are open at most, until one is closed or dropped`() async throws {
        var limits = FileServer.Limits()
        limits.openFilesMax = 2
        try await ServedFolder.run(limits: limits) { served in
            let kept = try await served.files.open("below/file")
            try await self.open(served)
            // The second one is dropped, which the server learns soon.
            let second = try await self.openWhenDropped(served)
            await self.expect(.limit) { try await served.files.open("below/file") }
            // A place that was refused, or whose file was not there, is not kept.
            await self.expect(.limit) { try await served.files.open("none") }
            try await second.close()
            for _ in 0..<5 { await self.expect(.notFound) { try await served.files.open("none") } }
            let third = try await served.files.open("below/file")
            #expect(try await third.size() == 6)
            await self.expect(.closed) { try await second.read() }
            #expect(try await kept.size() == 6)
        }
    }

    private func open(_ served: ServedFolder) async throws {
        #expect(try await served.files.open("below/file").size() == 6)
    }

    private func openWhenDropped(_ served: ServedFolder) async throws -> OpenFile {
        let end = ContinuousClock.now + .seconds(20)
        while true {
            do {
                return try await served.files.open("below/file")
            } catch let error as FileError where error.code == .limit && .now < end {
                await Task.yield()
            }
        }
    }

    @Test func `no file grows beyond the limit, wherever it is written`() async throws {
        var limits = FileServer.Limits()
        limits.fileSizeMax = 8
        try await ServedFolder.run(.readWrite, limits: limits) { served in
            let file = try await served.files.open("below/file", mode: .append)
            try await file.write(Bytes(text: "12"))
            await self.expect(.limit) { try await file.write(Bytes(text: "3")) }
            await self.expect(.invalid) { try await file.write(Bytes(text: "3"), at: 0) }
            let other = try await served.files.open("below/file", mode: .update)
            try await other.write(Bytes(text: "12345678"))
            await self.expect(.limit) { try await other.write(Bytes(text: "9")) }
            for offset in [1, 8, .max] {
                await self.expect(.limit) {
                    try await other.write(Bytes(text: "12345678"), at: offset)
                }
            }
            await self.expect(.limit) { try await other.truncate(to: 9) }
            #expect(try served.text("below/file") == "12345678")
        }
    }

    @Test func `numbers that can't be are refused`() async throws {
        try await ServedFolder.run(.readWrite) { served in
            let file = try await served.files.open("below/file", mode: .update)
            for number in [-1, Int.min] {
                await self.expect(.invalid) { try await file.read(number) }
                await self.expect(.invalid) { try await file.read(1, at: number) }
                await self.expect(.invalid) { try await file.write(Bytes(text: "x"), at: number) }
                await self.expect(.invalid) { try await file.seek(number) }
                await self.expect(.invalid) { try await file.truncate(to: number) }
            }
            #expect(try await file.read().text == "inside")
        }
    }

    @Test func `a closed file says so, and is closed once more without harm`() async throws {
        try await ServedFolder.run { served in
            let file = try await served.files.open("below/file")
            try await file.close()
            try await file.close()
            await self.expect(.closed) { try await file.read() }
            await self.expect(.closed) { try await file.size() }
            await self.expect(.closed) { try await file.seek(0) }
        }
    }

    @Test func `a listing says what is there, by name`() async throws {
        try await ServedFolder.run { served in
            mkfifo("\(served.root)/pipe", 0o600)
            try served.link("link", to: "/etc/passwd")
            #expect(
                try await served.files.list() == [
                    FileEntry(name: "below", kind: .folder, size: 0),
                    FileEntry(name: "link", kind: .link, size: 0),
                    FileEntry(name: "pipe", kind: .other, size: 0),
                ])
            #expect(
                try await served.files.list("below")
                    == [FileEntry(name: "file", kind: .file, size: 6)])
            await self.expect(.notFound) { try await served.files.list("none") }
            await self.expect(.notFound) { try await served.files.list("below/file") }
        }
    }

    @Test func `a folder with more entries than fit is not listed`() async throws {
        try await ServedFolder.run { served in
            for number in 0..<FileServer.entriesMax {
                close(creat("\(served.root)/below/\(number)", 0o600))
            }
            await self.expect(.limit) { try await served.files.list("below") }
            unlink("\(served.root)/below/0")
            let entries = try await served.files.list("below")
            #expect(entries.count == FileServer.entriesMax)
        }
    }

    @Test func `what has no type throws the error as itself where that is known`() async throws {
        try await ServedFolder.run { served in
            let other = try await served.client.attach(name: "other")
            let remote = try await other.object(named: "files")
            let unknown = await #expect(throws: RemoteError.self) { try await remote.open("none") }
            #expect(unknown?.typeName == "ObjectBusFiles.FileError")
            #expect(unknown?.value?["code"]?.stringValue == "notFound")
            other.register(error: FileError.self)
            let error = await #expect(throws: FileError.self) { try await remote.open("none") }
            #expect(error == FileError(.notFound, "none", "no such file or folder"))
            let mode = await #expect(throws: BusError.self) {
                try await remote.open("below/file", mode: "erase")
            }
            #expect(mode?.kind == .invalid)
            other.close()
        }
    }

    @Test func `a folder that is not there is not served`() async throws {
        try await ServedFolder.run { served in
            for (path, code) in [("none", FileError.Code.notFound), ("below/file", .notFound)] {
                let error = #expect(throws: FileError.self) {
                    try FileServer(root: "\(served.root)/\(path)", actorSystem: served.client)
                }
                #expect(error?.code == code)
            }
        }
    }

    private func expect(
        _ code: FileError.Code, sourceLocation: SourceLocation = #_sourceLocation,
        _ body: () async throws -> some Any
    ) async {
        let error = await #expect(throws: FileError.self, sourceLocation: sourceLocation) {
            _ = try await body()
        }
        #expect(error?.code == code, sourceLocation: sourceLocation)
    }
}
