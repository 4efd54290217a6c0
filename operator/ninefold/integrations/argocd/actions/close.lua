-- Like an emergency stop: many may press it, few may reset it. So no action opens a gate.
local os = require("os")
local stop = obj.spec.stop
if stop ~= nil and (stop["until"] == nil or stop["until"] > os.date("!%Y-%m-%dT%XZ")) then
  error("it is closed by hand already, by " .. stop.by .. ": " .. stop.reason, 0)
end
local reason = (actionParams or {})["reason"] or ""
obj.spec.stop = {
  -- The API server accepts only the name of the writing account, which is Argo CD's.
  by = (obj.metadata.annotations or {})["ninefold.dev/argocd-user"] or "system:serviceaccount:argocd:argocd-server",
  reason = reason ~= "" and reason or "closed in Argo CD",
  decision = "Hold",
}
return obj
