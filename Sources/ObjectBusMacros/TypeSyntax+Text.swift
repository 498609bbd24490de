// Part of objbus. SPDX-License-Identifier: Apache-2.0

import SwiftSyntax

extension SyntaxProtocol {
    /// The text on one line: no comments, and single spaces where there was any space, except
    /// just inside brackets.
    var plainText: String {
        var text = ""
        var wasSpaced = false
        for token in tokens(viewMode: .sourceAccurate) {
            let isSpaced = wasSpaced || !token.leadingTrivia.isEmpty
            if isSpaced, !text.isEmpty, !["(", "[", "<"].contains(text.suffix(1)),
                ![")", "]", ">", ","].contains(token.text)
            {
                text += " "
            }
            text += token.text
            wasSpaced = !token.trailingTrivia.isEmpty
        }
        return text
    }
}

extension TypeSyntax {
    /// The type of the value itself: no `sending` or `isolated`, and `T!` as `T?`.
    private var valueType: TypeSyntax {
        if let attributed = self.as(AttributedTypeSyntax.self), attributed.attributes.isEmpty {
            return attributed.baseType.valueType
        }
        if let implicit = self.as(ImplicitlyUnwrappedOptionalTypeSyntax.self) {
            return TypeSyntax(OptionalTypeSyntax(wrappedType: implicit.wrappedType.trimmed))
        }
        return self
    }

    var valueText: String { valueType.plainText }

    /// The type as an expression: `[Int].self`, `(any P).self`.
    var metatypeText: String {
        let type = valueType
        switch type.kind {
        case .identifierType, .memberType, .arrayType, .dictionaryType, .optionalType:
            return type.plainText + ".self"
        default:
            return "(" + type.plainText + ").self"
        }
    }

    /// `Void`, `Swift.Void`, `()`, and either in parentheses.
    var isVoid: Bool {
        if let tuple = self.as(TupleTypeSyntax.self) {
            guard let only = tuple.elements.first else { return true }
            return tuple.elements.count == 1 && only.type.isVoid
        }
        return ["Void", "Swift.Void"].contains(plainText)
    }

    var isInout: Bool {
        self.as(AttributedTypeSyntax.self)?.specifiers.contains { specifier in
            specifier.as(SimpleTypeSpecifierSyntax.self)?.specifier.tokenKind == .keyword(.inout)
        } ?? false
    }

    /// Whether `some` occurs anywhere: then the method is generic.
    var hasOpaqueType: Bool {
        tokens(viewMode: .sourceAccurate).contains { $0.tokenKind == .keyword(.some) }
    }

    /// The first tuple of two or more elements, at any depth; a closure's parameters are none.
    var firstTuple: TupleTypeSyntax? {
        var waiting = [Syntax(self)]
        while let node = waiting.popLast() {
            if let tuple = node.as(TupleTypeSyntax.self), tuple.elements.count > 1 { return tuple }
            waiting += node.children(viewMode: .sourceAccurate).reversed()
        }
        return nil
    }
}
