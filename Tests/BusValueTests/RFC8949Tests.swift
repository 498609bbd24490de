// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue
import Testing

@Suite struct RFC8949Tests {
    @Test func `the table has every line of appendix A`() {
        #expect(RFC8949Vector.all.count == 81)
    }

    @Test(arguments: RFC8949Vector.all)
    func `a line of appendix A decodes as the table says`(vector: RFC8949Vector) throws {
        let encoding = hex(vector.encoding)
        switch vector.outcome {
        case .both(let value):
            #expect(try Value(cbor: encoding) == value)
            #expect(hex(try value.encoded()) == vector.encoding)
        case .decodes(let value):
            #expect(try Value(cbor: encoding) == value)
            #expect(try value.encoded().count <= encoding.count)
        case .unsupported:
            let error = #expect(throws: ValueError.self) { try Value(cbor: encoding) }
            #expect(error?.kind == .unsupported)
            #expect(error?.offset == 0)
        }
    }

    @Test(arguments: RFC8949Vector.all)
    func `a line behind other items is an error at its own offset`(vector: RFC8949Vector) {
        guard case .unsupported = vector.outcome else { return }
        let error = #expect(throws: ValueError.self) {
            try Value(cbor: hex("8300" + "6161" + vector.encoding))
        }
        #expect(error?.offset == 4)
    }

    @Test(arguments: RFC8949Vector.all)
    func `a line cut anywhere is truncated`(vector: RFC8949Vector) {
        let encoding = hex(vector.encoding)
        for count in encoding.indices {
            let cut = Array(encoding[..<count])
            let error = #expect(throws: ValueError.self) { try Value(cbor: cut) }
            if case .unsupported = vector.outcome, error?.kind == .unsupported { continue }
            #expect(error?.kind == .truncated, "cut after \(count) bytes")
            #expect((error?.offset ?? -1) <= count)
            for decode in typedDecodes {
                #expect(throws: DecodingError.self) { try decode(cut) }
            }
        }
    }

    @Test(arguments: RFC8949Vector.all)
    func `a line with something behind it is refused`(vector: RFC8949Vector) {
        if case .unsupported = vector.outcome { return }
        let encoding = hex(vector.encoding)
        let error = #expect(throws: ValueError.self) { try Value(cbor: encoding + [0]) }
        #expect(error?.kind == .trailingBytes)
        #expect(error?.offset == encoding.count)
    }

    @Test(arguments: RFC8949Vector.all)
    func `typed decoding of a line never traps`(vector: RFC8949Vector) {
        for decode in typedDecodes { try? decode(hex(vector.encoding)) }
    }
}

/// Decodes bytes as many types; for inputs that must be errors, or must at least not trap.
let typedDecodes: [@Sendable ([UInt8]) throws -> Void] = [
    { _ = try ValueDecoder().decode(Value.self, from: $0) },
    { _ = try ValueDecoder().decode(Int.self, from: $0) },
    { _ = try ValueDecoder().decode(UInt8.self, from: $0) },
    { _ = try ValueDecoder().decode(Int128.self, from: $0) },
    { _ = try ValueDecoder().decode(Float.self, from: $0) },
    { _ = try ValueDecoder().decode(String.self, from: $0) },
    { _ = try ValueDecoder().decode([UInt8].self, from: $0) },
    { _ = try ValueDecoder().decode([Int].self, from: $0) },
    { _ = try ValueDecoder().decode([[Int]?].self, from: $0) },
    { _ = try ValueDecoder().decode(Set<String>.self, from: $0) },
    { _ = try ValueDecoder().decode([String: Value].self, from: $0) },
    { _ = try ValueDecoder().decode([Int: Int].self, from: $0) },
    { _ = try ValueDecoder().decode(Tree.self, from: $0) },
]

/// A type that nests in itself in every way.
struct Tree: Codable, Hashable, Sendable {
    var name: String?
    var a: Int?
    var b: [Int]?
    var leaves: [Tree]?
    var byName: [String: Tree]?
}
