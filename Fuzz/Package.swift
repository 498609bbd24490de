// swift-tools-version: 6.2
// Part of objbus. SPDX-License-Identifier: Apache-2.0
// The pure modules, compiled for libFuzzer (docs/decisions/0013-fuzzing.md). Their folders here are
// links to those of the package above: `package` declarations are seen within one package only.

import PackageDescription

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]
// With the address sanitizer as well, an input takes five times as long.
let sanitizers = Context.environment["OBJBUS_FUZZ_ADDRESS"] == nil ? "fuzzer" : "fuzzer,address"
let fuzzed =
    settings + [
        .unsafeFlags([
            "-sanitize=\(sanitizers)", "-profile-generate", "-profile-coverage-mapping",
        ])
    ]
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")

let package = Package(
    name: "fuzz",
    dependencies: [
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0")
    ],
    targets: [
        .target(name: "BusValue", swiftSettings: fuzzed + [.strictMemorySafety()]),
        .target(name: "BusKernel", swiftSettings: fuzzed),
        .target(name: "BusWire", dependencies: ["BusValue"], swiftSettings: fuzzed),
        .target(
            name: "BusBrokerCore", dependencies: ["BusKernel", "BusValue", "BusWire"],
            swiftSettings: fuzzed),
        .target(
            name: "BusNodeCore", dependencies: ["BusKernel", "BusValue", "BusWire", deque],
            swiftSettings: fuzzed),
        .target(
            name: "BusSimulation",
            dependencies: ["BusBrokerCore", "BusKernel", "BusNodeCore", "BusValue", "BusWire"],
            swiftSettings: settings),
        .target(
            name: "FuzzDoors",
            dependencies: [
                "BusBrokerCore", "BusKernel", "BusNodeCore", "BusSimulation", "BusValue", "BusWire",
            ], swiftSettings: settings),
        .target(name: "CFuzzer"),
        .executableTarget(
            name: "Fuzz", dependencies: ["CFuzzer", "FuzzDoors"], swiftSettings: settings,
            linkerSettings: [.unsafeFlags(["-sanitize=\(sanitizers)", "-profile-generate"])]),
    ]
)
