import AgentModel
import Foundation
import Glibc
import Turns

/// MTLS-2: what speaks to the platform's inner listeners without the right identity is refused at each of them.
struct ListenerChecks: Sendable {
  let fixtures: Fixtures

  var all: [Check] {
    [
      Check(
        "MTLS-2", layer: "identity",
        title: "plaintext, no, foreign, expired and other certificates are refused by every inner listener",
        deadline: .seconds(120), body: listeners)
    ]
  }

  private func listeners() async throws -> Finding {
    let first = try await fixtures.first.value
    _ = try await fixtures.second.value
    let agents = try await fixtures.agents.value
    let live = try await Site(
      identities: Identities(layout: fixtures.site.platform, site: fixtures.site), agent: agents.name("a"),
      other: agents.name("b"), canary: first.canary)
    async let here = trials(live, isOurs: false)
    async let users = workloadTrials()
    let platform = try await fixtures.harmed.value
    // Only of a platform of our own may the root be used to make a certificate that has ended.
    let there = try await platform.turn.take {
      try await trials(
        Site(
          identities: Identities(layout: platform.layout, site: fixtures.site), agent: platform.agent,
          other: platform.agent, canary: platform.target.canary), isOurs: true)
    }
    return Finding(try await here + there + users)
  }

  /// One platform with what a caller of it needs.
  private struct Site: Sendable {
    let identities: Identities
    let domain: TrustDomain
    let agent: AgentID
    let other: AgentID
    let canary: String

    init(identities: Identities, agent: AgentID, other: AgentID, canary: String) async throws {
      self.identities = identities
      domain = try await identities.trustDomain()
      self.agent = agent
      self.other = other
      self.canary = canary
    }
  }

  // MARK: The API's and the agents' listeners

  private func trials(_ site: Site, isOurs: Bool) async throws -> [Trial] {
    let layout = site.identities.layout
    let agentID = SPIFFEID.agent(site.agent, in: site.domain)
    let gatewayID = SPIFFEID.service(.gateway, in: site.domain)
    let agent = try site.identities.agent(site.agent)
    let gateway = try site.identities.gateway()
    let mesh = Listener(
      name: "the API's listener", socket: layout.meshSocket, roots: layout.trustBundle,
      request: TLSClient.get("/v1/identity", host: "api"), sign: "\(agentID)")
    let ingress = Listener(
      name: "the agents' listener", socket: layout.ingressSocket, roots: layout.trustBundle,
      request: TLSClient.get("/agents/\(site.agent)/", host: "agent"), sign: site.canary)
    var attempts: [(Listener, String, TLSClient.Identity?, right: TLSClient.Identity)] = []
    if isOurs {
      attempts = [
        (mesh, "an expired certificate", try await site.identities.expired(agentID), agent),
        (ingress, "an expired certificate", try await site.identities.expired(gatewayID), gateway),
      ]
    } else {
      attempts = [
        (mesh, "no certificate", nil, agent),
        (mesh, "a foreign certificate", try site.identities.foreign(agentID), agent),
        (ingress, "no certificate", nil, gateway),
        (ingress, "a foreign certificate", try site.identities.foreign(gatewayID), gateway),
        (ingress, "an agent's certificate", agent, gateway),
        (mesh, "another agent's certificate", try site.identities.agent(site.other), agent),
      ]
    }
    var trials: [Trial] = []
    for (listener, what, identity, right) in attempts {
      trials.append(
        try await Trial.run("\(what) at \(listener.name)") {
          try await listener.outcome(right)
        } withControl: {
          try await listener.outcome(identity)
        })
    }
    guard !isOurs else { return trials }
    for (listener, right) in [(mesh, agent), (ingress, gateway)] {
      trials.append(
        try await Trial.run("plain text at \(listener.name)") {
          try await listener.outcome(right)
        } withControl: {
          try await listener.plain()
        })
    }
    // An agent may ask who it is, and nothing more.
    var more = mesh
    more.request = TLSClient.get("/v1/agents", host: "api")
    more.sign = "\"items\""
    return trials + [
      try await Trial.run("an agent's certificate at \(mesh.name), for more than its rule") { [more] in
        try await SocketCaller(socket: layout.apiSocket, user: 0).exchange(Array(more.request.utf8))?
          .contains(more.sign) == true
          ? .succeeded("root gets the list of agents from the API") : .prevented("not even root gets it")
      } withControl: { [more] in
        try await more.outcome(agent)
      }
    ]
  }

  private struct Listener: Sendable {
    let name: String
    let socket: String
    let roots: String
    var request: String
    /// Stands in the answer to whoever was let in as the right one.
    var sign: String

    func outcome(_ identity: TLSClient.Identity?) async throws -> AttackOutcome {
      let answer = try await TLSClient(place: .socket(socket), roots: roots, identity: identity).exchange(request)
      if answer.text.contains(sign) { return .succeeded("answered as to the right one") }
      if let status = answer.status {
        return (200..<300).contains(status)
          ? .prevented("answered as to another, whose certificate it was") : .prevented("refused with \(status)")
      }
      return .prevented("refused in the handshake: \(answer.reason)")
    }

    func plain() async throws -> AttackOutcome {
      guard let text = try await SocketCaller(socket: socket, user: 0).exchange(Array(request.utf8)) else {
        return .unknown("no connection to \(socket)")
      }
      return text.contains("HTTP/1.1 2") || text.contains(sign)
        ? .succeeded("answered in plain text") : .prevented("closed without an answer")
    }
  }

  // MARK: The Workload API, which goes by the user

  private func workloadTrials() async throws -> [Trial] {
    let layout = fixtures.site.platform
    let gateway = layout.gatewayUserID
    let request = PlainHTTP2.request(
      host: "localhost", path: "/SpiffeWorkloadAPI/FetchX509SVID",
      fields: [("content-type", "application/grpc"), ("te", "trailers"), ("workload.spiffe.io", "true")],
      body: [0, 0, 0, 0, 0])
    @Sendable func ask(_ user: UInt32) async throws -> AttackOutcome {
      guard let text = try await SocketCaller(socket: layout.workloadSocket, user: user).exchange(request) else {
        return .unknown("no connection to \(layout.workloadSocket)")
      }
      if text.contains("spiffe://") { return .succeeded("user \(user) got a certificate with its key") }
      return text.isEmpty ? .unknown("no answer") : .prevented("user \(user) got an answer without an identity")
    }
    let strangers: [(String, UInt32)] = [
      ("the agents' user", InstanceLayout.agentUserID), ("nobody", 65534), ("another instance's proxy", 1_950_000_001),
      ("root", 0),
    ]
    var trials: [Trial] = []
    for (name, user) in strangers {
      trials.append(
        try await Trial.run(
          "\(name) at the Workload API", withoutControl: { try await ask(gateway) },
          withControl: { try await ask(user) }))
    }
    return trials
  }
}
