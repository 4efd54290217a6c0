-- Follows kstatus: whether Ninefold does what the object asks, not whether the service is healthy.
local function condition(kind)
  for _, item in ipairs((obj.status or {}).conditions or {}) do
    if item.type == kind then
      return item
    end
  end
  return {}
end

local function seen()
  return obj.status ~= nil and obj.status.observedGeneration == obj.metadata.generation
end

local function health()
  if not seen() then
    return {status = "Progressing", message = "Ninefold has not reconciled it yet"}
  end
  local stalled, ready = condition("Stalled"), condition("Ready")
  if stalled.status == "True" then
    return {status = "Degraded", message = stalled.message}
  end
  if (obj.spec or {}).suspend then
    return {status = "Suspended", message = ready.message}
  end
  if ready.status == "True" and condition("Reconciling").status ~= "True" then
    return {status = "Healthy", message = ready.message}
  end
  return {status = "Progressing", message = ready.message}
end
