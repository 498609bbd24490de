// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/json.md §2.

/// Writes values as JSON text.
struct JSONWriter {
    private(set) var text: [UInt8] = []
    let isPretty: Bool
    let reference: (ReferenceSlot) -> String
    private var level = 0

    init(isPretty: Bool, reference: @escaping (ReferenceSlot) -> String) {
        self.isPretty = isPretty
        self.reference = reference
    }

    mutating func write(_ value: Value) {
        if let wrapping = value.wrapping(reference: reference) {
            return object([(wrapping.key, wrapping.content)])
        }
        switch value {
        case .bool(let bool): text += (bool ? "true" : "false").utf8
        case .integer(let integer): text += integer.description.utf8
        case .bigInteger(let integer): text += integer.description.utf8
        case .double(let double): text += double.description.utf8
        case .string(let string): quote(string)
        case .array(let array):
            list(array, open: 0x5b, close: 0x5d) { $0.write($1) }
        case .map(let map):
            let isEscaped = map.count == 1
            object(
                map.map { entry in
                    let key = entry.key.stringValue ?? ""
                    return (isEscaped && key.hasPrefix("$") ? "$" + key : key, entry.value)
                })
        default: text += "null".utf8  // Null; the other kinds are wrapped.
        }
    }

    private mutating func object(_ entries: [(key: String, value: Value)]) {
        list(entries, open: 0x7b, close: 0x7d) { writer, entry in
            writer.quote(entry.key)
            writer.text += (writer.isPretty ? ": " : ":").utf8
            writer.write(entry.value)
        }
    }

    private mutating func list<Element>(
        _ elements: [Element], open: UInt8, close: UInt8,
        _ body: (inout JSONWriter, Element) -> Void
    ) {
        text.append(open)
        level += 1
        for (place, element) in elements.enumerated() {
            if place > 0 { text.append(0x2c) }
            newLine()
            body(&self, element)
        }
        level -= 1
        if !elements.isEmpty { newLine() }
        text.append(close)
    }

    private mutating func newLine() {
        guard isPretty else { return }
        text.append(0x0a)
        for _ in 0..<level * 2 { text.append(0x20) }
    }

    private mutating func quote(_ string: String) {
        text.append(0x22)
        for unit in string.utf8 {
            switch unit {
            case 0x22, 0x5c: text += [0x5c, unit]
            case 0x0a: text += [0x5c, 0x6e]
            case 0x0d: text += [0x5c, 0x72]
            case 0x09: text += [0x5c, 0x74]
            case 0..<0x20, 0x7f: text += "\\u00\(hexadecimal([unit]))".utf8
            default: text.append(unit)
            }
        }
        text.append(0x22)
    }
}
