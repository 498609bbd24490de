// Part of objbus. SPDX-License-Identifier: Apache-2.0

import SwiftDiagnostics
import SwiftSyntax

/// One `distributed func` as it is exported.
struct DistributedMethod {
    struct Parameter {
        /// As written, for the call; `_` if the argument has no label.
        let label: String
        let name: String
        let type: String
        /// `type` as an expression: `Int.self`, `(any P).self`.
        let metatype: String
        let hasDefault: Bool
    }
    /// A way to call the method: all parameters, or some defaulted ones left out.
    struct Form {
        let fullName: String
        let parameters: [Int]
    }
    enum Role: Equatable {
        case get(String)
        case set(String)
    }

    /// As written, for the call: with backticks where the source needs them.
    let base: String
    let parameters: [Parameter]
    /// `Void` or the type's text.
    let returns: String
    let documentation: String
    /// Nil if it does not throw; `any Error`, or the one type that it throws.
    let throwsErrors: String?
    let isAsync: Bool
    /// Callers of a deprecated method get a warning; the dispatch must not.
    let isDeprecated: Bool
    let fullName: String
    /// The full form first; empty if another method has the full name.
    private(set) var forms: [Form]
    var role: Role?
    let nameToken: TokenSyntax

    var bareBase: String { base.withoutPlainBackticks }
    /// The error type that callers have to know, if there is just one.
    var errorType: String? { throwsErrors == "any Error" ? nil : throwsErrors }

    /// Reads `function`; its diagnostics say what keeps it from being exported.
    static func read(
        _ function: FunctionDeclSyntax, diagnostics: inout [Diagnostic]
    ) -> DistributedMethod? {
        let before = diagnostics.count
        let signature = function.signature
        let list = signature.parameterClause.parameters
        let labels = list.map(\.firstName.text)
        let name = FullName.of(base: function.name.text, labels: labels)
        if function.genericParameterClause != nil || function.genericWhereClause != nil
            || list.contains(where: { $0.type.hasOpaqueType })
        {
            diagnostics.append(
                Diagnostic(node: function.name, message: BusObjectMessage.genericMethod(name)))
        }
        for parameter in list { Self.check(parameter, diagnostics: &diagnostics) }
        let result = signature.returnClause?.type
        if let tuple = result?.firstTuple {
            diagnostics.append(
                Diagnostic(node: tuple, message: BusObjectMessage.tuple(tuple.plainText)))
        }
        let defaults = list.map { $0.defaultValue != nil }
        if defaults.filter({ $0 }).count > FullName.defaultsMax {
            diagnostics.append(
                Diagnostic(node: function.name, message: BusObjectMessage.tooManyDefaults(name)))
        }
        guard diagnostics.count == before else { return nil }
        return DistributedMethod(
            base: function.name.text, parameters: list.map(Parameter.init),
            returns: result.map { $0.isVoid ? "Void" : $0.valueText } ?? "Void",
            documentation: DocumentationText.read(
                before: function.funcKeyword, of: Syntax(function)),
            throwsErrors: Self.errors(signature.effectSpecifiers?.throwsClause),
            isAsync: signature.effectSpecifiers?.asyncSpecifier != nil,
            isDeprecated: function.attributes.haveDeprecation,
            fullName: name,
            forms: Self.forms(base: function.name.text, labels: labels, hasDefault: defaults),
            nameToken: function.name)
    }

    /// Gives up the form `taken`, which is another method's; without its full name, all of them.
    mutating func drop(_ taken: String) {
        forms.removeAll { $0.fullName == taken || taken == fullName }
    }

    private static func forms(base: String, labels: [String], hasDefault: [Bool]) -> [Form] {
        var forms: [Form] = []
        for kept in FullName.forms(hasDefault: hasDefault) {
            let name = FullName.of(base: base, labels: kept.map { labels[$0] })
            if !forms.contains(where: { $0.fullName == name }) {
                forms.append(Form(fullName: name, parameters: kept))
            }
        }
        return forms
    }

    private static func errors(_ clause: ThrowsClauseSyntax?) -> String? {
        guard let clause else { return nil }
        switch clause.type?.plainText {
        case nil, "any Error", "Error", "any Swift.Error", "Swift.Error": return "any Error"
        case "Never", "Swift.Never": return nil
        case let type: return type
        }
    }

    private static func check(
        _ parameter: FunctionParameterSyntax, diagnostics: inout [Diagnostic]
    ) {
        let name = parameter.innerName
        if parameter.type.isInout {
            let message = BusObjectMessage.inoutParameter(name)
            diagnostics.append(Diagnostic(node: parameter.type, message: message))
        }
        if parameter.ellipsis != nil {
            let message = BusObjectMessage.variadicParameter(
                name: name, type: parameter.type.plainText)
            diagnostics.append(Diagnostic(node: parameter, message: message))
        }
        if let tuple = parameter.type.firstTuple {
            let message = BusObjectMessage.tuple(tuple.plainText)
            diagnostics.append(Diagnostic(node: tuple, message: message))
        }
    }
}

extension DistributedMethod.Parameter {
    fileprivate init(_ parameter: FunctionParameterSyntax) {
        label = parameter.firstName.text
        name = parameter.innerName
        type = parameter.type.valueText
        metatype = parameter.type.metatypeText
        hasDefault = parameter.defaultValue != nil
    }
}

extension FunctionParameterSyntax {
    /// The name inside the method, or the label if that is the only one.
    fileprivate var innerName: String {
        (secondName ?? firstName).text.withoutPlainBackticks
    }
}

extension AttributeListSyntax {
    /// Whether an `@available` attribute says `deprecated`.
    var haveDeprecation: Bool {
        contains { element in
            let attribute = element.as(AttributeSyntax.self)
            return attribute?.attributeName.plainText == "available"
                && attribute?.arguments?.tokens(viewMode: .sourceAccurate)
                    .contains { $0.text == "deprecated" } ?? false
        }
    }
}
