// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue
import Testing

@Suite struct ModelTests {
    /// Memory owned by something else; says when it is let go.
    private final class Loan: ByteStorage {
        let content: [UInt8]
        let onEnd: @Sendable () -> Void

        init(_ content: [UInt8], onEnd: @escaping @Sendable () -> Void) {
            self.content = content
            self.onEnd = onEnd
        }

        deinit { onEnd() }

        var count: Int { content.count }

        func withUnsafeBytes<Result>(
            _ body: (UnsafeRawBufferPointer) throws -> Result
        ) rethrows -> Result {
            try content.withUnsafeBytes(body)
        }
    }

    @Test func `bytes are the same whoever owns them`() async {
        await confirmation { ended in
            var lent: Bytes? = Bytes(storage: Loan([1, 2, 3, 4, 5]) { ended() })
            let own = Bytes([1, 2, 3, 4, 5])
            #expect(lent == own)
            #expect(lent?.hashValue == own.hashValue)
            #expect(lent.map { Array($0) } == own.array)
            #expect(lent?.slice(1..<4) == own.slice(1..<4))
            #expect(lent?.slice(1..<4).slice(1..<2).array == [3])
            #expect(lent?[4] == 5)
            lent = nil
        }
        #expect(Bytes().isEmpty && Bytes() == Bytes([]))
        #expect(Bytes([1, 2]) != Bytes([1, 3]) && Bytes([1]) != Bytes([1, 2]))
    }

    @Test func `slices outside the bytes stop the program`() async {
        await #expect(processExitsWith: .failure) { _ = Bytes([1]).slice(0..<2) }
        await #expect(processExitsWith: .failure) { _ = Bytes([1])[1] }
    }

    @Test func `doubles are equal when their bits are`() {
        #expect(Value.double(.nan) == .double(.nan))
        #expect(Value.double(0.0) != .double(-0.0))
        #expect(Value.double(.nan) != .double(Double(nan: 1, signaling: false)))
        #expect(Value.double(1) != .integer(1))
    }

    @Test func `text is equal when its UTF-8 is`() throws {
        let (composed, decomposed): (Value, Value) = ("\u{e9}", "e\u{301}")
        #expect(composed != decomposed)
        #expect(ValueSet([composed, decomposed]).count == 2)
        #expect(try Value(cbor: hex("a262c3a90163 65cc8102")).mapValue?.count == 2)
    }

    @Test func `integers normalise at the ends of 64 bits`() throws {
        #expect(Value(Int64.max) == .integer(.max))
        #expect(Value(UInt64(Int64.max) + 1).kind == .bigInteger)
        #expect(Value(Int128(Int64.min)) == .integer(.min))
        #expect(Value(Int128(Int64.min) - 1).kind == .bigInteger)
        #expect(Value(isNegative: true, magnitude: [0, 0]) == 0)
        #expect(Value(isNegative: false, magnitude: [0, 1, 0]) == 256)
        #expect(BigInteger(isNegative: true, magnitude: [0x80, 0, 0, 0, 0, 0, 0, 0]) == nil)
        let big = try #require(BigInteger(isNegative: true, magnitude: hex("800000000000000001")))
        #expect(big.exactly(Int64.self) == nil)
        #expect(big.exactly(Int128.self) == -Int128(1) << 71 - 1)
    }

    @Test(arguments: [0, 1, -1, 64, 127, 128] as [Int])
    func `decimal text of powers of two is right`(exponent: Int) throws {
        let texts = [
            0: "1", 1: "2", -1: "-1606938044258990275541962092341162602522202993782792835301376",
            64: "18446744073709551616", 127: "170141183460469231731687303715884105728",
            128: "340282366920938463463374607431768211456",
        ]
        let bits = exponent < 0 ? 200 : exponent
        var magnitude = [UInt8](repeating: 0, count: bits / 8 + 1)
        magnitude[0] = 1 << UInt8(bits % 8)
        let value = Value(isNegative: exponent < 0, magnitude: magnitude)
        #expect(value.json() == texts[exponent])
        #expect(try Value(json: value.json()) == value)
    }

    @Test func `maps and sets are found in, added to and removed from`() {
        var map: ValueMap = ["b": 1, "a": 2, "a": 3]
        #expect(map.count == 2 && map["a"] == 3 && map[1] == nil)
        map[1] = "one"
        map["a"] = nil
        #expect(map.keys == [1, "b"] && map.values == ["one", 1])
        var set: ValueSet = [2, 1, 2]
        let added = set.insert("x")
        let again = set.insert(2)
        let removed = set.remove(1)
        let missing = set.remove(1)
        #expect(added && !again && removed && !missing)
        #expect(set.members == [2, "x"] && set.contains("x") && !set.contains(1))
    }

    @Test func `values are looked into by key and place`() {
        let value: Value = ["list": [1, 2.5, "x", .null, true], "n": 7]
        #expect(value["list"]?[0]?.intValue == 1)
        #expect(value["list"]?[1]?.doubleValue == 2.5)
        #expect(value["n"]?.doubleValue == 7)
        #expect(value["list"]?[2]?.stringValue == "x")
        #expect(value["list"]?[3]?.isNull == true)
        #expect(value["list"]?[4]?.boolValue == true)
        #expect(value["list"]?[5] == nil && value["list"]?[-1] == nil && value["none"] == nil)
        #expect(value["n"]?["x"] == nil && value[0] == nil)
    }

    @Test func `a timestamp uses tag 1 exactly when nothing is lost`() throws {
        #expect(hex(try Value.timestamp(.init(secondsSince2001: 0)).encoded()) == "c11a3a4fc880")
        #expect(hex(try Value.timestamp(.init(secondsSince2001: 0.5)).encoded()).hasPrefix("c1fb"))
        #expect(
            hex(try Value.timestamp(.init(secondsSince2001: 0.1)).encoded())
                == "d96f63fb3fb999999999999a")
        #expect(hex(try Value.timestamp(.init(secondsSince2001: -0.0)).encoded()) == "d96f63f98000")
        // The sum is rounded here, although subtracting again gives the same number.
        #expect(Timestamp(secondsSince2001: 0x1.8p61).exactSecondsSince1970 == nil)
        #expect(Timestamp(secondsSince2001: 0x1p50).exactSecondsSince1970 == 0x1p50 + 978_307_200)
        #expect(try Value(cbor: hex("c1f93c00")) == .timestamp(.init(secondsSince1970: 1)))
        #expect(try Value(cbor: hex("c120")) == .timestamp(.init(secondsSince1970: -1)))
        #expect(throws: ValueError.self) { try Value(cbor: hex("c11b0020000000000001")) }
    }

    @Test func `the tags are those of the document`() throws {
        let uuid = UUIDValue(high: 0x0011_2233_4455_6677, low: 0x8899_aabb_ccdd_eeff)
        #expect(hex(try Value.uuid(uuid).encoded()) == "d8255000112233445566778899aabbccddeeff")
        #expect(hex(try Value.set([1]).encoded()) == "d901028101")
        #expect(hex(try Value.reference(.init(5)).encoded()) == "d96f6205")
        #expect(try Value(cbor: hex("d96f6400"), buffers: [[1, 2]]) == .bytes([1, 2]))
        #expect(UUIDValue(uuid.bytes) == uuid && UUIDValue(uuid.description) == uuid)
    }
}
