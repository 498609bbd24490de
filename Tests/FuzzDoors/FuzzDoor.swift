// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// A place where bytes of strangers come in, as a function of these bytes alone.
///
/// libFuzzer calls these with what it thinks up (docs/testing.md), tests with what it found before.
package enum FuzzDoor: String, CaseIterable, Sendable {
    /// CBOR, JSON and `Codable` types read from the same bytes.
    case value
    /// One message: a number of buffers, then its first frame.
    case frame
    /// A script of what peers do to the broker's core.
    case broker
    /// A script of what the broker and the application do to a node's core.
    case node

    /// Lets `input` in. Whatever it is, nothing traps.
    ///
    /// - Parameters:
    ///   - isCanary: whether something is done wrong on purpose, which must be found.
    ///   - trace: gets a line for everything that happens in a script.
    /// - Returns: which promise was broken; nil if none was.
    package func violation(
        _ input: [UInt8], isCanary: Bool = false, trace: ((String) -> Void)? = nil
    ) -> String? {
        switch self {
        case .value: ValueDoor(isCanary: isCanary).violation(input)
        case .frame: FrameDoor(isCanary: isCanary).violation(input)
        case .broker:
            self.twice(trace) { trace in
                var door = BrokerDoor(ScriptReader(input), isCanary: isCanary, trace: trace)
                return door.run()
            }
        case .node:
            self.twice(trace) { trace in
                var door = NodeDoor(ScriptReader(input), isCanary: isCanary, trace: trace)
                return door.run()
            }
        }
    }

    /// The same script has the same effects, also though hashing is seeded anew.
    private func twice(
        _ trace: ((String) -> Void)?,
        _ run: (((String) -> Void)?) -> (violation: String?, digest: UInt64)
    ) -> String? {
        let first = run(trace)
        if let violation = first.violation { return violation }
        return run(nil).digest == first.digest ? nil : "the same script had other effects"
    }
}
