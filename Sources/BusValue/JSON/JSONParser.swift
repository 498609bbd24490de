// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/json.md §1 and §5: RFC 8259 to the letter, within bounds.

/// Reads one JSON text as a value.
struct JSONParser {
    private let text: [UInt8]
    private let limits: ValueLimits
    private let reference: (String) throws -> ReferenceSlot
    private var place = 0
    private var itemsLeft: Int
    /// Wrappers take up to three levels of JSON for one of a value's.
    private let depthMax: Int

    init(
        _ text: [UInt8], limits: ValueLimits,
        reference: @escaping (String) throws -> ReferenceSlot
    ) {
        self.text = text
        self.limits = limits
        self.reference = reference
        itemsLeft = limits.items
        depthMax = limits.depth * 4
    }

    mutating func parse() throws -> Value {
        if text.count > limits.messageBytes {
            throw ValueError(
                .limitExceeded, at: limits.messageBytes,
                "the text takes more than \(limits.messageBytes) bytes")
        }
        let value = try value(depth: 0)
        skipSpace()
        if place < text.count {
            throw ValueError(.trailingBytes, at: place, "something follows the value")
        }
        return value
    }

    private mutating func value(depth: Int) throws -> Value {
        skipSpace()
        itemsLeft -= 1
        if itemsLeft < 0 { throw over("the value has more than \(limits.items) items") }
        guard let unit = peek else { throw unexpected("a value") }
        switch unit {
        case 0x7b: return try object(depth: depth + 1)
        case 0x5b: return try array(depth: depth + 1)
        case 0x22: return .string(try string())
        case 0x74: return try word("true", .bool(true))
        case 0x66: return try word("false", .bool(false))
        case 0x6e: return try word("null", .null)
        default: return try number()
        }
    }

    private mutating func word(_ word: String, _ value: Value) throws -> Value {
        let end = place + word.utf8.count
        guard end <= text.count, text[place..<end].elementsEqual(word.utf8) else {
            throw unexpected("a value")
        }
        place = end
        return value
    }

    // MARK: Containers

    private mutating func array(depth: Int) throws -> Value {
        try open(depth)
        var elements: [Value] = []
        if close(0x5d) { return .array(elements) }
        repeat { elements.append(try value(depth: depth)) } while try more(0x5d)
        return .array(elements)
    }

    private mutating func object(depth: Int) throws -> Value {
        let start = place
        try open(depth)
        var entries: [ValueMap.Entry] = []
        if close(0x7d) { return .map(ValueMap()) }
        repeat {
            skipSpace()
            guard peek == 0x22 else { throw unexpected("a key") }
            let key = try string()
            skipSpace()
            guard peek == 0x3a else { throw unexpected("a colon") }
            place += 1
            entries.append(.init(key: .string(key), value: try value(depth: depth)))
        } while try more(0x7d)
        if entries.count == 1, let key = entries[0].key.stringValue, key.hasPrefix("$") {
            do {
                return try Value.unwrap(
                    key: key, content: entries[0].value, limits: limits, reference: reference)
            } catch let error as ValueError {
                throw ValueError(error.kind, at: error.offset ?? start, error.message)
            }
        }
        guard let map = ValueMap(distinct: entries) else {
            throw ValueError(.duplicate, at: start, "the object has a key twice")
        }
        return .map(map)
    }

    private mutating func open(_ depth: Int) throws {
        if depth > depthMax { throw over("the text is nested more than \(depthMax) deep") }
        place += 1
    }

    private mutating func close(_ unit: UInt8) -> Bool {
        skipSpace()
        guard peek == unit else { return false }
        place += 1
        return true
    }

    /// Whether a comma announces another element; else the end must be here.
    private mutating func more(_ end: UInt8) throws -> Bool {
        skipSpace()
        guard peek == 0x2c || peek == end else { throw unexpected("a comma or the end") }
        place += 1
        return text[place - 1] == 0x2c
    }

    // MARK: Scalars

    private mutating func number() throws -> Value {
        let start = place
        if peek == 0x2d { place += 1 }
        let first = place
        guard digits() > 0 else { throw unexpected("a value") }
        if text[first] == 0x30, place - first > 1 { throw unexpected("no leading zero", first) }
        var isInteger = true
        if peek == 0x2e {
            isInteger = false
            place += 1
            guard digits() > 0 else { throw unexpected("a digit") }
        }
        if peek == 0x65 || peek == 0x45 {
            isInteger = false
            place += 1
            if peek == 0x2b || peek == 0x2d { place += 1 }
            guard digits() > 0 else { throw unexpected("a digit") }
        }
        let units = text[start..<place]
        if isInteger {
            guard units.count <= limits.decimalDigits else {
                throw ValueError(.limitExceeded, at: start, "the integer has too many digits")
            }
            if let integer = Value(decimal: units) { return integer }
        } else if let double = Double(String(decoding: units, as: UTF8.self)), double.isFinite {
            return .double(double)
        }
        throw ValueError(.malformed, at: start, "the number is out of range")
    }

    private mutating func digits() -> Int {
        let start = place
        while let unit = peek, 0x30...0x39 ~= unit { place += 1 }
        return place - start
    }

    private mutating func string() throws -> String {
        place += 1
        var units: [UInt8] = []
        while let unit = peek {
            switch unit {
            case 0x22:
                place += 1
                guard let string = String(validating: units, as: UTF8.self) else {
                    throw unexpected("UTF-8")
                }
                return string
            case 0x5c: try escape(&units)
            case 0..<0x20: throw unexpected("no control character")
            default:
                units.append(unit)
                place += 1
            }
        }
        throw unexpected("the end of a string")
    }

    private mutating func escape(_ units: inout [UInt8]) throws {
        place += 1
        guard let unit = peek else { throw unexpected("an escape") }
        place += 1
        switch unit {
        case 0x22, 0x5c, 0x2f: units.append(unit)
        case 0x62: units.append(0x08)
        case 0x66: units.append(0x0c)
        case 0x6e: units.append(0x0a)
        case 0x72: units.append(0x0d)
        case 0x74: units.append(0x09)
        case 0x75:
            var code = try codeUnit()
            if 0xd800...0xdbff ~= code {
                guard peek == 0x5c, place + 1 < text.count, text[place + 1] == 0x75 else {
                    throw unexpected("the second half of a surrogate pair")
                }
                place += 2
                let low = try codeUnit()
                guard 0xdc00...0xdfff ~= low else {
                    throw unexpected("the second half of a surrogate pair")
                }
                code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
            }
            guard let scalar = Unicode.Scalar(code) else {
                throw unexpected("the first half of a surrogate pair")
            }
            units.append(contentsOf: String(Character(scalar)).utf8)
        default: throw unexpected("an escape", place - 1)
        }
    }

    private mutating func codeUnit() throws -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let unit = peek, let digit = hexadecimalDigit(unit) else {
                throw unexpected("a hexadecimal digit")
            }
            code = code << 4 | UInt32(digit)
            place += 1
        }
        return code
    }

    // MARK: Helpers

    private var peek: UInt8? { place < text.count ? text[place] : nil }

    private mutating func skipSpace() {
        while let unit = peek, unit == 0x20 || 0x09...0x0a ~= unit || unit == 0x0d {
            place += 1
        }
    }

    private func unexpected(_ expected: String, _ place: Int? = nil) -> ValueError {
        ValueError(
            self.place < text.count ? .malformed : .truncated, at: place ?? self.place,
            "expected \(expected)")
    }

    private func over(_ message: String) -> ValueError {
        ValueError(.limitExceeded, at: place, message)
    }
}
