import FoundationEssentials
import JSONValues

extension ResourceType {
  package static let leases = ResourceType(group: "coordination.k8s.io", plural: "leases")
}

/// Who leads, as a Lease says (`coordination.k8s.io/v1` LeaseSpec).
struct LeaseRecord: Hashable, Sendable {
  /// Empty when nobody does.
  var holder: String
  /// Seconds.
  var duration: Int
  /// Times as the API writes them: RFC 3339 with microseconds.
  var acquired: String
  var renewed: String
  /// How often the holder changed.
  var transitions: Int

  init(holder: String, duration: Int, acquired: String, renewed: String, transitions: Int) {
    self.holder = holder
    self.duration = duration
    self.acquired = acquired
    self.renewed = renewed
    self.transitions = transitions
  }

  init(_ lease: KubernetesObject) {
    holder = lease["spec", "holderIdentity"]?.string ?? ""
    duration = lease["spec", "leaseDurationSeconds"]?.int ?? 0
    acquired = lease["spec", "acquireTime"]?.string ?? ""
    renewed = lease["spec", "renewTime"]?.string ?? ""
    transitions = lease["spec", "leaseTransitions"]?.int ?? 0
  }

  /// The lease with this record; labels and whatever else it has stay.
  func put(into lease: KubernetesObject) -> KubernetesObject {
    var lease = lease
    var spec = lease.fields["spec"]?.object ?? [:]
    // Nobody is told by no field: the API takes no empty one.
    spec["holderIdentity"] = holder.isEmpty ? nil : .string(holder)
    spec["leaseDurationSeconds"] = .int(duration)
    spec["acquireTime"] = .string(acquired)
    spec["renewTime"] = .string(renewed)
    spec["leaseTransitions"] = .int(transitions)
    lease.fields["spec"] = .object(spec)
    return lease
  }

  /// What a candidate may do about the record. Pure.
  ///
  /// Times in it are its holder's, whose clock may be any: the lease has run out when the candidate itself has seen no
  /// change for as long as it lasts.
  ///
  /// - Parameter unchanged: since when the candidate sees this record.
  /// - Returns: the record to write, `nil` while another leads.
  func claim(by identity: String, lasting seconds: Int, unchanged: Duration, at time: Date) -> LeaseRecord? {
    let now = MicroTime.text(time)
    if holder == identity {
      return LeaseRecord(
        holder: identity, duration: seconds, acquired: acquired.isEmpty ? now : acquired, renewed: now,
        transitions: transitions)
    }
    guard holder.isEmpty || unchanged > .seconds(duration) else { return nil }
    return LeaseRecord(
      holder: identity, duration: seconds, acquired: now, renewed: now, transitions: transitions + 1)
  }

  /// What the holder writes when it leads no more: anybody may take it at once.
  func released(at time: Date) -> LeaseRecord {
    LeaseRecord(
      holder: "", duration: 1, acquired: MicroTime.text(time), renewed: MicroTime.text(time), transitions: transitions)
  }
}
