import AgentModel
import Blueprint
import ClusterAgents
import Crypto
import Faults
import FoundationEssentials
import HTTPTypes
import JSONValues
import KubernetesAPI

/// What may be asked of a cluster's agents: authorise, tell, then change the Agent. Admission, schema and quota are the
/// API server's.
struct ClusterAgentService: Sendable {
  /// On an Agent: who had the control plane change it last, whose name the API server does not know.
  static let requesterAnnotation = "lobstack.dev/requested-by"
  /// On an Agent: the request that made it, so that its repetition is known.
  private static let requestAnnotation = "lobstack.dev/request"
  /// Changes that others make at the same time and that are waited out.
  private static let mostTries = 5

  let client: KubernetesClient
  let access: ClusterAccess
  let audit: ClusterAudit

  func find(
    _ id: AgentID, _ verb: ClusterAccess.Verb, _ subresource: ClusterAccess.Subresource? = nil, by principal: Principal,
    operation: String
  ) async throws -> AgentObject {
    try await read(
      id, try await access.require(verb, subresource, on: id, of: principal, operation: operation), operation)
  }

  func read(_ id: AgentID, _ namespace: String, _ operation: String) async throws -> AgentObject {
    do {
      return try await asked(operation) {
        AgentObject(object: try await client.get(AgentObject.type, "\(id.name)", namespace: namespace))
      }
    } catch let fault as Fault where fault.code == .notFound {
      throw Access.unknown(id, operation: operation)
    }
  }

  /// - Parameter key: under which the client may repeat the request.
  func create(_ agent: Agent, by principal: Principal, key: String?) async throws -> AgentObject {
    let operation = "create agent \(agent.id)"
    let namespace = try await access.requireCreation(of: agent.id, by: principal, operation: operation)
    var object = try Self.object(agent, namespace)
    object.annotations[Self.requesterAnnotation] = principal.name
    let request = key.map { Self.digest([principal.name, $0, JSON.object(object.fields).text]) }
    object.annotations[Self.requestAnnotation] = request
    return try await audit.carryOut(event("agent.create", agent, by: principal)) {
      do {
        return try await asked(operation) {
          AgentObject(object: try await client.create(object, of: AgentObject.type))
        }
      } catch let fault as Fault where fault.code == .alreadyExists {
        let other = try await read(agent.id, namespace, operation)
        if let request, other.object.annotations[Self.requestAnnotation] == request { return other }
        throw Fault(
          .alreadyExists, operation: operation,
          reason: other.isBeingDeleted
            ? "an agent of that name is being deleted" : "the tenant has an agent of that name",
          remedy: other.isBeingDeleted ? "wait until it is gone" : "choose another name, or use PUT")
      }
    }
  }

  /// Makes the agent, or has it be as said; one that is so already stays as it is.
  ///
  /// - Parameter version: the state that it has to be in, by `If-Match`.
  /// - Returns: whether it was made.
  func put(
    _ agent: Agent, by principal: Principal, mustBeNew: Bool, ifVersion version: String?, mustExist: Bool
  ) async throws -> (AgentObject, isNew: Bool) {
    let operation = "write agent \(agent.id)"
    for _ in 0..<Self.mostTries {
      let namespace = try await namespaceToWrite(agent.id, by: principal, operation: operation)
      let before: AgentObject
      do { before = try await read(agent.id, namespace, operation) } catch let fault as Fault
        where fault.code == .notFound
      {
        guard !mustExist else {
          throw failed(.notFound, operation, "the agent does not exist", "leave If-Match out to create it")
        }
        do { return (try await create(agent, by: principal, key: nil), true) } catch let fault as Fault
          where fault.code == .alreadyExists && !mustBeNew
        {
          continue
        }
      }
      _ = try await access.require(.update, on: agent.id, of: principal, operation: operation)
      if mustBeNew { throw failed(.alreadyExists, operation, "the agent exists", "leave If-None-Match out") }
      try check(before, version, operation)
      try refuseWhenDeleted(before, operation)
      // One that is not right as it stands is what is to be mended.
      if (try? before.agent(tenant: agent.id.tenant)) == agent { return (before, false) }
      do {
        return (try await replace(before, with: agent, by: principal, operation), false)
      } catch let fault as Fault where fault.code == .conflict && version == nil {
        continue
      } catch let fault as Fault where fault.code == .conflict {
        throw failed(.conflict, operation, fault.reason, fault.remedy)
      }
    }
    throw Fault(
      .conflict, operation: operation, reason: "others change the agent all the time",
      remedy: "read it again and repeat the change")
  }

  /// That of an agent that the caller may see, or may make.
  private func namespaceToWrite(_ id: AgentID, by principal: Principal, operation: String) async throws -> String {
    do { return try await access.require(.get, on: id, of: principal, operation: operation) } catch let unseen as Fault
      where unseen.code == .notFound
    {
      do { return try await access.requireCreation(of: id, by: principal, operation: operation) } catch let fault
        as Fault where fault.code == .denied
      {
        throw unseen
      }
    }
  }

  private func replace(
    _ before: AgentObject, with agent: Agent, by principal: Principal, _ operation: String
  ) async throws -> AgentObject {
    let wanted = try Self.object(agent, before.key.namespace)
    var object = before.object
    object.fields["spec"] = wanted.fields["spec"]
    object.fields["status"] = nil
    object.labels = wanted.labels.merging(object.labels.filter { $0.key.hasPrefix("lobstack.dev/") }) { $1 }
    object.annotations[Self.requesterAnnotation] = principal.name
    let changed = object
    return try await audit.carryOut(event("agent.update", agent, by: principal)) {
      try await asked(operation) {
        AgentObject(object: try await client.replace(changed, of: AgentObject.type))
      }
    }
  }

  func delete(_ id: AgentID, by principal: Principal, ifVersion version: String?) async throws -> AgentObject {
    let operation = "delete agent \(id)"
    let before = try await find(id, .delete, by: principal, operation: operation)
    try check(before, version, operation)
    try await audit.carryOut(event("agent.delete", id, before, by: principal)) {
      do {
        try await asked(operation) {
          try await client.delete(
            AgentObject.type, before.key.name, namespace: before.key.namespace,
            Deletion(uid: before.uid, resourceVersion: version))
        }
      } catch let fault as Fault where fault.code == .conflict && version != nil {
        throw failed(.conflict, operation, fault.reason, fault.remedy)
      }
    }
    do { return try await read(id, before.key.namespace, operation) } catch let fault as Fault
      where fault.code == .notFound
    {
      return before
    }
  }

  func start(_ id: AgentID, by principal: Principal) async throws -> AgentObject {
    let operation = "start agent \(id)"
    let before = try await find(id, .update, by: principal, operation: operation)
    try refuseWhenDeleted(before, operation)
    let isContained = Containment(of: before.object) != nil
    guard before.isStopped || isContained else {
      guard ![.stopped, .failed].contains(before.phase) else {
        throw Fault(
          .conflict, operation: operation, reason: "nobody stopped it: its program ended, or could not begin",
          remedy: "stop it, then start it")
      }
      return before
    }
    var annotations: [String: JSON] = [AgentObject.stopAnnotation: .null]
    if isContained { annotations.merge(Containment.release(from: before.object)) { $1 } }
    return try await annotate(before, id, annotations, action: "agent.start", by: principal, operation)
  }

  func stop(_ id: AgentID, by principal: Principal) async throws -> AgentObject {
    let operation = "stop agent \(id)"
    let before = try await find(id, .update, by: principal, operation: operation)
    try refuseWhenDeleted(before, operation)
    guard !before.isStopped else { return before }
    return try await annotate(
      before, id, [AgentObject.stopAnnotation: "true"], action: "agent.stop", by: principal, operation)
  }

  private func annotate(
    _ before: AgentObject, _ id: AgentID, _ annotations: [String: JSON], action: String, by principal: Principal,
    _ operation: String
  ) async throws -> AgentObject {
    let all = annotations.merging([Self.requesterAnnotation: .string(principal.name)]) { own, _ in own }
    // Only this Agent, not one of its name that came later.
    let change: JSON = ["metadata": ["uid": .string(before.uid), "annotations": .object(all)]]
    return try await audit.carryOut(event(action, id, before, by: principal)) {
      try await asked(operation) {
        AgentObject(
          object: try await client.patch(
            .merge(change), AgentObject.type, before.key.name, namespace: before.key.namespace))
      }
    }
  }

  // MARK: Forms

  private static func object(_ agent: Agent, _ namespace: String) throws -> KubernetesObject {
    let text = try AgentText(agent, for: .cluster(namespace: namespace))
    return KubernetesObject(fields: try JSON(text.json).object ?? [:])
  }

  private static func digest(_ parts: [String]) -> String {
    var hash = SHA256()
    for part in parts { hash.update(data: Data("\(part.utf8.count):\(part)".utf8)) }
    return hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  private func event(_ action: String, _ agent: Agent, by principal: Principal) -> AuditEvent {
    AuditEvent(
      actor: principal.name, action: action, target: "agent \(agent.id)", outcome: "allowed",
      details: ["image": "\(agent.spec.image)", "tier": agent.spec.tier.rawValue])
  }

  private func event(_ action: String, _ id: AgentID, _ agent: AgentObject, by principal: Principal) -> AuditEvent {
    AuditEvent(
      actor: principal.name, action: action, target: "agent \(id)", outcome: "allowed", details: ["uid": agent.uid])
  }

  private func check(_ agent: AgentObject, _ version: String?, _ operation: String) throws {
    guard let version, version != agent.object.resourceVersion else { return }
    throw failed(
      .conflict, operation, "the agent is in another state than that of If-Match", "read it again and repeat the change"
    )
  }

  func refuseWhenDeleted(_ agent: AgentObject, _ operation: String) throws {
    guard agent.isBeingDeleted else { return }
    throw Fault(
      .conflict, operation: operation, reason: "the agent is being deleted",
      remedy: "wait until it is gone, then create it")
  }

  /// Of a condition of the request's head.
  private func failed(_ code: Fault.Code, _ operation: String, _ reason: String, _ remedy: String) -> HTTPFault {
    HTTPFault(
      status: .preconditionFailed, fault: Fault(code, operation: operation, reason: reason, remedy: remedy))
  }
}
