import ChildProcess
import Faults
import Foundation

/// Where the network attacks play: on each side a sandbox with a neighbour, a way to the witness world, and witnesses
/// at every place where a packet could arrive.
struct NetworkStage: Sendable {
  /// Networks of our own, with nothing that filters.
  let withoutControl: NetworkSide
  /// Two agents of the platform.
  let withControl: NetworkSide
  let world: WitnessWorld

  static func open(
    site: ProbeSite, world: WitnessWorld, open: Fixtures.OpenSandbox, first: Target, second: Target
  ) async throws -> NetworkStage {
    let neighbour = try await BareNetwork.make("b", number: 2, site: site)
    async let bare = NetworkSide.open(
      target: open.target, mark: 1, neighbour: TargetNetwork(neighbour), world: world)
    async let real = NetworkSide.open(
      target: first, mark: 2, neighbour: second.network, world: world)
    return NetworkStage(withoutControl: try await bare, withControl: try await real, world: world)
  }

  func close() {
    for side in [withoutControl, withControl] { side.close() }
  }
}

/// One sandbox as the source of attacks.
struct NetworkSide: Sendable {
  let target: Target
  /// Stands in the forged addresses, so that a witness can tell the sides apart.
  let mark: UInt8
  let neighbour: TargetNetwork
  /// Puts packets on the sandbox's wire, as if gVisor were broken.
  let injector: Injector
  /// What comes out of the sandbox, seen before any filter of the host.
  let sent: Sniffer
  /// What comes in to the sandbox.
  let received: Sniffer
  /// What comes in to the neighbour.
  let atNeighbour: Sniffer
  /// What reaches a socket of the host.
  let atHost: HostListener

  static func open(
    target: Target, mark: UInt8, neighbour: TargetNetwork, world: WitnessWorld
  ) async throws -> NetworkSide {
    let network = target.network
    try await world.admit(network.interface)
    try await world.route(neighbour.address, to: neighbour.interface)
    async let injector = Injector.open(
      namespace: network.namespace, interface: network.innerInterface, peer: network.interface)
    async let sent = Sniffer.start(interface: network.interface)
    async let received = Sniffer.start(interface: network.innerInterface, namespace: network.namespace)
    async let atNeighbour = Sniffer.start(interface: neighbour.innerInterface, namespace: neighbour.namespace)
    async let atHost = HostListener.start(interface: network.interface)
    return NetworkSide(
      target: target, mark: mark, neighbour: neighbour, injector: try await injector, sent: try await sent,
      received: try await received, atNeighbour: try await atNeighbour, atHost: try await atHost)
  }

  func close() {
    for sniffer in [sent, received, atNeighbour] { sniffer.stop() }
    atHost.stop()
  }
}
