# What the control plane may do: keep secrets that it cannot read, and say who the agents are.

# Set, replace and remove values; never read one.
path "secret/data/lobstack/*" {
  capabilities = ["create", "update", "delete"]
}

path "secret/metadata/lobstack/*" {
  capabilities = ["read", "list", "delete"]
}

# Agents: who they are, and whose tokens count.
path "identity/entity/name" {
  capabilities = ["list"]
}

path "identity/entity/name/lobstack-agent-*" {
  capabilities = ["create", "read", "update", "delete"]

  # Otherwise it could give an entity any policy, and be that entity.
  denied_parameters = {
    "policies" = []
  }
}

path "identity/entity-alias" {
  capabilities = ["create", "update"]
}

path "auth/jwt/config" {
  capabilities = ["read", "create", "update"]
}

# Workspaces: a key for each, destroyed with its agent. The control plane opens none.
path "transit/keys" {
  capabilities = ["list"]
}

path "transit/keys/volume-*" {
  capabilities = ["create", "read", "update", "delete"]
}

# The store's own data key.
path "transit/datakey/plaintext/agent-data" {
  capabilities = ["update"]
}

path "transit/decrypt/agent-data" {
  capabilities = ["update"]
}

path "transit/rewrap/agent-data" {
  capabilities = ["update"]
}

# Checkpoints of the audit log.
path "transit/sign/audit" {
  capabilities = ["update"]
}

# The root of the trust domain signs the control plane's intermediate authority, and nothing else.
path "pki/root/sign-intermediate" {
  capabilities = ["create", "update"]
}

path "pki/cert/ca" {
  capabilities = ["read"]
}

# To see whether what is provisioned here is still so.
path "secret/config" {
  capabilities = ["read"]
}

path "sys/mounts/*" {
  capabilities = ["read"]
}

path "sys/auth/*" {
  capabilities = ["read", "sudo"]
}

path "sys/policies/acl/*" {
  capabilities = ["read"]
}

path "auth/jwt/role/*" {
  capabilities = ["read"]
}

path "auth/platform/role/*" {
  capabilities = ["read"]
}

path "auth/operator/role/*" {
  capabilities = ["read"]
}

path "auth/kubernetes/role/*" {
  capabilities = ["read"]
}

path "transit/config/keys" {
  capabilities = ["read"]
}

path "transit/keys/*" {
  capabilities = ["read"]
}

path "sys/storage/raft/autopilot/state" {
  capabilities = ["read"]
}

path "auth/token/lookup-self" {
  capabilities = ["read"]
}

path "auth/token/revoke-self" {
  capabilities = ["update"]
}
