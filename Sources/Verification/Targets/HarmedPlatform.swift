import APIClient
import AgentModel
import ChildProcess
import Faults
import Foundation
import Glibc
import NetworkIsolation
import Turns

/// A second installation of Lobstack, started by verify from its own program, whose processes may be killed and whose
/// disk may be filled.
struct HarmedPlatform: Sendable {
  let layout: InstanceLayout
  let agents: ProbeAgents
  /// An agent that was there before any harm was done.
  let target: Target
  let agent: AgentID
  let image: String
  let names: ProbeNames
  /// The key that the node proxy adds for the agent.
  let key: String
  /// The Internet of this platform's node proxy.
  let world: WitnessWorld
  let gateway: UInt16
  /// One harm at a time.
  let turn = Turn()
  private let policy: String
  private let programs: Programs

  /// What `lobstack up` wants to see free on its disk, and the program's copy; nothing of it is taken before it is used.
  private static let size = 4 << 30
  /// Of the audit log's own disk, which is filled: a workspace does not outlive a full one.
  private static let auditSize = 8 << 20

  /// What the platform asks for names: an address of the witness world.
  private static let resolver = "9.9.9.9"

  static func open(
    site: ProbeSite, image: String, world: WitnessWorld, names: ProbeNames
  ) async throws -> HarmedPlatform {
    let disk = "\(site.openDirectory)/disk"
    try makeDirectory(disk, mode: 0o755)
    try await site.ledger.record(.mount(disk))
    try await Command("mount", ["-t", "tmpfs", "-o", "size=\(size),mode=0755,nosuid,nodev", "lobstack-verify", disk])
      .check()
    let layout = try await layout(site: site, disk: disk)
    try await mountAuditDisk(at: layout.auditDirectory, ledger: site.ledger)
    try await site.ledger.record(.platform(stateDirectory: disk, instance: layout.instance))
    try await world.admit(user: layout.proxyUserID, sparing: "\(AddressPlan(layout: layout).subnet)")
    let gateway = try freePort()
    try await start(layout, gateway: gateway, policy: site.platform.policyDirectory, programs: site.programs)
    let agents = try await ProbeAgents.open(layout: layout, site: site)
    let (target, key): (Target, String)
    do {
      key = try await agents.setSecret(names.secret, for: "r")
      target = try await agents.make("r", image: image, names: names)
    } catch {
      // The failure is what counts, not how its client closes.
      try? await agents.client.shutdown()
      throw error
    }
    return HarmedPlatform(
      layout: layout, agents: agents, target: target, agent: try agents.name("r"), image: image, names: names,
      key: key, world: world, gateway: gateway, policy: site.platform.policyDirectory,
      programs: site.programs)
  }

  /// An instance whose addresses are not those of the platform under test, nor of anything else on the machine.
  private static func layout(site: ProbeSite, disk: String) async throws -> InstanceLayout {
    for letter in ["h", "i", "j", "k", "m", "n"] {
      guard let instance = InstanceName("\(site.instance)\(letter)") else { continue }
      let layout = InstanceLayout(stateDirectory: disk, instance: instance)
      let plan = AddressPlan(layout: layout)
      guard plan.subnet != AddressPlan(layout: site.platform).subnet else { continue }
      if try await plan.conflict() == nil { return layout }
    }
    throw NotTestable("no second instance with addresses of its own could be named")
  }

  private static func mountAuditDisk(at path: String, ledger: Ledger) async throws {
    try makeDirectory(path, mode: 0o700)
    try await ledger.record(.mount(path))
    try await Command(
      "mount", ["-t", "tmpfs", "-o", "size=\(auditSize),mode=0700,nosuid,nodev", "lobstack-verify", path]
    ).check()
    try await Command("chown", ["\(InstanceLayout.User.controlPlane):", path]).check()
  }

  private static func start(
    _ layout: InstanceLayout, gateway: UInt16, policy: String, programs: Programs
  ) async throws {
    let directory = (layout.root as NSString).deletingLastPathComponent
    let options = [
      "up", "--detach", "--instance", "\(layout.instance)", "--state-dir", directory, "--policy", policy,
      "--listen", "127.0.0.1:\(gateway)", "--resolver", resolver, "--verify-every", "off",
    ]
    try await ownProgram(options + programs.arguments).check(timeout: .seconds(60))
  }

  /// Starts it again when its supervisor is gone, as systemd does.
  func startAgain() async throws {
    try await Self.start(layout, gateway: gateway, policy: policy, programs: programs)
  }

  func waitUntilReady(limit: Duration = .seconds(30)) async throws {
    let end = ContinuousClock.now + limit
    while true {
      do {
        try await agents.client.ready()
        return
      } catch {
        guard ContinuousClock.now < end else { throw error }
        try await Task.sleep(for: .milliseconds(100))
      }
    }
  }

  /// The agent's sandbox once it runs. For a moment the API may call running what has just ended, of a harm before.
  ///
  /// - Throws: `NotTestable` when it does not run within `limit`.
  func sandbox(limit: Duration = .seconds(15)) async throws -> HostProcess {
    let end = ContinuousClock.now + limit
    while true {
      _ = try await agents.waitUntilRunning(agent)
      if let process = try await target.process().flatMap({ HostProcess($0) }), !process.isZombie { return process }
      guard ContinuousClock.now < end else { throw NotTestable("the second platform's agent does not run") }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  /// The platform's own process that runs this subcommand.
  func process(_ subcommand: String) -> HostProcess? {
    HostProcess.all.first { process in
      let arguments = process.arguments
      return !process.isZombie && arguments.count > 1 && arguments[1] == subcommand
        && arguments.contains("\(layout.instance)") && arguments[0].hasSuffix("lobstack")
    }
  }

  /// A process of the platform by the file that its supervisor writes: `gateway`, `proxy`, `sentinel`, …
  func component(_ name: String) -> HostProcess? {
    FileManager.default.contents(atPath: "\(layout.runDirectory)/\(name).pid")
      .flatMap { Int32(String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)) }
      .flatMap { HostProcess($0) }
  }
}
