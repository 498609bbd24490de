// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// A value in memory of its own, for a class that lets one thread at a time reach it: the holder of
/// a lock, or the only thread that does.
///
/// A stored `var` would be as safe. But each time it is changed in place the runtime notes that in
/// a list, and takes it off again, to find who changes it twice at once, which costs more than most
/// of the changes (Swift 6.3.1).
@safe public struct OwnMemory<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
    @usableFromInline let address: UnsafeMutablePointer<Value>

    /// Takes the value over.
    @inlinable public init(_ value: consuming Value) {
        unsafe self.address = UnsafeMutablePointer<Value>.allocate(capacity: 1)
        unsafe self.address.initialize(to: value)
    }

    @inlinable deinit {
        unsafe self.address.deinitialize(count: 1)
        unsafe self.address.deallocate()
    }

    /// Runs `body` on the value. It must not come here again, nor must another thread meanwhile.
    @inlinable public borrowing func withValue<R: ~Copyable, E: Error>(
        _ body: (inout Value) throws(E) -> R
    ) throws(E) -> R {
        try unsafe body(&self.address.pointee)
    }
}
