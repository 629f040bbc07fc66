import APIClient
import ArgumentParser

struct CACommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ca", abstract: "Print the roots that vouch for the gateway's certificate.",
    discussion: """
      PEM on standard output. To trust them on another machine:

        lobstack ca > lobstack.crt
        curl --cacert lobstack.crt https://HOST:8443/readyz        for one program
        cp lobstack.crt /usr/local/share/ca-certificates/ && update-ca-certificates        for all, on Debian and Ubuntu

      'lobstack' itself takes the file with --ca or $LOBSTACK_CA, and needs neither on the platform's own machine.
      """)

  @OptionGroup var connection: ConnectionOptions

  func run() async throws {
    let bundle = try await connection.withClient { try await $0.trustBundle() }
    print(bundle, terminator: "")
  }
}
