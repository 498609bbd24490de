// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusValue
import BusWire

#if canImport(Glibc)
    import Glibc
#endif

/// Lines for people, beside the log.
enum StandardError {
    /// Prints one message as one line, in one write, so that lines of two threads don't mix.
    static func dump(_ direction: String, _ frame: RawSpan, _ buffers: [Bytes]) {
        let sizes = buffers.map(\.count)
        self.write("\(direction) \(MessageDump.line(frame: frame, bufferByteCounts: sizes))\n")
    }

    static func write(_ line: String) {
        var text = line
        text.withUTF8 { _ = Glibc.write(2, $0.baseAddress, $0.count) }
    }
}
