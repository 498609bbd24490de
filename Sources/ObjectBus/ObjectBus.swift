// Part of objbus. SPDX-License-Identifier: Apache-2.0
// What users import: the API, and the macro that gives objects stable names.

@_exported public import BusAPI

/// Distributed actors of a module that imports this one live on a `Bus` unless they say otherwise.
public typealias DefaultDistributedActorSystem = Bus
