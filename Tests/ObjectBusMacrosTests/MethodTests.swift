// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Testing

@Suite struct MethodTests {
    @Test func `full names have labels, and backticks only in raw identifiers`() {
        let expansion = actor(
            """
            distributed func add(_ a: Int, to b: Int, c: Int) {}
            distributed func `repeat`(`for` n: Int, `inout` m: Int) {}
            distributed func `say it loud`() {}
            distributed func `1st`(`a b`: Int) {}
            distributed func café(größe: Int) {}
            """)
        #expect(
            expansion.names == [
                "add(_:to:c:)", "repeat(for:inout:)", "`say it loud`()", "`1st`(`a b`:)",
                "café(größe:)",
            ])
        #expect(expansion.text.contains("object.add(a0, to: a1, c: a2)"))
        #expect(expansion.text.contains("object.`repeat`(for: a0, `inout`: a1)"))
        #expect(expansion.text.contains("object.`1st`(`a b`: a0)"))
    }

    @Test func `arguments are read by label, or by name if there is no label`() {
        let text = actor("distributed func f(_ a: Int, to b: Int, c: Int) {}").text
        for (index, key) in ["a", "to", "c"].enumerated() {
            #expect(text.contains("let a\(index) = try arguments.next(\"\(key)\", as: Int.self)"))
        }
    }

    @Test func `defaulted parameters give every shorter name`() {
        let expansion = actor(
            "distributed func f(_ a: Int, to b: Int = 1, c: Int = 2) -> Int { 0 }")
        #expect(expansion.names == ["f(_:to:c:)", "f(_:to:)", "f(_:c:)", "f(_:)"])
        #expect(
            expansion.lines(from: "return try call.result(object.", to: ")") == [
                "f(a0, to: a1, c: a2)", "f(a0, to: a1)", "f(a0, c: a1)", "f(a0)",
            ])
        #expect(expansion.methods.count == 1)
    }

    @Test func `of forms with one name the one with the earlier parameters counts`() {
        let expansion = actor("distributed func f(_ a: Int = 1, _ b: String = \"\") {}")
        #expect(expansion.names == ["f(_:_:)", "f(_:)", "f()"])
        #expect(!expansion.text.contains("let a0 = try arguments.next(\"b\""))
    }

    @Test(arguments: [
        ("[String: [Int?]]", "[String: [Int?]]", "[String: [Int?]].self"),
        ("Bank.Kind", "Bank.Kind", "Bank.Kind.self"),
        ("any P & Q", "any P & Q", "(any P & Q).self"),
        ("@Sendable (Int, Int) -> Void", "@Sendable (Int, Int) -> Void", nil),
        ("Self", "Self", "Self.self"),
        ("Int!", "Int?", "Int?.self"),
        ("sending String", "String", "String.self"),
        ("Result<Int,\n        E /* why */>", "Result<Int, E>", "Result<Int, E>.self"),
    ]) func `types are carried as text`(source: String, text: String, metatype: String?) {
        let expansion = actor("distributed func f(_ a: \(source)) {}")
        #expect(expansion.diagnostics == [])
        let metatype = metatype ?? "(\(text)).self"
        #expect(expansion.text.contains("arguments.next(\"a\", as: \(metatype))"))
        #expect(expansion.methods.first?.contains("type: \"\(text)\", hasDefault: false") == true)
    }

    @Test func `a getter and its setter are a property`() {
        let expansion = actor(
            """
            distributed func total() -> Int { 0 }
            distributed func setTotal(_ value: Int) {}
            distributed func lonely() -> Int { 0 }
            distributed func other() -> Int { 0 }
            distributed func setOther(_ value: String) {}
            distributed func setLabel(label: String) {}
            distributed func label() -> String { "" }
            """)
        let roles = expansion.methods.map { $0.split(separator: "property: ").last ?? "" }
        #expect(
            roles == [
                ".get(\"total\")", ".set(\"total\")", "nil", "nil", "nil", "nil", "nil",
            ])
    }

    @Test func `a getter and a setter of different builds are no property`() {
        let setter = "distributed func setTotal(_ value: Int) {}"
        let expansion = actor(
            "#if A\ndistributed func total() -> Int { 0 }\n#else\n\(setter)\n#endif")
        #expect(expansion.methods.filter { $0.hasSuffix("property: nil") }.count == 2)
    }

    @Test(arguments: [
        ("/// One.\n/// Two.", "One.\\nTwo."),
        ("/// Old.\n\n/// New.", "New."),
        ("/// Old.\n// aside\n/// New.", "New."),
        ("// aside", ""),
        ("/** One. */", "One."),
        ("/**\n * One.\n *\n *  - two\n */", "One.\\n\\n - two"),
        ("/// Says \"hi\\n\".", "Says \\\"hi\\\\n\\\"."),
        ("/// One.\n@discardableResult", "One."),
        ("@discardableResult\n/// One.\npublic", "One."),
    ]) func `documentation is carried as text`(comment: String, text: String) {
        let expansion = actor("\(comment)\ndistributed func f() {}")
        #expect(expansion.methods.first?.contains("documentation: \"\(text)\", throws") == true)
    }

    @Test(arguments: ["/// Doc.\n@BusObject", "@BusObject\n/// Doc.", "/** Doc. */ @BusObject"])
    func `the actor's documentation may stand on both sides of the attribute`(head: String) {
        let text = Expansion("\(head)\npublic distributed actor A {}").text
        #expect(text.contains("Interface(name: \"A\", documentation: \"Doc.\", methods: list)"))
    }
}
