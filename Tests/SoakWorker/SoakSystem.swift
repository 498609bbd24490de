// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation

/// A generator that can be started again: S. Vigna's SplitMix64.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Another process of the soak.
final class Program: @unchecked Sendable {
    private let process = Process()
    private let input = Pipe()

    init(_ path: String, _ arguments: [String], url: String) throws {
        self.process.executableURL = URL(filePath: path)
        self.process.arguments = arguments
        self.process.environment = ProcessInfo.processInfo.environment
            .merging(["OBJBUS_URL": url]) { $1 }
        self.process.standardInput = self.input
        // Its end is expected; what it says of it is not wanted.
        self.process.standardError = FileHandle.nullDevice
        try self.process.run()
    }

    deinit { if self.process.isRunning { self.signal(SIGKILL) } }

    var processID: Int32 { self.process.processIdentifier }

    func signal(_ number: Int32) { Foundation.kill(self.processID, number) }

    /// Ends it as a crash does, and waits for that.
    func kill() async {
        if self.process.isRunning { self.signal(SIGKILL) }
        while self.process.isRunning { await pause(milliseconds: 2) }
    }

    /// Resident memory in KiB.
    var resident: Int {
        let text = (try? String(contentsOfFile: "/proc/\(self.processID)/statm", encoding: .utf8))
        let pages = text?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
        return pages * Int(getpagesize()) / 1_024
    }
}

/// Lets other things happen for a while; what is waited for can't be awaited.
func pause(milliseconds: Int) async {
    await withCheckedContinuation { continuation in
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(milliseconds)) {
            continuation.resume()
        }
    }
}

/// Waits for the end of the standard input, which is the end of whoever started this process.
func inputEnds() async {
    await withCheckedContinuation { continuation in
        Thread {
            while readLine() != nil {}
            continuation.resume()
        }.start()
    }
}

func say(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}
