/// How programs of a cluster find its recorder.
package enum RecorderLayout {
  /// Whom the tokens have to be for that are shown to it.
  package static let audience = "lobstack-recorder"
}
