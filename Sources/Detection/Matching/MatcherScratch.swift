/// What is known of the event at hand, and of its epoch. Behind pointers, so that no access has to be checked for
/// exclusivity; an entry counts when its stamp is the event's, or the epoch's.
struct MatcherScratch {
  /// Which of the stamps an entry is compared with: 0 for the event's, 1 for that of the epoch.
  let nodeStamps: UnsafeMutablePointer<UInt8>
  let values: UnsafeMutablePointer<FieldValue>
  let valueStamps: UnsafeMutablePointer<UInt32>
  let hashes: UnsafeMutablePointer<UInt64>
  let hashStamps: UnsafeMutablePointer<UInt32>
  /// Stamp and, in the lowest bit, the answer.
  let answers: UnsafeMutablePointer<UInt32>
  /// The event's, and the epoch's.
  let stamp: UnsafeMutablePointer<UInt32>
  let slots: Int
  let nodes: Int

  /// - Parameter steady: for each node whether its answer stays the same within an epoch.
  init(slots: Int, steady: [Bool]) {
    (self.slots, nodes) = (slots, steady.count)
    nodeStamps = .allocate(capacity: nodes)
    for (index, isSteady) in steady.enumerated() { (nodeStamps + index).initialize(to: isSteady ? 1 : 0) }
    values = .allocate(capacity: slots)
    values.initialize(repeating: .absent, count: slots)
    valueStamps = .allocate(capacity: slots)
    hashes = .allocate(capacity: slots)
    hashes.initialize(repeating: 0, count: slots)
    hashStamps = .allocate(capacity: slots)
    answers = .allocate(capacity: nodes)
    stamp = .allocate(capacity: 2)
    stamp.initialize(repeating: 0, count: 2)
    forget()
  }

  /// Makes what is known of the former event, or epoch, count no more.
  func begin(_ which: Int) {
    // The lowest bit of an answer's stamp is the answer.
    stamp[which] &+= 2
    if stamp[which] == 0 {
      forget()
      stamp.update(repeating: 2, count: 2)
    }
  }

  func forget() {
    valueStamps.initialize(repeating: 0, count: slots)
    hashStamps.initialize(repeating: 0, count: slots)
    answers.initialize(repeating: 0, count: nodes)
  }

  func free() {
    values.deallocate()
    valueStamps.deallocate()
    hashes.deallocate()
    hashStamps.deallocate()
    answers.deallocate()
    nodeStamps.deallocate()
    stamp.deallocate()
  }
}
