// Part of objbus. SPDX-License-Identifier: Apache-2.0

public import BusAPI

/// An account holds less than was to be taken out of it.
public struct InsufficientFunds: Error, Hashable, Codable, Sendable, CustomStringConvertible {
    /// What is there.
    public let balance: Int
    /// What was asked for.
    public let amount: Int

    /// Both numbers.
    public var description: String { "the balance is \(self.balance), not \(self.amount)" }
}

/// Money of one owner; a `Bank` hands accounts out by reference.
public distributed actor Account {
    /// Accounts live on a bus.
    public typealias ActorSystem = Bus

    private let ownerName: String
    private var amount = 0

    /// Opens an empty account.
    public init(owner: String, actorSystem: Bus) {
        self.actorSystem = actorSystem
        self.ownerName = owner
    }

    /// Whose account it is.
    public distributed func owner() -> String { self.ownerName }

    /// What is in it.
    public distributed func balance() -> Int { self.amount }

    /// Puts `amount` in and returns the new balance.
    ///
    /// - Throws: `BusError` of kind `invalid` if `amount` is negative, or more than fits.
    public distributed func deposit(_ amount: Int) throws -> Int {
        let (sum, overflow) = self.amount.addingReportingOverflow(amount)
        guard amount >= 0, !overflow else {
            throw BusError(.invalid, executed: .yes, "\(amount) can't be deposited")
        }
        self.amount = sum
        return sum
    }

    /// Takes `amount` out and returns the new balance.
    ///
    /// - Throws: `InsufficientFunds` if there is less in it; `BusError` of kind `invalid` if
    ///   `amount` is negative.
    public distributed func withdraw(_ amount: Int) throws -> Int {
        guard amount >= 0 else {
            throw BusError(.invalid, executed: .yes, "\(amount) can't be withdrawn")
        }
        guard amount <= self.amount else {
            throw InsufficientFunds(balance: self.amount, amount: amount)
        }
        self.amount -= amount
        return self.amount
    }

    /// Takes `amount` out and puts it into `other`, wherever that account lives; returns the new
    /// balance of this one.
    ///
    /// If the deposit fails, the amount is put back, unless the error says `executed: maybe`:
    /// then somebody has to look.
    /// - Throws: as `withdraw(_:)` and the deposit do.
    public distributed func transfer(_ amount: Int, to other: Account) async throws -> Int {
        _ = try self.withdraw(amount)
        do {
            _ = try await other.deposit(amount)
        } catch {
            let isUncertain = (error as? BusError)?.executed == .maybe
            if !isUncertain { _ = try self.deposit(amount) }
            throw error
        }
        return self.amount
    }
}

extension Account: BusObjectProtocol {
    /// What `objbus introspect bank/ada` shows.
    public static let busInterface = Interface(
        name: "Account", documentation: "Money of one owner.",
        methods: [
            .init(name: "owner()", returns: "String", documentation: "Whose account it is."),
            .init(name: "balance()", returns: "Int", documentation: "What is in it."),
            .init(
                name: "deposit(_:)", parameters: [.positional("amount", "Int")], returns: "Int",
                documentation: "Puts `amount` in and returns the new balance.",
                throwsErrors: "any Error"),
            .init(
                name: "withdraw(_:)", parameters: [.positional("amount", "Int")], returns: "Int",
                documentation: """
                    Takes `amount` out and returns the new balance.

                    - Throws: `InsufficientFunds` if there is less in it.
                    """,
                throwsErrors: "any Error"),
            .init(
                name: "transfer(_:to:)",
                parameters: [
                    .positional("amount", "Int"), .labelled("to", "other", "Account"),
                ],
                returns: "Int",
                documentation: """
                    Takes `amount` out and puts it into `other`, wherever that account lives; \
                    returns the new balance of this one.

                    If the deposit fails, the amount is put back, unless the error says \
                    `executed: maybe`: then somebody has to look.
                    """,
                throwsErrors: "any Error", isAsync: true),
        ])

    /// Methods throw it among others, so that callers with the type get it as itself.
    public static let busErrorTypes: [any Error.Type] = [InsufficientFunds.self]

    /// Runs a call of a method that does not suspend by its full name.
    public static func busDispatchSync(
        _ call: IncomingCall, on object: isolated Account
    ) throws -> CallResult? {
        switch call.method {
        case "owner()":
            _ = try call.arguments(0)
            return try call.result(object.owner())
        case "balance()":
            _ = try call.arguments(0)
            return try call.result(object.balance())
        case "deposit(_:)":
            var arguments = try call.arguments(1)
            let amount = try arguments.next("amount", as: Int.self)
            return try call.result(object.deposit(amount))
        case "withdraw(_:)":
            var arguments = try call.arguments(1)
            let amount = try arguments.next("amount", as: Int.self)
            return try call.result(object.withdraw(amount))
        default:
            return nil
        }
    }

    /// Runs a call of another method by its full name.
    public static func busDispatch(
        _ call: IncomingCall, on object: isolated Account
    ) async throws -> CallResult? {
        switch call.method {
        case "transfer(_:to:)":
            var arguments = try call.arguments(2)
            let amount = try arguments.next("amount", as: Int.self)
            let other = try arguments.next("to", as: Account.self)
            return try await call.result(object.transfer(amount, to: other))
        default:
            return nil
        }
    }
}
