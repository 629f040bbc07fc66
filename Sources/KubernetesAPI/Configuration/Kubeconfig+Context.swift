import Faults
import FoundationEssentials
import Manifests

extension Kubeconfig {
  /// What a context says: its cluster, its user, its namespace.
  ///
  /// - Parameters:
  ///   - name: of the context; `nil` for the current one.
  ///   - environment: that of programs that give credentials.
  /// - Throws: `Fault(.invalid)` naming file, line and field, `Fault(.notFound)`, `Fault(.unsupported)`.
  package func configuration(
    context name: String? = nil, environment: [String: String]
  ) throws -> KubernetesConfiguration {
    guard let name = name ?? currentContext else {
      throw missing("it has no current-context", "set it with 'kubectl config use-context', or name a context")
    }
    guard let context = contexts[name] else {
      throw missing("it has no context '\(name)'", "use one of: \(list(contexts))")
    }
    var fields = try Fields(context.manifest)
    let clusterName = try fields.require("cluster").string()
    guard let cluster = clusters[clusterName] else {
      throw context.manifest.fault("there is no cluster '\(clusterName)'", remedy: "use one of: \(list(clusters))")
    }
    let userName = try fields.take("user")?.string() ?? ""
    let namespace = try fields.take("namespace")?.string() ?? ""
    var configuration = try Self.cluster(cluster)
    configuration.origin = "context \(name) of \(files.joined(separator: ":"))"
    configuration.namespace = namespace.isEmpty ? "default" : namespace
    if !userName.isEmpty {
      guard let user = users[userName] else {
        throw context.manifest.fault("there is no user '\(userName)'", remedy: "use one of: \(list(users))")
      }
      configuration.credentials = try Self.credentials(user, for: configuration, cluster, environment)
    }
    return configuration
  }

  private static func cluster(_ entry: Entry) throws -> KubernetesConfiguration {
    var fields = try Fields(entry.manifest)
    let server = try fields.require("server")
    if let insecure = fields.take("insecure-skip-tls-verify"), try insecure.bool() {
      throw refusal(
        insecure, "nobody would know whether it is the API server that answers",
        "give its authority as certificate-authority or certificate-authority-data")
    }
    if let proxy = fields.take("proxy-url"), try !proxy.string().isEmpty {
      throw refusal(proxy, "proxies are not used", "remove it, and name an address that is reached directly")
    }
    let name = try fields.take("tls-server-name")?.string() ?? ""
    let authority = try material(&fields, "certificate-authority", entry)
    // It has to name a certificate; what holds none would leave nobody who vouches.
    if let authority { try authority.checkCertificates(at: entry.manifest.place.description) }
    return KubernetesConfiguration(
      server: try ServerAddress(try server.string(), operation: "read \(server.place)"),
      serverName: name.isEmpty ? nil : name, authority: authority, origin: entry.manifest.place.description)
  }

  private static func credentials(
    _ entry: Entry, for configuration: KubernetesConfiguration, _ cluster: Entry, _ environment: [String: String]
  ) throws -> CredentialSource {
    var fields = try Fields(entry.manifest)
    for name in ["username", "password"] {
      if let field = fields.take(name) {
        throw refusal(
          field, "Kubernetes knows no passwords since 1.19", "use a certificate, a token or a program (exec)")
      }
    }
    if let field = fields.take("auth-provider") {
      throw refusal(field, "it was removed from kubectl in 1.26", "use the provider's program, as exec")
    }
    for name in ["as", "as-uid", "as-groups", "as-user-extra"] {
      if let field = fields.take(name) {
        throw refusal(field, "requests would be another's, which is not done", "use a context of that user's own")
      }
    }
    var source = CredentialSource()
    let certificate = try material(&fields, "client-certificate", entry)
    let key = try material(&fields, "client-key", entry)
    switch (certificate, key) {
    case (let certificate?, let key?): source.certificate = .init(chain: certificate, key: key)
    case (nil, nil): break
    default:
      throw entry.manifest.fault(
        "it has a client \(key == nil ? "certificate without its key" : "key without its certificate")",
        remedy: "give client-certificate and client-key, or their -data")
    }
    let token = try fields.take("token")?.string() ?? ""
    let file = try fields.take("tokenFile")?.string() ?? ""
    // kubectl prefers the file, which is read anew.
    if !file.isEmpty {
      source.token = .file(path(file, entry))
    } else if !token.isEmpty {
      source.token = .inline(SecretBytes(Array(token.utf8)))
    }
    if let exec = fields.take("exec") {
      guard source.token == nil, source.certificate == nil else {
        throw exec.fault("it stands beside another credential", remedy: "keep one of them")
      }
      source.program = try ExecProgram(
        exec, directory: entry.directory, environment: environment, cluster: configuration, of: cluster.manifest)
    }
    return source
  }

  /// A certificate or a key: in place as base64, which counts first, or as a file.
  private static func material(_ fields: inout Fields, _ name: String, _ entry: Entry) throws -> Material? {
    let file = try fields.take(name)?.string() ?? ""
    if let data = fields.take("\(name)-data"), case let text = try data.string(), !text.isEmpty {
      guard let bytes = Data(base64Encoded: String(text.filter { !$0.isWhitespace })) else {
        throw data.fault("it is not base64", remedy: "copy it again, whole")
      }
      return .inline(SecretBytes([UInt8](bytes)))
    }
    return file.isEmpty ? nil : .file(path(file, entry))
  }

  private static func path(_ path: String, _ entry: Entry) -> String {
    path.hasPrefix("/") ? path : "\(entry.directory)/\(path)"
  }

  private static func refusal(_ field: Manifest, _ reason: String, _ remedy: String) -> Fault {
    Fault(.unsupported, operation: "read \(field.place)", reason: reason, remedy: remedy)
  }

  private func missing(_ reason: String, _ remedy: String) -> Fault {
    Fault(
      .notFound, operation: "read the kubeconfig \(files.joined(separator: ":"))", reason: reason, remedy: remedy)
  }

  private func list(_ entries: [String: Entry]) -> String {
    entries.isEmpty ? "(there is none)" : entries.keys.sorted().joined(separator: ", ")
  }
}
