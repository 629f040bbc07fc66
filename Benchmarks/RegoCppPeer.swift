import ChildProcess
import Foundation
import TestSupport

/// rego-cpp 1.5.2, from the pinned wheel `regopy`, in a Python process for each policy: it crashes on some.
enum RegoCppPeer {
  private static let wheel = PinnedWheel(
    "regopy==1.5.2", digest: "c1a92eab90592d7926d72d082a4b5fb9c968cbf6332406d28c3e96079ae97a26", python: "3.11",
    platform: "manylinux_2_34_x86_64")

  /// Compiles the policy once; then sets the input, asks, and reads the answer, over and over.
  private static let script = """
    ctypes, json, sys, time = map(__import__, ["ctypes", "json", "sys", "time"])
    job = json.load(open(sys.argv[1]))
    sys.path.insert(0, sys.argv[2])
    regopy = __import__("regopy.rego_shared")
    set_input = regopy.rego_shared.rego.regoSetInputJSON
    set_input.argtypes, set_input.restype = [ctypes.c_void_p, ctypes.c_char_p], ctypes.c_uint32
    interpreter = regopy.Interpreter()
    for name, text in job["modules"]:
        interpreter.add_module(name, text)
    bundle = interpreter.build(None, [job["entry"]])
    text = job["input"].encode()
    times = []
    for _ in range(job["rounds"]):
        start = time.perf_counter_ns()
        if set_input(interpreter._impl, text) != 0:
            sys.exit(1)
        str(interpreter.query_bundle_entrypoint(bundle, job["entry"]))
        times.append(time.perf_counter_ns() - start)
    print(json.dumps(times))
    """

  private struct Job: Encodable {
    var modules: [[String]]
    var entry: String
    var input: String
    var rounds: Int
  }

  /// How long it takes; `nil` when it has no answer.
  static func times(_ policy: ModernPolicy, input: String, rounds: Int) async throws -> [Duration]? {
    let wheel = try await wheel.directory(named: "lobstack-regopy")
    let directory = try ScratchDirectory()
    defer { directory.remove() }
    let job = Job(
      modules: policy.modules.map { [$0.name, $0.text] }, entry: policy.rule.replacing(".", with: "/"), input: input,
      rounds: rounds)
    try JSONEncoder().encode(job).write(to: URL(filePath: "\(directory.path)/job.json"))
    let command = Command("python3", ["-c", script, "\(directory.path)/job.json", wheel])
    guard let text = try? await command.check(timeout: .seconds(120)) else { return nil }
    return try JSONDecoder().decode([Int].self, from: Data(text.utf8)).map { .nanoseconds($0) }
  }
}
