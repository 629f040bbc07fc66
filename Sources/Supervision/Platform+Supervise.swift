import APIClient
import AgentModel
import ChildProcess
import Faults
import Foundation
import Glibc
import Logging
import Proxy
import UnixSignals

/// One of the platform's processes as its supervisor sees it.
package struct ProcessState: Hashable, Sendable, Codable {
  package var name: String
  package var user: String
  package var process: Int32?
  package var log: String
}

/// The programs of others that the platform runs.
struct Programs: Sendable {
  var envoy: String
  var openBao: String
}

extension Platform {
  /// The processes in the order in which they are started; they are stopped in the reverse order, so that whoever asks
  /// ends before whoever answers.
  private func components(_ programs: Programs) -> [(process: SupervisedProcess, user: String)] {
    let envoy = programs.envoy
    let instance = [
      "--state-dir", URL(filePath: layout.root).deletingLastPathComponent().path, "--instance", "\(layout.instance)",
      "--log-format", configuration.logFormat.rawValue,
    ]
    let identity = ["--trust-domain", "\(configuration.trustDomain)"]
    let controlPlane =
      Self.unprivileged(InstanceLayout.User.controlPlane) + [layout.executable, "control-plane"] + instance
      + identity + gatewayArguments + alertArguments + witnessArguments
    let upstream =
      (configuration.upstreamAuthorities.map { ["--upstream-authorities", $0] } ?? [])
      + (configuration.resolver.map { ["--resolver", $0] } ?? [])
    let (proxyUser, gatewayUser) = ("\(layout.proxyUserID)", "\(layout.gatewayUserID)")
    return (hasOwnSecretsManager ? [secretsManager(programs.openBao)] : []) + [
      (
        component(
          "proxy", setpriv,
          Self.unprivileged(proxyUser, group: layout.meshGroupID) + [envoy]
            + nodeProxy.arguments(bootstrap: layout.proxyBootstrap),
          watchesLifeline: false), proxyUser
      ),
      (
        component(
          "node", layout.executable, ["node"] + instance + identity + ["--runsc", configuration.runtime] + upstream),
        "root"
      ),
      (component("control-plane", setpriv, controlPlane), InstanceLayout.User.controlPlane),
      (component("sentinel", layout.executable, ["sentinel"] + instance), InstanceLayout.User.sentinel),
      (
        component(
          "gateway", setpriv,
          Self.unprivileged(gatewayUser, group: layout.meshGroupID, bindsLowPorts: gateway.bindsLowPorts) + [envoy]
            + gateway.arguments(bootstrap: layout.gatewayBootstrap), watchesLifeline: false,
          needs: gateway.secretFiles), gatewayUser
      ),
    ]
  }

  func secretsManager(_ program: String) -> (process: SupervisedProcess, user: String) {
    let user = "\(layout.vaultUserID)"
    let arguments =
      Self.unprivileged(user, group: controlPlaneGroup) + [program, "server", "-config=\(layout.vaultConfiguration)"]
    return (component("vault", setpriv, arguments, watchesLifeline: false), user)
  }

  private var setpriv: String { Command.locate("setpriv") ?? "/usr/bin/setpriv" }

  /// Lets requests in flight end before the gateway does, for a few seconds at most.
  private func drainGateway() async {
    let admin = EnvoyAdmin(socket: layout.gatewayAdminSocket, timeout: .seconds(1))
    // A gateway that does not answer has nothing to wait for.
    guard (try? await admin.drain()) != nil else { return }
    for _ in 0..<50 {
      let active = try? await admin.statistics(matching: "^http\\.public\\.downstream_rq_active$").values.first
      guard case .number(let count)? = active, count > 0 else { return }
      try? await Task.sleep(for: .milliseconds(100))  // cancelled: the supervisor has no time left
    }
  }

  private func component(
    _ name: String, _ executable: String, _ arguments: [String], watchesLifeline: Bool = true, needs: [String] = []
  ) -> SupervisedProcess {
    SupervisedProcess(
      name: name,
      program: Child.Program(
        watchesLifeline: watchesLifeline, executable: executable, arguments: arguments,
        environment: Command.defaultEnvironment, logFile: layout.logFile(name).path),
      processIDFile: layout.processIDFile(name), needs: needs, logger: logger)
  }

  func supervise(
    _ programs: Programs, until signals: UnixSignalsSequence, progress: @escaping @Sendable (String) -> Void,
    ready: @escaping @Sendable ([ProcessState]) async -> Void
  ) async throws {
    let components = components(programs)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (process, _) in components {
        progress("starting \(process.name)")
        group.addTask { await process.run() }
      }
      let result = await Result {
        try await firstOf(
          { for await _ in signals { return } },
          {
            progress("provisioning the secrets manager")
            async let provisioned: Void = provisionUntilDone(progress: progress)
            try await waitUntilReady(components.map(\.process), progress: progress)
            await ready(states(components))
            async let rotated: Void = LogFile.rotate(logs, logger: logger)
            async let verified: Void = ScheduledVerifications(self, programs: programs).run()
            // The latter two end only with the platform: a run under way has the processes as long as it cleans up.
            _ = try await (provisioned, rotated, verified)
          })
      }
      for (process, _) in components.reversed() {
        progress("stopping \(process.name)")
        if process.name == "gateway" { await drainGateway() }
        await process.stop()
      }
      try await group.waitForAll()
      try result.get()
    }
  }

  /// The group of the control plane, to which the secrets manager gives its socket.
  private var controlPlaneGroup: UInt32 {
    // Preparation has refused a machine without that user.
    (try? Account(named: InstanceLayout.User.controlPlane))?.group ?? UInt32.max
  }

  /// Without its secrets manager the platform runs what it ran, starts nothing that needs a secret, and says why; what
  /// was not provisioned then is when it comes.
  private func provisionUntilDone(progress: @Sendable (String) -> Void) async {
    var told: String?
    while !Task.isCancelled {
      do {
        try await provision()
        return
      } catch {
        let reason = (error as? Fault)?.reason ?? "\(error)"
        if told != reason, !Task.isCancelled {
          logger.error("The secrets manager is not ready", metadata: ["error": "\(error)"])
          progress("the secrets manager is not ready: \(reason)")
        }
        told = reason
      }
      // Cancelled: the supervisor ends.
      do { try await Task.sleep(for: .seconds(1)) } catch { return }
    }
  }

  private func states(_ components: [(process: SupervisedProcess, user: String)]) async -> [ProcessState] {
    var states: [ProcessState] = []
    for (process, user) in components {
      states.append(
        ProcessState(
          name: process.name, user: user, process: await process.process, log: layout.logFile(process.name).path))
    }
    return states
  }

  private func waitUntilReady(_ processes: [SupervisedProcess], progress: @Sendable (String) -> Void) async throws {
    progress("\(Self.waitingForAPI)\(layout.apiSocket)")
    var deadline = ContinuousClock.now + Self.readinessLimit
    while true {
      if await isReady { return await waitForGateway() }
      // People take their time to unseal.
      if await isSealed { deadline = ContinuousClock.now + Self.readinessLimit }
      for process in processes {
        guard await process.starts >= 4, let end = await process.lastEnd else { continue }
        throw notReady("\(process.name) \(end), four times", log: process.name)
      }
      guard ContinuousClock.now < deadline else {
        let reason = await whyNotReady()
        throw notReady("the API is not ready after \(Self.readinessLimit)\(reason)", log: "control-plane")
      }
      try await Task.sleep(for: .milliseconds(100))
    }
  }

  private func whyNotReady() async -> String {
    do {
      try await withClient { try await $0.ready() }
      return ""
    } catch {
      return ": \(error)"
    }
  }

  private func notReady(_ reason: String, log: String) -> Fault {
    let file = layout.logFile(log)
    return Fault(
      .unavailable, operation: "start the platform",
      reason: "\(reason); its log ends with: \(file.tail(lines: 3).replacingOccurrences(of: "\n", with: " | "))",
      remedy: "read \(file.path)")
  }

  private var logs: [LogFile] {
    let processes = ["vault", "proxy", "node", "control-plane", "sentinel", "gateway", "verify", "supervisor"]
    return processes.map(layout.logFile)
      + [layout.gatewayLog, layout.alertLog, layout.proxyDenials, layout.vaultAudit, layout.vaultRecentAudit]
      .map(LogFile.init)
  }
}
