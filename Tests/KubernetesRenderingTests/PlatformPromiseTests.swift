import Blueprint
import KubernetesRendering
import Manifests
import Testing

/// What holds of everything that is rendered, whoever renders it.
@Suite("Everything that is rendered for a cluster") struct PlatformPromiseTests {
  @Test("is the same for the same values, and no object is there twice", arguments: Rendering.profiles)
  func deterministic(profile: Values.Profile) throws {
    let (one, other) = (try Rendering(profile), try Rendering(profile))
    #expect(one.manifests.files.map(\.path) == other.manifests.files.map(\.path))
    for (file, again) in zip(one.manifests.files, other.manifests.files) { #expect(try file.text() == again.text()) }
    let names = one.objects.map { "\($0.apiVersion) \($0.kind) \($0.namespace ?? "")/\($0.name)" }
    #expect(Set(names).count == names.count && Set(one.manifests.files.map(\.path)).count == one.manifests.files.count)
    #expect(!names.isEmpty)
  }

  @Test("holds no secret: whoever runs the cluster makes those", arguments: Rendering.profiles)
  func noSecrets(profile: Values.Profile) throws {
    let rendering = try Rendering.standard(profile)
    for object in rendering.objects { #expect(object.kind != "Secret", "\(object)") }
    for file in rendering.manifests.files { #expect(!(try file.text()).contains("PRIVATE KEY-----"), "\(file.path)") }
  }

  @Test("runs nothing that has, or could get, what is root's", arguments: Rendering.profiles)
  func restricted(profile: Values.Profile) throws {
    let rendering = try Rendering.standard(profile)
    #expect(!rendering.workloads.isEmpty)
    for object in rendering.workloads {
      let pod = try #require(object.podTemplate?["spec"])
      #expect(pod["hostNetwork"]?.flag != true && pod["hostIPC"]?.flag != true, "\(object)")
      #expect(pod["securityContext"]?["runAsNonRoot"]?.flag == true, "\(object)")
      #expect(["RuntimeDefault", "Localhost"].contains(pod["securityContext"]?["seccompProfile"]?["type"]?.text))
      for container in object.containers {
        let security = try #require(container["securityContext"], "\(object)")
        #expect(security["allowPrivilegeEscalation"]?.flag == false, "\(object)")
        #expect(security["privileged"]?.flag != true && security["readOnlyRootFilesystem"]?.flag == true, "\(object)")
        #expect(security["capabilities"]?["drop"]?.items.compactMap(\.text) == ["ALL"], "\(object)")
        #expect(security["capabilities"]?["add"] == nil, "\(object)")
      }
    }
  }

  @Test(
    "stands on several machines, counting neither Pods that are replaced nor machines that take none of them",
    arguments: Rendering.profiles)
  func spread(profile: Values.Profile) throws {
    for object in try Rendering.standard(profile).workloads where object.kind == "Deployment" {
      let spread = object.podTemplate?["spec"]?["topologySpreadConstraints"]?.items ?? []
      #expect(
        spread.compactMap { $0["topologyKey"]?.text } == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"])
      for constraint in spread {
        #expect(constraint["matchLabelKeys"]?.items.compactMap(\.text) == ["pod-template-hash"], "\(object)")
        #expect(constraint["nodeTaintsPolicy"]?.text == "Honor", "\(object)")
      }
      let waits = !["admission", "gateway"].contains(object.name)
      #expect(spread.last?["whenUnsatisfiable"]?.text == (waits ? "DoNotSchedule" : "ScheduleAnyway"), "\(object)")
    }
  }

  @Test("is bounded, and says how it does", arguments: Rendering.profiles)
  func bounded(profile: Values.Profile) throws {
    for object in try Rendering.standard(profile).workloads {
      for container in object.containers {
        for kind in ["requests", "limits"] {
          #expect(Set(container["resources"]?[kind]?.texts.keys ?? [:].keys) == ["cpu", "memory"], "\(object) \(kind)")
        }
        let image = try #require(container["image"]?.text)
        // Istio puts its own proxy, with its probes, in the place of this one.
        if image == "auto", container["name"]?.text == "istio-proxy" { continue }
        #expect(image.contains(":") && !image.hasSuffix(":latest"), "\(object): \(image)")
        let isAsked = container["livenessProbe"] != nil && container["readinessProbe"] != nil
        let ends =
          object.kind == "Job"
          || object.podTemplate?["spec"]?["initContainers"]?.items.contains {
            $0["name"]?.text == container["name"]?.text
          } == true
        #expect(isAsked || ends, "\(object)")
      }
    }
  }

  @Test("mounts the token of a service account only where that account may do something", arguments: Rendering.profiles)
  func tokens(profile: Values.Profile) throws {
    let rendering = try Rendering.standard(profile)
    let subjects = rendering.objects.filter { $0.kind.hasSuffix("RoleBinding") }
      .flatMap { $0.body["subjects"]?.items ?? [] }
    for object in rendering.workloads {
      let pod = try #require(object.podTemplate?["spec"])
      // To be said, because what is not said is the service account's to say.
      let isMounted = try #require(pod["automountServiceAccountToken"]?.flag, "\(object)")
      let projected = (pod["volumes"]?.items ?? []).flatMap { $0["projected"]?["sources"]?.items ?? [] }
        .compactMap { $0["serviceAccountToken"] }.filter { $0["audience"] == nil }
      guard isMounted || !projected.isEmpty else { continue }
      let account = pod["serviceAccountName"]?.text
      #expect(
        subjects.contains { $0["name"]?.text == account && $0["namespace"]?.text == object.namespace }, "\(object)")
    }
    for account in rendering.objects where account.kind == "ServiceAccount" {
      #expect(account.body["automountServiceAccountToken"]?.flag == false, "\(account)")
    }
  }

  @Test("may do what is named, and nothing that is called 'all'", arguments: Rendering.profiles)
  func roles(profile: Values.Profile) throws {
    for role in try Rendering.standard(profile).objects where ["Role", "ClusterRole"].contains(role.kind) {
      for rule in role.body["rules"]?.items ?? [] {
        for field in ["apiGroups", "resources", "verbs"] {
          let names = rule[field]?.items.compactMap(\.text) ?? []
          #expect(!names.isEmpty && !names.contains("*"), "\(role): \(field) \(names)")
        }
      }
    }
  }

  @Test("closes the network of every namespace that it puts Pods into", arguments: Rendering.profiles)
  func closed(profile: Values.Profile) throws {
    let rendering = try Rendering.standard(profile)
    let policies = rendering.objects.filter { $0.kind == "NetworkPolicy" }
    let closed = policies.filter { policy in
      policy.spec?["podSelector"]?.texts.isEmpty == true && policy.spec?["ingress"] == nil
        && policy.spec?["egress"] == nil
        && Set(policy.spec?["policyTypes"]?.items.compactMap(\.text) ?? []) == ["Ingress", "Egress"]
    }.compactMap(\.namespace)
    let tenants = rendering.objects.filter { $0.kind == "Namespace" && $0.labels["lobstack.dev/tenant"] != nil }
    #expect(!tenants.isEmpty)
    for namespace in Set(rendering.workloads.compactMap(\.namespace) + tenants.map(\.name)) {
      #expect(closed.contains(namespace), "\(namespace) is open")
    }
    for policy in policies {
      for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
        // The gateway is there for everybody.
        let isPublic = direction == "ingress" && policy.namespace == Values().namespaces.ingress
        for rule in policy.spec?[direction]?.items ?? [] where !(isPublic && rule["ports"] != nil) {
          #expect(rule[peers]?.items.isEmpty == false, "\(policy) opens \(direction) for everybody")
        }
      }
    }
  }

  @Test("lies in namespaces that it makes, all of them 'restricted' but the sentinel's", arguments: Rendering.profiles)
  func namespaces(profile: Values.Profile) throws {
    let rendering = try Rendering.standard(profile)
    let made = rendering.objects.filter { $0.kind == "Namespace" }
    let names = Values().namespaces
    let others = [names.istio, names.gatekeeper, "kube-system"]
    for namespace in made where namespace.name != names.sentinel {
      #expect(namespace.labels["pod-security.kubernetes.io/enforce"] == "restricted", "\(namespace)")
    }
    for object in rendering.objects {
      guard let namespace = object.namespace else { continue }
      #expect((made.map(\.name) + others).contains(namespace), "\(object)")
    }
  }

  @Test("reaches by each Service a port of Pods that are there", arguments: Rendering.profiles)
  func services(profile: Values.Profile) throws {
    let rendering = try Rendering.standard(profile)
    for workload in rendering.workloads {
      let labels = workload.podTemplate?["metadata"]?["labels"]?.texts ?? [:]
      let selector = workload.spec?["selector"]?["matchLabels"]?.texts ?? [:]
      #expect(!selector.isEmpty && selector.allSatisfy { labels[$0.key] == $0.value }, "\(workload)")
    }
    // Of cert-manager are the Pods behind one: the gateway's own test has it that it selects them.
    for service in rendering.objects where service.kind == "Service" && service.name != "acme-solver" {
      let selector = try #require(service.spec?["selector"]?.texts)
      let behind = rendering.workloads.filter { workload in
        let labels = workload.podTemplate?["metadata"]?["labels"]?.texts ?? [:]
        return workload.namespace == service.namespace && selector.allSatisfy { labels[$0.key] == $0.value }
      }
      #expect(!behind.isEmpty, "\(service) selects nothing")
      let ports = behind.flatMap(\.containers).flatMap { $0["ports"]?.items ?? [] }
      for port in service.spec?["ports"]?.items ?? [] {
        let target = try #require(port["targetPort"], "\(service)")
        #expect(
          ports.contains {
            $0["name"]?.text == target.text ?? "-" || $0["containerPort"]?.number == target.number ?? -1
          },
          "\(service): \(target.value)")
      }
    }
  }

  @Test("is of no API that a lean cluster lacks") func lean() throws {
    let lacking = ["istio.io", "gatekeeper.sh", "monitoring.coreos.com"]
    func uses(_ rendering: Rendering) -> [RenderedObject] {
      rendering.objects.filter { object in
        object.isApplied && lacking.contains { object.apiVersion.split(separator: "/")[0].hasSuffix($0) }
      }
    }
    #expect(uses(try Rendering.standard(.lean)).isEmpty)
    #expect(!uses(try Rendering.standard(.full)).isEmpty)
  }
}
