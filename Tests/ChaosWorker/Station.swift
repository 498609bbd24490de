// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import ChaosChecks

/// What is called: it writes each call down before it answers.
distributed actor Station {
    typealias ActorSystem = Bus

    private let lane: Int
    private let journal: Journal

    init(_ lane: Int, _ journal: Journal, actorSystem: Bus) {
        self.actorSystem = actorSystem
        (self.lane, self.journal) = (lane, journal)
    }

    /// Answers at once.
    distributed func enter(_ client: Int, _ call: Int) -> Int { self.note(client, call) }

    /// Has nothing to answer.
    distributed func tell(_ client: Int, _ call: Int) { _ = self.note(client, call) }

    /// Answers after so many milliseconds; others come in meanwhile.
    distributed func linger(_ client: Int, _ call: Int, milliseconds: Int) async -> Int {
        let answer = self.note(client, call)
        await pause(milliseconds: milliseconds)
        return answer
    }

    /// Answers if the bytes are those that belong to the call.
    distributed func take(_ client: Int, _ call: Int, _ bytes: Bytes) throws -> Int {
        guard bytes == load(of: call) else { throw ChaosError("other bytes than were sent") }
        return self.note(client, call)
    }

    private func note(_ client: Int, _ call: Int) -> Int {
        guard let context = CallContext.current else { return 0 }
        let (client, call) = (UInt16(truncatingIfNeeded: client), UInt32(truncatingIfNeeded: call))
        let place = self.journal.run(
            self.lane, client: client, call: call, of: context.caller, in: context.object.owner)
        return chaosAnswer(client: client, call: call, place: place)
    }
}

/// What a call with a large argument takes there.
func load(of call: Int) -> Bytes {
    Bytes([UInt8](repeating: UInt8(truncatingIfNeeded: call), count: 65_536))
}

extension Station: BusObjectProtocol {
    static let busInterface = Interface(
        name: "Station", documentation: "",
        methods: ["enter(_:_:)", "tell(_:_:)", "linger(_:_:milliseconds:)", "take(_:_:_:)"]
            .map { .init(name: $0) })

    static func busDispatch(
        _ call: IncomingCall, on object: isolated Station
    ) async throws -> CallResult? {
        switch call.method {
        case "enter(_:_:)":
            var arguments = try call.arguments(2)
            let client = try arguments.next("_", as: Int.self)
            let number = try arguments.next("_", as: Int.self)
            return try call.result(object.enter(client, number))
        case "tell(_:_:)":
            var arguments = try call.arguments(2)
            let client = try arguments.next("_", as: Int.self)
            object.tell(client, try arguments.next("_", as: Int.self))
            return call.result()
        case "linger(_:_:milliseconds:)":
            var arguments = try call.arguments(3)
            let client = try arguments.next("_", as: Int.self)
            let number = try arguments.next("_", as: Int.self)
            let milliseconds = try arguments.next("milliseconds", as: Int.self)
            return try call.result(
                await object.linger(client, number, milliseconds: milliseconds))
        case "take(_:_:_:)":
            var arguments = try call.arguments(3)
            let client = try arguments.next("_", as: Int.self)
            let number = try arguments.next("_", as: Int.self)
            let bytes = try arguments.next("_", as: Bytes.self)
            return try call.result(object.take(client, number, bytes))
        default:
            return nil
        }
    }
}
