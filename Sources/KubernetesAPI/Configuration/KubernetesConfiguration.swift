/// Which API server to ask, how to know it, and who asks.
package struct KubernetesConfiguration: Sendable {
  package var server: ServerAddress
  /// The name that the server's certificate has to have, if it is another than the address'.
  package var serverName: String?
  /// Who vouches for the server, PEM; `nil` for the system's authorities.
  package var authority: Material?
  /// The one that its owner works in. No method takes it by itself.
  package var namespace: String
  package var credentials: CredentialSource
  /// Where all this stands, for messages: `context prod of /home/eve/.kube/config`.
  package var origin: String

  package init(
    server: ServerAddress, serverName: String? = nil, authority: Material? = nil, namespace: String = "default",
    credentials: CredentialSource = CredentialSource(), origin: String
  ) {
    self.server = server
    self.serverName = serverName
    self.authority = authority
    self.namespace = namespace
    self.credentials = credentials
    self.origin = origin
  }
}

extension KubernetesConfiguration {
  /// As kubectl finds it: the file that is named, else those of `$KUBECONFIG`, else `~/.kube/config`, else that of the
  /// pod that this runs in.
  ///
  /// - Parameters:
  ///   - context: a name in the kubeconfig; `nil` for its current one.
  ///   - environment: this process'.
  /// - Throws: `Fault(.invalid)` naming file, line and field; `Fault(.notFound)` when there is nothing of all these.
  package static func discover(
    kubeconfig: String? = nil, context: String? = nil, environment: [String: String]
  ) throws -> KubernetesConfiguration {
    if let loaded = try Kubeconfig.load(path: kubeconfig, environment: environment) {
      return try loaded.configuration(context: context, environment: environment)
    }
    return try inCluster(environment: environment)
  }
}
