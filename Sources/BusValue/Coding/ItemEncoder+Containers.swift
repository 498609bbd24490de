// Part of objbus. SPDX-License-Identifier: Apache-2.0

// The generic methods stand for all of the protocols' own, except where those have a default.

/// The map that a type fills by its coding keys.
struct KeyedItems<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let encoder: ItemEncoder

    var codingPath: [any CodingKey] { encoder.codingPath }

    func encodeNil(forKey key: Key) throws {
        try encoder.put(Value.null, key: key)
    }

    func encode<T: Encodable>(_ value: T, forKey key: Key) throws {
        try encoder.put(value, key: key)
    }

    func encode(_ value: Int128, forKey key: Key) throws {
        try encoder.put(value, key: key)
    }

    func encode(_ value: UInt128, forKey key: Key) throws {
        try encoder.put(value, key: key)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy keyType: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        encoder.deferredEncoder(key: key).container(keyedBy: keyType)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        encoder.deferredEncoder(key: key).unkeyedContainer()
    }

    func superEncoder() -> any Encoder {
        encoder.deferredEncoder(key: PathKey("super"))
    }

    func superEncoder(forKey key: Key) -> any Encoder {
        encoder.deferredEncoder(key: key)
    }
}

/// The array that a type fills.
struct UnkeyedItems: UnkeyedEncodingContainer {
    let encoder: ItemEncoder

    var codingPath: [any CodingKey] { encoder.codingPath }

    var count: Int { encoder.count }

    func encodeNil() throws {
        try encoder.put(Value.null)
    }

    func encode<T: Encodable>(_ value: T) throws {
        try encoder.put(value)
    }

    func encode(_ value: Int128) throws {
        try encoder.put(value)
    }

    func encode(_ value: UInt128) throws {
        try encoder.put(value)
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy keyType: Nested.Type
    ) -> KeyedEncodingContainer<Nested> {
        encoder.deferredEncoder(key: nil).container(keyedBy: keyType)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        encoder.deferredEncoder(key: nil).unkeyedContainer()
    }

    func superEncoder() -> any Encoder {
        encoder.deferredEncoder(key: nil)
    }
}

/// The one item that a type encodes as.
struct SingleItem: SingleValueEncodingContainer {
    let encoder: ItemEncoder

    var codingPath: [any CodingKey] { encoder.codingPath }

    func encodeNil() throws {
        try encoder.putSingle(Value.null)
    }

    func encode<T: Encodable>(_ value: T) throws {
        try encoder.putSingle(value)
    }

    func encode(_ value: Int128) throws {
        try encoder.putSingle(value)
    }

    func encode(_ value: UInt128) throws {
        try encoder.putSingle(value)
    }
}
