import AgentModel
import ChildProcess
import Faults
import Foundation
import Testing

/// A platform whose controls can be switched off one by one, without a line in it that knows of that.
///
/// It runs in a mount namespace of its own, where the programs that it calls (`nft`, `nsenter` for runsc, `setpriv` for
/// Envoy, the control plane and the secrets manager) are those of `toolbox/`: they do as they are told, but for what is
/// switched off. `verify` runs there too, and so does the second platform that it makes.
struct LoosePlatform {
  let platform: TestPlatform
  private var toolbox: String { "\(platform.directory)/toolbox" }
  private var policy: String { platform.layout.policyDirectory }

  /// Runs a test with one, which is gone afterwards.
  static func with(_ body: (LoosePlatform) async throws -> Void) async throws {
    var platform = try await TestPlatform()
    let holder = try await hold(toolbox: "\(platform.directory)/toolbox")
    platform.namespaceHolder = holder
    var failure: (any Error)?
    do {
      try await body(LoosePlatform(platform: platform))
    } catch {
      failure = error
      platform.printLogs()
    }
    // Also when the test's time is over, which cancels it.
    let removal = await Task { [platform] in try await platform.remove() }.result
    // Nothing of the namespace is left but its holder.
    kill(holder, SIGKILL)
    if let failure { throw failure }
    try removal.get()
  }

  /// Makes the toolbox, and starts what holds a namespace in which it comes first on every path.
  private static func hold(toolbox: String) async throws -> Int32 {
    let source = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "toolbox").path
    try FileManager.default.copyItem(atPath: source, toPath: toolbox)
    try FileManager.default.createDirectory(atPath: "\(toolbox)/off", withIntermediateDirectories: true)
    // The compiler is where the one that builds the test is.
    var environment = Command.defaultEnvironment
    environment["PATH"] = ProcessInfo.processInfo.environment["PATH"] ?? Command.searchPath
    try await Command(
      "sh", ["-c", "$(command -v clang || echo cc) -shared -fPIC -O1 -o shim.so shim.c -ldl && chmod -R a+rX ."],
      environment: environment, directory: toolbox
    ).check(timeout: .seconds(60))
    let script = "mount --bind \"$0\" /usr/local/sbin && echo $$ >\"$0/holder\" && exec sleep 3600"
    let start = "setsid unshare --mount --propagation private sh -c '\(script)' \"$0\" </dev/null >/dev/null 2>&1 &"
    try await Command("sh", ["-c", start, toolbox]).check()
    var holder: Int32?
    try await eventually("the namespace is there") {
      holder = (try? String(contentsOfFile: "\(toolbox)/holder", encoding: .utf8))
        .flatMap { Int32($0.trimmingCharacters(in: .whitespacesAndNewlines)) }
      return holder != nil
    }
    return try #require(holder)
  }

  /// Runs a shell script in the platform's namespace.
  @discardableResult func shell(_ script: String) async throws -> String {
    let holder = try #require(platform.namespaceHolder)
    return try await Command("nsenter", ["--mount=/proc/\(holder)/ns/mnt", "sh", "-ec", script]).check()
  }

  // MARK: Switching

  /// Leaves out these words of the toolbox, and no others, from the next use of a tool on.
  func switchOff(_ words: [String]) throws {
    for word in try FileManager.default.contentsOfDirectory(atPath: "\(toolbox)/off") where !words.contains(word) {
      try FileManager.default.removeItem(atPath: "\(toolbox)/off/\(word)")
    }
    for word in words { try Data().write(to: URL(filePath: "\(toolbox)/off/\(word)")) }
  }

  /// Until the toolbox has a reading that it can repeat.
  func waitForReadBack() async throws {
    try await eventually("the node has read the firewall back") {
      try FileManager.default.contentsOfDirectory(atPath: toolbox).contains { $0.hasSuffix(".seen") }
    }
  }

  /// Ends processes, which come back by what the toolbox is now.
  func restart(_ components: [String]) async throws {
    let before = try components.map { ($0, try platform.processID(of: $0)) }
    for (_, process) in before { kill(process, SIGKILL) }
    for (component, process) in before {
      try await eventually("the \(component) runs again") { try platform.processID(of: component) != process }
    }
    try await eventually("everything is ready again", within: .seconds(120)) {
      try await status.components.allSatisfy { $0.state == "ready" || $0.name == "verification" }
    }
  }

  private struct Status: Decodable {
    struct Component: Decodable { var name, state, detail: String }
    var components: [Component] = []
  }

  private var status: Status {
    get async throws {
      let outcome = try await platform.run("status", "-o", "json")
      return outcome.code == 0
        ? try outcome.json() : Status(components: [.init(name: "api", state: "down", detail: "")])
    }
  }

  /// Detection rules that are off.
  func remove(rules: [String]) async throws {
    let left = try ruleCount() - rules.count
    let lines = rules.map { "- rule: \($0)\n  enabled: false\n  override: {enabled: replace}\n" }
    try lines.joined().write(toFile: "\(policy)/falco/zz_off.yaml", atomically: true, encoding: .utf8)
    try await eventually("the sentinel has \(rules.count) rules less") {
      try await status.components.contains { $0.name == "sentinel" && $0.detail.contains("by \(left) rules") }
    }
  }

  private func ruleCount() throws -> Int {
    let directory = "\(policy)/falco"
    let files = try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasSuffix(".yaml") }
    return try files.reduce(0) { sum, name in
      let lines = try String(contentsOfFile: "\(directory)/\(name)", encoding: .utf8).split(separator: "\n")
      return sum + lines.count { $0.hasPrefix("- rule: ") }
    }
  }

  /// Admission policies that are gone.
  func remove(constraints: [String]) throws {
    for name in constraints {
      try FileManager.default.removeItem(atPath: "\(policy)/gatekeeper/constraints/\(name).yaml")
    }
  }

  /// An agent's token may do everything.
  func openSecretsManager() async throws {
    let token = try await platform.run("vault", "token").ok().output.trimmingCharacters(in: .whitespacesAndNewlines)
    let text = #"{"policy":"path \"*\" { capabilities = [\"create\",\"read\",\"update\",\"delete\",\"list\"] }"}"#
    try await shell(
      "curl -sf --unix-socket '\(platform.layout.vaultRunDirectory)/api/vault.sock' -H 'X-Vault-Token: \(token)' "
        + "-X POST http://vault/v1/sys/policies/acl/lobstack-agent -d '\(text)'")
  }

  /// Secrets of agents are files on the disk.
  func keepSecretsOnDisk() async throws {
    let directory = "\(platform.layout.runDirectory)/secrets"
    try await shell("umount --lazy '\(directory)'; chmod 711 '\(directory)'")
  }

  /// What lies on the disk is the audit log without its seals.
  func unsealAuditLog() async throws {
    let log = "\(platform.layout.auditDirectory)/records.log"
    try await shell(
      "/usr/bin/python3 '\(toolbox)/unsealed.py' '\(log)' '\(toolbox)/unsealed'; mount --bind '\(toolbox)/unsealed' '\(log)'"
    )
  }

  func sealAuditLog() async throws { try await shell("umount '\(platform.layout.auditDirectory)/records.log'") }

  /// For a log whose records are lost: afterwards the checkpoint is again one of what the file holds. The control plane
  /// is left stopped, to be restarted.
  func keepingCheckpoint(_ body: () async throws -> Void) async throws {
    let file = URL(filePath: "\(platform.layout.auditDirectory)/checkpoint")
    let note = try Data(contentsOf: file)
    try await body()
    kill(try platform.processID(of: "control-plane"), SIGSTOP)
    try note.write(to: file)
  }

  // MARK: Looking

  struct Report: Decodable {
    struct Check: Decodable {
      var id, verdict: String
      var evidence: [String]
    }
    var checks: [Check]
  }

  func verify(_ checks: [String], limit: Duration = .seconds(480)) async throws -> Report {
    let outcome = try await platform.run(
      ["verify", "--only", checks.joined(separator: ","), "-o", "json"], timeout: limit)
    return try outcome.json()
  }
}
