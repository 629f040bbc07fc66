import APIClient
import AgentModel
import ArgumentParser
import Faults
import Foundation

/// How a command reaches the API.
struct ConnectionOptions: ParsableArguments {
  @OptionGroup var instance: InstanceOptions

  @Option(help: "Token to show (default: $LOBSTACK_TOKEN); root needs none at the Unix socket.")
  var token: String?

  @Option(help: ArgumentHelp("Base URL of the gateway, instead of the instance's Unix socket.", valueName: "url"))
  var address: String?

  @Option(
    help: ArgumentHelp(
      "Roots that vouch for the gateway (default: $LOBSTACK_CA, else this machine's instance's, else the system's).",
      valueName: "file"), completion: .file())
  var ca: String?

  func withClient<Value: Sendable>(_ body: (APIClient) async throws -> Value) async throws -> Value {
    let address: APIClient.Address =
      if let url = self.address { .gateway(url, roots: try roots()) } else { .unix(try instance.layout().apiSocket) }
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

  mutating func validate() throws {
    guard let address, !address.lowercased().hasPrefix("https://") else { return }
    throw ValidationError("--address is not an https:// URL: a token must not travel in the clear")
  }

  private func roots() throws -> String? {
    if let path = ca ?? ProcessInfo.processInfo.environment["LOBSTACK_CA"], !path.isEmpty {
      do { return try String(contentsOfFile: path, encoding: .utf8) } catch {
        throw Fault(
          .notFound, operation: "read \(path)", reason: "the file cannot be read",
          remedy: "name the file that 'lobstack ca' printed", cause: error)
      }
    }
    // Elsewhere than on the platform's own machine there is no such file, and the system's roots have to do.
    return try? String(contentsOfFile: try instance.layout().trustBundle, encoding: .utf8)
  }
}
