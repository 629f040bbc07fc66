/// A criterion of the AICPA's Trust Services Criteria (2017, with the points of focus of 2022): its number, what it asks
/// in our own words, and what no software can show for it.
package struct Criterion: Sendable, Hashable {
  package var id: String
  package var title: String
  package var limits: [String]

  /// Those that the platform has something to show for.
  package static let all: [Criterion] = [
    Criterion(
      id: "CC6.1", title: "logical access to systems and data is restricted",
      limits: [
        "inventories of what is to be protected, and its classification",
        "access to the machine itself, its root account and whoever hosts it",
      ]),
    Criterion(
      id: "CC6.2", title: "credentials are given to who is registered and authorised, and taken back",
      limits: [
        "that a person who got a token was entitled to it, and that it was revoked when the person left",
        "periodic reviews of access by people",
      ]),
    Criterion(
      id: "CC6.3", title: "access follows roles, least privilege and segregation of duties",
      limits: ["who decides on roles, and that duties are separated among people", "periodic reviews of roles"]),
    Criterion(
      id: "CC6.5", title: "what is taken out of use can no longer be read",
      limits: ["disposal of disks and machines", "copies outside the platform: backups, exports, what agents sent out"]),
    Criterion(
      id: "CC6.6", title: "the boundary is protected against threats from outside",
      limits: ["firewalls and networks around the machine", "how people reach the machine: VPN, second factors"]),
    Criterion(
      id: "CC6.7", title: "transmission, movement and removal of information are restricted",
      limits: ["removable media and people's devices", "what hosts that an agent may reach do with what it sends them"]),
    Criterion(
      id: "CC6.8", title: "unauthorised and malicious software is prevented or detected",
      limits: [
        "what is in an image: images are not scanned for vulnerabilities, and their signatures are not checked",
        "software on the machine outside the platform",
      ]),
    Criterion(
      id: "CC7.1", title: "changes of configuration that open weaknesses, and new weaknesses, are detected",
      limits: ["scans for known vulnerabilities, and that updates are installed", "penetration tests by others"]),
    Criterion(
      id: "CC7.2", title: "the system is monitored for what may be an attack or a failure",
      limits: ["that a person looks at alerts", "monitoring of the machine outside the platform"]),
    Criterion(
      id: "CC7.3", title: "events are judged, and security incidents recognised",
      limits: ["how people judged an alert, and what they decided"]),
    Criterion(
      id: "CC7.4", title: "incidents are responded to",
      limits: [
        "the plan for incidents, who is called, who is told outside", "what people did beyond the platform's response",
      ]),
    Criterion(
      id: "CC7.5", title: "operation is restored after incidents",
      limits: ["lessons that people drew, and exercises of recovery", "restoring after the loss of the machine"]),
    Criterion(
      id: "CC8.1", title: "changes are authorised, tested, approved and recorded",
      limits: [
        "who approved a change, and tests before it", "changes of the machine and of the platform's own program",
      ]),
    Criterion(
      id: "A1.1", title: "capacity is managed",
      limits: ["planning of capacity, and its monitoring over time"]),
    Criterion(
      id: "A1.2", title: "what availability needs is designed, protected and recoverable",
      limits: ["power, climate, fire protection, redundant machines", "that back-ups are kept elsewhere, and tried"]),
    Criterion(
      id: "C1.1", title: "confidential information is identified and protected",
      limits: ["what is confidential, for how long, and what was promised to whom"]),
    Criterion(
      id: "C1.2", title: "confidential information is disposed of",
      limits: ["when it should be disposed of", "copies outside the platform"]),
  ]

  /// What the whole report does not show.
  static let reportLimits = [
    "CC1 to CC5, CC6.4, CC9, A1.3, and the criteria of processing integrity and privacy: governance, risk assessment, "
      + "hiring, physical access, vendors, tests of recovery plans. Nothing in this report speaks of them.",
    "It is no audit and no opinion: it is the platform's own record, for an auditor to judge.",
    "The report of a verification is made by whoever runs 'lobstack verify' as root; that it was not changed since it "
      + "was recorded can be shown, not that the machine was honest when it ran. A run that was broken off is not recorded.",
    "Whoever has root and the log's signing key could write another log from the start. Compare with checkpoints that "
      + "were kept elsewhere ('lobstack audit verify --checkpoint').",
    "Tags name what another catalogue asks that the control serves; they do not say that all of it is met.",
  ]
}
