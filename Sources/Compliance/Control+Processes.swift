import APIModel

extension Control {
  /// What happens as the platform is used, by the records that it leaves.
  static let processes: [Control] = [
    process(
      "OPS-1", "the controls are attacked again and again ('lobstack verify'), and the reports recorded", ["CC7.1"],
      RecordRule(evidence: [.init("verification.record")], isRegular: true)),
    process(
      "OPS-2", "policies come into force by a recorded version", ["CC7.1", "CC8.1"], tags: [.cis("5.2.1")],
      RecordRule(evidence: [.init("policy.load"), .init("policy.files", ["present", "changed"])])),
    process(
      "OPS-3", "agents are created, changed and deleted by recorded acts that policies admitted", ["CC8.1"],
      tags: [.nsa("Pod security enforcement")],
      RecordRule(evidence: [.init("agent.create"), .init("agent.update"), .init("agent.delete")])),
    process(
      "OPS-4", "tokens of the API are created and revoked by recorded acts", ["CC6.2", "CC6.3"],
      tags: [.nsa("Authentication and authorization")],
      RecordRule(evidence: [.init("token.create"), .init("token.revoke")])),
    process(
      "OPS-5", "refused access is recorded", ["CC6.1", "CC7.2"], tags: [.nsa("Authentication and authorization")],
      RecordRule(evidence: [.init("access", ["denied"]), .init("authenticate", ["denied"])])),
    process(
      "OPS-6", "secrets are set, rotated and deleted by recorded acts", ["CC6.1", "C1.1"], tags: [.nsa("Secrets")],
      RecordRule(evidence: [.init("secret.set"), .init("secret.delete")])),
    process(
      "OPS-7", "workloads get certificates of their own, each recorded with its end", ["CC6.1", "CC6.2"],
      tags: [.owasp("ASI03"), .owasp("T9")], RecordRule(evidence: [.init("identity.issue")])),
    process(
      "OPS-8", "the gateway's public certificate is got and renewed by itself", ["CC6.7"], tags: [.nsa("Encryption")],
      RecordRule(evidence: [.init("certificate.obtain")])),
    process(
      "OPS-9", "programs that people run in sandboxes are recorded", ["CC6.3", "CC7.2"], tags: [.owasp("T8")],
      RecordRule(evidence: [.init("agent.exec")])),
    process(
      "OPS-10", "alerts are raised and recorded", ["CC7.2", "CC7.3"],
      tags: [.nsa("Audit Logging and Threat Detection"), .owasp("ASI10")],
      RecordRule(evidence: [.init("alert.raise", ["raised"])])),
    process(
      "OPS-11", "the response that an alert asks for is carried out", ["CC7.4"], tags: [.owasp("ASI10")],
      RecordRule(
        evidence: [.init("alert.respond", ["done"])], failures: [.init("alert.respond", ["failed"])],
        pair: RecordRule.Pair(
          begins: .init("alert.raise", ["raised"]), unless: ["response": "alert"],
          ends: [.init("alert.respond", ["done", "failed"])], key: "id", deviation: .responseOpen))),
    process(
      "OPS-12", "a deleted agent's keys, secrets and entity are destroyed", ["CC6.5", "C1.2"],
      RecordRule(
        evidence: [.init("agent.shred", ["destroyed"])],
        pair: RecordRule.Pair(
          begins: .init("agent.delete"), ends: [.init("agent.shred", ["destroyed"])], key: "uid",
          deviation: .destructionOpen))),
    process(
      "OPS-13", "starts of the platform are recorded", ["CC7.5", "A1.2"],
      RecordRule(evidence: [.init("platform.start")])),
    process(
      "OPS-14", "back-ups are made, each recorded with its digest and recipients", ["A1.2"],
      RecordRule(evidence: [.init("backup.create", ["made"])], failures: [.init("backup.create", ["failed"])])),
    process(
      "OPS-15", "keys that wrap secrets and workspaces are rotated by recorded acts", ["CC6.1", "C1.1"],
      tags: [.nsa("Encryption")],
      RecordRule(evidence: [.init("vault.rotate-keys")], failures: [.init("vault.rotate-keys", ["failed"])])),
    process(
      "OPS-16", "witnesses outside keep checkpoints of the audit log, and the log extends them", ["CC7.2"],
      tags: [.nsa("Audit Logging and Threat Detection")],
      RecordRule(evidence: [.init("audit.witness", ["allowed"])], failures: [.init("audit.witness", ["failed"])])),
    process(
      "OPS-17", "a restored platform records what it was restored from", ["CC7.5", "A1.2"],
      RecordRule(evidence: [.init("backup.restore")])),
    process(
      "OPS-18", "people log in to the dashboard, and out of it, by recorded acts", ["CC6.1", "CC6.3"],
      tags: [.nsa("Authentication and authorization")],
      RecordRule(evidence: [.init("session.create"), .init("session.delete")])),
    process(
      "OPS-19", "people freeze, cut off and kill agents by recorded acts", ["CC7.4"], tags: [.owasp("ASI10")],
      RecordRule(evidence: [.init("agent.respond")], failures: [.init("agent.respond", ["failed"])])),
  ]

  private static func process(
    _ id: String, _ title: String, _ criteria: [String], tags: [Tag] = [], _ rule: RecordRule
  ) -> Control {
    Control(id: id, title: title, criteria: criteria, tags: tags, source: .records(rule))
  }
}
