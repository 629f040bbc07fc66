import ChildProcess
import Foundation

/// rego-cpp 1.5.2, from the pinned wheel `regopy`, in a Python process for each policy: it crashes on some.
enum RegoCppPeer {
  private static let wheel = "regopy==1.5.2"
  private static let digest = "c1a92eab90592d7926d72d082a4b5fb9c968cbf6332406d28c3e96079ae97a26"

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
    let wheel = try await wheelDirectory()
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

  /// Fetches the wheel if need be.
  private static func wheelDirectory() async throws -> String {
    let directory = FileManager.default.temporaryDirectory.path + "/lobstack-regopy-\(geteuid())-\(digest.prefix(16))"
    if FileManager.default.fileExists(atPath: "\(directory)/complete") { return directory }
    try? FileManager.default.removeItem(atPath: directory)
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try "\(wheel) --hash=sha256:\(digest)\n".write(
      toFile: "\(directory)/requirements.txt", atomically: true, encoding: .utf8)
    try await Command(
      "pip3",
      [
        "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:", "--python-version",
        "3.11", "--platform", "manylinux_2_34_x86_64", "--retries", "10", "--require-hashes", "--dest", directory,
        "--requirement", "\(directory)/requirements.txt",
      ]
    ).check(timeout: .seconds(300))
    let unpack =
      "import glob, sys, zipfile; zipfile.ZipFile(glob.glob(sys.argv[1] + '/*.whl')[0]).extractall(sys.argv[1])"
    try await Command("python3", ["-c", unpack, directory]).check(timeout: .seconds(60))
    try Data().write(to: URL(filePath: "\(directory)/complete"))
    return directory
  }
}
