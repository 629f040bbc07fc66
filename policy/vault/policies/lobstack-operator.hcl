# What root of the machine may do, by a key that no process of the platform holds: provision what these files say, take
# and restore snapshots, rotate keys, seal. It reads no secret.

path "sys/mounts/*" {
  capabilities = ["create", "read", "update"]
}

path "sys/auth/*" {
  capabilities = ["create", "read", "update", "sudo"]
}

path "sys/policies/acl/*" {
  capabilities = ["create", "read", "update", "list"]
}

path "auth/jwt/role/*" {
  capabilities = ["create", "read", "update"]
}

path "auth/platform/*" {
  capabilities = ["create", "read", "update"]
}

path "auth/operator/*" {
  capabilities = ["create", "read", "update"]
}

path "auth/kubernetes/*" {
  capabilities = ["create", "read", "update"]
}

path "transit/config/keys" {
  capabilities = ["create", "read", "update"]
}

path "transit/keys" {
  capabilities = ["list"]
}

# Create, configure, rotate; a key that encrypts what is kept is never deleted here.
path "transit/keys/*" {
  capabilities = ["create", "read", "update"]
}

# Wrap by a newer version of a key what an older one wrapped; nothing is unwrapped by that.
path "transit/rewrap/*" {
  capabilities = ["update"]
}

path "pki/*" {
  capabilities = ["create", "read", "update", "list"]
}

path "sys/storage/raft/snapshot" {
  capabilities = ["read", "create", "update"]
}

path "sys/storage/raft/snapshot-force" {
  capabilities = ["create", "update"]
}

path "sys/storage/raft/autopilot/*" {
  capabilities = ["read", "create", "update"]
}

path "sys/storage/raft/configuration" {
  capabilities = ["read"]
}

path "sys/storage/raft/remove-peer" {
  capabilities = ["create", "update"]
}

path "sys/rotate" {
  capabilities = ["update", "sudo"]
}

path "sys/rotate/*" {
  capabilities = ["read", "update", "sudo"]
}

path "sys/key-status" {
  capabilities = ["read"]
}

path "sys/seal" {
  capabilities = ["update", "sudo"]
}

path "sys/audit" {
  capabilities = ["read", "sudo"]
}

path "auth/token/lookup-self" {
  capabilities = ["read"]
}

path "auth/token/revoke-self" {
  capabilities = ["update"]
}
