// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Foundation
import ObjectBus
import ObjectBusFiles
import TestObjects

/// A worker process for tests; it lives until its standard input ends.
///
///     TestWorker                 publishes the test objects, and says "ready"
///     TestWorker gate NAME       publishes a gate
///     TestWorker directory NAME  publishes a directory
///     TestWorker patience NAME   publishes a patience
///     TestWorker wait NAME       lets the patience NAME wait
///     TestWorker give FROM TO    makes a counter at directory FROM, gives it to TO, says "given"
///     TestWorker bouncer NAME    publishes a blocking object that calls its caller back
///     TestWorker narrow NAME     publishes a blocking object that runs one call at a time
///     TestWorker launch NAME     launches another one with a gate, and says its process number
///     TestWorker files FOLDER    serves a folder's files, and says "ready"
///     TestWorker open PATH       opens a file of that server, keeps it, and says "open"
///     TestWorker serve NAME      publishes a counter and says "ready"; when it is told to end, it
///                                drains and says how much was counted
///     TestWorker replica NAME    the same, as one of several by turns
///     TestWorker fail TEXT       writes to standard error and ends with status 3
@main struct TestWorker {
    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        let name = arguments.last ?? ""
        if arguments.first == "fail" {
            FileHandle.standardError.write(Data("\(name)\n".utf8))
            exit(3)
        }
        let bus = try await Bus.connect(name: "worker")
        var kept: [any Sendable] = []
        switch arguments.first {
        case "gate":
            try await bus.publish(Gate(actorSystem: bus), as: name)
        case "directory":
            try await bus.publish(Directory(actorSystem: bus), as: name)
        case "patience":
            try await bus.publish(Patience(actorSystem: bus), as: name)
        case "wait":
            try await bus.find(Patience.self, named: name).wait(through: [])
        case "give":
            let from = try await bus.find(Directory.self, named: arguments.dropFirst().first ?? "")
            let counter = try await from.create()
            try await bus.find(Directory.self, named: name).remember(counter)
            say("given")
            kept.append(counter)
        case "bouncer":
            kept.append(try await publishBouncer(BlockingBus(bus), name))
        case "narrow":
            kept.append(try await publishNarrow(BlockingBus(bus), name))
        case "launch":
            let worker = try bus.launch(CommandLine.arguments[0], ["gate", name])
            try await worker.waitUntilPublished(name, on: bus)
            say("\(worker.processID)")
            kept.append(worker)
        case "files":
            let files = try FileServer(root: name, access: .readWrite, actorSystem: bus)
            try await bus.publish(files, as: "files")
            kept.append(files)
            say("ready")
        case "open":
            let files = try await bus.find(FileServer.self, named: "files")
            kept.append(try await files.open(name))
            say("open")
        case "serve", "replica":
            let counter = Counter(actorSystem: bus)
            let replicas: ReplicaPolicy? = arguments.first == "replica" ? .roundRobin : nil
            try await bus.publish(counter, as: name, replicas: replicas)
            say("ready")
            try await bus.run()
            say("\(try await counter.value())")
            return
        default:
            kept.append(try await TestObjects(on: bus))
            say("ready")
        }
        await inputEnds()
        withExtendedLifetime(kept) {}
        bus.close()
    }

    private static func say(_ line: String) {
        FileHandle.standardOutput.write(Data("\(line)\n".utf8))
    }

    private static func inputEnds() async {
        await withCheckedContinuation { continuation in
            Thread {
                while readLine() != nil {}
                continuation.resume()
            }.start()
        }
    }

    /// An object that runs one call at a time: it waits at the gate, and calls the one it is given.
    private static func publishNarrow(
        _ blocking: BlockingBus, _ name: String
    ) async throws -> BlockingObject {
        try await onThread {
            let object = blocking.makeObject { call in
                guard call.method != "reach()" else { return 0 }
                let (other, gate) = try call.arguments(
                    as: BlockingObject.self, BlockingObject.self)
                let _: Int = try gate.pass(0)
                let there: Int = try other.reach()
                return there + 1
            }
            try blocking.limit(object, toConcurrentCalls: 1)
            try blocking.publish(object, as: name)
            return object
        }
    }

    private static func onThread<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            Thread { continuation.resume(with: Swift.Result { try body() }) }.start()
        }
    }

    /// An object that calls the one it is given, which calls it back, until the depth is 0.
    private static func publishBouncer(
        _ blocking: BlockingBus, _ name: String
    ) async throws -> BlockingObject {
        try await onThread {
            try blocking.publish(as: name) { call in
                let (depth, other) = try call.arguments(as: Int.self, BlockingObject.self)
                if depth == 0 { return 0 }
                let below: Int = try other.bounce(depth - 1, off: call.object)
                return below + 1
            }
        }
    }
}
