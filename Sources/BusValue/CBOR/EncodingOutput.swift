// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/values.md §2, §5 (frames) and §6 (limits) for whole values.

/// Bytes under construction, with what is left of the limits and the frames collected so far.
struct EncodingOutput {
    /// Where the key and the value of one map entry start.
    struct Entry {
        var key: Int
        var value: Int
        /// Where the value ends; known when the map is closed.
        var end = 0
    }

    /// A state to go back to.
    struct Mark {
        let bytes: Int
        let buffers: Int
        let entries: Int
    }

    /// The encoding so far; may begin with items of the caller.
    var bytes: [UInt8] = []
    /// Frames collected so far; may begin with frames of the caller.
    var buffers: [Bytes] = []
    /// Whether large bytes may become frames.
    var collects = false
    /// The bounds.
    let limits: ValueLimits
    /// Where the item under construction starts.
    private let start: Int
    /// Items that may still be written.
    private var itemsLeft: Int
    /// Where the keys and values of all open maps' entries start; the innermost map's are last.
    var entries: [Entry] = []
    /// Inside how many sets and map keys we are: there bytes stay inline, to be sorted by content.
    var keyDepth = 0

    init(limits: ValueLimits, start: Int = 0) {
        self.limits = limits
        self.start = start
        itemsLeft = limits.items
    }

    /// Takes `count` items from the budget and looks at the size written so far.
    mutating func admit(_ count: Int = 1) throws(ValueError) {
        itemsLeft -= count
        if itemsLeft < 0 {
            throw ValueError(.limitExceeded, "a value has more than \(limits.items) items")
        }
        try checkSize(0)
    }

    /// Fails when `more` bytes would make the item too large.
    func checkSize(_ more: Int) throws(ValueError) {
        if bytes.count - start > limits.messageBytes - more {
            throw ValueError(
                .limitExceeded, "a value takes more than \(limits.messageBytes) bytes")
        }
    }

    /// Fails below the deepest level.
    func checkDepth(_ depth: Int) throws(ValueError) {
        if depth > limits.depth {
            throw ValueError(.limitExceeded, "a value is nested more than \(limits.depth) deep")
        }
    }

    /// Starts an entry of a map that is encoded by `Codable`.
    mutating func key(_ name: String) throws(ValueError) {
        let start = bytes.count
        try admit()
        try text(name)
        entries.append(Entry(key: start, value: bytes.count))
    }

    /// Cuts everything back to an earlier state.
    mutating func rewind(to mark: Mark) {
        bytes.removeLast(bytes.count - mark.bytes)
        buffers.removeLast(buffers.count - mark.buffers)
        entries.removeLast(entries.count - mark.entries)
    }

    /// The state now.
    var mark: Mark {
        Mark(bytes: bytes.count, buffers: buffers.count, entries: entries.count)
    }

    /// Appends text.
    mutating func text(_ text: String) throws(ValueError) {
        try checkString(text.utf8.count)
        CBORWriter.text(text, into: &bytes)
    }

    /// Appends bytes, or the index of a new frame that carries them.
    mutating func byteString(_ content: Bytes) throws(ValueError) {
        if collects, content.count >= Bytes.frameThreshold, keyDepth == 0,
            buffers.count < limits.buffers
        {
            CBORWriter.head(.tag, CBORTag.frame, into: &bytes)
            CBORWriter.head(.unsigned, UInt64(buffers.count), into: &bytes)
            buffers.append(content)
            return
        }
        try checkString(content.count)
        CBORWriter.byteString(content, into: &bytes)
    }

    private func checkString(_ count: Int) throws(ValueError) {
        if count > limits.stringBytes {
            throw ValueError(
                .limitExceeded, "a string takes more than \(limits.stringBytes) bytes")
        }
        try checkSize(count)
    }

    /// Appends a value.
    ///
    /// - Parameter depth: How many arrays and maps are around it.
    mutating func append(_ value: Value, depth: Int = 0) throws(ValueError) {
        try admit()
        switch value {
        case .null: CBORWriter.null(into: &bytes)
        case .bool(let bool): CBORWriter.bool(bool, into: &bytes)
        case .integer(let integer): CBORWriter.integer(integer, into: &bytes)
        case .bigInteger(let integer):
            if integer.magnitude.count > limits.bigIntegerBytes {
                throw ValueError(
                    .limitExceeded, "an integer takes more than \(limits.bigIntegerBytes) bytes")
            }
            CBORWriter.integer(integer, into: &bytes)
        case .double(let double): CBORWriter.double(double, into: &bytes)
        case .string(let string): try text(string)
        case .bytes(let content): try byteString(content)
        case .timestamp(let timestamp): CBORWriter.timestamp(timestamp, into: &bytes)
        case .uuid(let uuid): CBORWriter.uuid(uuid, into: &bytes)
        case .reference(let slot): CBORWriter.reference(slot, into: &bytes)
        case .array(let array):
            try checkDepth(depth + 1)
            CBORWriter.array(count: array.count, into: &bytes)
            for element in array { try append(element, depth: depth + 1) }
        case .set(let set):
            try append(set, depth: depth)
        case .map(let map):
            try checkDepth(depth + 1)
            CBORWriter.map(count: map.count, into: &bytes)
            for entry in map {
                keyDepth += 1
                try append(entry.key, depth: depth + 1)
                keyDepth -= 1
                try append(entry.value, depth: depth + 1)
            }
        }
    }

    private mutating func append(_ set: ValueSet, depth: Int) throws(ValueError) {
        try checkDepth(depth + 1)
        CBORWriter.head(.tag, CBORTag.set, into: &bytes)
        CBORWriter.array(count: set.count, into: &bytes)
        keyDepth += 1
        for member in set { try append(member, depth: depth + 1) }
        keyDepth -= 1
    }
}
