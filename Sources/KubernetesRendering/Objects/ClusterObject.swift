import Documents

/// An object of a cluster's API as it crosses the wire.
///
/// The types beside this one have the fields that Lobstack writes and no others, so that a field that the API does not
/// know, or that no policy of ours allows, cannot be written.
package protocol ClusterObject: Encodable, Sendable {
  var apiVersion: String { get }
  var kind: String { get }
  var metadata: ObjectMeta { get }
}

extension Pod: ClusterObject {}
extension NetworkPolicy: ClusterObject {}
extension AuthorizationPolicy: ClusterObject {}
extension ServiceEntry: ClusterObject {}
