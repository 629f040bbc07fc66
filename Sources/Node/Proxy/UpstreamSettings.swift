import AgentModel
import Faults
import Foundation
import Glibc
import Logging
import NetworkIsolation
import Proxy

/// How the node proxy finds and trusts the hosts outside.
package struct UpstreamSettings: Sendable {
  package static let defaultAuthorities = "/etc/ssl/certs/ca-certificates.crt"
  private static let systemFile = "/etc/resolv.conf"

  /// PEM file of the authorities that may vouch for a host with a credential.
  package var authorities: String
  /// Address of the DNS server; `nil` takes those of /etc/resolv.conf.
  package var server: String?

  package init(authorities: String = UpstreamSettings.defaultAuthorities, server: String? = nil) {
    self.authorities = authorities
    self.server = server
  }

  /// The DNS servers to open the firewall to, at most three, as with the C library (resolv.conf(5)).
  func resolvers() throws -> [String] {
    guard let server else { return Array(systemServers().filter(isAddress).prefix(3)) }
    guard isAddress(server) else {
      throw Fault(
        .invalid, operation: "use the DNS server '\(server.prefix(64))'", reason: "it is not an address",
        remedy: "give --resolver an IPv4 or IPv6 address")
    }
    return [server]
  }

  private func systemServers() -> [String] {
    // Without the file no host outside is found, which every request then tells.
    let text = (try? String(contentsOfFile: Self.systemFile, encoding: .utf8)) ?? ""
    return text.split(separator: "\n").compactMap { line in
      let words = line.split(whereSeparator: \.isWhitespace)
      return words.count >= 2 && words[0] == "nameserver" ? String(words[1]) : nil
    }
  }

  private func isAddress(_ text: String) -> Bool {
    var address = in6_addr()
    return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1
  }
}

extension NodeService {
  static func openProxy(
    _ configuration: Configuration, network: NetworkIsolation, secrets: AgentSecrets, logger: Logger
  ) throws -> ProxyControl {
    let layout = configuration.layout
    var settings = NodeProxyLayout(layout, serviceAddress: network.plan.serviceAddress)
    settings.trustDomain = configuration.trustDomain
    settings.hostRoots = configuration.upstream.authorities
    settings.resolver = configuration.upstream.server.map { NodeProxyLayout.Resolver(address: $0) }
    return ProxyControl(
      layout: layout, settings: settings,
      apiRules: try apiRules(configuration.authorizationPolicies, domain: configuration.trustDomain),
      driver: EnvoyDriver(
        files: settings.files, admin: EnvoyAdmin(socket: settings.adminSocket),
        logFile: "\(layout.logDirectory)/proxy.log"),
      secrets: secrets,
      resolver: ResolverControl(
        file: layout.resolverTable, address: network.plan.serviceAddress, port: ServicePort.dns.rawValue,
        group: try group(of: InstanceLayout.User.sentinel)),
      logger: logger)
  }

  private static func group(of user: String) throws -> gid_t {
    guard let entry = getpwnam(user) else {
      throw Fault(
        .notFound, operation: "look up user \(user)", reason: "the system has no such user",
        remedy: "run scripts/setup")
    }
    return entry.pointee.pw_gid
  }
}
