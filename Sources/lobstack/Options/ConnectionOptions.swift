import APIClient
import AgentModel
import ArgumentParser
import Foundation

/// How a command reaches the API.
struct ConnectionOptions: ParsableArguments {
  @OptionGroup var instance: InstanceOptions

  @Option(help: "Token to show (default: $LOBSTACK_TOKEN); root needs none at the Unix socket.")
  var token: String?

  @Option(help: ArgumentHelp("Base URL of the API instead of the instance's Unix socket.", valueName: "url"))
  var address: String?

  func withClient<Value: Sendable>(_ body: (APIClient) async throws -> Value) async throws -> Value {
    let address: APIClient.Address =
      if let url = self.address { .http(url) } else { .unix(try instance.layout().apiSocket) }
    let client = APIClient(address: address, token: token ?? ProcessInfo.processInfo.environment["LOBSTACK_TOKEN"])
    do {
      let value = try await body(client)
      // The answer is there; a connection that does not close well changes nothing of it.
      try? await client.shutdown()
      return value
    } catch {
      try? await client.shutdown()  // as above
      throw error
    }
  }
}
