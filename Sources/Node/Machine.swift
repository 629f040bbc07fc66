import AgentModel
import Documents
import Images
import Logging
import NetworkIsolation
import Sandbox

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
  let logger: Logger

  func sandboxID(_ uid: AgentUID) -> SandboxID { SandboxID(instance: layout.instance, uid: uid) }

  func files(_ uid: AgentUID) -> AgentFiles { AgentFiles(layout: layout, uid: uid) }

  /// Every layer of a running agent, as the kernel and the runtime tell it now.
  func readBack(record: AgentRecord, pod: Pod) async -> [LayerStatus] {
    async let sandbox = runtime.readBack(sandboxID(record.uid), pod: pod)
    async let network = readBackNetwork(slot: record.slot)
    async let proxied = proxy.readBack(record.uid)
    async let secret = secrets.readBack(record.uid)
    return await sandbox + [network] + proxied + [secret].compactMap { $0 }
  }

  private func readBackNetwork(slot: Int) async -> LayerStatus {
    do {
      return await network.readBack(try network.network(slot: slot))
    } catch {
      return LayerStatus(layer: "network", state: .failed, evidence: "\(error)")
    }
  }
}
