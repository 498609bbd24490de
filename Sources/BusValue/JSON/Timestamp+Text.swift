// Part of objbus. SPDX-License-Identifier: Apache-2.0
// Implements docs/protocol/json.md §4: dates that come back bit for bit.

extension Timestamp: CustomStringConvertible {
    /// The RFC 3339 text, or the seconds since 2001 where there is none.
    public var description: String {
        rfc3339 ?? "\(secondsSince2001) s since 2001"
    }

    /// The RFC 3339 text in UTC with as many digits as give back this very timestamp.
    ///
    /// Nil outside the years 1 to 9999, for numbers that are not finite, for -0.0, and within
    /// 0.1 ms of 2001-01-01 where the digits would be too many.
    public var rfc3339: String? {
        var digits = Substring(secondsSince2001.description)
        let isNegative = digits.hasPrefix("-")
        if isNegative { digits = digits.dropFirst() }
        let parts = digits.split(separator: ".")
        guard parts.count == 2, var whole = Int(parts[0]), parts[1].utf8.allSatisfy(isDigit)
        else { return nil }
        var fraction = parts[1] == "0" ? "" : String(parts[1])
        if isNegative {
            if whole == 0, fraction.isEmpty { return nil }
            whole = -whole
            if !fraction.isEmpty {
                whole -= 1
                fraction = complement(fraction)
            }
        }
        let days = (whole - (whole % 86400 + 86400) % 86400) / 86400
        let date = CivilDate(daysSince2001: days)
        guard 1...9999 ~= date.year else { return nil }
        let second = whole - days * 86400
        let time = "\(pad(second / 3600, 2)):\(pad(second / 60 % 60, 2)):\(pad(second % 60, 2))"
        let day = "\(pad(date.year, 4))-\(pad(date.month, 2))-\(pad(date.day, 2))"
        return "\(day)T\(time)\(fraction.isEmpty ? "" : "." + fraction)Z"
    }

    /// Reads RFC 3339 text with any offset; nil for other text and dates that do not exist.
    ///
    /// A leap second is taken as the second after it.
    public init?(rfc3339 text: String) {
        let units = Array(text.utf8)
        guard units.count >= 20, units.count < 512, units[4] == 0x2d, units[7] == 0x2d,
            units[10] | 0x20 == 0x74, units[13] == 0x3a, units[16] == 0x3a,
            let year = number(units[0..<4]), let month = number(units[5..<7]),
            let day = number(units[8..<10]), let hour = number(units[11..<13]),
            let minute = number(units[14..<16]), let second = number(units[17..<19]),
            hour < 24, minute < 60, second <= 60,
            let date = CivilDate(year: year, month: month, day: day)
        else { return nil }
        var place = 19
        var fraction = ""
        if units[place] == 0x2e {
            let digits = units[(place + 1)...].prefix(while: isDigit)
            if digits.isEmpty { return nil }
            fraction = String(decoding: digits, as: UTF8.self)
            place += 1 + digits.count
        }
        guard let zone = offset(units[place...]) else { return nil }
        var whole = date.daysSince2001 * 86400 + hour * 3600 + minute * 60 + second - zone
        while fraction.hasSuffix("0") { fraction.removeLast() }
        var sign = ""
        if whole < 0 {
            sign = "-"
            if !fraction.isEmpty {
                whole += 1
                fraction = complement(fraction)
            }
            whole = -whole
        }
        guard let seconds = Double("\(sign)\(whole).\(fraction.isEmpty ? "0" : fraction)")
        else { return nil }
        self.init(secondsSince2001: seconds)
    }
}

/// A day of the Gregorian calendar, extended to all years.
private struct CivilDate {
    let year: Int
    let month: Int
    let day: Int

    /// From 0000-03-01, where the cycles of 400 years start, to 2001-01-01.
    private static let shift = 730_791

    /// Counts in years that start in March, so that leap days come last.
    init(daysSince2001 days: Int) {
        let shifted = days + CivilDate.shift
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    init?(year: Int, month: Int, day: Int) {
        guard 1...12 ~= month, day >= 1 else { return nil }
        (self.year, self.month, self.day) = (year, month, day)
        let again = CivilDate(daysSince2001: daysSince2001)
        guard again.month == month, again.day == day else { return nil }
    }

    var daysSince2001: Int {
        let fromMarch = month <= 2 ? year - 1 : year
        let era = (fromMarch >= 0 ? fromMarch : fromMarch - 399) / 400
        let yearOfEra = fromMarch - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - CivilDate.shift
    }
}

private func isDigit(_ unit: UInt8) -> Bool {
    0x30...0x39 ~= unit
}

/// The number of some decimal digits; nil for other characters.
private func number(_ units: ArraySlice<UInt8>) -> Int? {
    units.allSatisfy(isDigit) ? units.reduce(0) { $0 * 10 + Int($1 - 0x30) } : nil
}

/// Seconds east of UTC, of "Z", "+hh:mm" or "-hh:mm".
private func offset(_ units: ArraySlice<UInt8>) -> Int? {
    let units = Array(units)
    if units.count == 1 { return units[0] | 0x20 == 0x7a ? 0 : nil }
    guard units.count == 6, units[0] == 0x2b || units[0] == 0x2d, units[3] == 0x3a,
        let hours = number(units[1..<3]), let minutes = number(units[4..<6]), hours < 24,
        minutes < 60
    else { return nil }
    return (hours * 60 + minutes) * (units[0] == 0x2d ? -60 : 60)
}

/// The digits of one minus a fraction; the last digit must not be zero.
private func complement(_ fraction: String) -> String {
    var digits = fraction.utf8.map { 0x69 - $0 }  // Nine less the digit.
    digits[digits.count - 1] += 1
    return String(decoding: digits, as: UTF8.self)
}

private func pad(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}
