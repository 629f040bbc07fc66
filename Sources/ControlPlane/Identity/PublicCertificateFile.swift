import CertificateAuthority
import Files
import Foundation

/// The certificate of a public authority between two runs of the control plane: one file with the key, so that both
/// change at once.
struct PublicCertificateFile: Sendable {
  let path: String
  /// Who certified it: another authority's is not taken up, as when a trial is over.
  let authority: String

  private var firstLine: String { "\(authority)\n" }

  /// - Returns: `nil` when there is none that can be used.
  func read(for names: [String], at time: Date) -> ForeignCertificate? {
    // What cannot be read or used is got anew.
    guard let data = FileManager.default.contents(atPath: path), let text = String(data: data, encoding: .utf8),
      text.hasPrefix(firstLine)
    else { return nil }
    return try? ForeignCertificate(secretPEM: String(text.dropFirst(firstLine.count)), for: names, at: time)
  }

  func write(_ certificate: ForeignCertificate) throws {
    try writeAtomically(Data((firstLine + certificate.secretPEM).utf8), to: path, mode: 0o600)
  }
}
