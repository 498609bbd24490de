// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import ChaosChecks

/// Has objects made, hands them on, calls and drops them, as chance will have it.
struct ChaosTrader: Sendable {
    private let bus: Bus
    private let bag: Bag
    private let layout = ChaosLayout()

    init(_ bus: Bus, _ bag: Bag) {
        (self.bus, self.bag) = (bus, bag)
    }

    /// Trades until it is over.
    func run(until isOver: @Sendable () -> Bool) async {
        var markets: [Int: Market] = [:]
        while !isOver() {
            let worker = Int.random(in: 0..<self.layout.workers)
            if markets[worker] == nil {
                let name = self.layout.market(of: worker)
                markets[worker] = try? await self.bus.find(Market.self, named: name)
            }
            guard let market = markets[worker], await self.step(market) else {
                markets[worker] = nil
                await pause(milliseconds: 20)
                continue
            }
        }
    }

    /// - Returns: Whether it went well.
    private func step(_ market: Market) async -> Bool {
        switch Int.random(in: 0..<10) {
        case 0: self.bag.put(self.bag.make())
        case 1, 2: return await self.fetch { try await market.make() }
        case 3, 4: return await self.fetch { try await market.give() }
        case 5, 6:
            guard let entry = self.bag.pick() else { break }
            return await self.bag.attempt(with: entry) {
                try await self.found { try await market.keep(entry.parcel) }
            }
        case 7:
            // It is let go at once: nothing but the order of the link holds it.
            guard let entry = self.bag.take() else { break }
            return await self.bag.attempt(with: entry) {
                try await self.found { try await market.oneway.keep(entry.parcel) }
            }
        case 8: _ = self.bag.take()
        default: await self.bag.callSome()
        }
        return true
    }

    private func fetch(_ body: () async throws -> Parcel?) async -> Bool {
        guard let parcel = try? await body() else { return false }
        self.bag.put(parcel)
        return true
    }

    /// A market that is just being replaced is no fault of what it is to get.
    private func found(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let error as BusError where error.kind == .notFound {
            throw BusError(.disconnected, error.message)
        }
    }
}
