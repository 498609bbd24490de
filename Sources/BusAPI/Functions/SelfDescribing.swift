// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// An object whose interface belongs to it and not to its type: hosts of functions and collections.
protocol SelfDescribing: BusObjectProtocol {
    /// What callers may know of this object; nil if it lives elsewhere.
    nonisolated func ownInterface() async -> Interface?
}

extension SelfDescribing {
    /// Of the type, which knows no methods.
    static var busInterface: Interface {
        Interface(name: "\(Self.self)", documentation: "", methods: [])
    }
}
