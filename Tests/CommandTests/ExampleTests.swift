// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import BusExamples
import Foundation
import ObjectBusFiles
import Testing

@Suite(.timeLimit(.minutes(1))) struct ExampleTests {
    private static let interfaces: [Interface] = [
        Account.busInterface, Bank.busInterface, Counter.busInterface, OpenFile.busInterface,
        FileServer.busInterface, Greeter.busInterface,
    ]

    @Test func `full names agree with the parameters, and everything is documented`() {
        for interface in Self.interfaces {
            #expect(!interface.documentation.isEmpty)
            for method in interface.methods {
                let base = method.name.prefix { $0 != "(" }
                let labels = method.parameters.map { "\($0.label):" }.joined()
                #expect(method.name == "\(base)(\(labels))")
                #expect(!method.documentation.isEmpty, "\(interface.name).\(method.name)")
            }
        }
    }

    @Test func `every method described can be called, and takes as many arguments`() async throws {
        let bus = try await Bus.embedded()
        let client = try await bus.attach()
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data("x".utf8).write(to: URL(fileURLWithPath: "\(folder)/f"))
        let files = try FileServer(root: folder, actorSystem: bus)
        let objects: [any BusObjectProtocol] = [
            Account(owner: "a", actorSystem: bus), Bank(actorSystem: bus),
            Counter(actorSystem: bus), try await files.open("f"), files, Greeter(actorSystem: bus),
        ]
        for (object, interface) in zip(objects, Self.interfaces) {
            try await publish(object, as: interface.name, on: bus)
            let remote = try await client.object(named: interface.name)
            for method in interface.methods {
                // One argument too many: the method is known, and says so.
                let arguments = Array(repeating: Value.null, count: method.parameters.count + 1)
                let error = await #expect(throws: BusError.self) {
                    try await remote.callForValue(method.name, arguments)
                }
                #expect(
                    error?.message.hasPrefix("\(method.name) takes ") == true, "\(error as Any)")
            }
        }
        client.close()
        bus.close()
    }

    private func publish(
        _ object: some BusObjectProtocol, as name: String, on bus: Bus
    ) async throws {
        try await bus.publish(object, as: name)
    }

    @Test func `a total out of range is an error, and changes nothing`() async throws {
        let bus = try await Bus.embedded()
        let counter = Counter(actorSystem: bus)
        #expect(try await counter.add(.max) == .max)
        await #expect(throws: BusError.self) { try await counter.add(1) }
        #expect(try await counter.total() == .max)
        bus.close()
    }

    @Test func `money is neither made nor lost`() async throws {
        let bus = try await Bus.embedded()
        let client = try await bus.attach()
        try await bus.publish(Bank(publishingAccountsUnder: "bank", actorSystem: bus), as: "bank")
        let bank = try await client.find(Bank.self, named: "bank")
        let (ada, bob) = (try await bank.account("ada"), try await bank.account("bob"))
        #expect(try await bank.account("ada") == ada)
        #expect(try await ada.deposit(10) == 10)
        #expect(try await ada.transfer(4, to: bob) == 6)
        #expect(try await bob.deposit(.max - 4) == .max)
        // What can't be deposited is put back.
        await #expect(throws: BusError.self) { try await ada.transfer(1, to: bob) }
        #expect(try await ada.balance() == 6)
        let error = await #expect(throws: InsufficientFunds.self) { try await ada.withdraw(7) }
        #expect(error?.balance == 6 && error?.amount == 7)
        for amount in [-1, Int.min] {
            await #expect(throws: BusError.self) { try await ada.withdraw(amount) }
            await #expect(throws: BusError.self) { try await ada.deposit(amount) }
        }
        for owner in ["", "a b", "a/b", String(repeating: "x", count: 65)] {
            await #expect(throws: BusError.self) { try await bank.account(owner) }
        }
        #expect(try await bank.owners() == ["ada", "bob"])
        #expect(try await bank.accounts() == [ada, bob])
        client.close()
        bus.close()
    }
}
