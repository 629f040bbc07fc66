import ChildProcess
import Faults
import Files
import Foundation
import KernelFiles

/// ISO-1, 2, 3, 5, 6: the sandbox itself.
struct IsolationChecks: Sendable {
  let fixtures: Fixtures

  var all: [Check] {
    [
      Check(
        "ISO-1", layer: "isolation", title: "the guest's kernel is gVisor's, not the host's", body: kernel),
      Check(
        "ISO-2", layer: "isolation", title: "the root file system is read-only", body: root),
      Check(
        "ISO-3", layer: "isolation", title: "not root, no capabilities, no way to get them",
        body: privileges),
      Check(
        "ISO-5", layer: "isolation", title: "no file of the host can be reached", body: hostFiles),
      Check(
        "ISO-6", layer: "isolation", title: "no file, process or memory of another agent can be reached",
        body: otherAgents),
    ]
  }

  // MARK: ISO-1

  private func kernel() async throws -> Finding {
    let image = try await fixtures.image.value
    let host = try await Command("uname", ["-r", "-v"]).check().trimmingCharacters(in: .whitespacesAndNewlines)
    let release = try kernelFile("/proc/sys/kernel/osrelease")
      .trimmingCharacters(in: .whitespacesAndNewlines)
    let trial = try await Trial.run("ask for the kernel") {
      let seen = try await Command("chroot", [image, "/bin/uname", "-r", "-v"]).check()
        .trimmingCharacters(in: .whitespacesAndNewlines)
      return seen == host ? .succeeded("a plain chroot sees the host's kernel, \(release)") : .prevented("'\(seen)'")
    } withControl: {
      let target = try await fixtures.first.value
      let result = try await target.run("uname -r -v; cat /proc/version")
      if result.output.contains(release) || result.output.contains(host) {
        return .succeeded("the guest sees the host's kernel: \(result.output.prefix(200))")
      }
      guard result.code == 0, !result.output.isEmpty else { return .unknown("the guest could not be asked") }
      guard let pid = try await target.process(), let executable = HostProcess(pid)?.executable else {
        return .unknown("the sandbox's process was not found")
      }
      guard URL(filePath: executable).lastPathComponent.hasPrefix("runsc") else {
        return .succeeded("process \(pid) on the host is \(executable), not gVisor's runsc")
      }
      let guest = result.output.split(separator: "\n").first ?? ""
      return .prevented("the guest sees '\(guest)'; its process \(pid) on the host is \(executable)")
    }
    return Finding([trial])
  }

  // MARK: ISO-2

  private func root() async throws -> Finding {
    let name = "written-\(fixtures.site.instance)"
    let attack: @Sendable (Target) async throws -> AttackOutcome = { target in
      let result = try await target.run(
        "for d in /probe /bin / /etc; do echo x > $d/\(name) && echo wrote $d; done; true")
      if let file = find(name, in: target.imageDirectories) { return .succeeded("\(file) appeared on the host") }
      guard result.code == 0 else { return .unknown("the script ended with exit code \(result.code)") }
      if result.output.contains("wrote") { return .succeeded("the guest could write: \(result.output.prefix(200))") }
      return .prevented("four writes were refused, and no such file is in the image on the host")
    }
    return Finding([
      try await Trial.run(
        "write to the root file system", withoutControl: { try await attack(fixtures.open.value.target) },
        withControl: { try await attack(fixtures.first.value) })
    ])
  }

  private func find(_ name: String, in directories: [String]) -> String? {
    for directory in directories {
      guard let files = FileManager.default.enumerator(atPath: directory) else { continue }
      for case let path as String in files where path.hasSuffix("/\(name)") || path == name {
        return "\(directory)/\(path)"
      }
    }
    return nil
  }

  // MARK: ISO-3

  private func privileges() async throws -> Finding {
    let owner = try await both("give a file to another user") { target in
      let file = "owned-\(fixtures.site.instance)"
      // By the program itself: what is run from outside has the user that it is given there.
      let output = try await target.runByProgram(": > /workspace/\(file) && chown 4242:4242 /workspace/\(file); id -u")
      guard let status = FileStatus("\(target.workspace)/\(file)") else {
        return .unknown("the file is not on the host")
      }
      guard status.owner == 10001, output.contains("10001") else {
        return .succeeded("on the host the file belongs to uid \(status.owner); the guest said \(output)")
      }
      return .prevented("the guest is uid 10001, and on the host the file stays uid 10001's")
    }
    async let capabilities = both("hold a capability") { target in
      let result = try await target.run("grep -E '^Cap(Prm|Eff|Bnd)' /proc/self/status")
      let values = result.output.split(separator: "\n").compactMap { $0.split(whereSeparator: \.isWhitespace).last }
      guard values.count == 3 else { return .unknown("/proc/self/status names \(values.count) of 3 sets") }
      let held = values.filter { $0.contains { $0 != "0" } }
      return held.isEmpty ? .prevented("permitted, effective and bounding sets are 0") : .succeeded("sets \(held)")
    }
    // One after the other: the program does one thing at a time.
    let namespaces = try await both("make a user namespace") { target in
      // By the program itself: this runsc has no way to put the seccomp filter on what is exec'd from outside.
      let output = try await target.runByProgram("unshare -U true; echo \"rc=$?\"")
      guard output.contains("rc=") else { return .unknown("the program gave no answer") }
      return output.contains("rc=0")
        ? .succeeded("unshare(CLONE_NEWUSER) worked") : .prevented("unshare(CLONE_NEWUSER) is refused to the program")
    }
    async let mounting = exitCode("mount", "mount -t tmpfs none /probe", refused: "mount is refused")
    return Finding(try await [owner, capabilities, namespaces, mounting])
  }

  private func exitCode(_ attack: String, _ script: String, refused: String) async throws -> Trial {
    try await both(attack) { target in
      let result = try await target.run("(\(script)); echo \"rc=$?\"")
      guard result.output.contains("rc=") else { return .unknown("the script did not run to its end") }
      return result.output.contains("rc=0") ? .succeeded("it worked") : .prevented(refused)
    }
  }

  /// The same attack in the open sandbox and in an agent.
  private func both(
    _ attack: String, _ body: @escaping @Sendable (Target) async throws -> AttackOutcome
  ) async throws -> Trial {
    try await Trial.run(
      attack, withoutControl: { try await body(fixtures.open.value.target) },
      withControl: { try await body(fixtures.first.value) })
  }

  // MARK: ISO-5

  private func hostFiles() async throws -> Finding {
    let canary = fixtures.hostCanary
    let trial = try await both("read a file of the host") { target in
      let result = try await target.run(hostFileScript(canary.file))
      if result.output.contains(canary.value) { return .succeeded("the file's content came back") }
      guard let tried = result.output.split(separator: "\n").last(where: { $0.hasPrefix("tried ") }) else {
        return .unknown("the script did not run to its end (exit code \(result.code))")
      }
      guard let status = FileStatus(canary.file) else { return .unknown("the file is not there any more") }
      guard status.links == 1 else { return .succeeded("the file has \(status.links) names now") }
      return .prevented("\(tried) ways, and the file's content never came back")
    }
    return Finding([trial])
  }

  /// Every way to name the file; the last line tells how many were tried.
  private func hostFileScript(_ file: String) -> String {
    """
    cd /workspace; n=0; up=../../../../../../../../../..
    rm -rf l; mkdir l
    ln -s \(file) l/absolute; ln -s $up\(file) l/relative; ln -s /proc/1/root\(file) l/proc; ln \(file) l/hard
    ln -s /proc/self/root/$up l/root
    mknod l/disk b 8 0; mknod l/disk2 b 254 0; mknod l/mem c 1 1
    for p in /host/canary \(file) $up\(file) /workspace/$up\(file) /tmp/$up\(file) /proc/1/root\(file) \\
      /proc/self/root\(file) /proc/1/cwd/$up\(file) /proc/self/cwd/$up\(file) l/absolute l/relative l/proc l/hard \\
      l/root\(file) /dev/fd/../..\(file) /sys/$up\(file); do
      head -c 4096 "$p"; n=$((n+1))
    done 2>/dev/null
    for p in l/disk l/disk2 l/mem /dev/mem /dev/sda /dev/vda /dev/kmem; do head -c 65536 "$p"; n=$((n+1)); done 2>/dev/null | tr -d '\\000'
    for f in /proc/self/fd/* /proc/1/fd/*; do [ -d "$f/" ] && head -c 4096 "$f/$up\(file)"; n=$((n+1)); done 2>/dev/null
    rm -rf l
    echo; echo "tried $n"
    """
  }

  // MARK: ISO-6

  private func otherAgents() async throws -> Finding {
    let trial = try await Trial.run("find what belongs to another agent") {
      try await search(try await fixtures.open.value.target, for: fixtures.hostCanary.neighbour)
    } withControl: {
      let first = try await fixtures.first.value
      return try await search(try await fixtures.second.value, for: first.canary)
    }
    return Finding([trial])
  }

  /// The value is not in the script: it would find itself.
  private func search(_ target: Target, for canary: String) async throws -> AttackOutcome {
    let script = """
      for p in /proc/[0-9]*; do
        for f in environ cmdline; do head -c 65536 $p/$f | tr '\\000' ' '; done
        for d in $p/cwd $p/root/workspace $p/root/tmp $p/root/other; do
          find $d/ -xdev -type f -size -64k -exec head -c 4096 {} \\;
        done
      done 2>/dev/null
      find /workspace /tmp /other /dev/shm -type f -size -64k -exec head -c 4096 {} \\; 2>/dev/null
      for m in /proc/[0-9]*/mem; do dd if=$m of=/tmp/m bs=4096 count=1; done 2>/dev/null
      echo; echo searched $(ls -d /proc/[0-9]* | wc -l) processes
      """
    let result = try await target.run(script)
    if result.output.contains(canary) { return .succeeded("the other's canary came back") }
    guard let end = result.output.split(separator: "\n").last(where: { $0.hasPrefix("searched ") }) else {
      return .unknown("the script did not run to its end (exit code \(result.code))")
    }
    guard result.output.contains(target.canary) else { return .unknown("the search did not even find its own canary") }
    return .prevented("\(end) and every file: its own canary came back, the other's did not")
  }
}
