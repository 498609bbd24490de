// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusBroker
import BusBrokerCore
import BusKernel
import BusValue
import BusWire
import BusZeroMQ
import Foundation
import Glibc
import Testing

/// Who may come back after a restart of the broker: docs/protocol/handshake.md §7.
@Suite(.timeLimit(.minutes(1))) struct RosterTests {
    private let directory = temporaryPath()
    private let endpoint = Transport.ipc.endpoint
    private let log = LogBook()

    private func start(
        _ change: (inout BrokerConfiguration) -> Void = { _ in }
    ) throws -> Broker {
        var configuration = BrokerConfiguration(endpoints: [self.endpoint])
        configuration.state = .directory(self.directory)
        configuration.logger = self.log.logger
        configuration.limits.resumeWindow = .milliseconds(50)
        configuration.limits.recoveryWindow = .milliseconds(50)
        change(&configuration)
        let broker = Broker(configuration)
        try broker.start()
        return broker
    }

    /// A node that has attached, and whose process is gone.
    private func crashed(_ name: String) throws -> (IncarnationID, Seal, Epoch) {
        try RawNode.attached(self.endpoint, in: try Context(), name: name).resumption
    }

    /// What a node that wants to come back is told.
    private func answer(
        to former: (IncarnationID, Seal, Epoch)
    ) throws -> (kind: MessageKind, error: BusError.Kind?) {
        var node = try RawNode.connected(self.endpoint, in: try Context())
        let answer = try node.hail(resuming: former)
        let isRefused = answer.header.kind == .refused
        return (answer.header.kind, isRefused ? FailureBody(payloadOf: answer).error.kind : nil)
    }

    @Test func `whoever was told dead does not come back in a later run`() throws {
        let first = try self.start()
        var lost = try self.crashed("lost")
        try self.log.wait(for: "incarnation ended", "node=lost", "no new link")
        var late = try self.crashed("late")
        try self.log.wait(for: "link lost", "node=late")
        first.stop()
        let second = try self.start()
        #expect(try self.answer(to: lost).error == .notFound)
        try self.log.wait(for: "incarnation ended", "did not come back")
        second.stop()
        (lost.2, late.2) = (lost.2.next, late.2.next)
        let third = try self.start()
        #expect(try self.answer(to: lost).error == .notFound)
        #expect(try self.answer(to: late).error == .notFound)
        #expect(self.log.lines(with: "broker listens").last?.contains("awaited=0") == true)
        third.stop()
    }

    @Test func `whoever lived comes back, with its secret only`() throws {
        let first = try self.start()
        let former = try self.crashed("n")
        try self.log.wait(for: "link lost", "node=n")
        first.stop()
        let second = try self.start { $0.limits.recoveryWindow = .seconds(30) }
        let forged = Seal(high: former.1.high, low: former.1.low ^ 1)
        #expect(try self.answer(to: (former.0, forged, former.2)).error == .denied)
        #expect(try self.answer(to: former).kind == .welcome)
        try self.log.wait(for: "recovery window closed")
        second.stop()
    }

    @Test func `the file says who lives, to its owner only, and stays small`() throws {
        let broker = try self.start { $0.limits.rosterLines = 4 }
        var stays = try RawNode.attached(self.endpoint, in: try Context())
        for _ in 0..<5 {
            var node = try RawNode.attached(self.endpoint, in: try Context())
            try node.send(Message(FrameHeader(kind: .goodbye)))
            while try stays.ask("status()").value["nodes"]?.intValue != 1 {}
        }
        let path = try self.rosterPath()
        var facts = stat()
        #expect(stat(path, &facts) == 0 && facts.st_mode & 0o777 == 0o600)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let lines = text.split(separator: "\n")
        #expect(lines.count <= 5)
        let present = Set(lines.map { $0.dropFirst() }).filter { number in
            lines.last { $0.hasSuffix(number) }?.first == "+"
        }
        #expect(present.map(String.init) == ["\(stays.incarnation)"])
        broker.stop()
    }

    @Test func `heads have larger numbers in a later run`() throws {
        var numbers: [Int] = []
        for run in 0..<3 {
            let broker = try self.start { $0.limits.rosterLines = 4 }
            var node = try RawNode.attached(self.endpoint, in: try Context(), name: "\(run)")
            for name in ["a", "b"] {
                _ = try node.publish(name)
                let found = try node.ask("find(_:)", [.string(name)]).value
                numbers.append(try #require(found.arrayValue?[2].intValue))
            }
            broker.stop()
        }
        #expect(numbers == numbers.sorted() && Set(numbers).count == 6)
    }

    @Test func `lines that are none do no harm, and a roster without its key is not read`() throws {
        let first = try self.start()
        let former = try self.crashed("n")
        try self.log.wait(for: "link lost", "node=n")
        first.stop()
        let path = try self.rosterPath()
        let kept = try String(contentsOfFile: path, encoding: .utf8)
        try "?\n\n+zz\n\(kept)-\n+00000000".write(
            toFile: path, atomically: false, encoding: .utf8)
        let second = try self.start { $0.limits.recoveryWindow = .seconds(30) }
        #expect(try self.answer(to: former).kind == .welcome)
        second.stop()
        for name in try FileManager.default.contentsOfDirectory(atPath: self.directory)
        where name.hasSuffix(".key") {
            try FileManager.default.removeItem(atPath: "\(self.directory)/\(name)")
        }
        let third = try self.start()
        #expect(self.log.lines(with: "broker listens").last?.contains("awaited=0") == true)
        third.stop()
    }

    private func rosterPath() throws -> String {
        let names = try FileManager.default.contentsOfDirectory(atPath: self.directory)
        return try "\(self.directory)/\(#require(names.first { $0.hasSuffix(".roster") }))"
    }
}
