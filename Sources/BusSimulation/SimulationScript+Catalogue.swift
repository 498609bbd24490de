// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

import BusWire

/// The small stories that must end well whatever breaks between two of their messages.
///
/// Node 0 owns `o`, as a rule, and node 1 calls.
extension SimulationScript {
    /// All of them; each has at least one that comes close to a bug that others have had.
    package static let all: [SimulationScript] = [
        call, threeCalls, callback, handOver, comingHome, comingHomeAlone, crossing, crossingKept,
        crossingReply, dyingToken, returnedByDyingHandler, factory, selfHandle, nestedHandOver,
        oneWay, oneWayAndGone, cancelled, cancelledLater, publishAndFind, withdrawn, revoked,
        revokedAndPassed,
    ]

    /// The one of that name.
    package static func named(_ name: String) -> SimulationScript? {
        self.all.first { $0.name == name }
    }

    /// Node 0 publishes `o`, and the others find it.
    private static func found(by nodes: Int...) -> [Step] {
        [.make("o", at: 0), .publish("o"), .calls] + nodes.map { .find("o", at: $0) }
            + [.calls, .withdraw("o"), .calls, .rest]
    }

    /// Node 2 publishes `p`, and another one finds it.
    private static func foundThird(by node: Int) -> [Step] {
        [.make("p", at: 2), .publish("p"), .calls, .find("p", at: node), .calls]
    }

    // MARK: Calls

    private static let call = SimulationScript(
        "call", nodes: 2, setting: found(by: 1), steps: [.call(Call("1", by: 1, of: "o"))])

    /// What comes later must not start earlier, whoever has to send what again.
    private static let threeCalls = SimulationScript(
        "three-calls", nodes: 2, setting: found(by: 1),
        steps: (1...3).map { .call(Call("\($0)", by: 1, of: "o")) })

    private static let callback = SimulationScript(
        "callback", nodes: 2, setting: found(by: 1) + [.make("c", at: 1)],
        steps: [
            .call(
                Call("out", by: 1, of: "o", passing: ["c"]).with {
                    $0.inner = [Call("back", by: 0, of: "c")]
                })
        ])

    private static let oneWay = SimulationScript(
        "one-way", nodes: 2, setting: found(by: 1) + [.make("c", at: 1)],
        steps: [
            .call(
                Call("1", by: 1, of: "o", passing: ["c"]).with {
                    $0.isOneWay = true
                    $0.keeps = true
                }), .call(Call("2", by: 1, of: "o")),
        ])

    /// Nothing but the order of the link keeps what a one-way call needs.
    private static let oneWayAndGone = SimulationScript(
        "one-way-and-gone", nodes: 3, setting: found(by: 1) + foundThird(by: 1) + [.forget("o")],
        steps: [
            .call(
                Call("1", by: 1, of: "p", passing: ["o"]).with {
                    $0.isOneWay = true
                    $0.keeps = true
                }), .drop("o", at: 1), .drop("p", at: 1),
        ])

    /// The call may not have left, may be under way, or may run.
    private static let cancelled = SimulationScript(
        "cancelled", nodes: 2, setting: found(by: 1) + [.make("c", at: 1)],
        steps: [
            .call(
                Call("1", by: 1, of: "o", passing: ["c", "o"]).with {
                    $0.keeps = true
                    $0.runsUntilCancelled = true
                    $0.failures = [.cancelled]
                    $0.mustFail = true
                }), .cancel("1"), .forget("c"),
        ])

    private static let cancelledLater = SimulationScript(
        "cancelled-later", nodes: 2, setting: found(by: 1) + [.make("c", at: 1)],
        steps: [
            .call(
                Call("1", by: 1, of: "o", passing: ["c"]).with {
                    $0.keeps = true
                    $0.runsUntilCancelled = true
                    $0.failures = [.cancelled]
                    $0.mustFail = true
                }), .messages(2), .cancel("1"), .drop("o", at: 1),
        ])

    // MARK: References

    /// To a third party, and let go at once by the one who handed it over.
    private static let handOver = SimulationScript(
        "hand-over", nodes: 3, setting: found(by: 1) + foundThird(by: 1) + [.forget("o")],
        steps: [
            .call(Call("1", by: 1, of: "p", passing: ["o"]).with { $0.keeps = true }),
            .drop("o", at: 1), .calls, .drop("o", at: 2),
        ])

    /// In an inner call of the handler that has just got it.
    private static let nestedHandOver = SimulationScript(
        "nested-hand-over", nodes: 3,
        setting: found(by: 1) + foundThird(by: 0) + [.make("c", at: 1)],
        steps: [
            .call(
                Call("out", by: 1, of: "o", passing: ["c"]).with {
                    $0.inner = [
                        Call("on", by: 0, of: "p", passing: ["c"]).with { $0.keeps = true }
                    ]
                }), .forget("c"),
        ])

    private static let comingHome = SimulationScript(
        "coming-home", nodes: 2, setting: found(by: 1),
        steps: [.call(Call("1", by: 1, of: "o", passing: ["o"])), .drop("o", at: 1)])

    /// Nobody but the one who brings it home keeps it: its UNREF comes behind.
    private static let comingHomeAlone = SimulationScript(
        "coming-home-alone", nodes: 2,
        setting: found(by: 1) + [.make("d", at: 0), .publish("d"), .calls, .find("d", at: 1)],
        steps: [
            .forget("o"), .call(Call("1", by: 1, of: "d", passing: ["o"])), .drop("o", at: 1),
        ])

    /// A copy is on its way while its receiver lets go of an earlier one.
    private static let crossing = SimulationScript(
        "release-crosses-copy", nodes: 2, setting: found(by: 1) + giving,
        steps: [
            .call(Call("1", by: 0, of: "d", passing: ["o"])), .drop("o", at: 1), .forget("o"),
        ])

    private static let crossingKept = SimulationScript(
        "release-crosses-kept-copy", nodes: 2, setting: found(by: 1) + giving,
        steps: [
            .call(Call("1", by: 0, of: "d", passing: ["o"]).with { $0.keeps = true }),
            .drop("o", at: 1), .forget("o"), .calls, .rest, .call(Call("2", by: 1, of: "o")),
        ])

    /// Node 1 owns `d`, which node 0 holds.
    private static let giving: [Step] = [
        .make("d", at: 1), .publish("d"), .calls, .find("d", at: 0), .calls,
    ]

    /// The answer brings what the caller is just letting go.
    private static let crossingReply = SimulationScript(
        "release-crosses-reply", nodes: 2,
        setting: found(by: 1) + [.make("d", at: 0), .publish("d"), .calls, .find("d", at: 1)],
        steps: [
            .call(
                Call("1", by: 1, of: "d").with {
                    $0.returned = ["o"]
                    $0.dropped = ["o"]
                    $0.takes = true
                }), .drop("o", at: 1), .calls, .rest,
            .call(Call("2", by: 1, of: "o")),
        ])

    /// The argument, and the target itself, are let go as soon as the call is issued.
    private static let dyingToken = SimulationScript(
        "dying-token", nodes: 3, setting: found(by: 1) + foundThird(by: 1),
        steps: [
            .forget("o"), .call(Call("1", by: 1, of: "p", passing: ["o"])), .drop("o", at: 1),
            .drop("p", at: 1),
        ])

    /// Handed on by one who lets go of it in the same breath.
    private static let returnedByDyingHandler = SimulationScript(
        "returned-by-dying-handler", nodes: 3,
        setting: found(by: 1) + [.make("d", at: 1), .publish("d"), .calls, .find("d", at: 2)]
            + [.calls, .forget("o")],
        steps: [
            .call(
                Call("1", by: 2, of: "d").with {
                    $0.returned = ["o"]
                    $0.dropped = ["o"]
                    $0.takes = true
                }), .calls, .rest, .call(Call("2", by: 2, of: "o")),
        ])

    /// What the handler makes and returns lives by its caller alone.
    private static let factory = SimulationScript(
        "factory", nodes: 2, setting: found(by: 1),
        steps: [
            .call(
                Call("1", by: 1, of: "o").with {
                    $0.returned = ["new"]
                    $0.dropped = ["new"]
                    $0.takes = true
                }), .calls, .call(Call("2", by: 1, of: "new")), .drop("new", at: 1),
        ])

    /// An object gets itself, gives itself to its caller, and is let go by all.
    private static let selfHandle = SimulationScript(
        "self-handle", nodes: 2, setting: found(by: 1),
        steps: [
            .call(
                Call("1", by: 1, of: "o", passing: ["o"]).with {
                    $0.inner = [Call("self", by: 0, of: "o", passing: ["o"])]
                    $0.returned = ["o"]
                    $0.takes = true
                }), .forget("o"), .calls, .drop("o", at: 1), .drop("o", at: 1),
        ])

    // MARK: Names and rights

    private static let publishAndFind = SimulationScript(
        "publish-and-find", nodes: 3, setting: [.make("o", at: 0)],
        steps: [
            .publish("o"), .calls, .find("o", at: 2), .calls, .call(Call("1", by: 2, of: "o")),
        ])

    private static let withdrawn = SimulationScript(
        "withdrawn", nodes: 2, setting: [.make("o", at: 0), .publish("o"), .calls],
        steps: [
            .find("o", at: 1), .calls, .withdraw("o"), .forget("o"),
            .call(Call("1", by: 1, of: "o")),
            .drop("o", at: 1),
        ])

    /// The call is started before the mark, or denied; what is called when the broker has heard of
    /// the mark is denied.
    private static let revoked = SimulationScript(
        "revoked", nodes: 2, setting: found(by: 1) + giving,
        steps: [
            .call(Call("1", by: 1, of: "o").with { $0.failures = [.denied] }), .revoke("o"),
            .call(Call("behind", by: 0, of: "d")), .calls,
            .call(
                Call("2", by: 1, of: "o").with {
                    $0.failures = [.denied]
                    $0.mustFail = true
                }),
        ])

    /// A right that was revoked can't be passed on, and a new one can be given.
    private static let revokedAndPassed = SimulationScript(
        "revoked-and-passed", nodes: 3,
        setting: found(by: 1) + foundThird(by: 1) + [.find("p", at: 0), .calls],
        steps: [
            .revoke("o"),
            .call(
                Call("1", by: 1, of: "p", passing: ["o"]).with {
                    $0.keeps = true
                    $0.failures = [.denied]
                }), .calls,
            .call(Call("2", by: 0, of: "p", passing: ["o"]).with { $0.keeps = true }), .calls,
            .rest,
            .call(Call("3", by: 2, of: "o")),
        ])
}
