-- Like the red button of a machine: many may press it, few may take that back. So no action opens a gate.
local os = require("os")
local stop = obj.spec.stop
if stop ~= nil and (stop["until"] == nil or stop["until"] > os.date("!%Y-%m-%dT%XZ")) then
  error("it is closed by hand already, by " .. stop.by .. ": " .. stop.reason, 0)
end
local reason = (actionParams or {})["reason"] or ""
obj.spec.stop = {
  -- The API server takes only the name of whoever writes it, and that is Argo CD.
  by = (obj.metadata.annotations or {})["ninefold.dev/argocd-user"] or "system:serviceaccount:argocd:argocd-server",
  reason = reason ~= "" and reason or "closed in Argo CD",
  decision = "Hold",
}
return obj
