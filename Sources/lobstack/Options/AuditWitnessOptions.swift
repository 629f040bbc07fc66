import AgentModel
import AlertForwarding
import ArgumentParser
import Foundation

/// Who keeps checkpoints of the audit log.
struct AuditWitnessOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Hand checkpoints of the audit log to file:PATH, syslog:ADDRESS or an https URL; repeat for several.",
      valueName: "witness"), transform: parseText)
  var auditWitness: [WitnessAddress] = []

  @Option(
    help: ArgumentHelp(
      "File of the secret that posted checkpoints are signed with, readable by user lobstack and by nobody else.",
      valueName: "file"), completion: .file())
  var auditWitnessSecretFile: String?

  mutating func validate() throws {
    let needsSecret = WitnessSettings(addresses: auditWitness).needsSecret
    if needsSecret, auditWitnessSecretFile == nil {
      throw ValidationError(
        "--audit-witness with a URL needs --audit-witness-secret-file: without a signature anybody could post")
    }
    if !needsSecret, auditWitnessSecretFile != nil {
      throw ValidationError("--audit-witness-secret-file is for a URL: give one with --audit-witness too")
    }
    guard Set(auditWitness).count == auditWitness.count else {
      throw ValidationError("--audit-witness names one witness twice")
    }
  }

  /// The same options on another command line.
  var arguments: [String] { settings.arguments }

  var settings: WitnessSettings {
    WitnessSettings(
      addresses: auditWitness, secretFile: auditWitnessSecretFile.map { URL(filePath: $0).standardizedFileURL.path })
  }
}
