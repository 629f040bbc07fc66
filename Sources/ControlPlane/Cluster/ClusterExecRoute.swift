import APIModel
import AgentModel
import Blueprint
import ClusterAgents
import Faults
import Framing
import Hummingbird
import JSONValues
import KubernetesAPI
import NIOCore

extension ClusterAPI {
  func addExecRoute(to router: Router<APIContext>) {
    router.post("/v1/tenants/{tenant}/agents/{name}/exec", use: exec)
  }

  @Sendable private func exec(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    let id = try agentID(context)
    let operation = "run a program in agent \(id)"
    let agent = try await agents.find(id, .create, .exec, by: principal, operation: operation)
    let (wanted, input) = try await ExecInput.open(request.body, operation: operation)
    try requirePlain(wanted, operation: operation)
    let pod = try await requireRunning(agent, operation: operation)
    let event = AuditEvent(run: wanted, in: id, uid: agent.uid, by: principal)
    let lease = try StreamLease(streams, principal, context, operation: operation)
    try await audit.require(event)
    return frameResponse(lease, input: input) { sink in
      var outcome = event
      outcome.outcome = await runProgram(operation, input: input, sink: sink) {
        try await run(wanted.command, in: agent, pod, input, sink, operation)
      }
      await audit.note(outcome)
    }
  }

  /// - Parameter pod: the uid of the agent's Pod. A kubelet is asked by the Pod's name, which may be another's when it is: so
  ///   who has the name is looked at once more when the program runs, and no other Pod is given input or believed.
  private func run(
    _ command: [String], in agent: AgentObject, _ pod: String?, _ input: ExecInput, _ sink: StreamSink,
    _ operation: String
  ) async throws {
    do {
      let code = try await asked(operation) {
        try await client.exec(
          command, inPod: agent.key.name, namespace: agent.key.namespace, container: Blueprint.container,
          limit: Self.longestStream, input: input.bytes,
          opened: {
            guard try await self.pod(of: agent).uid == pod else {
              throw Fault(
                .conflict, operation: operation, reason: "the agent's Pod was replaced meanwhile",
                remedy: "run it again")
            }
          }
        ) { output in
          switch output {
          case .standardOutput(let bytes): try await sink.send(.standardOutput, bytes)
          case .standardError(let bytes): try await sink.send(.standardError, bytes)
          }
        }
      }
      try await sink.send(Frame(.exit, ByteBuffer(bytes: try APIJSON.encode(ExitPayload(code: code)))))
    } catch let fault as Fault where fault.code == .timedOut {
      throw Fault(
        .timedOut, operation: operation, reason: "it went on for an hour, or the API server does not answer",
        remedy: "run what takes longer as a part of the agent")
    }
  }

  /// A kubelet runs what it is told, as the container is. Variables would stand in the API server's audit log.
  private func requirePlain(_ wanted: ExecRequest, operation: String) throws {
    guard wanted.env.isEmpty, wanted.directory == nil else {
      throw Fault(
        .unsupported, operation: operation, reason: "a cluster gives a program neither variables nor a directory",
        remedy: "leave --env and --directory out, and give secrets on standard input")
    }
  }

  /// - Throws: `Fault(.conflict)` for an agent that does not run, or that was killed, and for a Pod of its name that is not
  ///   its own.
  /// - Returns: the Pod's uid.
  private func requireRunning(_ agent: AgentObject, operation: String) async throws -> String? {
    func refusal(_ reason: String, _ remedy: String) -> Fault {
      Fault(.conflict, operation: operation, reason: reason, remedy: remedy)
    }
    if agent.isBeingDeleted { throw refusal("the agent is being deleted", "wait until it is gone, then create it") }
    if agent.isStopped { throw refusal("the agent does not run", "start it with 'lobstack agent start'") }
    // In one that is only cut off somebody may look around.
    if let containment = Containment(of: agent.object), containment.kind == .killed {
      throw refusal(
        "the agent was \(containment.message)",
        "look at 'lobstack alerts'; 'lobstack agent start' runs it anew")
    }
    let pod: KubernetesObject
    do {
      pod = try await asked(operation) { try await self.pod(of: agent) }
    } catch let fault as Fault where fault.code == .notFound {
      throw refusal("the agent does not run", "see 'lobstack agent get'")
    }
    guard agent.owns(pod) else {
      throw refusal(
        "the Pod \(agent.key) is not the agent's", "see who made it, and delete it: the operator makes the agent's")
    }
    guard pod["status", "phase"]?.string == "Running", !pod.isBeingDeleted else {
      throw refusal("the agent does not run", "see 'lobstack agent get'")
    }
    return pod.uid
  }
}

extension ExecInput {
  /// The program's standard input, to its end.
  fileprivate var bytes: AsyncStream<ByteBuffer> {
    AsyncStream { [frames] in
      var arriving = frames.makeAsyncIterator()
      guard let frame = await arriving.next(), frame.kind == .standardInput else { return nil }
      return frame.payload
    }
  }
}
