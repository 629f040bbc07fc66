import APIClient
import APIModel
import AgentModel
import ChildProcess
import Faults
import Foundation
import Glibc
import KernelFiles
import NodeProtocol
import SecretStore
import Synchronization

/// SEC-4, SEC-5 and AUD-3: what lies on the disk and in the memory of others, and what is left of an agent that is gone.
struct RestChecks: Sendable {
  let fixtures: Fixtures

  var all: [Check] {
    [
      Check(
        "SEC-4", layer: "secrets",
        title: "nothing secret can be read on the disk, or in the memory of who needs it not",
        deadline: .seconds(60), body: canaries),
      Check(
        "SEC-5", layer: "secrets", title: "what a deleted agent had cannot be opened any more",
        deadline: .seconds(60), body: shredding),
      Check(
        "AUD-3", layer: "audit", title: "no secret's value is in any audit log", body: records),
    ]
  }

  private var layout: InstanceLayout { fixtures.site.platform }

  // MARK: SEC-4

  private func canaries() async throws -> Finding {
    let keeper = try await fixtures.keeper.value
    // The one stands in the agent's environment, its workspace and its output, the other is a file at /vault/secrets.
    let texts = [keeper.target.canary, keeper.secret]
    let seen = try await keeper.target.run("cat /vault/secrets/\(keeper.name)")
    guard seen.output == keeper.secret else { return Finding(.notTestable, evidence: ["the agent has no secret file"]) }
    guard try await printed(keeper.target.canary) else {
      return Finding(.notTestable, evidence: ["the agent's log does not show what it printed"])
    }
    let planted = "\(fixtures.site.directory)/planted"
    try texts.joined(separator: "\n").write(toFile: planted, atomically: false, encoding: .utf8)
    defer { unlink(planted) }
    let found = try await search(for: texts)
    return Finding([
      Trial(
        "find what is secret on the disk",
        withoutControl: found.contains(planted)
          ? .succeeded("the search finds a file that it planted") : .unknown("not even the planted file was found"),
        withControl: found.filter { $0 != planted }.isEmpty
          ? .prevented(
            "no file below \(layout.root), raw images and databases included, holds the secret, the environment, the workspace or the output"
          )
          : .succeeded(found.filter { $0 != planted }.joined(separator: ", "))),
      try await memory(keeper.secret),
    ])
  }

  /// Whether the keeper's log, as the platform shows it, holds the text.
  private func printed(_ text: String) async throws -> Bool {
    let agents = try await fixtures.agents.value
    let output = Mutex<[UInt8]>([])
    try await agents.client.logs(try agents.name("s")) { bytes in output.withLock { $0 += bytes } }
    return String(decoding: output.withLock { $0 }, as: UTF8.self).contains(text)
  }

  /// Files on the disk below the instance's directory that hold one of the texts; what is mounted there is open, or
  /// memory.
  private func search(for texts: [String]) async throws -> [String] {
    let patterns = texts.flatMap { ["-e", $0] }
    let result = try await Command(
      "find", [layout.root, "-xdev", "-type", "f", "-exec", "grep", "-laF"] + patterns + ["{}", "+"]
    ).run(timeout: .seconds(45))
    return result.standardOutput.split(separator: "\n").map(String.init)
  }

  /// A secret that is a file is the agent's and the node's, and nobody else's.
  private func memory(_ secret: String) async throws -> Trial {
    let layout = layout
    @Sendable func holders(_ names: [String]) -> [String] {
      names.filter { name in
        guard let text = try? String(contentsOfFile: "\(layout.runDirectory)/\(name).pid", encoding: .utf8),
          let process = pid_t(text.trimmingCharacters(in: .whitespacesAndNewlines))
        else { return false }
        return ProcessMemory(process).contains(secret)
      }
    }
    return try await Trial.run("find a secret in the memory of processes") {
      holders(["node"]).isEmpty ? .unknown("not even the node has it") : .succeeded("the node, which reads it, has it")
    } withControl: {
      let strangers = ["proxy", "gateway", "sentinel"]
      let found = holders(strangers)
      return found.isEmpty
        ? .prevented("\(strangers.joined(separator: ", ")) do not have it") : .succeeded(found.joined(separator: ", "))
    }
  }

  // MARK: SEC-5

  private func shredding() async throws -> Finding {
    let agents = try await fixtures.agents.value
    let id = try agents.name("d")
    let target = try await agents.make("d", image: try await fixtures.image.value)
    let uid = try await agents.client.agent(id).metadata.uid
    let vault = try VaultOperator(layout: layout)
    // As a thief of the disk takes it, or a backup: volume, configuration, wrapped key.
    let copy = "\(fixtures.site.directory)/stolen"
    try await Command("cp", ["-a", "--sparse=always", "-x", "\(layout.agentsDirectory)/\(uid)", copy]).check()
    let wrapped = try String(contentsOfFile: "\(copy)/workspace.key", encoding: .utf8)
    let probe = VaultProbe(.write, "transit/decrypt/\(uid.volumeKeyName)", body: ["ciphertext": wrapped])
    let before = try await NodeClient(socket: layout.nodeSocket).probeSecrets([probe], as: id)[0]
    try await agents.client.deleteAgent(id)
    try await waitUntilGone(id, agents)
    let key = try await vault.with { try await Transit($0).key(uid.volumeKeyName) }
    let opened = try await open(copy, with: wrapped)
    let clear = try await Command("grep", ["-rlaF", target.canary, copy]).run(timeout: .seconds(30)).standardOutput
    let after: AttackOutcome =
      if key != nil {
        .succeeded("the key \(uid.volumeKeyName) is there still")
      } else if opened {
        .succeeded("the copy was opened")
      } else if !clear.isEmpty {
        .succeeded("the copy shows the agent's canary: \(clear)")
      } else if FileManager.default.fileExists(atPath: "\(layout.agentsDirectory)/\(uid)") {
        .succeeded("its directory is there still")
      } else {
        .prevented(
          "\(uid.volumeKeyName) is destroyed, so nothing unwraps the copy's key; gocryptfs does not open the copy; its "
            + "bytes show nothing")
      }
    return Finding([
      Trial(
        "open a copy of a deleted agent's workspace",
        withoutControl: before == 200
          ? .succeeded("before the agent was deleted, its token unwrapped the key: 200")
          : .unknown("before the agent was deleted, its token got \(before)"), withControl: after)
    ])
  }

  private func waitUntilGone(_ id: AgentID, _ agents: ProbeAgents) async throws {
    let end = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < end {
      do { _ = try await agents.client.agent(id) } catch let fault as Fault where fault.code == .notFound { return }
      try await Task.sleep(for: .milliseconds(50))
    }
    throw Fault(
      .timedOut, operation: "delete agent \(id)", reason: "it is there after 20 s", remedy: "see 'lobstack status'")
  }

  /// Tries what a thief has instead of the key.
  private func open(_ copy: String, with text: String) async throws -> Bool {
    let mountPoint = "\(copy)-open"
    try makeDirectory(mountPoint, mode: 0o700)
    try await fixtures.site.ledger.record(.mount(mountPoint))
    let status = try await Command(
      "gocryptfs", ["-q", "-nosyslog", "-config", "\(copy)/gocryptfs.conf", "\(copy)/encrypted", mountPoint],
      environment: ["PATH": "/usr/bin:/bin"]
    ).run(input: Array("\(text)\n".utf8), appendingTo: "\(copy)/attempt.log")
    return status == .exited(0)
  }

  // MARK: AUD-3

  private func records() async throws -> Finding {
    let keeper = try await fixtures.keeper.value
    let files = [layout.auditDirectory, "\(layout.vaultDirectory)/audit", "\(layout.vaultRunDirectory)/audit"]
    func find(_ text: String) async throws -> [String] {
      let result = try await Command("grep", ["-rlaF", "-e", text] + files).run(timeout: .seconds(20))
      return result.standardOutput.split(separator: "\n").map(String.init)
    }
    let (named, valued) = (try await find("\(keeper.name)"), try await find(keeper.secret))
    return Finding([
      Trial(
        "read a secret in the audit logs",
        withoutControl: named.count >= 2
          ? .succeeded("its name is in \(named.count) files: what was done with it is recorded")
          : .unknown("its name is in \(named.count) files"),
        withControl: valued.isEmpty
          ? .prevented("its value is in none") : .succeeded(valued.joined(separator: ", ")))
    ])
  }
}

/// What a process has in memory, as the kernel shows it to root (proc_pid_mem(5)).
struct ProcessMemory {
  private let process: pid_t
  private static let piece = 4 << 20

  init(_ process: pid_t) { self.process = process }

  /// Searches what can be written to: what was only read from files is on the disk, and searched there.
  func contains(_ text: String) -> Bool {
    // A process that has ended has no memory.
    let maps = (try? kernelFile("/proc/\(process)/maps")) ?? ""
    let memory = open("/proc/\(process)/mem", O_RDONLY | O_CLOEXEC)
    guard memory >= 0 else { return false }
    defer { close(memory) }
    let pattern = Data(text.utf8)
    for line in maps.split(separator: "\n") {
      let fields = line.split(separator: " ")
      let ends = fields.first?.split(separator: "-").compactMap { UInt64($0, radix: 16) } ?? []
      guard ends.count == 2, fields.count > 1, fields[1].hasPrefix("rw") else { continue }
      if search(memory, from: ends[0], to: ends[1], for: pattern) { return true }
    }
    return false
  }

  private func search(_ memory: Int32, from start: UInt64, to end: UInt64, for pattern: Data) -> Bool {
    var bytes = [UInt8](repeating: 0, count: Self.piece)
    var place = start
    while place < end {
      let wanted = min(UInt64(Self.piece), end - place)
      let count = pread(memory, &bytes, Int(wanted), off_t(place))
      // A page that was never touched, or is a device's: nothing of the process's own.
      guard count > 0 else { return false }
      if Data(bytes[..<count]).range(of: pattern) != nil { return true }
      guard count > pattern.count else { return false }
      place += UInt64(count - (UInt64(count) == end - place ? 0 : pattern.count))
    }
    return false
  }
}
