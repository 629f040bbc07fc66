import AgentModel
import Faults
import Files
import Foundation

/// Where an instance's secrets manager is: its own socket, or the one of others that the platform was started with.
extension VaultAddress {
  private struct Stored: Codable {
    var urls: String
    var namespace: String?
  }

  /// - Throws: `Fault(.invalid)` for a file that the supervisor did not write.
  package init(of layout: InstanceLayout) throws {
    guard let data = FileManager.default.contents(atPath: layout.vaultAddressFile) else {
      self.init(socket: layout.vaultSocket)
      return
    }
    let stored: Stored
    do { stored = try JSONDecoder().decode(Stored.self, from: data) } catch {
      throw Fault(
        .invalid, operation: "read \(layout.vaultAddressFile)", reason: "it is no address",
        remedy: "start the platform again with 'lobstack up'", cause: error)
    }
    let roots = FileManager.default.contents(atPath: layout.vaultAuthority)
    try self.init(
      urls: stored.urls, roots: roots.map { String(decoding: $0, as: UTF8.self) }, namespace: stored.namespace)
  }

  /// Makes it the instance's, for every process of it; its roots have to lie in the instance's file for them.
  package func store(for layout: InstanceLayout) throws {
    let stored = Stored(urls: description, namespace: namespace)
    try writeAtomically(try JSONEncoder().encode(stored), to: layout.vaultAddressFile, mode: 0o644)
  }

  /// Whether the server is the instance's own.
  package static func isOwn(_ layout: InstanceLayout) -> Bool {
    !FileManager.default.fileExists(atPath: layout.vaultAddressFile)
  }
}
