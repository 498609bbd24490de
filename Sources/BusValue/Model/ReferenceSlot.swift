// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// A reference inside a value: an index into the reference table of the message it travels in.
///
/// It means nothing outside that message; the layers above turn it into a proxy or the object.
public struct ReferenceSlot: Sendable, Hashable {
    /// The place in the message's reference table, from 0.
    public let index: UInt32

    /// Makes a slot.
    public init(_ index: UInt32) {
        self.index = index
    }
}
