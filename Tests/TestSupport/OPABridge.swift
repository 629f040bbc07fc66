import Foundation
import Glibc

/// What OPA says against a policy or an evaluation, or that it cannot be asked.
package struct OPAFailure: Error, CustomStringConvertible {
  package let description: String

  init(_ description: String) { self.description = description }
}

/// The real OPA, in this process, by the shared library of `OPALibrary`.
package final class OPABridge {
  private typealias New = @convention(c) () -> UInt64
  private typealias Call =
    @convention(c) (UInt64, UnsafePointer<CChar>, UnsafePointer<CChar>) -> UnsafeMutableRawPointer?
  private typealias Evaluate =
    @convention(c) (
      UInt64, UnsafePointer<CChar>, UnsafePointer<CChar>, Int32, Int32
    ) -> UnsafeMutableRawPointer?
  private typealias Free = @convention(c) (UnsafeMutableRawPointer?) -> Void
  private typealias Destroy = @convention(c) (UInt64) -> Void

  private let handle: UInt64
  private let addPolicy: Call
  private let addData: Call
  private let evaluateDocument: Evaluate
  private let free: Free
  private let destroy: Destroy

  /// - Parameter path: of the library.
  package init(_ path: String) throws {
    guard let library = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
      throw OPAFailure("\(path) cannot be loaded: \(String(cString: dlerror()))")
    }
    func symbol<Function>(_ name: String, _ type: Function.Type) throws -> Function {
      guard let found = dlsym(library, name) else { throw OPAFailure("\(path) has no \(name)") }
      return unsafeBitCast(found, to: type)
    }
    addPolicy = try symbol("OpaAddPolicy", Call.self)
    addData = try symbol("OpaAddData", Call.self)
    evaluateDocument = try symbol("OpaEvalDocument", Evaluate.self)
    free = try symbol("OpaFreeString", Free.self)
    destroy = try symbol("OpaDestroy", Destroy.self)
    handle = try symbol("OpaNew", New.self)()
  }

  deinit { destroy(handle) }

  /// - Parameter text: Rego of version 1.
  package func add(_ name: String, _ text: String) throws { _ = try answer(addPolicy(handle, name, text)) }

  /// - Returns: JSON with the result.
  package func evaluate(_ document: String, input: String) throws -> String {
    try answer(evaluateDocument(handle, document, input, 0, 0))
  }

  private func answer(_ pointer: UnsafeMutableRawPointer?) throws -> String {
    guard let pointer else { throw OPAFailure("OPA answered nothing") }
    defer { free(pointer) }
    let text = String(cString: pointer.assumingMemoryBound(to: CChar.self))
    if text.contains("\"error\":{") { throw OPAFailure("OPA: \(text.prefix(400))") }
    return text
  }
}
