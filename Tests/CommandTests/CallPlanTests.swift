// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI
import Testing

@testable import BusCommand

@Suite struct CallPlanTests {
    private static let account = Interface(
        name: "Account", documentation: "",
        methods: [
            .init(name: "balance()"),
            .init(
                name: "transfer(_:to:)",
                parameters: [
                    .init(label: "_", name: "amount", type: "Int", hasDefault: false),
                    .init(label: "to", name: "other", type: "Account", hasDefault: false),
                ]),
            .init(
                name: "list(_:from:count:)",
                parameters: [
                    .init(label: "_", name: "text", type: "String", hasDefault: true),
                    .init(label: "from", name: "start", type: "Int", hasDefault: false),
                    .init(label: "count", name: "count", type: "Int", hasDefault: true),
                ]),
        ])

    private func plan(_ method: String, _ labels: [String?]) throws -> [String] {
        let plan = try CallPlan(method, labels: labels, in: Self.account)
        return [plan.method] + plan.order.map(String.init)
    }

    @Test(arguments: [
        ("balance", [], ["balance()"]),
        ("balance()", [], ["balance()"]),
        ("transfer", [nil, "to"], ["transfer(_:to:)", "0", "1"]),
        ("transfer", ["to", nil], ["transfer(_:to:)", "1", "0"]),
        ("transfer", ["_", "to"], ["transfer(_:to:)", "0", "1"]),
        ("transfer(_:to:)", [nil, nil], ["transfer(_:to:)", "0", "1"]),
        ("transfer(_:to:)", ["to", nil], ["transfer(_:to:)", "1", "0"]),
        ("list", ["from"], ["list(from:)", "0"]),
        ("list", [nil, "from"], ["list(_:from:)", "0", "1"]),
        ("list", ["count", "from"], ["list(from:count:)", "1", "0"]),
        ("list(from:count:)", [nil, nil], ["list(from:count:)", "0", "1"]),
        ("$ping()", [], ["$ping()"]),
    ]) func `a method is found by its base name and labels`(
        method: String, labels: [String?], expected: [String]
    ) throws {
        #expect(try self.plan(method, labels) == expected)
    }

    @Test(
        arguments: [
            ("transfer", [nil, nil]),
            ("transfer", [nil]),
            ("transfer", [nil, "from"]),
            ("transfer(_:from:)", [nil, nil]),
            ("balance", [nil]),
            ("list", []),
            ("list(from:)", [nil, nil]),
        ] as [(String, [String?])]) func `other labels or another number of arguments are code 2`(
            method: String, labels: [String?]
        ) throws
    {
        let failure = #expect(throws: CommandFailure.self) { try self.plan(method, labels) }
        #expect(failure?.exitCode == 2)
        #expect(failure?.kind == "invalid")
    }

    @Test func `the error says how the method is called`() throws {
        let failure = #expect(throws: CommandFailure.self) {
            try self.plan("list", [nil, "to"])
        }
        #expect(
            failure?.message == """
                Account has no list that takes VALUE to=VALUE; it has list(_ text: String = …, \
                from start: Int, count: Int = …), called as: list [TEXT] from=START [count=COUNT]
                """)
    }

    @Test(arguments: ["nosuch", "nosuch(_:)", "Balance"])
    func `an unknown method is code 3, naming all`(method: String) {
        let failure = #expect(throws: CommandFailure.self) { try self.plan(method, []) }
        #expect(failure?.exitCode == 3)
        #expect(
            failure?.message.hasSuffix("balance(), transfer(_:to:), list(_:from:count:)") == true)
    }

    @Test func `without a description the name is built from the labels`() throws {
        let none = Interface(name: "x", documentation: "", methods: [])
        #expect(try CallPlan("add", labels: [nil, "to"], in: none).method == "add(_:to:)")
        #expect(try CallPlan("add(x:)", labels: [nil], in: none).method == "add(x:)")
        #expect(try CallPlan("add", labels: [nil, "to"], in: none).order == [0, 1])
    }

    @Test func `labels in the declared order win`() throws {
        func method(_ labels: String...) -> Interface.Method {
            .init(
                name: "f(\(labels.map { "\($0):" }.joined()))",
                parameters: labels.map {
                    .init(label: $0, name: $0, type: "Int", hasDefault: false)
                })
        }
        let both = Interface(
            name: "x", documentation: "", methods: [method("a", "b"), method("b", "a")])
        #expect(try CallPlan("f", labels: ["b", "a"], in: both).method == "f(b:a:)")
        #expect(try CallPlan("f", labels: ["a", "b"], in: both).method == "f(a:b:)")
    }
}

@Suite struct CallArgumentTests {
    private static let tag = "ref:00000000000000a1.7.1.00000000000000000000000000000001"

    @Test(
        arguments: [
            ("3", nil, 3),
            ("-3", nil, -3),
            ("2.5", nil, 2.5),
            ("true", nil, true),
            ("null", nil, .null),
            (#""x=y""#, nil, "x=y"),
            (#"{"a":[1,"b"]}"#, nil, ["a": [1, "b"]]),
            ("plain words", nil, "plain words"),
            ("1 2", nil, "1 2"),
            ("", nil, ""),
            ("in=fr", "in", "fr"),
            ("times=2", "times", 2),
            ("_=a=b", "_", "a=b"),
            (#"who={"x":null}"#, "who", ["x": .null]),
            ("größe=1", "größe", 1),
            ("3=4", nil, "3=4"),
            ("a b=4", nil, "a b=4"),
            ("=4", nil, "=4"),
            ("https://x?y=z", nil, "https://x?y=z"),
        ] as [(String, String?, Value)])
    func `an argument is JSON, else a string, perhaps labelled`(
        typed: String, label: String?, value: Value
    ) {
        let argument = CallArgument(typed)
        #expect(argument.label == label)
        #expect(argument.value { _ in ReferenceSlot(9) } == value)
    }

    @Test func `each object has one slot, wherever it stands`() {
        let tag = Self.tag
        let arguments = CallArguments([
            tag, "to=\(tag)", #"[{"$ref":"counter"},{"$ref":"\#(tag)"}]"#, #""\#(tag)""#,
        ])
        #expect(arguments.objects == [tag, "counter"])
        #expect(arguments.labels == [nil, "to", nil, nil])
        #expect(
            arguments.values(slots: [ReferenceSlot(4), ReferenceSlot(2)]) == [
                .reference(ReferenceSlot(4)), .reference(ReferenceSlot(4)),
                [.reference(ReferenceSlot(2)), .reference(ReferenceSlot(4))], .string(tag),
            ])
    }
}
