// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// What the encoders of one call share. Not `Sendable`: it lives during one call, on its thread.
final class EncodingSink {
    /// The bytes so far.
    var output: EncodingOutput
    /// What the caller passes through to the types.
    let userInfo: [CodingUserInfoKey: any Sendable]
    /// The number of the only encoder that may write now.
    var active = 0
    /// The first misuse of a container where `Encoder` has no way to throw.
    var failure: EncodingError? {
        didSet { hasFailed = true }
    }
    /// Whether there is a failure; quicker to ask.
    private(set) var hasFailed = false
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
}
