import Admission
import Foundation
import Rego
import TestSupport

/// Decisions about a Pod of 3 kB and one of 200 kB: by ours, and by the real OPA with the same policies in this process,
/// which is given the input as JSON and asked for one policy after the other; and by rego-cpp.
///
/// `LOBSTACK_GATEKEEPER_LIBRARY` names a copy of the public library's folder `library`, which is measured then, too.
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
    var rows: [Row] = []
    for (size, pod) in [("3 kB", pod(containers: 1, variables: 22)), ("200 kB", pod(containers: 20, variables: 105))] {
      rows += try await measure(
        "5 policies, Pod of \(size)", fiveFiles, pod, goal: size == "3 kB" ? "p99 0.20 ms, 0.20" : "")
      rows += try await measure("16 policies, Pod of \(size)", files, pod)
    }
    rows += try await measureRegoCpp(fiveFiles, pod(containers: 1, variables: 22))
    rows.append(try await cold(fiveFiles, pod(containers: 1, variables: 22)))
    if let others = ProcessInfo.processInfo.environment["LOBSTACK_GATEKEEPER_LIBRARY"], !others.isEmpty {
      let files = try libraryFiles(others)
      let count = try PolicySet(files).templates.count
      for (size, pod) in [("3 kB", pod(containers: 1, variables: 22)), ("200 kB", pod(containers: 20, variables: 105))]
      {
        rows += try await measure("\(count) templates of the library, Pod of \(size)", files, pod)
      }
    }
    return rows + (try await WebhookBenchmark.run(pod(containers: 1, variables: 22)))
  }

  // MARK: Warm

  private static func measure(
    _ what: String, _ files: [PolicyFile], _ pod: String, goal: String = ""
  ) async throws -> [Row] {
    let policies = try PolicySet(files)
    let review = try Review.of(Value(json: pod))
    let input = input(pod)
    let modern = ModernPolicy.all(in: files)
    let opa = OPAPeer(try await OPALibrary.path(), modern, input)
    var (whole, alone, theirs) = ([Duration](), [Duration](), [Duration]())
    // In turns, so that a busy machine is busy for all; each long enough to be warm, and with a pause before it, in
    // which OPA's garbage is collected.
    let turn = rounds(pod) / 10
    for _ in 0..<10 {
      usleep(20_000)
      for _ in 0..<turn {
        whole.append(try time { _ = policies.review(try Review.of(Value(json: pod)), at: .validation, now: 0) })
      }
      for _ in 0..<turn { alone.append(time { _ = policies.review(review, at: .validation, now: 0) }) }
      for _ in 0..<turn { theirs.append(try time { try opa.evaluate(input) }) }
    }
    return [
      .compare("\(what), object to decision", Samples(whole), opa.title, Samples(theirs), goal: goal),
      .compare("\(what), evaluation alone", Samples(alone), opa.title, Samples(theirs)),
    ]
  }

  /// One policy after the other, because it crashes on some.
  private static func measureRegoCpp(_ files: [PolicyFile], _ pod: String) async throws -> [Row] {
    var rows: [Row] = []
    var refused: [String] = []
    for policy in ModernPolicy.all(in: files) {
      guard let theirs = try await RegoCppPeer.times(policy, input: input(pod), rounds: rounds(pod)) else {
        refused.append(policy.name)
        continue
      }
      let policies = try PolicySet(files.filter { $0.path.hasSuffix("/\(policy.name).yaml") })
      let ours = try (0..<rounds(pod)).map { _ in
        try time { _ = policies.review(try Review.of(Value(json: pod)), at: .validation, now: 0) }
      }
      rows.append(.compare("\(policy.name), object to decision", Samples(ours), "rego-cpp", Samples(theirs)))
    }
    if !refused.isEmpty {
      rows.append(Row(what: "rego-cpp crashes, or has no answer", figure: refused.joined(separator: ", ")))
    }
    return rows
  }

  private static func input(_ pod: String) -> String {
    #"{"review": {"kind": {"group": "", "version": "v1", "kind": "Pod"}, "name": "p", "namespace": "n", "#
      + #""operation": "CREATE", "object": \#(pod)}, "parameters": {}}"#
  }

  /// Each template of a copy of the public library, with the constraint of its first sample.
  private static func libraryFiles(_ directory: String) throws -> [PolicyFile] {
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
    return files
  }

  // MARK: Cold

  private static func cold(_ files: [PolicyFile], _ pod: String) async throws -> Row {
    let library = try await OPALibrary.path()
    let modern = ModernPolicy.all(in: files)
    var (ours, theirs) = ([Duration](), [Duration]())
    for _ in 0..<20 {
      ours.append(
        try time { _ = try PolicySet(files).review(try Review.of(Value(json: pod)), at: .validation, now: 0) })
      theirs.append(time { _ = OPAPeer(library, modern, input(pod)) })
    }
    return .compare("5 policies, from text to the first decision", Samples(ours), "OPA", Samples(theirs))
  }

  private static func time(_ body: () throws -> Void) rethrows -> Duration {
    let start = ContinuousClock.now
    try body()
    return .now - start
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
