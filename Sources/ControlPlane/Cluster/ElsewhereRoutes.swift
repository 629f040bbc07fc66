import AgentModel
import Faults
import HTTPTypes
import Hummingbird

/// What one machine's control plane does, and a cluster's leaves to the cluster's own tools: each such route says to
/// which.
private let elsewhere: [(path: String, methods: [HTTPRequest.Method], remedy: String)] = [
  ("/v1/alerts", [.post], "use 'kubectl events --for agent/AGENT --namespace NAMESPACE'"),
  ("/v1/denials", [.post], "see GET /v1/denials: the logs of gateways and name servers are read"),
  ("/v1/admission", [.get], "use 'kubectl get constraints'"),
  (
    "/v1/admission/review", [.post], "use 'kubectl apply --dry-run=server', or 'lobstack admission review --policy DIR'"
  ),
  ("/v1/audit", [.post], "see the API server's audit log for what is done to OpenBao's Pods, and OpenBao's own"),
  (
    "/v1/audit/archives", [.post],
    "set 'recorder.archive' of the values: the recorder archives by itself"
  ),
  ("/v1/tokens", [.get, .post], "use 'kubectl create token ACCOUNT --audience lobstack', and RoleBindings"),
  ("/v1/tokens/{id}", [.delete], "delete the service account, or its RoleBinding"),
  ("/v1/verifications", [.get], "run 'lobstack verify --target kubernetes'"),
  ("/v1/verifications/{id}", [.get, .put], "run 'lobstack verify --target kubernetes'"),
  ("/v1/reports/soc2", [.get], "run 'lobstack verify --target kubernetes'"),
  ("/v1/backups", [.post], "back up etcd, OpenBao and the agents' volumes by their own means"),
  ("/v1/tenants/{tenant}/secrets/{secret}", [.put, .delete], "use 'bao kv put' and 'bao kv delete' in OpenBao"),
  ("/metrics", [.get], "scrape the port 'metrics' of the control plane's Pods"),
  (RouteTable.revocationList, [.get], "see cert-manager for the certificates of the cluster"),
  ("/v1/trust-bundle", [.get], "see the mesh, or cert-manager, for the roots of the cluster"),
]

func addElsewhereRoutes(to router: Router<APIContext>) {
  for (path, methods, remedy) in elsewhere {
    for method in methods {
      router.on("\(path)", method: method) { request, context -> Response in
        throw HTTPFault(
          status: .notImplemented,
          fault: Fault(
            .unsupported, operation: "answer \(method) \(request.uri.path.prefix(200))",
            reason: "the control plane of a cluster does not have that", remedy: remedy))
      }
    }
  }
}
