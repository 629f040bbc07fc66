/// Annotation of a Pod: how many processes the agent may run at once (Kubernetes has no field for it).
package let processLimitAnnotation = "lobstack.dev/process-limit"

/// Annotation of a Pod: the size of its workspace, which Kubernetes keeps in the claim.
package let workspaceSizeAnnotation = "lobstack.dev/workspace-size"

/// Annotation of a Pod: what follows a critical alert about it.
package let responseAnnotation = "lobstack.dev/response"

/// Annotation of a Pod: the size that its resources come of, by name.
package let tierAnnotation = "lobstack.dev/tier"

/// Annotations of a ServiceEntry: the secret that the proxy adds to requests to its hosts, the header that carries it,
/// and what stands before it in that header.
package let credentialSecretAnnotation = "lobstack.dev/credential-secret"
package let credentialHeaderAnnotation = "lobstack.dev/credential-header"
package let credentialPrefixAnnotation = "lobstack.dev/credential-prefix"

/// Annotation of a ServiceEntry: from when on its hosts are closed (RFC 3339, UTC).
package let expiryAnnotation = "lobstack.dev/expires"

/// The driver of secrets as files (Secrets Store CSI Driver).
package let secretsVolumeDriver = "secrets-store.csi.k8s.io"
/// The names of the secrets, with commas between them.
package let secretNamesAttribute = "lobstack.dev/secrets"

/// Label of an agent's Pod on a cluster: no policy opens anything for it.
package let quarantineLabel = "lobstack.dev/quarantine"

/// Condition of an Agent on a cluster: what is done about it because of an alert.
package let containedCondition = "Contained"

/// Annotation of an Agent on a cluster: `lastTransitionTime` of the containment after which somebody let it run again. What
/// was done later holds.
package let releaseAnnotation = "lobstack.dev/released-at"

/// Annotation of the Pod that agent-sandbox makes: the uid of the Agent whose it is.
package let agentUIDAnnotation = "lobstack.dev/agent-uid"
