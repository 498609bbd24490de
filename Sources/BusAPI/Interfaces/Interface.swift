// Part of objbus. SPDX-License-Identifier: Apache-2.0

/// What an object can do, for people and programs that don't have its type.
public struct Interface: Hashable, Codable, Sendable {
    /// The type's name.
    public var name: String
    /// The type's doc comment, without its markers.
    public var documentation: String
    /// The methods, in the order of the source.
    public var methods: [Method]
    /// The protocols that the type names as its own, as written: what the object may be held as.
    public var conformances: [String]

    /// Makes a description.
    public init(
        name: String, documentation: String, methods: [Method], conformances: [String] = []
    ) {
        self.name = name
        self.documentation = documentation
        self.methods = methods
        self.conformances = conformances
    }

    /// Reads a description; one without conformances names none.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.name = try container.decode(String.self, forKey: .name)
        self.documentation = try container.decode(String.self, forKey: .documentation)
        self.methods = try container.decode([Method].self, forKey: .methods)
        self.conformances =
            try container.decodeIfPresent([String].self, forKey: .conformances) ?? []
    }

    /// One method.
    public struct Method: Hashable, Codable, Sendable {
        /// The full name, `transfer(_:to:)`.
        public var name: String
        /// The parameters, in order.
        public var parameters: [Parameter]
        /// The result's type as written, `Void` for none.
        public var returns: String
        /// The doc comment, without its markers.
        public var documentation: String
        /// What it throws, as written; nil if it does not throw.
        public var throwsErrors: String?
        /// Whether it is `async` in itself.
        public var isAsync: Bool
        /// The property that it reads or writes, if it does.
        public var property: PropertyRole?

        /// Makes a description.
        public init(
            name: String, parameters: [Parameter] = [], returns: String = "Void",
            documentation: String = "", throwsErrors: String? = nil, isAsync: Bool = false,
            property: PropertyRole? = nil
        ) {
            self.name = name
            self.parameters = parameters
            self.returns = returns
            self.documentation = documentation
            self.throwsErrors = throwsErrors
            self.isAsync = isAsync
            self.property = property
        }

        /// The declaration as Swift writes it, without attributes.
        public var signature: String {
            let base = self.name.prefix { $0 != "(" }
            let list = self.parameters.map(\.declaration).joined(separator: ", ")
            let effects =
                (self.isAsync ? " async" : "")
                + (self.throwsErrors.map { $0 == "any Error" ? " throws" : " throws(\($0))" }
                    ?? "")
            let result = self.returns == "Void" ? "" : " -> \(self.returns)"
            return "\(base)(\(list))\(effects)\(result)"
        }
    }

    /// One parameter.
    public struct Parameter: Hashable, Codable, Sendable {
        /// The argument label, `_` for none.
        public var label: String
        /// The name inside the method.
        public var name: String
        /// The type as written.
        public var type: String
        /// Whether a caller may leave it out.
        public var hasDefault: Bool

        /// Makes a description.
        public init(label: String, name: String, type: String, hasDefault: Bool = false) {
            self.label = label
            self.name = name
            self.type = type
            self.hasDefault = hasDefault
        }

        var declaration: String {
            let names = self.label == self.name ? self.name : "\(self.label) \(self.name)"
            return "\(names): \(self.type)\(self.hasDefault ? " = …" : "")"
        }
    }

    /// What a method does for a property.
    public enum PropertyRole: Hashable, Codable, Sendable {
        /// Reads the property with this name.
        case get(String)
        /// Writes the property with this name.
        case set(String)
    }
}
