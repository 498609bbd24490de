// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Testing

@Suite struct ExpansionTests {
    private static let counter =
        """
        /// Counts.
        @BusObject
        public distributed actor Counter {
            public typealias ActorSystem = Bus
            private var total = 0
            /// Adds `amount`.
            public distributed func add(_ amount: Int) -> Int { 0 }
            public distributed func take(amount: Int) async throws(Broke) { }
            func local() {}
        }
        """

    @Test func `the whole extension of a counter reads as expected`() {
        let expansion = Expansion(Self.counter)
        #expect(expansion.diagnostics == [])
        #expect(
            expansion.text == """
                extension Counter: ObjectBus.BusObjectProtocol {
                    public static let busInterface: ObjectBus.Interface = {
                        var list: [ObjectBus.Interface.Method] = []
                        list.reserveCapacity(2)
                        list.append(.init(name: "add(_:)", parameters: [.init(label: "_", \
                name: "amount", type: "Int", hasDefault: false)], returns: "Int", \
                documentation: "Adds `amount`.", throwsErrors: nil, isAsync: false, property: nil))
                        list.append(.init(name: "take(amount:)", parameters: [.init(\
                label: "amount", name: "amount", type: "Int", hasDefault: false)], \
                returns: "Void", documentation: "", throwsErrors: "Broke", isAsync: true, \
                property: nil))
                        return ObjectBus.Interface(name: "Counter", documentation: "Counts.", \
                methods: list)
                    }()

                    public static let busErrorTypes: [any Swift.Error.Type] = {
                        var list: [any Swift.Error.Type] = []
                        list.reserveCapacity(2)
                        list.append(Broke.self)
                        return list
                    }()

                    public static func busDispatchSync(
                        _ call: ObjectBus.IncomingCall, on object: isolated Counter
                    ) throws -> ObjectBus.CallResult? {
                        switch call.method {
                        case "add(_:)":
                            var arguments = try call.arguments(1)
                            let a0 = try arguments.next("amount", as: Int.self)
                            return try call.result(object.add(a0))
                        default:
                            return nil
                        }
                    }

                    public static func busDispatch(
                        _ call: ObjectBus.IncomingCall, on object: isolated Counter
                    ) async throws -> ObjectBus.CallResult? {
                        switch call.method {
                        case "take(amount:)":
                            var arguments = try call.arguments(1)
                            let a0 = try arguments.next("amount", as: Int.self)
                            try await object.take(amount: a0)
                            return call.result()
                        default:
                            return nil
                        }
                    }
                }
                """)
    }

    @Test(arguments: [
        ("-> Int", "return try call.result(object.f())"),
        ("throws -> Int", "return try call.result(object.f())"),
        ("async -> Int", "return try await call.result(object.f())"),
        ("async throws -> Int", "return try await call.result(object.f())"),
        ("", "object.f()\nreturn call.result()"),
        ("-> ()", "object.f()\nreturn call.result()"),
        ("-> Swift.Void", "object.f()\nreturn call.result()"),
        ("throws", "try object.f()\nreturn call.result()"),
        ("throws(Never)", "object.f()\nreturn call.result()"),
        ("async", "await object.f()\nreturn call.result()"),
        ("async throws(E)", "try await object.f()\nreturn call.result()"),
    ]) func `try and await stand only where they are needed`(effects: String, call: String) {
        let text = actor("distributed func f() \(effects) {}").text
        let indent = String(repeating: " ", count: 12)
        let lines = call.split(separator: "\n").map { indent + $0 }.joined(separator: "\n")
        #expect(text.contains("_ = try call.arguments(0)\n\(lines)\n"))
    }

    @Test(arguments: [
        ("public", "public "),
        ("package", "package "),
        ("", ""),
        ("internal", ""),
        ("fileprivate", ""),
        ("private", ""),
    ]) func `access follows the actor`(modifier: String, expected: String) {
        let text = Expansion("@BusObject \(modifier) distributed actor A {}").text
        #expect(text.contains("\n    \(expected)static let busInterface"))
        #expect(text.contains("\n    \(expected)static func busDispatch"))
    }

    @Test func `an actor without a modifier is as public as its extension`() {
        let text = Expansion("public extension Bank { @BusObject distributed actor A {} }").text
        #expect(text.contains("\n    public static func busDispatch"))
    }

    @Test func `an actor's own modifier goes before that of its extension`() {
        let text = Expansion("public extension Bank { @BusObject private distributed actor A {} }")
            .text
        #expect(text.contains("\n    static func busDispatch"))
    }

    @Test func `an actor in a type is named with it`() {
        let source = "enum Bank { struct Desk { @BusObject distributed actor Account {} } }"
        let text = Expansion(source).text
        #expect(text.hasPrefix("extension Bank.Desk.Account: ObjectBus.BusObjectProtocol {"))
        #expect(text.contains("on object: isolated Bank.Desk.Account\n"))
        #expect(text.contains("Interface(name: \"Bank.Desk.Account\","))
    }

    @Test(arguments: [
        "@BusObject distributed actor A<T> {}",
        "struct Outer<T> { @BusObject distributed actor A {} }",
        "extension Outer { @BusObject distributed actor A {} }",
    ]) func `where a type may be generic nothing is stored`(source: String) {
        #expect(Expansion(source).text.contains("static var busInterface: ObjectBus.Interface {"))
    }

    @Test func `an actor without methods has an empty dispatch`() {
        let empty = actor("func local() {}\nvar x = 1")
        #expect(empty.names == [])
        #expect(empty.methods == [])
        #expect(!empty.text.contains("busErrorTypes"))
    }

    @Test func `conditional methods keep their conditions`() {
        let expansion = actor(
            """
            #if DEBUG  // why
            distributed func f() -> Int { 1 }
            #elseif os(Linux)
            #else
            distributed func f() throws(E) -> String { "" }
            #endif
            #if X
            func local() {}
            #endif
            """)
        #expect(expansion.diagnostics == [])
        #expect(expansion.names == ["f()", "f()"])
        let directives = expansion.text.split(separator: "\n").map { $0.drop { $0 == " " } }
            .filter { $0.hasPrefix("#") }
        let block: [Substring] = ["#if DEBUG", "#elseif os(Linux)", "#else", "#endif"]
        #expect(directives == block + block + block)  // description, errors, dispatch
    }

    @Test func `each error type is listed once`() {
        let expansion = actor(
            """
            distributed func a() throws(E) {}
            distributed func b() throws(E) {}
            distributed func c() throws(any Error) {}
            distributed func d() throws {}
            """)
        let added = expansion.lines(from: "list.append(", to: ".self)")
        #expect(added == ["E"])
    }

    @Test func `a deprecated method makes the dispatch deprecated, so that it does not warn`() {
        let old = actor("@available(*, deprecated) distributed func f() {}").text
        #expect(old.contains("@available(*, deprecated)\n    static func busDispatchSync("))
        #expect(!old.contains("@available(*, deprecated)\n    static func busDispatch("))
        let new = actor("@available(macOS 99, *) distributed func f() {}").text
        #expect(!new.contains("@available"))
    }
}
