// Part of objbus. SPDX-License-Identifier: Apache-2.0

import SwiftDiagnostics

/// What `@BusObject` refuses. Each text says what is wrong, why, and what to write instead.
enum BusObjectMessage: DiagnosticMessage {
    case notAnActor
    case notDistributed
    case genericMethod(String)
    case sameName(String, shortened: Bool)
    case inoutParameter(String)
    case variadicParameter(name: String, type: String)
    case tuple(String)
    case distributedProperty(name: String, type: String)
    case tooManyDefaults(String)

    var severity: DiagnosticSeverity { .error }

    var diagnosticID: MessageID {
        let id =
            switch self {
            case .notAnActor: "notAnActor"
            case .notDistributed: "notDistributed"
            case .genericMethod: "genericMethod"
            case .sameName: "sameName"
            case .inoutParameter: "inoutParameter"
            case .variadicParameter: "variadicParameter"
            case .tuple: "tuple"
            case .distributedProperty: "distributedProperty"
            case .tooManyDefaults: "tooManyDefaults"
            }
        return MessageID(domain: "ObjectBus", id: id)
    }

    var message: String {
        switch self {
        case .notAnActor:
            return "@BusObject works on a 'distributed actor' only; "
                + "values cross the bus as Codable structs and enums and need no attribute"
        case .notDistributed:
            return "@BusObject works on a 'distributed actor' only; write 'distributed actor'"
        case .genericMethod(let name):
            return "generic method '\(name)' cannot be called over the bus, because no type is "
                + "named on the wire; write one method for each concrete type"
        case .sameName(let name, let shortened):
            let how = shortened ? ", also when defaulted parameters are left out" : ""
            return "'\(name)' is the full name of two distributed methods\(how); methods are told "
                + "apart by name and labels, not by types: change a label or the base name of one"
        case .inoutParameter(let name):
            return "parameter '\(name)' cannot be 'inout': arguments are copied to the object; "
                + "return the new value instead"
        case .variadicParameter(let name, let type):
            return "parameter '\(name)' cannot be variadic; take an array: '\(name): [\(type)]'"
        case .tuple(let type):
            return "tuple '\(type)' cannot cross the bus, because tuples are not Codable; "
                + "declare a Codable struct"
        case .distributedProperty(let name, let type):
            return "'distributed var \(name)' cannot be exported: reading it from another module "
                + "crashes the Swift 6.3 compiler; write 'distributed func \(name)() -> \(type)', "
                + "and 'distributed func \(name.setterName)(_ value: \(type))' if it can be set"
        case .tooManyDefaults(let name):
            return "'\(name)' has more than \(FullName.defaultsMax) defaulted parameters, and each "
                + "combination is a name of its own; gather them in a Codable struct"
        }
    }
}

/// Points at the first of two methods with one full name.
struct SameNameNote: NoteMessage {
    let name: String
    var message: String { "'\(name)' is declared here first" }
    var noteID: MessageID { MessageID(domain: "ObjectBus", id: "sameName.first") }
}

/// The repairs that an editor can apply.
enum BusObjectFix: FixItMessage {
    case addDistributed

    var message: String { "add 'distributed'" }
    var fixItID: MessageID { MessageID(domain: "ObjectBus", id: "addDistributed") }
}
