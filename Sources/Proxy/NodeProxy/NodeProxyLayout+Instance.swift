import AgentModel

extension NodeProxyLayout {
  /// The node proxy of an instance, with its files where the instance has them.
  package init(_ layout: InstanceLayout, serviceAddress: String) {
    self.init(
      files: EnvoyFiles(directory: layout.proxyFiles, group: layout.proxyUserID), adminSocket: layout.proxyAdminSocket,
      denialLog: layout.proxyDenials, serviceAddress: serviceAddress, apiSocket: layout.meshSocket,
      ingressSocket: layout.ingressSocket)
  }
}
