import APIModel
import ArgumentParser
import Faults
import Foundation

/// The exit code of a program that ran in an agent, passed on unchanged.
struct ProgramExit: Error {
  var code: Int32
}

/// The platform was asked how it does, and told that it does not do well.
struct Degraded: Error {
  /// 1 for degraded, 3 for not running.
  var code: Int32
}

/// How a command that failed tells so and leaves.
struct Failure {
  private let error: any Error

  init(_ error: any Error) { self.error = error }

  func leave(arguments: [String]) -> Never {
    switch error {
    case let exit as ProgramExit: Foundation.exit(exit.code)
    case let state as Degraded: Foundation.exit(state.code)
    case let fault as Fault:
      write(Self.text(fault, asJSON: Self.wantsJSON(arguments)))
      Foundation.exit(Self.exitCode(fault))
    case is CancellationError: Foundation.exit(130)
    default: leaveByParser()
    }
  }

  /// Wrong usage is 2 here, where ArgumentParser has the 64 of sysexits.h.
  private func leaveByParser() -> Never {
    let code = Lobstack.exitCode(for: error)
    if code == .validationFailure {
      write(Lobstack.fullMessage(for: error))
      Foundation.exit(2)
    }
    if code.isSuccess { Lobstack.exit(withError: error) }
    write("error: \(Lobstack.message(for: error))")
    Foundation.exit(code.rawValue)
  }

  static func exitCode(_ fault: Fault) -> Int32 { fault.code == .unavailable ? 3 : 1 }

  static func text(_ fault: Fault, asJSON: Bool) -> String {
    // A fault always encodes; the plain form below says the same if it ever did not.
    if asJSON, let bytes = try? APIJSON.encode(fault, pretty: true) { return String(decoding: bytes, as: UTF8.self) }
    let cause = fault.cause.map { " (cause: \($0))" } ?? ""
    return "error: cannot \(fault.operation): \(fault.reason)\(cause)\nremedy: \(fault.remedy)"
  }

  private func write(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

  /// Looked up in the raw arguments, because a failure can come before they are parsed.
  static func wantsJSON(_ arguments: [String]) -> Bool {
    let own = Array(arguments.prefix { $0 != "--" })
    if own.contains(where: { ["-ojson", "-o=json", "--output=json"].contains($0) }) { return true }
    return zip(own, own.dropFirst()).contains { ["-o", "--output"].contains($0) && $1 == "json" }
  }
}
