// Part of objbus. SPDX-License-Identifier: Apache-2.0

import Testing

@Suite struct DiagnosticTests {
    @Test(arguments: ["struct", "final class", "enum", "protocol"])
    func `what is no actor is refused`(kind: String) {
        let expansion = Expansion("@BusObject \(kind) A {}")
        #expect(expansion.text == "")
        #expect(
            expansion.diagnostics == [
                "1:1 @BusObject works on a 'distributed actor' only; "
                    + "values cross the bus as Codable structs and enums and need no attribute"
            ])
    }

    @Test func `an actor that is not distributed is refused with a repair`() {
        let expansion = Expansion("@BusObject\npublic actor A {}")
        #expect(expansion.text == "")
        #expect(
            expansion.diagnostics == [
                "2:8 @BusObject works on a 'distributed actor' only; write 'distributed actor'",
                "    fix: add 'distributed'",
            ])
    }

    @Test(arguments: [
        ("f<T: Codable>(_ a: T)", "f(_:)"),
        ("f(_ a: some Codable)", "f(_:)"),
        ("f(a: [some Codable])", "f(a:)"),
        ("f() -> T where T == Int", "f()"),
    ]) func `generic methods are refused`(signature: String, name: String) {
        let expansion = actor("distributed func \(signature) {}\ndistributed func g() {}")
        #expect(
            expansion.diagnostics == [
                "2:18 generic method '\(name)' cannot be called over the bus, because no type is "
                    + "named on the wire; write one method for each concrete type"
            ])
        #expect(expansion.names == ["g()"])
    }

    @Test func `overloads that differ only in types are refused`() {
        let expansion = actor(
            """
            distributed func f(_ a: Int) {}
            distributed func f(_ a: String) {}
            distributed func f(a: String) {}
            """)
        #expect(
            expansion.diagnostics == [
                "3:18 'f(_:)' is the full name of two distributed methods; methods are told "
                    + "apart by name and labels, not by types: change a label or the base name "
                    + "of one",
                "    note: 'f(_:)' is declared here first",
            ])
        #expect(expansion.names == ["f(_:)", "f(a:)"])
        #expect(expansion.methods.count == 2)
    }

    @Test func `overloads that become one when shortened are refused`() {
        let expansion = actor(
            """
            distributed func f(_ a: Int) {}
            distributed func f(_ a: Int, b: Int = 0) {}
            """)
        #expect(
            expansion.diagnostics == [
                "3:18 'f(_:)' is the full name of two distributed methods, also when defaulted "
                    + "parameters are left out; methods are told apart by name and labels, not "
                    + "by types: change a label or the base name of one",
                "    note: 'f(_:)' is declared here first",
            ])
    }

    @Test func `a method declared twice is refused once`() {
        let method = "distributed func f(a: Int = 0, b: Int = 0) {}\n"
        #expect(actor(method + method).diagnostics.count == 2)
        #expect(actor(method + method).names == ["f(a:b:)", "f(a:)", "f(b:)", "f()"])
    }

    @Test func `methods in one build conflict, those in different branches do not`() {
        let branches = "#if A\ndistributed func f() {}\n#else\ndistributed func f() {}\n#endif"
        #expect(actor(branches).diagnostics == [])
        #expect(actor(branches + "\ndistributed func f() {}").diagnostics.count == 2)
        let blocks = "#if A\ndistributed func f() {}\n#endif\n"
        #expect(actor(blocks + blocks).diagnostics.count == 2)
        let nested = "#if A\n\(blocks)distributed func f() {}\n#endif"
        #expect(actor(nested).diagnostics.count == 2)
    }

    @Test func `inout, variadic and tuple parameters are refused`() {
        let expansion = actor(
            """
            distributed func a(_ x: inout Int) {}
            distributed func b(x y: Int...) {}
            distributed func c(_ x: [(Int, b: Int)]) {}
            distributed func d() -> (Int, Int)? { nil }
            distributed func e(_ x: (Int, Int) -> Void) -> (Int) { 0 }
            """)
        #expect(
            expansion.diagnostics == [
                "2:25 parameter 'x' cannot be 'inout': arguments are copied to the object; "
                    + "return the new value instead",
                "3:20 parameter 'y' cannot be variadic; take an array: 'y: [Int]'",
                "4:26 tuple '(Int, b: Int)' cannot cross the bus, because tuples are not "
                    + "Codable; declare a Codable struct",
                "5:25 tuple '(Int, Int)' cannot cross the bus, because tuples are not Codable; "
                    + "declare a Codable struct",
            ])
        #expect(expansion.names == ["e(_:)"])
    }

    @Test func `distributed properties are refused, with the methods to write instead`() {
        let expansion = actor("distributed var total: Int { 0 }\nvar local = 1")
        #expect(
            expansion.diagnostics == [
                "2:17 'distributed var total' cannot be exported: reading it from another module "
                    + "crashes the Swift 6.3 compiler; write 'distributed func total() -> Int', "
                    + "and 'distributed func setTotal(_ value: Int)' if it can be set"
            ])
    }

    @Test func `five defaulted parameters are allowed and six are not`() {
        func method(_ count: Int) -> String {
            let list = (0..<count).map { "p\($0): Int = 0" }.joined(separator: ", ")
            return "distributed func f(\(list)) {}"
        }
        #expect(actor(method(5)).names.count == 32)
        #expect(
            actor(method(6)).diagnostics == [
                "2:18 'f(p0:p1:p2:p3:p4:p5:)' has more than 5 defaulted parameters, and each "
                    + "combination is a name of its own; gather them in a Codable struct"
            ])
    }
}
