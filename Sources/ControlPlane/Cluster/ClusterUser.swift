import JSONValues

/// Who a cluster says that a caller is (`authentication/v1` UserInfo).
package struct ClusterUser: Hashable, Sendable {
  /// `alice@example.org`, `system:serviceaccount:ci:deployer`.
  package var name: String
  package var uid: String
  package var groups: [String]
  /// What an authenticator tells beside, for authorizers.
  package var extra: [String: [String]]

  package init(name: String, uid: String = "", groups: [String] = [], extra: [String: [String]] = [:]) {
    self.name = name
    self.uid = uid
    self.groups = groups
    self.extra = extra
  }

  init?(_ json: JSON?) {
    guard let name = json?["username"]?.string, !name.isEmpty else { return nil }
    self.init(
      name: name, uid: json?["uid"]?.string ?? "", groups: json?["groups"]?.array?.compactMap(\.string) ?? [],
      extra: json?["extra"]?.object?.mapValues { $0.array?.compactMap(\.string) ?? [] } ?? [:])
  }
}

extension ClusterUser {
  /// Of tokens that the kubelet had made for a Pod: by the API server's word.
  static let nodeOfToken = "authentication.kubernetes.io/node-name"
  static let podOfToken = "authentication.kubernetes.io/pod-name"

  /// Names who calls: of a service account, which many Pods may have, the Pod.
  var caller: String { extra[Self.podOfToken]?.first.map { "\(name)/\($0)" } ?? name }
}
