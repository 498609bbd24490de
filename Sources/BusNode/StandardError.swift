// Part of objbus. SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
    import Glibc
#endif

/// Lines for people, beside the log.
enum StandardError {
    static func write(_ line: String) {
        var text = line
        text.withUTF8 { _ = Glibc.write(2, $0.baseAddress, $0.count) }
    }
}
