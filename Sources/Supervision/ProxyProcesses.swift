import AgentModel
import ChildProcess
import Faults
import Files
import Foundation
import Glibc
import JSONValues
import NetworkIsolation
import Proxy

extension Platform.Configuration {
  package static let defaultGatewayRate = GatewayLayout.Limits.rate
  package static let gatewayRates = GatewayLayout.Limits.rates
}

extension Platform {
  var nodeProxy: NodeProxy {
    var proxy = NodeProxyLayout(layout, serviceAddress: AddressPlan(layout: layout).serviceAddress)
    proxy.trustDomain = configuration.trustDomain
    return NodeProxy(layout: proxy)
  }

  var gateway: GatewayLayout {
    var gateway = GatewayLayout(layout, address: configuration.listen.host, port: configuration.listen.port)
    gateway.trustDomain = configuration.trustDomain
    gateway.limits = GatewayLayout.Limits(rate: configuration.gatewayRate)
    gateway.plainAddress = configuration.plainListen?.host
    gateway.plainPort = configuration.plainListen?.port
    gateway.takesChallenges = configuration.publicCertificate != nil
    return gateway
  }

  /// What the gateway's certificate is for: what the operator says, where it listens, this machine's name. The first is
  /// the one that others are told.
  var gatewayNames: [String] {
    var names = (configuration.publicCertificate?.domains.map(\.description) ?? []) + configuration.gatewayNames
    if !configuration.listen.isAny { names.append(configuration.listen.host) }
    var name = [CChar](repeating: 0, count: 256)
    if gethostname(&name, name.count - 1) == 0 {
      let own = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self).lowercased()
      // A machine may be called anything; a certificate is for DNS names.
      if own.split(separator: ".", omittingEmptySubsequences: false).allSatisfy({ isDNSLabel(String($0)) }) {
        names.append(own)
      }
    }
    var seen: Set<String> = []
    return (names + ["localhost", "127.0.0.1", "::1"]).filter { seen.insert($0).inserted }
  }

  /// Writes what the proxies start from; what they are told later stays from the last time.
  func writeBootstraps() throws {
    try nodeProxy.layout.files.prepare()
    try gateway.files.prepare()
    try giveDirectories(
      below: layout.gatewayFiles, to: InstanceLayout.User.controlPlane, readBy: gid_t(layout.gatewayUserID))
    try write(nodeProxy.bootstrap, to: layout.proxyBootstrap)
    try write(gateway.bootstrap, to: layout.gatewayBootstrap)
  }

  /// The control plane writes there, in directories that pass their group, the gateway's, on: it could not keep that
  /// if it made them itself (chmod(2) takes the bit from who is not of the group).
  private func giveDirectories(below root: String, to owner: String, readBy gid: gid_t) throws {
    let uid = try Account(named: owner).user
    let below = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
    for path in [root] + below.map({ "\(root)/\($0)" }) {
      guard FileStatus(path)?.isDirectory == true else { continue }
      guard chown(path, uid, gid) == 0, chmod(path, 0o2750) == 0 else {
        throw Fault(
          .failed, operation: "prepare \(path)", reason: String(cString: strerror(errno)), remedy: "run as root")
      }
    }
  }

  private func write(_ configuration: JSON, to path: String) throws {
    do {
      try Data(configuration.text.utf8).write(to: URL(filePath: path), options: .atomic)
      guard chmod(path, 0o644) == 0 else { throw CocoaError(.fileWriteNoPermission) }
    } catch {
      throw Fault(
        .failed, operation: "write \(path)", reason: "the file cannot be written", remedy: "free memory, or restart",
        cause: error)
    }
  }

}
