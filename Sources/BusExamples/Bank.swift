// Part of objbus. SPDX-License-Identifier: Apache-2.0

public import BusAPI

/// Hands out accounts, which are objects of their own, by reference.
public distributed actor Bank {
    /// Banks live on a bus.
    public typealias ActorSystem = Bus

    /// Accounts at most, so that all fit one message; one more is refused as `overloaded`.
    public static let accountsMax = 4_000
    /// Bytes of an owner's name at most; longer ones are refused as `invalid`.
    public static let ownerBytesMax = 64

    private let publishedName: String?
    private var accountsByOwner: [String: Account] = [:]

    /// Opens a bank without accounts.
    ///
    /// - Parameter name: Under it, a slash and their owners' names accounts are published. A name
    ///   keeps its object held, so that an account's tag stays good while no other process has
    ///   a reference to it. Without a name accounts are not published.
    public init(publishingAccountsUnder name: String? = nil, actorSystem: Bus) {
        self.actorSystem = actorSystem
        self.publishedName = name
    }

    /// The account of `owner`, which is opened at the first use.
    ///
    /// - Throws: `BusError`: `invalid` if `owner` can't be a part of a name, `overloaded` if there
    ///   are too many accounts.
    public distributed func account(_ owner: String) async throws -> Account {
        if let account = self.accountsByOwner[owner] { return account }
        let isWord = owner.unicodeScalars.allSatisfy {
            $0.value > 0x20 && $0 != "/" && !$0.properties.isWhitespace
        }
        guard isWord, !owner.isEmpty, owner.utf8.count <= Self.ownerBytesMax else {
            throw BusError(
                .invalid, executed: .yes,
                "an owner has 1 to \(Self.ownerBytesMax) bytes without spaces and slashes")
        }
        guard self.accountsByOwner.count < Self.accountsMax else {
            throw BusError(
                .overloaded, executed: .yes, "the bank has \(Self.accountsMax) accounts already")
        }
        let account = Account(owner: owner, actorSystem: self.actorSystem)
        self.accountsByOwner[owner] = account
        guard let publishedName else { return account }
        do {
            try await self.actorSystem.publish(account, as: "\(publishedName)/\(owner)")
        } catch {
            self.accountsByOwner[owner] = nil
            throw error
        }
        return account
    }

    /// Who has an account, sorted.
    public distributed func owners() -> [String] { self.accountsByOwner.keys.sorted() }

    /// All accounts, sorted by owner.
    public distributed func accounts() -> [Account] {
        self.owners().compactMap { self.accountsByOwner[$0] }
    }
}

extension Bank: BusObjectProtocol {
    /// What `objbus introspect bank` shows.
    public static let busInterface = Interface(
        name: "Bank",
        documentation: "Hands out accounts, which are objects of their own, by reference.",
        methods: [
            .init(
                name: "account(_:)", parameters: [.positional("owner", "String")],
                returns: "Account",
                documentation: "The account of `owner`, which is opened at the first use.",
                throwsErrors: "any Error", isAsync: true),
            .init(
                name: "owners()", returns: "[String]",
                documentation: "Who has an account, sorted."),
            .init(
                name: "accounts()", returns: "[Account]",
                documentation: "All accounts, sorted by owner."),
        ])

    /// Runs a call of a method that does not suspend by its full name.
    public static func busDispatchSync(
        _ call: IncomingCall, on object: isolated Bank
    ) throws -> CallResult? {
        switch call.method {
        case "owners()":
            _ = try call.arguments(0)
            return try call.result(object.owners())
        case "accounts()":
            _ = try call.arguments(0)
            return try call.result(object.accounts())
        default:
            return nil
        }
    }

    /// Runs a call of another method by its full name.
    public static func busDispatch(
        _ call: IncomingCall, on object: isolated Bank
    ) async throws -> CallResult? {
        switch call.method {
        case "account(_:)":
            var arguments = try call.arguments(1)
            let owner = try arguments.next("owner", as: String.self)
            return try await call.result(object.account(owner))
        default:
            return nil
        }
    }
}
