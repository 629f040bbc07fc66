/// Annotation of a Pod: how many processes the agent may run at once (Kubernetes has no field for it).
package let processLimitAnnotation = "lobstack.dev/process-limit"

/// Annotation of a Pod: the size of its workspace, which Kubernetes keeps in the claim.
package let workspaceSizeAnnotation = "lobstack.dev/workspace-size"
