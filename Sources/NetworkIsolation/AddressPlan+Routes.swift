import AgentModel
import ChildProcess

extension AddressPlan {
  /// What the machine already has where the instance's agents would have their addresses.
  ///
  /// - Returns: the first route inside or around the plan's block that is not to one of its own agents; `nil` for none.
  /// - Throws: `Fault` when the routes cannot be read.
  package func conflict() async throws -> String? {
    conflict(routes: try await Command("ip", ["-4", "route", "show"]).check(timeout: .seconds(5)))
  }

  /// - Parameter routes: lines of `ip -4 route show`.
  package func conflict(routes: String) -> String? {
    for line in routes.split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      guard let destination = words.first, destination != "default",
        let block = CIDR(destination) ?? CIDR("\(destination)/32"),
        block.contains(subnet) || subnet.contains(block)
      else { continue }
      if let device = words.firstIndex(of: "dev"), device + 1 < words.count,
        slot(interface: words[device + 1]) != nil
      {
        continue
      }
      return words.joined(separator: " ")
    }
    return nil
  }
}
