
-- Pending is a person's turn. Of one that counts no more there is nothing left to come.
local found = health()
if seen() and found.status == "Progressing" then
  found.status = ({Pending = "Suspended", Over = "Healthy", Refused = "Degraded"})[obj.status.state] or found.status
end
return found
