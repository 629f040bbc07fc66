import Admission
import Foundation
import Rego
import TestSupport

/// Decisions of the shipped policies about a Pod of 3 kB and one of 200 kB: by ours, and by the real OPA with the same
/// policies in this process, one after the other.
enum AdmissionBenchmark {
  private static let five = [
    "required-labels", "no-privileged-containers", "required-resources", "run-as-non-root", "no-latest-tag",
  ]
  /// Fewer of what takes long.
  private static func rounds(_ pod: String) -> Int { pod.utf8.count > 100_000 ? 60 : 3_000 }

  static func run() async throws -> [Row] {
    let directory = "\(FileManager.default.currentDirectoryPath)/policy/gatekeeper"
    let files = try PolicyDirectory.read(directory)
    let fiveFiles = files.filter { file in five.contains { file.path.hasSuffix("/\($0).yaml") } }
    let library = try? await OPALibrary.path()  // none: the table says so
    var rows: [Row] = []
    for (size, pod) in [("3 kB", pod(containers: 1, variables: 22)), ("200 kB", pod(containers: 20, variables: 105))] {
      rows += try measure(
        "5 policies, Pod of \(size)", fiveFiles, pod, library, goal: size == "3 kB" ? "p99 0.20 ms, 0.20" : "")
      rows += try measure("16 policies, Pod of \(size)", files, pod, library)
    }
    rows.append(try cold(fiveFiles, pod(containers: 1, variables: 22), library))
    if let others = ProcessInfo.processInfo.environment["LOBSTACK_GATEKEEPER_LIBRARY"], !others.isEmpty {
      rows += try measureLibrary(others)
    }
    return rows
  }

  // MARK: Warm

  private static func measure(
    _ what: String, _ files: [PolicyFile], _ pod: String, _ library: String?, goal: String = ""
  ) throws -> [Row] {
    let policies = try PolicySet(files)
    let review = try Review.of(Value(json: pod))
    guard policies.review(review, at: .validation, now: 0).isAllowed else {
      throw BenchmarkFailure("the Pod is denied")
    }
    let opa = try opa(files, library)
    var (whole, alone, theirs) = ([Duration](), [Duration](), [Duration]())
    let input =
      #"{"review": {"kind": {"group": "", "version": "v1", "kind": "Pod"}, "name": "p", "namespace": "n", "#
      + #""operation": "CREATE", "object": \#(pod)}, "parameters": {}}"#
    // In turns, so that a busy machine is busy for all; each long enough to be warm, and with a pause before it, in
    // which OPA's garbage is collected.
    let turn = rounds(pod) / 10
    for _ in 0..<10 {
      usleep(20_000)
      for _ in 0..<turn {
        whole.append(try time { _ = policies.review(try Review.of(Value(json: pod)), at: .validation, now: 0) })
      }
      for _ in 0..<turn { alone.append(time { _ = policies.review(review, at: .validation, now: 0) }) }
      guard let opa else { continue }
      for _ in 0..<turn {
        theirs.append(
          try time { for package in opa.packages { _ = try opa.bridge.evaluate("\(package).violation", input: input) } }
        )
      }
    }
    guard opa != nil else {
      return [
        Row(what: "\(what), object to decision", figure: Row.text(Samples(whole)), peer: "OPA: not here", goal: goal),
        Row(what: "\(what), evaluation alone", figure: Row.text(Samples(alone))),
      ]
    }
    return [
      .compare("\(what), object to decision", Samples(whole), "OPA", Samples(theirs), goal: goal),
      .compare("\(what), evaluation alone", Samples(alone), "OPA with its input's JSON", Samples(theirs)),
    ]
  }

  private static func measureLibrary(_ directory: String) throws -> [Row] {
    let names = FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String }.sorted() ?? []
    var files: [PolicyFile] = []
    for name in names where name.hasSuffix("/template.yaml") {
      let folder = (name as NSString).deletingLastPathComponent
      guard
        let constraint = names.first(where: { $0.hasPrefix("\(folder)/samples/") && $0.hasSuffix("/constraint.yaml") })
      else { continue }
      files += try [name, constraint].map {
        PolicyFile(path: $0, text: try PolicyDirectory.text(of: "\(directory)/\($0)"))
      }
    }
    let policies = try PolicySet(files)
    return try [("3 kB", pod(containers: 1, variables: 22)), ("200 kB", pod(containers: 20, variables: 105))].map {
      size, pod in
      var whole: [Duration] = []
      for _ in 0..<rounds(pod) {
        whole.append(try time { _ = policies.review(try Review.of(Value(json: pod)), at: .validation, now: 0) })
      }
      return Row(
        what: "\(policies.templates.count) templates of the library, Pod of \(size), object to decision",
        figure: Row.text(Samples(whole)))
    }
  }

  // MARK: Cold

  private static func cold(_ files: [PolicyFile], _ pod: String, _ library: String?) throws -> Row {
    var (ours, theirs) = ([Duration](), [Duration]())
    for _ in 0..<20 {
      ours.append(
        try time { _ = try PolicySet(files).review(try Review.of(Value(json: pod)), at: .validation, now: 0) })
      theirs.append(
        try time {
          guard let opa = try opa(files, library) else { return }
          let input = #"{"review": {"object": \#(pod)}, "parameters": {}}"#
          for package in opa.packages { _ = try opa.bridge.evaluate("\(package).violation", input: input) }
        })
    }
    return .compare("5 policies, from text to the first decision", Samples(ours), "OPA", Samples(theirs))
  }

  private static func time(_ body: () throws -> Void) rethrows -> Duration {
    let start = ContinuousClock.now
    try body()
    return .now - start
  }

  // MARK: OPA

  private struct Peer {
    var bridge: OPABridge
    var packages: [String]
  }

  /// OPA with the Rego of the templates, libraries included.
  private static func opa(_ files: [PolicyFile], _ library: String?) throws -> Peer? {
    guard let library else { return nil }
    let bridge = try OPABridge(library)
    var packages: [String] = []
    for file in files where file.path.contains("/templates/") {
      // Each template has libraries of its own.
      let own = "p\(packages.count)"
      for (index, text) in regoTexts(file.text).enumerated() {
        let text = modern(text).replacing("lib.containers", with: "lib\(own).containers")
        try bridge.add("\(file.path)-\(index)", text)
        if index == 0 {
          let name = text.split(separator: "\n").first { $0.hasPrefix("package ") }?.dropFirst(8) ?? ""
          packages.append(String(name))
        }
      }
    }
    return Peer(bridge: bridge, packages: packages)
  }

  /// The blocks of text below `rego:` and `libs:`.
  private static func regoTexts(_ template: String) -> [String] {
    var texts: [String] = []
    var indent: Int?
    for line in template.split(separator: "\n", omittingEmptySubsequences: false) {
      let depth = line.prefix { $0 == " " }.count
      if let own = indent, line.isEmpty || depth >= own {
        texts[texts.count - 1] += String(line.dropFirst(own)) + "\n"
      } else if line.hasSuffix(": |") || line.hasSuffix("- |") {
        texts.append("")
        indent = depth + 2
      } else {
        indent = nil
      }
    }
    return texts.filter { $0.contains("package ") }
  }

  /// Rego of version 0 in the words of version 1, as far as heads go.
  private static func modern(_ text: String) -> String {
    var lines: [String] = []
    for line in text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      let isHead = !line.hasPrefix(" ") && line.hasSuffix("{") && !line.hasSuffix("= {")
      if line.hasPrefix("package ") {
        lines += [line]
      } else if isHead, let found = line.wholeMatch(of: #/(\w+)\[(.+)\] \{/#) {
        lines.append("\(found.1) contains \(found.2) if {")
      } else if isHead, line.hasPrefix("}") {
        lines.append(line.replacing(#/ = (.+) \{/#) { " := \($0.1) if {" }.replacing("} else {", with: "} else if {"))
      } else if isHead {
        let head = String(line.dropLast(2))
        lines.append((head.replacing(#/^(\w+(?:\(.*\))?) = /#) { "\($0.1) := " }) + " if {")
      } else {
        lines.append(line)
      }
    }
    return lines.joined(separator: "\n")
  }

  // MARK: Objects

  private static func pod(containers: Int, variables: Int) -> String {
    let names = (0..<containers).map { container in
      let env = (0..<variables).map {
        #"{"name": "VARIABLE_\#($0)", "value": "a value of a variable of the container, number \#($0)"}"#
      }.joined(separator: ",")
      return
        #"{"name": "c\#(container)", "image": "registry.example:5000/agents/agent:1.\#(container)", "env": [\#(env)], "#
        + #""resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}}, "#
        + #""securityContext": {"allowPrivilegeEscalation": false, "privileged": false, "readOnlyRootFilesystem": true, "#
        + #""capabilities": {"drop": ["ALL"]}}}"#
    }.joined(separator: ",")
    return #"{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n", "labels": {"#
      + #""app.kubernetes.io/name": "p", "app.kubernetes.io/part-of": "lobstack", "lobstack.dev/agent": "true", "#
      + #""lobstack.dev/tenant": "n"}}, "spec": {"runtimeClassName": "gvisor", "automountServiceAccountToken": false, "#
      + #""securityContext": {"runAsNonRoot": true, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}, "#
      + #""containers": [\#(names)]}}"#
  }
}
