"""Which objects of a namespace a resource means."""
