// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI

extension Interface.Parameter {
    /// A parameter without a label, `_ name: Type`.
    static func positional(
        _ name: String, _ type: String, hasDefault: Bool = false
    ) -> Interface.Parameter {
        .init(label: "_", name: name, type: type, hasDefault: hasDefault)
    }

    /// A parameter with a label, `label name: Type`.
    static func labelled(
        _ label: String, _ name: String, _ type: String, hasDefault: Bool = false
    ) -> Interface.Parameter {
        .init(label: label, name: name, type: type, hasDefault: hasDefault)
    }
}
