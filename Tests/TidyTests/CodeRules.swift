// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// A word that must not stand in some files, and what to write instead.
struct Ban: Sendable {
    let word: String
    let instead: String
    /// What on the same line makes it harmless.
    let unless: String?

    init(_ word: String, instead: String, unless: String? = nil) {
        (self.word, self.instead, self.unless) = (word, instead, unless)
    }
}

/// Rules about what code may do in which layer.
extension Rule {
    static let codeRules: [Rule] =
        [.layering, .forceUnwrap, .unsafePointers, .hashOrder]
        + pureBans.map { .ban($0, in: \.isPure, of: "Sources/BusBrokerCore") }
        + shellBans.map { .ban($0, in: { $0.isShell }, of: "Sources/BusNode") }
        + testBans.map { .ban($0, in: \.isTest, of: "Tests/BusNodeTests") }

    /// Below the purity line: no time, chance, thread, or output (docs/style.md).
    private static let pureBans = [
        Ban("async", instead: "an event that the shell hands in later"),
        Ban("await", instead: "an event that the shell hands in later"),
        Ban("Task", instead: "an effect that the shell runs"),
        Ban("Mutex", instead: "nothing: the shell owns the lock"),
        Ban("Atomic", instead: "nothing: the shell owns the lock"),
        Ban("ContinuousClock", instead: "the tick that is handed in"),
        Ban("SuspendingClock", instead: "the tick that is handed in"),
        Ban(".random(", instead: "RandomSource, handed in", unless: "using:"),
        Ban(".randomElement(", instead: "RandomSource, handed in", unless: "using:"),
        Ban(".shuffled(", instead: "RandomSource, handed in", unless: "using:"),
        Ban(".shuffle(", instead: "RandomSource, handed in", unless: "using:"),
        Ban("SystemRandomNumberGenerator", instead: "RandomSource, handed in"),
        Ban("hashValue", instead: "a digest of ours: Swift seeds hashes per process"),
        Ban("print(", instead: "an effect that the shell logs"),
        Ban("debugPrint(", instead: "an effect that the shell logs"),
        Ban("dump(", instead: "an effect that the shell logs"),
        Ban("fatalError(", instead: "precondition for our faults, an error for a peer's"),
    ]

    private static let shellBans = [
        Ban("Mutex", instead: "Lock or Locked (the thread sanitizer misreads Mutex)"),
        Ban("DispatchQueue", instead: "SystemThread, or a task of the executor"),
        Ban("Thread.sleep", instead: "Poller.wait with a timeout"),
        Ban("usleep(", instead: "Poller.wait with a timeout"),
        Ban("fatalError(", instead: "precondition for our faults, an error for a peer's"),
        Ban("NSLock", instead: "Lock or Locked"),
        Ban("Process()", instead: "ChildProcess: Foundation's may not notice that it has ended"),
    ]

    private static let testBans = [
        Ban("Task.sleep", instead: "a wait for the event itself"),
        Ban("Thread.sleep", instead: "a wait for the event itself"),
        Ban("usleep(", instead: "a wait for the event itself"),
        Ban("sleep(", instead: "a wait for the event itself"),
    ]

    private static func ban(
        _ ban: Ban, in isChecked: @escaping @Sendable (SourceFile) -> Bool, of folder: String
    ) -> Rule {
        Rule(
            "\(folder)…: no \(ban.word)", in: isChecked,
            sin: SourceFile(path: "\(folder)/Sin.swift", text: "let x = \(ban.word)\n"),
            virtue: SourceFile(path: "\(folder)/Virtue.swift", text: "let x = 1  // \(ban.word)\n")
        ) { line in
            guard line.hasWord(ban.word), ban.unless.map({ !line.contains($0) }) ?? true
            else { return nil }
            return "\(ban.word) is not for this layer; use \(ban.instead)"
        }
    }

    static let forceUnwrap = Rule(
        "no source unwraps by force", in: \.isSource,
        sin: SourceFile(path: "Sources/BusNode/Sin.swift", text: "let x = try! f(y)\n"),
        virtue: SourceFile(
            path: "Sources/BusNode/Virtue.swift", text: "if !x, a != b, a!=b { say(\"no!\") }\n")
    ) { line in
        let characters = Array(line) + ["\n"]
        let isForced = characters.indices.dropFirst().dropLast().contains { index in
            let before = characters[index - 1]
            return characters[index] == "!" && characters[index + 1] != "="
                && (before.isIdentifier || [")", "]", ">", "?"].contains(before))
        }
        return isForced ? "unwrap with guard, or say in a precondition why it cannot be nil" : nil
    }

    static let unsafePointers = Rule(
        "unsafe pointers stay in BusZeroMQ and BusValue",
        in: { file in
            file.isSource && !["BusZeroMQ", "BusValue"].contains(file.target)
                && unsafeFiles[file.path] == nil
        },
        sin: SourceFile(
            path: "Sources/BusNode/Sin.swift", text: "func f(_ p: UnsafeRawPointer) {}\n"),
        virtue: SourceFile(path: "Sources/BusNode/Virtue.swift", text: "func f(_ p: RawSpan) {}\n")
    ) { line in
        unsafeWords.contains { line.hasWord($0) }
            ? "use Span, RawSpan or a type of BusZeroMQ" : nil
    }

    private static let unsafeWords = [
        "UnsafePointer", "UnsafeRawPointer", "UnsafeBufferPointer", "UnsafeRawBufferPointer",
        "UnsafeMutablePointer", "UnsafeMutableRawPointer", "UnsafeMutableBufferPointer",
        "UnsafeMutableRawBufferPointer", "OpaquePointer", "Unmanaged", "unsafeBitCast",
    ]

    /// Files elsewhere that may have unsafe pointers, and why.
    static let unsafeFiles = [
        "Sources/BusNode/LinkSockets.swift": "lends frames to Bytes and Bytes to frames, uncopied",
        "Sources/BusAPI/TargetKind.swift": "asks the Swift runtime for a function by its name",
    ]

    /// Swift seeds hashing per process: the order of a dictionary must not reach an effect.
    static let hashOrder = Rule(
        "no order of hashing below the purity line",
        sin: SourceFile(
            path: "Sources/BusNodeCore/Sin.swift",
            text: "var rows: [Int: String]\nfunc f() {\n    for row in self.rows { g(row) }\n}\n"),
        virtue: SourceFile(
            path: "Sources/BusNodeCore/Virtue.swift",
            text: "var rows: [Int: String]\nfor row in rows.keys.sorted() { g(row) }\n"
                + "// Order-free: a sum.\nlet sum = rows.values.reduce(0, +)\n")
    ) { file in
        guard file.isPure else { return [] }
        let names = file.hashedNames
        return file.code.indices.compactMap { index in
            guard names.contains(where: { file.code[index].iterates($0) }),
                !file.excusesOrder(at: index)
            else { return nil }
            let message =
                "sort it, or say above the line why order does not matter: // Order-free: …"
            return Finding(path: file.path, line: index + 1, message: message)
        }
    }
}

extension SourceFile {
    /// A layer above the purity line, not a test.
    var isShell: Bool { self.isSource && !self.isPure && self.target != "ObjectBusMacros" }

    /// Names of the stored dictionaries and sets that this file declares.
    fileprivate var hashedNames: [Substring] {
        self.code.compactMap { line in
            guard line.hasWord("var") || line.hasWord("let"),
                let match = line.firstMatch(
                    of: /(?:var|let) (\w+)(?:: |(?:: .*)? = )(\[[^\[\]=(]+: |Set<)/)
            else { return nil }
            return match.1
        }
    }

    /// Whether the lines around say that order is made, or does not matter.
    fileprivate func excusesOrder(at index: Int) -> Bool {
        let after = self.code[index..<min(index + 4, self.code.count)]
        if after.contains(where: {
            $0.contains(".sort") || $0.contains(".min") || $0.contains(".max")
        }) {
            return true
        }
        return self.lines[max(0, index - 2)...index].contains { $0.contains("Order-free:") }
    }
}

extension Substring {
    /// Whether the line walks through the dictionary or set `name`; a lookup does not.
    fileprivate func iterates(_ name: Substring) -> Bool {
        for range in self.ranges(of: name) {
            let (before, after) = (self[..<range.lowerBound], self[range.upperBound...])
            guard !(before.last?.isIdentifier ?? false), !(after.first?.isIdentifier ?? false)
            else { continue }
            if after.first == "." {
                let member = after.dropFirst().prefix { $0.isIdentifier }
                let next = after.dropFirst(member.count + 1).first
                if walks.contains(member) && next != "[" { return true }
            } else if after.first != "[" && self.hasWord("for") {
                if before.hasSuffix(" in ") || before.hasSuffix(" in self.") { return true }
            }
        }
        return false
    }
}

/// What goes through a collection in its order.
private let walks: Set<Substring> = [
    "keys", "values", "map", "flatMap", "compactMap", "first", "forEach", "reduce", "popFirst",
    "removeFirst", "enumerated",
]
