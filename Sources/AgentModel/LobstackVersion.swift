/// The version of this build.
package enum LobstackVersion {
  package static let current = "0.1.0"
}
