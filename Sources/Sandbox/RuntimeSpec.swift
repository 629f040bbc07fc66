/// The configuration of an OCI bundle, as far as runsc reads it (OCI Runtime Specification 1.0.2, config.md).
struct RuntimeSpec: Codable, Hashable {
  var ociVersion = "1.0.2"
  var process: Process
  var root: Root
  var hostname: String
  var mounts: [Mount]
  var linux: Linux

  struct Process: Codable, Hashable {
    var terminal = false
    var user: User
    var args: [String]
    var env: [String]
    var cwd: String
    var noNewPrivileges: Bool
    var capabilities: Capabilities
    var rlimits: [Limit]
  }

  struct User: Codable, Hashable {
    var uid: UInt32
    var gid: UInt32
  }

  struct Capabilities: Codable, Hashable {
    var bounding: [String]
    var effective: [String]
    var inheritable: [String]
    var permitted: [String]
    var ambient: [String]

    init(_ names: [String]) {
      bounding = names
      effective = names
      inheritable = names
      permitted = names
      ambient = []
    }
  }

  struct Limit: Codable, Hashable {
    var type: String
    var hard: Int64
    var soft: Int64

    init(_ type: String, _ value: Int64) {
      self.type = type
      hard = value
      soft = value
    }
  }

  struct Root: Codable, Hashable {
    var path: String
    var readonly: Bool
  }

  struct Mount: Codable, Hashable {
    var destination: String
    var type: String
    var source: String
    var options: [String]?
  }

  struct Linux: Codable, Hashable {
    var namespaces: [Namespace]
    var cgroupsPath: String
    var resources: Resources?
    var seccomp: Seccomp?
  }

  struct Namespace: Codable, Hashable {
    var type: String
    var path: String?
  }

  struct Resources: Codable, Hashable {
    var memory: Memory
    var cpu: CPU
    var pids: Pids

    struct Memory: Codable, Hashable {
      var limit: Int64
      /// Memory and swap together: equal to `limit`, so that an agent never swaps.
      var swap: Int64
    }

    struct CPU: Codable, Hashable {
      /// Microseconds of CPU time per period.
      var quota: Int64
      var period: UInt64
      var shares: UInt64
    }

    struct Pids: Codable, Hashable {
      var limit: Int64
    }
  }

  /// `LinuxSeccomp` of the OCI specification; the file in `policy/seccomp` has this form.
  struct Seccomp: Codable, Hashable {
    var defaultAction: String
    var architectures: [String]?
    var syscalls: [Rule]

    struct Rule: Codable, Hashable {
      var names: [String]
      var action: String
      var errnoRet: UInt32?
      var args: [Argument]?
    }

    struct Argument: Codable, Hashable {
      var index: UInt32
      var value: UInt64
      var valueTwo: UInt64?
      var op: String
    }
  }
}
