/// Places for values: the variables of a body, or the arguments of a function. They live on the stack, for as long as
/// the body is evaluated.
struct Slots {
  private let memory: UnsafeMutableBufferPointer<Value>

  var count: Int { memory.count }

  /// The planner gives out the slots: one beyond the count is a fault of its own, not of a policy.
  subscript(_ slot: Int) -> Value {
    get {
      precondition(memory.indices.contains(slot))
      return memory[slot]
    }
    nonmutating set {
      precondition(memory.indices.contains(slot))
      memory[slot] = newValue
    }
  }

  /// - Parameter body: is given the places, which it must not keep.
  @inline(__always)
  static func with<Result>(_ count: Int, _ body: (Slots) throws -> Result) rethrows -> Result {
    try withUnsafeTemporaryAllocation(of: Value.self, capacity: max(count, 1)) { memory in
      let memory = UnsafeMutableBufferPointer(rebasing: memory[..<count])
      for slot in memory.indices { memory.initializeElement(at: slot, to: .null) }
      defer { for slot in memory.indices { memory.deinitializeElement(at: slot) } }
      return try body(Slots(memory: memory))
    }
  }
}
