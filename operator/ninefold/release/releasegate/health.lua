
-- A closed gate works as well as an open one, and Argo CD waits for whatever is not Healthy before the next wave. So the
-- decision counts only where the gate is there to hold a sync: as a hook, or with the annotation.
local notes = obj.metadata.annotations or {}
local waits = notes["argocd.argoproj.io/hook"] ~= nil or notes["ninefold.dev/argocd"] == "wait"
local found = health()
if not seen() or found.status == "Degraded" then
  return found
end
-- As the API server reads it: freezes and overrides begin and end by the clock, whether or not the operator is there.
local now = require("os").date("!%Y-%m-%dT%H:%M:%SZ")
local decision = obj.status.decision or "Unknown"
local closures = obj.status.closures or {}
if #closures > 0 and (decision == "Hold" or decision == "Deny") then
  decision = "Allow"
end
local closed = false
for _, closure in ipairs(closures) do
  local begun = closure["from"] == nil or closure["from"] <= now
  if begun and (closure["until"] == nil or now < closure["until"]) and not closed then
    decision, closed = closure.decision, true
  end
end
local summary = decision
if (obj.status.message or "") ~= "" then
  summary = decision .. ": " .. obj.status.message
end
if not waits then
  if found.status == "Healthy" then
    found.message = summary
  end
  return found
end
for _, override in ipairs(obj.status.overrides or {}) do
  -- One for certain images says nothing about what else is synced.
  if #(override.images or {}) == 0 and now < override["until"] then
    return {status = "Healthy", message = "Overridden by " .. override.name}
  end
end
if decision == "Allow" then
  return {status = "Healthy", message = summary}
end
if decision == "Deny" then
  return {status = "Degraded", message = summary}
end
return {status = "Suspended", message = summary}
