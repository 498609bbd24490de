// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBrokerCore
import BusKernel
import BusNodeCore
import BusWire
import Foundation
import Testing

/// What docs/protocol says in tables is what the code says.
@Suite struct DocumentTests {
    @Test func `framing lists every kind with its number`() throws {
        let listed = try rows(of: "framing.md", under: "Kinds").map { "\($0[0]) \($0[1])" }
        #expect(listed == MessageKind.registry.map { "\($0.kind.rawValue) \($0.name)" })
        let source = try Project.text("Sources/BusWire/FrameHeader.swift")
        let declared = source.matches(of: /= MessageKind\(rawValue: (\d+)\)/).map { $0.1 }
        #expect(declared.count == listed.count, "a kind is missing in the registry")
    }

    @Test func `framing lists every flag with its bit`() throws {
        let listed = try rows(of: "framing.md", under: "Flags").filter { $0[1] != "-" }
        #expect(listed.map { "\($0[0]) \($0[1])" } == flagsByBit.map { "\($0.bit) `\($0.name)`" })
        for (bit, name, flag) in flagsByBit { #expect(flag.rawValue == 1 << bit, "\(name)") }
        let source = try Project.text("Sources/BusWire/FrameHeader.swift")
        #expect(source.matches(of: /MessageFlags\(rawValue: 1 </).count == flagsByBit.count)
        let extensions = try rows(of: "framing.md", under: "4. Extensions").map { $0[0] }
        #expect(extensions == flagsByBit.filter { $0.bit < 8 }.map { "`\($0.name)`" })
    }

    @Test func `framing lists every field of the header with its place`() throws {
        let listed = try rows(of: "framing.md", under: "3. Header")
        let places: [(String, Int)] = [
            ("magic", FrameOffset.magic), ("version", FrameOffset.version),
            ("kind", FrameOffset.kind), ("flags", FrameOffset.flags),
            ("extensionLength", FrameOffset.extensionLength), ("epoch", FrameOffset.epoch),
            ("referenceCount", FrameOffset.referenceCount),
            ("bufferCount", FrameOffset.bufferCount), ("sequence", FrameOffset.sequence),
            ("peer", FrameOffset.peer), ("object", FrameOffset.object),
            ("call", FrameOffset.call), ("behind", FrameOffset.behind),
            ("peerEpoch", FrameOffset.peerEpoch), ("remaining", FrameOffset.remaining),
        ]
        #expect(listed.map { "\($0[2]) \($0[0])" } == places.map { "`\($0.0)` \($0.1)" })
        var next = 0
        for row in listed {
            #expect(Int(row[0]) == next)
            next += Int(row[1]) ?? 0
        }
        #expect(next == FrameHeader.size)
    }

    @Test func `framing lists the row of a reference in its size`() throws {
        let listed = try rows(of: "framing.md", under: "5. Reference table")
        #expect(listed.reduce(0) { $0 + (Int($1[1]) ?? 0) } == ReferenceEntry.size)
        let text = try Project.text("docs/protocol/handshake.md")
        #expect(text.contains("rows of \(HelloBody.Holding.size)"))
        #expect(text.contains("rows of \(HelloBody.Export.size)"))
    }

    @Test func `errors lists every kind with its exit code`() throws {
        let listed = try rows(of: "errors.md", under: "1. Kinds")
        let registry = BusError.Kind.registry
        #expect(Set(listed.map { $0[0] }) == Set(registry.map { "`\($0.kind)`" }))
        for entry in registry {
            let row = try #require(listed.first { $0[0] == "`\(entry.kind)`" })
            #expect(row[4] == "\(entry.exitCode)", "\(entry.kind)")
            #expect(!entry.advice.isEmpty && !row[3].isEmpty)
        }
        let source = try Project.text("Sources/BusWire/BusError.swift")
        let declared = source.matches(of: /static let (\w+) = Kind\(rawValue: "(\w+)"\)/)
        #expect(Set(declared.map { "`\($0.2)`" }) == Set(listed.map { $0[0] }))
        #expect(declared.allSatisfy { $0.1 == $0.2 })
        #expect(BusError.Kind(rawValue: "newer").exitCode == 1)
    }

    @Test func `errors lists every answer to whether it was executed`() throws {
        let listed = try rows(of: "errors.md", under: "2. Executed").map { $0[0] }
        #expect(listed == [BusError.Executed.no, .yes, .maybe].map { "`\($0.rawValue)`" })
    }

    @Test func `handshake lists every reason why an incarnation ends`() throws {
        let text = try section("6. ", of: "handshake.md")
        for reason in [IncarnationEnd.left, .lost, .notRestored, .replaced, .leftIdle] {
            #expect(text.contains("| \(reason.rawValue) | it "))
        }
        #expect(IncarnationEnd(rawValue: 6) == nil)
    }

    @Test func `the broker's methods are those that it has`() throws {
        let listed = try rows(of: "broker.md", under: "2. Methods").map { $0[0] }
        let source = try Project.text(
            "Sources/BusBrokerCore/BrokerStateMachine+Services.swift")
        let cases = source.matches(of: /case "([\w(:)]+)":/).map { "`\($0.1)`" }
        #expect(listed == cases)
    }

    @Test func `counters lists every reason of the broker and of a node`() throws {
        let text = try Project.text("docs/operating/counters.md")
        let parts = text.split(separator: "\n## ").map(String.init)
        let listed = [1, 2].map { part in
            parts[part].matches(of: /\| `(\w+)` \|/).map { String($0.1) }
        }
        #expect(listed == [BrokerDrop.allCases.map(\.name), NodeDrop.allCases.map(\.name)])
    }

    @Test func `limits lists every bound of the wire`() throws {
        let bounds: [(String, Int)] = [
            ("frameBytes", WireLimits.frameBytes),
            ("referencesPerMessage", WireLimits.referencesPerMessage),
            ("buffersPerMessage", WireLimits.buffersPerMessage),
            ("bufferThreshold", WireLimits.bufferThreshold),
            ("methodBytes", WireLimits.methodBytes), ("nameBytes", WireLimits.nameBytes),
            ("rangesPerMessage", WireLimits.rangesPerMessage),
            ("traceBytes", WireLimits.traceBytes), ("callsPerPair", WireLimits.callsPerPair),
            ("callNumberMax", Int(WireLimits.callNumberMax)),
            ("copiesMax", Int(WireLimits.copiesMax)),
            ("callBytesPerPair", WireLimits.callBytesPerPair),
        ]
        #expect(try limits(under: "1. On the wire") == bounds.map { "\($0.0) \($0.1)" })
        let source = try Project.text("Sources/BusWire/WireLimits.swift")
        let declared = source.matches(of: /static let (\w+)(?:: UInt64)? =/).map { String($0.1) }
        #expect(declared == bounds.map(\.0))
    }

    @Test func `limits lists every bound of the broker and of a node`() throws {
        #expect(try limits(under: "2. Broker") == bounds(of: BrokerLimits()))
        #expect(try limits(under: "3. Node") == bounds(of: NodeLimits()))
    }

    @Test func `limits lists every bound of watching`() throws {
        let bounds: [(String, Int)] = [
            ("watchers", ObservingLimits.watchers), ("calls", ObservingLimits.calls),
            ("records", ObservingLimits.records),
            ("recordsPerAnswer", ObservingLimits.recordsPerAnswer),
            ("rows", ObservingLimits.rows),
            ("gatherTime", Int(ObservingLimits.gatherTime.nanoseconds / 1_000_000)),
            ("patience", Int(ObservingLimits.patience.nanoseconds / 1_000_000)),
        ]
        #expect(try limits(under: "6. Watching") == bounds.map { "\($0.0) \($0.1)" })
    }

    @Test func `limits lists every bound of names`() throws {
        #expect(
            try limits(under: "8. Names") == [
                "replicasMax \(NameTable.replicasMax)", "callsMax \(ObjectQuotas.callsMax)",
            ])
    }

    @Test func `limits lists every bound of calls that wait`() throws {
        let bounds: [(String, Int)] = [
            ("longWait", Int(StartQueue.longWait.nanoseconds / 1_000_000)),
            ("lookedMax", StartQueue.lookedMax), ("runningMax", StartQueue.runningMax),
            ("rowsMax of a report", WaitReport.rowsMax), ("linksMax", WaitReport.linksMax),
            ("asksMax", WaitSurvey.asksMax), ("rowsMax of the broker", WaitTable.rowsMax),
            ("reportLife", Int(WaitTable.reportLife.nanoseconds / 1_000_000)),
            ("reportPause", Int(WaitTable.reportPause.nanoseconds / 1_000_000)),
            ("foundMax", WaitTable.foundMax),
        ]
        #expect(try limits(under: "7. Calls that wait") == bounds.map { "\($0.0) \($0.1)" })
    }

    /// Every stored property with its number, spans of time in milliseconds.
    private func bounds(of limits: Any) -> [String] {
        Mirror(reflecting: limits).children.map { child in
            let span = (child.value as? Span).map { "\($0.nanoseconds / 1_000_000)" }
            return "\(child.label ?? "") \(span ?? "\(child.value)")"
        }
    }

    private func limits(under heading: String) throws -> [String] {
        try rows(of: "limits.md", under: heading).map { row in
            "\(row[0].filter { $0 != "`" }) \(row[1].filter { $0 != "," })"
        }
    }
}
