// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusZeroMQ
import Distributed

/// The full names of distributed methods, which travel instead of mangled ones (rules R27).
enum MethodName {
    /// Names found lately, by where their identifiers lie: hashing one takes longer than all else
    /// here, and those that the compiler makes stay where they are.
    private static let known = Locked([Known](repeating: Known(), count: 256))

    private struct Known {
        var identifier = ""
        var name = ""
    }

    /// The full name, `transfer(_:to:)`, of a call's target.
    static func full(of target: RemoteCallTarget) -> String {
        let identifier = target.identifier
        let place = identifier.utf8.withContiguousStorageIfAvailable { bytes in
            UInt(bitPattern: bytes.baseAddress) / 8 % 256
        }
        guard let place else { return self.fullName(in: "\(target)") }
        let known = self.known.withLock { names in
            names[Int(place)].identifier == identifier ? names[Int(place)].name : nil
        }
        if let known { return known }
        let name = self.fullName(in: "\(target)")
        self.known.withLock { $0[Int(place)] = Known(identifier: identifier, name: name) }
        return name
    }

    /// The full name of a method with these arguments, in one string as it grows: in front of each
    /// dynamic call.
    static func full<Argument>(
        _ base: String, labels arguments: KeyValuePairs<String, Argument>
    ) -> String {
        var name = base
        name.append("(")
        for (label, _) in arguments {
            name.append(label.isEmpty ? "_" : label)
            name.append(":")
        }
        name.append(")")
        return name
    }

    /// What follows the last period that stands before the parentheses and outside backticks.
    static func fullName(in description: String) -> String {
        var start = description.startIndex
        var isQuoted = false
        for index in description.utf8.indices {
            let unit = description.utf8[index]
            if unit == UInt8(ascii: "`") { isQuoted.toggle() }
            if isQuoted { continue }
            if unit == UInt8(ascii: "(") { break }
            if unit == UInt8(ascii: ".") { start = description.utf8.index(after: index) }
        }
        // Raw identifiers are described with no-break spaces.
        return String(description[start...].map { $0 == "\u{A0}" ? " " : $0 })
    }

    /// How many arguments a method with this full name takes.
    static func arity(of fullName: String) -> Int {
        fullName.utf8.count { $0 == UInt8(ascii: ":") }
    }
}
