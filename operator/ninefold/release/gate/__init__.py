"""Code that all gates share: how sources become one decision, and what it means for a change. It holds no kind."""
