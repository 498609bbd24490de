// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// Whose method a mangled name from the wire is, seen from one local actor (R27).
///
/// Only text is compared; no type is looked up. The names that pass are names of distributed
/// functions that this process really contains, so the runtime parses nothing that a peer made up.
enum TargetKind: Equatable, Sendable {
    /// A method of the actor's own type. The decoder must not be asked for substitutions.
    case own
    /// A method of a protocol: of an `@Resolvable` one (`class $Name`) or of a protocol extension.
    /// The decoder must be asked for substitutions and answers `[type(of: actor)]`: then the
    /// runtime itself checks that the type conforms.
    case ofProtocol

    /// - Returns: nil when `name` is not a method that `type` may run; any bytes are allowed in it.
    init?(of name: String, on type: any Any.Type) {
        var name = name
        let kind = name.withUTF8 { utf8 -> TargetKind? in
            var parser = TargetNameParser(utf8: utf8)
            return parser.kind(ownPrefix: _mangledTypeName(type))
        }
        guard let kind else { return nil }
        self = kind
    }
}

@_silgen_name("swift_findAccessibleFunction")
private func findAccessibleFunction(_ name: UnsafePointer<UInt8>, _ count: Int) -> UnsafeRawPointer?

/// Reads the context and the base name of a mangled distributed thunk, and no more.
private struct TargetNameParser {
    private static let lengthMax = 2_048
    private let utf8: UnsafeBufferPointer<UInt8>
    private var at = 0

    init(utf8: UnsafeBufferPointer<UInt8>) { self.utf8 = utf8 }

    mutating func kind(ownPrefix: String?) -> TargetKind? {
        // "YaKFTE": async, throwing, no generic parameters of its own, a distributed thunk.
        guard utf8.count <= Self.lengthMax, skip("$s"), utf8.suffix(6).elementsEqual("YaKFTE".utf8)
        else { return nil }
        let kind: TargetKind
        if let ownPrefix, skip(ownPrefix) {
            kind = .own
        } else if skipProtocol() {
            kind = .ofProtocol
        } else {
            return nil
        }
        guard skipMethodName(), let base = utf8.baseAddress,
            findAccessibleFunction(base, utf8.count) != nil
        else { return nil }
        return kind
    }

    private var next: UInt8 { at < utf8.count ? utf8[at] : 0 }

    private mutating func skip(_ text: String) -> Bool {
        guard utf8[at...].starts(with: text.utf8) else { return false }
        at += text.utf8.count
        return true
    }

    /// A module, then `class $Name` (never nested, never private: the compiler refuses both), or
    /// enclosing types and a protocol.
    private mutating func skipProtocol() -> Bool {
        guard skipIdentifier() != nil, let first = skipIdentifier() else { return false }
        if skip("C") { return first == UInt8(ascii: "$") }
        while skip("O") || skip("V") || skip("C") {
            guard skipIdentifier() != nil else { return false }
        }
        return skip("P")
    }

    /// `name`, or `module E name` in an extension; a type's kind after it would be a nested type.
    private mutating func skipMethodName() -> Bool {
        guard skipIdentifier() != nil else { return false }
        if skip("E"), skipIdentifier() == nil { return false }
        let end = at
        if skipIdentifier() == nil || !skip("LL") { at = end }  // a private name's file
        return !"CVOPaE".utf8.contains(next)
    }

    /// Skips an identifier or a back reference to one; gives its first byte, 0 if not literal.
    private mutating func skipIdentifier() -> UInt8? {
        if skip("A") {
            while isDigit(next) || (next >= 0x61 && next <= 0x7A) { at += 1 }
            guard isLetter(next) || next == UInt8(ascii: "_") else { return nil }
            at += 1
            return 0
        }
        guard isDigit(next) else { return nil }
        let puny = skip("00")
        var words = !puny && skip("0")
        var first: UInt8?
        repeat {
            while words, isLetter(next) {  // a word said before; an upper-case letter is the last
                words = next >= 0x61
                first = first ?? 0
                at += 1
            }
            if skip("0") { break }
            guard let count = number() else { return nil }
            if puny { _ = skip("_") }
            guard count <= utf8.count - at else { return nil }
            first = first ?? (puny ? 0 : next)
            at += count
        } while words
        return first
    }

    private mutating func number() -> Int? {
        var value = 0
        while isDigit(next), value <= Self.lengthMax {
            value = value * 10 + Int(next - 0x30)
            at += 1
        }
        return value > 0 ? value : nil
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
    private func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
}
