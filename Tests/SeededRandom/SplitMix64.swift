/// Random numbers that are the same in each run (Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
package struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }

  /// Changes bytes: some of them, a piece taken out, doubled or put elsewhere, a word put in.
  package mutating func mutate(_ bytes: [UInt8], words: [[UInt8]], changes: ClosedRange<Int> = 1...6) -> [UInt8] {
    var bytes = bytes.isEmpty ? [0] : bytes
    for _ in 0..<Int.random(in: changes, using: &self) {
      let place = Int.random(in: 0..<bytes.count, using: &self)
      let length = min(bytes.count - place, Int.random(in: 1...40, using: &self))
      switch Int.random(in: 0..<7, using: &self) {
      case 0: bytes[place] = UInt8.random(in: 0...255, using: &self)
      case 1: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &self)
      case 2: bytes.removeSubrange(place..<(place + length))
      case 3:
        bytes.insert(contentsOf: bytes[place..<(place + length)], at: Int.random(in: 0..<bytes.count, using: &self))
      case 4, 5: bytes.insert(contentsOf: words.randomElement(using: &self) ?? [], at: place)
      default: bytes.removeSubrange(place...)
      }
      if bytes.isEmpty { bytes = [0] }
    }
    return bytes
  }
}
