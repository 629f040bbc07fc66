import AgentModel
import Documents
import Faults
import Foundation
import Images
import Logging
import NetworkIsolation
import NodeProtocol
import Sandbox

/// Brings one agent from its documents to a running, read-back sandbox; undoes what it did when a step fails.
struct Launch: Sendable {
  let desired: DesiredAgent
  let record: AgentRecord
  let files: AgentFiles
  let machine: Machine

  struct Launched: Sendable {
    var imageDigest: String
    var process: Int32
    var layers: [LayerStatus]
  }

  /// The agent's image, fetched and unpacked if it is not here yet.
  func image() async throws -> ResolvedImage { try await machine.images.resolve(try imageReference()) }

  /// - Throws: `Fault` of the step that failed; nothing of the try is left then but a workspace that was there before.
  func run(_ image: ResolvedImage) async throws -> Launched {
    let isFirst = !files.exist
    do {
      try files.prepare()
      try files.write(record)
      return try await launch(image)
    } catch {
      await undo(removingFiles: isFirst)
      throw error
    }
  }

  private func launch(_ image: ResolvedImage) async throws -> Launched {
    let size = try workspaceSize()
    let network = try machine.network.network(slot: record.slot)
    let workspaceKey = WorkspaceKey(
      file: files.workspaceKeyFile, id: desired.id, uid: desired.uid, sessions: machine.sessions)
    // A new key opens an empty workspace at once, while it is wrapped.
    let (isNew, new) = (!workspaceKey.isKept, WorkspaceKey.random())
    // Both volumes await it, and a closure cannot capture an `async let`.
    let secret = Task { isNew ? new : try await workspaceKey.value() }
    defer { secret.cancel() }
    let key: @Sendable () async throws -> SecretValue = {
      try await withTaskCancellationHandler {
        try await secret.value
      } onCancel: {
        secret.cancel()
      }
    }
    // Independent of one another: key, secrets, proxy, volumes and network are made ready at the same time.
    async let wrapped: String? = isNew ? workspaceKey.wrap(new) : nil
    async let admitted: Void = admit(address: network.agentAddress)
    async let volume: Void = files.volume.mount(size: size, isNew: isNew, key: key)
    // What a start that was cut off left of a log goes only when the workspace has turned out to be as empty.
    let keepsLog = isNew && files.log.exists
    async let log: Void = {
      if !keepsLog { try await files.log.mount(size: AgentLog.volumeSize, isNew: isNew, key: key) }
    }()
    async let attached: Void = machine.network.attach(
      network, agent: desired.id, labels: desired.pod.metadata.labels ?? [:], policies: desired.networkPolicies)
    // Nothing of the agent runs before its key is kept, its secrets are in place and the proxy knows it.
    _ = try await (admitted, volume, log, attached)
    if keepsLog { try await files.log.mount(size: AgentLog.volumeSize, isNew: true, key: key) }
    if let wrapped = try await wrapped {
      try workspaceKey.keep(wrapped: wrapped)
      try files.volume.keep()
    }
    let id = machine.sandboxID(record.uid)
    try await machine.watch.watch(
      WatchedSandbox(desired, container: id, network: network))
    let process: Int32
    do {
      process = try await machine.runtime.run(bundle(id: id, image: image, network: network))
    } catch {
      throw await machine.watch.blame(error, for: id.description)
    }
    await machine.watch.waitForSession(id.description)
    let layers = await machine.readBack(record: record, pod: desired.pod)
    if let broken = layers.first(where: { $0.state != .enforced }) {
      // A short program may be over by now; then there is nothing to prove, and its end is told by the reaper.
      if try await machine.runtime.state(id)?.status == .stopped {
        return Launched(imageDigest: image.digest, process: process, layers: [])
      }
      // What is only not proven may be in a moment, and the firewall is restored; what else was found broken will not be.
      var mayComeBack = broken.state == .unknown
      if broken.layer == "network" { mayComeBack = await !machine.network.isBehindFirewall(network) }
      throw Fault(
        mayComeBack ? .unavailable : .failed, operation: "start agent \(desired.id)",
        reason: "its layer '\(broken.layer)' was not found enforced: \(broken.evidence)",
        remedy: "run 'lobstack doctor' and start the agent again")
    }
    return Launched(imageDigest: image.digest, process: process, layers: layers)
  }

  /// The proxy is told of an agent that has its secrets.
  private func admit(address: String) async throws {
    try await machine.secrets.admit(desired)
    try await machine.proxy.admit(desired, address: address)
  }

  private func bundle(id: SandboxID, image: ResolvedImage, network: AgentNetwork) -> SandboxBundle {
    SandboxBundle(
      id: id, directory: files.bundleDirectory, pod: desired.pod, imageRoot: image.rootDirectory,
      imageCommand: image.configuration.command, imageEnv: image.configuration.env,
      imageDirectory: image.configuration.directory, workspace: files.volume.mountPoint,
      secrets: SecretFiles(layout: machine.layout, uid: record.uid).directory,
      networkNamespace: network.namespacePath, logFile: files.log.file, resolver: machine.network.plan.serviceAddress,
      traceConfiguration: machine.layout.traceConfiguration)
  }

  private func undo(removingFiles: Bool) async {
    let steps: [(String, @Sendable () async throws -> Void)] = [
      ("remove the sandbox", { try await machine.runtime.delete(machine.sandboxID(record.uid)) }),
      ("end the watch", { await machine.watch.forget(machine.sandboxID(record.uid).description) }),
      ("close the workspace", { try await files.volume.unmount() }),
      ("withdraw the secrets", { await machine.secrets.withdraw(record.uid) }),
      ("revoke the token", { try await machine.sessions.revoke(record.id) }),
      ("withdraw the identity", { try await machine.proxy.withdraw(record.uid) }),
      ("cut the network", { try await machine.network.detach(machine.network.network(slot: record.slot)) }),
      ("remove the files", { if removingFiles { try await files.destroy() } }),
    ]
    for (what, step) in steps {
      do {
        try await step()
      } catch {
        // The next pass finds what is left and tries again.
        machine.logger.warning(
          "A failed start could not be undone whole", metadata: ["step": "\(what)", "error": "\(error)"])
      }
    }
  }

  private func imageReference() throws -> ImageReference {
    guard let text = desired.pod.spec.containers.first?.image, let reference = ImageReference(text) else {
      throw Fault(
        .invalid, operation: "start agent \(desired.id)", reason: "its Pod names no image",
        remedy: "create the agent again")
    }
    return reference
  }

  private func workspaceSize() throws -> ByteSize {
    guard let text = desired.pod.metadata.annotations?[workspaceSizeAnnotation], let size = ByteSize(text) else {
      throw Fault(
        .invalid, operation: "start agent \(desired.id)", reason: "its Pod has no \(workspaceSizeAnnotation)",
        remedy: "create the agent again")
    }
    return size
  }
}
