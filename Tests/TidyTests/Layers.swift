// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// What a target may import: the module map of docs/architecture.md, as the build must keep it.
struct Layer {
    let level: Int
    /// Modules of ours; all are on a lower level, or drawn as an arrow between siblings.
    let modules: Set<String>
    /// Modules of others; nil where any will do.
    let others: Set<String>?

    /// By target.
    static let all: [String: Layer] = [
        "BusValue": Layer(0, [], only: []),
        "BusKernel": Layer(0, [], only: []),
        "BusWire": Layer(0, ["BusValue"], only: []),
        "BusBrokerCore": Layer(1, cores, only: ["DequeModule"]),
        "BusNodeCore": Layer(1, cores, only: ["DequeModule"]),
        "BusSimulation": Layer(1, cores + ["BusBrokerCore", "BusNodeCore"], only: ["DequeModule"]),
        "CZeroMQ": Layer(2, [], only: []),
        "CLinuxFiles": Layer(2, [], only: []),
        "BusZeroMQ": Layer(2, ["BusKernel", "CZeroMQ"], only: ["Glibc", "Synchronization"]),
        "BusBroker": Layer(3, cores + ["BusBrokerCore", "BusZeroMQ"]),
        "BusNode": Layer(3, cores + ["BusNodeCore", "BusZeroMQ"]),
        "ObjectBusMacros": Layer(3, []),
        "BusAPI": Layer(4, cores + ["BusBroker", "BusNode", "BusNodeCore", "BusZeroMQ"]),
        "BusExamples": Layer(4, ["BusAPI"]),
        "ObjectBusFiles": Layer(4, ["BusAPI", "CLinuxFiles"], only: ["Glibc", "Synchronization"]),
        "ObjectBus": Layer(4, ["BusAPI", "ObjectBusMacros"]),
        "ObjectBusTesting": Layer(
            4,
            cores + [
                "BusAPI", "BusBroker", "BusNode", "BusNodeCore", "BusSimulation", "BusZeroMQ",
                "ObjectBus",
            ]),
        "BusDashboard": Layer(4, ["BusBroker", "BusWire", "BusValue"]),
        "BusCommand": Layer(
            5,
            [
                "BusAPI", "BusBroker", "BusBrokerCore", "BusDashboard", "BusExamples", "BusKernel",
                "BusSimulation", "BusValue", "BusWire", "BusZeroMQ", "ObjectBusFiles",
            ]),
        "objbus": Layer(5, ["BusCommand"]),
    ]

    private static let cores = ["BusKernel", "BusValue", "BusWire"]

    private init(_ level: Int, _ modules: [String], only others: Set<String>? = nil) {
        (self.level, self.modules, self.others) = (level, Set(modules), others)
    }
}

extension SourceFile {
    /// Whether the file is below the purity line.
    var isPure: Bool { self.isSource && (Layer.all[self.target]?.level ?? 9) <= 1 }

    /// The modules imported, with their lines counted from one.
    var imports: [(line: Int, module: String)] {
        self.code.enumerated().compactMap { index, line -> (line: Int, module: String)? in
            let words = line.split(whereSeparator: \.isWhitespace)
            guard let keyword = words.firstIndex(of: "import"), keyword + 1 < words.count,
                words[..<keyword].allSatisfy({ $0.hasPrefix("@") || accessWords.contains($0) })
            else { return nil }
            let kinds: Set<Substring> = [
                "struct", "class", "enum", "protocol", "func", "var", "let",
            ]
            let name = words[(keyword + 1)...].first { !kinds.contains($0) } ?? ""
            return (index + 1, String(name.prefix { $0 != "." }))
        }
    }
}

private let accessWords: Set<Substring> = [
    "public", "package", "internal", "fileprivate", "private",
]

extension Rule {
    /// The arrows of the module map point down only.
    static let layering = Rule(
        "imports point down",
        sin: SourceFile(path: "Sources/BusWire/Sin.swift", text: "internal import BusNode\n"),
        virtue: SourceFile(path: "Sources/BusWire/Virtue.swift", text: "// import BusNode\n")
    ) { file in
        guard file.isSource else { return [] }
        guard let layer = Layer.all[file.target] else {
            let message = "target \(file.target) has no place in Tests/TidyTests/Layers.swift"
            return [Finding(path: file.path, line: 1, message: message)]
        }
        return file.imports.compactMap { line, module in
            let isOurs = Layer.all[module] != nil
            let isAllowed =
                isOurs ? layer.modules.contains(module) : layer.others?.contains(module) ?? true
            guard !isAllowed else { return nil }
            let message = "\(file.target) must not import \(module): the shell above it may"
            return Finding(path: file.path, line: line, message: message)
        }
    }
}
