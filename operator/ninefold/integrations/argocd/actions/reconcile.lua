local os = require("os")
obj.metadata.annotations = obj.metadata.annotations or {}
obj.metadata.annotations["ninefold.dev/reconcile"] = os.date("!%Y-%m-%dT%XZ")
return obj
