// Part of objbus. SPDX-License-Identifier: Apache-2.0

import BusAPI

/// Makes a `distributed actor` an object with stable method names.
///
/// ```swift
/// @BusObject
/// public distributed actor Counter {
///     public typealias ActorSystem = Bus
///     private var total = 0
///     /// Adds `amount` and returns the new total.
///     public distributed func add(_ amount: Int) -> Int {
///         total += amount
///         return total
///     }
/// }
/// ```
///
/// The attribute adds a conformance to `BusObjectProtocol`:
/// - `busInterface` describes the methods, with labels, types and documentation comments, for
///   `objbus introspect` and for callers without the type;
/// - `busDispatch`, and `busDispatchSync` for methods that are not `async`, run a method by its
///   full name, `add(_:)`, on the actor, without looking up any symbol: callers need neither Swift
///   nor the same version of the module;
/// - `busErrorTypes` lists the types of `throws(E)`, so that a caller gets a thrown error as `E`.
///
/// **What is exported.** Every `distributed func` in the actor's own braces, of any access level
/// (`private` keeps source code out, not messages), also inside `#if`. Not exported are methods in
/// extensions, which the attribute cannot see: move them into the actor, and let the extension
/// hold what they call.
///
/// **Names.** A method is known by its base name and labels; a defaulted parameter may be left out
/// by callers, so adding one breaks no old caller, and each shorter name counts as a name.
/// `total() -> T` together with `setTotal(_: T)` is a property, `objbus get` and `set` know it as
/// `total`. An actor in another type is named `Bank.Account`.
///
/// **Errors.** Refused, with what to write instead: types other than a distributed actor, generic
/// methods, overloads with one full name, `inout` and variadic parameters, tuples, more than five
/// defaulted parameters, and `distributed var`.
@attached(
    extension, conformances: BusObjectProtocol,
    names: named(busInterface), named(busErrorTypes), named(busDispatch), named(busDispatchSync))
public macro BusObject() = #externalMacro(module: "ObjectBusMacros", type: "BusObjectMacro")
