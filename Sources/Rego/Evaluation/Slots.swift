/// Places for values: the variables of a body, or the arguments of a function. They live on the stack, for as long as
/// the body is evaluated.
struct Slots {
  private let base: UnsafeMutablePointer<Value>
  let count: Int

  subscript(_ slot: Int) -> Value {
    get {
      precondition(slot >= 0 && slot < count)
      return base[slot]
    }
    nonmutating set {
      precondition(slot >= 0 && slot < count)
      base[slot] = newValue
    }
  }

  /// - Parameter body: is given the places, which it must not keep.
  @inline(__always)
  static func with<Result>(_ count: Int, _ body: (Slots) throws -> Result) rethrows -> Result {
    try withUnsafeTemporaryAllocation(of: Value.self, capacity: max(count, 1)) { memory in
      guard let base = memory.baseAddress else { preconditionFailure("memory without an address") }
      for slot in 0..<count { (base + slot).initialize(to: .null) }
      defer { for slot in 0..<count { (base + slot).deinitialize(count: 1) } }
      return try body(Slots(base: base, count: count))
    }
  }
}
