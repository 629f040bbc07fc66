import Foundation

/// A run of random input, as long as the environment's `FUZZ_SECONDS` says (10 by default), from another seed each time.
///
/// The seed is printed before anything else, so that what ends the process can be repeated with `FUZZ_SEED`.
package struct FuzzRun {
  package var random: SplitMix64
  package let seed: UInt64
  private let end: ContinuousClock.Instant

  package init(_ name: String) {
    let environment = ProcessInfo.processInfo.environment
    seed = environment["FUZZ_SEED"].flatMap { UInt64($0) } ?? .random(in: 0 ... .max)
    let seconds = environment["FUZZ_SECONDS"].flatMap { Int($0) } ?? 10
    print("fuzz \(name): FUZZ_SEED=\(seed), \(seconds) s")
    random = SplitMix64(seed: seed)
    end = ContinuousClock.now + .seconds(seconds)
  }

  package var goesOn: Bool { ContinuousClock.now < end }

  /// Changes bytes: some of them, a piece taken out, doubled or put elsewhere, a word put in.
  package mutating func mutate(_ bytes: [UInt8], words: [[UInt8]]) -> [UInt8] {
    var bytes = bytes.isEmpty ? [0] : bytes
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      let length = min(bytes.count - place, Int.random(in: 1...40, using: &random))
      switch Int.random(in: 0..<7, using: &random) {
      case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes[place] ^= 1 << UInt8.random(in: 0...7, using: &random)
      case 2: bytes.removeSubrange(place..<(place + length))
      case 3:
        bytes.insert(contentsOf: bytes[place..<(place + length)], at: Int.random(in: 0..<bytes.count, using: &random))
      case 4, 5: bytes.insert(contentsOf: words.randomElement(using: &random) ?? [], at: place)
      default: bytes.removeSubrange(place...)
      }
      if bytes.isEmpty { bytes = [0] }
    }
    return bytes
  }
}
