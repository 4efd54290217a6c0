"""What all gates share: how sources become one decision, and what that means for a change. It holds no kind."""
