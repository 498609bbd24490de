// swift-tools-version: 6.2
// Part of objbus. SPDX-License-Identifier: Apache-2.0
// A package of your own starts like this one: copy the folder, and change the line of objbus.

import PackageDescription

let settings: [SwiftSetting] = [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]
let objectBus = Target.Dependency.product(name: "ObjectBus", package: "objbus")
let files = Target.Dependency.product(name: "ObjectBusFiles", package: "objbus")
let testing = Target.Dependency.product(name: "ObjectBusTesting", package: "objbus")

let package = Package(
    name: "counter",
    dependencies: [
        // Elsewhere: .package(url: "https://HOST/objbus.git", branch: "main"), or a path as here.
        .package(name: "objbus", path: "..")
    ],
    targets: [
        // What both sides know: the interface and the values and errors in it.
        .target(
            name: "CounterInterface", dependencies: [objectBus], swiftSettings: settings),
        // The object, in a library so that tests can import it.
        .target(
            name: "CounterService", dependencies: ["CounterInterface", objectBus],
            swiftSettings: settings),
        // The process that has the object.
        .executableTarget(
            name: "CounterWorker", dependencies: ["CounterService", objectBus],
            swiftSettings: settings),
        // A process that calls it.
        .executableTarget(
            name: "CounterClient", dependencies: ["CounterInterface", objectBus],
            swiftSettings: settings),
        // Another process, which serves a folder's files.
        .executableTarget(
            name: "FileWorker", dependencies: [objectBus, files], swiftSettings: settings),
        .testTarget(
            name: "CounterTests",
            dependencies: ["CounterInterface", "CounterService", objectBus, testing],
            swiftSettings: settings),
    ]
)
