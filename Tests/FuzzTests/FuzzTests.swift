// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import FuzzDoors
import Testing

/// What scripts/fuzz has found, let in once more.
@Suite struct FuzzTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "Inputs")

    /// The inputs of a file; none if there is no file yet.
    private static func inputs(_ door: FuzzDoor, _ kind: String) throws -> [[UInt8]] {
        let path = Self.folder.appending(path: "\(door.rawValue).\(kind).txt").path
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        return try FuzzInputs(path).inputs
    }

    @Test(arguments: FuzzDoor.allCases)
    func `what broke something once breaks nothing now`(door: FuzzDoor) throws {
        for (number, input) in try Self.inputs(door, "crashes").enumerated() {
            #expect(door.violation(input) == nil, "crash \(number + 1) of \(door)")
        }
    }

    @Test(arguments: FuzzDoor.allCases)
    func `inputs that reach far break nothing`(door: FuzzDoor) throws {
        let inputs = try Self.inputs(door, "corpus")
        #expect(inputs.count > 50)
        for (number, input) in inputs.enumerated() {
            #expect(door.violation(input) == nil, "input \(number + 1) of \(door)")
        }
    }

    @Test(arguments: FuzzDoor.allCases)
    func `a planted fault is found`(door: FuzzDoor) throws {
        let inputs = try Self.inputs(door, "corpus")
        #expect(inputs.contains { door.violation($0, isCanary: true) != nil })
    }

    @Test(arguments: FuzzDoor.allCases)
    func `no input at all is an input`(door: FuzzDoor) {
        #expect(door.violation([]) == nil)
    }

    @Test func `the kept inputs are few enough to read with each checkout`() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
        let sizes = try names.map {
            try Data(contentsOf: Self.folder.appending(path: $0)).count
        }
        #expect(sizes.reduce(0, +) < 300 << 10)
    }

    @Test func `a script that has ended chooses the first of everything`() {
        var script = ScriptReader([3, 0xFE, 1])
        #expect(script.below(2) == 1)
        #expect(script.number() == 1 << 56)
        #expect(script.isAtEnd)
        #expect(script.byte() == 0 && script.number() == 0 && !script.flag())
        #expect(script.run().isEmpty)
        #expect(script.pick(["first", "second"]) == "first")
        #expect(script.pick([Int]()) == nil)
    }
}
