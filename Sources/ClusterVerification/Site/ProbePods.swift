import AgentModel
import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering

/// The documents of the probes.
struct ProbePods {
  let site: ClusterSite

  static let port: UInt16 = 8080
  static let program = "/usr/bin/lobstack"

  /// A probe that is an agent: the operator makes what belongs to it.
  ///
  /// - Parameter response: to an alert of priority CRITICAL.
  func agent(_ name: String, _ plan: ProbePlan, response: AgentResponse = .alert) throws -> KubernetesObject {
    var agent = KubernetesObject(fields: [
      "apiVersion": "lobstack.dev/v1", "kind": "Agent",
      "spec": [
        "image": .string("docker://\(site.values.images.lobstack)"),
        "command": [.string(Self.program), "probe", .string(try plan.argument)],
        "ports": ["probe": .int(Int(Self.port))], "egress": [["host": .string(AttackTargets.allowedHost)]],
        "env": [ProbeSearch.variable: .string(plan.canary)], "workspace": ["size": "16Mi"], "restartPolicy": "Never",
        "response": .string(response.rawValue),
      ],
    ])
    agent.name = name
    agent.namespace = site.namespace
    return site.mark.mark(agent)
  }

  /// The same program where nothing holds it but Pod Security, in a sandbox or outside of one.
  ///
  /// - Parameter seccomp: its profile.
  func bare(
    _ name: String, _ plan: ProbePlan, isSandboxed: Bool, resources: JSON = usual,
    seccomp: JSON = ["type": "RuntimeDefault"]
  ) throws -> KubernetesObject {
    try pod(
      name, in: site.bareNamespace, plan, runtime: isSandboxed ? "gvisor" : nil, resources: resources,
      pod: [
        "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "seccompProfile": seccomp,
      ],
      container: [
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": ["drop": ["ALL"]],
      ])
  }

  /// The same program with what agents do not have: root, a root file system to write to, a file of the host, a token. The
  /// token is of an account without rights.
  ///
  /// - Parameter neighbour: of a second program, whose processes it sees.
  func open(_ name: String, _ plan: ProbePlan, beside neighbour: ProbePlan) throws -> KubernetesObject {
    let neighbourArgument = try neighbour.argument
    var object = try pod(
      name, in: site.openNamespace, plan, runtime: "gvisor", pod: ["runAsUser": 0], container: ["runAsUser": 0])
    object.change("spec") { spec in
      spec["automountServiceAccountToken"] = true
      spec["volumes"] = [["name": "host", "hostPath": ["path": "/etc/machine-id", "type": "File"]]]
    }
    object.changeContainer { container in
      container["volumeMounts"] = [["name": "host", "mountPath": "/host/machine-id", "readOnly": true]]
    }
    object.change("spec") { spec in
      spec["shareProcessNamespace"] = true
      // It begins before, and runs on beside it; the log of the Pod is the other's.
      spec["initContainers"] = [
        [
          "name": "neighbour", "image": .string(site.values.images.lobstack), "restartPolicy": "Always",
          "command": [.string(Self.program)], "args": ["probe", .string(neighbourArgument)],
          "env": [["name": .string(ProbeSearch.variable), "value": .string(neighbour.canary)]],
          "resources": Self.usual, "securityContext": ["runAsUser": 0],
        ]
      ]
    }
    return object
  }

  /// The same program outside of gVisor, with root and the capabilities for packets of its own.
  func unsandboxed(_ name: String, _ plan: ProbePlan) throws -> KubernetesObject {
    try pod(
      name, in: site.openNamespace, plan, runtime: nil, pod: ["runAsUser": 0],
      container: ["runAsUser": 0, "capabilities": ["add": ["NET_RAW", "NET_ADMIN"]]])
  }

  static let usual: JSON = [
    "requests": ["cpu": "10m", "memory": "64Mi"], "limits": ["cpu": "500m", "memory": "256Mi"],
  ]

  private func pod(
    _ name: String, in namespace: String, _ plan: ProbePlan, runtime: String?, resources: JSON = usual, pod: JSON,
    container: JSON
  ) throws -> KubernetesObject {
    var object = KubernetesObject(fields: [
      "apiVersion": "v1", "kind": "Pod",
      "spec": [
        "serviceAccountName": .string(ClusterSite.account), "automountServiceAccountToken": false,
        "enableServiceLinks": false, "restartPolicy": "Never", "terminationGracePeriodSeconds": 1,
        // The node ends it, whoever else is gone by then.
        "activeDeadlineSeconds": .int(Int(RunMark.longestRun.components.seconds)), "securityContext": pod,
        "containers": [
          [
            "name": "probe", "image": .string(site.values.images.lobstack), "command": [.string(Self.program)],
            "args": ["probe", .string(try plan.argument)],
            "env": [["name": .string(ProbeSearch.variable), "value": .string(plan.canary)]], "resources": resources,
            "securityContext": container,
          ]
        ],
      ],
    ])
    object.name = name
    object.namespace = namespace
    if let runtime { object.change("spec") { $0["runtimeClassName"] = .string(runtime) } }
    return site.mark.mark(object)
  }
}

extension KubernetesObject {
  /// Changes a member that is an object.
  mutating func change(_ key: String, _ body: (inout JSON) -> Void) {
    var value = fields[key] ?? [:]
    body(&value)
    fields[key] = value
  }

  /// Changes the Pod's first container.
  mutating func changeContainer(_ body: (inout JSON) -> Void) {
    change("spec") { spec in
      guard var containers = spec["containers"]?.array, var first = containers.first else { return }
      body(&first)
      containers[0] = first
      spec["containers"] = .array(containers)
    }
  }
}
