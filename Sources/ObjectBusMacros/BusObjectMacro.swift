// Part of objbus. SPDX-License-Identifier: Apache-2.0

import SwiftDiagnostics
package import SwiftSyntax
import SwiftSyntaxBuilder
package import SwiftSyntaxMacros

/// `@BusObject`: gives a `distributed actor` stable method names, a description and a dispatch.
///
/// Reads the actor's own `distributed func`s (not those of extensions, which a macro cannot see)
/// and writes one extension. What has no stable meaning on the wire is an error in the source.
package enum BusObjectMacro: ExtensionMacro {
    package static var formatMode: FormatMode { .disabled }

    package static func expansion(
        of node: AttributeSyntax,
        attachedTo declaration: some DeclGroupSyntax,
        providingExtensionsOf type: some TypeSyntaxProtocol,
        conformingTo protocols: [TypeSyntax],
        in context: some MacroExpansionContext
    ) throws -> [ExtensionDeclSyntax] {
        guard let actor = declaration.as(ActorDeclSyntax.self), actor.modifiers.has(.distributed)
        else {
            context.diagnose(Self.notDistributed(declaration, attribute: node))
            return []
        }
        var scan = ObjectScan()
        scan.read(actor.memberBlock.members)
        scan.settle()
        scan.diagnostics.forEach(context.diagnose)

        let writer = ExtensionWriter(
            type: type.trimmedDescription,
            conforms: !protocols.isEmpty,
            access: Self.access(of: actor, in: context.lexicalContext),
            isGeneric: Self.isGeneric(actor, in: context.lexicalContext),
            name: Self.interfaceName(of: actor, in: context.lexicalContext),
            documentation: DocumentationText.read(
                before: actor.actorKeyword, of: Syntax(actor), attribute: node),
            conformances: actor.inheritanceClause?.inheritedTypes.map(\.type.plainText) ?? [],
            scan: scan)
        let text: DeclSyntax = "\(raw: writer.text())"
        return text.as(ExtensionDeclSyntax.self).map { [$0] } ?? []
    }

    /// `Bank.Account` for an actor nested in `Bank`: enclosing types, outermost first, no module.
    private static func interfaceName(of actor: ActorDeclSyntax, in lexical: [Syntax]) -> String {
        var path = [actor.name.text.withoutPlainBackticks]
        for enclosing in lexical {
            if let named = enclosing.asProtocol((any NamedDeclSyntax).self) {
                path.insert(named.name.text.withoutPlainBackticks, at: 0)
            } else if let extended = enclosing.as(ExtensionDeclSyntax.self) {
                path.insert(extended.extendedType.plainText, at: 0)
            }
        }
        return path.joined(separator: ".")
    }

    /// The modifier that the generated members need to be as visible as the actor.
    private static func access(of actor: ActorDeclSyntax, in lexical: [Syntax]) -> String {
        var modifiers = actor.modifiers
        if modifiers.access == nil, let outer = lexical.first?.as(ExtensionDeclSyntax.self) {
            modifiers = outer.modifiers
        }
        switch modifiers.access {
        case .public: return "public "
        case .package: return "package "
        default: return ""  // never wider than the actor itself
        }
    }

    /// Whether static stored properties are refused here; an extension's type may be generic.
    private static func isGeneric(_ actor: ActorDeclSyntax, in lexical: [Syntax]) -> Bool {
        actor.genericParameterClause != nil
            || lexical.contains { enclosing in
                enclosing.is(ExtensionDeclSyntax.self)
                    || enclosing.asProtocol((any WithGenericParametersSyntax).self)?
                        .genericParameterClause != nil
            }
    }

    private static func notDistributed(
        _ declaration: some DeclGroupSyntax, attribute: AttributeSyntax
    ) -> Diagnostic {
        guard let actor = declaration.as(ActorDeclSyntax.self) else {
            return Diagnostic(node: attribute, message: BusObjectMessage.notAnActor)
        }
        var fixed = actor.actorKeyword
        fixed.leadingTrivia = []
        let distributed = TokenSyntax.keyword(
            .distributed, leadingTrivia: actor.actorKeyword.leadingTrivia, trailingTrivia: .space)
        let modifiers = actor.modifiers + [DeclModifierSyntax(name: distributed)]
        let new = actor.with(\.modifiers, modifiers).with(\.actorKeyword, fixed)
        return Diagnostic(
            node: actor.actorKeyword, message: BusObjectMessage.notDistributed,
            fixIts: [
                .replace(
                    message: BusObjectFix.addDistributed, oldNode: actor, newNode: new)
            ])
    }
}

extension DeclModifierListSyntax {
    /// Whether the modifier `keyword` is present.
    func has(_ keyword: Keyword) -> Bool { contains { $0.name.tokenKind == .keyword(keyword) } }

    /// The access modifier, if one is written.
    var access: Keyword? {
        let levels: [Keyword] = [.public, .package, .internal, .fileprivate, .private]
        return levels.first(where: has)
    }
}
