"""The gates' decisions for delivery tools, over HTTP. Every replica answers from the objects that it watches."""
