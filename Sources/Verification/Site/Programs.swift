/// The programs of others that a run of verify uses: those that the platform under test was started with.
package struct Programs: Sendable {
  /// Path of runsc; a bare name is looked up.
  package var runtime: String
  /// Of the second platform; `nil` takes the one of PATH, or the pinned one.
  package var envoy: String?
  package var openBao: String?

  package init(runtime: String = "runsc", envoy: String? = nil, openBao: String? = nil) {
    self.runtime = runtime
    self.envoy = envoy
    self.openBao = openBao
  }

  /// As options of `lobstack up`.
  var arguments: [String] {
    ["--runsc", runtime] + (envoy.map { ["--envoy", $0] } ?? []) + (openBao.map { ["--openbao", $0] } ?? [])
  }
}
