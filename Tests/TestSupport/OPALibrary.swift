import Foundation

/// OPA 1.20.2 as a shared library, from the pinned wheel `opa-golib-python-bindings`, fetched once and kept for later
/// runs. `LOBSTACK_OPA_BRIDGE` names another.
package enum OPALibrary {
  package static let missing =
    "opa-golib-python-bindings 0.4.4 cannot be fetched: it needs pip3, glibc 2.34 or newer, x86-64, and PyPI"

  /// It asks for a Python that Debian 12 has not; its library asks for none.
  private static let wheel = PinnedWheel(
    "opa-golib-python-bindings==0.4.4", digest: "d411c901e14b8c7c3023e23e4a944f4cf429c1d31baf80e959e57d11efbfd24a",
    python: "3.14")

  /// CI sets REQUIRE_PYPI_TESTS, so that a missing one fails instead of being skipped.
  package static func isThere() async -> Bool {
    if ProcessInfo.processInfo.environment["REQUIRE_PYPI_TESTS"] == "1" { return true }
    return (try? await path()) != nil
  }

  /// Fetches it if need be.
  package static func path() async throws -> String {
    if let named = ProcessInfo.processInfo.environment["LOBSTACK_OPA_BRIDGE"], !named.isEmpty { return named }
    return try await wheel.directory(named: "lobstack-opa") + "/opa_bindings/libopabridge.so"
  }
}
