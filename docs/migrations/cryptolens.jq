# License keys of Cryptolens' Web API as CSV; see cryptolens.md.
# Input: the pages of GetKeys, slurped; $limited: the feature that marks time-limited licenses.
([
  "ProductId", "ID", "Key", "Created", "Expires", "Period",
  "F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8",
  "Notes", "Block", "TrialActivation", "MaxNoOfMachines",
  "Customer.Id", "Customer.Name", "Customer.Email", "Customer.CompanyName",
  "license__license_type", "license__valid_duration", "license__allow_unlimited_activations"
]),
(.[].licenseKeys[]
  | .[$limited | ascii_downcase] as $ends
  | (.trialActivation and (.activatedMachines | length) == 0) as $waits
  | [
      .productId, .id, .key, .created,
      (if $ends and ($waits | not) then .expires else null end), .period,
      .f1, .f2, .f3, .f4, .f5, .f6, .f7, .f8,
      .notes, .block, .trialActivation, .maxNoOfMachines,
      .customer.id, .customer.name, .customer.email, .customer.companyName,
      (if $ends then "time-limited" else "perpetual" end),
      (if $ends and $waits then "\(.period)d" else null end),
      .maxNoOfMachines == 0
    ])
| @csv
