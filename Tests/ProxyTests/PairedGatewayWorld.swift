import AgentModel
import ChildProcess
import Foundation
import Proxy
import Testing

/// A gateway of one agent as a cluster runs it, its two volumes made as the kubelet and the CSI driver make them, with
/// the stub of the outside.
struct PairedGatewayWorld {
  let base: NodeProxyWorld
  let gateway: PairedGateway

  static let service = "agent-one"

  static func agent(_ change: (inout AgentSpec) throws -> Void = { _ in }) throws -> Agent {
    typealias Example = NodeProxyExample
    var spec = AgentSpec(image: try #require(ImageReference("docker://registry.example.com/one:1")))
    spec.egress = [
      try Example.allowance("api.stub.test", secret: "key", methods: ["GET", "POST"], paths: ["/v1/*"]),
      try Example.allowance("other.stub.test"),
    ]
    spec.ports = ["http": 8080, "chat": 8765]
    try change(&spec)
    return Agent(id: try Example.id("acme/one"), spec: spec)
  }

  /// What that agent's gateway is told here, where addresses and ports are the test's own.
  static func gateway(_ agent: Agent, in world: NodeProxyWorld) -> PairedGateway {
    var gateway = PairedGateway(agent, service: service)
    var layout = NodeProxyLayout(
      files: EnvoyFiles(directory: "\(world.directory)/volume"), adminSocket: world.layout.adminSocket,
      denialLog: gateway.layout.denialLog, serviceAddress: world.layout.serviceAddress, apiSocket: "",
      ingressSocket: "")
    layout.audience = .agent(name: service, credentials: "\(world.directory)/credentials")
    layout.hostRoots = world.layout.hostRoots
    layout.resolver = world.layout.resolver
    layout.hostPort = world.layout.hostPort
    layout.drainSeconds = 1
    layout.largestHeap = gateway.layout.largestHeap
    gateway.layout = layout
    return gateway
  }

  static func running(_ body: (PairedGatewayWorld) async throws -> Void) async throws {
    try await NodeProxyWorld.with { base in
      let processes = [ProcessTask(), ProcessTask()]
      do {
        let world = PairedGatewayWorld(base: base, gateway: gateway(try agent(), in: base))
        try world.write(world.gateway.files, to: "volume")
        try world.write(["key": NodeProxyExample.canary], to: "credentials")
        try NodeProxyStub.script.write(toFile: "\(base.directory)/stub.py", atomically: true, encoding: .utf8)
        let outside = try #require(base.layout.resolver).address
        await processes[0].start(
          Command("/usr/bin/python3", ["\(base.directory)/stub.py", outside, base.directory, "\(outside):8080"]),
          log: "\(base.directory)/stub.log")
        try await eventually { FileManager.default.fileExists(atPath: "\(base.directory)/ready") }
        await processes[1].start(
          Command(
            envoyProgram,
            NodeProxy(layout: world.gateway.layout).arguments(bootstrap: "\(base.directory)/volume/bootstrap.json")),
          log: "\(base.directory)/envoy.log")
        try await eventually { try await world.probe("/ready").status == 200 }
        try await body(world)
      } catch {
        for process in processes { await process.stop() }
        throw error
      }
      for process in processes { await process.stop() }
    }
  }

  /// Fills a volume, or changes it: all its files are links through one link, which a rename replaces.
  func write(_ files: [String: String], to volume: String) throws {
    let manager = FileManager.default
    let root = "\(base.directory)/\(volume)"
    let version = "..\(UInt64.random(in: 0 ..< .max))"
    try manager.createDirectory(atPath: "\(root)/\(version)", withIntermediateDirectories: true)
    for (name, text) in files {
      try text.write(toFile: "\(root)/\(version)/\(name)", atomically: false, encoding: .utf8)
    }
    let link = "\(root)/..data"
    try manager.createSymbolicLink(atPath: "\(link)_tmp", withDestinationPath: version)
    #expect(rename("\(link)_tmp", link) == 0)
    for name in files.keys where !manager.fileExists(atPath: "\(root)/\(name)") {
      try manager.createSymbolicLink(atPath: "\(root)/\(name)", withDestinationPath: "..data/\(name)")
    }
  }

  func probe(_ path: String) async throws -> NodeProxyWorld.Answer {
    try await base.curl(["http://\(gateway.layout.serviceAddress):\(gateway.probePort)\(path)"])
  }

  func enter(_ path: String, _ more: String...) async throws -> NodeProxyWorld.Answer {
    try await base.curl(more + ["http://\(gateway.layout.serviceAddress):\(gateway.ingressPort)\(path)"])
  }
}
