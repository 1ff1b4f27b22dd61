# Licenses and users of Keygen's API as CSV; see keygen.md.
# Input: the pages of /licenses, slurped; $users: the pages of /users.
def unlimited: . == null;
($users | map(.data[]) | INDEX(.id)) as $owners
| ([
    "id", "key", "name", "expiry", "suspended", "maxMachines", "maxUses", "uses", "metadata",
    "created", "product", "policy", "owner.email", "owner.firstName", "owner.lastName",
    "license__license_type", "license__allow_unlimited_activations"
  ]),
  (.[].data[]
    | .attributes as $license
    | .relationships as $related
    | ($owners[($related.owner // $related.user).data.id // ""].attributes // {}) as $owner
    | [
        .id, $license.key, $license.name, $license.expiry, $license.suspended,
        $license.maxMachines, $license.maxUses, $license.uses, ($license.metadata | tojson),
        $license.created, $related.product.data.id, $related.policy.data.id,
        $owner.email, $owner.firstName, $owner.lastName,
        (if $license.expiry then "time-limited" else "perpetual" end),
        ($license.maxMachines | unlimited)
      ])
| @csv
