import ArgumentParser
import Faults
import Glibc
import SecretStore
import Supervision

struct VaultUnsealCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unseal", abstract: "Give shares of the unseal key, one a line on standard input.",
    discussion: """
      By default the platform's own secrets manager unseals itself at each start, by a key in a file. One of '--unseal
      shares' needs this after each start. Shares that were given count until it is unsealed; as long as more are
      needed the command fails and says so.
      """)

  @OptionGroup var vault: VaultOptions

  func run() async throws {
    let manager = try vault.manager()
    guard try await manager.withClient({ try await $0.sealStatus() }).isSealed else {
      print("the secrets manager is not sealed")
      return
    }
    if isatty(STDIN_FILENO) != 0 { tell("type the shares, each on a line, then Ctrl-D") }
    let text = String(decoding: try await readInput(atMost: 64 << 10), as: UTF8.self)
    let shares = text.split(whereSeparator: \.isWhitespace).map(String.init)
    guard !shares.isEmpty else {
      throw Fault(
        .invalid, operation: "unseal the secrets manager", reason: "standard input holds no share",
        remedy: "give the shares on standard input, each on a line")
    }
    try await manager.withClient { client in
      for share in shares {
        let status = try await client.unseal(share: share)
        guard status.isSealed else { return print("the secrets manager is unsealed") }
        tell("\(status.progress) of \(status.threshold) shares given")
      }
      throw Fault(
        .conflict, operation: "unseal the secrets manager", reason: "it is sealed still: more shares are needed",
        remedy: "give the others with the same command")
    }
  }
}
