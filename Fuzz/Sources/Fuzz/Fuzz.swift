// Part of objbus. SPDX-License-Identifier: Apache-2.0

import CFuzzer
import Foundation
import FuzzDoors

/// The program that scripts/fuzz runs.
///
///     Fuzz DOOR [libFuzzer's options and folders]   lets inputs in
///     Fuzz trace DOOR FILE                          shows what happens in one
///     Fuzz unpack FILE FOLDER                       makes files of the lines of a file
///     Fuzz pack FOLDER FILE                         and the other way round
///     Fuzz seed VECTORS FOLDER DOOR                 makes inputs of the protocol's test vectors
@main enum Fuzz {
    /// libFuzzer's callback gets nothing but bytes.
    nonisolated(unsafe) private static var door = FuzzDoor.value
    private static let doorVariable = "OBJBUS_FUZZ_DOOR"

    static func main() {
        do {
            try self.run(CommandLine.arguments.dropFirst())
        } catch {
            say("\(error)")
            exit(2)
        }
    }

    private static func run(_ arguments: ArraySlice<String>) throws {
        switch (arguments.first ?? "", arguments.count) {
        case ("trace", 3): try trace(arguments[2], arguments[3])
        case ("unpack", 3): try unpack(arguments[2], into: arguments[3])
        case ("pack", 3): try pack(arguments[2], into: arguments[3])
        case ("seed", 4): try seed(arguments[2], into: arguments[3], for: arguments[4])
        case (let name, _):
            // libFuzzer may run this program again, with its own options only.
            if FuzzDoor(rawValue: name) != nil { setenv(doorVariable, name, 1) }
            guard let name = ProcessInfo.processInfo.environment[doorVariable],
                let door = FuzzDoor(rawValue: name)
            else {
                say("there is no door '\(name)'")
                exit(2)
            }
            self.door = door
            exit(self.fuzz(isNamed: arguments.first == name))
        }
    }

    /// - Parameter isNamed: whether the first argument is the door's name, and not libFuzzer's.
    private static func fuzz(isNamed: Bool) -> CInt {
        var count = CommandLine.argc - (isNamed ? 1 : 0)
        let words = CommandLine.unsafeArgv + (isNamed ? 1 : 0)
        words[0] = CommandLine.unsafeArgv[0]
        var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = words
        return LLVMFuzzerRunDriver(&count, &arguments) { bytes, count in
            let input = [UInt8](UnsafeBufferPointer(start: bytes, count: count))
            if let violation = Fuzz.door.violation(input) {
                say("VIOLATION: \(violation)")
                abort()
            }
            return 0
        }
    }
}

func say(_ text: String) {
    FileHandle.standardError.write(Data("\(text)\n".utf8))
}
