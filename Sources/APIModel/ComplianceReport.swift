import FoundationEssentials

/// What the audit log of a period shows for the Trust Services Criteria: the answer to `lobstack report soc2`.
package struct ComplianceReport: Hashable, Sendable, Codable {
  package var period: Period
  package var madeAt: Date
  package var platform: Platform
  package var log: Log
  package var summary: Summary
  package var criteria: [Criterion]
  /// What did not go as it should, and what was refused, by kind.
  package var deviations: [Deviation]
  /// What the report as a whole does not show.
  package var limits: [String]

  package init(
    period: Period, madeAt: Date, platform: Platform, log: Log, criteria: [Criterion], deviations: [Deviation],
    limits: [String]
  ) {
    self.period = period
    self.madeAt = madeAt
    self.platform = platform
    self.log = log
    self.criteria = criteria
    self.deviations = deviations
    self.limits = limits
    func count(_ status: Status) -> Int { criteria.count { $0.status == status } }
    summary = Summary(
      evidenced: count(.evidenced), partlyEvidenced: count(.partlyEvidenced), failed: count(.failed),
      noEvidence: count(.noEvidence))
  }

  /// 0 when every criterion is evidenced, 1 when a control failed in the period, 3 when evidence is missing.
  package var exitCode: Int32 {
    if summary.failed > 0 { return 1 }
    return summary.evidenced < criteria.count || criteria.isEmpty ? 3 : 0
  }

  /// From `since` on, before `until`.
  package struct Period: Hashable, Sendable, Codable {
    package var since: Date
    package var until: Date

    package init(since: Date, until: Date) { (self.since, self.until) = (since, until) }

    package func contains(_ time: Date) -> Bool { since <= time && time < until }
  }

  package struct Platform: Hashable, Sendable, Codable {
    package var instance: String
    /// Of Lobstack, when the report was made.
    package var version: String
    /// Digest of the admission policies in force when the report was made; absent when none are.
    package var policies: String?

    package init(instance: String, version: String, policies: String?) {
      self.instance = instance
      self.version = version
      self.policies = policies
    }
  }

  /// The audit log that everything is taken from, by its signed checkpoint.
  package struct Log: Hashable, Sendable, Codable {
    package var size: UInt64
    package var rootHash: String
    /// A signed note (C2SP tlog-checkpoint).
    package var checkpoint: String
    package var verifierKey: String
    /// Of the note's second signature, by the secrets manager; absent when it did not answer.
    package var cosignerKey: String?
    /// The records that were read: from this number on …
    package var from: UInt64
    /// … and before this one.
    package var to: UInt64

    package init(checkpoint: AuditCheckpointResource, from: UInt64, to: UInt64) {
      size = checkpoint.size
      rootHash = checkpoint.rootHash
      self.checkpoint = checkpoint.note
      verifierKey = checkpoint.verifierKey
      cosignerKey = checkpoint.cosignerKey
      self.from = from
      self.to = to
    }
  }

  /// Counts of criteria.
  package struct Summary: Hashable, Sendable, Codable {
    package var evidenced: Int
    package var partlyEvidenced: Int
    package var failed: Int
    package var noEvidence: Int
  }

  package enum Status: String, Hashable, Sendable, Codable, CaseIterable {
    case evidenced
    case partlyEvidenced
    /// A control failed at some time of the period, also if it was proven again.
    case failed
    case noEvidence
    /// Of a control that only acts when something happens: nothing of the kind is recorded.
    case noOccurrence
  }

  package struct Criterion: Hashable, Sendable, Codable {
    /// As the AICPA numbers it: `CC6.1`.
    package var id: String
    package var title: String
    package var status: Status
    package var controls: [Control]
    /// What no software shows for it.
    package var limits: [String]

    package init(id: String, title: String, status: Status, controls: [Control], limits: [String]) {
      self.id = id
      self.title = title
      self.status = status
      self.controls = controls
      self.limits = limits
    }
  }

  package struct Control: Hashable, Sendable, Codable {
    package var id: String
    package var title: String
    package var status: Status
    package var reason: String
    /// Identifiers of other catalogues: `CIS 5.2.2`, `OWASP ASI05`.
    package var tags: [String]
    /// Pieces of evidence in the period; `evidence` has the first and the last of many.
    package var count: Int
    package var evidence: [Evidence]

    package init(
      id: String, title: String, status: Status, reason: String, tags: [String], count: Int, evidence: [Evidence]
    ) {
      self.id = id
      self.title = title
      self.status = status
      self.reason = reason
      self.tags = tags
      self.count = count
      self.evidence = evidence
    }
  }

  package struct Evidence: Hashable, Sendable, Codable {
    package enum Kind: String, Hashable, Sendable, Codable {
      /// A check of a run of `lobstack verify`.
      case verification
      /// A record of the audit log.
      case audit
    }

    package var kind: Kind
    package var time: Date
    package var text: String
    package var reference: Reference

    package init(kind: Kind, time: Date, text: String, reference: Reference) {
      self.kind = kind
      self.time = time
      self.text = text
      self.reference = reference
    }
  }

  /// Where it can be checked.
  package struct Reference: Hashable, Sendable, Codable {
    package var auditIndex: UInt64
    /// Of the record, hexadecimal.
    package var leafHash: String
    /// Id of the run, and SHA-256 of its report.
    package var verification: String?
    package var sha256: String?
    package var alert: String?

    package init(
      auditIndex: UInt64, leafHash: String, verification: String? = nil, sha256: String? = nil, alert: String? = nil
    ) {
      self.auditIndex = auditIndex
      self.leafHash = leafHash
      self.verification = verification
      self.sha256 = sha256
      self.alert = alert
    }
  }

  package struct Deviation: Hashable, Sendable, Codable {
    package enum Kind: String, Hashable, Sendable, Codable, CaseIterable {
      case checkFailed, checkWaived, verificationGap, reportUnreadable
      case responseFailed, responseOpen, destructionOpen
      case admissionDenied, accessDenied, policyRefused, certificateFailed
      case auditInterrupted, logBegins, clockStepped
    }

    package var kind: Kind
    package var title: String
    /// How many there are; `items` has the first and the last of many.
    package var count: Int
    package var items: [Item]

    package init(kind: Kind, title: String, count: Int, items: [Item]) {
      self.kind = kind
      self.title = title
      self.count = count
      self.items = items
    }

    package struct Item: Hashable, Sendable, Codable {
      package var time: Date
      package var text: String
      package var reference: Reference?

      package init(time: Date, text: String, reference: Reference?) {
        self.time = time
        self.text = text
        self.reference = reference
      }
    }
  }
}
