// Part of objbus. SPDX-License-Identifier: Apache-2.0
// What users of the bus need from the layers below.

@_exported public import BusValue
@_exported public import BusWire
@_exported public import Distributed
