import AgentModel
import Documents

/// What an agent takes of a node beside what its tier says: its gateway's Pod, and the sandbox itself. A quota has to have
/// room for it.
enum AgentShare {
  static let envoy = ResourceRequirements(
    requests: ["cpu": "25m", "memory": "64Mi"], limits: ["cpu": "500m", "memory": "\(PairedGatewayLayout.memory)"])

  /// Of the proxy that Istio puts beside the gateway's Envoy, whose own defaults are another program's to choose.
  static let proxy = ResourceRequirements(
    requests: ["cpu": "25m", "memory": "64Mi"], limits: ["cpu": "500m", "memory": "256Mi"])

  /// Of gVisor, which a quota counts for requests and for limits.
  static let overhead = ["cpu": "100m", "memory": "64Mi"]

  /// By which Istio's injector gives its proxy these sizes.
  static let proxyAnnotations = [
    "sidecar.istio.io/proxyCPU": proxy.requests["cpu"] ?? "",
    "sidecar.istio.io/proxyCPULimit": proxy.limits["cpu"] ?? "",
    "sidecar.istio.io/proxyMemory": proxy.requests["memory"] ?? "",
    "sidecar.istio.io/proxyMemoryLimit": proxy.limits["memory"] ?? "",
  ]

  /// - Returns: thousandths of a CPU and bytes, for one agent.
  static func requests(_ profile: Values.Profile) -> (cpu: Int, memory: Int64) {
    sum([envoy.requests, overhead] + (profile == .full ? [proxy.requests] : []))
  }

  static func limits(_ profile: Values.Profile) -> (cpu: Int, memory: Int64) {
    sum([envoy.limits, overhead] + (profile == .full ? [proxy.limits] : []))
  }

  private static func sum(_ parts: [[String: String]]) -> (cpu: Int, memory: Int64) {
    parts.reduce((0, 0)) { total, part in
      (
        total.cpu + thousandths(part["cpu"] ?? ""), total.memory + Int64(ByteSize(part["memory"] ?? "")?.bytes ?? 0)
      )
    }
  }

  /// Of a CPU, of what the values file takes: `2`, or `500m`.
  static func thousandths(_ cpu: String) -> Int {
    cpu.hasSuffix("m") ? Int(cpu.dropLast()) ?? 0 : (Int(cpu) ?? 0) * 1000
  }
}
