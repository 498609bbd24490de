// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// What the encoders of one call share. Not `Sendable`: it lives during one call, on its thread.
final class EncodingSink {
    /// Where the key and the value of one map entry start in the output.
    struct Entry {
        var key: Int
        var value: Int
    }

    /// The bytes so far.
    var output: EncodingOutput
    /// What the caller passes through to the types.
    let userInfo: [CodingUserInfoKey: any Sendable]
    /// Entries of all open maps; the innermost map's are last.
    var entries: [Entry] = []
    /// The number of the only encoder that may write now.
    var active = 0
    /// The first misuse of a container where `Encoder` has no way to throw.
    var failure: EncodingError?
    private var lastSerial = 0

    init(_ output: consuming EncodingOutput, userInfo: [CodingUserInfoKey: any Sendable]) {
        self.output = output
        self.userInfo = userInfo
    }

    /// A number that tells one encoder from all others of this sink.
    func nextSerial() -> Int {
        lastSerial += 1
        return lastSerial
    }

    /// The order of pieces of the output by their bytes, by place where those are equal.
    func order(of pieces: [Range<Int>]) -> [Int] {
        unsafe output.bytes.withUnsafeBytes { bytes in
            pieces.indices.sorted { left, right in
                let order = unsafe lexicographicOrder(
                    UnsafeRawBufferPointer(rebasing: bytes[pieces[left]]),
                    UnsafeRawBufferPointer(rebasing: bytes[pieces[right]]))
                return order == 0 ? left < right : order < 0
            }
        }
    }

    /// Whether each piece sorts before the next one by its bytes.
    func areOrdered(_ pieces: [Range<Int>]) -> Bool {
        unsafe output.bytes.withUnsafeBytes { bytes in
            zip(pieces, pieces.dropFirst()).allSatisfy { left, right in
                unsafe lexicographicOrder(
                    UnsafeRawBufferPointer(rebasing: bytes[left]),
                    UnsafeRawBufferPointer(rebasing: bytes[right])) < 0
            }
        }
    }

    /// Whether two pieces hold the same bytes.
    func areEqual(_ one: Range<Int>, _ other: Range<Int>) -> Bool {
        one.count == other.count && output.bytes[one] == output.bytes[other]
    }

    /// Cuts the output, and what was collected, back to an earlier state.
    func rewind(bytes: Int, buffers: Int, entries: Int) {
        output.bytes.removeLast(output.bytes.count - bytes)
        output.buffers.removeLast(output.buffers.count - buffers)
        self.entries.removeLast(self.entries.count - entries)
    }
}
