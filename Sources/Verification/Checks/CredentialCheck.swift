import AgentModel
import Files
import Foundation
import Glibc

/// SEC-2: the key that is added to an agent's requests is nowhere in its sandbox.
struct CredentialCheck: Sendable {
  let fixtures: Fixtures

  var all: [Check] {
    [
      Check(
        "SEC-2", layer: "secrets",
        title: "a key that the proxy adds is not in the agent's environment, files or memory",
        deadline: .seconds(60), body: search)
    ]
  }

  /// Everything that looks like a canary, in whatever the sandbox can read; no canary is in the script itself.
  private static let script = #"""
    look() { tr -c 'a-z0-9-' '\n' | grep -o 'canary-[0-9a-f]*' | grep -E '.{39}' | sort -u; }
    for p in /proc/[0-9]*; do for f in environ cmdline; do head -c 131072 $p/$f; done; done 2>/dev/null |
      look | sed 's/^/environment /'
    for p in /proc/[0-9]*; do
      while read -r range rights rest; do
        case "$rights" in r*) ;; *) continue ;; esac
        case "$rest" in *'/bin/'*|*'/lib'*|*vdso*|*vvar*) continue ;; esac
        start=$((16#${range%-*} / 4096)); end=$((16#${range#*-} / 4096))
        [ $((end - start)) -le 16384 ] || end=$((start + 16384))
        dd if=$p/mem bs=4096 skip=$start count=$((end - start))
      done < $p/maps
    done 2>/dev/null | look | sed 's/^/memory /'
    find /etc /probe /workspace /tmp /vault /vault/secrets /dev/shm -xdev -type f -size -4096k -exec cat {} \; 2>/dev/null |
      look | sed 's/^/files /'
    echo "searched $(ls -d /proc/[0-9]* | wc -l) processes"
    """#

  private func search() async throws -> Finding {
    let key = try await fixtures.key.value
    let target = try await fixtures.first.value
    let trial = try await Trial.run("find the key") {
      // As an agent has its key elsewhere: in its environment.
      let open = try await fixtures.open.value.target
      return try await outcome(of: open, "export API_KEY=\(key)\n" + Self.script, key: key)
    } withControl: {
      try await outcome(of: target, Self.script, key: key)
    }
    var finding = Finding([trial])
    guard finding.verdict == .proven else { return finding }
    guard let file = try holder(of: key) else {
      return Finding(.notTestable, evidence: ["the node proxy does not have the key, so there is nothing to find"])
    }
    guard let status = FileStatus(following: file), status.mode & 0o007 == 0 else {
      return Finding(.failed, evidence: ["\(file) has the key and may be read by everybody"])
    }
    finding.evidence.append("the node proxy has it, in \(file), which root and the proxy's group alone may read")
    return finding
  }

  private func outcome(of target: Target, _ script: String, key: String) async throws -> AttackOutcome {
    let result = try await target.run(script, .seconds(40))
    if result.output.contains(key) { return .succeeded("the key came back") }
    guard let end = result.output.split(separator: "\n").last(where: { $0.hasPrefix("searched ") }) else {
      return .unknown("the script did not run to its end (exit code \(result.code)): \(result.output.suffix(200))")
    }
    let found = ["environment", "files", "memory"].filter { result.output.contains("\($0) \(target.canary)\n") }
    guard found.count >= 2 else { return .unknown("the search did not even find its own canary: \(found)") }
    let memory = found.contains("memory") ? "" : " (gVisor shows no memory of a process)"
    return .prevented(
      "\(end): the agent's own canary came back from \(found.joined(separator: ", ")), the key did not\(memory)")
  }

  /// The file of the node proxy that holds the key.
  private func holder(of key: String) throws -> String? {
    let directory = fixtures.site.platform.proxyFiles
    let files = FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String } ?? []
    return files.map { "\(directory)/\($0)" }.first { path in
      FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self).contains(key) } ?? false
    }
  }
}
