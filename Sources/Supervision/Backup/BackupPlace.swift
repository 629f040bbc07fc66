import AgentModel

/// Where a file of a backup belongs, by its path below the instance's directory: who owns it, and who may read it. Both
/// are ours to say, and never an archive's.
struct BackupPlace: Hashable, Sendable {
  enum Owner: Hashable, Sendable { case root, controlPlane, secretsManager }

  let owner: Owner
  /// Permissions of the file.
  let mode: UInt32

  /// Permissions of the directories above it, below the instance's.
  var directoryMode: UInt32 { mode & 0o044 == 0 ? 0o700 : 0o755 }

  static let snapshot = "vault.snapshot"
  /// What an agent's workspace is: the volume, its wrapped key, gocryptfs's own file; and the agent's record.
  static let workspaceFiles = ["agent.json", "gocryptfs.conf", "workspace.img", "workspace.key"]

  /// Of an audit log that was archived from.
  static let leaves = "audit/leaves"
  private static let controlPlaneFiles: Set<String> = [
    "lobstack.sqlite", "store.key", "login.key", "audit/records.log", "audit/checkpoint", "audit/key", "audit/key.pub",
    leaves,
  ]
  private static let keys: [String: UInt32] = ["seal.key": 0o400, "operator.key": 0o600, "unsealed-by-shares": 0o400]
  private static let longest = 1024

  /// - Returns: `nil` for what no backup has: that is refused.
  init?(_ path: String) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard path.utf8.count <= Self.longest, parts.allSatisfy(Self.isName), let first = parts.first else { return nil }
    let rest = parts.dropFirst().joined(separator: "/")
    switch (first, parts.count) {
    case ("vault.snapshot", 1): self.init(.root, 0o600)
    case ("control-plane", 2...) where Self.controlPlaneFiles.contains(rest): self.init(.controlPlane, 0o600)
    case ("control-plane", 3...) where parts[1] == "acme": self.init(.controlPlane, 0o600)
    case ("keys", 2):
      guard let mode = Self.keys[rest] else { return nil }
      self.init(.root, mode)
    case ("policy", 2...): self.init(.root, 0o644)
    case ("vault", 3...) where ["data", "audit"].contains(parts[1]): self.init(.secretsManager, 0o600)
    case ("node", 4)
    where parts[1] == "agents" && AgentUID(String(parts[2])) != nil && Self.workspaceFiles.contains(String(parts[3])):
      self.init(.root, 0o600)
    default: return nil
    }
  }

  private init(_ owner: Owner, _ mode: UInt32) {
    self.owner = owner
    self.mode = mode
  }

  private static func isName(_ part: Substring) -> Bool {
    !part.isEmpty && part != "." && part != ".."
      && part.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
  }
}
