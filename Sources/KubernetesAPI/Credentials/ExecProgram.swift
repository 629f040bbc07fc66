import ChildProcess
import Faults
import FoundationEssentials
import Glibc
import JSONValues
import Manifests

/// A program that gives credentials (`client.authentication.k8s.io`, KEP-541), as clouds' kubeconfigs name one.
package struct ExecProgram: Sendable {
  private let command: String
  private let arguments: [String]
  /// Its whole one, secret.
  private let environment: [String: String]
  private let apiVersion: String
  /// What to do when it is not there, in the words of the kubeconfig.
  private let hint: String?

  /// Both have the same fields; files in the field still name the older.
  private static let versions = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"]
  private static let timeLimit = Duration.seconds(60)

  /// - Parameters:
  ///   - directory: from which relative paths go.
  ///   - environment: this process', which the program has too.
  init(
    _ manifest: Manifest, directory: String, environment: [String: String], cluster: KubernetesConfiguration,
    of clusterManifest: Manifest
  ) throws {
    var fields = try Fields(manifest)
    let version = try fields.require("apiVersion")
    apiVersion = try version.string()
    guard Self.versions.contains(apiVersion) else {
      throw version.fault(
        "the version '\(apiVersion)' is not spoken", remedy: "use one of: \(Self.versions.joined(separator: ", "))")
    }
    let command = try fields.require("command").string()
    self.command = command.contains("/") && !command.hasPrefix("/") ? "\(directory)/\(command)" : command
    arguments = try fields.take("args")?.strings() ?? []
    hint = try fields.take("installHint")?.string()
    if let mode = fields.take("interactiveMode"), try mode.string() == "Always" {
      throw Fault(
        .unsupported, operation: "read \(mode.place)", reason: "the program wants a person at a terminal",
        remedy: "use a credential that needs nobody")
    }
    var whole = environment
    for item in try fields.take("env")?.list() ?? [] {
      var variable = try Fields(item)
      whole[try variable.require("name").string()] = try variable.take("value")?.string() ?? ""
    }
    let wantsCluster = try fields.take("provideClusterInfo")?.bool() ?? false
    whole["KUBERNETES_EXEC_INFO"] = try Self.question(
      apiVersion, cluster: wantsCluster ? cluster : nil, extensions: clusterManifest
    ).text
    self.environment = whole
  }

  /// What the program is told, in its environment.
  private static func question(
    _ apiVersion: String, cluster: KubernetesConfiguration?, extensions: Manifest
  ) throws -> JSON {
    var spec: [String: JSON] = ["interactive": false]
    if let cluster {
      var told: [String: JSON] = ["server": .string(cluster.server.description)]
      if let name = cluster.serverName { told["tls-server-name"] = .string(name) }
      if let authority = try cluster.authority?.read("read the authority of \(cluster.server)") {
        told["certificate-authority-data"] = .string(Data(authority).base64EncodedString())
      }
      var fields = try Fields(extensions)
      for item in try fields.take("extensions")?.list() ?? [] {
        var entry = try Fields(item)
        guard try entry.take("name")?.string() == "client.authentication.k8s.io/exec" else { continue }
        told["config"] = entry.take("extension").map(JSON.init(manifest:)) ?? .null
      }
      spec["cluster"] = .object(told)
    }
    return ["apiVersion": .string(apiVersion), "kind": "ExecCredential", "spec": .object(spec)]
  }

  /// Asks the program.
  ///
  /// - Throws: `Fault(.notFound)` when it is not there, `Fault(.unauthenticated)` when it gives no credential.
  func run() async throws -> ExecCredential {
    let operation = "get a credential from \(command)"
    guard let path = located else {
      throw Fault(
        .notFound, operation: operation, reason: "there is no such program on PATH",
        remedy: hint.map { oneLine($0, longest: 400) } ?? "install it, or correct the kubeconfig")
    }
    let result = try await Command(path, arguments, environment: environment).run(
      timeout: Self.timeLimit, outputLimit: 1 << 20)
    guard result.status == .exited(0) else {
      throw Fault(
        .unauthenticated, operation: operation,
        reason: "it \(result.status): \(oneLine(String(result.standardError.suffix(400)), longest: 400))",
        remedy: "run it by hand, and mend what it says")
    }
    return try ExecCredential(result.standardOutput, apiVersion: apiVersion, operation: operation)
  }

  private var located: String? {
    if command.contains("/") { return access(command, X_OK) == 0 ? command : nil }
    let places = environment["PATH"] ?? Command.searchPath
    return places.split(separator: ":").map { "\($0)/\(command)" }.first { $0.hasPrefix("/") && access($0, X_OK) == 0 }
  }
}

/// Its environment may hold secrets.
extension ExecProgram: CustomStringConvertible, CustomReflectable {
  package var description: String { command }
  package var customMirror: Mirror { Mirror(self, children: []) }
}

/// What such a program answers.
struct ExecCredential: Sendable {
  /// Secret, as all that follows.
  let token: String?
  let clientCertificate: String?
  let clientKey: String?
  let expiry: Date?

  init(_ text: String, apiVersion: String, operation: String) throws {
    // Its answer holds the credential: no word of it goes into a message.
    func refusal(_ reason: String) -> Fault {
      Fault(.unauthenticated, operation: operation, reason: reason, remedy: "run it by hand, and update it")
    }
    guard let answer = try? JSON(Array(text.utf8)), answer["kind"]?.string == "ExecCredential" else {
      throw refusal("it does not answer an ExecCredential in JSON")
    }
    let version = answer["apiVersion"]?.string ?? ""
    guard version == apiVersion else {
      throw refusal("it answers version '\(version.prefix(80))', and the kubeconfig says '\(apiVersion)'")
    }
    let status = answer["status"]
    token = status?["token"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    clientCertificate = status?["clientCertificateData"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    clientKey = status?["clientKeyData"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    guard token != nil || clientCertificate != nil else { throw refusal("it gives neither a token nor a certificate") }
    guard (clientCertificate == nil) == (clientKey == nil) else {
      throw refusal("it gives a certificate or a key, not both")
    }
    guard token?.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) ?? true else {
      throw refusal("its token has blanks or control characters")
    }
    if let time = status?["expirationTimestamp"]?.string {
      guard let date = date(rfc3339: time) else { throw refusal("its expirationTimestamp is no time of RFC 3339") }
      expiry = date
    } else {
      expiry = nil
    }
  }
}

/// A time of RFC 3339, with or without fractions of a second.
func date(rfc3339 text: String) -> Date? {
  for hasFraction in [false, true] {
    let style = Date.ISO8601FormatStyle(timeZoneSeparator: .colon, includingFractionalSeconds: hasFraction)
    if let date = try? style.parse(text) { return date }
  }
  return nil
}

extension JSON {
  /// What a YAML value is as JSON.
  init(manifest: Manifest) {
    self =
      switch manifest.value {
      case .null: .null
      case .bool(let value): .bool(value)
      case .int(let value): .int(value)
      case .double(let value): .double(value)
      case .string(let value): .string(value)
      case .list(let items): .array(items.map(JSON.init(manifest:)))
      case .map(let pairs): .object(Dictionary(pairs.map { ($0.key, JSON(manifest: $0.value)) }) { first, _ in first })
      }
  }
}
