// swift-tools-version: 6.2
// Part of objbus. SPDX-License-Identifier: Apache-2.0

import CompilerPluginSupport
import PackageDescription

// Every target is built alike: Swift 6, warnings are errors, and an import must say who sees it.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let argumentParser = Target.Dependency.product(
    name: "ArgumentParser", package: "swift-argument-parser")
let configuration = Target.Dependency.product(
    name: "Configuration", package: "swift-configuration")
let yaml = Target.Dependency.product(name: "Yams", package: "Yams")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let tracing = Target.Dependency.product(name: "Tracing", package: "swift-distributed-tracing")
let signals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let lifecycle = Target.Dependency.product(
    name: "ServiceLifecycle", package: "swift-service-lifecycle")
let bigInt = Target.Dependency.product(name: "BigInt", package: "BigInt")
let ordered = Target.Dependency.product(
    name: "OrderedCollections", package: "swift-collections")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")

// Pure: values, the wire, small shared structures.
let layer0: [Target] = [
    .target(name: "BusValue", swiftSettings: settings + [.strictMemorySafety()]),
    .target(name: "BusKernel", swiftSettings: settings),
    .target(name: "BusWire", dependencies: ["BusValue"], swiftSettings: settings),
]

// Pure: the two state machines and their simulator.
let layer1: [Target] = [
    .target(
        name: "BusBrokerCore", dependencies: ["BusKernel", "BusValue", "BusWire"],
        swiftSettings: settings),
    .target(
        name: "BusNodeCore", dependencies: ["BusKernel", "BusValue", "BusWire", deque],
        swiftSettings: settings),
    .target(
        name: "BusSimulation",
        dependencies: ["BusBrokerCore", "BusKernel", "BusNodeCore", "BusValue", "BusWire"],
        swiftSettings: settings),
]

// The only targets that touch libzmq.
let layer2: [Target] = [
    .systemLibrary(
        name: "CZeroMQ", pkgConfig: "libzmq",
        providers: [.apt(["libzmq3-dev", "pkg-config"]), .yum(["zeromq-devel", "pkgconf"])]),
    .target(
        name: "BusZeroMQ", dependencies: ["BusKernel", "CZeroMQ"],
        swiftSettings: settings + [.strictMemorySafety()]),
    // Functions of Linux that glibc does not have, or not for Swift.
    .target(name: "CLinuxFiles"),
]

// The shells that run the cores.
let layer3: [Target] = [
    .target(
        name: "BusBroker",
        dependencies: [
            "BusBrokerCore", "BusKernel", "BusValue", "BusWire", "BusZeroMQ", crypto,
            lifecycle, logging, metrics,
        ], swiftSettings: settings),
    .target(
        name: "BusNode",
        dependencies: [
            "BusKernel", "BusNodeCore", "BusValue", "BusWire", "BusZeroMQ", deque, logging,
            metrics,
        ], swiftSettings: settings),
]

// What users import.
let layer4: [Target] = [
    .target(
        name: "BusAPI",
        dependencies: [
            "BusBroker", "BusKernel", "BusNode", "BusNodeCore", "BusValue", "BusWire", "BusZeroMQ",
            bigInt, deque, lifecycle, logging, metrics, ordered, signals, tracing,
        ], swiftSettings: settings),
    .target(
        name: "ObjectBusFiles", dependencies: ["BusAPI", "CLinuxFiles"],
        swiftSettings: settings + [.strictMemorySafety()]),
    .target(name: "BusExamples", dependencies: ["BusAPI"], swiftSettings: settings),
    .target(
        name: "ObjectBus", dependencies: ["BusAPI", "ObjectBusMacros"],
        swiftSettings: settings),
    .target(
        name: "ObjectBusTesting",
        dependencies: [
            "BusAPI", "BusBroker", "BusKernel", "BusNode", "BusNodeCore", "BusSimulation",
            "BusWire", "BusZeroMQ", "ObjectBus", logging,
        ], swiftSettings: settings),
    .macro(
        name: "ObjectBusMacros",
        dependencies: [
            .product(name: "SwiftSyntaxMacros", package: "swift-syntax"),
            .product(name: "SwiftCompilerPlugin", package: "swift-syntax"),
            .product(name: "SwiftSyntaxBuilder", package: "swift-syntax"),
            .product(name: "SwiftSyntax", package: "swift-syntax"),
            .product(name: "SwiftDiagnostics", package: "swift-syntax"),
        ], swiftSettings: settings),
]

// The command.
let layer5: [Target] = [
    .target(
        name: "BusCommand",
        dependencies: [
            "BusAPI", "BusBroker", "BusBrokerCore", "BusExamples", "BusKernel", "BusSimulation",
            "BusValue", "BusWire", "BusZeroMQ", "ObjectBusFiles", argumentParser, configuration,
            lifecycle, logging, signals, yaml,
        ], swiftSettings: settings),
    .executableTarget(name: "objbus", dependencies: ["BusCommand"], swiftSettings: settings),
]

// The examples, compiled here as they are in their own package, with what a user's has set.
let exampleSettings: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]
let examples: [Target] = [
    .target(
        name: "CounterInterface", dependencies: ["ObjectBus"],
        path: "Examples/Sources/CounterInterface", swiftSettings: exampleSettings),
    .target(
        name: "CounterService", dependencies: ["CounterInterface", "ObjectBus"],
        path: "Examples/Sources/CounterService", swiftSettings: exampleSettings),
    .executableTarget(
        name: "CounterWorker", dependencies: ["CounterService", "ObjectBus"],
        path: "Examples/Sources/CounterWorker", swiftSettings: exampleSettings),
    .executableTarget(
        name: "CounterClient", dependencies: ["CounterInterface", "ObjectBus"],
        path: "Examples/Sources/CounterClient", swiftSettings: exampleSettings),
    .executableTarget(
        name: "FileWorker", dependencies: ["ObjectBus", "ObjectBusFiles"],
        path: "Examples/Sources/FileWorker", swiftSettings: exampleSettings),
    .testTarget(
        name: "CounterTests",
        dependencies: ["CounterInterface", "CounterService", "ObjectBus", "ObjectBusTesting"],
        path: "Examples/Tests/CounterTests", swiftSettings: exampleSettings),
    .testTarget(
        name: "ExampleTests",
        dependencies: [
            "CounterClient", "CounterInterface", "CounterService", "CounterWorker", "FileWorker",
            "ObjectBus", "ObjectBusFiles", "TestPrograms", "objbus",
        ], swiftSettings: exampleSettings),
]

// Tests, one target per module.
let tests: [Target] = [
    .target(
        name: "TestInterfaces", dependencies: ["ObjectBus"], path: "Tests/TestInterfaces",
        swiftSettings: settings),
    .target(
        name: "TestObjects", dependencies: ["BusZeroMQ", "ObjectBus", "TestInterfaces", bigInt],
        path: "Tests/TestObjects", swiftSettings: settings),
    .target(
        name: "TestPrograms", dependencies: ["BusZeroMQ"], path: "Tests/TestPrograms",
        swiftSettings: settings),
    .target(
        name: "FuzzDoors",
        dependencies: [
            "BusBrokerCore", "BusKernel", "BusNodeCore", "BusSimulation", "BusValue", "BusWire",
        ], path: "Tests/FuzzDoors", swiftSettings: settings),
    .executableTarget(
        name: "TestWorker", dependencies: ["ObjectBus", "ObjectBusFiles", "TestObjects"],
        path: "Tests/TestWorker",
        swiftSettings: settings),
    .executableTarget(
        name: "SoakWorker", dependencies: ["BusAPI", "TestPrograms", logging],
        path: "Tests/SoakWorker",
        swiftSettings: settings),
    .target(
        name: "ChaosChecks", dependencies: ["BusKernel", "BusWire"], path: "Tests/ChaosChecks",
        swiftSettings: settings),
    .executableTarget(
        name: "ChaosWorker",
        dependencies: [
            "BusAPI", "BusWire", "BusZeroMQ", "ChaosChecks", "TestPrograms", logging,
        ],
        path: "Tests/ChaosWorker", swiftSettings: settings),
    .executableTarget(
        name: "StressWorker", dependencies: ["BusAPI", "BusZeroMQ"], path: "Tests/StressWorker",
        swiftSettings: settings),
    .testTarget(
        name: "AcceptanceTests",
        dependencies: [
            "ObjectBus", "ObjectBusFiles", "ObjectBusTesting", "TestInterfaces", "TestObjects",
            "BusZeroMQ", "TestPrograms", "TestWorker", "objbus", bigInt,
        ],
        swiftSettings: settings),
    .testTarget(
        name: "ObjectBusTests",
        dependencies: [
            "BusAPI", "BusBroker", "BusZeroMQ", "ObjectBus", "ObjectBusTesting", "TestObjects",
            "TestPrograms", logging,
        ],
        swiftSettings: settings),
    .testTarget(
        name: "ObjectBusFilesTests", dependencies: ["BusAPI", "ObjectBusFiles"],
        swiftSettings: settings),
    .testTarget(
        name: "ObjectBusTestingTests",
        dependencies: ["ObjectBus", "ObjectBusTesting", "TestObjects"],
        swiftSettings: settings),
    .testTarget(
        name: "BusWireTests",
        dependencies: ["BusBrokerCore", "BusKernel", "BusNodeCore", "BusValue", "BusWire"],
        swiftSettings: settings),
    .testTarget(
        name: "BusValueTests", dependencies: ["BusValue", "TestPrograms"],
        exclude: ["Differential"],
        swiftSettings: settings),
    .testTarget(
        name: "BusKernelTests", dependencies: ["BusKernel"], swiftSettings: settings),
    .testTarget(
        name: "BusNodeCoreTests",
        dependencies: ["BusKernel", "BusNodeCore", "BusValue", "BusWire"],
        swiftSettings: settings),
    .testTarget(
        name: "BusNodeTests",
        dependencies: ["BusKernel", "BusNode", "BusNodeCore", "BusWire", "BusZeroMQ", logging],
        swiftSettings: settings),
    .testTarget(
        name: "BusSimulationTests",
        dependencies: ["BusSimulation", "BusWire", "TestPrograms", "objbus"],
        swiftSettings: settings),
    .testTarget(name: "BusZeroMQTests", dependencies: ["BusZeroMQ"], swiftSettings: settings),
    .testTarget(
        name: "ObjectBusMacrosTests",
        dependencies: [
            "ObjectBusMacros",
            .product(name: "SwiftDiagnostics", package: "swift-syntax"),
            .product(name: "SwiftParser", package: "swift-syntax"),
            .product(name: "SwiftSyntax", package: "swift-syntax"),
            .product(name: "SwiftSyntaxMacroExpansion", package: "swift-syntax"),
            .product(name: "SwiftSyntaxMacros", package: "swift-syntax"),
        ], swiftSettings: settings),
    .testTarget(
        name: "BusBrokerCoreTests",
        dependencies: ["BusBrokerCore", "BusKernel", "BusValue", "BusWire"],
        swiftSettings: settings),
    .testTarget(
        name: "BusBrokerTests",
        dependencies: [
            "BusBroker", "BusBrokerCore", "BusKernel", "BusValue", "BusWire", "BusZeroMQ",
            lifecycle, logging,
        ], swiftSettings: settings),
    .testTarget(
        name: "CommandTests",
        dependencies: [
            "BusAPI", "BusBroker", "BusBrokerCore", "BusCommand", "BusExamples", "BusValue",
            "ObjectBusFiles", "TestPrograms", "objbus", argumentParser,
        ],
        swiftSettings: settings),
    .testTarget(
        name: "ChaosTests", dependencies: ["BusWire", "ChaosChecks"], swiftSettings: settings),
    .testTarget(
        name: "FuzzTests", dependencies: ["FuzzDoors"], exclude: ["Inputs"],
        swiftSettings: settings),
    .testTarget(name: "TidyTests", swiftSettings: settings),
]

let package = Package(
    name: "objbus",
    products: [
        .library(name: "ObjectBus", targets: ["ObjectBus"]),
        .library(name: "ObjectBusFiles", targets: ["ObjectBusFiles"]),
        .library(name: "ObjectBusTesting", targets: ["ObjectBusTesting"]),
        .executable(name: "objbus", targets: ["objbus"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(
            url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: ["YAML"]),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
        .package(url: "https://github.com/attaswift/BigInt", from: "6.0.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-syntax", from: "603.0.1"),
    ],
    targets: layer0 + layer1 + layer2 + layer3 + layer4 + layer5 + examples + tests
)
