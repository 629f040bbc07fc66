import JSONValues
import KubernetesAPI
import KubernetesRendering
import Verification

/// SEC-5: what becomes of an agent's volume. Only what the API tells of it can be seen: whether bytes are encrypted on their
/// disk, and are destroyed with their key, is between the storage's driver and its machines.
struct VolumeChecks: Sendable {
  let site: ClusterSite
  let stage: Shared<Stage>

  /// Parameters of drivers that say so with "true" or "false" (Longhorn, Ceph, EBS; Portworx), and those by the name of a key.
  private static let switches: Set = ["encrypted", "secure"]
  private static let keys: Set = [
    "kmskeyid", "encryptionkmsid", "disk-encryption-kms-key", "diskencryptionsetid", "encryptionkeyid",
  ]

  var all: [Check] {
    [
      Check(
        "SEC-5", layer: "secrets", title: "an agent's data cannot be had back", deadline: ClusterVerify.stageDeadline,
        isLong: true, body: check)
    ]
  }

  private func check() async throws -> Finding {
    let pod = try await stage.value.victim.pod
    let claims = (pod["spec", "volumes"]?.array ?? []).compactMap { $0["persistentVolumeClaim"]?["claimName"]?.string }
    guard let name = claims.first else { throw NotTestable("the agent \(pod.name) has no volume") }
    let claim = try await site.client.get(.volumeClaims, name, namespace: pod.namespace)
    let volume: KubernetesObject? =
      if let name = claim["spec", "volumeName"]?.string { try await site.client.find(.volumes, name) } else { nil }
    let className = claim["spec", "storageClassName"]?.string ?? ""
    let storage = try await site.client.find(.storageClasses, className)
    return Self.judgement(claim: claim, volume: volume, storage: storage, wanted: site.values.storage.className)
  }

  /// - Parameter wanted: the class that the platform was rendered with.
  static func judgement(
    claim: KubernetesObject, volume: KubernetesObject?, storage: KubernetesObject?, wanted: String
  ) -> Finding {
    let className = claim["spec", "storageClassName"]?.string ?? ""
    guard className == wanted else {
      return Finding(
        .failed, evidence: ["the claim \(claim.name) is of the StorageClass '\(className)', not '\(wanted)'"])
    }
    guard let volume, let storage else {
      return Finding(
        .notTestable, evidence: ["the claim \(claim.name) has no volume, or no StorageClass '\(className)'"])
    }
    let policy = volume["spec", "persistentVolumeReclaimPolicy"]?.string ?? "Retain"
    guard policy == "Delete" else {
      return Finding(
        .failed, evidence: ["the volume \(volume.name) of the claim \(claim.name) is kept when that goes: \(policy)"])
    }
    let parameters = (storage["parameters"]?.object ?? [:]).compactMapValues(\.string)
    let driver = oneLine(storage["provisioner"]?.string ?? "unknown")
    let told = parameters.filter { switches.contains($0.key.lowercased()) || keys.contains($0.key.lowercased()) }
    let text = told.map { "\($0.key)=\(oneLine($0.value))" }.sorted().joined(separator: ", ")
    if let off = told.first(where: { switches.contains($0.key.lowercased()) && $0.value.lowercased() != "true" }) {
      return Finding(.failed, evidence: ["the StorageClass \(className) says \(off.key)=\(oneLine(off.value))"])
    }
    return Finding(
      .notTestable,
      evidence: [
        "not attacked on a cluster: what is on its disks the driver \(driver) does not show. What can be read: the volume goes "
          + "with its claim, and the StorageClass \(className) "
          + (text.isEmpty ? "says nothing of encryption" : "asks for encryption (\(text))")
      ])
  }
}
