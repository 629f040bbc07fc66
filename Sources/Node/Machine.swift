import AgentModel
import Documents
import Images
import Logging
import NetworkIsolation
import NodeProtocol
import Sandbox
import SecretStore

/// The drivers that the node works this machine with.
struct Machine: Sendable {
  let layout: InstanceLayout
  let runtime: SandboxRuntime
  let network: NetworkIsolation
  let images: ImageStore
  let reaper: OrphanReaper
  let sessions: AgentSessions
  let secrets: AgentSecrets
  let proxy: ProxyControl
  let watch: SandboxWatch
  let logger: Logger

  func sandboxID(_ uid: AgentUID) -> SandboxID { SandboxID(instance: layout.instance, uid: uid) }

  func files(_ uid: AgentUID) -> AgentFiles { AgentFiles(layout: layout, uid: uid) }

  /// Every layer of a running agent, as the kernel and the runtime tell it now.
  func readBack(record: AgentRecord, pod: Pod) async -> [LayerStatus] {
    async let sandbox = runtime.readBack(sandboxID(record.uid), pod: pod)
    async let network = readBackNetwork(slot: record.slot)
    async let workspace = readBackWorkspace(record.uid)
    async let proxied = proxy.readBack(record.uid)
    async let secret = secrets.readBack(record.uid)
    async let detection = watch.readBack(sandboxID(record.uid).description)
    return await sandbox + [network] + [workspace] + proxied + [secret].compactMap { $0 } + [detection]
  }

  /// What sandboxes use of the machine; of one that has just ended nothing is told.
  ///
  /// - Parameter processes: of each agent that runs the sandbox's process.
  func usage(of processes: [AgentUID: Int32]) -> [AgentUsage] {
    processes.compactMap { uid, process in
      runtime.usage(sandboxID(uid)).map { usage in
        AgentUsage(
          uid: uid, process: process, readAt: .now, cpuNanoseconds: usage.cpuNanoseconds,
          memoryBytes: usage.memoryBytes, tasks: usage.tasks, cpuLimit: usage.cpuLimit, memoryLimit: usage.memoryLimit,
          taskLimit: usage.taskLimit)
      }
    }
  }

  private func readBackWorkspace(_ uid: AgentUID) async -> LayerStatus {
    let volume = files(uid).volume
    func layer(_ state: LayerStatus.State, _ evidence: String) -> LayerStatus {
      LayerStatus(layer: "workspace", state: state, evidence: evidence)
    }
    do {
      guard try await volume.isOpen else { return layer(.failed, "\(volume.mountPoint) is not served by gocryptfs") }
      return layer(
        .enforced, "\(volume.store.image) encrypted by gocryptfs (AES-256-GCM), its key wrapped by \(uid.volumeKeyName)"
      )
    } catch {
      return layer(.failed, "\(error)")
    }
  }

  private func readBackNetwork(slot: Int) async -> LayerStatus {
    do {
      return await network.readBack(try network.network(slot: slot))
    } catch {
      return LayerStatus(layer: "network", state: .failed, evidence: "\(error)")
    }
  }
}
