"""The gates' decisions for delivery tools, over HTTP. Every replica answers, from what it has watched."""
