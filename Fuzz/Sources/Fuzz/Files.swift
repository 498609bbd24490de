// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import FuzzDoors

/// Inputs lie in one file per door, as a line of base64 each, and where libFuzzer wants them in a
/// folder of files.
func unpack(_ path: String, into folder: String) throws {
    for (number, input) in try FuzzInputs(path).inputs.enumerated() {
        try Data(input).write(to: URL(filePath: "\(folder)/\(number)"))
    }
}

func pack(_ folder: String, into path: String) throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    let inputs = try names.map { [UInt8](try Data(contentsOf: URL(filePath: "\(folder)/\($0)"))) }
    let sorted = inputs.sorted { left, right in
        left.count == right.count
            ? left.lexicographicallyPrecedes(right) : left.count < right.count
    }
    let lines = sorted.map { Data($0).base64EncodedString() + "\n" }
    try Data(lines.joined().utf8).write(to: URL(filePath: path))
}

/// One input for each frame of the protocol's test vectors, in the form that the door reads.
func seed(_ vectors: String, into folder: String, for door: String) throws {
    for name in try FileManager.default.contentsOfDirectory(atPath: vectors).sorted()
    where name.hasSuffix(".hex") {
        let text = try String(contentsOfFile: "\(vectors)/\(name)", encoding: .utf8)
        let frame = firstFrame(text)
        let input: [UInt8]
        switch FuzzDoor(rawValue: door) {
        case .value: input = frame.count > 64 ? Array(frame[64...]) : frame
        case .frame: input = [text.contains("\nframe\n") ? 1 : 0] + frame
        // Three nodes, then the frame as it is from the first one.
        case .broker: input = [23] + [15, 0, 1, UInt8(clamping: frame.count)] + frame.prefix(255)
        // A node that is linked gets it.
        case .node:
            input = [0, 1, 0, 11, 1, UInt8(clamping: frame.count)] + frame.prefix(255) + [1]
        case nil: return
        }
        try Data(input).write(to: URL(filePath: "\(folder)/\(name)"))
    }
}

/// The bytes before a line `frame`; docs/protocol/vectors/README.md says how they are written.
private func firstFrame(_ text: String) -> [UInt8] {
    var bytes: [UInt8] = []
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
        if line == "frame" { break }
        for word in line.prefix(while: { $0 != ";" }).split(separator: " ") {
            let parts = word.split(separator: "*")
            let count = parts.count == 2 ? Int(parts[0]) ?? 0 : 1
            guard let byte = parts.last.flatMap({ UInt8($0, radix: 16) }) else { continue }
            bytes.append(contentsOf: repeatElement(byte, count: count))
        }
    }
    return bytes
}

func trace(_ door: String, _ path: String) throws {
    let input = [UInt8](try Data(contentsOf: URL(filePath: path)))
    let violation = FuzzDoor(rawValue: door)?.violation(input) { say($0) }
    say(violation.map { "VIOLATION: \($0)" } ?? "nothing is wrong")
}
