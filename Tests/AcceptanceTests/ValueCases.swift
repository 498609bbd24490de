// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BigInt
import Foundation
import ObjectBus
import TestObjects
import Testing

@Suite struct ValueCases {
    @Test(arguments: World.allCases)
    func `M2 values come back equal`(world: World) async throws {
        try await Stage.run(world) { stage in
            let echo = try await stage.client.find(Echo.self, named: "echo")
            for text in ["aaa", "ä", "", "👩‍👩‍👧", String(repeating: "x", count: 100_000)] {
                #expect(try await echo.string(text) == text)
            }
            for number in [3, 0, -1, 344_444_444_444_444_444, .max, .min] {
                #expect(try await echo.int(number) == number)
            }
            for number in [BigInt(2).power(200), -BigInt(2).power(200), BigInt(7)] {
                #expect(try await echo.big(number) == number)
            }
            let doubles: [Double] = [
                1.2, .nan, -.nan, .infinity, -.infinity, -0.0, .leastNonzeroMagnitude,
                Double(nan: 0x1234, signaling: false), 1e300,
            ]
            for number in doubles {
                #expect(try await echo.double(number).bitPattern == number.bitPattern)
            }
            #expect(try await echo.optional(nil) == nil)
            #expect(try await echo.optional("some") == "some")
            for seconds in [0, 1_700_000_000.123_456_7, -5.5, 0.1 + 0.2] {
                let date = Date(timeIntervalSinceReferenceDate: seconds)
                #expect(try await echo.date(date) == date)
            }
            let id = UUID()
            #expect(try await echo.uuid(id) == id)
            let data = Data((0..<70_000).map { UInt8(truncatingIfNeeded: $0) })
            #expect(try await echo.data(data) == data)
            #expect(try await echo.bytes(Bytes(Array(data))).array == Array(data))
        }
    }

    @Test(arguments: World.allCases)
    func `M2 dynamic values and deep structs come back equal`(world: World) async throws {
        try await Stage.run(world) { stage in
            let echo = try await stage.client.find(Echo.self, named: "echo")
            let values: [Value] = [
                .null, true, false, 3, 1.5, "aaa", [1, "aa"], [[1, [2, [3]]], []],
                .set([1, 2, "three"]), .bytes([1, 2, 3]), ["a": 1, 2: "b", true: .null],
                .timestamp(Timestamp(secondsSince2001: 0.1)), .double(.nan),
            ]
            for value in values { #expect(try await echo.value(value) == value) }
            let deep = Deep(
                leaves: ["a": [.init(name: "x", weight: 1.5), .init(name: "y", weight: nil)]],
                colours: [.red, .mixed(red: 1, blue: 2)], dates: [Date(), .distantPast],
                ids: [UUID(), UUID()], big: BigInt(10).power(50), data: Data([0, 255]))
            #expect(try await echo.deep(deep) == deep)
        }
    }
}
