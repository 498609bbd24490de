// swift-tools-version: 6.2
// Part of objbus. SPDX-License-Identifier: Apache-2.0
// A package of its own, so that who builds objbus neither fetches nor builds gRPC.

import PackageDescription

let package = Package(
    name: "grpc",
    dependencies: [
        .package(url: "https://github.com/grpc/grpc-swift-2.git", from: "2.4.3"),
        .package(url: "https://github.com/grpc/grpc-swift-nio-transport.git", from: "2.9.2"),
    ],
    targets: [
        // clock.h, which the C programs of the benchmark share.
        .systemLibrary(name: "CClock"),
        .executableTarget(
            name: "grpc",
            dependencies: [
                "CClock",
                .product(name: "GRPCCore", package: "grpc-swift-2"),
                .product(name: "GRPCNIOTransportHTTP2Posix", package: "grpc-swift-nio-transport"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6), .treatAllWarnings(as: .error)]),
    ]
)
