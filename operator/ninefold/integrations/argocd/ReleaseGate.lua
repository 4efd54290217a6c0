
-- A closed gate works as well as an open one, and Argo CD waits for whatever is not Healthy before the next wave. So the
-- decision counts only where the gate is there to hold a sync: as a hook, or with the annotation.
local notes = obj.metadata.annotations or {}
local waits = notes["argocd.argoproj.io/hook"] ~= nil or notes["ninefold.dev/argocd"] == "wait"
local found = health()
if not seen() or found.status == "Degraded" then
  return found
end
local decision = obj.status.decision or "Unknown"
local told = decision
if (obj.status.message or "") ~= "" then
  told = decision .. ": " .. obj.status.message
end
if not waits then
  if found.status == "Healthy" then
    found.message = told
  end
  return found
end
for _, override in ipairs(obj.status.overrides or {}) do
  -- One for certain images says nothing about what else is synced.
  if #(override.images or {}) == 0 then
    return {status = "Healthy", message = "Overridden by " .. override.name}
  end
end
if decision == "Allow" then
  return {status = "Healthy", message = told}
end
if decision == "Deny" then
  return {status = "Degraded", message = told}
end
return {status = "Suspended", message = told}
