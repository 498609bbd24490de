// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation

/// A file of inputs: a line of base64 each, with remarks behind `#`.
package struct FuzzInputs: Sendable {
    package let inputs: [[UInt8]]

    /// Throws if the file can't be read, or a line of it.
    package init(_ path: String) throws {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        self.inputs = try text.split(separator: "\n", omittingEmptySubsequences: false)
            .dropLast().filter { !$0.hasPrefix("#") }.map { line in
                guard let data = Data(base64Encoded: String(line)) else {
                    throw Malformed(line: String(line))
                }
                return [UInt8](data)
            }
    }

    package struct Malformed: Error {
        package let line: String
    }
}
