// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/errors.md: from an error to an exit code and what the user reads.

import BusAPI
import BusBroker

/// An error of whatever kind as the command reports it: one line, or one JSON object, and a code.
struct CommandFailure: Error, Hashable {
    /// What the process ends with.
    let exitCode: Int32
    /// The error's kind, as in the registry; `usage` for the command's own.
    let kind: String
    /// What went wrong, and what can be done.
    private(set) var message: String
    /// Whether the method ran; nil for what never was a call.
    var executed: BusError.Executed?
    /// The type of the error that the object threw.
    var typeName: String?
    /// Its content, where it has one.
    var value: Value?
    /// Where it came from: innermost call first.
    var hops: [Hop] = []

    /// An error in what the user typed.
    static func usage(_ message: String) -> CommandFailure {
        CommandFailure(exitCode: 2, kind: "usage", message: message)
    }

    /// A kind of the registry, found by the command itself.
    static func of(_ kind: BusError.Kind, _ message: String) -> CommandFailure {
        CommandFailure(exitCode: kind.exitCode, kind: kind.rawValue, message: message)
    }

    /// Any error.
    init(_ error: any Error) {
        switch error {
        case let failure as CommandFailure:
            self = failure
        case let error as BusError:
            self.init(
                exitCode: error.kind.exitCode, kind: error.kind.rawValue, message: error.message,
                executed: error.executed)
        case let error as RemoteError:
            self.init(
                exitCode: BusError.Kind.failed.exitCode, kind: BusError.Kind.failed.rawValue,
                message: error.message, executed: .yes, typeName: error.typeName,
                value: error.value, hops: error.hops)
        case let error as BrokerError:
            self.init(
                exitCode: error.reason.exitCode, kind: error.reason.word,
                message: error.message.replacing("'insecure'", with: "--insecure"))
        case is CancellationError:
            self = .of(.cancelled, "interrupted")
        default:
            self = .of(.failed, "\(error)")
        }
    }

    private init(
        exitCode: Int32, kind: String, message: String, executed: BusError.Executed? = nil,
        typeName: String? = nil, value: Value? = nil, hops: [Hop] = []
    ) {
        self.exitCode = exitCode
        self.kind = kind
        self.message = message
        self.executed = executed
        self.typeName = typeName
        self.value = value
        self.hops = hops
    }

    /// The same failure, told with the place of the setting that caused it, unless it was typed.
    func placed(_ origin: SettingOrigin?, _ key: String) -> CommandFailure {
        var failure = self
        switch origin {
        case .file: failure.message = "\(origin?.text ?? ""): \(key): \(self.message)"
        case .variable(let name): failure.message = "\(name): \(self.message)"
        case .option, .standard, nil: break
        }
        return failure
    }

    /// `error: ` and everything on one line, without control characters.
    func line(isColored: Bool = false) -> String {
        var text = self.typeName.map { "\($0): \(self.message)" } ?? self.message
        if let innermost = self.hops.first, self.typeName != nil { text += " (in \(innermost))" }
        if self.executed == .maybe { text += " (it may have been executed)" }
        return (isColored ? Text.alarming("error:") : "error:") + " \(Text.line(text))"
    }

    /// The same for programs, on one line.
    var json: String {
        var map: ValueMap = [
            "error": .string(self.message), "kind": .string(self.kind),
            "exitCode": .integer(Int64(self.exitCode)),
        ]
        if let executed { map["executed"] = .string(executed.rawValue) }
        if let typeName { map["type"] = .string(typeName) }
        if let value { map["value"] = value }
        if !self.hops.isEmpty {
            map["hops"] = .array(
                self.hops.map {
                    .map([
                        "node": .string($0.node), "object": .string($0.object),
                        "method": .string($0.method),
                    ])
                })
        }
        return Value.map(map).json()
    }
}

extension BrokerError.Reason {
    /// 4 where something else is in the way, 2 where an option is wrong, 5 for missing rights.
    fileprivate var exitCode: Int32 {
        switch self {
        case .addressInUse, .system: 4
        case .addressInvalid, .insecure, .state, .alreadyStarted: 2
        case .accessDenied: 5
        }
    }

    fileprivate var word: String {
        switch self {
        case .addressInUse: "addressInUse"
        case .addressInvalid: "addressInvalid"
        case .accessDenied: "denied"
        case .insecure: "insecure"
        case .state: "state"
        case .alreadyStarted: "alreadyStarted"
        case .system: "system"
        }
    }
}
