// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Pure: no I/O, no clock, no randomness.

/// Something that goes wrong between two messages of a script.
///
/// Written as `cut1/up@4`: after the fourth message the link of node 1 is cut, and what is on its
/// way up arrives nevertheless. `@4+` means just before the fifth.
package struct BoundaryFault: Hashable, Sendable {
    /// What of the messages under way still arrives.
    package enum Remainder: String, CaseIterable, Sendable {
        case none
        case up
        case down
        case both
    }

    package enum Kind: Hashable, Sendable {
        /// Both ends learn soon that the link of this node is gone.
        case cut(node: Int, arriving: Remainder)
        /// Nobody learns it but by the silence.
        case silence(node: Int)
        /// The broker dies and comes back with nothing but its key.
        case restart
        /// A process dies; another one starts in its place.
        case crash(node: Int)
    }

    package let kind: Kind
    /// How many messages of the script have been delivered then.
    package let after: Int
    /// Whether it happens just before the next message and not at once: the applications may have
    /// done something in between.
    package let isLate: Bool

    package init(_ kind: Kind, after: Int, isLate: Bool = false) {
        self.kind = kind
        self.after = after
        self.isLate = isLate
    }

    /// Whether a process ends by it, so that calls may fail.
    var endsProcess: Bool {
        if case .crash = self.kind { true } else { false }
    }
}

extension BoundaryFault: LosslessStringConvertible {
    package var description: String {
        let what =
            switch self.kind {
            case .cut(let node, .none): "cut\(node)"
            case .cut(let node, let remainder): "cut\(node)/\(remainder.rawValue)"
            case .silence(let node): "silence\(node)"
            case .restart: "restart"
            case .crash(let node): "crash\(node)"
            }
        return "\(what)@\(self.after)\(self.isLate ? "+" : "")"
    }

    package init?(_ description: String) {
        let parts = description.split(separator: "@")
        guard parts.count == 2, let kind = Kind(parts[0]) else { return nil }
        let isLate = parts[1].hasSuffix("+")
        guard let after = Int(isLate ? parts[1].dropLast() : parts[1]), after >= 0 else {
            return nil
        }
        self.init(kind, after: after, isLate: isLate)
    }
}

extension BoundaryFault.Kind {
    fileprivate init?(_ text: Substring) {
        if text == "restart" {
            self = .restart
            return
        }
        let word = text.prefix { !$0.isNumber }
        let rest = text.dropFirst(word.count).split(separator: "/")
        guard let first = rest.first, let node = Int(first), rest.count <= 2 else { return nil }
        switch word {
        case "cut":
            let remainder = BoundaryFault.Remainder(
                rawValue: rest.count == 2 ? String(rest[1]) : "none")
            guard let remainder else { return nil }
            self = .cut(node: node, arriving: remainder)
        case "silence" where rest.count == 1: self = .silence(node: node)
        case "crash" where rest.count == 1: self = .crash(node: node)
        default: return nil
        }
    }
}
