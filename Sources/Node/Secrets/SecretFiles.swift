import AgentModel
import Faults
import Files
import Foundation
import Glibc

/// The directory that one agent sees at `/vault/secrets`: a file for each secret, in memory, for its user alone.
struct SecretFiles: Sendable {
  let directory: String

  init(layout: InstanceLayout, uid: AgentUID) { directory = "\(layout.agentSecretsDirectory)/\(uid)" }

  /// Makes the files exactly these; each changes whole or not at all.
  func write(_ values: [SecretName: SecretValue]) throws {
    try prepare()
    for (name, value) in values {
      let path = "\(directory)/\(name)"
      let data = Data(value.bytes)
      // What is the same is not written again: whoever watches the file sees changes only.
      if FileManager.default.contents(atPath: path) == data { continue }
      try writeAtomically(
        data, to: path, mode: 0o400, owner: InstanceLayout.agentUserID, group: InstanceLayout.agentUserID)
    }
    for name in names() where SecretName(name).map({ values[$0] == nil }) ?? true { unlink("\(directory)/\(name)") }
  }

  /// Makes the directory, which is there for as long as the agent's sandbox, whatever is in it.
  func prepare() throws {
    let user = InstanceLayout.agentUserID
    guard mkdir(directory, 0o500) == 0 || errno == EEXIST, chown(directory, user, user) == 0,
      chmod(directory, 0o500) == 0
    else {
      throw Fault(
        .exhausted, operation: "create \(directory)", reason: String(cString: strerror(errno)),
        remedy: "see 'lobstack doctor'")
    }
  }

  func remove() {
    for name in names() { unlink("\(directory)/\(name)") }
    rmdir(directory)
  }

  private func names() -> [String] {
    // A directory that is not there holds nothing.
    (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
  }
}
