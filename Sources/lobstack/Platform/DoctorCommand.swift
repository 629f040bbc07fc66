import ArgumentParser
import Supervision

struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Check whether this machine can hold agents, and say how to mend it.",
    discussion: "Changes nothing. Exit code 1 when a check fails.")

  @OptionGroup var instance: InstanceOptions
  @OptionGroup var options: PlatformOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let platform = try options.platform(instance)
    let findings = await Doctor(platform.configuration).examine()
    try format.print(findings) { Self.table(findings) }
    guard !findings.contains(where: { $0.level == .fail }) else { throw Degraded(code: 1) }
  }

  private static func table(_ findings: [Finding]) -> String {
    var table = Table("CHECK", "RESULT", "FOUND")
    for finding in findings { table.add(finding.check, finding.level.rawValue, finding.detail) }
    let remedies = findings.compactMap { finding in finding.remedy.map { "\(finding.check): \($0)" } }
    return ([table.rendered()] + (remedies.isEmpty ? [] : ["", "To mend:"] + remedies.map { "  \($0)" }))
      .joined(separator: "\n")
  }
}
