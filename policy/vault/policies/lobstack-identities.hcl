# What the operator of a cluster may do: say which service account is which agent, and take that back. It reads no
# secret and sets none.

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

# The accessor of the mount, which names it in aliases.
path "sys/auth/kubernetes" {
  capabilities = ["read", "sudo"]
}

# What only a deleted agent could read is destroyed with it.
path "secret/metadata/lobstack/agent/*" {
  capabilities = ["list", "delete"]
}

path "auth/token/lookup-self" {
  capabilities = ["read"]
}

path "auth/token/revoke-self" {
  capabilities = ["update"]
}
