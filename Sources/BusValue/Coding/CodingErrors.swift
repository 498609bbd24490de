// Part of objbus. SPDX-License-Identifier: Apache-2.0

extension DecodingError {
    /// What went wrong and where, on one line: "expected Int, found string at items[1].count".
    public var summary: String {
        switch self {
        case .typeMismatch(_, let context), .valueNotFound(_, let context),
            .keyNotFound(_, let context), .dataCorrupted(let context):
            codingSummary(context.debugDescription, context.codingPath)
        @unknown default: "\(self)"
        }
    }
}

extension EncodingError {
    /// What went wrong and where, on one line.
    public var summary: String {
        switch self {
        case .invalidValue(_, let context):
            codingSummary(context.debugDescription, context.codingPath)
        @unknown default: "\(self)"
        }
    }
}

private func codingSummary(_ message: String, _ path: [any CodingKey]) -> String {
    var place = ""
    for key in path {
        if let index = key.intValue, key.stringValue != String(index) {
            place += "[\(index)]"
        } else {
            place += (place.isEmpty ? "" : ".") + key.stringValue
        }
    }
    return place.isEmpty ? message : "\(message) at \(place)"
}
