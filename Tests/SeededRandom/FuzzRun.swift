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
}
