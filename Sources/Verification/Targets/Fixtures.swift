import APIClient
import AgentModel
import Compliance
import Faults
import Foundation
import Glibc
import Sandbox
import Turns

/// What the checks share, each made when the first check asks for it.
struct Fixtures: Sendable {
  let site: ProbeSite
  /// The probes' root file system, readable by all.
  let image: Shared<String>
  let throwAway: Shared<ThrowAwaySandboxes>
  let agents: Shared<ProbeAgents>
  let world: Shared<WitnessWorld>
  /// A throw-away sandbox without any control but gVisor itself, and with a view of the host.
  let open: Shared<OpenSandbox>
  /// What the first of the agents may reach, and the key that is added for it.
  let names: Shared<ProbeNames>
  let key: Shared<String>
  /// The value of the second agent's secret of that name.
  let secondKey: Shared<String>
  /// An agent with a secret that is a file.
  let keeper: Shared<Keeper>
  /// Tokens of the probes' tenant and of another one.
  let tokens: Shared<(own: String, other: String)>
  /// Two agents of the platform. The second may reach nothing.
  let first: Shared<Target>
  let second: Shared<Target>
  /// An agent whose alerts are only told.
  let watched: Shared<Target>
  /// Its program runs one script at a time.
  let watchedTurn = Turn()
  let stage: Shared<NetworkStage>
  /// A platform of our own, to be harmed.
  let harmed: Shared<HarmedPlatform>

  struct Keeper: Sendable {
    let target: Target
    let name: SecretName
    let secret: String
  }

  struct OpenSandbox: Sendable {
    let target: Target
    let network: BareNetwork
  }

  init(site: ProbeSite) {
    self.site = site
    let canaries = HostCanary(site: site)
    hostCanary = canaries
    let image = Shared {
      let path = "\(site.openDirectory)/image"
      try await ProbeImage.make(in: path)
      return path
    }
    let throwAway = Shared { try await ThrowAwaySandboxes.open(site: site) }
    let agents = Shared { try await ProbeAgents.open(layout: site.platform, site: site) }
    let world = Shared { try await WitnessWorld.open(site: site) }
    let open = Shared {
      async let network = BareNetwork.make("a", number: 1, site: site)
      let scratch = "\(site.directory)/scratch-image"
      try await ProbeImage.make(in: scratch)
      let other = "\(site.directory)/other-workspace"
      try makeDirectory(other, mode: 0o755)
      try canaries.neighbour.write(toFile: "\(other)/canary", atomically: false, encoding: .utf8)
      try canaries.make()
      let recipe = ThrowAwaySandboxes.Recipe(
        name: "open", weaknesses: [.runAsRoot, .allCapabilities, .writableRoot, .noSeccomp, .rawSockets],
        extraMounts: [
          .init(source: canaries.directory, destination: "/host"), .init(source: other, destination: "/other"),
        ], imageRoot: scratch, network: try await network, runsScriptsAsRoot: true)
      return OpenSandbox(target: try await throwAway.value.make(recipe), network: try await network)
    }
    let names = Shared { try ProbeNames(instance: site.instance) }
    let key = Shared { try await agents.value.setSecret(try await names.value.secret, for: "a") }
    secondKey = Shared { try await agents.value.setSecret(try await names.value.secret, for: "b") }
    keeper = Shared {
      let agents = try await agents.value
      guard let name = SecretName("kept-\(site.instance)") else { throw NotTestable("no secret could be named") }
      let secret = try await agents.setSecret(name, for: "s")
      let target = try await agents.make("s", image: try await image.value, secrets: [name])
      return Keeper(target: target, name: name, secret: secret)
    }
    tokens = Shared {
      let own = try await agents.value.token("own")
      return (own, try await agents.value.token("other", for: Probe.otherTenant))
    }
    let first = Shared {
      _ = try await key.value
      return try await agents.value.make("a", image: try await image.value, names: try await names.value)
    }
    self.names = names
    self.key = key
    watched = Shared { try await agents.value.make(Self.watchedName, image: try await image.value) }
    let second = Shared { try await agents.value.make("b", image: try await image.value) }
    self.image = image
    self.throwAway = throwAway
    self.agents = agents
    self.world = world
    self.open = open
    self.first = first
    self.second = second
    stage = Shared {
      try await NetworkStage.open(
        site: site, world: try await world.value, open: try await open.value, first: try await first.value,
        second: try await second.value)
    }
    harmed = Shared {
      try await HarmedPlatform.open(
        site: site, image: try await image.value, world: try await world.value, names: try await names.value)
    }
  }

  static let watchedName = "watched"

  let hostCanary: HostCanary

  /// Ends the threads; what is on the machine is the ledger's.
  func close() async {
    // Whatever could not be made has no threads.
    if await stage.isMade { (try? await stage.value)?.close() }
    if await world.isMade { (try? await world.value)?.close() }
    // Closing an idle connection may fail; there is nothing left to do with it.
    if await agents.isMade { try? await (try? await agents.value)?.client.shutdown() }
    if await harmed.isMade { try? await (try? await harmed.value)?.agents.client.shutdown() }
  }
}

/// A secret of the host, in a file that no sandbox may ever see.
struct HostCanary: Sendable {
  let directory: String
  let value = randomText()
  /// A secret of another sandbox's workspace.
  let neighbour = randomText()

  init(site: ProbeSite) { directory = "\(site.directory)/host" }

  var file: String { "\(directory)/canary" }

  func make() throws {
    // Open to all, so that no file mode stands in the way of the attack.
    try makeDirectory(directory, mode: 0o755)
    try value.write(toFile: file, atomically: false, encoding: .utf8)
    chmod(file, 0o644)
  }
}
