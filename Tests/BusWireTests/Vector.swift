// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue
import BusWire
import Foundation
import Testing

/// Where the project's files are.
enum Project {
    static let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    static func text(_ path: String) throws -> String {
        try String(contentsOf: Self.root.appending(path: path), encoding: .utf8)
    }

    /// The names in a folder, sorted.
    static func names(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(
            atPath: Self.root.appending(path: folder).path
        ).sorted()
    }
}

/// One file of docs/protocol/vectors: frames, and what they mean.
struct Vector: CustomTestStringConvertible, Sendable {
    struct Malformed: Error {
        let line: String
    }

    static let folder = "docs/protocol/vectors"

    let name: String
    /// Expected fields; those that are absent are zero or empty.
    let fields: [String: String]
    let frames: [[UInt8]]

    var testDescription: String { self.name }

    /// All vectors, or those that must be refused, or those that must not; empty when the folder
    /// can't be read, which a test finds.
    static func all(areBad: Bool) -> [Vector] {
        let names = (try? Project.names(in: Self.folder)) ?? []
        return names.filter { $0.hasSuffix(".hex") && $0.hasPrefix("bad-") == areBad }
            .compactMap { try? Vector(name: String($0.dropLast(4))) }
    }

    static func named(_ name: String) throws -> Vector { try Vector(name: name) }

    private init(name: String) throws {
        let text = try Project.text("\(Self.folder)/\(name).hex")
        var fields: [String: String] = [:]
        var frames: [[UInt8]] = [[]]
        for line in text.split(separator: "\n") where !line.hasPrefix("##") {
            let code = line.prefix { $0 != ";" }.filter { $0 != " " }
            if line.hasPrefix("# "), let colon = line.firstRange(of: ": ") {
                let field = String(line[..<colon.lowerBound].dropFirst(2))
                guard fields.updateValue(String(line[colon.upperBound...]), forKey: field) == nil
                else { throw Malformed(line: String(line)) }
            } else if code == "frame" {
                frames.append([])
            } else {
                frames[frames.count - 1] += try Self.bytes(code)
            }
        }
        (self.name, self.fields, self.frames) = (name, fields, frames)
    }

    /// The bytes of pairs of hexadecimal digits, or of `count*pair`.
    private static func bytes(_ code: String) throws -> [UInt8] {
        if let star = code.firstIndex(of: "*") {
            guard let count = Int(code[..<star]),
                let byte = UInt8(code[star...].dropFirst(), radix: 16)
            else { throw Malformed(line: code) }
            return [UInt8](repeating: byte, count: count)
        }
        guard code.count.isMultiple(of: 2) else { throw Malformed(line: code) }
        var rest = Substring(code)
        var bytes: [UInt8] = []
        while !rest.isEmpty {
            guard let byte = UInt8(rest.prefix(2), radix: 16) else { throw Malformed(line: code) }
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        return bytes
    }

    /// The message; throws what reading it throws.
    func message() throws(FrameError) -> Message {
        try Message(frame: self.frames[0], buffers: self.frames.dropFirst().map { Bytes($0) })
    }

    /// The fields with JSON text brought into the form that we write.
    func normalizedFields() throws -> [String: String] {
        try Dictionary(
            uniqueKeysWithValues: self.fields.map { field, text in
                let isJSON = ["payload", "trace", "failure.error"].contains(field)
                return (field, isJSON ? try Value(json: text).json() : text)
            })
    }
}
