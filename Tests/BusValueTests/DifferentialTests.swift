// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue
import Foundation
import TestPrograms
import Testing

/// Finds and runs the script that compares us with Python's cbor2.
private enum Harness {
    static let environment = ProcessInfo.processInfo.environment
    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    /// Where scripts/bootstrap puts cbor2.
    static let libraries = folder.appending(path: "../../.tools/python").standardizedFileURL

    /// The Python to use: the one that OBJBUS_CBOR2_PYTHON names, else the system's if bootstrap
    /// has put cbor2 beside it.
    static var python: String? {
        if let named = environment["OBJBUS_CBOR2_PYTHON"] { return named }
        let module = libraries.appending(path: "cbor2").path(percentEncoded: false)
        return FileManager.default.fileExists(atPath: module) ? "python3" : nil
    }

    /// Whether a machine without cbor2 may pass.
    static var isOptional: Bool { environment["CI"] == nil }

    static func run(_ arguments: [String], input: [String] = []) async throws -> [String] {
        let python = try #require(python, "no cbor2: run scripts/bootstrap")
        let script = folder.appending(path: "Differential/cbor2_harness.py")
        let path = [libraries.path(percentEncoded: false), environment["PYTHONPATH"]]
        let program = try Program(
            "/usr/bin/env", [python, script.path(percentEncoded: false)] + arguments,
            environment: ["PYTHONPATH": path.compactMap { $0 }.joined(separator: ":")])
        program.type(input.map { $0 + "\n" }.joined())
        program.endInput()
        let outcome = try await program.outcome()
        #expect(outcome.status == 0)
        return outcome.output
    }
}

@Suite(.enabled(if: Harness.python != nil || !Harness.isOptional))
struct DifferentialTests {
    @Test func `cbor2 reads what we write, and would write the same`() async throws {
        var generator = ValueGenerator(seed: 2006)
        let encodings = try (0..<3000).map { _ in
            hex(try common(generator.value(), &generator).encoded())
        }
        let answers = try await Harness.run(["check"], input: encodings)
        #expect(answers.count == encodings.count)
        for (ours, theirs) in zip(encodings, answers) { #expect(ours == theirs) }
    }

    @Test(arguments: [1, 2, 3])
    func `we read what cbor2 writes, and make the deterministic form of it`(seed: Int) async throws
    {
        let lines = try await Harness.run(["generate", "\(seed)", "1000"])
        #expect(lines.count == 1000)
        for line in lines {
            let parts = line.split(separator: " ").map(String.init)
            try #require(parts.count == 2)
            let value = try Value(cbor: hex(parts[0]))
            #expect(hex(try value.encoded()) == parts[1])
            let typed = try ValueDecoder().decode(Value.self, from: hex(parts[1]))
            #expect(typed == value)
        }
    }

    /// The nearest value that Python can hold too: it has one NaN, microseconds, and takes keys
    /// such as 1, 1.0 and true for the same.
    private func common(_ value: Value, _ generator: inout ValueGenerator) -> Value {
        switch value {
        case .double(let double) where double.isNaN:
            return .double(.nan)
        case .timestamp:
            let quarters = Int.random(in: -4_000_000_000...8_000_000_000, using: &generator.dice)
            return .timestamp(Timestamp(secondsSince2001: Double(quarters) / 4))
        case .array(let array):
            return .array(array.map { common($0, &generator) })
        case .set(let set):
            return .set(ValueSet(set.filter(isKey)))
        case .map(let map):
            return .map(
                ValueMap(
                    map.filter { isKey($0.key) }.map { entry in
                        (entry.key, common(entry.value, &generator))
                    }))
        default:
            return value
        }
    }

    private func isKey(_ value: Value) -> Bool {
        switch value.kind {
        case .integer, .bigInteger, .string, .bytes, .uuid: true
        default: false
        }
    }
}
