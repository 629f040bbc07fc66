import AgentModel
import ChildProcess
import Faults
import Foundation
import Framing
import Glibc
import Logging
import NIOCore
import NodeProtocol
import Sandbox
import SecretStore

/// What the node's requests mean.
struct NodeRequests: NodeRequestHandling {
  let machine: Machine
  let reconciler: Reconciler
  let startedAt: Date

  func answer(_ request: NodeRequest) async -> NodeReply {
    switch request {
    case .describe:
      return .described(
        NodeDescription(
          instance: machine.layout.instance, processID: getpid(), startedAt: startedAt,
          runtimeVersion: machine.runtime.version, runtimePlatform: machine.runtime.platform,
          services: await machine.proxy.services() + [await machine.watch.service]))
    case .apply(let state):
      do {
        let revision = try await reconciler.apply(state)
        await machine.sessions.accept(state.identity)
        await machine.proxy.accept(state.identity)
        return .accepted(revision: revision)
      } catch {
        return .failed(Fault.wrap(error, operation: "apply the desired state", remedy: "see the log of the node"))
      }
    case .observe(let after, let waitSeconds):
      await reconciler.waitForChange(after: after, seconds: waitSeconds)
      return .observed(await reconciler.observed())
    case .usage:
      return .used(machine.usage(of: await reconciler.processes))
    case .secretsChanged(let reference, let index):
      // A node of a cluster may answer that does not have it yet.
      if let index { machine.sessions.client.see(index) }
      await machine.secrets.changed(reference)
      return .done
    case .probeSecrets(let probes, let agent):
      do {
        return .probed(
          try await machine.sessions.with(agent) { vault in
            var statuses: [Int] = []
            for probe in probes { statuses.append(try await vault.status(of: probe)) }
            return statuses
          })
      } catch {
        return .failed(
          Fault.wrap(error, operation: "ask the secrets manager as agent \(agent)", remedy: "see 'lobstack status'"))
      }
    case .respond(let order):
      return .responded(await reconciler.respond(order))
    case .exec, .logs, .detect:
      return .failed(
        Fault(.invalid, operation: "answer a request", reason: "it is a stream", remedy: "ask for it as a stream"))
    }
  }

  func serve(
    _ request: NodeRequest, input: AsyncStream<Frame>, output: @escaping @Sendable (Frame) async throws -> Void
  ) async throws {
    switch request {
    case .exec(let uid, let command, let env, let directory):
      try await exec(uid, command, env, directory, input: input, output: output)
    case .logs(let uid, let tailBytes, let follow):
      guard await reconciler.agentExists(uid) else { throw unknown(uid, "read its log") }
      let log = machine.files(uid).log
      try log.requireReadable(of: uid)
      try await AgentLog(path: log.file).send(tailBytes: tailBytes, follow: follow, to: output)
      try await output(try Frame.json(.exit, StreamExit(code: 0)))
    case .detect:
      try await machine.watch.serve(input: input, output: output)
    case .describe, .apply, .observe, .usage, .secretsChanged, .probeSecrets, .respond:
      throw Fault(.invalid, operation: "serve a stream", reason: "the request has one answer", remedy: "ask for it")
    }
  }

  private func exec(
    _ uid: AgentUID, _ command: [String], _ env: [String: String], _ directory: String?, input: AsyncStream<Frame>,
    output: @escaping @Sendable (Frame) async throws -> Void
  ) async throws {
    guard await reconciler.agentExists(uid) else { throw unknown(uid, "run a program") }
    guard await reconciler.agentIsRunning(uid) else {
      throw Fault(
        .conflict, operation: "run a program in agent \(uid)", reason: "the agent does not run",
        remedy: "start it with 'lobstack agent start'")
    }
    guard command.first?.isEmpty == false else {
      throw Fault(.invalid, operation: "run a program", reason: "the command is empty", remedy: "name a program")
    }
    guard !machine.runtime.isFrozen(machine.sandboxID(uid)) else { throw frozen(uid) }
    try await machine.watch.tell(
      OperatorCommand(container: machine.sandboxID(uid).description, command: command, time: .now))
    let processFile = "\(machine.files(uid).directory)/exec-\(UUID().uuidString)"
    defer { unlink(processFile) }
    let execution = machine.runtime.execCommand(
      machine.sandboxID(uid), command: command, env: env, directory: directory, processFile: processFile)
    let status: ExitStatus
    do {
      status = try await untilFrozen(uid) {
        try await execution.stream(input: standardInput(from: input)) { piece in
          switch piece {
          case .standardOutput(let bytes): try await output(Frame(.standardOutput, ByteBuffer(bytes: bytes)))
          case .standardError(let bytes): try await output(Frame(.standardError, ByteBuffer(bytes: bytes)))
          }
        }
      }
    } catch {
      await end(processFile, of: uid)
      throw error
    }
    try await output(try Frame.json(.exit, StreamExit(code: status.code)))
  }

  /// Runs `body`, and ends it when the sandbox is frozen: nothing would come of it any more.
  private func untilFrozen<Value: Sendable>(
    _ uid: AgentUID, _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
      group.addTask { try await body() }
      group.addTask { [machine] in
        while !machine.runtime.isFrozen(machine.sandboxID(uid)) { try await Task.sleep(for: .milliseconds(500)) }
        throw frozen(uid)
      }
      defer { group.cancelAll() }
      guard let value = try await group.next() else { throw CancellationError() }
      return value
    }
  }

  private func frozen(_ uid: AgentUID) -> Fault {
    Fault(
      .conflict, operation: "run a program in agent \(uid)", reason: "the agent is frozen",
      remedy: "look at 'lobstack alerts'; 'lobstack agent start' runs it anew")
  }

  /// The end of `runsc exec` does not end what it runs in the sandbox.
  private func end(_ processFile: String, of uid: AgentUID) async {
    // Without the file the program was not started.
    let text = (try? String(contentsOfFile: processFile, encoding: .utf8)) ?? ""
    guard let process = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)), process > 1,
      // The runtime would wait for an answer.
      !machine.runtime.isFrozen(machine.sandboxID(uid))
    else { return }
    // A task of its own, awaited here, because a cancelled one could not run a program any more.
    await Task { [machine] in
      do { try await machine.runtime.kill(machine.sandboxID(uid), process: process) } catch {
        machine.logger.warning(
          "A program outlives its client", metadata: ["agent.uid": "\(uid)", "error": "\(error)"])
      }
    }.value
  }

  /// The frames of standard input as bytes, up to the end that the other side names.
  private func standardInput(from frames: AsyncStream<Frame>) -> AsyncStream<[UInt8]> {
    // Taken one by one as the program reads: what waits is what the connection holds back (64 frames).
    AsyncStream {
      for await frame in frames {
        if frame.kind == .endOfInput { return nil }
        if frame.kind == .standardInput { return Array(buffer: frame.payload) }
      }
      return nil
    }
  }

  private func unknown(_ uid: AgentUID, _ what: String) -> Fault {
    Fault(
      .notFound, operation: "\(what) of agent \(uid)", reason: "this node has no such agent",
      remedy: "list the agents with 'lobstack agent list'")
  }
}
