# What the token of one agent may do. Its entity's metadata, which only the control plane sets, says which agent it is.
# There is no "list": an agent reads what it knows the name of, and learns no other name.

# Its own secrets.
path "secret/data/lobstack/agent/{{identity.entity.metadata.agent_id}}/*" {
  capabilities = ["read"]
}

# The secrets of all agents of its tenant.
path "secret/data/lobstack/tenant/{{identity.entity.metadata.tenant}}/*" {
  capabilities = ["read"]
}

# The key of its workspace, which is another one for each life of an agent.
path "transit/encrypt/volume-{{identity.entity.metadata.uid}}" {
  capabilities = ["update"]
}

path "transit/decrypt/volume-{{identity.entity.metadata.uid}}" {
  capabilities = ["update"]
}

path "transit/rewrap/volume-{{identity.entity.metadata.uid}}" {
  capabilities = ["update"]
}

path "auth/token/lookup-self" {
  capabilities = ["read"]
}

path "auth/token/revoke-self" {
  capabilities = ["update"]
}
