// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// A point in time: seconds since 2001-01-01 00:00:00 UTC, stored as `Foundation.Date` stores it.
///
/// Equality is bit for bit, so that what comes back is what was sent.
public struct Timestamp: Sendable {
    /// Seconds since 2001-01-01 00:00:00 UTC; negative before it. Leap seconds do not count.
    public let secondsSince2001: Double

    /// Seconds from 1970-01-01 to 2001-01-01, both 00:00:00 UTC.
    static let epochOffset = 978_307_200.0

    /// Makes a point in time from seconds since 2001-01-01 00:00:00 UTC.
    public init(secondsSince2001: Double) {
        self.secondsSince2001 = secondsSince2001
    }

    /// Makes a point in time from seconds since 1970-01-01 00:00:00 UTC, rounding as doubles do.
    public init(secondsSince1970: Double) {
        secondsSince2001 = secondsSince1970 - Timestamp.epochOffset
    }

    /// Seconds since 1970-01-01, or nil when a double cannot hold the sum exactly (§3.6).
    ///
    /// The error of the sum is computed without rounding (Knuth's two-sum).
    public var exactSecondsSince1970: Double? {
        let seconds = secondsSince2001
        let sum = seconds + Timestamp.epochOffset
        guard sum.isFinite else { return nil }
        let part = sum - seconds
        let error = (seconds - (sum - part)) + (Timestamp.epochOffset - part)
        let back = sum - Timestamp.epochOffset
        return error == 0 && back.bitPattern == seconds.bitPattern ? sum : nil
    }
}

extension Int64 {
    /// The integer that a double holds, or nil when it holds none that fits.
    ///
    /// Unlike `init(exactly:)` this needs no function of the C library.
    init?(whole double: Double) {
        guard double >= -0x1p63, double < 0x1p63 else { return nil }
        self.init(double)
        if Double(self) != double { return nil }
    }
}

extension Timestamp: Hashable {
    /// Whether both hold the same bits.
    public static func == (left: Timestamp, right: Timestamp) -> Bool {
        left.secondsSince2001.bitPattern == right.secondsSince2001.bitPattern
    }

    /// Feeds the bits that `==` compares.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(secondsSince2001.bitPattern)
    }
}
