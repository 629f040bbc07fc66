import ArgumentParser
import Faults
import Foundation
import Supervision

struct VaultInitCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init",
    abstract: "Make the unseal key of a platform that was started with '--unseal shares', and print its shares.",
    discussion: """
      The shares are printed once, on standard output, and kept nowhere. Give each to another person: after each start
      of the secrets manager so many of them as the threshold says have to give theirs to 'lobstack vault unseal'. Who
      loses too many of them loses all secrets.
      """)

  @OptionGroup var instance: InstanceOptions
  @OptionGroup var format: OutputOptions

  @Option(help: "Shares that are made, 1 to 255.")
  var shares = 5

  @Option(help: "Shares that unseal.")
  var threshold = 3

  func validate() throws {
    guard (1...255).contains(shares), (1...shares).contains(threshold), shares == 1 || threshold > 1 else {
      throw ValidationError(
        "--shares is 1 to 255 and --threshold 2 to --shares; with one share for several people each would have all")
    }
  }

  private struct Shares: Encodable {
    var shares: [String]
    var threshold: Int
  }

  func run() async throws {
    let layout = try instance.layout()
    try await SharedUnsealing(layout: layout).initialize(shares: shares, threshold: threshold) { made in
      // Before anything else can fail: nothing else has them.
      do {
        try format.print(Shares(shares: made, threshold: threshold)) { made.joined(separator: "\n") }
      } catch {
        print(made.joined(separator: "\n"))
      }
      fflush(nil)
    }
    tell("the secrets manager is initialised and unsealed; \(threshold) of the \(shares) shares unseal it from now on")
  }
}
