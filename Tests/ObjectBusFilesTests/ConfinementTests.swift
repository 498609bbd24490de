// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import Foundation
import ObjectBusFiles
import Testing

/// That no path, link or race leads out of the folder served.
@Suite(.timeLimit(.minutes(2))) struct ConfinementTests {
    @Test(arguments: FileMode.allCases)
    func `nothing outside of the folder is opened or made`(mode: FileMode) async throws {
        try await ServedFolder.run(.readWrite) { served in
            try served.link("link", to: "../secret")
            try served.link("absolute", to: "\(served.outside)/secret")
            try served.link("home", to: "\(served.root)/below/file")
            try served.link("parent", to: "..")
            try served.link("dangling", to: "../new")
            for path in [
                "../secret", "../new", "below/../../secret", "\(served.outside)/secret",
                "/etc/passwd", "/below/file", "parent/secret", "parent/new", "../served/below/file",
            ] {
                let error = await #expect(throws: FileError.self, "\(path)") {
                    try await served.files.open(path, mode: mode)
                }
                #expect(error?.code == .outside, "\(path)")
                #expect(error?.path == path)
            }
            // A link is there: what must be new is refused before anybody looks where it leads.
            for path in ["link", "absolute", "home", "dangling"] {
                let error = await #expect(throws: FileError.self, "\(path)") {
                    try await served.files.open(path, mode: mode)
                }
                #expect(error?.code == (mode == .createNew ? .exists : .outside), "\(path)")
            }
            let secret = try String(contentsOfFile: "\(served.outside)/secret", encoding: .utf8)
            #expect(secret == "outside")
            #expect(!FileManager.default.fileExists(atPath: "\(served.outside)/new"))
            #expect(try served.text("below/file") == "inside")
        }
    }

    @Test func `paths and links within the folder lead where they say`() async throws {
        try await ServedFolder.run { served in
            try served.link("link", to: "below/../below/file")
            for path in ["below/file", "below/../below/./file", "link", "below//file"] {
                #expect(try await served.files.open(path).read().text == "inside", "\(path)")
            }
        }
    }

    @Test func `no folder outside is listed`() async throws {
        try await ServedFolder.run { served in
            try served.link("parent", to: "..")
            for path in ["..", "parent", "/", "below/../.."] {
                let error = await #expect(throws: FileError.self) {
                    try await served.files.list(path)
                }
                #expect(error?.code == .outside, "\(path)")
            }
        }
    }

    /// How often both outcomes of a race are to be seen. On a busy machine one of them is rare: of
    /// 500 some were still missing after a minute.
    private static let enough = 50

    /// Somebody changes a link as fast as possible, in and out. Both outcomes must be seen often,
    /// so that the race has been run.
    @Test(arguments: [FileMode.read, .create])
    func `a link swapped while it is followed leads nowhere else`(mode: FileMode) async throws {
        try await ServedFolder.run(.readWrite) { served in
            let swapping = Swapping("\(served.root)/link", ["below", ".."])
            defer { swapping.stop() }
            let end = ContinuousClock.now + .seconds(60)
            var (opened, refused) = (0, 0)
            while opened < Self.enough || refused < Self.enough, .now < end {
                do {
                    let file = try await served.files.open("link/secret", mode: mode)
                    try #require(try await file.read().text == "")
                    opened += 1
                } catch let error as FileError {
                    try #require(error.code == .outside || error.code == .notFound)
                    refused += 1
                }
                if mode == .read, opened == 0 {
                    try Data().write(to: URL(fileURLWithPath: "\(served.root)/below/secret"))
                }
            }
            #expect(opened >= Self.enough && refused >= Self.enough)
            let secret = try String(contentsOfFile: "\(served.outside)/secret", encoding: .utf8)
            #expect(secret == "outside")
        }
    }

    /// A folder on the way is moved out of the one served, and back: `..` must not be counted from
    /// where it is then.
    @Test func `a folder moved away while a path goes through it leads nowhere`() async throws {
        try await ServedFolder.run { served in
            let moving = Moving("\(served.root)/below", "\(served.outside)/below")
            defer { moving.stop() }
            let end = ContinuousClock.now + .seconds(60)
            var (opened, refused) = (0, 0)
            while opened < Self.enough || refused < Self.enough, .now < end {
                do {
                    // From below/ outside, this would be the secret.
                    let file = try await served.files.open("below/../secret")
                    try #require(try await file.read().text == "inside")
                    opened += 1
                } catch is FileError {
                    refused += 1
                }
                if opened == 0 {
                    try Data("inside".utf8).write(
                        to: URL(fileURLWithPath: "\(served.root)/secret"))
                }
            }
            #expect(opened >= Self.enough && refused >= Self.enough)
        }
    }

    @Test func `the folder served stays the same when another takes its name`() async throws {
        try await ServedFolder.run { served in
            try FileManager.default.moveItem(
                atPath: served.root, toPath: "\(served.outside)/elsewhere")
            try FileManager.default.createSymbolicLink(
                atPath: served.root, withDestinationPath: "/etc")
            #expect(try await served.files.list().map(\.name) == ["below"])
            #expect(try await served.files.open("below/file").read().text == "inside")
        }
    }

    @Test func `links of the system's own are not followed`() async throws {
        let bus = try await Bus.embedded()
        let files = try FileServer(root: "/proc", actorSystem: bus)
        for path in ["self/exe", "self/root", "self/cwd/Package.swift", "self/fd/0"] {
            let error = await #expect(throws: FileError.self) { try await files.open(path) }
            #expect(error?.code == .denied, "\(path)")
        }
        #expect(try await files.open("self/comm").read().isEmpty == false)
        bus.close()
    }

    @Test(arguments: FileMode.allCases)
    func `folders, pipes and devices are not opened, and nobody waits`(
        mode: FileMode
    ) async throws {
        try await ServedFolder.run(.readWrite) { served in
            #expect(mkfifo("\(served.root)/pipe", 0o600) == 0)
            for path in ["pipe", "below", "."] {
                let error = await #expect(throws: FileError.self) {
                    try await served.files.open(path, mode: mode)
                }
                #expect(error?.code == (mode == .createNew ? .exists : .notRegular), "\(path)")
            }
            let devices = try FileServer(
                root: "/dev", access: .readWrite, actorSystem: served.client)
            for path in ["null", "zero", "tty"] {
                let error = await #expect(throws: FileError.self) {
                    try await devices.open(path, mode: mode)
                }
                #expect(error?.code == (mode == .createNew ? .exists : .notRegular), "\(path)")
            }
        }
    }

    @Test func `a name with a zero byte is none`() async throws {
        try await ServedFolder.run(.readWrite) { served in
            for mode in FileMode.allCases {
                let error = await #expect(throws: FileError.self) {
                    try await served.files.open("below/file\0.txt", mode: mode)
                }
                #expect(error?.code == .invalid)
            }
            let error = await #expect(throws: FileError.self) {
                try await served.files.list("below\0")
            }
            #expect(error?.code == .invalid)
            let long = await #expect(throws: FileError.self) {
                try await served.files.open(String(repeating: "x/", count: 4_000))
            }
            #expect(long?.code == .invalid)
        }
    }

    @Test func `a kernel that can't confine paths is told, and nothing else is tried`() {
        let error = FileError(system: ENOSYS, "/srv")
        #expect(error.code == .unsupported)
        #expect(error.description.hasPrefix("/srv: ENOSYS: this kernel has no openat2(2)"))
    }
}

/// Work that a thread repeats until it is told to stop.
private class Repeating: @unchecked Sendable {
    private let lock = NSLock()
    /// Guarded by the lock.
    private var isStopped = false
    private let stopped = DispatchSemaphore(value: 0)

    init(_ step: @escaping @Sendable () -> Void) {
        Thread {
            while !self.lock.withLock({ self.isStopped }) { step() }
            self.stopped.signal()
        }.start()
    }

    func stop() {
        self.lock.withLock { self.isStopped = true }
        self.stopped.wait()
    }
}

/// Points a link at one target after the other, without a moment in which there is none.
private final class Swapping: Repeating, @unchecked Sendable {
    init(_ link: String, _ targets: [String]) {
        super.init {
            for target in targets {
                symlink(target, "\(link).new")
                rename("\(link).new", link)
            }
        }
    }
}

/// Moves a folder away and back.
private final class Moving: Repeating, @unchecked Sendable {
    init(_ folder: String, _ other: String) {
        super.init {
            rename(folder, other)
            rename(other, folder)
        }
    }
}
